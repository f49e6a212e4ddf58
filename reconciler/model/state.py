"""The state document: what this repository manages, and what it last wrote. No address and no secret is in it.

Two members belong together with it: blobs (rendered steps, ledger segments) live beside it and are named by digest.
"""

from typing import Literal

from pydantic import AwareDatetime, Field

from reconciler.model.base import Frozen
from reconciler.model.live import Capabilities

STATE_VERSION: Literal[1] = 1


class Binding(Frozen):
    """The server a state belongs to, so that it is never applied to another one."""

    address: str = Field(description="Base address of the API.")
    key_kind: str = Field(description="Kind of API key: `sk_live`, `sk_test` or `other`; never the key.")
    pools: tuple[str, ...] = Field(default=(), description="Ids of the sender pools seen last.")


class Cohort(Frozen):
    """One enrolment: when, how many leads were sent, and how many of them the server took (the rest is suppressed)."""

    at: AwareDatetime
    sent: int
    accepted: int


class Leftover(Frozen):
    """A draft that cannot be deleted by API. `id` is None where a create's answer was lost: it may exist or not."""

    id: str | None
    name: str
    at: AwareDatetime
    reason: str


class CampaignState(Frozen):
    """What is known of one managed campaign.

    `steps_digest` covers the steps as last sent, `read_back_digest` the same as the server then showed them (servers
    may tidy HTML up); None: the server cannot show them. `ledger` names the segments of keyed hashes, oldest first.
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
    steps_blob: str | None = None
    read_back_digest: str | None = None
    read_back_blob: str | None = None
    sources: dict[str, str] = Field(default_factory=dict, description="Digests of the files the steps came from.")
    ledger: tuple[str, ...] = ()
    cohorts: tuple[Cohort, ...] = ()
    outside: int = 0
    leftovers: tuple[Leftover, ...] = ()

    @property
    def accepted(self) -> int:
        """Leads that the server has taken from us, in all."""
        return sum(cohort.accepted for cohort in self.cohorts)

    @property
    def expected_enrolled(self) -> int:
        """What `totalEnrolled` must be if nobody else enrolled or removed anyone."""
        return self.outside + self.accepted


class Tombstone(Frozen):
    """A campaign that is no longer managed: kept so that a returning key adopts it and nobody is written to twice."""

    at: AwareDatetime
    campaign: CampaignState


class Stop(Frozen):
    """A stop mark: nothing starts, resumes or enrols while it stands. `scope` is a key, or `*` for all."""

    scope: str
    reason: str
    at: AwareDatetime
    by: str


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
    stops: tuple[Stop, ...] = ()

    def stop_for(self, key: str) -> Stop | None:
        """Return the stop mark that holds this campaign, if any."""
        return next((mark for mark in self.stops if mark.scope in {"*", key}), None)

    def with_campaign(self, key: str, campaign: CampaignState | None) -> "State":
        """Return the state with one campaign set, or taken out."""
        rest = {name: item for name, item in self.campaigns.items() if name != key}
        if campaign is not None:
            rest[key] = campaign
        return self.model_copy(update={"campaigns": dict(sorted(rest.items()))})
