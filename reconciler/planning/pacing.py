"""Enrolment in waves: `start.perDay` new people a day, `start.firstWave` on the first."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from reconciler.model.campaign import Campaign
from reconciler.model.state import CampaignState


class Wave(NamedTuple):
    """What of the new people of a list is enrolled today, and how many are left for later days.

    `paced` is False where all go at once. `earlier` waves have people in them already.
    """

    today: int
    later: int = 0
    paced: bool = False
    earlier: bool = False


def wave(campaign: Campaign, known: CampaignState | None, new: int, now: datetime, timezone: str) -> Wave:
    """Say how many of so many new people are enrolled today. A day is one of the calendar, in the policy's time zone.

    `known` is None for a new draft, whatever an older one has had. A wave that was interrupted is filled up. As long as
    the campaign has not been started, all who are in it are its first wave: that one goes out once it is.
    """
    if campaign.per_day is None:
        return Wave(new)
    zone = ZoneInfo(timezone)
    day = now.astimezone(zone).date()
    today = earlier = 0
    started = known.started_at if known else None
    for cohort in known.cohorts if known else ():
        if started is not None and max(cohort.at, started).astimezone(zone).date() < day:
            earlier += cohort.tried
        else:
            today += cohort.tried
    size = campaign.per_day if earlier else campaign.first_wave or campaign.per_day
    chosen = min(new, max(0, size - today))
    return Wave(chosen, new - chosen, paced=True, earlier=bool(earlier))


def later_waves(campaign: Campaign, wave_today: Wave, most: int) -> Iterator[int]:
    """Yield how many are enrolled in each wave after today's; after so many waves, all that are left at once."""
    left, size = wave_today.later, campaign.per_day or wave_today.later
    for _ in range(most):
        if left <= 0:
            return
        yield min(left, size)
        left -= size
    if left > 0:
        yield left
