"""One connection of a client: HTTP/1.1 requests, one after the other, carried to a WSGI application."""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from werkzeug.serving import DechunkedInput

from reconciler.sandbox.wire import SOCKET_KEY

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable
    from wsgiref.types import WSGIApplication, WSGIEnvironment

_BODILESS = frozenset({"204", "304"})
_PLAIN = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


class Connection(BaseHTTPRequestHandler):
    """Answers until the client goes away, asks to close, or a fault cuts the connection; says nothing of its own.

    Werkzeug's handler closes the connection after every answer, since an application may leave a body unread. Here
    the whole body is read before the application is called, and an answer leaves in one piece.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, connection: socket.socket, peer: tuple[str, int], app: WSGIApplication) -> None:
        """Answer all that comes; returns when the connection has ended."""
        self._app = app
        # The base class keeps whatever it is given as the server, and asks nothing of it.
        super().__init__(connection, peer, None)  # type: ignore[arg-type]

    def handle(self) -> None:
        """Answer requests; a client that leaves, at whatever point, is no error."""
        with suppress(ConnectionError, TimeoutError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's own name
        """Say nothing: the sandbox keeps its own log of requests."""

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            return
        head: list[str] = []

        def start_response(status: str, headers: Iterable[tuple[str, str]], _error: object = None, /) -> object:
            head[:] = self._head(status, list(headers))
            return None

        parts = self._app(self._environ(body), start_response)  # type: ignore[arg-type]
        try:
            for part in parts:
                self._send(head, part)
            self._send(head, b"")
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815

    def _send(self, head: list[str], part: bytes) -> None:
        """Send a part of the answer, behind the head where that has not been sent yet."""
        data = "".join(head).encode("latin-1") + part
        head.clear()
        if data:
            self.wfile.write(data)

    def _head(self, status: str, headers: list[tuple[str, str]]) -> list[str]:
        names = {name.lower() for name, _ in headers}
        if "content-length" not in names and status[:3] not in _BODILESS:
            self.close_connection = True  # nothing else tells where the body ends
        lines = [f"HTTP/1.1 {status}\r\nServer: sandbox\r\nDate: {self.date_time_string()}\r\n"]
        lines += [f"{name}: {value}\r\n" for name, value in headers]
        if self.close_connection:
            lines.append("Connection: close\r\n")
        return [*lines, "\r\n"]

    def _body(self) -> bytes | None:
        """Return the whole body; None where it is malformed or the client went away while sending it."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            try:
                return DechunkedInput(self.rfile).read()  # type: ignore[arg-type]  # all that it does is read
            except OSError:
                return None
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            return None
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else None

    def _environ(self, body: bytes) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        environ: WSGIEnvironment = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            SOCKET_KEY: self.connection,
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": "sandbox",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": self.request_version,
        }
        for name, value in self.headers.items():
            # One with an underscore could pass for another header; how the body travelled is of no concern any more.
            if "_" not in name and name.lower() != "transfer-encoding":
                key = _PLAIN.get(name.lower()) or f"HTTP_{name.upper().replace('-', '_')}"
                environ[key] = f"{environ[key]},{value}" if key in environ else value
        environ["CONTENT_LENGTH"] = str(len(body))
        return environ
