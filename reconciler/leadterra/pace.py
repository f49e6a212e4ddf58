"""When the next request may leave. One `Pace` is shared by all threads of a client."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from reconciler.diagnostics import Interrupted

_FIRST_SLOWDOWN = 0.1
_LONGEST_INTERVAL = 2.0
_RECOVERY = 0.95
_MANY_DIGITS = 9


class Pace:
    """A rate that never rises above `requests_per_second` (None: no limit) and falls where the server says 429.

    After a 429 nobody sends before its Retry-After is over, and then at growing intervals, which shrink again with
    each request that goes well: otherwise all threads would run into the same limit together, again and again.
    `wait` ends with `Interrupted` as soon as `cancelled` is set, unless what waits is urgent.
    """

    def __init__(
        self,
        requests_per_second: float | None,
        cancelled: threading.Event | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cancelled = cancelled or threading.Event()
        self._clock = clock
        self._lock = threading.Lock()
        self._least_interval = 1 / requests_per_second if requests_per_second else 0.0
        self._interval = self._least_interval
        self._next_slot = 0.0
        self._held_until = 0.0

    def wait(self, delay: float = 0.0, *, urgent: bool = False) -> None:
        """Wait `delay` seconds, and then for a slot of one's own."""
        self._sleep(delay, urgent=urgent)
        while (due := self._take_slot()) is not None:
            slot, seconds = due
            self._sleep(seconds, urgent=urgent)
            with self._lock:
                if self._held_until <= slot:
                    return

    def too_fast(self, seconds: float) -> None:
        """Hold everybody for so many seconds, and slow down. Answers to requests that left together count once."""
        with self._lock:
            now = self._clock()
            if now >= self._held_until:
                slower = min(_LONGEST_INTERVAL, max(2 * self._interval, _FIRST_SLOWDOWN))
                self._interval = max(slower, self._least_interval)
            self._held_until = max(self._held_until, now + seconds)

    def went_well(self) -> None:
        """Take back a little of the slowing down."""
        with self._lock:
            slower = self._interval * _RECOVERY
            self._interval = max(self._least_interval, slower if slower > _FIRST_SLOWDOWN / 10 else 0.0)

    def _take_slot(self) -> tuple[float, float] | None:
        """Reserve the next free slot; None: it is now."""
        with self._lock:
            now = self._clock()
            slot = max(now, self._next_slot, self._held_until)
            self._next_slot = slot + self._interval
            return None if slot <= now else (slot, slot - now)

    def _sleep(self, seconds: float, *, urgent: bool) -> None:
        until = self._clock() + seconds
        if seconds <= 0 or not self._cancelled.wait(seconds):
            return
        if not urgent:
            raise Interrupted("The run was told to end while it waited to ask Leadterra again.")
        time.sleep(max(0.0, until - self._clock()))


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Read `Retry-After`: seconds, or an HTTP date. None: there is none, or it says nothing usable."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:_MANY_DIGITS]) if len(text) <= _MANY_DIGITS else float("9" * _MANY_DIGITS)
    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
