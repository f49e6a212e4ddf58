"""Enrolments: batches side by side, in waves. One record has what came of a wave and the intents of the next.

What an answer does not tell is read between two waves, when nothing of the campaign is under way.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from typing import Self

from reconciler.diagnostics import ApiError, Interrupted, LeaseLostError, StateError
from reconciler.execution import transitions
from reconciler.execution.batch import Batch, Taken, Tally, outcome_of
from reconciler.execution.keeper import Transition
from reconciler.execution.merging import merge
from reconciler.execution.rechecking import recheck
from reconciler.execution.tools import NotReadyError
from reconciler.execution.work import Work, result
from reconciler.model.intents import EnrollIntent
from reconciler.model.live import LiveStatus
from reconciler.model.plan import Action
from reconciler.model.report import ActionResult, Outcome
from reconciler.model.roster import Lead, Roster
from reconciler.model.state import State

SIDE_BY_SIDE = 4
"""Batches of one campaign under way at once: so many at most are sent again after a crash."""

_GRAVE = (LeaseLostError, StateError, ApiError, NotReadyError, Interrupted)


def enroll(work: Work, action: Action) -> ActionResult:
    """Enrol everybody who is new or changed, but for whom the server refuses; then compare with what it counts."""
    tools = work.tools
    wave = recheck(work, before_enrolling=True).wave
    known = work.known()
    roster = tools.leads.roster(work.wanted, known, work.avoid)
    new = roster.new
    if wave.paced:
        # No more than the checks let through, and than the plan showed, should a day have ended meanwhile.
        new = min(wave.today, new, new if work.most is None else work.most)
    tally = Tally(work, new + roster.changed)
    with _Waves(tally) as waves:
        for kind, parts in _gathered(
            tools.leads.batches(work.wanted, known, work.avoid, most=new, first=_in_flight(work))
        ):
            waves.send(kind, parts)
        waves.finish()
    work.enrolled = True
    # For the words of the checks to come; the list itself is not read again, so that they notice a change.
    refused = roster.refused + new - tally.sent["new"]
    work.roster = work.roster.model_copy(update={"refused": refused})
    words = _words(tally, roster, roster.new - new)
    try:
        _verify(work)
    except Interrupted:
        # All of it is written down; the checks before a start compare the counters, too.
        words += "; the run was interrupted before the counters were compared"
    else:
        merge(work)
    taken = tally.accepted["new"] if roster.new else None
    return result(action, Outcome.DONE, words).model_copy(update={"leads_enrolled": taken})


def _in_flight(work: Work) -> tuple[str, ...]:
    """Return the segments of new leads that an interrupted run was enrolling: of a wave, they come first."""
    open_ones = work.tools.keeper.latest.open_for(work.key).values()
    return tuple(intent.segment for intent in open_ones if isinstance(intent, EnrollIntent) and intent.new)


def _gathered(
    batches: Iterable[tuple[str, Sequence[Lead]]], most: int = SIDE_BY_SIDE
) -> Iterator[tuple[str, list[Sequence[Lead]]]]:
    """Gather batches of one kind into waves; the first goes alone.

    So a campaign that takes no leads costs one request, and what the first batch teaches holds for all others.
    """
    size = 1
    for kind, group in groupby(batches, key=itemgetter(0)):
        parts = (leads for _, leads in group)
        while wave := list(islice(parts, size)):
            yield kind, wave
            size = most


class _Waves:
    """Sends the batches of one enrolment. What came of a wave waits for the record of the next one's intents.

    A context manager: where the enrolment fails, that is written down by itself, and who was left out is told anyway.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._work = tally.work
        self._unwritten: tuple[Transition | None, str] = (None, "")
        self._threads = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="enroll")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._threads.shutdown()
        work, refused = self._work, self._tally.refused
        if refused:
            work.tools.told.extend(work.tools.leads.refused(work.wanted, refused))
        outcome, what = self._handed_out()
        if outcome is not None:
            # The failure that ended the enrolment is told; after this one, too, the next run finds out what was done.
            with suppress(StateError):
                work.tools.change(outcome, what=what)

    def send(self, kind: str, parts: Sequence[Sequence[Lead]]) -> None:
        """Send a wave, and wait for all of it. Where some of it fails, the gravest failure is raised at the end."""
        tools = self._work.tools
        tools.go_on()
        batches = [Batch(self._tally, kind, leads) for leads in parts]
        intents = {batch.operation: batch.intent for batch in batches}
        outcome, what = self._handed_out()
        tools.intend(intents, stoppable=True, outcome=outcome, what=what)
        failures = self._run(batches)
        taken = [item for batch in batches for item in batch.taken]
        added = _added(self._work, taken) if kind == "new" else 0
        self._unwritten = outcome_of(self._work, taken, new=kind == "new", added=added)
        if failures:
            raise min(failures, key=_gravity)

    def finish(self) -> None:
        """Write down what is left, and that everybody is in it."""
        outcome, what = self._handed_out()
        closed = partial(transitions.all_enrolled, key=self._work.key)

        def finished(state: State) -> State:
            return closed(state if outcome is None else outcome(state))

        self._work.tools.change(finished, what=what)

    def _handed_out(self) -> tuple[Transition | None, str]:
        """Return what is to be written, once: where that fails, nobody knows whether it was."""
        unwritten, self._unwritten = self._unwritten, (None, "")
        return unwritten

    def _run(self, batches: Sequence[Batch]) -> list[Exception]:
        """Run batches side by side, each to its end, and return what went wrong."""
        failures: list[Exception] = []
        running = [self._threads.submit(batch.run) for batch in batches]
        for future in running:
            try:
                future.result()
            except Exception as failure:  # noqa: BLE001 - one of them is raised once all have ended
                failures.append(failure)
        return failures


def _gravity(failure: Exception) -> tuple[int, bool]:
    """Order failures, the gravest first: bugs, what cannot be written, what may have been carried out, what waits."""
    ranks = [rank for rank, kind in enumerate(_GRAVE) if isinstance(failure, kind)]
    return (ranks[0] if ranks else -1), isinstance(failure, ApiError) and not failure.sent


def _added(work: Work, taken: Sequence[Taken]) -> int:
    """Count how many people requests with new leads added. Nothing else of the campaign may be under way.

    Leads that the server calls known are ours where a first try was carried out and its answer lost, and not ours
    where somebody else had enrolled them: the counters tell. Where these cannot be read, all are taken for ours:
    the batch has to be written down, and a wrong count is found before the start.
    """
    counted = sum(item.answer.enrolled for item in taken if item.counted)
    unclear = [item.answer for item in taken if not item.counted]
    if not unclear:
        return counted
    known = work.known()
    most, least = sum(answer.accepted for answer in unclear), sum(answer.enrolled for answer in unclear)
    try:
        added = work.tools.api.stats(known.id).total_enrolled - known.expected_enrolled - counted
    except (ApiError, Interrupted, LeaseLostError):
        return counted + most
    return counted + min(max(added, least), most)


def _words(tally: Tally, roster: Roster, later: int) -> str:
    """Say how many people were enrolled, and how many not, or not yet."""
    parts = [f"{tally.accepted['new']:,} enrolled"] if roster.new else []
    parts += [f"{later:,} more in later waves"] if later else []
    parts += [f"{tally.accepted['changed']:,} brought up to date"] if roster.changed else []
    suppressed = tally.sent.total() - tally.accepted.total()
    parts += [f"{suppressed:,} on the suppression list"] if suppressed else []
    parts += [f"{len(tally.refused):,} not accepted by Leadterra"] if tally.refused else []
    return ", ".join(parts)


def _verify(work: Work) -> None:
    known = work.known()
    stats = work.tools.api.stats(known.id)
    if stats.total_enrolled < known.expected_enrolled or (
        work.planned is LiveStatus.DRAFT and stats.total_enrolled != known.expected_enrolled
    ):
        raise NotReadyError(
            Outcome.BLOCKED,
            f"Leadterra counts {stats.total_enrolled:,} leads in it after the enrolment, expected were "
            f"{known.expected_enrolled:,}; look in Leadterra who was added or removed, then run again",
        )
