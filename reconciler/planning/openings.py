"""When the start window opens, and days in people's words; in the policy's time zone."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from reconciler.model.workspace import Policy


def opening_from(policy: Policy, moment: datetime) -> datetime:
    """Return the first moment, from this one on, that lies in the start window; in the policy's time zone."""
    local = moment.astimezone(ZoneInfo(policy.timezone))
    if policy.start_window is None or policy.start_window.contains(local):
        return local
    return next_opening(policy, moment) or local


def next_opening(policy: Policy, now: datetime) -> datetime | None:
    """Return when the start window next opens, in the policy's time zone."""
    window = policy.start_window
    if window is None:
        return None
    local = now.astimezone(ZoneInfo(policy.timezone))
    for ahead in range(8):
        day = local + timedelta(days=ahead)
        opening = day.replace(hour=window.from_.hour, minute=window.from_.minute, second=0, microsecond=0)
        if opening > local and opening.weekday() in window.days:
            return opening
    return None


def when(local: datetime, now: datetime | None = None) -> str:
    """Write a time for people, in the zone it has: `Tue 1 Dec 08:00`; with the year where it is not that of now."""
    year = f" {local.year}" if now is not None and now.astimezone(local.tzinfo).year != local.year else ""
    return f"{day_words(local)}{year} {local:%H:%M}"


def day_words(local: datetime) -> str:
    """Write a day for people: `Tue 1 Dec`."""
    return f"{local:%a} {local.day} {local:%b}"
