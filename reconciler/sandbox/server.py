"""The sandbox on a port."""

from __future__ import annotations

import selectors
import signal
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from reconciler.sandbox.connection import Connection
from reconciler.sandbox.live import Live
from reconciler.sandbox.routes import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

    from flask import Flask

    from reconciler.sandbox.engine import Sandbox

_BACKLOG = 128


class RunningServer:
    """A server that answers from threads of its own, one a connection, until it is closed; also a context manager.

    Where the options of the application say so, time passes by itself meanwhile, and what falls due is sent.
    """

    def __init__(self, app: Flask, host: str, port: int) -> None:
        """Listen on ``host``; a port of 0 takes any free one. Raises OSError where that is not possible."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._app = app
        self._listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        self.url = f"http://{shown}:{self.port}{PREFIX}"
        self._open: set[socket.socket] = set()
        self._changing = threading.Lock()
        self._closed = False
        # Closing a socket wakes nobody who waits for it; a byte on this pair does.
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._accept, name="leadterra-sandbox", daemon=True)
        self._thread.start()
        sandbox: Sandbox = app.extensions["sandbox"]
        self._live = Live(sandbox) if sandbox.options.sending == "live" else None

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._closed:
                if any(key.fileobj is self._listener for key, _ in selector.select()):
                    with suppress(OSError):  # a client that has left already
                        self._begin(*self._listener.accept())

    def _begin(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        with self._changing:
            self._open.add(connection)
        threading.Thread(target=self._serve, args=(connection, peer), daemon=True).start()

    def _serve(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        with connection:
            try:
                Connection(connection, peer, self._app)
            finally:
                with self._changing:
                    self._open.discard(connection)

    def close(self) -> None:
        """Stop listening and end idle connections; harmless to repeat.

        A request being answered is not waited for, and its connection ends behind the answer.
        """
        if self._closed:
            return
        self._closed = True
        if self._live is not None:
            self._live.close()
        self._wake.send(b"\0")
        self._thread.join()
        for end in (self._listener, self._wake, self._woken):
            end.close()
        with self._changing:
            for connection in self._open:
                with suppress(OSError):  # a client that has left already
                    connection.shutdown(socket.SHUT_RD)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def serve(app: Flask, host: str = "127.0.0.1", port: int = 0) -> RunningServer:
    """Serve in the background; ``url`` of the result is the base address, ``/v1`` included.

    Raises OSError where host and port cannot be listened on.
    """
    return RunningServer(app, host, port)


def run(app: Flask, host: str, port: int, announce: Callable[[str], None]) -> None:
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
