"""Which starts and enrolments of a plan are let through: room is given away in a stated order (design §5)."""

from collections.abc import Iterable
from dataclasses import replace

from reconciler.model.live import LiveStatus
from reconciler.model.plan import Action, ActionStatus, Effect, GuardResult, Kind
from reconciler.model.workspace import Budget
from reconciler.planning.budgets import Spending
from reconciler.planning.capacity import Capacity, capacity_of
from reconciler.planning.facts import Facts
from reconciler.planning.guards import combine, evaluate
from reconciler.planning.prospects import stands, waits_of
from reconciler.planning.single import Draft, Inputs
from reconciler.planning.standing import Standing


def admit(drafts: list[Draft], inputs: Inputs) -> Capacity | None:
    """Make the checks, give the room away, and hold what is left to the budget. Return what is given away in the end.

    The higher `start.priority` goes first, then the key. Over budget, everything that newly writes to people is
    blocked: were only the last ones, the same command again would get round it. What is not ready anyway takes nothing
    of the budget.
    """
    for made in drafts:
        if inputs.live.refreshed and inputs.live.pools is None:
            made.actions = [_unrecognised(action) for action in made.actions]
    there = _there(drafts, inputs)
    ordered = sorted(drafts, key=lambda made: (-_priority(made), made.subject.key))
    left = _give_away(ordered, there)
    writing = [made for made in drafts if made.receive and made.facts and _is_ready(made.facts)]
    total = sum(made.receive for made in writing)
    spending = Spending(total, inputs.budgets.limit(Budget.NEW_RECIPIENTS, inputs.now))
    for made in writing:
        made.facts = made.facts and replace(made.facts, spending=spending)
    if not spending.fits:
        # What is blocked takes no room from those that newly write to nobody.
        left = _give_away([made for made in ordered if not made.receive], there)
    for made in drafts:
        if made.facts is not None:
            results = evaluate(made.facts)
            status = combine(results)
            made.actions = [_guarded(action, status, results) for action in made.actions]
    return left


def _there(drafts: list[Draft], inputs: Inputs) -> Capacity | None:
    """Return the room that the campaigns that run leave; None where it is not known.

    One that this plan pauses counts as well: until that is done, it sends.
    """
    if inputs.live.pools is None or any(live.status is LiveStatus.UNKNOWN for live in inputs.live.campaigns.values()):
        return None
    subjects = {made.subject.known_key: made for made in drafts}
    standing = list[Standing]()
    waits: dict[str, tuple[int, ...]] = {}
    for key, known in inputs.known.items():
        live = inputs.live.campaigns.get(key)
        if live is None:
            continue
        made = subjects.get(key)
        name = made.subject.key if made else key
        waits[name] = waits_of(inputs.sent(known.steps_digest) or ())
        found = stands(name, known, live, waits[name], inputs.now)
        if found is None:
            return None
        standing.append(found)
    for made in drafts:
        if made.facts is not None:
            waits[made.subject.key] = made.facts.waits
    capacity = capacity_of(
        inputs.live.pools, inputs.live.accounts, inputs.desired.policy, recent=sum(found.recent for found in standing)
    )
    return replace(capacity, lots=tuple(lot for found in standing for lot in found.lots), waits=waits)


def _priority(made: Draft) -> int:
    return made.subject.campaign.priority if made.subject.campaign else 0


def _give_away(drafts: list[Draft], left: Capacity | None) -> Capacity | None:
    """Give the room away, first come, first served; return what is given away in the end."""
    for made in drafts:
        if made.facts is None:
            continue
        made.facts = replace(made.facts, capacity=left)
        if left is not None and _is_ready(made.facts):
            left = left.promising(made.facts.lots, made.facts.campaign.first_step_within_days)
    return left


def _is_ready(facts: Facts) -> bool:
    return combine(evaluate(facts)) is ActionStatus.READY


def _unrecognised(action: Action) -> Action:
    """Hold what writes to a server that may be another workspace: its pools tell which one it is (design §6)."""
    if action.kind not in {Kind.CREATE, Kind.UPDATE, Kind.REPLACE} or action.status is not ActionStatus.READY:
        return action
    words = "the sender pools could not be read, and they tell which workspace this is"
    return action.model_copy(update={"status": ActionStatus.HELD, "reason": words})


def _guarded(action: Action, status: ActionStatus, results: tuple[GuardResult, ...]) -> Action:
    if action.effect is not Effect.IRREVERSIBLE:
        return action
    reason = action.reason if status is ActionStatus.READY else why(results)
    return action.model_copy(update={"status": status, "guards": results, "reason": reason})


def why(results: Iterable[GuardResult]) -> str:
    """Join the words of the failed guards."""
    return "; ".join(result.detail for result in results if result.passed is False)
