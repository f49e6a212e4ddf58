"""The checks before anything irreversible: the same functions in the plan and again right before the call (design §5).

A guard is data: what it is called, what it means when it fails, and a pure function over `Facts`. A fact that could not
be read makes its guard fail; only a plan that did not ask the server (`--no-refresh`) has guards that were not made.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reconciler.model.campaign import steps_digest
from reconciler.model.live import LiveStatus
from reconciler.model.plan import ActionStatus, GuardResult
from reconciler.planning.facts import Facts, Verdict, leads, people
from reconciler.planning.health import is_healthy
from reconciler.planning.roomwords import has_room
from reconciler.planning.schedule import in_window, is_paced, is_time


@dataclass(frozen=True, slots=True)
class Guard:
    """One check. `failing` is what a failure makes of the action; `today` marks facts that are new each day.

    `offline` guards need nothing from the server; those that are not `usual` concern few campaigns.
    """

    id: str
    failing: ActionStatus
    check: Callable[[Facts], Verdict]
    today: bool = False
    offline: bool = False
    usual: bool = True


def evaluate(facts: Facts) -> tuple[GuardResult, ...]:
    """Make every check that concerns this case, in a fixed order."""
    results = []
    for guard in GUARDS:
        verdict = guard.check(facts)
        if not facts.refreshed and not guard.offline and (guard.usual or verdict is not None):
            results.append(GuardResult(id=guard.id, passed=None, detail="not checked: the server was not asked"))
        elif verdict is not None:
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
    in_all = facts.expected + facts.wave.later
    enough = in_all >= wanted and facts.expected > 0
    words = f"{leads(in_all)}, {wanted:,} wanted" + (f"; {apart:,} of the list left out" if apart else "")
    if refused and not enough:
        words += f"; Leadterra refused {refused:,} of the list: correct their rows"
    return enough, words


def _recontact(facts: Facts) -> Verdict:
    contacted = facts.roster.contacted
    if not contacted:
        return None
    days = facts.policy.recontact_days
    told = ", ".join(
        f"{people(item.leads)} " + (f"on the list of {item.key}, too" if item.reason == "list" else f"by {item.key}")
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
        f"Leadterra counts {leads(there)} in it, and this repository knows of {expected:,}; look in Leadterra who was "
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
    told = ", ".join(f"{leads(count)} without {token}" for token, count in blanks.items())
    first = next(iter(blanks))
    return False, f"{told}: they would read a blank; complete the list, or write `leads.fallbacks: {{{first}: …}}`"


def _budget(facts: Facts) -> Verdict:
    return None if facts.spending is None else (facts.spending.fits, facts.spending.words())


def _senders(facts: Facts) -> Verdict:
    if facts.accounts is None:
        return False, "the sender accounts could not be read"
    active = sum(account.active for account in facts.accounts)
    if active:
        return True, f"{active} active {'sender' if active == 1 else 'senders'}"
    idle = len(facts.accounts)
    return False, f"no active sender account ({idle} paused or warming)" if idle else "no sender account at all"


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
    Guard("health", ActionStatus.HELD, is_healthy, usual=False),
    Guard("senders", ActionStatus.HELD, _senders, today=True),
    Guard("capacity", ActionStatus.HELD, has_room, today=True),
    Guard("pacing", ActionStatus.SCHEDULED, is_paced, offline=True),
    Guard("not-before", ActionStatus.SCHEDULED, is_time, offline=True),
    Guard("window", ActionStatus.SCHEDULED, in_window, offline=True),
)
_BY_ID = {guard.id: guard for guard in GUARDS}
