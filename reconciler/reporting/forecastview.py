"""The forecast as text: one line in the plan, and a chart of a line a day."""

from collections.abc import Sequence

from reconciler.model.plan import ForecastDay, Plan
from reconciler.reporting.days import (
    Stretch,
    bar,
    clock,
    is_empty,
    is_full,
    level,
    lost_words,
    name_of,
    percent,
    room,
    short,
    span,
    stretches,
)
from reconciler.reporting.layout import Line, Page, Span, cells, flow, say
from reconciler.reporting.tables import render_table
from reconciler.reporting.words import moment, zone_of

NOTHING = "Nothing is to be sent, as far as can be seen."
_MOST = 12
_INDENT = 2
_COLUMN = 14
_SHORTEST, _LONGEST = 12, 48
_NEARLY = 90


def write_forecast(page: Page, plan: Plan) -> None:
    """Write the forecast of a plan as one line, and what it cannot see; nothing where there is no forecast."""
    if not plan.forecast:
        return
    runs = stretches(plan.forecast)
    items = [_item(run) for run in runs[:_MOST]]
    if len(runs) > _MOST:
        items.append([say(f"… last {name_of(plan.forecast[-1].date)}")])
    items.append([say(f"room: {room(plan.forecast)}", "dim")])
    page.row("Emails a day", flow(items, page.width - _INDENT - _COLUMN), indent=_INDENT, column=_COLUMN)
    write_not_counted(page, plan)


def write_not_counted(page: Page, plan: Plan) -> None:
    """Write what the forecast cannot see."""
    if plan.not_counted:
        page.fact("Not counted", [say("; ".join(plan.not_counted))], indent=_INDENT, column=_COLUMN)


def _item(run: Stretch) -> Line:
    first = run[0]
    if is_full(first):
        return [say(f"{short(run)} {first.sent:,} "), say(f"{level(first)} full", "red")]
    return [say(f"{short(run)} {first.sent:,} {level(first)}")]


def render_forecast(
    plan: Plan, days: Sequence[ForecastDay], *, commit: str | None = None, color: bool = False, width: int = 100
) -> str:
    """Draw the days, a line each, then when each campaign sends, and what cannot be seen. `width` is in columns."""
    page = Page(color=color, width=width)
    zone, place = zone_of(plan.timezone)
    header = [plan.workspace, plan.environment, f"state {plan.base.serial}", *([commit] if commit else [])]
    page.dotted([*header, f"{moment(plan.created_at.astimezone(zone))} {place}"], style="dim")
    page.blank()
    if not days:
        page.add([say(NOTHING)], indent=_INDENT)
    else:
        _chart(page, days)
        page.blank()
        page.add([say(f"Room: {room(days)}; {clock(plan.created_at, plan.timezone)}.", "dim")], indent=_INDENT)
    page.blank()
    for line in _campaigns(plan, page.width - _INDENT):
        page.add([say(line)], _INDENT)
    page.blank()
    write_not_counted(page, plan)
    return page.render()


def _chart(page: Page, days: Sequence[ForecastDay]) -> None:
    runs = stretches(days)
    names = [say(span(run)).text for run in runs]
    name_wide = max(cells(name) for name, run in zip(names, runs, strict=True) if len(run) == 1 or len(runs) == 1)
    figures = ["" if is_empty(run[0]) else f"{run[0].sent:,} of {run[0].capacity:,}" for run in runs]
    figures_wide = max(map(len, figures))
    marks = [f"FULL, {run[0].rolled_over:,} roll over" if is_full(run[0]) else "" for run in runs]
    spare = page.width - _INDENT - name_wide - figures_wide - len("  " * 3 + "100%")
    mark_wide = max(len(f"  {mark}") if mark else 0 for mark in marks)
    below = spare - mark_wide < _SHORTEST
    bar_wide = max(_SHORTEST, min(_LONGEST, spare if below else spare - mark_wide))
    for run, name, figure, mark in zip(runs, names, figures, marks, strict=True):
        gap = Span(" " * max(2, name_wide - cells(name) + 2))
        if is_empty(run[0]):
            page.add([Span(name), gap, say("nothing", "dim")], _INDENT)
            continue
        drawn = bar(run[0], bar_wide)
        line = [Span(name), gap, say(drawn, _style(run[0])), say("░" * (bar_wide - len(drawn)), "dim")]
        line += [say(f"  {figure:>{figures_wide}}"), say(f"  {percent(run[0]):>3}%")]
        told = say(mark, "bold red")
        if mark and not below:
            line += [Span("  "), told]
        page.add(line, _INDENT)
        if mark and below:
            page.add([told], _INDENT + name_wide + 2)


def _style(item: ForecastDay) -> str:
    if is_full(item):
        return "red"
    return "yellow" if percent(item) >= _NEARLY else "green"


def _campaigns(plan: Plan, width: int) -> list[str]:
    """Draw a table of when each campaign sends; empty where none does."""
    rows = []
    for campaign in plan.campaigns:
        sending = campaign.sending
        if sending is None:
            continue
        last = name_of(sending.last) if sending.last else f"{sending.left:,} emails are left"
        lost = lost_words(sending.lost) if sending.lost else ""
        first = name_of(sending.first) if sending.first else "–"  # noqa: RUF001 - a dash is meant
        rows.append((campaign.key, f"{sending.emails:,}", first, last, lost))
    if not rows:
        return []
    return render_table(("campaign", "emails", "first", "last", ""), rows, width=width, figures={"emails"}).splitlines()
