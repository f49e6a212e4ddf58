"""Progress while an apply runs: plain lines, and on a terminal a bar for each enrolment below them."""

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, TextIO

from reconciler.model.plan import Action, Kind
from reconciler.model.report import ActionResult, Outcome
from reconciler.reporting.escape import plain
from reconciler.reporting.speed import Speed, rate_words, time_left_words
from reconciler.reporting.words import DONE, ended

if TYPE_CHECKING:
    from reconciler.reporting.bars import Bars

_EVERY = 2.0
_BEGINS = {
    Kind.CREATE: "creating the draft",
    Kind.UPDATE: "updating the draft",
    Kind.REPLACE: "making a new draft in its place",
    Kind.ENROLL: "enrolling",
    Kind.START: "starting",
    Kind.RESUME: "resuming",
    Kind.PAUSE: "pausing",
    Kind.ADOPT: "taking it over",
    Kind.MOVE: "changing its key",
    Kind.SUPPRESS: "suppressing",
    Kind.FORGET: "forgetting it (stays in Leadterra)",
}


class ProgressSink:
    """An `EventSink` that writes lines to a stream; any thread may call it.

    `clock` returns seconds that never run backwards. Of many batches of one campaign at most one in two seconds is
    told, and always the last; with `bars`, which stand on the same stream, none, since its bar shows them. A stream
    that is closed or broken is left alone: progress never ends a run.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float], bars: "Bars | None" = None) -> None:
        self._stream = stream
        self._clock = clock
        self._bars = bars
        self._lock = Lock()
        self._told: dict[str, float] = {}
        self._speeds: dict[str, Speed] = {}

    def action_started(self, action: Action) -> None:
        """Tell that an action begins."""
        with self._lock:
            if action.kind is Kind.ENROLL:
                self._speeds[action.campaign] = Speed(self._clock())
                if self._bars is not None and not self._bars.failed:
                    self._bars.begin(action.campaign)
                    return
            self._write(f"{action.campaign}: {_BEGINS[action.kind]}")

    def action_finished(self, action: Action, result: ActionResult) -> None:
        """Tell how it ended."""
        with self._lock:
            self._told.pop(action.campaign, None)
            self._speeds.pop(action.campaign, None)
            if self._bars is not None:
                self._bars.end(action.campaign)
            told = result.outcome.value, result.detail
            if result.outcome is Outcome.DONE:
                told = ended(result.kind, DONE[result.kind], result.detail)
            self._write(f"{action.campaign}: {' - '.join(filter(None, told))}")

    def leads_enrolled(self, campaign: str, done: int, total: int) -> None:
        """Tell how far an enrolment has come, in leads."""
        with self._lock:
            now = self._clock()
            speed = self._speeds.setdefault(campaign, Speed(now, done))
            speed.add(now, done)
            if self._bars is not None:
                self._bars.move(campaign, done, total)
                if not self._bars.failed:
                    return
            last = self._told.get(campaign)
            if done < total and last is not None and now - last < _EVERY:
                return
            self._told[campaign] = now
            rate, left = speed.rate(now), speed.left(now, total)
            words = [rate_words(rate)] if rate is not None else []
            words += [time_left_words(left)] if left is not None else []
            told = f" ({', '.join(words)})" if words else ""
            self._write(f"{campaign}: enrolling {done:,} of {total:,}{told}")

    def close(self) -> None:
        """Take the bars away; nothing is told any more."""
        if self._bars is not None:
            self._bars.close()

    def _write(self, line: str) -> None:
        stream = self._stream if self._bars is None else self._bars
        try:
            stream.write(f"  {plain(line)}\n")
            stream.flush()
        except (OSError, ValueError):
            return
