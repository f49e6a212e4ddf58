"""When something may happen: `notBefore`, the start window, one wave a day; in the policy's time zone."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from reconciler.model.live import LiveStatus
from reconciler.model.workspace import Policy
from reconciler.planning.facts import Facts, Verdict, people


def is_time(facts: Facts) -> Verdict:
    """Check `start.notBefore`."""
    wanted = facts.campaign.not_before
    if wanted is None:
        return None
    local = wanted.astimezone(ZoneInfo(facts.policy.timezone))
    return facts.now >= wanted, f"not before {when(local, facts.now)}"


def in_window(facts: Facts) -> Verdict:
    """Check `policy.startWindow`."""
    window = facts.policy.start_window
    if window is None:
        return None
    if window.contains(facts.now.astimezone(ZoneInfo(facts.policy.timezone))):
        return True, "inside the start window"
    opening = next_opening(facts.policy, facts.now)
    return False, f"outside the start window; it opens {when(opening)}" if opening else "outside the start window"


def is_paced(facts: Facts) -> Verdict:
    """Check that there is a wave today: `start.perDay` lets one go each day."""
    if not facts.wave.paced or facts.live is None or facts.live.status is not LiveStatus.RUNNING:
        return None
    wave = facts.wave
    if wave.today or facts.roster.changed or not wave.later:
        return True, f"a wave of {people(wave.today)} today" if wave.today else "nobody new today"
    tomorrow = facts.now.astimezone(ZoneInfo(facts.policy.timezone)) + timedelta(days=1)
    size = min(wave.later, facts.campaign.per_day or wave.later)
    return False, f"today's wave is enrolled; the next one, of {people(size)}, is for {day_words(tomorrow)}"


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
