"""The coming days of a forecast, as each picture of them tells them: labels, shares, bars, folded stretches."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

from reconciler.model.plan import ForecastDay, Sending
from reconciler.reporting.words import count, day, weekday, zone_of

FOLDED = 3
"""So many days without email in a row become one entry."""

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LEVELS = "▁▂▃▄▅▆▇█"
_WEEK = 7

Stretch = Sequence[ForecastDay]
"""One day, or a run of days without email."""


def fitted(days: Sequence[ForecastDay], wanted: int) -> tuple[ForecastDay, ...]:
    """Cut a forecast to so many days, or go on with days without email and the room of the last one.

    An empty forecast stays empty: nothing tells what room there is.
    """
    shown = list(days[:wanted])
    while shown and len(shown) < wanted:
        last = shown[-1]
        following = ForecastDay(
            day=last.day + 1, date=_after(last.date), capacity=last.capacity, due=0, sent=0, rolled_over=0
        )
        shown.append(following)
    return tuple(shown)


def _after(text: str) -> str:
    try:
        return (date.fromisoformat(text) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return text


def stretches(days: Iterable[ForecastDay]) -> list[Stretch]:
    """Part days into entries: each day by itself, and runs of `FOLDED` or more without email as one."""
    found: list[Stretch] = []
    for empty, run in groupby(days, key=is_empty):
        group = tuple(run)
        found += [group] if empty and len(group) >= FOLDED else [(item,) for item in group]
    return found


def is_empty(item: ForecastDay) -> bool:
    """Whether nothing is to be sent on a day."""
    return item.due == 0 and item.sent == 0


def is_full(item: ForecastDay) -> bool:
    """Whether a day has less room than is due: the rest rolls over to the next one."""
    return item.rolled_over > 0


def name_of(text: str) -> str:
    """Write an ISO day as people do: `Mon 30 Nov`. A text that is none stays as it is."""
    try:
        return day(date.fromisoformat(text))
    except ValueError:
        return text


def span(run: Stretch) -> str:
    """Name a day, or the first and the last of several."""
    first, last = name_of(run[0].date), name_of(run[-1].date)
    return first if len(run) == 1 else f"{first} – {last}"  # noqa: RUF001 - a dash is meant


def short(run: Stretch) -> str:
    """Name the days of the first week by their weekday alone."""
    if run[-1].day >= _WEEK:
        return span(run)
    try:
        names = [weekday(date.fromisoformat(item.date)) for item in (run[0], run[-1])]
    except ValueError:
        return span(run)
    return names[0] if len(run) == 1 else "–".join(names)  # noqa: RUF001 - a dash is meant


def percent(item: ForecastDay) -> int:
    """Return which part of a day's room is taken: 0 and 100 mean exactly that."""
    if item.sent >= item.capacity:
        return 100 if item.sent or is_full(item) else 0
    return 0 if item.sent == 0 else min(99, max(1, round(100 * item.sent / item.capacity)))


def level(item: ForecastDay) -> str:
    """Draw a day as one character."""
    if item.sent == 0:
        return "·"
    if item.sent >= item.capacity:
        return _LEVELS[-1]
    return _LEVELS[-(-len(_LEVELS) * item.sent // item.capacity) - 1]


def bar(item: ForecastDay, width: int) -> str:
    """Draw what is sent in eighths of a column; the day's room is `width` columns. Any email at all is seen."""
    eighths = _part(item, width * 8)
    rest = _EIGHTHS[eighths % 8] if eighths % 8 else ""
    return "█" * (eighths // 8) + rest


def blocks(item: ForecastDay, width: int) -> str:
    """Draw the same in whole columns, with the room that is left: `███████░░░`."""
    taken = _part(item, width)
    return "█" * taken + "░" * (width - taken)


def _part(item: ForecastDay, whole: int) -> int:
    if item.sent == 0:
        return 0
    return whole if item.sent >= item.capacity else min(whole - 1, max(1, round(whole * item.sent / item.capacity)))


def room(days: Sequence[ForecastDay]) -> str:
    """Say how many emails fit into a day. What is left of today may be less than what later days have."""
    rest = max((item.capacity for item in days[1:]), default=None)
    today = days[0].capacity
    if rest is None:
        return f"{today:,} today"
    return f"{rest:,} a day" if today == rest else f"{today:,} today, {rest:,} a day"


def clock(created: datetime, timezone: str) -> str:
    """Say what the days of a forecast are: they begin when it was made."""
    zone, place = zone_of(timezone)
    return f"each day is 24 hours from {created.astimezone(zone):%H:%M} ({place})"


def sending_words(sending: Sending) -> str:
    """Say when a campaign sends, and by how much the room makes it later."""
    emails = count(sending.emails, "email")
    if sending.first is None:
        told = f"{emails}, none of them within the days that are looked at"
    elif sending.last is None:
        told = f"from {name_of(sending.first)}, {emails}; {sending.left:,} of them after the days that are looked at"
    else:
        first, last = name_of(sending.first), name_of(sending.last)
        told = f"{first if first == last else f'{first} – {last}'}, {emails}"  # noqa: RUF001 - a dash is meant
    return f"{told}; {lost_words(sending.lost)}" if sending.lost else told


def lost_words(lost: int) -> str:
    """Say by how much a campaign ends later."""
    return f"{count(lost, 'day')} later than with room enough"
