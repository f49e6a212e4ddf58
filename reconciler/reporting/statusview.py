"""How the campaigns are doing, as text: a line of counters each, and below it what is worth a line of its own."""

from collections.abc import Iterator, Mapping, Sequence

from reconciler.model.live import LiveStatus, Pool
from reconciler.model.status import CampaignStatus, OlderDraft, Overview
from reconciler.reporting.days import lost_words, name_of
from reconciler.reporting.layout import Line, Page, Span, cells, say, wrap
from reconciler.reporting.words import count, joined, moment, zone_of

_COLUMNS = ("status", "enrolled", "sent", "bounced", "replied", "queued")
_GAP = 2
_INDENT = 4
_DETAIL = 9
_COLUMN = 12
_STYLES = {
    LiveStatus.RUNNING: "green",
    LiveStatus.PAUSED: "yellow",
    LiveStatus.UNKNOWN: "red",
    LiveStatus.GONE: "red",
}
_ORDER = ("interested", "not_interested", "out_of_office", "bounce", "unsubscribe")
UNTOLD = "–"  # noqa: RUF001 - a dash is meant
NOBODY = "Nothing is managed yet."
LAST_WRITTEN = "Leadterra does not show the status of what is marked ?: it is the one last written here."


def render_status(overview: Overview, *, color: bool = False, width: int = 100) -> str:
    """Write the counters of each campaign, then pools, accounts, stop marks, and what could not be read."""
    page = Page(color=color, width=width)
    zone, place = zone_of(overview.timezone)
    read = f"{moment(overview.read_at.astimezone(zone))} {place}"
    page.dotted([overview.environment, f"state {overview.serial}", read], style="dim")
    page.blank()
    if overview.campaigns:
        _table(page, overview.campaigns)
    else:
        page.add([say(NOBODY)])
    page.blank()
    for label, lines in _rest(overview, page.width - _COLUMN):
        page.row(label, lines, indent=0, column=_COLUMN)
    return page.render()


def _table(page: Page, campaigns: Sequence[CampaignStatus]) -> None:
    rows = [_figures(item) for item in campaigns]
    wide = [max(cells(row[number]) for row in [_COLUMNS, *rows]) for number in range(len(_COLUMNS))]
    room = page.width - sum(wide) - _GAP * len(wide)
    keys = [say(item.key, "bold") for item in campaigns]
    key_wide = max([len("campaign"), *(size for key in keys if (size := cells(key.text)) <= room)])
    column = min(key_wide + _GAP, max(_INDENT, room + _GAP))
    page.row("campaign", [[Span(_set(_COLUMNS, wide), "dim")]], indent=0, column=column)
    for item, key, row in zip(campaigns, keys, rows, strict=True):
        figures = _set(row, wide)
        line = [Span(figures[: wide[0]], _STYLES.get(item.status, "")), Span(figures[wide[0] :])]
        # A key that is too long for its column has a line of its own.
        if cells(key.text) < column:
            page.add([key, Span(" " * (column - cells(key.text))), *line])
        else:
            page.add([key])
            page.add([Span(" " * column), *line])
        for label, words in _details(item):
            page.fact(label, [say(words)], indent=_INDENT, column=_DETAIL)


def _set(row: Sequence[str], wide: Sequence[int]) -> str:
    """Set a row: the status at the left of its column, figures at the right of theirs."""
    first, *rest = (say(cell).text for cell in row)
    gap = " " * _GAP
    return gap.join(
        [
            first + " " * (wide[0] - cells(first)),
            *(f"{cell:>{size}}" for cell, size in zip(rest, wide[1:], strict=True)),
        ]
    )


def _figures(item: CampaignStatus) -> tuple[str, ...]:
    return (
        status_words(item),
        number(item.enrolled),
        number(item.sent),
        part(item.bounced, item.bounce_rate),
        part(item.replied, item.reply_rate),
        number(item.queued),
    )


def status_words(item: CampaignStatus) -> str:
    """Write a status; a question mark says that it is the one last written here."""
    return item.status.value if item.status_read else f"{item.status.value}?"


def number(value: int | None) -> str:
    """Write a counter, or that it is not known."""
    return UNTOLD if value is None else f"{value:,}"


def part(value: int | None, rate: float | None) -> str:
    """Write a counter with the part it is of what was sent."""
    return number(value) if not value or rate is None else f"{value:,} ({rate:.1%})"


def _details(item: CampaignStatus) -> Iterator[tuple[str, str]]:
    if item.status is LiveStatus.PAUSED and not item.paused_by_us:
        yield "paused", "by somebody else: nothing resumes it by itself"
    if item.replies:
        yield "replies", replies_words(item, item.replies)
    if told := next_words(item):
        yield "next", told
    if item.leftovers:
        yield "left", leftover_words(item.leftovers)


def replies_words(item: CampaignStatus, replies: Mapping[str, int]) -> str:
    """Write the replies by class: the documented ones first, others by their own name."""
    known = [name for name in _ORDER if name in replies]
    names = [*known, *(name for name in replies if name not in _ORDER)]
    told = ", ".join(f"{replies[name]:,} {name.replace('_', ' ')}" for name in names)
    return told if item.replies_complete else f"{told} (only the newest {sum(replies.values()):,} are counted)"


def next_words(item: CampaignStatus) -> str:
    """Say when a campaign sends next, and until when; empty where nothing is to come."""
    if item.next is None:
        return ""
    parts = [f"{name_of(item.next.date)}: {count(item.next.emails, 'email')}"]
    sending = item.sending
    if sending is not None and sending.last is not None and sending.last != item.next.date:
        parts.append(f"the last on {name_of(sending.last)}")
    if sending is not None and sending.lost:
        parts.append(lost_words(sending.lost))
    return "; ".join(parts)


def leftover_words(leftovers: Sequence[OlderDraft]) -> str:
    """Name the older drafts of a campaign, with what they have sent."""
    told = []
    for item in leftovers:
        if item.id is None:
            told.append("one of which nobody knows whether it exists")
        elif item.sent is None or item.queued is None:
            told.append(f"{item.id} (not readable)")
        elif item.sent or item.queued:
            told.append(f"{item.id} ({item.sent:,} SENT, {item.queued:,} QUEUED)")
        else:
            told.append(f"{item.id} (nothing sent)")
    return f"{count(len(leftovers), 'older draft')} in Leadterra: {joined(told)}"


def _rest(overview: Overview, width: int) -> Iterator[tuple[str, list[Line]]]:
    for label, told in rest_words(overview):
        style = "red" if label == "Not read" else ""
        yield label, [line for words in told for line in wrap([say(words, style)], width)]


def rest_words(overview: Overview) -> Iterator[tuple[str, list[str]]]:
    """Say what concerns all campaigns: label, and a text for each thing."""
    if overview.pools is not None:
        yield "Pools", [pool_words(pool) for pool in overview.pools] or ["none"]
    if overview.accounts is not None:
        yield "Accounts", [" · ".join(f"{many:,} {status}" for status, many in overview.accounts.items()) or "none"]
    if overview.stops:
        zone, _ = zone_of(overview.timezone)
        told = []
        for mark in overview.stops:
            scope = "everything" if mark.scope == "*" else mark.scope
            told.append(f"{scope}, by {mark.by}, {moment(mark.at.astimezone(zone))}: {mark.reason}")
        yield "Stopped", told
    if overview.unread:
        yield "Not read", list(overview.unread)
    notes = list(overview.notes)
    if any(not item.status_read for item in overview.campaigns):
        notes.append(LAST_WRITTEN)
    if notes:
        yield "Note", notes


def pool_words(pool: Pool) -> str:
    """Say what is left of a pool."""
    return f"{pool.name}: {pool.remaining:,} left of {pool.daily_capacity:,} a day"
