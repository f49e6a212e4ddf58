"""What the core needs from outside, as Protocols. Rooms below the session implement them; nobody imports an adapter."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, Self, TypeVar

from reconciler.diagnostics import Diagnostic, StateConflictError
from reconciler.model.campaign import Campaign, SequenceStep
from reconciler.model.journal import Happening, Record, between
from reconciler.model.live import Account, Enrolment, Pool, RemoteCampaign, Replies, Started, Stats
from reconciler.model.plan import Action
from reconciler.model.report import ActionResult
from reconciler.model.roster import NOBODY, Avoid, Hashes, Lead, Roster
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

    def replies(self, campaign_id: str) -> Replies:
        """Read the replies to one campaign, newest first, up to a bound."""
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

    def enroll(self, campaign_id: str, leads: Sequence[Lead], *, again: Callable[[], None] | None = None) -> Enrolment:
        """Enrol one batch; raises `LeadsRefusedError` where the server refuses it because of some of its leads.

        `again` is asked before each further attempt, and before one that had to wait for its slot; it raises
        `Withdrawn` where that is not wanted any more.
        """
        ...

    def start(self, campaign_id: str, *, again: Callable[[], None] | None = None) -> Started:
        """Start or resume. On a running campaign it changes nothing. `again` as for `enroll`."""
        ...

    def pause(self, campaign_id: str) -> RemoteCampaign:
        """Pause. On a draft or a paused campaign it changes nothing."""
        ...

    def suppress(self, addresses: Sequence[str]) -> None:
        """Put up to 1,000 addresses on the workspace's suppression list, for good. Repeating it changes nothing."""
        ...


class Lease(Protocol):
    """The right to apply, held by one process at a time. A context manager.

    Its holder shows signs of life while it is held. `fence` is a number that grows with each holder: what is written
    with an older one is refused.
    """

    @property
    def fence(self) -> int:
        """The number of this holding; only while it is held."""
        ...

    def __enter__(self) -> Self:
        """Take it, or raise `StateError` naming the holder.

        Where the holder shows no sign of life it is waited for, and taken over once it has certainly ended.
        """
        ...

    def __exit__(self, *details: object) -> None:
        """Give it back."""
        ...

    def check(self, seconds: float) -> None:
        """Raise `LeaseLostError` unless it certainly lasts for so many more seconds."""
        ...


class Swept(NamedTuple):
    """How many blobs were removed, and, in words, where former versions of the state can still be read; None: nowhere.

    `hint` is what to do about that.
    """

    blobs: int
    former: str | None = None
    hint: str | None = None


class StateStore(Protocol):
    """Where the state lives. No state is not an empty state: `read` raises where there is none."""

    @property
    def wave(self) -> int:
        """How many campaigns are carried out side by side: as many share the wait for a record to be durable."""
        ...

    def read(self) -> State:
        """Read the newest state; raises `StateError` where it is missing, damaged or newer than this program."""
        ...

    def remembered(self) -> State:
        """Return the state as it was seen last, without asking anybody else; raises as `read` does.

        It may be old: good enough for what does no harm, such as a pause.
        """
        ...

    def create(self, state: State, *, by: str) -> None:
        """Write the first state; raises `StateError` where there is one already."""
        ...

    def append(self, record: Record, *, fence: int | None) -> None:
        """Add a record to the journal if its serial is the next one (compare and swap). Durable when it returns.

        Raises `StateConflictError` where somebody wrote meanwhile, or the lineage is another; `LeaseLostError` where
        `fence` is not the one of the lease's holder (None: needs no lease, as a stop mark does); `StateError` where it
        could not be written: then nothing was.
        """
        ...

    def put_blob(self, content: bytes) -> str:
        """Store an immutable blob and return its SHA-256 in hexadecimal.

        It is durable once a record is that was appended after it, and stays from when a record names it.
        """
        ...

    def get_blob(self, name: str) -> bytes:
        """Return a blob; raises `StateError` where it is missing or its content does not match its name."""
        ...

    def sweep(self, *, fence: int, forget_history: bool = False) -> Swept:
        """Remove all blobs that the newest state does not name; none that it names, nor one put for a record to come.

        To be asked by the holder of the lease: raises `LeaseLostError` where `fence` is not its number, `StateError`
        where one could not be removed. Killed in the middle, it has removed some; the next one removes the rest. With
        `forget_history` former versions of the state are removed as well, as far as that is up to this program.
        """
        ...

    def lease(self, *, owner: str, told: Callable[[str], None], sleep: Callable[[float], bool]) -> Lease:
        """Return the lease of this state, not yet taken.

        `told` gets a line where it is waited for or taken over. `sleep` waits so many seconds; where it returns True,
        the run was told to end, and the wait ends with `Interrupted`.
        """
        ...

    def holder(self) -> str | None:
        """Say who holds the lease, and since when it has shown no sign of life; None where nobody does."""
        ...

    def unlock(self, *, by: str) -> str | None:
        """End whatever lease is held, and return whose it was: that holder neither writes nor calls any more."""
        ...

    def history(self) -> Iterable[Happening]:
        """Tell who did what when, newest first."""
        ...


def update_state(
    store: StateStore,
    change: Callable[[State], State],
    *,
    by: str,
    at: datetime,
    what: str,
    fence: int | None = None,
) -> State:
    """Apply a change to the newest state, again on a newer one where somebody else wrote meanwhile.

    `change` must be a pure function of the state it is given. Returns the state as committed; where `change` returns
    an equal state, nothing is written. `what` is told by history.
    """
    while True:
        state = store.read()
        wanted = change(state)
        if wanted == state:
            return state
        serial = state.serial + 1
        words = (what,) if what else ()
        delta = between(state, wanted)
        record = Record(lineage=state.lineage, serial=serial, at=at, by=by, what=words, delta=delta)
        try:
            store.append(record, fence=fence)
        except StateConflictError:
            continue
        return wanted.model_copy(update={"serial": serial})


class LeadSource(Protocol):
    """The lists of people."""

    def roster(self, campaign: Campaign, known: CampaignState | None, avoid: Avoid = NOBODY) -> Roster:
        """Count a campaign's people against its ledger, and check its tokens for each who is not to be avoided."""
        ...

    def batches(
        self,
        campaign: Campaign,
        known: CampaignState | None,
        avoid: Avoid = NOBODY,
        *,
        most: int | None = None,
        first: tuple[str, ...] = (),
    ) -> Iterator[tuple[str, Sequence[Lead]]]:
        """Yield the leads to send, in batches of one kind: `new`, no more than `most` of them, then `changed`.

        Of the new ones, those in the segments `first` come before the others.
        """
        ...

    def digest(self, campaign: Campaign) -> str:
        """Return the digest of a campaign's list as it is now; empty where it is not at hand, or cannot be read."""
        ...

    def samples(self, campaign: Campaign) -> tuple[Lead, ...]:
        """Return three people of a list as examples: a typical one, the longest, the one of whom most is missing.

        None where nobody is on it. Raises `SpecError` where it is not at hand, or cannot be read to its end.
        """
        ...

    def hashes(self, ledger: tuple[str, ...]) -> Hashes:
        """Return the addresses of a ledger, by the names of its segments."""
        ...

    def segment(self, leads: Sequence[Lead]) -> bytes:
        """Return the ledger segment of these leads: keyed hashes of address and of fields, 32 bytes a lead."""
        ...

    def refused(self, campaign: Campaign, leads: Sequence[Lead]) -> tuple[Diagnostic, ...]:
        """Tell leads that the server has just refused, by the lines of their list."""
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
