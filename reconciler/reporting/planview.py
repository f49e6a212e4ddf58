"""The plan as people read it: who would get which email, when, and what stands in the way (docs: mocks of the plan)."""

from collections.abc import Iterable, Sequence

from reconciler.diagnostics import Diagnostic, Severity, has_errors
from reconciler.model.plan import ActionStatus, Kind, Plan
from reconciler.reporting.campaignview import show
from reconciler.reporting.checks import waiting_helps
from reconciler.reporting.diagnosticview import message_of
from reconciler.reporting.entries import LOOKS, Entry, Group, entries_of
from reconciler.reporting.forecastview import write_forecast
from reconciler.reporting.layout import Line, Page, flow, say
from reconciler.reporting.words import count, moment, people, zone_of

_COLUMN = 14
_LABELS = {Severity.ERROR: ("Error", "red"), Severity.WARNING: ("Warning", "yellow"), Severity.NOTE: ("Note", "dim")}


def render_plan(
    plan: Plan,
    *,
    commit: str | None = None,
    command: str | None = "reconciler apply",
    color: bool = False,
    width: int = 100,
    verbose: bool = False,
) -> str:
    """Write a plan for people.

    `commit` names what the files are (`main@3f9c1e7`); `command` is what would carry the plan out, None where that is
    under way already; `width` is in columns. With `verbose`, changed texts are shown in full.
    """
    page = Page(color=color, width=width)
    entries = entries_of(plan)
    zone, place = zone_of(plan.timezone)
    local = plan.created_at.astimezone(zone)
    header = [plan.workspace, plan.environment, f"state {plan.base.serial}", *([commit] if commit else [])]
    page.dotted([*header, f"{moment(local)} {place}"], style="dim")
    if entries:
        _summary(page, plan, entries)
    for entry in entries:
        show(page, entry, start=local, verbose=verbose)
    _notes(page, plan)
    _closing(page, plan, entries, command)
    return page.render()


def _summary(page: Page, plan: Plan, entries: Sequence[Entry]) -> None:
    new = plan.summary.new_recipients
    page.blank()
    resumed = resumed_words(entries)
    page.add([say(first_emails(new, resumed=bool(resumed)), "bold")], indent=2)
    if resumed:
        page.add([say(resumed)], indent=2)
    page.dotted(counted(plan, entries), indent=2)


def counted(plan: Plan, entries: Sequence[Entry]) -> list[str]:
    """Count the campaigns by what becomes of them."""
    counts = []
    for group, look in LOOKS.items():
        number = sum(_counts_as(entry, group) for entry in entries)
        if number:
            counts.append(f"{number:,} {look.one if number == 1 else look.many}")
    if plan.summary.unchanged:
        counts.append(f"{plan.summary.unchanged:,} unchanged")
    return counts


def resumed_words(entries: Iterable[Entry]) -> str:
    """Say how many paused campaigns go on sending, and to whom; empty where none does."""
    resumed = [entry for entry in entries if Kind.RESUME in entry.kinds(ActionStatus.READY)]
    if not resumed:
        return ""
    inside = sum(entry.planned.people.enrolled or 0 for entry in resumed)
    who = f"the {people(inside)} in {'it' if len(resumed) == 1 else 'them'}" if inside else "the people in them"
    paused = count(len(resumed), "paused campaign goes on", "paused campaigns go on")
    return f"{paused} sending to {who}."


def _counts_as(entry: Entry, group: Group) -> bool:
    """Count a campaign once, but one that is let go always as that, too."""
    return entry.group is group or (group is Group.FORGOTTEN and Kind.FORGET in entry.kinds(ActionStatus.READY))


def first_emails(new: int, *, resumed: bool) -> str:
    """Say how many people get a first email; who was enrolled before a pause may not have got theirs either."""
    if new == 0:
        nobody = "Nobody new is enrolled" if resumed else "Nobody gets a first email"
        return f"{nobody} if you apply this."
    return f"{people(new)} {'gets' if new == 1 else 'get'} a first email if you apply this."


def _notes(page: Page, plan: Plan) -> None:
    """Write what concerns the plan as a whole: errors first, then warnings and notes, then the coming days."""
    page.blank()
    ranks = list(Severity)
    for item in sorted(plan.diagnostics, key=lambda item: (ranks.index(item.severity), item.order)):
        label, style = _LABELS[item.severity]
        _note(page, label, item, style)
    if not plan.refreshed:
        told = "the server (live facts are those of the state; checks marked ? are made by apply)"
        page.fact("Not asked", [say(told)], indent=2, column=_COLUMN)
    write_forecast(page, plan)


def _note(page: Page, label: str, item: Diagnostic, style: str) -> None:
    text: Line = [say(message_of(item), style if item.severity is Severity.ERROR else "")]
    if item.place:
        text.append(say(f"  {item.place}", "dim"))
    page.fact(label, text, indent=2, column=_COLUMN)
    if item.hint:
        page.prose(item.hint, 2 + _COLUMN)


def _closing(page: Page, plan: Plan, entries: Sequence[Entry], command: str | None) -> None:
    page.blank()
    digest = say(f"digest {plan.digest[:8]}", "dim")
    if any(action.status is ActionStatus.READY for action in plan.actions):
        do: Line = [say("Do exactly this: "), say(command or "", "bold")]
        doing: Line = [say(f"Doing this plan: {plan.digest[:8]}")]
        lines = flow([do, [digest]] if command else [doing], page.width, gap=6)
    elif plan.actions:
        lines = flow([[say(_nothing_now(entries))], [digest]], page.width, gap=6)
    elif has_errors(plan.diagnostics):
        lines = [[say("Nothing is planned: the errors above say why.")]]
    else:
        lines = [[say(nothing_words(plan), "green")]]
    for line in lines:
        page.add(line)


def nothing_words(plan: Plan) -> str:
    """Say that nothing is to be changed."""
    if not plan.summary.unchanged:
        return "Nothing to change."
    known = "" if plan.refreshed else ", as far as the state knows"
    are = count(plan.summary.unchanged, "campaign is", "campaigns are")
    return f"Nothing to change: {are} as the files say{known}."


def _nothing_now(entries: Sequence[Entry]) -> str:
    helps = {waiting_helps(entry.actions) for entry in entries}
    if helps == {False}:
        return "An apply would change nothing until this is put right."
    if helps == {True}:
        return "An apply would change nothing now; run it again later."
    return "An apply would change nothing now; run it again later. Part of it must be put right first."
