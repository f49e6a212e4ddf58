"""The guard of capacity, in words: whether the senders have room, how much is missing, and what would make it fit."""

from datetime import datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from reconciler.planning.capacity import Capacity, Fit, fit
from reconciler.planning.facts import Facts, Verdict, people
from reconciler.planning.openings import day_words, opening_from, when

_NAMED = 5
"""Accounts that are told by name."""


def has_room(facts: Facts) -> Verdict:
    """Check that everybody gets the first email that this sets free within `start.firstStepWithinDays`."""
    capacity, within = facts.capacity, facts.campaign.first_step_within_days
    if capacity is None:
        return False, "today's room is not known: pools or queues could not be read"
    found = fit(capacity, facts.lots, within)
    total = sum(lot.leads for lot in facts.lots)
    if found.fits:
        if found.day and found.day > max(lot.begin for lot in facts.lots):
            return (
                True,
                f"room {capacity.free:,} today; the last of {people(total)} are reached {_day(facts, found.day)}",
            )
        return True, f"room {capacity.free:,}"
    days = "1 day" if within == 1 else f"{within} days"
    if found.never:
        return False, _never(facts, capacity, total, days)
    if found.late is not None:
        words = f"{people(total)} would take the room of {found.late}, which goes first"
        return False, f"{words}{_starts(facts, found)}"
    words = f"{people(total)} are to hear from you within {days}; there is room for {total - found.short:,}"
    today = " today" if within == 1 else " until then"
    return False, (
        f"{words}{today} ({capacity.words()}): {found.short:,} short{_starts(facts, found)}{_ways(facts, found, total)}"
    )


def expected_start(facts: Facts, first: int) -> datetime:
    """Return when a start that fits on a day can be made: that day, once the start window is open."""
    moment = facts.now + timedelta(days=first)
    return opening_from(facts.policy, max(moment, facts.campaign.not_before or moment))


def _starts(facts: Facts, found: Fit) -> str:
    if found.first is None:
        return "; on none of the coming days there is room for it"
    return f"; there is room for it {when(expected_start(facts, found.first), facts.now)}"


def _ways(facts: Facts, found: Fit, total: int) -> str:
    """Say what would make it fit today."""
    fewer = total - found.short
    ways = [f"{found.short:,} fewer {'lead' if found.short == 1 else 'leads'}"] if fewer else []
    if not facts.wave.paced and fewer and not facts.started:
        ways.append(f"`start.perDay: {ceil(total / ceil(total / fewer))}`")
    ways.append(f"senders for {found.short:,} more emails{_idle(facts)}")
    return f". For today: {', or '.join(ways)}"


def _never(facts: Facts, capacity: Capacity, total: int, days: str) -> str:
    daily = capacity.room.daily
    if not daily:
        return f"{people(total)} are to hear from you, and the senders have room for nobody on any day{_idle(facts)}"
    need = ceil(total / daily)
    ways = [f"`start.firstStepWithinDays: {need}`"] if need <= 366 else []  # noqa: PLR2004 - a year
    ways += [] if facts.wave.paced else [f"`start.perDay: {daily}`"]
    ways.append(f"more senders{_idle(facts)}")
    return (
        f"{people(total)} can never hear from you within {days}: the senders have room for {daily:,} emails a day, "
        f"which takes {need:,} days; what would do: {', or '.join(ways)}"
    )


def _idle(facts: Facts) -> str:
    """Name the accounts that do not send, or not yet."""
    told = []
    for status in ("warming", "paused"):
        names = [account.name or account.id for account in facts.accounts or () if account.status == status]
        if names:
            more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
            told.append(f"{status}: {', '.join(names[:_NAMED])}{more}")
    return f" ({'; '.join(told)})" if told else ""


def _day(facts: Facts, day: int) -> str:
    return day_words((facts.now + timedelta(days=day)).astimezone(ZoneInfo(facts.policy.timezone)))
