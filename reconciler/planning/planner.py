"""Everything together: identities, one draft a campaign, room shared out in order, digests, summary."""

from collections import Counter
from collections.abc import Iterable

from reconciler.diagnostics import Diagnostic, SourceRange, error, has_errors, note
from reconciler.model.base import digest
from reconciler.model.live import Live
from reconciler.model.plan import (
    Action,
    ActionStatus,
    Base,
    Effect,
    Kind,
    Plan,
    PlannedCampaign,
    PlannedStep,
    Summary,
)
from reconciler.model.workspace import Budget, Desired, Policy
from reconciler.planning.admission import admit
from reconciler.planning.approvals import to_approve
from reconciler.planning.budgets import Spending
from reconciler.planning.calendar import Calendar, draw
from reconciler.planning.identity import Resemblance, find_renames, settle
from reconciler.planning.lifecycle import STARTED_ROWS, Column
from reconciler.planning.single import Draft, Inputs, draft, people


def make_plan(inputs: Inputs) -> Plan:
    """Make the plan. Equal inputs make equal plans, in whatever order files and answers arrived."""
    alike = Resemblance({key: roster.hashes for key, roster in inputs.rosters.items()}, inputs.ledgers)
    subjects = settle(inputs.desired, inputs.state, inputs.targets, inputs.found)
    subjects = find_renames(subjects, alike, everyone=settle(inputs.desired, inputs.state, None))
    drafts = [draft(subject, inputs) for subject in subjects]
    left = admit(drafts, inputs)
    _let_go(drafts, inputs)
    calendar = draw(drafts, inputs, left)
    campaigns = tuple(_planned(made, inputs, calendar) for made in drafts if made.subject.campaign or made.actions)
    actions = tuple(action for made in drafts for action in made.actions)
    plan = Plan(
        tool=inputs.tool,
        workspace=inputs.desired.workspace,
        environment=inputs.desired.environment,
        timezone=inputs.desired.policy.timezone,
        created_at=inputs.now,
        base=Base(lineage=inputs.state.lineage, serial=inputs.state.serial, specs=specs_digest(inputs.desired)),
        digest=plan_digest(inputs.state.lineage, campaigns),
        refreshed=inputs.live.refreshed,
        campaigns=campaigns,
        actions=actions,
        forecast=calendar.days,
        not_counted=calendar.not_counted,
        diagnostics=tuple(sorted(_diagnostics(drafts, inputs), key=lambda item: item.order)),
        summary=_summary(
            campaigns, actions, unread={made.subject.key for made in drafts if has_errors(made.diagnostics)}
        ),
    )
    waiting = to_approve(plan, inputs.state.approvals)
    return plan.model_copy(update={"summary": plan.summary.model_copy(update={"unapproved": waiting})})


def plan_digest(lineage: str, campaigns: Iterable[PlannedCampaign]) -> str:
    """Digest of all that a plan has: of each campaign, and of the state it is for."""
    return digest({"lineage": lineage, "campaigns": {campaign.key: campaign.digest for campaign in campaigns}})


def specs_digest(desired: Desired) -> str:
    """Digest of all that is wanted; the places where it is written do not belong to it."""
    places = {"file": True, "line": True, "step_lines": True, "sources": True, "own_sources": True}
    leads = {"paths": True, "file": True, "line": True, "tracked": True, "examples_only": True}
    return digest(
        desired.model_dump(
            mode="json",
            exclude={
                "campaigns": {"__all__": {**places, "leads": leads}},
                "allow": {"__all__": {"file": True, "line": True}},
            },
            by_alias=True,
        )
    )


def _let_go(drafts: list[Draft], inputs: Inputs) -> None:
    """Block everything that would be forgotten where it is over budget; the pauses that come first are not touched."""
    forgetting = [made for made in drafts if any(map(_forgets, made.actions))]
    spending = Spending(len(forgetting), inputs.budgets.limit(Budget.FORGETS, inputs.now))
    if spending.fits:
        return
    blocked = {"status": ActionStatus.BLOCKED, "reason": spending.words()}
    for made in forgetting:
        made.actions = [action.model_copy(update=blocked) if _forgets(action) else action for action in made.actions]


def _forgets(action: Action) -> bool:
    return action.kind is Kind.FORGET and action.status is ActionStatus.READY


def _planned(made: Draft, inputs: Inputs, calendar: Calendar) -> PlannedCampaign:
    subject, campaign, known = made.subject, made.subject.campaign, made.subject.known
    file = campaign.file if campaign else known.file if known else None
    name = campaign.name if campaign else known.name if known else subject.key
    steps = campaign.steps if campaign else ()
    audience = _audience(made, inputs.desired.policy) if made.column is Column.RUNNING else None
    sent = {"name": name, "steps": campaign.steps_digest, "audience": audience} if campaign else None
    return PlannedCampaign(
        key=subject.key,
        name=name,
        digest=_digest(made, inputs.desired.policy),
        file=file,
        line=campaign.line if campaign else None,
        desired=made.column.value,
        live=made.row.value,
        people=people(made, inputs),
        steps=tuple(
            PlannedStep(subject=step.subject, delay_days=step.delay_days, body=digest(step.body_html)) for step in steps
        ),
        sending=calendar.sending.get(subject.key),
        content=digest(sent) if sent else None,
        audience=audience,
    )


def _audience(made: Draft, policy: Policy) -> str:
    """Cover the list, and by which rules people on it are left out; who they are changes with every campaign."""
    campaign = made.subject.campaign
    leads = campaign.leads if campaign else None
    rules: list[object] = [policy.recontact, policy.recontact_days]
    if campaign is not None and campaign.per_day is not None:
        rules += [campaign.per_day, campaign.first_wave]
    if leads is not None:
        rules += [sorted(leads.exclude), leads.limit, list(leads.part or ()), leads.where]
    return digest([made.roster.digest, rules])


def _digest(made: Draft, policy: Policy) -> str:
    """Cover what would be done, to whom and with which text: not whether it is ready, and not where it is written."""
    sends = any(action.effect is Effect.IRREVERSIBLE for action in made.actions)
    campaign = made.subject.campaign
    return digest(
        {
            "actions": [
                {
                    "kind": action.kind.value,
                    "effect": action.effect.value,
                    "changes": [change.model_dump(mode="json") for change in action.changes],
                }
                for action in made.actions
            ],
            "steps": campaign.steps_digest if campaign and sends else None,
            "audience": _audience(made, policy) if sends else None,
        }
    )


def _summary(campaigns: tuple[PlannedCampaign, ...], actions: tuple[Action, ...], unread: set[str]) -> Summary:
    kinds = Counter(action.kind for action in actions)
    touched = {action.campaign for action in actions} | unread
    by_status = {
        status: len({action.campaign for action in actions if action.status is status}) for status in ActionStatus
    }
    return Summary(
        **{kind.value: kinds[kind] for kind in Kind},
        held=by_status[ActionStatus.HELD],
        blocked=by_status[ActionStatus.BLOCKED],
        scheduled=by_status[ActionStatus.SCHEDULED],
        unchanged=sum(campaign.key not in touched for campaign in campaigns),
        new_recipients=sum(campaign.people.receive for campaign in campaigns),
    )


def _diagnostics(drafts: list[Draft], inputs: Inputs) -> list[Diagnostic]:
    found = [item for made in drafts for item in made.diagnostics]
    found += [item for made in drafts for item in made.roster.diagnostics if not _starts_over(made, item)]
    found += [error("unread", problem) for problem in inputs.live.problems]
    found += inputs.interrupted
    found += [item for made in drafts for item in _left_the_list(made)]
    found += [item for made in drafts for item in _leftovers_that_send(made, inputs.live)]
    found += inputs.budgets.expired_notes(inputs.now)
    if inputs.live.refreshed and inputs.live.capabilities.get_campaign is False and inputs.live.campaigns:
        words = (
            "this server cannot show a campaign's name, steps and status: what was last written by us is taken as live"
        )
        found.append(note("unreadable", words))
    return found


def _starts_over(made: Draft, item: Diagnostic) -> bool:
    """Whether this is about people who are left out of a draft, and a new draft takes over: they are tried again."""
    return made.afresh and item.code == "leads-refused"


def _leftovers_that_send(made: Draft, live: Live) -> list[Diagnostic]:
    """Tell of older drafts of a started campaign that were started, too: their people may be in both."""
    key, campaign = made.subject.key, made.subject.campaign
    seen = live.campaigns.get(made.subject.known_key)
    if seen is None or made.row not in STARTED_ROWS:
        return []
    sending = [name for name, stats in seen.leftovers.items() if stats is not None and (stats.sent or stats.queued)]
    words = "has sent or queued email, though a newer one has taken its place: people may be in both"
    hint = f'`reconciler stop {key} --reason "…"` pauses both; then look in Leadterra who is in which'
    at = SourceRange(file=campaign.file, line=campaign.line) if campaign else None
    return [
        error("leftover-sends", f"{key}: the older draft {name} {words}", hint=hint, at=at, campaign=key)
        for name in sending
    ]


def _left_the_list(made: Draft) -> list[Diagnostic]:
    campaign = made.subject.campaign
    if campaign is None or not made.roster.gone or made.row not in STARTED_ROWS or made.column is not Column.RUNNING:
        return []
    count = f"{made.roster.gone:,} {'person' if made.roster.gone == 1 else 'people'}"
    words = f"{campaign.key}: {count} left the list and still get the later steps"
    hint = "`reconciler suppress` keeps an address from every email, for good"
    at = SourceRange(file=campaign.file, line=campaign.line)
    return [note("left-the-list", words, hint=hint, at=at, campaign=campaign.key)]
