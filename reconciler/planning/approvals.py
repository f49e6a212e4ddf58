"""Approvals that the state keeps: of what an apply was told to do and could not do yet (design §5, §6).

Whoever approves a plan approves of the starts in it that wait for room or for their time, and of the waves to come.
With `apply --approved-only` nothing but that is done later on.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from reconciler.diagnostics import Severity
from reconciler.model.plan import Action, ActionStatus, Effect, Kind, Plan, PlannedCampaign
from reconciler.model.report import ActionResult, Outcome
from reconciler.model.state import Approval, State
from reconciler.planning.lifecycle import STARTED_ROWS

NOT_APPROVED = "nobody has approved this; run `reconciler apply` without --approved-only"
_STARTED = {row.value for row in STARTED_ROWS}


def unapproved(plan: Plan, approvals: Mapping[str, Approval]) -> tuple[str, ...]:
    """Return the campaigns of a plan of which something is to be done that no approval covers."""
    return tuple(
        campaign.key
        for campaign in plan.campaigns
        if (actions := plan.of(campaign.key)) and not _covers(approvals.get(campaign.key), campaign, actions)
    )


def to_approve(plan: Plan, approvals: Mapping[str, Approval]) -> int:
    """Count the campaigns that would send, now or later, without an approval of the state. What is blocked does not."""
    return sum(any(map(_would_send, plan.of(key))) for key in unapproved(plan, approvals))


def _would_send(action: Action) -> bool:
    return action.effect is Effect.IRREVERSIBLE and action.status is not ActionStatus.BLOCKED


def still_approved(plan: Plan, saved: Plan, approvals: Mapping[str, Approval]) -> frozenset[str]:
    """Return the campaigns of which a saved plan was carried out in part, and that approval covers what is left.

    Its waves go into a campaign that runs since; whatever else was approved is compared with the plan itself.
    """
    contents = {campaign.key: campaign.content for campaign in saved.campaigns}
    others = {*unapproved(plan, approvals)}
    return frozenset(
        campaign.key
        for campaign in plan.campaigns
        if campaign.key not in others and plan.of(campaign.key) and contents.get(campaign.key) == campaign.content
    )


def not_approved(plan: Plan, keys: Sequence[str]) -> tuple[ActionResult, ...]:
    """Report the actions of campaigns that nobody has approved: they wait for that."""
    return tuple(
        ActionResult(campaign=action.campaign, kind=action.kind, outcome=Outcome.HELD, detail=NOT_APPROVED)
        for key in keys
        for action in plan.of(key)
        if action.kind is not Kind.PAUSE
    )


def given(state: State, plan: Plan, *, at: datetime, by: str) -> State:
    """Keep the approval of all that a plan would send, sooner or later; what needs somebody is not approved."""
    kept = dict(state.approvals)
    for campaign in plan.campaigns:
        actions = plan.of(campaign.key)
        sends = any(action.effect is Effect.IRREVERSIBLE for action in actions)
        blocked = any(action.status is ActionStatus.BLOCKED for action in actions)
        if sends and not blocked and campaign.content is not None:
            kinds = tuple(dict.fromkeys(action.kind.value for action in actions))
            started = campaign.live in _STARTED
            kept[campaign.key] = Approval(at=at, by=by, content=campaign.content, kinds=kinds, started=started)
    return _with(state, kept)


def needed(state: State, plan: Plan, results: Sequence[ActionResult]) -> State:
    """Keep the approvals that are still needed after a run: a campaign of which nothing is left to be sent needs none.

    Campaigns that are not in the plan keep theirs, unless it is a plan of everything; so do those of which nothing
    could be planned: nobody knows whether something is left.
    """
    unread = {item.campaign for item in plan.diagnostics if item.severity is Severity.ERROR}
    done = {(item.campaign, item.kind) for item in results if item.outcome is Outcome.DONE}
    kept = dict(state.approvals)
    for campaign in plan.campaigns:
        actions = [action for action in plan.of(campaign.key) if action.effect is Effect.IRREVERSIBLE]
        through = all((action.campaign, action.kind) in done for action in actions) and not campaign.people.later
        if through and campaign.key not in unread:
            kept.pop(campaign.key, None)
    planned = {campaign.key for campaign in plan.campaigns}
    if not plan.targets:
        kept = {key: approval for key, approval in kept.items() if key in planned or key in state.campaigns}
    return _with(state, kept)


def withdrawn(state: State, plan: Plan, before: State) -> State:
    """Take back what a run was approved for that was told to end: the campaigns of its plan have what they had."""
    planned = {campaign.key for campaign in plan.campaigns}
    kept = {key: approval for key, approval in state.approvals.items() if key not in planned}
    return _with(state, kept | {key: item for key, item in before.approvals.items() if key in planned})


def _with(state: State, kept: Mapping[str, Approval]) -> State:
    return state if kept == state.approvals else state.model_copy(update={"approvals": dict(sorted(kept.items()))})


def _covers(approval: Approval | None, campaign: PlannedCampaign, actions: Sequence[Action]) -> bool:
    """Whether content, people and rules are as they were approved, and nothing else is to be done.

    Pauses need no approval (design §1). A draft that was created meanwhile may be adopted. Where somebody else started
    the campaign meanwhile, nobody approved of writing to more people with the text it has.
    """
    if all(action.kind is Kind.PAUSE for action in actions):
        return True
    if approval is None or approval.content != campaign.content:
        return False
    kinds = {Kind(kind) for kind in approval.kinds}
    if Kind.CREATE in kinds:
        kinds |= {Kind.ADOPT}
    if kinds & {Kind.UPDATE, Kind.REPLACE}:
        kinds |= {Kind.UPDATE, Kind.REPLACE}
    if campaign.live in _STARTED and not approval.started:
        kinds -= {Kind.ENROLL, Kind.RESUME}
    return all(action.kind in kinds for action in actions)
