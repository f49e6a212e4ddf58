"""State in a ref of the repository's own remote: each change is a commit, and its history says who did what."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from reconciler.diagnostics import LeaseLostError, StateConflictError, StateError, error
from reconciler.model.journal import Happening, Record
from reconciler.model.state import State
from reconciler.ports import Swept
from reconciler.store import gitview, refusals
from reconciler.store.blobs import blob_name, check_name, checked
from reconciler.store.gitlease import GitRegister
from reconciler.store.gitmessages import message, read_commit, record_message
from reconciler.store.gitrepo import Entry, Repository
from reconciler.store.gitview import Change, View
from reconciler.store.history import load_happenings
from reconciler.store.lease import Held, HeldLease, Times, lost, this_machine
from reconciler.store.lease import conflict as lease_conflict

TIMES = Times(beat=60.0, expiry=300.0, poll=10.0)
_READ_AHEAD = 32 * 1024 * 1024
_CHUNK = 500

WAVE = 64


class GitStore:
    """`StateStore` on a ref. One append is one push, which is the compare and swap; one read asks the remote once.

    `folder` lies anywhere in the clone; `token` lets git in at a remote that is reached by https. Safe for threads and
    processes alike, in one clone or in many.
    """

    def __init__(
        self,
        folder: Path,
        *,
        remote: str,
        ref: str,
        times: Times = TIMES,
        pauses: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
        token: str | None = None,
    ) -> None:
        self._repository = Repository(folder, remote, ref, pauses=pauses, token=token)
        self._times = times
        self._view: View | None = None
        self._lock = threading.Lock()
        self._count = threading.Lock()
        self._asked = self._answered = 0
        self._pending: dict[str, bytes] = {}
        self._put: dict[str, bytes] = {}
        self._listed: dict[str, Entry] = {}
        self._listed_at: str | None = None
        self._newest_blobs: frozenset[str] = frozenset()
        self._blobs: dict[str, bytes] = {}

    @property
    def wave(self) -> int:
        """How many campaigns share the wait for a record: it is durable after a push, which takes about a second."""
        return WAVE

    def read(self) -> State:
        """Read the newest state. Threads that ask at the same time share the answer to a question asked after theirs.

        Raises `StateError`: `state-missing`, `state-gone`, `state-remote`, `state-rewritten`, `state-damaged`,
        `journal-damaged`, `state-newer`, `state-git` or `state-no-remote`.
        """
        return self._newest().state

    def remembered(self) -> State:
        """Return the state that this clone has seen last; raises `StateError` (`state-missing`) where it saw none."""
        with self._lock:
            head = self._repository.seen()
            if head is None:
                raise self._missing()
            return gitview.look(self._repository, head, None).state

    def create(self, state: State, *, by: str) -> None:
        """Write the first state. Raises `StateError` (`state-exists`) where there is one, damaged or not."""
        words = message("created the state", ["created the state"], by=by, at=datetime.now(UTC), serial=state.serial)
        change = gitview.first(self._repository, state, words)
        with self._lock:
            if self._repository.head() is not None:
                raise refusals.exists(self._repository.name)
            if self._repository.seen() is not None:
                raise self._gone()
            if not self._push(None, change):
                raise refusals.exists(self._repository.name)

    def append(self, record: Record, *, fence: int | None) -> None:
        """Add a record to the journal with one push, if serial and lineage are the next ones and the fence holds.

        Raises `StateConflictError` (`state-conflict`) or `LeaseLostError` where they are not, `StateError` as `read`
        does, and `state-remote` where it could not be pushed.
        """

        def make(view: View) -> Change:
            if record.serial != view.state.serial + 1 or record.lineage != view.state.lineage:
                raise refusals.conflict(view.state.serial, record.serial - 1)
            if fence is not None:
                self._check_fence(view, fence)
            return gitview.with_record(self._repository, view, record, record_message(record))

        self._write(make)

    def put_blob(self, content: bytes) -> str:
        """Keep a blob until the next append writes it in the same commit, and return its SHA-256.

        The commit of the record that names it has it, whoever has swept it away since.
        """
        name = blob_name(content)
        with self._lock:
            self._put[name] = self._pending[name] = content
        return name

    def get_blob(self, name: str) -> bytes:
        """Return a blob. Raises `StateError`: `blob-missing` or `blob-damaged`, or as `read` does."""
        check_name(name)
        with self._lock:
            found = self._pending.get(name, self._blobs.get(name))
            if found is None:
                found = self._read_blob(name)
        return checked(name, found, place=self._repository.name)

    def sweep(self, *, fence: int, forget_history: bool = False) -> Swept:
        """Take all blobs out of the tree that the state does not name, with one push; where there is none, with none.

        The history of the ref still has them. With `forget_history` it is begun anew, with a commit that has no parent
        and keeps in a file what history told; other clones accept it as a continuation of what they saw. Raises as
        `append` does.
        """
        gone = 0

        def without(view: View) -> Change | None:
            nonlocal gone
            by, at = self._check_fence(view, fence), datetime.now(UTC)
            words = message("left-over blobs removed", (), by=by, at=at, serial=view.state.serial)
            change = gitview.swept(self._repository, view, view.state.blobs.union(self._put), words)
            gone = 0 if change is None else sum(path.startswith(gitview.BLOBS) for path in change.gone)
            return change

        def anew(view: View) -> Change:
            by, at, told = self._check_fence(view, fence), datetime.now(UTC), "forgot the history before"
            words = message(told, [told], by=by, at=at, serial=view.state.serial, after=view.head)
            return gitview.begun_anew(view, list(self._told(view.head)), words)

        self._write(without)
        if forget_history:
            self._write(anew)
        return Swept(gone, *self._former(forgotten=forget_history))

    def lease(self, *, owner: str, told: Callable[[str], None], sleep: Callable[[float], bool]) -> HeldLease:
        """Return the lease of this state, not yet taken."""
        return HeldLease(
            self._register(),
            owner=owner,
            machine=this_machine(),
            times=self._times,
            told=told,
            sleep=sleep,
            asked=lambda: self.remembered().last_asked(),
        )

    def holder(self) -> str | None:
        """Say who holds the lease, in words; None where nobody does."""
        return self._register().words()

    def unlock(self, *, by: str) -> str | None:
        """End whatever lease is held, and return whose it was."""
        return self._register().unlock(by)

    def history(self) -> Iterator[Happening]:
        """Tell who did what when, newest first; a shallow clone brings older commits as they are asked for."""
        return self._told(self._newest().head)

    def _told(self, newest: str) -> Iterator[Happening]:
        head: str | None = newest
        told = 0
        while head is not None:
            found = self._repository.commits(head, _CHUNK)
            if not found:
                self._repository.deepen(told + _CHUNK)
                found = self._repository.commits(head, _CHUNK)
            if not found:
                return
            for raw in found:
                commit = read_commit(raw)
                if commit.happening is not None:
                    yield commit.happening
                head = commit.parent
            told += len(found)
        kept = self._repository.tree(newest, gitview.HISTORY)
        for content in self._repository.contents(entry.oid for entry in kept.values()).values():
            yield from load_happenings(content)

    def held(self, *, anew: bool) -> Held:
        """Return who holds the lease."""
        view = self._newest() if anew or self._view is None else self._view
        return view.held(self._repository.name)

    def swap_held(self, held: Held, *, expected: Held, told: Callable[[State], str]) -> None:
        """Write who holds the lease, where it is still as expected."""

        def make(view: View) -> Change:
            if view.held(self._repository.name) != expected:
                raise lease_conflict()
            blobs = self._there() if held.owner is None and view.journal else frozenset()
            return gitview.with_lease(self._repository, view, held, told(view.state), blobs)

        self._write(make)

    def _newest(self) -> View:
        with self._count:
            self._asked += 1
            mine = self._asked
        with self._lock:
            if self._view is not None and self._answered >= mine:
                return self._view
            return self._refresh()

    def _refresh(self) -> View:
        """Ask the remote, and read what is new there."""
        asked = self._asked
        head = self._repository.head()
        if head is None:
            raise self._missing()
        if self._view is None or self._view.head != head:
            if self._repository.seen() != head:
                head = self._repository.fetch()
            self._view = gitview.look(self._repository, head, self._view)
        self._answered = asked
        return self._view

    def _write(self, make: Callable[[View], Change | None]) -> None:
        """Publish a change of the newest view, if there is any to be made.

        What is refused, or not needed, on a view that may be old is tried on a newer one.
        """
        with self._lock:
            view, fresh = self._view, False
            while True:
                if view is None:
                    view, fresh = self._refresh(), True
                try:
                    change = make(view)
                except (StateConflictError, LeaseLostError):
                    if fresh:
                        raise
                    view = None
                    continue
                if change is None and fresh:
                    return
                if change is not None and self._push(view.head, change):
                    return
                view = None

    def _push(self, old: str | None, change: Change) -> bool:
        """Commit and push; False where somebody else moved the ref meanwhile."""
        asked = self._asked
        pending = {**self._pending, **{name: self._put[name] for name in change.named if name in self._put}}
        kept = self._there() - frozenset(change.gone) if pending else frozenset()
        blobs = {
            path: content
            for path, content in ((gitview.blob_path(name), content) for name, content in pending.items())
            if path not in kept or self._listed[path].oid != self._repository.oid(content)
        }
        files = {**blobs, **change.files}
        new = self._repository.commit(old, change.message, files, change.gone, anew=change.anew)
        if not self._repository.publish(new, old=old):
            return False
        self._view = replace(change.next, head=new)
        self._answered = asked
        for name, content in pending.items():
            self._pending.pop(name, None)
            self._keep(name, content)
            path = gitview.blob_path(name)
            if path in blobs:
                self._listed[path] = Entry(self._repository.oid(content), len(content))
        for name in change.named:
            self._put.pop(name, None)
        for path in change.gone:
            self._listed.pop(path, None)
            self._blobs.pop(path.rpartition("/")[2], None)
        if self._listed_at == old:
            self._listed_at = new
            self._newest_blobs = (self._newest_blobs | blobs.keys()) - frozenset(change.gone)
        return True

    def _check_fence(self, view: View, fence: int) -> str:
        """Return who holds the lease; raises where it is held with another number, or not at all."""
        held = view.held(self._repository.name)
        if held.owner is None or held.fence != fence:
            raise lost()
        return held.owner

    def _former(self, *, forgotten: bool) -> tuple[str, str]:
        there = self._repository
        prune = "`git gc --prune=now` removes them from a clone"
        if forgotten:
            words = f"former versions of {there.name} are unreachable now, and stay until they are cleared away"
            return words, f"{prune} once it has seen the new history; ask whoever hosts the remote to do the same there"
        words = f"the history of {there.name} still has the former versions, with their hashes"
        return words, f"--forget-history begins it anew; then {prune}, and whoever hosts the remote does it there"

    def _index(self) -> dict[str, Entry]:
        """List the blobs of the view; one that has gone from it since can still be read here."""
        view = self._view
        if view is not None and self._listed_at is None:
            listed = self._repository.tree(view.head, gitview.BLOBS)
            self._listed |= listed
            self._listed_at, self._newest_blobs = view.head, frozenset(listed)
        return self._listed

    def _there(self) -> frozenset[str]:
        """Return the paths of the blobs that are in the view: those nobody speaks of any more may have gone from it."""
        if self._view is not None and self._listed_at != self._view.head:
            self._listed_at = None
            self._index()
        return self._newest_blobs

    def _read_blob(self, name: str) -> bytes | None:
        path = gitview.blob_path(name)
        if path not in self._index():
            # Somebody else may have written it since.
            if self._refresh().head != self._listed_at:
                self._listed_at = None
            if path not in self._index():
                return None
        there = self._listed[path]
        # Whoever asks for one asks for many: the others come along, as far as there is room.
        room = _READ_AHEAD - sum(map(len, self._blobs.values()))
        wanted = {path: there}
        for other, entry in self._listed.items():
            if entry.size <= room and other.rpartition("/")[2] not in self._blobs:
                wanted[other] = entry
                room -= entry.size
        contents = self._repository.contents(entry.oid for entry in wanted.values())
        for other, entry in wanted.items():
            if entry.oid in contents:
                self._keep(other.rpartition("/")[2], contents[entry.oid])
        return contents.get(there.oid)

    def _keep(self, name: str, content: bytes) -> None:
        if blob_name(content) == name:
            self._blobs[name] = content

    def _register(self) -> GitRegister:
        place = hashlib.sha256(self._repository.memory.encode()).hexdigest()[:16]
        return GitRegister(self, self._repository.common / "reconciler" / place)

    def _missing(self) -> StateError:
        if self._repository.seen() is not None:
            return self._gone()
        hint = "If there was one, look for its ref: another `workspace`, `state.ref` or --env has another one."
        return refusals.missing(self._repository.name, hint=hint)

    def _gone(self) -> StateError:
        words = f"There was a state in {self._repository.name}, this clone has seen it, and it is gone."
        return StateError(error("state-gone", words, hint=f"Nothing was changed. {self._bring_back()}"))

    def _bring_back(self) -> str:
        there = self._repository
        return (
            f"To bring that back: `git push {there.remote} {there.memory}:{there.ref}`. "
            f"To forget it for good: `git update-ref -d {there.memory}`."
        )
