"""What the server says right now. Unknown is not absent: each fact that could not be read is `None` or `unknown`."""

from enum import StrEnum

from pydantic import AwareDatetime

from reconciler.model.base import Frozen
from reconciler.model.campaign import SequenceStep


class LiveStatus(StrEnum):
    """Status of a campaign on the server. `unknown`: it could not be read; `gone`: the server does not know it."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    UNKNOWN = "unknown"
    GONE = "gone"


class Pool(Frozen):
    """A private set of sender accounts. Capacities are emails: a rolling 24 hours, and what is left of it now."""

    id: str
    name: str
    daily_capacity: int
    remaining: int
    senders: int | None = None


class Account(Frozen):
    """A sender account, without its address. Only `active` ones send; `warming` ones are being ramped up."""

    id: str
    status: str
    name: str = ""

    @property
    def active(self) -> bool:
        """Whether it sends."""
        return self.status == "active"


class Stats(Frozen):
    """Counters of one campaign, in leads and messages. `status` is there where the server gives it."""

    total_enrolled: int
    sent: int
    queued: int
    delivered: int = 0
    bounced: int = 0
    replied: int = 0
    status: str | None = None


class Reply(Frozen):
    """One reply, without its address and its text. `classification` is Leadterra's word, `received_at` where given."""

    id: str
    classification: str
    received_at: AwareDatetime | None = None


class Replies(Frozen):
    """The replies to one campaign, newest first. `complete` is False where there are more than are read."""

    found: tuple[Reply, ...]
    complete: bool = True


class RemoteCampaign(Frozen):
    """A campaign as an answer of the server shows it; what the answer did not hold is None."""

    id: str
    status: str | None = None
    name: str | None = None
    steps: tuple[SequenceStep, ...] | None = None
    created_at: str | None = None


class Enrolment(Frozen):
    """Counts of one bulk enrolment: new to the campaign, and already known to it (leadterra-api.md, "Bulk enrol")."""

    enrolled: int
    updated: int

    @property
    def accepted(self) -> int:
        """How many of the leads sent are in the campaign now; the others are on the suppression list."""
        return self.enrolled + self.updated


class Started(Frozen):
    """Answer of `start`. The counts are there where the server gives them."""

    status: str | None
    leads_enrolled: int | None = None
    queued_messages: int | None = None


class Capabilities(Frozen):
    """Whether the undocumented calls exist on this server: None until learned (leadterra-api.md, "Promised")."""

    get_campaign: bool | None = None
    patch_campaign: bool | None = None
    list_campaigns: bool | None = None


class LiveCampaign(Frozen):
    """One campaign as read. `steps` and `name` are None where the server cannot show them.

    `status_read` is False where the status is the one last written by us, because no answer holds it.
    `leftovers` are the counters of older drafts of the same campaign, by id; None: could not be read.
    """

    id: str
    status: LiveStatus
    status_read: bool = True
    name: str | None = None
    steps: tuple[SequenceStep, ...] | None = None
    stats: Stats | None = None
    leftovers: dict[str, Stats | None] = {}
    problem: str | None = None


class Live(Frozen):
    """Everything read in one go. `refreshed` is False where nothing was read (`--no-refresh`).

    `pools` and `accounts` are None where they could not be read; `problems` says why, in words. `drafts` are those that
    an open intent to create may have made, oldest first, by its operation id: None where they could not be looked up,
    and no entry where this server cannot list campaigns.
    """

    campaigns: dict[str, LiveCampaign]
    pools: tuple[Pool, ...] | None = None
    accounts: tuple[Account, ...] | None = None
    capabilities: Capabilities = Capabilities()
    refreshed: bool = True
    problems: tuple[str, ...] = ()
    drafts: dict[str, tuple[LiveCampaign, ...] | None] = {}
