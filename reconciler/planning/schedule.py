"""When something may happen: `notBefore`, the start window, one wave a day; in the policy's time zone."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from reconciler.model.live import LiveStatus
from reconciler.planning.facts import Facts, Verdict, people
from reconciler.planning.openings import day_words, next_opening, opening_from, when


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
    tomorrow = opening_from(facts.policy, facts.now + timedelta(days=1))
    size = min(wave.later, facts.campaign.per_day or wave.later)
    return False, f"today's wave is enrolled; the next one, of {people(size)}, is for {day_words(tomorrow)}"
