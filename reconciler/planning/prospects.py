"""What campaigns send in the coming days: those that run, and what a plan would set free."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from reconciler.model.campaign import SequenceStep
from reconciler.model.live import LiveCampaign, LiveStatus, Stats
from reconciler.model.state import CampaignState
from reconciler.model.workspace import Policy
from reconciler.planning.forecast import Lot
from reconciler.planning.openings import opening_from
from reconciler.planning.pacing import Wave
from reconciler.planning.standing import Standing, standing

NOTHING = Standing((), 0)
_SENDING = frozenset({LiveStatus.RUNNING, LiveStatus.UNKNOWN})


def waits_of(steps: Sequence[SequenceStep]) -> tuple[int, ...]:
    """Return the days to wait before each step; where no step is known, as of a single one."""
    return tuple(step.delay_days for step in steps) or (0,)


def stands(key: str, known: CampaignState, live: LiveCampaign, waits: Sequence[int], now: datetime) -> Standing | None:
    """Say what a campaign has still to send, as long as nobody pauses or starts it; None: that cannot be known.

    One whose status could not be read may be sending.
    """
    if live.status in {LiveStatus.DRAFT, LiveStatus.GONE}:
        return NOTHING
    if live.stats is None:
        return None if live.status in _SENDING else NOTHING
    found = standing(key, known, live.stats, waits, now)
    return found if live.status in _SENDING else found._replace(lots=())


def set_free(
    key: str,
    known: CampaignState | None,
    live: LiveCampaign | None,
    waits: Sequence[int],
    wave: Wave,
    now: datetime,
) -> tuple[Lot, ...]:
    """Return the emails that today's enrolment, and a start or resume, would set free.

    `known` is None for a campaign without leads, as a new draft is.
    """
    first = waits[0]
    status = live.status if live else LiveStatus.DRAFT
    if status is LiveStatus.RUNNING:
        return _lots(key, first, wave.today)
    if status is LiveStatus.PAUSED:
        waiting = () if known is None else standing(key, known, _stats(live), waits, now, paused=True).lots
        return (*waiting, *_lots(key, first, wave.today))
    return _lots(key, first, wave.today + (known.expected_enrolled if known else 0))


def waves_to_come(
    key: str, first: int, sizes: Iterable[int], start: datetime, now: datetime, policy: Policy
) -> Iterator[Lot]:
    """Yield what is enrolled on the days after `start`, one wave a day, on days on which the start window opens."""
    moment = start
    for size in sizes:
        moment = opening_from(policy, moment + timedelta(days=1))
        day = day_of(moment, now)
        yield Lot(key, 0, day + first, size, joins=day)


def day_of(moment: datetime, now: datetime) -> int:
    """Return in which of the 24-hour windows from now a moment lies; what is past counts as now."""
    return max(0, (moment - now) // timedelta(days=1))


def _lots(key: str, day: int, leads: int) -> tuple[Lot, ...]:
    return (Lot(key, 0, day, leads),) if leads else ()


def _stats(live: LiveCampaign | None) -> Stats:
    return live.stats if live and live.stats else Stats(total_enrolled=0, sent=0, queued=0)
