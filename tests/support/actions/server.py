"""A loopback server for the API and for git, which asks for the token of a job as GitHub does."""

import base64
import os
import subprocess
import threading
from binascii import Error as NotBase64
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from support.actions.records import Call, Records, Token
from support.actions.rest import Rest

API = "/api/v3"
_WRITES = "git-receive-pack"


class Server:
    """Serves bare repositories below `folder` (`OWNER/NAME`), and the records, until it is closed."""

    def __init__(self, records: Records, folder: Path) -> None:
        rest = Rest(records, API)

        class Handler(_Handler):
            pass

        Handler.records, Handler.rest, Handler.folder = records, rest, folder
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    records: Records
    rest: Rest
    folder: Path
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self._body()
        if self.path.startswith(API):
            answer = self.rest.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            self._send(answer.status, {"Content-Type": "application/json", **answer.headers}, answer.body)
        else:
            self._git(body)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _serve  # noqa: N815 - the names that http.server calls

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _token(self) -> Token | None:
        """Return the token in the password of basic authentication."""
        kind, _, text = self.headers.get("Authorization", "").partition(" ")
        try:
            user, _, name = base64.b64decode(text, validate=True).decode().partition(":")
        except (NotBase64, UnicodeDecodeError):
            return None
        return self.records.tokens.get(name) if kind.lower() == "basic" and user == "x-access-token" else None

    def _git(self, body: bytes) -> None:
        url, token = urlsplit(self.path), self._token()
        writes = _WRITES in self.path
        needed = {"contents": "write" if writes else "read"}
        status = 401 if token is None else 200 if token.may(needed) else 403
        service = _WRITES if writes else "git-upload-pack"
        with self.records.lock:
            job = token.job if token else ""
            self.records.calls.append(Call(self.command, url.path, {"service": service}, None, job, needed, status))
        if status != 200:
            asks = {"WWW-Authenticate": 'Basic realm="GitHub"'} if status == 401 else {}
            self._send(status, asks, b"Write access to repository not granted.\n" if writes else b"Not Found\n")
            return
        environment: dict[str, Any] = {
            "PATH": os.defpath,
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "PATH_INFO": url.path,
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "x-access-token",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(BytesParser().parsebytes(head + b"\r\n\r\n").items())
        self._send(int(headers.pop("Status", "200").split()[0]), headers, content)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing: calls are recorded."""
