"""What the core needs from outside, as Protocols. Rooms below the session implement them; nobody imports an adapter."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, Self, TypeVar

from reconciler.diagnostics import StateConflictError
from reconciler.model.campaign import Campaign, SequenceStep
from reconciler.model.live import Account, Enrolment, Pool, RemoteCampaign, Started, Stats
from reconciler.model.plan import Action
from reconciler.model.report import ActionResult
from reconciler.model.roster import Lead, Roster
from reconciler.model.state import CampaignState, State

_T = TypeVar("_T")


class CampaignReader(Protocol):
    """The calls that change nothing. Each raises `ApiError` where the answer does not tell.

    `campaign` and `stats` raise `CampaignGoneError` where the server says that it does not know the id; the
    undocumented `campaign` and `campaigns` raise `CallMissingError` where the call does not exist.
    """

    def sender_pools(self) -> tuple[Pool, ...]:
        """Read the pools with what is left of today's capacity."""
        ...

    def sender_accounts(self) -> tuple[Account, ...]:
        """Read the sender accounts."""
        ...

    def campaign(self, campaign_id: str) -> RemoteCampaign:
        """Read one campaign back (undocumented)."""
        ...

    def campaigns(self) -> tuple[RemoteCampaign, ...]:
        """List the campaigns (undocumented)."""
        ...

    def stats(self, campaign_id: str) -> Stats:
        """Read the counters of one campaign."""
        ...

    def glance(self, campaign_id: str) -> str | None:
        """Return the status as one quick try shows it; None where it does not. Raises nothing and hardly waits."""
        ...


class CampaignApi(CampaignReader, Protocol):
    """The calls that change something. `create` alone is not safe to repeat: see `ApiError.sent`."""

    def create(self, name: str, steps: Sequence[SequenceStep], *, operation: str) -> RemoteCampaign:
        """Create a draft. `operation` is a random id, sent as `Idempotency-Key`."""
        ...

    def update(self, campaign_id: str, name: str, steps: Sequence[SequenceStep]) -> RemoteCampaign:
        """Change a draft (undocumented); raises `CallMissingError` where the call does not exist."""
        ...

    def enroll(self, campaign_id: str, leads: Sequence[Lead]) -> Enrolment:
        """Enrol one batch; raises `ApiError` where the server refuses it."""
        ...

    def start(self, campaign_id: str) -> Started:
        """Start or resume. On a running campaign it changes nothing."""
        ...

    def pause(self, campaign_id: str) -> RemoteCampaign:
        """Pause. On a draft or a paused campaign it changes nothing."""
        ...


class Lease(Protocol):
    """The right to apply, held by one process at a time. A context manager."""

    def __enter__(self) -> Self:
        """Take it, or raise `StateError` naming the holder."""
        ...

    def __exit__(self, *details: object) -> None:
        """Give it back."""
        ...


class StateStore(Protocol):
    """Where the state lives. No state is not an empty state: `read` raises where there is none."""

    def read(self) -> State:
        """Read the newest state; raises `StateError` where it is missing, damaged or newer than this program."""
        ...

    def create(self, state: State) -> None:
        """Write the first state; raises `StateError` where there is one already."""
        ...

    def commit(self, state: State, *, expected_serial: int) -> State:
        """Write `state` with the next serial if nobody wrote since `expected_serial` (compare and swap).

        Durable when it returns. Raises `StateConflictError` where somebody did.
        """
        ...

    def put_blob(self, content: bytes) -> str:
        """Store an immutable blob durably and return its SHA-256 in hexadecimal."""
        ...

    def get_blob(self, name: str) -> bytes:
        """Return a blob; raises `StateError` where it is missing or its content does not match its name."""
        ...

    def lease(self, *, owner: str) -> Lease:
        """Return the lease of this state, not yet taken."""
        ...


def update_state(store: StateStore, change: Callable[[State], State]) -> State:
    """Apply a change to the newest state, again on a newer one where somebody else wrote meanwhile.

    `change` must be a pure function of the state it is given. Returns the state as committed; where `change` returns
    an equal state, nothing is written.
    """
    while True:
        state = store.read()
        wanted = change(state)
        if wanted == state:
            return state
        try:
            return store.commit(wanted, expected_serial=state.serial)
        except StateConflictError:
            continue


class LeadSource(Protocol):
    """The lists of people."""

    def roster(self, campaign: Campaign, known: CampaignState | None) -> Roster:
        """Count a campaign's people against its ledger, and check its tokens for each of them."""
        ...

    def batches(self, campaign: Campaign, known: CampaignState | None) -> Iterator[tuple[str, Sequence[Lead]]]:
        """Yield the leads to send, in batches of one kind: `new`, then `changed`."""
        ...

    def segment(self, leads: Sequence[Lead]) -> bytes:
        """Return the ledger segment of these leads: keyed hashes of address and of fields, 32 bytes a lead."""
        ...


class EventSink(Protocol):
    """Whoever wants to see what the executor does while it does it. Its errors are its own."""

    def action_started(self, action: Action) -> None:
        """Tell that an action begins."""
        ...

    def action_finished(self, action: Action, result: ActionResult) -> None:
        """Tell how it ended."""
        ...

    def leads_enrolled(self, campaign: str, done: int, total: int) -> None:
        """Tell how far an enrolment has come, in leads."""
        ...


def chunks(items: Sequence[_T], size: int) -> Iterable[Sequence[_T]]:
    """Cut a sequence into parts of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))
