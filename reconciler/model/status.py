"""How the managed campaigns are doing: counters, replies and what comes next. No address is in it."""

from typing import Literal

from pydantic import AwareDatetime, Field

from reconciler.model.base import Frozen
from reconciler.model.live import LiveStatus, Pool
from reconciler.model.plan import Sending
from reconciler.model.state import Stop

STATUS_FORMAT_VERSION: Literal[1] = 1


class NextDay(Frozen):
    """The first coming day on which a campaign sends (ISO), and how many emails."""

    date: str
    emails: int


class OlderDraft(Frozen):
    """A draft that was replaced and stays in Leadterra. Its counters are None where they could not be read.

    `id` is None where nobody knows whether there is one: the answer to its create was lost.
    """

    id: str | None
    name: str
    since: AwareDatetime
    sent: int | None = None
    queued: int | None = None


class CampaignStatus(Frozen):
    """One managed campaign. Counters are people (`enrolled`) and emails; None: not read. Rates are of what was sent.

    `status_read` is False where the status is the one last written here, because no answer holds it. `replies` counts
    by Leadterra's classification; None: not read. `replies_complete` is False where only the newest are counted.
    `sending` and `next` are the forecast's, for an apply of the files as they are; None where nothing is to come, or
    there is no forecast.
    """

    key: str
    id: str
    name: str
    status: LiveStatus
    status_read: bool = True
    paused_by_us: bool = False
    enrolled: int | None = None
    sent: int | None = None
    delivered: int | None = None
    bounced: int | None = None
    bounce_rate: float | None = None
    replied: int | None = None
    reply_rate: float | None = None
    queued: int | None = None
    replies: dict[str, int] | None = None
    replies_complete: bool = True
    last_reply_at: AwareDatetime | None = None
    next: NextDay | None = None
    sending: Sending | None = None
    leftovers: tuple[OlderDraft, ...] = ()


class Overview(Frozen):
    """Everything that `status` tells. `unread` says in words what could not be read, `notes` what else is left out.

    `accounts` counts sender accounts by status; it and `pools` are None where they could not be read.
    """

    format_version: Literal[1] = STATUS_FORMAT_VERSION
    environment: str
    serial: int = Field(description="Serial of the state.")
    timezone: str
    read_at: AwareDatetime
    campaigns: tuple[CampaignStatus, ...] = ()
    pools: tuple[Pool, ...] | None = None
    accounts: dict[str, int] | None = None
    stops: tuple[Stop, ...] = ()
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
