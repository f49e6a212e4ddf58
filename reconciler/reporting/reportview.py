"""What an apply did, did not do, and why. Every result of the report is in the text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.plan import Kind, Plan
from reconciler.model.report import ActionResult, Outcome, Report
from reconciler.reporting.diagnosticview import write_diagnostics
from reconciler.reporting.layout import Line, Page, cells, say
from reconciler.reporting.words import DONE, count, moment, people, zone_of

_STATE = {Kind.START: "running", Kind.RESUME: "running", Kind.PAUSE: "paused"}
_WIDEST_KEY = 28


@dataclass(frozen=True, slots=True)
class _Look:
    mark: str
    style: str
    title: str
    one: str
    many: str


_LOOKS = {
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
_UNFINISHED = {Outcome.UNKNOWN, Outcome.FAILED, Outcome.NOT_ATTEMPTED}


def render_report(report: Report, plan: Plan, *, color: bool = False, width: int = 100) -> str:
    """Write what an apply did with a plan, for people. `width` is in columns."""
    page = Page(color=color, width=width)
    zone, place = zone_of(plan.timezone)
    header = [plan.workspace, plan.environment, f"{moment(report.started_at.astimezone(zone))} {place}"]
    page.dotted(header, style="dim")
    if report.interrupted:
        page.blank()
        told = "Interrupted: the run was told to end before it was through. What it did and did not do:"
        page.add([say(told, "bold red")], hanging=2)
    campaigns = _by_campaign(report.results)
    column = min(max((cells(say(key).text) for key in campaigns), default=0), _WIDEST_KEY) + 4
    page.blank()
    for key, results in campaigns.items():
        _campaign(page, key, results, column)
    for outcome in _LOOKS:
        _section(page, outcome, report, plan)
    page.blank()
    if report.diagnostics:
        write_diagnostics(page, report.diagnostics)
        page.blank()
    _closing(page, report, plan, campaigns)
    return page.render()


def _by_campaign(results: Sequence[ActionResult]) -> Mapping[str, list[ActionResult]]:
    campaigns: dict[str, list[ActionResult]] = {}
    for result in results:
        campaigns.setdefault(result.campaign, []).append(result)
    return dict(sorted(campaigns.items()))


def _campaign(page: Page, key: str, results: Sequence[ActionResult], column: int) -> None:
    """Write one line: what it is now, what is not done, the server's counts, and the single steps that were done."""
    look = next(look for outcome, look in _LOOKS.items() if any(item.outcome is outcome for item in results))
    done = [item for item in results if item.outcome is Outcome.DONE]
    parts = [_STATE.get(done[-1].kind, DONE[done[-1].kind])] if done else []
    for outcome, other in _LOOKS.items():
        kinds = [item.kind.value for item in results if item.outcome is outcome]
        if kinds and outcome is not Outcome.DONE:
            parts.append(f"{other.one} ({', '.join(kinds)})")
    text: Line = [say("; ".join(parts))]
    counts = _counts(results)
    if counts:
        text.append(say(f"   {counts}", "bold"))
    if len(done) > 1:
        steps = [f"{DONE[item.kind]}{f': {item.detail}' if item.detail else ''}" for item in done]
        text.append(say(f"   ({'; '.join(steps) if any(item.detail for item in done) else ', '.join(steps)})", "dim"))
    elif done and done[0].detail:
        text.append(say(f"   {done[0].detail}", "dim"))
    page.mark(say(f"{look.mark} ", f"bold {look.style}"), say(key, "bold"), text, column)


def _counts(results: Sequence[ActionResult]) -> str:
    """Write the last counts the server gave, under its own names, also those of something that failed half way."""
    shown = {
        name: number
        for item in results
        for name, number in (("leadsEnrolled", item.leads_enrolled), ("queuedMessages", item.queued_messages))
        if number is not None
    }
    return " · ".join(f"{name} {number:,}" for name, number in shown.items())


def _section(page: Page, outcome: Outcome, report: Report, plan: Plan) -> None:
    """Say why, for everything that ended in this way; actions of a campaign with one reason stand together."""
    if outcome is Outcome.DONE:
        return
    reasons = {(action.campaign, action.kind): action.reason for action in plan.actions}
    told: dict[tuple[str, str], list[str]] = {}
    for item in report.results:
        if item.outcome is outcome:
            why = item.detail or reasons.get((item.campaign, item.kind), "")
            told.setdefault((item.campaign, why), []).append(item.kind.value)
    if not told:
        return
    page.blank()
    page.add([say(_LOOKS[outcome].title, f"bold {_LOOKS[outcome].style}")])
    for (key, why), kinds in sorted(told.items()):
        page.add([say(key, "bold"), say(f"  {', '.join(kinds)}")], indent=2, hanging=2)
        if why:
            page.prose(why, 4)


def _closing(page: Page, report: Report, plan: Plan, campaigns: Mapping[str, Sequence[ActionResult]]) -> None:
    if not report.results:
        page.add([say("There was nothing to do.", "bold")])
        return
    total = [_recipients(_new_recipients(plan, campaigns), unsure=any(map(_unsure, campaigns.values())))]
    for outcome in reversed(_LOOKS):
        number = report.count(outcome)
        if number:
            total.append(f"{number:,} {_LOOKS[outcome].one if number == 1 else _LOOKS[outcome].many}")
    page.dotted(total, style="bold")
    for line in _next(report):
        page.add([say(line)])


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


def _next(report: Report) -> list[str]:
    outcomes = {item.outcome for item in report.results}
    if report.interrupted or outcomes & _UNFINISHED:
        number = sum(report.count(outcome) for outcome in _UNFINISHED)
        rest = f"the {count(number, 'action')} that {'is' if number == 1 else 'are'} left" if number else "the rest"
        lines = [f"Run the same command again: it does {rest}, and nothing twice."]
    elif outcomes & {Outcome.HELD, Outcome.SCHEDULED}:
        lines = ["Run the same command again later: what waits is looked at anew."]
    else:
        lines = []
    if Outcome.BLOCKED in outcomes:
        lines.append("What needs you stays as it is until its cause, told above, is put right.")
    return lines
