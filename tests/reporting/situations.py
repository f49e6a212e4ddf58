"""Hand-built plans and diagnostics: what people meet, one function each."""

from datetime import UTC, datetime

from reconciler.diagnostics import Diagnostic, SourceRange, error, note, warning
from reconciler.model.plan import (
    Action,
    ActionStatus,
    Base,
    Change,
    Effect,
    GuardResult,
    Kind,
    People,
    Plan,
    PlannedCampaign,
    PlannedStep,
    Summary,
)

CREATED = datetime(2026, 11, 30, 13, 2, tzinfo=UTC)
_EFFECTS = {
    Kind.ENROLL: Effect.IRREVERSIBLE,
    Kind.START: Effect.IRREVERSIBLE,
    Kind.RESUME: Effect.IRREVERSIBLE,
    Kind.PAUSE: Effect.REVERSIBLE,
}


def plan(
    campaigns: list[PlannedCampaign],
    actions: list[Action],
    *,
    unchanged: int = 0,
    receive: int = 0,
    refreshed: bool = True,
    diagnostics: tuple[Diagnostic, ...] = (),
) -> Plan:
    """Make a plan whose summary fits its actions."""
    counts = {kind.value: sum(action.kind is kind for action in actions) for kind in Kind}
    statuses = {
        status.value: sum(action.status is status for action in actions)
        for status in ActionStatus
        if status is not ActionStatus.READY
    }
    return Plan(
        tool="reconciler 0.1.0",
        workspace="acme",
        environment="production",
        timezone="Europe/Berlin",
        created_at=CREATED,
        base=Base(lineage="4f0c", serial=42, specs="77aa"),
        digest="8c41e07a5b6d",
        refreshed=refreshed,
        campaigns=tuple(campaigns),
        actions=tuple(actions),
        diagnostics=diagnostics,
        summary=Summary(**counts, **statuses, unchanged=unchanged, new_recipients=receive),
    )


def campaign(
    key: str,
    *,
    name: str | None = None,
    line: int = 3,
    desired: str = "running",
    live: str = "absent",
    people: People | None = None,
    steps: tuple[PlannedStep, ...] = (),
) -> PlannedCampaign:
    """Make a campaign that has a file."""
    return PlannedCampaign(
        key=key,
        name=name or key,
        digest="d" * 64,
        file=f"specs/campaigns/{key}.yaml",
        line=line,
        desired=desired,
        live=live,
        people=people or People(),
        steps=steps,
    )


def action(
    key: str,
    kind: Kind,
    *,
    status: ActionStatus = ActionStatus.READY,
    line: int | None = None,
    reason: str = "",
    changes: tuple[Change, ...] = (),
    guards: tuple[GuardResult, ...] = (),
    fallback: Kind | None = None,
) -> Action:
    """Make an action with the effect its kind has."""
    return Action(
        campaign=key,
        kind=kind,
        status=status,
        effect=_EFFECTS.get(kind, Effect.INERT),
        file=f"specs/campaigns/{key}.yaml" if line else None,
        line=line,
        reason=reason,
        changes=changes,
        guards=guards,
        fallback=fallback,
    )


def passed(**details: str) -> tuple[GuardResult, ...]:
    """Make guards that passed, by id."""
    return tuple(GuardResult(id=name.replace("_", "-"), passed=True, detail=detail) for name, detail in details.items())


SALES_STEPS = (
    PlannedStep(subject="Quick question, {{firstName}}", delay_days=0),
    PlannedStep(subject="Re: Quick question, {{firstName}}", delay_days=3),
)
SALES_GUARDS = passed(
    minimum_leads="142 leads, 100 wanted",
    tokens="no blank tokens",
    never_sent="nothing sent before",
    senders="8 active senders",
    capacity="room 1,353",
    window="inside the start window",
)
PRICING = (
    "<p>Hi {{firstName}},</p><p>you asked what we charge. Our offer is simple and has no small print. "
    "Plans start at {price} a month, and the first month is free.</p>"
    '<p>Details are <a href="https://example.com/{page}">here</a>.</p>'
)
ROOM = (
    "1,400 people would get email today and there is room for 1,353 (1,543 left now, 190 kept free): 47 short. "
    "The draft is created meanwhile, without leads.\n"
    "For today: 47 fewer leads, or more senders."
)


def monday() -> Plan:
    """Make what the mock shows: one needs you, one waits, one starts, one draft is edited."""
    wrong = "somebody is sending with it since 23 Nov; its steps are frozen. 212 people get the OLD text. Choose:\n"
    ways = '  leave it       revert line 14\n  stop them now  reconciler stop cfo-pricing --reason "wrong price"'
    return plan(
        [
            campaign("cfo-pricing", live="running", people=People(enrolled=212)),
            campaign(
                "de-hr",
                name="HR in Germany",
                people=People(rows=1406, leads=1400, new=1400, held=1400, duplicates=6),
                steps=(PlannedStep(subject="Kurze Frage, {{firstName}}", delay_days=0),),
            ),
            campaign("fintech-intro", line=6, desired="draft", live="draft"),
            campaign(
                "vp-sales-q3",
                name="VP Sales - AI Workflow Q3",
                people=People(receive=142, rows=145, leads=142, new=142, duplicates=2, rejected=1),
                steps=SALES_STEPS,
            ),
        ],
        [
            action(
                "cfo-pricing",
                Kind.UPDATE,
                status=ActionStatus.BLOCKED,
                line=14,
                reason=wrong + ways,
                changes=(
                    Change(
                        path="sequenceSteps[2].bodyHtml",
                        before=PRICING.replace("{price}", "€90").replace("{page}", "plans"),
                        after=PRICING.replace("{price}", "€120").replace("{page}", "pricing"),
                    ),
                ),
            ),
            action("de-hr", Kind.CREATE, changes=(Change(path="name", after="HR in Germany"),)),
            action("de-hr", Kind.ENROLL, status=ActionStatus.HELD, reason=ROOM),
            action(
                "de-hr",
                Kind.START,
                status=ActionStatus.HELD,
                reason=ROOM,
                guards=(
                    *passed(senders="8 active senders"),
                    GuardResult(id="capacity", passed=False, detail=ROOM[:70]),
                ),
            ),
            action("vp-sales-q3", Kind.CREATE),
            action("vp-sales-q3", Kind.ENROLL, guards=SALES_GUARDS),
            action("vp-sales-q3", Kind.START, guards=SALES_GUARDS),
            action(
                "fintech-intro",
                Kind.UPDATE,
                fallback=Kind.REPLACE,
                changes=(
                    Change(path="name", before="Fintech (Bob's copy)", after="Fintech Intro", origin="drift"),
                    Change(
                        path="sequenceSteps[0].subject",
                        before="Quick idea, {{firstName}}",
                        after="Quick question, {{firstName}}",
                    ),
                    Change(path="sequenceSteps[1].delayDays", before=3, after=4),
                    Change(
                        path="sequenceSteps[2]",
                        after={"subject": "Last try", "bodyHtml": "<p>Still there?</p>", "delayDays": 5},
                    ),
                ),
            ),
        ],
        unchanged=36,
        receive=142,
        diagnostics=(
            note(
                "shared-text",
                "partials/footer-us.html.j2 was edited: 5 running campaigns keep the old footer",
                hint="Steps of a started campaign are frozen.",
            ),
        ),
    )


def nothing() -> Plan:
    """Everything is as the files say."""
    return plan([campaign("vp-sales-q3", live="running")], [], unchanged=38)


def unread() -> Plan:
    """Nothing can be planned, since something could not be read."""
    return plan(
        [campaign("vp-sales-q3", live="unknown")],
        [],
        unchanged=1,
        diagnostics=(
            error(
                "unread",
                "its live state could not be read (503), so nothing is planned for it",
                hint="Run it again later.",
                at=SourceRange(file="specs/campaigns/vp-sales-q3.yaml", line=3),
                campaign="vp-sales-q3",
            ),
        ),
    )


def offline() -> Plan:
    """`--no-refresh`: what needs the server was not checked."""
    unmade = tuple(
        GuardResult(id=name, passed=None, detail="not checked: the server was not asked")
        for name in ("never-sent", "senders", "capacity")
    )
    return plan(
        [
            campaign(
                "vp-sales-q3",
                name="VP Sales - AI Workflow Q3",
                people=People(receive=1, rows=1, leads=1, new=1),
                steps=SALES_STEPS,
            )
        ],
        [
            action("vp-sales-q3", Kind.CREATE),
            action("vp-sales-q3", Kind.ENROLL, guards=(*passed(minimum_leads="1 lead, 1 wanted"), *unmade)),
            action("vp-sales-q3", Kind.START, guards=(*passed(minimum_leads="1 lead, 1 wanted"), *unmade)),
        ],
        receive=1,
        refreshed=False,
    )


def offline_nothing() -> Plan:
    """`--no-refresh`, and nothing differs."""
    return plan([campaign("vp-sales-q3", live="running")], [], unchanged=1, refreshed=False)


def housekeeping() -> Plan:
    """Pauses, removed files, renames, returning keys, new drafts in place of old ones."""
    return plan(
        [
            campaign("autumn", desired="archived", live="running", people=People(enrolled=80)),
            campaign("black-friday", desired="paused", live="running", people=People(enrolled=1200)),
            campaign("events", desired="draft", live="draft", steps=(PlannedStep(subject="Meet us", delay_days=0),)),
            campaign("ideas", name="Ideas", desired="draft", steps=SALES_STEPS),
            campaign("newsletter-2026", live="running"),
            campaign("old-draft", desired="file gone", live="draft"),
            campaign("returning", live="paused by us"),
        ],
        [
            action("autumn", Kind.PAUSE, reason="its file says archived: it is paused, and stays in Leadterra"),
            action("autumn", Kind.FORGET),
            action("black-friday", Kind.PAUSE, line=4, reason="its file says paused"),
            action(
                "events",
                Kind.REPLACE,
                reason="Leadterra cannot edit a draft: a new one takes its place, the old one stays there, empty",
                changes=(Change(path="sequenceSteps[0].subject", before="Meet me", after="Meet us"),),
            ),
            action("ideas", Kind.CREATE),
            action(
                "newsletter-2026",
                Kind.MOVE,
                line=9,
                reason="the live campaign is not touched",
                changes=(Change(path="key", before="newsletter", after="newsletter-2026"),),
            ),
            action("old-draft", Kind.FORGET, reason="its file is gone"),
            action("returning", Kind.ADOPT, reason="this key was managed before (camp_1f2e)"),
        ],
        unchanged=1,
        diagnostics=(warning("leftover", "1 old draft cannot be deleted by API", campaign="events"),),
    )


def newcomers() -> Plan:
    """Enroll new leads into a running campaign, and one that goes on after our own pause."""
    return plan(
        [
            campaign(
                "vp-sales-q3",
                live="running",
                people=People(receive=12, rows=157, leads=154, new=12, changed=3, gone=4, duplicates=3, enrolled=142),
                steps=SALES_STEPS,
            ),
            campaign("winter", live="paused by us", people=People(enrolled=212)),
        ],
        [
            action("vp-sales-q3", Kind.ENROLL, guards=passed(capacity="room 1,353", tokens="no blank tokens")),
            action("winter", Kind.RESUME, line=4, guards=passed(paused_outside="paused by this repository")),
        ],
        receive=12,
    )


def waiting() -> Plan:
    """Wait for a later time, and because of a pause by somebody else; nothing can be done now."""
    outside = "somebody else paused it, so it is not resumed by itself; merge `status: paused`, then `status: running`"
    return plan(
        [
            campaign("advent", live="draft", people=People(rows=50, leads=50, new=50, held=50), steps=SALES_STEPS),
            campaign("winter", live="paused elsewhere", people=People(enrolled=212, held=0)),
        ],
        [
            action("advent", Kind.ENROLL, status=ActionStatus.SCHEDULED, reason="not before Tue 1 Dec 09:00"),
            action(
                "advent",
                Kind.START,
                status=ActionStatus.SCHEDULED,
                guards=(GuardResult(id="not-before", passed=False, detail="not before Tue 1 Dec 09:00"),),
            ),
            action("winter", Kind.RESUME, status=ActionStatus.HELD, reason=outside),
        ],
    )


PLANS = {
    "monday": monday,
    "nothing": nothing,
    "unread": unread,
    "offline": offline,
    "offline-nothing": offline_nothing,
    "housekeeping": housekeeping,
    "newcomers": newcomers,
    "waiting": waiting,
}

DIAGNOSTICS = (
    note("n", "3 duplicates in the list were left out", at=SourceRange(file="specs/leads/q3.csv", line=87)),
    error(
        "unknown-key",
        "`sequenceStep` is no key of a campaign",
        hint="Did you mean `sequenceSteps`?",
        at=SourceRange(file="specs/campaigns/b.yaml", line=7, column=3),
    ),
    error("empty", "there is no campaign below specs/campaigns", hint="reconciler new KEY makes a first one."),
    error("token", "no lead has {{firstname}}", at=SourceRange(file="specs/campaigns/a.yaml", line=2), campaign="a"),
)
