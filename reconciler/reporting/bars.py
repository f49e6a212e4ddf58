"""The foot of a terminal while enrolments run: a bar for each, and whatever else is written stays above them."""

import io
import os
import select
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, RLock, Thread
from typing import TYPE_CHECKING, TextIO

from reconciler.reporting.escape import plain
from reconciler.reporting.speed import Speed, rate_words, time_left_words

if TYPE_CHECKING:
    from reconciler.reporting.barview import BarView, Row

_EVERY = 0.125
_SOON = 0.5


@dataclass(slots=True)
class _Bar:
    began: float
    speed: Speed
    done: int = 0
    total: int | None = None


class Bars:
    """One bar for each enrolment under way, on the terminal that `stream` is. Any thread may call it.

    `clock` returns seconds that never run backwards. An enrolment that is over within half a second gets no bar. From
    the first enrolment to `close`, what anybody writes to stderr is put above the bars. It raises nothing but what
    writing to the stream raises; where drawing fails, `failed` is set, and there are no bars any more.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float], color: bool) -> None:
        self._stream = stream
        self._clock = clock
        self._color = color
        self._lock = RLock()
        self._bars: dict[str, _Bar] = {}
        self._view: BarView | None = None
        self._part = ""
        self._announced: deque[str] = deque()
        self._ending = Event()
        self._thread: Thread | None = None
        self._open = False
        self.failed = False

    def begin(self, campaign: str) -> None:
        """Begin a bar."""
        with self._lock:
            if self.failed:
                return
            now = self._clock()
            self._bars[campaign] = _Bar(now, Speed(now))
            if self._thread is None:
                self._open = True
                if sys.stderr is self._stream:
                    sys.stderr = _Above(self, self._stream)
                self._thread = Thread(target=self._refresh_often, name="bars", daemon=True)
                self._thread.start()

    def move(self, campaign: str, done: int, total: int) -> None:
        """Note how many leads are enrolled."""
        with self._lock:
            bar = self._bars.get(campaign)
            if bar is not None:
                bar.speed.add(self._clock(), done)
                bar.done, bar.total = done, total

    def end(self, campaign: str) -> None:
        """Take a bar away, with the next line at the latest."""
        with self._lock:
            self._bars.pop(campaign, None)

    def write(self, text: str) -> None:
        """Write text above the bars; an unfinished line waits there for its end."""
        with self._lock:
            if self._view is None:
                self._stream.write(text)
                return
            whole, ends, part = (self._part + text).rpartition("\n")
            self._part = part
            if ends:
                self._draw(f"{whole}\n")

    def flush(self) -> None:
        """Write what the stream holds back."""
        with self._lock:
            self._stream.flush()

    def refresh(self) -> None:
        """Draw the bars as they are by now, and what was announced."""
        with self._lock:
            said = "".join(self._announced.popleft() for _ in range(len(self._announced)))
            self._draw(said)

    def announce(self, line: str) -> None:
        """Write a line soon, from a signal handler: it may have interrupted whoever holds the lock, or a write."""
        if self._open:
            self._announced.append(f"{line}\n")
        else:
            os.write(self._stream.fileno(), f"{line}\n".encode())

    def leave(self) -> None:
        """Leave the bars as they are, from a signal handler that ends the process at once."""
        with suppress(OSError, ValueError):
            # A terminal that is held (Ctrl-S) would hold the process, too.
            if self._view is not None and select.select([], [self._stream], [], 0)[1]:
                os.write(self._stream.fileno(), b"\n")

    def close(self) -> None:
        """Take everything away. What is written to stderr from now on is written as it always was."""
        self._ending.set()
        with self._lock:
            self._bars.clear()
            if isinstance(sys.stderr, _Above):
                sys.stderr = self._stream
            # In this order: what a signal handler announces is either in the list by now, or written by it.
            self._open = False
            with suppress(OSError, ValueError):
                self.refresh()
        if self._thread is not None:
            self._thread.join()

    def _refresh_often(self) -> None:
        while not self._ending.wait(_EVERY):
            with suppress(OSError, ValueError):
                self.refresh()

    def _draw(self, above: str) -> None:
        try:
            rows = self._rows()
            if rows:
                self._view = self._view or self._new_view()
                self._view.draw(rows, above)
                return
            if self._view is not None:
                self._view.erase()
        except Exception:  # noqa: BLE001 - progress never ends a run
            self.failed = True
            self._bars.clear()
            above = f"\n{above}"
        self._view = None
        text, self._part = above + self._part, ""
        if text:
            self._stream.write(text)
            self._stream.flush()

    def _rows(self) -> list["Row"]:
        now = self._clock()
        due = {campaign: bar for campaign, bar in self._bars.items() if now - bar.began >= _SOON}
        if not due:
            return []
        from reconciler.reporting.barview import Row

        rows = []
        for campaign, bar in due.items():
            rate, left = bar.speed.rate(now), bar.speed.left(now, bar.total or 0)
            words = rate_words(rate) if rate else "", time_left_words(left) if left is not None else ""
            rows.append(Row(plain(campaign), bar.done, bar.total, *words))
        return rows

    def _new_view(self) -> "BarView":
        from reconciler.reporting.barview import BarView

        return BarView(self._stream, color=self._color)


class _Above(io.TextIOBase):
    """Stands for stderr while there may be bars."""

    def __init__(self, bars: Bars, stream: TextIO) -> None:
        self._bars = bars
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._stream.errors

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._bars.write(text)
        return len(text)

    def flush(self) -> None:
        self._bars.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def writable(self) -> bool:
        return True
