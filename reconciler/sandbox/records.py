"""What the sandbox keeps, as plain frozen records; timestamps are ISO 8601 texts in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

JsonObject = dict[str, object]
Status = Literal["draft", "running", "paused"]
AccountStatus = Literal["active", "paused", "warming"]
MessageState = Literal["queued", "sent", "cancelled"]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """Return a moment as messages keep it: whole milliseconds since 1970. ``moment`` must know its zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone is not a moment")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def moment_of(count: int) -> datetime:
    """Return the moment that lies so many milliseconds after 1970, in UTC."""
    return _EPOCH + timedelta(milliseconds=count)


def stamp(moment: datetime) -> str:
    """Return a moment as the API writes it: ISO 8601, UTC, milliseconds. ``moment`` must know its zone."""
    text = moment_of(milliseconds(moment)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Account:
    """A sender account; only an ``active`` one sends."""

    id: str
    email: str
    name: str
    status: AccountStatus


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool with its accounts; capacity and what is left of it are messages in a rolling 24 hours."""

    id: str
    name: str
    daily_capacity: int
    remaining: int
    account_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """A pool as it is asked for: one account for each status in ``accounts``."""

    name: str
    daily_capacity: int
    remaining: int
    accounts: tuple[AccountStatus, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One email of a sequence; ``delay_days`` counts from the step before, for the first from the start."""

    subject: str
    body_html: str
    delay_days: int = 0

    def to_json(self) -> JsonObject:
        """Return the step with the field names of the API."""
        return {"subject": self.subject, "bodyHtml": self.body_html, "delayDays": self.delay_days}


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign. ``starts`` counts how often it really went from draft to running, ``resumes`` from paused."""

    id: str
    name: str
    status: Status
    created_at: str
    started_at: str | None
    steps: tuple[Step, ...]
    starts: int
    resumes: int


@dataclass(frozen=True, slots=True)
class Started:
    """What start answers: the campaign, all leads enrolled, and messages that wait to be sent."""

    campaign: Campaign
    leads_enrolled: int
    queued_messages: int


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Counts of one bulk enrolment: new leads, known ones, and ones left out as suppressed."""

    enrolled: int
    updated: int
    skipped: int


@dataclass(frozen=True, slots=True)
class NewLead:
    """A lead of a request: its address (trimmed, lower case) and the fields that were present."""

    email: str
    fields: JsonObject


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead of a campaign; ``step`` is the index of the step it has reached, None before the first.

    ``times_enrolled`` counts how often requests have named it for this campaign.
    """

    email: str
    fields: JsonObject
    times_enrolled: int
    enrolled_at: str
    step: int | None
    ended: bool


@dataclass(frozen=True, slots=True)
class Message:
    """One message for one lead and step, which exists at most once.

    ``sent_at`` and ``sender``, the address of the account, are None until it is sent.
    """

    email: str
    step: int
    state: MessageState
    queued_at: str
    due_at: str
    sent_at: str | None
    sender: str | None


@dataclass(frozen=True, slots=True)
class Stats:
    """The counters of a campaign; rates are shares of delivered messages, 0 to 1."""

    total_enrolled: int
    sent: int
    delivered: int
    bounced: int
    opened: int
    replied: int
    queued: int

    @property
    def open_rate(self) -> float:
        """The share of delivered messages that were opened."""
        return self._share(self.opened)

    @property
    def reply_rate(self) -> float:
        """The share of delivered messages that were answered."""
        return self._share(self.replied)

    def _share(self, count: int) -> float:
        return min(1.0, round(count / self.delivered, 4)) if self.delivered else 0.0


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Counts of one suppression request: addresses that are new to the list, and ones it had already."""

    added: int
    known: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A classified reply to a campaign."""

    id: str
    email: str
    campaign_id: str
    classification: str
    received_at: str
    snippet: str


@dataclass(frozen=True, slots=True)
class ReplyPage:
    """One page of replies, newest first; ``total`` counts all pages."""

    replies: tuple[Reply, ...]
    total: int
    page: int
    per_page: int


@dataclass(frozen=True, slots=True)
class Webhook:
    """A registered webhook."""

    id: str
    url: str
    events: tuple[str, ...]
    status: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Received:
    """A request that was received, without its body or any address.

    ``status`` is None where nothing was answered; ``leads`` counts the leads of an enrolment.
    """

    seq: int
    kind: str
    method: str
    path: str
    status: int | None
    carried_out: bool
    time: str
    idempotency_key: str | None
    leads: int | None
