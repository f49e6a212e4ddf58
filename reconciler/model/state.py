"""The state document: what this repository manages, and what it last wrote. No address and no secret is in it.

Two members belong together with it: blobs (rendered steps, ledger segments) live beside it and are named by digest.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from reconciler.model.base import Frozen, canonical
from reconciler.model.campaign import SequenceStep
from reconciler.model.intents import EnrollIntent, Intent
from reconciler.model.live import Capabilities

STATE_VERSION: Literal[1] = 1


class Binding(Frozen):
    """The server a state belongs to, so that it is never applied to another one."""

    address: str = Field(description="Base address of the API.")
    key_kind: str = Field(description="Kind of API key: `sk_live`, `sk_test` or `other`; never the key.")
    pools: tuple[str, ...] = Field(default=(), description="Ids of the sender pools seen last.")


class Cohort(Frozen):
    """Batches of an enrolment: when, how many leads were sent, and how many people that added to the campaign.

    `tried` counts the new people of the list that it was about, also those who are suppressed or were refused.
    """

    at: AwareDatetime
    sent: int
    accepted: int
    tried: int = 0


class Leftover(Frozen):
    """A draft of a campaign that was replaced, which the API cannot delete: it stays in Leadterra.

    `id` is None where the answer to a create was lost: such a draft may exist or not; it has no leads.
    """

    campaign: str
    id: str | None
    name: str
    at: AwareDatetime
    reason: str


class CampaignState(Frozen):
    """What is known of one managed campaign.

    `steps_digest` covers the steps as last sent, `read_back_digest` the same as the server then showed them (servers
    may tidy HTML up); None: the server cannot show them. Both name the blob that holds the steps. `ledger` names the
    segments of keyed hashes, oldest first. `refused` names segments of leads that the server did not accept, as their
    rows were then: they are not sent again as they are.
    `outside` counts leads that were enrolled by somebody else before `import`.
    """

    id: str = Field(description="Leadterra's id (`camp_…`).", examples=["camp_1f2e"])
    name: str
    file: str
    status: Literal["draft", "running", "paused"] = Field(description="Status last written or read.")
    paused_by_us: bool = False
    started_at: AwareDatetime | None = Field(default=None, description="When it was first started; null: never.")
    protect: bool = False
    steps_digest: str
    read_back_digest: str | None = None
    sources: dict[str, str] = Field(default_factory=dict, description="Digests of the files the steps came from.")
    ledger: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    cohorts: tuple[Cohort, ...] = ()
    outside: int = 0

    @property
    def accepted(self) -> int:
        """Leads that the server has taken from us, in all."""
        return sum(cohort.accepted for cohort in self.cohorts)

    @property
    def expected_enrolled(self) -> int:
        """What `totalEnrolled` must be if nobody else enrolled or removed anyone."""
        return self.outside + self.accepted

    @property
    def blobs(self) -> frozenset[str]:
        """Names of its blobs: steps, and ledger segments."""
        steps = {self.steps_digest} if self.read_back_digest is None else {self.steps_digest, self.read_back_digest}
        return frozenset({*steps, *self.ledger, *self.refused})


class Tombstone(Frozen):
    """A campaign that is no longer managed: kept so that a returning key adopts it and nobody is written to twice.

    `earlier` are other campaigns that had the key before, oldest first: their ledgers are kept, too.
    """

    at: AwareDatetime
    campaign: CampaignState
    earlier: tuple[CampaignState, ...] = ()

    @property
    def entries(self) -> tuple[CampaignState, ...]:
        """All campaigns that had the key, oldest first."""
        return (*self.earlier, self.campaign)

    @property
    def blobs(self) -> frozenset[str]:
        """Names of the blobs of all of them."""
        return frozenset().union(*(entry.blobs for entry in self.entries))

    def below(self, at: AwareDatetime, campaign: CampaignState) -> "Tombstone":
        """Bury another campaign of the same key on top of this one."""
        return Tombstone(at=at, campaign=campaign, earlier=(*self.earlier, self.campaign))

    @property
    def rest(self) -> "Tombstone | None":
        """What stays buried when the campaign comes back."""
        if not self.earlier:
            return None
        return Tombstone(at=self.at, campaign=self.earlier[-1], earlier=self.earlier[:-1])


class Stop(Frozen):
    """A stop mark: nothing starts, resumes or enrols while it stands. `scope` is a key, or `*` for all."""

    scope: str
    reason: str
    at: AwareDatetime
    by: str


class Approval(Frozen):
    """That somebody approved of what could not be done yet: a start that waits, waves to come.

    `content` is the digest of name, steps, people and rules as they were; `kinds` are the kinds of actions that were
    approved. `started`: the campaign was running, or was started with this approval.
    """

    at: AwareDatetime
    by: str
    content: str
    kinds: tuple[str, ...]
    started: bool = False


def dump_steps(steps: tuple[SequenceStep, ...]) -> bytes:
    """Write steps as a blob; its SHA-256, and so its name, is `steps_digest`."""
    return canonical([step.model_dump() for step in steps]).encode()


def load_steps(blob: bytes) -> tuple[SequenceStep, ...]:
    """Read such a blob."""
    return TypeAdapter(tuple[SequenceStep, ...]).validate_json(blob)


class State(Frozen):
    """The whole document. `serial` grows by one with each commit; `lineage` never changes."""

    version: Literal[1] = STATE_VERSION
    lineage: str
    serial: int = 0
    environment: str = "default"
    binding: Binding | None = None
    ledger_key: str | None = Field(
        default=None,
        description="Key of the address hashes, in hexadecimal; null where it comes from RECONCILER_LEDGER_KEY.",
    )
    ledger_key_id: str = Field(description="Digest that tells ledger keys apart without giving them away.")
    capabilities: Capabilities = Capabilities()
    campaigns: dict[str, CampaignState] = Field(default_factory=dict)
    tombstones: dict[str, Tombstone] = Field(default_factory=dict)
    operations: dict[str, Intent] = Field(
        default_factory=dict,
        description="Open intents, by operation id: requests that may have left, and of which no outcome is known.",
    )
    leftovers: tuple[Leftover, ...] = ()
    stops: tuple[Stop, ...] = ()
    approvals: dict[str, Approval] = Field(
        default_factory=dict, description="Approvals of what waits, by key; `apply --approved-only` does nothing else."
    )
    suppressed: tuple[str, ...] = Field(
        default=(), description="Ledger segments of whoever was suppressed from here: no list brings them back."
    )

    @property
    def blobs(self) -> frozenset[str]:
        """Names of all blobs that belong to it; any other one is left over."""
        owners = (*self.campaigns.values(), *self.tombstones.values(), *self.operations.values())
        return frozenset(self.suppressed).union(*(owner.blobs for owner in owners))

    def stop_for(self, key: str) -> Stop | None:
        """Return the stop mark that holds this campaign, if any."""
        return next((mark for mark in self.stops if mark.scope in {"*", key}), None)

    def leftover_ids(self, key: str) -> tuple[str, ...]:
        """Return the ids of older drafts of this campaign."""
        return tuple(item.id for item in self.leftovers if item.campaign == key and item.id is not None)

    def with_campaign(self, key: str, campaign: CampaignState | None) -> "State":
        """Return the state with one campaign set, or taken out."""
        campaigns = dict(self.campaigns)
        if campaign is None:
            campaigns.pop(key, None)
        else:
            campaigns[key] = campaign
        return self.model_copy(update={"campaigns": campaigns})

    def open_for(self, key: str) -> dict[str, Intent]:
        """Return the open intents of one campaign, by operation id, oldest first."""
        found = {operation: intent for operation, intent in self.operations.items() if intent.campaign == key}
        return dict(sorted(found.items(), key=lambda item: (item[1].at, item[0])))

    def last_asked(self) -> datetime | None:
        """Return when the youngest intent was opened whose request may change something late; a pause harms nobody."""
        return max((intent.at for intent in self.operations.values() if intent.kind != "pause"), default=None)

    def in_flight(self, key: str) -> int:
        """Count the new leads of a campaign that may have been enrolled without being in its ledger."""
        open_ones = self.open_for(key).values()
        return sum(intent.leads for intent in open_ones if isinstance(intent, EnrollIntent) and intent.new)

    def intending(self, operation: str, intent: Intent) -> "State":
        """Return the state with an intent opened."""
        return self.model_copy(update={"operations": {**self.operations, operation: intent}})

    def without(self, operations: Iterable[str]) -> "State":
        """Return the state with these intents closed."""
        closed = frozenset(operations)
        if not closed & self.operations.keys():
            return self
        left = {operation: intent for operation, intent in self.operations.items() if operation not in closed}
        return self.model_copy(update={"operations": left})
