"""What a started campaign still has to send: its enrolments as the state has them, corrected by the server's counters.

The counters tell how many emails went out, not which. They are taken to be those that were due longest, so what is
left is due at the earliest moment that is possible: the safe bound for the coming days.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

from reconciler.model.live import Stats
from reconciler.model.state import CampaignState
from reconciler.planning.forecast import Lot

DAY = timedelta(days=1)
_JITTER = timedelta(hours=1)
"""Daily runs are not made to the minute: what is due so shortly before the end of a window counts to the next one."""


class Standing(NamedTuple):
    """Where a campaign is: `lots` are still to be sent, `recent` emails went out in the 24 hours before now."""

    lots: tuple[Lot, ...]
    recent: int


class _Group(NamedTuple):
    """Leads that were enrolled together. `begin` is when their sequence began; None: not known."""

    begin: datetime | None
    leads: int


def standing(
    key: str, known: CampaignState, stats: Stats, waits: Sequence[int], now: datetime, *, paused: bool = False
) -> Standing:
    """Say what is still to be sent to those who are enrolled in a started campaign, and when it is due.

    `waits` are the `delayDays` of the steps that it sends. Leads whose enrolment is not known here are due for their
    next step now. As many leads as have replied, or bounced, get no further step, as far as they cannot be among those
    who have got every step: of those that have got one, who would get the next one last. What is due and was not sent
    is queued, unless it is `paused`: so no more is overdue than that; and what is queued beyond all this is due now.
    """
    groups = list(_groups(known, stats))
    offsets = list(accumulate(waits))
    due = sorted(
        ((group.begin or now) + DAY * offset, number, step)
        for number, group in enumerate(groups)
        for step, offset in enumerate(offsets)
    )
    got = [[0] * len(waits) for _ in groups]
    left, recent = stats.sent, 0
    for moment, number, step in due:
        got[number][step] = min(left, groups[number].leads)
        left -= got[number][step]
        if groups[number].begin is not None and now - DAY < moment <= now:
            recent += got[number][step]
    lots = [
        _Waiting(Lot(key, step, (moment - now + _JITTER) // DAY, count), overdue=known_time and moment <= now)
        for group, sent in zip(groups, got, strict=True)
        for step, count, moment, known_time in _waiting(group, sent, offsets, now)
    ]
    finished = sum(sent[-1] for sent in got)
    lots = _less(lots, max(stats.replied, stats.bounced) - finished, lambda item: item.lot.step > 0)
    if not paused:
        overdue = sum(item.lot.leads for item in lots if item.overdue)
        lots = _less(lots, overdue - stats.queued, lambda item: item.overdue)
    more = stats.queued - sum(item.lot.leads for item in lots)
    return Standing((*(item.lot for item in lots), *([Lot(key, len(waits) - 1, 0, more)] if more > 0 else [])), recent)


class _Waiting(NamedTuple):
    lot: Lot
    overdue: bool


def _waiting(
    group: _Group, sent: Sequence[int], offsets: Sequence[int], now: datetime
) -> Iterator[tuple[int, int, datetime, bool]]:
    """Yield how many of a group wait for each step, and since or until when."""
    for step, (before, after) in enumerate(zip([group.leads, *sent], sent, strict=False)):
        if before > after:
            moment = now if group.begin is None else group.begin + DAY * offsets[step]
            yield step, before - after, moment, group.begin is not None


def _less(lots: Sequence[_Waiting], count: int, concerned: Callable[[_Waiting], bool]) -> list[_Waiting]:
    """Take so many leads out of the lots that are concerned; who is due last goes first."""
    kept = []
    for item in sorted(lots, key=lambda item: (-item.lot.day, -item.lot.step)):
        gone = min(max(count, 0), item.lot.leads) if concerned(item) else 0
        count -= gone
        kept.append(item._replace(lot=item.lot._replace(leads=item.lot.leads - gone)))
    return sorted((item for item in kept if item.lot.leads), key=lambda item: (item.lot.day, item.lot.step))


def _groups(known: CampaignState, stats: Stats) -> Iterator[_Group]:
    """Yield who is enrolled. Nobody's sequence began before the campaign was started."""
    started = known.started_at
    for cohort in known.cohorts:
        yield _Group(cohort.at if started is None else max(cohort.at, started), cohort.accepted)
    others = stats.total_enrolled - known.accepted
    if others > 0:
        yield _Group(None, others)
