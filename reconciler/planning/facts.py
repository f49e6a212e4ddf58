"""What the guards of one campaign look at, and what they say (design §5)."""

from dataclasses import dataclass
from datetime import datetime

from reconciler.model.campaign import Campaign
from reconciler.model.live import Account, LiveCampaign, LiveStatus, Replies
from reconciler.model.roster import Roster
from reconciler.model.state import CampaignState, Stop
from reconciler.model.workspace import Policy
from reconciler.planning.budgets import Spending
from reconciler.planning.capacity import Capacity
from reconciler.planning.forecast import Lot
from reconciler.planning.pacing import Wave

Verdict = tuple[bool, str] | None
"""Passed, and the words; None where the guard does not concern this case."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the guards of one campaign look at.

    `live` is None for a campaign that is created in this plan. `lots` are the emails that would be set free, and
    `waits` the `delayDays` of the steps; `capacity` is what the others leave, None where it is not known. `expected` is
    how many leads it will have today, and `wave` how many of them are new. `frozen` is a sentence where the file's
    steps differ from those being sent. `written` is True once this run has brought the draft up to its file:
    then its steps must read as they were written, as far as the server can show them. `in_flight` counts the new leads
    that an interrupted run was enrolling: they may be in the campaign, and are sent again. `spending` is what the
    whole plan or run newly writes to, this campaign included; None where this one newly writes to nobody, or does not
    get so far. `replies` are those to a campaign whose earlier waves are judged; None: not read.
    """

    campaign: Campaign
    known: CampaignState | None
    live: LiveCampaign | None
    roster: Roster
    policy: Policy
    now: datetime
    stop: Stop | None
    accounts: tuple[Account, ...] | None
    capacity: Capacity | None
    lots: tuple[Lot, ...]
    waits: tuple[int, ...]
    expected: int
    wave: Wave
    refreshed: bool = True
    frozen: str | None = None
    written: bool = False
    in_flight: int = 0
    spending: Spending | None = None
    replies: Replies | None = None

    @property
    def started(self) -> bool:
        """Whether the campaign has been started before: then this is an enrolment into it, or a resume."""
        return self.live is not None and self.live.status in {LiveStatus.RUNNING, LiveStatus.PAUSED}


def people(count: int) -> str:
    """Count people."""
    return f"{count:,} {'person' if count == 1 else 'people'}"


def leads(count: int) -> str:
    """Count leads."""
    return f"{count:,} {'lead' if count == 1 else 'leads'}"
