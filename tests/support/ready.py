"""The program with its imports done: a process that forks itself for each command it is asked to run.

Importing is most of what a short command takes, and coverage doubles it. So each test process keeps one such process,
started when first needed, which has imported the program and run none of it. What it forks is a process like any
other, with arguments, folder, environment and streams of its own; it is measured, ends by itself, hears signals.

What Python reads only when it starts cannot be given to it afterwards: a command with such an environment is started
from nothing.
"""

import atexit
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NoReturn, Protocol

_LENGTH = struct.Struct("!I")
_AT_START = ("PYTHON", "LC_", "LANG", "TZ")
_FDS = 4


class Running(Protocol):
    """A command that runs. The streams given are the caller's to close, also before it ends."""

    pid: int

    def wait(self, timeout: float) -> int:
        """Return the exit code, negative for a signal; raises `TimeoutExpired` after so many seconds."""
        ...


class _Forked:
    def __init__(self, answers: int) -> None:
        self._answers = answers
        self._end: int | None = None
        with os.fdopen(os.dup(answers), "rb", buffering=0) as stream:
            self.pid: int = _number(stream.read(_LENGTH.size))

    def wait(self, timeout: float) -> int:
        if self._end is not None:
            return self._end
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            if not selector.select(timeout):
                raise subprocess.TimeoutExpired(["reconciler"], timeout)
        self._end = os.waitstatus_to_exitcode(_number(os.read(self._answers, _LENGTH.size)))
        os.close(self._answers)
        return self._end


class _Ready:
    """The waiting process, as its parent sees it; safe to use from several threads."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def run(self, request: Mapping[str, Any], streams: Sequence[int]) -> _Forked:
        answers, theirs = os.pipe()
        body = json.dumps(request).encode()
        try:
            with self._asking:
                socket.send_fds(self._socket, [_LENGTH.pack(len(body))], [*streams, theirs])
                self._socket.sendall(body)
        finally:
            os.close(theirs)
        return _Forked(answers)

    def close(self) -> None:
        """Let the process end by itself: what it measured is written then."""
        self._socket.close()
        self._process.wait()


_starting = threading.Lock()
_ready: list[_Ready] = []


def start(
    arguments: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    streams: Sequence[int],
    terminal: bool = False,
    traps: Mapping[str, Any] | None = None,
) -> Running:
    """Run `reconciler` with these arguments; `streams` are stdin, stdout and stderr, `traps` those of `traps.py`.

    With `terminal` stdin becomes the controlling terminal of a session of its own, so that Ctrl-C typed there is a
    signal.
    """
    if any(os.environ.get(name) != value for name, value in environ.items() if name.startswith(_AT_START)):
        return subprocess.Popen(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=cwd,
            env=environ,
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            start_new_session=terminal,
            preexec_fn=_take_terminal if terminal else None,  # noqa: PLW1509 - one system call, and no lock
        )
    with _starting:
        if not _ready:
            _ready.append(_Ready())
    request = {
        "arguments": [*arguments],
        "cwd": str(cwd),
        "environ": dict(environ),
        "terminal": terminal,
        "traps": dict(traps or {}),
    }
    return _ready[0].run(request, streams)


def close() -> None:
    """End the waiting process, before the session ends: what it measured is written then."""
    with _starting:
        while _ready:
            _ready.pop().close()


def _take_terminal() -> None:
    """Make the terminal on stdin the controlling one."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _number(data: bytes) -> int:
    (number,) = _LENGTH.unpack(data)
    return int(number)


# From here on: the waiting process itself.


def _import_all() -> None:
    """Import what commands import, in whole and on their way; without threads, which a fork would not have."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import reconciler

    for found in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in (
        "asyncio",
        "deepdiff",
        "deepdiff.helper",
        "duckdb",
        "duckdb.func",
        "email_validator",
        "encodings.idna",
        "filelock",
        "httpx",
        "numpy",
        "rich.console",
        "rich.table",
        "stamina",
        "stamina.instrumentation",
        "stringprep",
    ):
        importlib.import_module(name)


def _serve(asked: socket.socket) -> dict[str, Any]:
    """Fork for each request; return one in each child. Ends the process when there is nobody to ask any more."""
    wake, woken = socket.socketpair()
    for end in (wake, woken):
        end.settimeout(0)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno())
    answers: dict[int, int] = {}
    selector = selectors.DefaultSelector()
    selector.register(asked, selectors.EVENT_READ)
    selector.register(woken, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is woken:
                with suppress(BlockingIOError):
                    woken.recv(4096)
                _tell_ends(answers)
                continue
            head, fds, _, _ = socket.recv_fds(asked, _LENGTH.size, _FDS)
            if not head:
                sys.exit()
            request: dict[str, Any] = json.loads(_exactly(asked, _number(head)))
            *streams, answer = fds
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                selector.close()
                for end in (wake, woken, asked):
                    end.close()
                for fd in (answer, *answers.values()):
                    os.close(fd)
                _become(request, streams)
                return request
            for fd in streams:
                os.close(fd)
            answers[pid] = answer
            os.write(answer, _LENGTH.pack(pid))


def _tell_ends(answers: dict[int, int]) -> None:
    for pid in list(answers):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with suppress(BrokenPipeError):  # nobody waits for it
                os.write(answers[pid], _LENGTH.pack(status))
            os.close(answers.pop(pid))


def _exactly(asked: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = asked.recv(length - len(data))
        if not part:
            sys.exit()
        data += part
    return data


def _become(request: Mapping[str, Any], streams: Sequence[int]) -> None:
    """Take over streams, folder, environment and arguments, as a process that has just been started has them."""
    for fd, number in zip(streams, range(3), strict=True):
        os.dup2(fd, number)
        os.close(fd)
    if request["terminal"]:
        os.setsid()
        _take_terminal()
    sys.stdin = _text(0, "r")
    sys.stdout = _text(1, "w")
    sys.stderr = _text(2, "w")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.argv = ["reconciler", *request["arguments"]]


def _text(number: int, mode: str) -> IO[str]:
    """Open a stream as Python does when it starts: stderr a line at a time, stdout so at a terminal only."""
    lines = number == 2 or os.isatty(number)
    errors = "backslashreplace" if number == 2 else "strict"
    return open(number, mode, buffering=1 if lines else -1, encoding="utf-8", errors=errors, closefd=False)


def _end(code: object) -> NoReturn:
    """End as Python does, but take nothing apart: for a fork that copies the memory of all that was imported."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    import reconciler.__main__

    _import_all()
    # Found beside this file, which Python was started with.
    set_traps = importlib.import_module("traps").set_traps
    gc.freeze()
    set_traps(_serve(socket.socket(fileno=int(sys.argv[1])))["traps"])
    try:
        reconciler.__main__.main()
    except SystemExit as ended:
        _end(ended.code)
