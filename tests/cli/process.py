"""The program in a process that is watched, signalled, or asked at a terminal of its own."""

import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from support import ready
from support.world import Ended, World

PATIENCE = 60.0
"""Seconds. No test lasts that long: it is how late a loaded machine may be."""


@contextmanager
def running(world: World, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command in the background; it is ended with the block if it has not ended by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=world.root,
        env=world.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def finished(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate(timeout=PATIENCE)
    return Ended(process.returncode, out, err)


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def at_terminal(
    world: World,
    *arguments: str,
    until: str | None = None,
    answer: bytes = b"",
    again: bool = True,
    columns: int = 80,
    env: Mapping[str, str] = {},
    traps: Mapping[str, Any] = {},
) -> Ended:
    """Run the command at a terminal, type `answer` once `until` is shown, and return all that it showed.

    Unless `again` is false, Ctrl-C is typed again until it is heard. `traps` are those of `traps.py`.
    """
    master, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, columns))
    environ = {**world.environ, "TERM": "xterm", **env}
    streams = [terminal] * 3
    process = ready.start(arguments, cwd=world.root, environ=environ, streams=streams, terminal=True, traps=traps)
    os.close(terminal)
    shown, typed, end = b"", 0.0, time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if select.select([master], [], [], 0.2)[0]:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            if not data:
                break
            shown += data
        waits = until is not None and until.encode() in shown
        # A signal that comes between the question and the wait for an answer is heard at the next key only.
        repeat = again and answer == b"\x03" and time.monotonic() - typed > 1
        if waits and (not typed or repeat):
            os.write(master, answer)
            typed = time.monotonic()
    os.close(master)
    return Ended(process.wait(PATIENCE), shown.decode().replace("\r\n", "\n"), "")
