"""What an apply did, did not do, and why. Every result of the report is in the text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.plan import Kind, Plan
from reconciler.model.report import ActionResult, Outcome, Report
from reconciler.reporting.diagnosticview import write_diagnostics
from reconciler.reporting.entries import only_details
from reconciler.reporting.layout import Line, Page, cells, say
from reconciler.reporting.words import DONE, STATE, ended, moment, people, zone_of

_WIDEST_KEY = 28


@dataclass(frozen=True, slots=True)
class _Look:
    mark: str
    style: str
    title: str
    one: str
    many: str


OUTCOMES = {
    Outcome.UNKNOWN: _Look(
        "?", "red", "Unknown: the request left, and no answer tells whether it was carried out", "unknown", "unknown"
    ),
    Outcome.FAILED: _Look("✗", "red", "Failed", "failed", "failed"),
    Outcome.BLOCKED: _Look("✗", "red", "Needs you", "needs you", "need you"),
    Outcome.HELD: _Look("◷", "yellow", "Waits", "waits", "wait"),
    Outcome.SCHEDULED: _Look("◷", "blue", "Waits for its time", "waits for its time", "wait for their time"),
    Outcome.NOT_ATTEMPTED: _Look("−", "yellow", "Not attempted", "not attempted", "not attempted"),  # noqa: RUF001 - a minus
    Outcome.DONE: _Look("✓", "green", "Done", "done", "done"),
}
"""In the order of the text; a campaign bears the mark of its first outcome in this order."""

_SENDING = {Kind.ENROLL, Kind.START}
_LEADS_UP = {Kind.CREATE, Kind.UPDATE, Kind.REPLACE, Kind.ENROLL}
_GOES_OUT = {Kind.START, Kind.RESUME}


def render_report(report: Report, plan: Plan, *, color: bool = False, width: int = 100) -> str:
    """Write what an apply did with a plan, for people; empty where there was nothing to do. `width` is in columns.

    It ends with what to run next, as the report has it.
    """
    if not (report.results or report.diagnostics or report.interrupted):
        return ""
    page = Page(color=color, width=width)
    zone, place = zone_of(plan.timezone)
    header = [plan.workspace, plan.environment, f"{moment(report.started_at.astimezone(zone))} {place}"]
    page.dotted(header, style="dim")
    if report.interrupted:
        page.blank()
        told = "Interrupted: the run was told to end before it was through. What it did and did not do:"
        page.add([say(told, "bold red")], hanging=2)
    campaigns = by_campaign(report.results, plan)
    brought = brought_up_to_date(plan)
    column = min(max((cells(say(key).text) for key in campaigns), default=0), _WIDEST_KEY) + 4
    page.blank()
    for key, results in campaigns.items():
        _campaign(page, key, results, column, brought.get(key))
    for outcome in OUTCOMES:
        _section(page, outcome, campaigns, plan)
    page.blank()
    if report.diagnostics:
        write_diagnostics(page, report.diagnostics)
        page.blank()
    _closing(page, report, plan, campaigns)
    return page.render()


def by_campaign(results: Sequence[ActionResult], plan: Plan) -> Mapping[str, list[ActionResult]]:
    """Sort by key, and the actions of each campaign as the plan has them; an update may have ended as a new draft."""
    places: dict[tuple[str, Kind], int] = {}
    for place, action in enumerate(plan.actions):
        for kind in (action.kind, action.fallback or action.kind):
            places.setdefault((action.campaign, kind), place)
    last = len(plan.actions)
    ordered = sorted(results, key=lambda item: (item.campaign, places.get((item.campaign, item.kind), last)))
    campaigns: dict[str, list[ActionResult]] = {}
    for result in ordered:
        campaigns.setdefault(result.campaign, []).append(result)
    return campaigns


def brought_up_to_date(plan: Plan) -> Mapping[str, int]:
    """Return how many people get new details, for each campaign whose enrolment adds nobody."""
    kinds: dict[str, set[Kind]] = {}
    for action in plan.actions:
        kinds.setdefault(action.campaign, set()).add(action.kind)
    return {
        campaign.key: campaign.people.changed
        for campaign in plan.campaigns
        if only_details(campaign.people, kinds.get(campaign.key, ()))
    }


def _campaign(page: Page, key: str, results: Sequence[ActionResult], column: int, brought: int | None) -> None:
    """Write one line: what it is now, what is not done, the server's counts, and what else there is to say."""
    look = look_of(results)
    words, details = became(results, brought)
    text: Line = [say(words)]
    counts = _counts(results)
    if counts:
        text.append(say(f"   {counts}", "bold"))
    if details:
        text.append(say(f"   ({details})", "dim"))
    page.mark(say(f"{look.mark} ", f"bold {look.style}"), say(key, "bold"), text, column)


def look_of(results: Sequence[ActionResult]) -> _Look:
    """Return how a campaign is marked, by the first of its outcomes in the order of `OUTCOMES`."""
    return next(look for outcome, look in OUTCOMES.items() if any(item.outcome is outcome for item in results))


def became(results: Sequence[ActionResult], brought: int | None) -> tuple[str, str]:
    """Say what a campaign is now and what is not done, and what else there is to say.

    `brought` is how many people got new details from an enrolment that adds nobody.
    """
    words, details = _done([item for item in results if item.outcome is Outcome.DONE], brought)
    parts = [" · ".join(words)] if words else []
    for outcome in dict.fromkeys(item.outcome for item in results if item.outcome is not Outcome.DONE):
        kinds = [item.kind.value for item in results if item.outcome is outcome]
        parts.append(f"{OUTCOMES[outcome].one} ({', '.join(kinds)})")
    return "; ".join(parts), " · ".join(details)


def _done(done: Sequence[ActionResult], brought: int | None) -> tuple[list[str], list[str]]:
    """Say what it is now, and how it came to that: what only led up to a start is told behind it.

    `brought` is how many people got new details from an enrolment that adds nobody.
    """
    goes_out = any(item.kind in _GOES_OUT for item in done)
    words: list[str] = []
    details: list[str] = []
    for item in done:
        word, detail = ended(item.kind, STATE.get(item.kind, DONE[item.kind]), item.detail)
        if item.kind is Kind.ENROLL and brought is not None:
            word, detail = item.detail or f"{brought:,} brought up to date", ""
        if goes_out and item.kind in _LEADS_UP:
            details.append(detail or word)
        else:
            words.append(word)
            details += [detail] if detail else []
    return words, details


def _counts(results: Sequence[ActionResult]) -> str:
    return " · ".join(f"{name} {number:,}" for name, number in last_counts(results).items())


def last_counts(results: Sequence[ActionResult]) -> dict[str, int]:
    """Return the last counts the server gave, under its own names, also those of something that failed half way."""
    return {
        name: number
        for item in results
        for name, number in (("leadsEnrolled", item.leads_enrolled), ("queuedMessages", item.queued_messages))
        if number is not None
    }


def _section(page: Page, outcome: Outcome, campaigns: Mapping[str, Sequence[ActionResult]], plan: Plan) -> None:
    told = reasons_of(outcome, campaigns, plan)
    if outcome is Outcome.DONE or not told:
        return
    page.blank()
    page.add([say(OUTCOMES[outcome].title, f"bold {OUTCOMES[outcome].style}")])
    for (key, why), kinds in told.items():
        page.add([say(key, "bold"), say(f"  {', '.join(kinds)}")], indent=2, hanging=2)
        if why:
            page.prose(why, 4)


def reasons_of(
    outcome: Outcome, campaigns: Mapping[str, Sequence[ActionResult]], plan: Plan
) -> dict[tuple[str, str], list[str]]:
    """Return the kinds of all that ended in this way, by campaign and reason."""
    reasons = {(action.campaign, action.kind): action.reason for action in plan.actions}
    told: dict[tuple[str, str], list[str]] = {}
    for key, results in campaigns.items():
        for item in results:
            if item.outcome is outcome:
                why = item.detail or reasons.get((key, item.kind), "")
                told.setdefault((key, why), []).append(item.kind.value)
    return told


def _closing(page: Page, report: Report, plan: Plan, campaigns: Mapping[str, Sequence[ActionResult]]) -> None:
    if not report.results:
        page.add([say("There was nothing to do.", "bold")])
        return
    page.dotted(total_words(plan, campaigns), style="bold")
    for line in report.next:
        page.prose(line)


def total_words(plan: Plan, campaigns: Mapping[str, Sequence[ActionResult]]) -> list[str]:
    """Say who gets email, and count campaigns as the plan does; one in which several things happened counts in each."""
    brought = brought_up_to_date(plan)
    unsure = any(_unsure(results) for key, results in campaigns.items() if key not in brought)
    total = [_recipients(_new_recipients(plan, campaigns), unsure=unsure)]
    for outcome in reversed(OUTCOMES):
        number = sum(any(item.outcome is outcome for item in results) for results in campaigns.values())
        if number:
            total.append(f"{number:,} {OUTCOMES[outcome].one if number == 1 else OUTCOMES[outcome].many}")
    return total


def _unsure(results: Sequence[ActionResult]) -> bool:
    """Whether an unknown outcome means that people may get email: what is enrolled waits for the start after it."""
    sending = [item for item in results if item.kind in _SENDING]
    decisive = [item for item in sending if item.kind is Kind.START] or sending
    return any(item.outcome is Outcome.UNKNOWN for item in decisive)


def _recipients(new: int, *, unsure: bool) -> str:
    if not new:
        return "Whether anybody gets a first email is not known" if unsure else "Nobody gets a first email"
    return f"{people(new)} {'gets' if new == 1 else 'get'} a first email{', perhaps more' if unsure else ''}"


def _new_recipients(plan: Plan, campaigns: Mapping[str, Sequence[ActionResult]]) -> int:
    """Count who is written to for the first time: as planned, less whom the server left out (suppressed).

    Whoever was enrolled into a running campaign gets email, even where a later batch failed.
    """
    planned = {campaign.key: campaign.people.receive for campaign in plan.campaigns}
    total = 0
    for key, results in campaigns.items():
        sending = [item for item in results if item.kind in _SENDING]
        taken = [item.leads_enrolled for item in sending if item.leads_enrolled is not None]
        start = next((item for item in sending if item.kind is Kind.START), None)
        done = any(item.outcome is Outcome.DONE for item in ([start] if start else sending))
        if done or (start is None and taken):
            total += min([planned.get(key, 0), *taken[-1:]])
    return total
