"""Whether the senders have room: what pools leave, what running campaigns and this run have taken of it (design §5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from reconciler.model.live import Account, Pool
from reconciler.model.workspace import Policy
from reconciler.planning.forecast import HORIZON, Lot, Outlook, Room, first_fit, look_ahead


class Promise(NamedTuple):
    """A start or an enrolment that was let through: its lots, and within how many days each is to be served."""

    lots: tuple[Lot, ...]
    within: int


@dataclass(frozen=True)
class Capacity:
    """The room of the workspace, in emails.

    `left` can go out now and `daily` in each 24 hours after that, `kept` of both is kept free. `lots` are what started
    campaigns of this repository still have to send: what pools report as left is taken not to know of it. `promised`
    is what this plan or run has given away already, in order. `waits` are the `delayDays` of every campaign's steps.
    """

    left: int
    daily: int
    kept: int = 0
    lots: tuple[Lot, ...] = ()
    promised: tuple[Promise, ...] = ()
    waits: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    reply_rate: float = 0.0

    @property
    def room(self) -> Room:
        """What campaigns may use of it."""
        return Room(max(0, self.left - self.kept), max(0, self.daily - self.kept))

    @property
    def taken(self) -> tuple[Lot, ...]:
        """All lots, of campaigns that run and of this run."""
        return (*self.lots, *(lot for promise in self.promised for lot in promise.lots))

    @property
    def free(self) -> int:
        """Emails that still fit into the first 24 hours."""
        return max(0, self.room.today - _due(self.taken))

    def promising(self, lots: Sequence[Lot], within: int) -> "Capacity":
        """Return what is left once this is given away as well."""
        return replace(self, promised=(*self.promised, Promise(tuple(lots), within)))

    @cached_property
    def outlook(self) -> Outlook:
        """The coming days with what is taken, and nothing else."""
        return self.ahead(())

    def ahead(self, lots: Sequence[Lot], days: int = HORIZON) -> Outlook:
        """Return the coming days, with further lots."""
        return look_ahead((*self.taken, *lots), self.waits, self.room, days=days, reply_rate=self.reply_rate)

    def words(self) -> str:
        """Show the arithmetic of today, as far as it is not trivial."""
        queued, given = _due(self.lots), _due(self.taken) - _due(self.lots)
        parts = [f"{self.left:,} left now"]
        parts += [f"{self.kept:,} kept free"] if self.kept else []
        parts += [f"{queued:,} queued already"] if queued else []
        parts += [f"{given:,} for other campaigns of this run"] if given else []
        return ", ".join(parts)


def capacity_of(pools: Sequence[Pool], accounts: Sequence[Account] | None, policy: Policy, *, recent: int) -> Capacity:
    """Add the pools up: a campaign is not bound to a pool, and the platform picks an account by itself.

    Without an active account nothing can go out. `policy.dailyCapacity` is this repository's share, of which `recent`
    emails went out in the last 24 hours. `headroom` is a percentage of the daily capacity, rounded up.
    """
    left, daily = sum(pool.remaining for pool in pools), sum(pool.daily_capacity for pool in pools)
    if accounts is not None and not any(account.active for account in accounts):
        left = daily = 0
    if policy.daily_capacity is not None:
        daily = min(daily, policy.daily_capacity)
        left = min(left, max(0, policy.daily_capacity - recent))
    return Capacity(left, daily, kept=-int(-daily * policy.headroom // 100), reply_rate=policy.reply_rate)


class Fit(NamedTuple):
    """Whether lots fit. `day` is the last on which one of their leads is served; None: not in time.

    `short` emails do not fit in time; were the start on day `first`, all would. With `never`, there is not so much room
    in any such time. `late` is a campaign that was let through before and would not be served in time any more.
    """

    fits: bool
    day: int | None = None
    short: int = 0
    first: int | None = None
    never: bool = False
    late: str | None = None


def fit(capacity: Capacity, lots: Sequence[Lot], within: int) -> Fit:
    """Say whether every lot is served within so many days from when it is due, and nobody else's comes too late."""
    mine = [lot for lot in lots if lot.leads]
    if not mine:
        return Fit(fits=True)
    total, begin = sum(lot.leads for lot in mine), max(lot.begin for lot in mine)
    if begin == 0 and all(lot.begin == 0 for promise in capacity.promised for lot in promise.lots):
        # What is due by now goes first. What is due later goes after them, and none of it was promised to anybody.
        served = _served(capacity.room, _due(capacity.taken) + total, within)
        if served is not None:
            return Fit(fits=True, day=served)
    else:
        found = _simulated(capacity, mine, within)
        if found is not None:
            return found
    space = capacity.room.until(begin + within) - capacity.room.until(begin) - capacity.outlook.on(begin).ahead
    return Fit(
        fits=False,
        short=max(1, total - max(0, space)),
        first=_first(capacity, mine, within),
        never=total > within * capacity.room.daily,
    )


def _served(room: Room, emails: int, within: int) -> int | None:
    """Return the day on which the last of so many emails that are due now goes out, where that is in time."""
    return next((day for day in range(within) if emails <= room.until(day + 1)), None)


def _simulated(capacity: Capacity, mine: Sequence[Lot], within: int) -> Fit | None:
    """Send it all, day by day; None where a lot of `mine` is not served in time."""
    bounds = [(lot, promise.within) for promise in capacity.promised for lot in promise.lots]
    bounds += [(lot, within) for lot in mine]
    outlook = capacity.ahead(mine, days=max(lot.begin + days for lot, days in bounds))
    served = outlook.reached[len(capacity.lots) :]
    in_time = [day is not None and day < lot.begin + days for (lot, days), day in zip(bounds, served, strict=True)]
    if not all(in_time[-len(mine) :]):
        return None
    if not all(in_time):
        return Fit(fits=False, late=bounds[in_time.index(False)][0].campaign, first=_first(capacity, mine, within))
    return Fit(fits=True, day=max(day for day in served[-len(mine) :] if day is not None))


def _first(capacity: Capacity, mine: Sequence[Lot], within: int) -> int | None:
    total, wait = sum(lot.leads for lot in mine), max(lot.begin for lot in mine)
    return first_fit(capacity.outlook, capacity.room, total, within, wait=wait, begin=1)


def _due(lots: Sequence[Lot]) -> int:
    return sum(lot.leads for lot in lots if lot.begin == 0)
