"""The sandbox on a port."""

from __future__ import annotations

import signal
import socket
import threading
from typing import TYPE_CHECKING, Self

from werkzeug.serving import WSGIRequestHandler, make_server

from reconciler.sandbox.routes import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType
    from wsgiref.types import WSGIApplication

_POLL_SECONDS = 0.02
_BACKLOG = 128


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  # werkzeug's own name
        """Say nothing: the sandbox keeps its own log of requests."""


class RunningServer:
    """A server that answers from a thread of its own until it is closed; also a context manager."""

    def __init__(self, app: WSGIApplication, host: str, port: int) -> None:
        """Listen on ``host``; a port of 0 takes any free one. Raises OSError where that is not possible."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family, backlog=_BACKLOG) as listener:
            # Werkzeug would end the process on a port in use, so it is given a socket that listens already.
            self._server = make_server(
                host, port, app, threaded=True, request_handler=_QuietHandler, fd=listener.fileno()
            )
            self.port: int = listener.getsockname()[1]
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        self.url = f"http://{shown}:{self.port}{PREFIX}"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": _POLL_SECONDS},
            name="leadterra-sandbox",
            daemon=True,
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening; harmless to repeat. A request being answered is not waited for."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def serve(app: WSGIApplication, host: str = "127.0.0.1", port: int = 0) -> RunningServer:
    """Serve in the background; ``url`` of the result is the base address, ``/v1`` included.

    Raises OSError where host and port cannot be listened on.
    """
    return RunningServer(app, host, port)


def run(app: WSGIApplication, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until the process is interrupted (SIGINT) or asked to end (SIGTERM), then return.

    ``announce`` is called once with the base address, when connections are accepted. Raises OSError where host
    and port cannot be listened on.
    """
    stop = threading.Event()

    def on_term(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    in_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, on_term) if in_main else None
    try:
        with serve(app, host, port) as server:
            announce(server.url)
            # A wait without end cannot be interrupted on every platform.
            while not stop.wait(0.5):
                pass
    except KeyboardInterrupt:
        pass
    finally:
        if in_main:
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
