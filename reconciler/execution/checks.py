"""The guards again, on facts read right before the call, with what this run has already given away."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from reconciler.diagnostics import ApiError
from reconciler.execution.reading import Reader
from reconciler.model.campaign import Campaign
from reconciler.model.live import Account, LiveCampaign, LiveStatus, Pool
from reconciler.model.plan import ActionStatus
from reconciler.model.roster import Roster
from reconciler.model.state import CampaignState, State
from reconciler.model.workspace import Budget, Policy
from reconciler.planning.admission import why
from reconciler.planning.budgets import Budgets, Spending
from reconciler.planning.capacity import Capacity, Promise, capacity_of
from reconciler.planning.facts import Facts
from reconciler.planning.guards import combine, evaluate
from reconciler.planning.pacing import Wave, wave
from reconciler.planning.prospects import set_free, stands, waits_of
from reconciler.ports import CampaignReader

_T = TypeVar("_T")

FRESH = timedelta(seconds=60)
"""How old other campaigns' counters may be (design §5, "Guards")."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks say: ready, or not, and why; and who may be enrolled today."""

    status: ActionStatus
    words: str
    live: LiveCampaign
    wave: Wave


@dataclass(frozen=True, slots=True)
class Load:
    """A campaign that may be sending, as the run finds it, by the `key` of the state.

    `waits` are the `delayDays` of the steps that it sends.
    """

    key: str
    known: CampaignState
    live: LiveCampaign
    waits: tuple[int, ...]


class Checks:
    """Guards for one run. Room is given away under a lock, so that two starts never spend the same capacity.

    `loads` are all managed campaigns, by the keys that the files have for them. `expected` is what the plan lets
    through, in order: room is kept for those who come first until it is known what becomes of them.
    """

    def __init__(
        self,
        api: CampaignReader,
        reader: Reader,
        policy: Policy,
        clock: Callable[[], datetime],
        loads: Mapping[str, Load],
        *,
        read_at: datetime,
        budgets: Budgets,
        expected: Mapping[str, Promise] = {},
    ) -> None:
        self._api = api
        self._reader = reader
        self._policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._promised: dict[str, Promise] = {}
        self._later: dict[str, int] = {}
        self._expected = dict(expected)
        self._names = {key: item.key for key, item in loads.items()}
        self._budgets = budgets
        self._newly: dict[str, int] = {}
        self._waits = {key: item.waits for key, item in loads.items()}
        self._standing = {key: stands(key, item.known, item.live, item.waits, read_at) for key, item in loads.items()}
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
            return Verdict(ActionStatus.HELD, words, live, Wave(0))
        mine = self._wave(campaign, known, roster, before_enrolling=before_enrolling)
        draft = planned is LiveStatus.DRAFT
        there = known.expected_enrolled if draft else live.stats.total_enrolled if live.stats else 0
        newly = mine.today + (there if draft else 0)
        replies = None
        if mine.earlier and mine.today and not draft:
            replies = _attempt(partial(self._api.replies, known.id))
        pools, accounts = _attempt(self._api.sender_pools), _attempt(self._api.sender_accounts)
        self._refresh_others(state)
        waits = waits_of(campaign.steps) if draft else self._waits.get(key, waits_of(campaign.steps))
        with self._lock:
            newly = max(newly, self._newly.get(key, 0))
            now = self._clock()
            lots = set_free(key, known, None if draft else live, waits, mine, now)
            facts = Facts(
                campaign=campaign,
                known=known,
                live=live,
                roster=roster,
                policy=self._policy,
                now=now,
                stop=state.stop_for(key),
                accounts=accounts,
                capacity=self._capacity(pools, accounts, key, waits),
                lots=lots,
                waits=waits,
                expected=there + mine.today,
                wave=mine,
                written=True,
                in_flight=state.in_flight(key),
                spending=self._spending(key, newly, now),
                replies=replies,
            )
            results = evaluate(facts)
            status = combine(results)
            if status is ActionStatus.READY:
                promise = Promise(lots, campaign.first_step_within_days)
                # What was given away before enrolling stays so: the leads are on their way once the first batch is in.
                self._expected.pop(key, None)
                self._promised[key] = max(promise, self._promised.get(key, promise), key=_size)
                self._waits[key] = waits
                self._newly[key] = newly
                self._later[key] = mine.later
        return Verdict(status, why(results), live, mine)

    def ended(self, key: str) -> None:
        """Keep no more room for a campaign than it was given: whatever there was to do with it has been tried."""
        with self._lock:
            self._expected.pop(key, None)

    def _wave(self, campaign: Campaign, known: CampaignState, roster: Roster, *, before_enrolling: bool) -> Wave:
        """Say who is enrolled today; once they are, only how many are left for later days."""
        if not before_enrolling:
            return Wave(0, self._later.get(campaign.key, 0), paced=campaign.per_day is not None)
        return wave(campaign, known, roster.new, self._clock(), self._policy.timezone)

    def _capacity(
        self,
        pools: tuple[Pool, ...] | None,
        accounts: tuple[Account, ...] | None,
        key: str,
        waits: tuple[int, ...],
    ) -> Capacity | None:
        standing = [found for found in self._standing.values() if found is not None]
        if pools is None or len(standing) < len(self._standing):
            return None
        capacity = capacity_of(pools, accounts, self._policy, recent=sum(found.recent for found in standing))
        return replace(
            capacity,
            lots=tuple(lot for found in standing for lot in found.lots),
            promised=(*self._first(key), *(item for name, item in self._promised.items() if name != key)),
            waits={**dict.fromkeys(self._expected, (0,)), **self._waits, key: waits},
        )

    def _first(self, key: str) -> list[Promise]:
        """Return what the plan lets through before a campaign, and was neither given out nor given up yet."""
        names = list(self._expected)
        return [self._expected[name] for name in names[: names.index(key)]] if key in names else []

    def _spending(self, key: str, newly: int, now: datetime) -> Spending | None:
        """Add up to how many people this run newly writes to, with this campaign; None where it adds nobody."""
        if not newly:
            return None
        total = newly + sum(count for name, count in self._newly.items() if name != key)
        return Spending(total, self._budgets.limit(Budget.NEW_RECIPIENTS, now))

    def _refresh_others(self, state: State) -> None:
        """Read where the other campaigns stand again where that is too old; everybody waits for that.

        A campaign that was promised room stays as it was: what this run adds to it is in the promise.
        """
        with self._refreshing:
            now = self._clock()
            if now - self._read_at <= FRESH:
                return
            with self._lock:
                stale = {
                    key: state.campaigns.get(key) or state.campaigns.get(self._names[key]) for key in self._standing
                }
                stale = {key: known for key, known in stale.items() if key not in self._promised}
            read = {}
            for key, known in stale.items():
                if known is None:
                    continue
                read[key] = stands(key, known, self._reader.campaign(known), self._waits[key], now)
            with self._lock:
                self._standing.update({key: found for key, found in read.items() if key not in self._promised})
            self._read_at = now


def _size(promise: Promise) -> int:
    return sum(lot.leads for lot in promise.lots)


def _attempt(read: Callable[[], _T]) -> _T | None:
    try:
        return read()
    except ApiError:
        return None
