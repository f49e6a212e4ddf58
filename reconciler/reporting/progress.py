"""Progress while an apply runs: plain lines, on a terminal and in a pipeline's log alike."""

from collections.abc import Callable
from threading import Lock
from typing import TextIO

from reconciler.model.plan import Action, Kind
from reconciler.model.report import ActionResult, Outcome
from reconciler.reporting.escape import plain
from reconciler.reporting.words import DONE, ended

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
    told, and always the last. A stream that is closed or broken is left alone: progress never ends a run.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._lock = Lock()
        self._told: dict[str, float] = {}

    def action_started(self, action: Action) -> None:
        """Tell that an action begins."""
        with self._lock:
            self._write(f"{action.campaign}: {_BEGINS[action.kind]}")

    def action_finished(self, action: Action, result: ActionResult) -> None:
        """Tell how it ended."""
        with self._lock:
            self._told.pop(action.campaign, None)
            told = result.outcome.value, result.detail
            if result.outcome is Outcome.DONE:
                told = ended(result.kind, DONE[result.kind], result.detail)
            self._write(f"{action.campaign}: {' - '.join(filter(None, told))}")

    def leads_enrolled(self, campaign: str, done: int, total: int) -> None:
        """Tell how far an enrolment has come, in leads."""
        with self._lock:
            now = self._clock()
            last = self._told.get(campaign)
            if done < total and last is not None and now - last < _EVERY:
                return
            self._told[campaign] = now
            self._write(f"{campaign}: enrolling {done:,} of {total:,}")

    def _write(self, line: str) -> None:
        try:
            self._stream.write(f"  {plain(line)}\n")
            self._stream.flush()
        except (OSError, ValueError):
            return
