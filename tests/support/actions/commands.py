"""`reconciler` in steps: a command that asks the test process to fork the program with its imports done."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from support import ready

_CLIENT = """\
import json, os, socket, sys
asked = socket.socket(socket.AF_UNIX)
asked.connect(sys.argv[1])
request = {"arguments": sys.argv[2:], "cwd": os.getcwd(), "environ": dict(os.environ)}
socket.send_fds(asked, [b"!"], [0, 1, 2])
asked.sendall(json.dumps(request).encode())
asked.shutdown(socket.SHUT_WR)
sys.exit(int(asked.recv(8) or b"1"))
"""


class Commands:
    """Listens for a script, made at `path`, that is `reconciler` for whoever runs it; until it is closed."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._seconds = seconds
        self._closed = False
        # The name of a socket must be short.
        self._folder = Path(mkdtemp())
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._folder / "s"))
        self._listener.listen()
        client = self._folder / "client.py"
        client.write_text(_CLIENT)
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{client}" "{self._folder / "s"}" "$@"\n')
        path.chmod(0o755)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed = True
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(self._folder / "s"))
            self._thread.join()
        self._listener.close()
        rmtree(self._folder)

    def _accept(self) -> None:
        while True:
            asked, _ = self._listener.accept()
            if self._closed:
                asked.close()
                return
            threading.Thread(target=self._serve, args=(asked,), daemon=True).start()

    def _serve(self, asked: socket.socket) -> None:
        with asked:
            _, streams, _, _ = socket.recv_fds(asked, 1, 3)
            with asked.makefile("rb") as body:
                request = json.load(body)
            cwd, environ = Path(request["cwd"]), request["environ"]
            running = ready.start(request["arguments"], cwd=cwd, environ=environ, streams=streams)
            for stream in streams:
                os.close(stream)
            try:
                code = running.wait(self._seconds)
            except subprocess.TimeoutExpired:
                os.kill(running.pid, signal.SIGKILL)
                code = -signal.SIGKILL
            with suppress(OSError):  # the step has ended meanwhile
                asked.sendall(str(code if code >= 0 else 128 - code).encode())
