"""The parent's side of the template worker: starts it, waits for it, kills it when it takes too long."""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

SECONDS = 2.0
"""Longest time for one text, in seconds."""

TOTAL_SECONDS = 30.0
"""Longest time for all texts of one run, so that many slow templates together cannot hold a pipeline up."""

TOTAL_BYTES = 64_000_000
"""Most text that all templates of one run may give together, in bytes: so much is held in memory at once."""

_START_SECONDS = 30.0
_BATCH = 64

Value = str | int | float | bool


@dataclass(frozen=True)
class Job:
    """One text to render: a `template` by its name below the root, or a `text` whose includes start from `folder`.

    With `html` what variables hold is escaped.
    """

    variables: Mapping[str, Value]
    html: bool
    template: str | None = None
    text: str | None = None
    folder: str = "."

    def message(self) -> dict[str, Any]:
        """Return the job as the worker reads it."""
        common = {"variables": dict(self.variables), "html": self.html}
        if self.template is not None:
            return {**common, "template": self.template}
        return {**common, "text": self.text, "folder": self.folder or "."}


@dataclass(frozen=True)
class Problem:
    """What went wrong in a template. `file` None: in the job's own text. `name`: the undefined variable."""

    code: str
    message: str
    file: str | None = None
    line: int | None = None
    name: str | None = None


@dataclass(frozen=True)
class Rendered:
    """A rendered text with the digests of the template files it came from, or the problems."""

    text: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


class Worker:
    """A context manager around the worker process. It is started when first needed, or ahead of it by `start`."""

    def __init__(
        self,
        root: Path,
        shared: str,
        *,
        seconds: float = SECONDS,
        total: float = TOTAL_SECONDS,
        total_bytes: int = TOTAL_BYTES,
    ) -> None:
        self._command = [
            *(sys.executable, "-I", "-B", "-X", "utf8", "-m", "reconciler.loading.renderer"),
            *(str(root), shared),
        ]
        self._seconds = seconds
        self._left = total
        self._bytes_left = self._total_bytes = total_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._is_ready = False
        self._pump: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._kill()

    def start(self) -> None:
        """Start the process without waiting for it. Its environment is empty: there is no key in it to take."""
        if self._process is not None:
            return
        self._process = subprocess.Popen(  # noqa: S603 - this very program
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd=Path(sys.executable).anchor,
            start_new_session=True,
        )
        self._lines = queue.SimpleQueue()
        self._is_ready = False
        self._pump = threading.Thread(target=_pump, args=(self._process.stdout, self._lines), daemon=True)
        self._pump.start()

    def render(self, jobs: Sequence[Job]) -> Iterator[Rendered]:
        """Yield the result of each job, in order. Never raises for what a template does."""
        position = 0
        while position < len(jobs):
            batch = jobs[position : position + _BATCH]
            for result in self._batch(batch):
                position += 1
                yield result

    def _batch(self, jobs: Sequence[Job]) -> Iterator[Rendered]:
        """Yield results up to the first job that the worker does not survive, its result included."""
        if self._left <= 0:
            yield from (_failed("template-budget", "the templates before it took all the time there is") for _ in jobs)
            return
        if self._bytes_left < 0:
            yield from (self._too_much() for _ in jobs)
            return
        if not self._send(jobs):
            self._left = 0
            message = "the process that renders templates cannot be started"
            yield from (_failed("template-worker", message) for _ in jobs)
            return
        for _ in jobs:
            before = time.monotonic()
            try:
                line = self._lines.get(timeout=self._seconds)
            except queue.Empty:
                self._left -= time.monotonic() - before
                self._kill()
                yield _failed("template-timeout", f"it takes longer than {self._seconds:g} seconds")
                return
            self._left -= time.monotonic() - before
            if line is None:
                self._kill()
                yield _failed("template-error", "it broke the process that renders templates")
                return
            rendered = _rendered(json.loads(line))
            self._bytes_left -= len(rendered.text.encode())
            if self._bytes_left < 0:
                self._kill()
                yield self._too_much()
                return
            yield rendered

    def _too_much(self) -> Rendered:
        megabytes = f"{self._total_bytes / 1_000_000:g} MB"
        return _failed("template-budget", f"all texts from templates together are larger than {megabytes}")

    def _send(self, jobs: Sequence[Job]) -> bool:
        try:
            self.start()
            if not self._is_ready:
                self._is_ready = self._lines.get(timeout=_START_SECONDS) is not None
            if not self._is_ready or self._process is None or self._process.stdin is None:
                return False
            self._process.stdin.write(json.dumps([job.message() for job in jobs]).encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, queue.Empty):
            self._kill()
            return False
        return True

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            if self._pump is not None:
                self._pump.join()
            if process.stdin is not None:
                with suppress(OSError):  # what was still to be written is of no use
                    process.stdin.close()


def _pump(stream: IO[bytes], lines: "queue.SimpleQueue[bytes | None]") -> None:
    """Pass answers on until the process ends; a thread waits where `select` does not know pipes."""
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _failed(code: str, message: str) -> Rendered:
    return Rendered(problems=(Problem(code, message),))


def _rendered(answer: dict[str, Any]) -> Rendered:
    problems = tuple(Problem(**item) for item in answer.get("problems", ()))
    return Rendered(text=answer.get("text", ""), sources=answer.get("sources", {}), problems=problems)
