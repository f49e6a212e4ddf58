"""What a nightly look finds: a plan that is not empty although nobody merged anything, and what has waited too long."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from reconciler.diagnostics import Severity
from reconciler.model.drift import Drift, Drifted, Finding
from reconciler.model.plan import Action, ActionStatus, Effect, Plan, PlannedCampaign
from reconciler.model.report import Moved
from reconciler.model.state import Approval
from reconciler.planning.approval import words

_LATER = (ActionStatus.HELD, ActionStatus.SCHEDULED)
TIMES = {"pacing", "not-before", "window"}
"""Checks that wait for a time, as the file or the policy says (`planning.guards`)."""


def find_drift(plan: Plan, approvals: Mapping[str, Approval], *, waited_days: int) -> Drift:
    """Tell what in a plan is not as the files of a repository that is applied at every merge would have it.

    A campaign is named for each reason there is. What waits for nothing but its time, or was approved at most
    `waited_days` days ago and waits for room, is as it should be; so is what an approval of the state covers and the
    next run of those does.
    """
    found = [*_errors(plan)]
    for campaign in plan.campaigns:
        found += _of(campaign, plan.of(campaign.key), approvals.get(campaign.key), plan, timedelta(days=waited_days))
    order = list(Finding)
    return Drift(
        workspace=plan.workspace,
        environment=plan.environment,
        timezone=plan.timezone,
        read_at=plan.created_at,
        waited_days=waited_days,
        found=tuple(sorted(found, key=lambda item: (order.index(item.finding), item.campaign or ""))),
    )


def _errors(plan: Plan) -> Iterator[Drifted]:
    for item in plan.diagnostics:
        if item.severity is Severity.ERROR:
            told = (item.message, *([item.hint] if item.hint else ()))
            yield Drifted(finding=Finding.NEEDS_YOU, campaign=item.campaign, told=told, file=item.file, line=item.line)


def _of(
    campaign: PlannedCampaign,
    actions: tuple[Action, ...],
    approval: Approval | None,
    plan: Plan,
    patience: timedelta,
) -> Iterator[Drifted]:
    def named(finding: Finding, *told: str) -> Drifted:
        return Drifted(finding=finding, campaign=campaign.key, told=told, file=campaign.file, line=campaign.line)

    blocked = [action.reason for action in actions if action.status is ActionStatus.BLOCKED]
    if blocked:
        yield named(Finding.NEEDS_YOU, *dict.fromkeys(blocked))
    changed = [
        words(Moved(campaign=campaign.key, path=c.path, before=c.after, after=c.before, origin="drift"))
        for action in actions
        for c in action.changes
        if c.origin == "drift"
    ]
    outside = [
        guard.detail
        for action in actions
        for guard in action.guards
        if guard.id == "paused-outside" and guard.passed is False
    ]
    if changed or outside:
        yield named(Finding.CHANGED, *changed, *dict.fromkeys(outside))
    waits = [action for action in actions if action.effect is Effect.IRREVERSIBLE and _is_held(action)]
    if waits and approval is not None and plan.created_at - approval.at > patience:
        days = (plan.created_at - approval.at).days
        why = dict.fromkeys(_why(action) for action in waits)
        yield named(Finding.WAITING, f"approved {days:,} days ago by {approval.by}", *filter(None, why))
    ready = [action for action in actions if action.status is ActionStatus.READY and not _is_drift(action)]
    left = [action for action in ready if approval is None or action.effect is not Effect.IRREVERSIBLE]
    kinds = ", ".join(dict.fromkeys(action.kind.value for action in left))
    later = [action for action in actions if action.effect is Effect.IRREVERSIBLE and _waits(action)]
    told = [f"an apply would do: {kinds}"] if left else []
    told += ["nobody has approved yet of what it is to send later"] if later and approval is None else []
    if told and not blocked:
        yield named(Finding.NOT_APPLIED, *told)


def _waits(action: Action) -> bool:
    """Whether it waits for something else than a person who stopped or paused it."""
    failed = {guard.id for guard in action.guards if guard.passed is False}
    return action.status in _LATER and not failed & {"stop", "paused-outside"}


def _is_held(action: Action) -> bool:
    """Whether a check other than of the time holds it. At night it is not its time either, and that comes first."""
    if action.status is ActionStatus.HELD:
        return True
    failed = {guard.id for guard in action.guards if guard.passed is False}
    return action.status is ActionStatus.SCHEDULED and bool(failed - TIMES)


def _is_drift(action: Action) -> bool:
    return bool(action.changes) and all(change.origin == "drift" for change in action.changes)


def _why(action: Action) -> str:
    failed = [guard.detail for guard in action.guards if guard.passed is False]
    return action.reason or "; ".join(failed)
