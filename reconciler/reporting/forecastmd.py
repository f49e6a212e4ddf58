"""The forecast in Markdown, as a comment on a pull request or a page shows it."""

from collections.abc import Sequence

from reconciler.model.plan import ForecastDay, Plan
from reconciler.reporting.days import (
    Stretch,
    blocks,
    clock,
    is_empty,
    is_full,
    lost_words,
    name_of,
    percent,
    room,
    short,
    span,
    stretches,
)
from reconciler.reporting.forecastview import NOTHING
from reconciler.reporting.markdown import code, prose, table

_MOST = 7
_BLOCKS = 10


def mailbox_load(days: Sequence[ForecastDay]) -> str:
    """Write one line of the first days: `**Mailbox load**  Mon ███████░░░ 71%`; empty where there are none."""
    if not days:
        return ""
    runs = stretches(days)
    told = [_load(run) for run in runs[:_MOST]]
    if len(runs) > _MOST:
        told.append(f"… last {prose(name_of(days[-1].date))}")
    return f"**Mailbox load**  {'  '.join(told)}\n"


def _load(run: Stretch) -> str:
    mark = " **FULL**" if is_full(run[0]) else ""
    return f"{prose(short(run))} {blocks(run[0], _BLOCKS)} {percent(run[0])}%{mark}"


def render_forecast_markdown(plan: Plan, days: Sequence[ForecastDay]) -> str:
    """Write the days as one line and as a table, when each campaign sends, and what cannot be seen."""
    if days:
        when = prose(f"Room: {room(days)}; {clock(plan.created_at, plan.timezone)}.")
        parts = [mailbox_load(days), _days(days), f"{when}\n"]
    else:
        parts = [f"{NOTHING}\n"]
    parts.append(_campaigns(plan))
    if plan.not_counted:
        parts.append(f"Not counted: {prose('; '.join(plan.not_counted))}\n")
    return "\n".join(part for part in parts if part)


def _days(days: Sequence[ForecastDay]) -> str:
    rows = []
    for run in stretches(days):
        item = run[0]
        if is_empty(item):
            rows.append((prose(span(run)), "0", f"{item.capacity:,}", "0%", ""))
            continue
        by_size = sorted(item.campaigns.items(), key=lambda pair: (-pair[1], pair[0]))
        told = ", ".join(f"{code(key)} {sent:,}" for key, sent in by_size if sent)
        full = f"**FULL**, {item.rolled_over:,} roll over" if is_full(item) else ""
        load = f"{percent(item)}%{f' {full}' if full else ''}"
        rows.append((prose(span(run)), f"{item.sent:,}", f"{item.capacity:,}", load, told))
    return table(("Day", "Emails", "Room", "Load", "Campaigns"), rows, figures=("Emails", "Room"))


def _campaigns(plan: Plan) -> str:
    rows = []
    for campaign in plan.campaigns:
        sending = campaign.sending
        if sending is None:
            continue
        first = name_of(sending.first) if sending.first else "–"  # noqa: RUF001 - a dash is meant
        last = name_of(sending.last) if sending.last else f"{sending.left:,} emails are left"
        lost = lost_words(sending.lost) if sending.lost else ""
        rows.append((code(campaign.key), f"{sending.emails:,}", prose(first), prose(last), lost))
    columns = ("Campaign", "Emails", "First", "Last", "Late")
    return table(columns, rows, figures=("Emails",)) if rows else ""
