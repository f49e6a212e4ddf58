"""Intents: what is written down before a request leaves, for whoever comes after a crash.

An intent that is still in the state is open: its request was carried out, or not, or only in part (design §6).
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from reconciler.model.base import Frozen


class _Intent(Frozen):
    """What all have in common: the key it concerns, since when it stands, and who wrote it (`user@host, process …`)."""

    campaign: str
    at: AwareDatetime
    by: str

    @property
    def blobs(self) -> frozenset[str]:
        """Names of the blobs it speaks of."""
        return frozenset()


class CreateIntent(_Intent):
    """A draft is to be created. Its operation id is the `Idempotency-Key` of the request.

    `steps` is the digest of the steps sent, `replaces` the id of the draft whose place it takes.
    """

    kind: Literal["create"] = "create"
    name: str
    steps: str
    sources: dict[str, str] = {}
    replaces: str | None = None

    @property
    def blobs(self) -> frozenset[str]:
        """Name the steps."""
        return frozenset({self.steps})


class UpdateIntent(_Intent):
    """A draft is to be changed to this name and these steps (their digest)."""

    kind: Literal["update"] = "update"
    id: str
    name: str
    steps: str

    @property
    def blobs(self) -> frozenset[str]:
        """Name the steps."""
        return frozenset({self.steps})


class EnrollIntent(_Intent):
    """One batch is to be enrolled: new leads, or changed ones. `segment` names the blob of its ledger entries."""

    kind: Literal["enroll"] = "enroll"
    id: str
    segment: str
    leads: int
    new: bool

    @property
    def blobs(self) -> frozenset[str]:
        """Name the segment."""
        return frozenset({self.segment})


class StartIntent(_Intent):
    """A draft is to be started. From here on it is never edited, unless the server says that it is a draft."""

    kind: Literal["start"] = "start"
    id: str


class ResumeIntent(_Intent):
    """A paused campaign is to be resumed. `sent` and `queued` are its counters from right before."""

    kind: Literal["resume"] = "resume"
    id: str
    sent: int
    queued: int


class PauseIntent(_Intent):
    """A campaign is to be paused."""

    kind: Literal["pause"] = "pause"
    id: str


Intent = Annotated[
    CreateIntent | UpdateIntent | EnrollIntent | StartIntent | ResumeIntent | PauseIntent, Field(discriminator="kind")
]
