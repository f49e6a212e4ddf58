"""The checks before anything irreversible: the same functions in the plan and again right before the call (design §5).

A guard is data: what it is called, what it means when it fails, and a pure function over `Facts`. A fact that could not
be read makes its guard fail; only a plan that did not ask the server (`--no-refresh`) has guards that were not made.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from reconciler.model.campaign import Campaign, steps_digest
from reconciler.model.live import Account, LiveCampaign, LiveStatus, Pool
from reconciler.model.plan import ActionStatus, GuardResult
from reconciler.model.roster import Roster
from reconciler.model.state import CampaignState, Stop
from reconciler.model.workspace import Policy
from reconciler.planning.budgets import Spending


@dataclass(frozen=True, slots=True)
class Room:
    """How many more emails can go out today: `left` over all pools, less what is spoken for.

    `kept` is free for headroom; `queued` is what running campaigns have waiting: what pools report as left is taken not
    to know of it (design §5).
    `reserved` is what this run or plan has given away already.
    """

    left: int
    kept: int = 0
    queued: int = 0
    reserved: int = 0

    @property
    def free(self) -> int:
        """Emails that still fit; never below zero."""
        return max(0, self.left - self.kept - self.queued - self.reserved)

    def words(self) -> str:
        """Show the arithmetic, as far as it is not trivial."""
        parts = [f"{self.left:,} left now"]
        parts += [f"{self.kept:,} kept free"] if self.kept else []
        parts += [f"{self.queued:,} queued already"] if self.queued else []
        parts += [f"{self.reserved:,} for other campaigns of this run"] if self.reserved else []
        return ", ".join(parts)


def room_today(pools: tuple[Pool, ...], *, headroom: float, queued: int, reserved: int = 0) -> Room:
    """Add the pools up: a campaign is not bound to a pool. `headroom` is a percentage of the daily capacity."""
    capacity = sum(pool.daily_capacity for pool in pools)
    kept = -int(-capacity * headroom // 100)
    return Room(left=sum(pool.remaining for pool in pools), kept=kept, queued=queued, reserved=reserved)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the guards of one campaign look at.

    `live` is None for a campaign that is created in this plan. `need` is how many first or queued emails would go out;
    `room` is None where it is not known; `expected` is how many leads it will have. `frozen` is a sentence where the
    file's steps differ from those being sent. `written` is True once this run has brought the draft up to its file:
    then its steps must read as they were written, as far as the server can show them. `in_flight` counts the new leads
    that an interrupted run was enrolling: they may be in the campaign, and are sent again. `spending` is what the
    whole plan or run newly writes to, this campaign included; None where this one newly writes to nobody, or does not
    get so far.
    """

    campaign: Campaign
    known: CampaignState | None
    live: LiveCampaign | None
    roster: Roster
    policy: Policy
    now: datetime
    stop: Stop | None
    accounts: tuple[Account, ...] | None
    room: Room | None
    need: int
    expected: int
    refreshed: bool = True
    frozen: str | None = None
    written: bool = False
    in_flight: int = 0
    spending: Spending | None = None

    @property
    def started(self) -> bool:
        """Whether the campaign has been started before: then this is an enrolment into it, or a resume."""
        return self.live is not None and self.live.status in {LiveStatus.RUNNING, LiveStatus.PAUSED}


Verdict = tuple[bool, str] | None
"""Passed, and the words; None where the guard does not concern this case."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One check. `failing` is what a failure makes of the action; `today` marks facts that are new each day.

    `offline` guards need nothing from the server.
    """

    id: str
    failing: ActionStatus
    check: Callable[[Facts], Verdict]
    today: bool = False
    offline: bool = False


def evaluate(facts: Facts) -> tuple[GuardResult, ...]:
    """Make every check that concerns this case, in a fixed order."""
    results = []
    for guard in GUARDS:
        if not facts.refreshed and not guard.offline:
            results.append(GuardResult(id=guard.id, passed=None, detail="not checked: the server was not asked"))
            continue
        verdict = guard.check(facts)
        if verdict is not None:
            results.append(GuardResult(id=guard.id, passed=verdict[0], detail=verdict[1]))
    return tuple(results)


def combine(results: Iterable[GuardResult]) -> ActionStatus:
    """Say what failed guards make of an action.

    What needs a person comes first; then what waits for a fact; then what waits for its time. Facts of today do not
    count for something that is for a later day anyway.
    """
    failed = [_BY_ID[result.id] for result in results if result.passed is False]
    if any(guard.failing is ActionStatus.BLOCKED for guard in failed):
        return ActionStatus.BLOCKED
    if any(guard.failing is ActionStatus.HELD and not guard.today for guard in failed):
        return ActionStatus.HELD
    if any(guard.failing is ActionStatus.SCHEDULED for guard in failed):
        return ActionStatus.SCHEDULED
    return ActionStatus.HELD if failed else ActionStatus.READY


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"


def _leads(count: int) -> str:
    return f"{count:,} {'lead' if count == 1 else 'leads'}"


def _stop(facts: Facts) -> Verdict:
    if facts.stop is None:
        return True, "not stopped"
    scope = "--all" if facts.stop.scope == "*" else facts.stop.scope
    return False, f"stopped by {facts.stop.by}: {facts.stop.reason}; lift it with `reconciler stop {scope} --lift`"


def _paused_outside(facts: Facts) -> Verdict:
    if facts.live is None or facts.live.status is not LiveStatus.PAUSED:
        return None
    ours = facts.known is not None and facts.known.paused_by_us
    return ours, "paused by this repository" if ours else (
        "somebody else paused it; merge `status: paused`, then `status: running`, to take it over"
    )


def _steps(facts: Facts) -> Verdict:
    if facts.frozen is not None:
        return False, facts.frozen
    if facts.written and not facts.started and not _as_written(facts):
        return False, "its steps were changed in Leadterra a moment ago; the next run sets them back"
    count = len(facts.campaign.steps)
    return count > 0, f"{count} {'step' if count == 1 else 'steps'}"


def _as_written(facts: Facts) -> bool:
    known, live = facts.known, facts.live
    if known is None or live is None or known.steps_digest != facts.campaign.steps_digest:
        return False
    return live.steps is None or steps_digest(live.steps) in {known.steps_digest, known.read_back_digest}


def _list(facts: Facts) -> Verdict:
    if facts.roster.at_hand:
        return None
    return False, facts.roster.problem or f"the list {facts.roster.source} is not at hand"


def _minimum(facts: Facts) -> Verdict:
    if facts.started or not facts.roster.at_hand:
        return None
    wanted, refused = facts.campaign.minimum_leads, facts.roster.refused
    apart = sum(item.leads for item in facts.roster.left_out)
    enough = facts.expected >= wanted
    words = f"{_leads(facts.expected)}, {wanted:,} wanted" + (f"; {apart:,} of the list left out" if apart else "")
    if refused and not enough:
        words += f"; Leadterra refused {refused:,} of the list: correct their rows"
    return enough, words


def _recontact(facts: Facts) -> Verdict:
    contacted = facts.roster.contacted
    if not contacted:
        return None
    days = facts.policy.recontact_days
    told = ", ".join(
        f"{_people(item.leads)} " + (f"on the list of {item.key}, too" if item.reason == "list" else f"by {item.key}")
        for item in contacted
    )
    return False, (
        f"other campaigns write to them, or did so within {days} days: {told}; take them off the list, or let them be "
        "left out: `policy.recontact.mode: skip`"
    )


def _exclude(facts: Facts) -> Verdict:
    if not facts.roster.unknown:
        return None
    return False, f"it excludes {', '.join(facts.roster.unknown)}, whose list is not at hand"


def _enrolled(facts: Facts) -> Verdict:
    if facts.live is None or facts.known is None:
        return None
    if facts.live.stats is None:
        return False, "its counters could not be read"
    there, expected = facts.live.stats.total_enrolled, facts.known.expected_enrolled
    if there == expected:
        return True, f"{there:,} enrolled, as expected"
    if expected < there <= expected + facts.in_flight:
        return True, f"{there:,} enrolled, {there - expected:,} of them by an interrupted run: they are sent again"
    if facts.started and there > expected:
        return True, f"{there:,} enrolled, {there - expected:,} of them unknown to this repository"
    return False, (
        f"Leadterra counts {_leads(there)} in it, and this repository knows of {expected:,}; look in Leadterra who was "
        f"added or removed, then take it as it is with `reconciler import {facts.campaign.key} {facts.live.id}`; "
        "a draft is then replaced by a new one"
    )


def _never_sent(facts: Facts) -> Verdict:
    if facts.started:
        return None
    drafts = {} if facts.live is None else {facts.live.id: facts.live.stats, **facts.live.leftovers}
    unread = [name for name, stats in drafts.items() if stats is None]
    if unread:
        return False, f"the counters of {', '.join(unread)} could not be read"
    sending = [name for name, stats in drafts.items() if stats is not None and (stats.sent > 0 or stats.queued > 0)]
    if sending:
        return False, (
            f"{', '.join(sending)} has sent or queued email already, though it should be a draft: somebody started it; "
            "pause it in Leadterra, or import it"
        )
    return True, "nothing sent before"


def _tokens(facts: Facts) -> Verdict:
    if not facts.roster.at_hand:
        return None
    blanks = {token: count for token, count in sorted(facts.roster.blanks.items()) if count}
    if not blanks:
        return True, "no blank tokens"
    told = ", ".join(f"{_leads(count)} without {token}" for token, count in blanks.items())
    first = next(iter(blanks))
    return False, f"{told}: they would read a blank; complete the list, or write `leads.fallbacks: {{{first}: …}}`"


def _budget(facts: Facts) -> Verdict:
    return None if facts.spending is None else (facts.spending.fits, facts.spending.words())


def _senders(facts: Facts) -> Verdict:
    if facts.accounts is None:
        return False, "the sender accounts could not be read"
    active = sum(account.status == "active" for account in facts.accounts)
    if active:
        return True, f"{active} active {'sender' if active == 1 else 'senders'}"
    idle = len(facts.accounts)
    return False, f"no active sender account ({idle} paused or warming)" if idle else "no sender account at all"


def _capacity(facts: Facts) -> Verdict:
    if facts.room is None:
        return False, "today's room is not known: pools or queues could not be read"
    free = facts.room.free
    if facts.need <= free:
        return True, f"room {free:,}"
    return False, (
        f"{_people(facts.need)} would get email today and there is room for {free:,} ({facts.room.words()}): "
        f"{facts.need - free:,} short"
    )


def _not_before(facts: Facts) -> Verdict:
    wanted = facts.campaign.not_before
    if wanted is None:
        return None
    local = wanted.astimezone(ZoneInfo(facts.policy.timezone))
    return facts.now >= wanted, f"not before {when(local)}"


def _window(facts: Facts) -> Verdict:
    window = facts.policy.start_window
    if window is None:
        return None
    local = facts.now.astimezone(ZoneInfo(facts.policy.timezone))
    if window.contains(local):
        return True, "inside the start window"
    opening = next_opening(facts)
    return False, f"outside the start window; it opens {when(opening)}" if opening else "outside the start window"


def next_opening(facts: Facts) -> datetime | None:
    """Return when the start window next opens, in the policy's time zone."""
    window = facts.policy.start_window
    if window is None:
        return None
    local = facts.now.astimezone(ZoneInfo(facts.policy.timezone))
    for ahead in range(8):
        day = local + timedelta(days=ahead)
        opening = day.replace(hour=window.from_.hour, minute=window.from_.minute, second=0, microsecond=0)
        if opening > local and opening.weekday() in window.days:
            return opening
    return None


def when(local: datetime) -> str:
    """Write a time for people, in the zone it has: `Tue 1 Dec 08:00`."""
    return f"{local:%a} {local.day} {local:%b %H:%M}"


GUARDS: tuple[Guard, ...] = (
    Guard("stop", ActionStatus.HELD, _stop, offline=True),
    Guard("paused-outside", ActionStatus.HELD, _paused_outside, offline=True),
    Guard("steps", ActionStatus.HELD, _steps, offline=True),
    Guard("list", ActionStatus.HELD, _list, offline=True),
    Guard("minimum-leads", ActionStatus.HELD, _minimum, offline=True),
    Guard("recontact", ActionStatus.HELD, _recontact, offline=True),
    Guard("exclude", ActionStatus.HELD, _exclude, offline=True),
    Guard("tokens", ActionStatus.HELD, _tokens, offline=True),
    Guard("enrolled", ActionStatus.BLOCKED, _enrolled),
    Guard("never-sent", ActionStatus.BLOCKED, _never_sent),
    Guard("budget", ActionStatus.BLOCKED, _budget, offline=True),
    Guard("senders", ActionStatus.HELD, _senders, today=True),
    Guard("capacity", ActionStatus.HELD, _capacity, today=True),
    Guard("not-before", ActionStatus.SCHEDULED, _not_before, offline=True),
    Guard("window", ActionStatus.SCHEDULED, _window, offline=True),
)
_BY_ID = {guard.id: guard for guard in GUARDS}
