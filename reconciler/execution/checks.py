"""The guards again, on facts read right before the call, with what this run has already given away."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from reconciler.diagnostics import ApiError
from reconciler.execution.reading import Reader
from reconciler.model.campaign import Campaign
from reconciler.model.live import LiveCampaign, LiveStatus, Pool
from reconciler.model.plan import ActionStatus
from reconciler.model.roster import Roster
from reconciler.model.state import State
from reconciler.model.workspace import Budget, Policy
from reconciler.planning.budgets import Budgets, Spending
from reconciler.planning.guards import Facts, Room, combine, evaluate, room_today
from reconciler.planning.planner import why
from reconciler.ports import CampaignReader

_T = TypeVar("_T")

FRESH = timedelta(seconds=60)
"""How old other campaigns' counters may be (design §5, "Guards")."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks say: ready, or not, and why."""

    status: ActionStatus
    words: str
    live: LiveCampaign


class Checks:
    """Guards for one run. Room is shared out under a lock, so that two starts never spend the same capacity."""

    def __init__(
        self,
        api: CampaignReader,
        reader: Reader,
        policy: Policy,
        clock: Callable[[], datetime],
        live: Mapping[str, LiveCampaign],
        *,
        read_at: datetime,
        budgets: Budgets,
    ) -> None:
        self._api = api
        self._reader = reader
        self._policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._reserved: dict[str, int] = {}
        self._budgets = budgets
        self._newly: dict[str, int] = {}
        self._queued = {key: _queue(item) for key, item in live.items()}
        self._read_at = read_at

    def check(
        self, campaign: Campaign, state: State, roster: Roster, *, planned: LiveStatus, before_enrolling: bool
    ) -> Verdict:
        """Read the campaign, pools and accounts anew and make every check.

        `planned` is the status the plan was made for: a campaign that somebody started or paused since is left alone.
        """
        key = campaign.key
        known = state.campaigns[key]
        live = self._reader.campaign(known, state.leftover_ids(key))
        if live.status is not planned:
            words = live.problem or f"it was {planned.value} when this was planned and is {live.status.value} now"
            return Verdict(ActionStatus.HELD, words, live)
        new = roster.new if before_enrolling else 0
        stats = live.stats
        if planned is LiveStatus.DRAFT:
            need = expected = newly = known.expected_enrolled + new
        else:
            newly = new
            need = new + (stats.queued if stats and planned is LiveStatus.PAUSED else 0)
            expected = (stats.total_enrolled if stats else 0) + new
        pools, accounts = _attempt(self._api.sender_pools), _attempt(self._api.sender_accounts)
        self._refresh_others(state)
        with self._lock:
            # What is reserved before enrolling stays reserved: the leads are on their way once the first batch is in.
            need = max(need, self._reserved.get(key, 0))
            newly = max(newly, self._newly.get(key, 0))
            now = self._clock()
            facts = Facts(
                campaign=campaign,
                known=known,
                live=live,
                roster=roster,
                policy=self._policy,
                now=now,
                stop=state.stop_for(key),
                accounts=accounts,
                room=self._room(pools, key),
                need=need,
                expected=expected,
                written=True,
                in_flight=state.in_flight(key),
                spending=self._spending(key, newly, now),
            )
            results = evaluate(facts)
            status = combine(results)
            if status is ActionStatus.READY:
                self._reserved[key] = need
                self._newly[key] = newly
        return Verdict(status, why(results), live)

    def _room(self, pools: tuple[Pool, ...] | None, key: str) -> Room | None:
        queued = [count for count in self._queued.values() if count is not None]
        if pools is None or len(queued) < len(self._queued):
            return None
        return room_today(
            pools,
            headroom=self._policy.headroom,
            queued=sum(queued),
            reserved=sum(need for name, need in self._reserved.items() if name != key),
        )

    def _spending(self, key: str, newly: int, now: datetime) -> Spending | None:
        """Add up to how many people this run newly writes to, with this campaign; None where it adds nobody."""
        if not newly:
            return None
        total = newly + sum(count for name, count in self._newly.items() if name != key)
        return Spending(total, self._budgets.limit(Budget.NEW_RECIPIENTS, now))

    def _refresh_others(self, state: State) -> None:
        """Read the queues of the other campaigns again where they are too old; everybody waits for that.

        A campaign that has a reservation keeps its queue as it was: what this run adds to it is in the reservation.
        """
        with self._refreshing:
            now = self._clock()
            if now - self._read_at <= FRESH:
                return
            with self._lock:
                stale = [key for key in self._queued if key not in self._reserved and key in state.campaigns]
            read = {key: _queue(self._reader.campaign(state.campaigns[key])) for key in stale}
            with self._lock:
                self._queued.update({key: queue for key, queue in read.items() if key not in self._reserved})
            self._read_at = now


def _queue(live: LiveCampaign) -> int | None:
    """Return how many emails wait in a campaign that is sending; None where that is not known."""
    if live.status not in {LiveStatus.RUNNING, LiveStatus.UNKNOWN}:
        return 0
    return live.stats.queued if live.stats else None


def _attempt(read: Callable[[], _T]) -> _T | None:
    try:
        return read()
    except ApiError:
        return None
