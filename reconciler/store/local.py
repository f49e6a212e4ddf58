"""State in a folder of this machine (`.reconciler/<environment>/`), on a file system with POSIX locks and renames."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reconciler.diagnostics import StateError, error
from reconciler.model.journal import Happening, Record
from reconciler.model.state import State
from reconciler.ports import Swept
from reconciler.store import lease, refusals
from reconciler.store.blobs import LocalBlobs
from reconciler.store.document import decode, encode
from reconciler.store.files import (
    FILE_MODE,
    append_durably,
    make_private_folder,
    replace_durably,
    told_as_state_error,
    unreadable,
)
from reconciler.store.history import LocalHistory, happenings
from reconciler.store.locallease import LocalRegister
from reconciler.store.records import damaged, decode_records, encode_record, replay

if TYPE_CHECKING:
    from filelock import FileLock

TIMES = lease.Times(beat=10.0, expiry=60.0)
_LOCK_TIMEOUT = 30.0
_LOCK_POLL = 0.005
_PATIENCE_TO_COMPACT = 1.0
_SMALLEST_COMPACTION = 256 * 1024
_TAIL = 128

WAVE = 8


class _Sign(NamedTuple):
    """What tells one version of a file from another. None of it changes by reading."""

    inode: int
    size: int
    time: int


class _View(NamedTuple):
    """What was read last: the document's version, how far the journal was read, and the state that both make.

    `tail` is what stood in the journal before `offset`: where something else stands there now, it is another journal.
    """

    document: _Sign
    offset: int
    tail: bytes
    state: State


class LocalStore:
    """`StateStore` on a folder: `state.json`, the journal of what came after it, `blobs/<sha256>`, and the locks.

    Safe for threads and processes alike. Folder and files belong to their owner alone (0700, 0600): the ledger key may
    be in the document. The journal is folded into the document when it has become larger than it, so that the cost of
    writing lies in what changed. Both files are there from the beginning: one that is missing is a damage.
    """

    def __init__(self, folder: Path, *, times: lease.Times = TIMES) -> None:
        self._folder = folder
        self._document = folder / "state.json"
        self._journal = folder / "journal.jsonl"
        self._blobs = LocalBlobs(folder / "blobs")
        self._history = LocalHistory(folder / "history.jsonl")
        self._times = times
        self._view: _View | None = None
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._lock: FileLock | None = None

    @property
    def wave(self) -> int:
        """How many campaigns share the wait for a record: it is durable in a millisecond."""
        return WAVE

    def read(self) -> State:
        """Read the newest state; what has not changed since is not read again.

        Raises `StateError`: `state-missing`, `state-damaged`, `journal-damaged`, `state-newer`, or `state-unreadable`
        where the operating system refuses. The files are never touched.
        """
        with self._reading:
            return self._refreshed().state

    def remembered(self) -> State:
        """Read the newest state: here nobody else has to be asked."""
        return self.read()

    def create(self, state: State, *, by: str) -> None:
        """Write the first state. Raises `StateError` (`state-exists`) where there is one, damaged or not."""
        data = encode(state)
        with told_as_state_error("The state", self._folder):
            make_private_folder(self._folder)
        with self._locked():
            if self._document.exists() or self._document.is_symlink() or self._journal_bytes():
                raise refusals.exists(str(self._folder))
            with told_as_state_error("The state", self._folder):
                replace_durably(self._journal, b"")
                replace_durably(self._document, data)
            self._remember(state.serial, by, "created the state")

    def append(self, record: Record, *, fence: int | None) -> None:
        """Add a record to the journal, durably, if serial and lineage are the next ones and the fence holds.

        Raises `StateConflictError` (`state-conflict`) or `LeaseLostError` where they are not, `StateError` as `read`
        does, and `state-write` where it could not be written: then the journal is as it was.
        """
        if not self._folder.is_dir():
            raise refusals.missing(str(self._folder))
        line = encode_record(record)
        with self._locked(), self._reading:
            view = self._refreshed()
            if record.serial != view.state.serial + 1 or record.lineage != view.state.lineage:
                raise refusals.conflict(view.state.serial, record.serial - 1)
            if fence is not None and not self._register().is_held(fence):
                raise lease.lost()
            state = record.delta.on(view.state, serial=record.serial)
            named = record.delta.blobs
            self._blobs.put_again(named)
            with told_as_state_error("The journal of the state", self._folder):
                append_durably(self._journal, line, at=view.offset)
            self._view = _View(view.document, view.offset + len(line), (view.tail + line)[-_TAIL:], state)
            self._blobs.named(named)
            if self._view.offset > max(_SMALLEST_COMPACTION, view.document.size):
                self._compact()

    def put_blob(self, content: bytes) -> str:
        """Store an immutable blob durably and return its SHA-256. One that is there and whole is not written again."""
        return self._blobs.put(content)

    def get_blob(self, name: str) -> bytes:
        """Return a blob. Raises `StateError`: `blob-missing`, `blob-damaged`, or `state-unreadable`."""
        return self._blobs.read(name)

    def sweep(self, *, fence: int, forget_history: bool = False) -> Swept:  # noqa: ARG002 - no history to forget
        """Fold the journal, which knows former names, and remove the files of all blobs that the state does not name.

        Nothing of them stays: there are no former versions here, so that `forget_history` finds nothing to forget.
        Raises as `append` does; what was removed stays removed.
        """
        with self._locked(), self._reading:
            view = self._refreshed()
            if not self._register().is_held(fence):
                raise lease.lost()
            if view.offset:
                self._compact()
            with told_as_state_error("A blob of the state", self._folder, act="removed from"):
                return Swept(self._blobs.sweep(view.state.blobs))

    def lease(self, *, owner: str, told: Callable[[str], None], sleep: Callable[[float], bool]) -> lease.HeldLease:
        """Return the lease of this state, not yet taken. Raises `StateError` (`state-missing`) where there is none."""
        if not self._folder.is_dir():
            raise refusals.missing(str(self._folder))
        return lease.HeldLease(
            self._register(),
            owner=owner,
            machine=lease.this_machine(),
            times=self._times,
            told=told,
            sleep=sleep,
            asked=lambda: self.read().last_asked(),
        )

    def holder(self) -> str | None:
        """Say who holds the lease, in words; None where nobody does."""
        return self._register().words() if self._folder.is_dir() else None

    def unlock(self, *, by: str) -> str | None:
        """End whatever lease is held, and return whose it was."""
        serial = self.read().serial
        whose = self._register().unlock()
        if whose is not None:
            with self._locked():
                self._remember(serial, by, f"ended the lock of {whose}")
        return whose

    def history(self) -> list[Happening]:
        """Tell who did what when, newest first."""
        with self._reading:
            self._refreshed()
            recent = decode_records(self._journal_bytes(), place=str(self._journal)).records
        return self._history.told(item for item in happenings(recent) if item.what)

    def compact(self) -> None:
        """Fold the journal into the document. What cannot be written stays where it is: both are read as one."""
        with suppress(StateError), self._locked(_PATIENCE_TO_COMPACT), self._reading:
            if self._refreshed().offset:
                self._compact()

    def _compact(self) -> None:
        """Write the document first: whatever a crash leaves, the records it holds already are passed over."""
        view = self._view
        if view is None:
            return
        data = encode(view.state)
        with suppress(OSError):
            self._history.add(happenings(decode_records(self._journal_bytes(), place=str(self._journal)).records))
            replace_durably(self._document, data)
            replace_durably(self._journal, b"")
            self._blobs.tidy()
        self._view = None

    def _remember(self, serial: int, by: str, what: str) -> None:
        """Add what was done beside the journal to the history. What cannot be written there does not undo it."""
        with suppress(OSError):
            self._history.add([Happening(serial=serial, at=datetime.now(UTC), by=by, what=(what,))])

    def _refreshed(self) -> _View:
        while True:
            document = self._sign()
            view = self._view
            try:
                if view is None or view.document != document:
                    view = self._whole(document)
                view = self._caught_up(view) or self._caught_up(self._whole(document))
            except StateError:
                if self._sign() == document:
                    raise
                view = None
            # A compaction in between has moved records from one file to the other: look again.
            if view is not None and self._sign() == document:
                self._view = view
                return view
            self._view = None

    def _whole(self, document: _Sign) -> _View:
        """Begin with the document alone."""
        return _View(document, 0, b"", decode(self._document_bytes(), place=str(self._document)))

    def _caught_up(self, view: _View) -> _View | None:
        """Read what the journal has beyond the view; None where it is not the journal the view was read from."""
        try:
            with self._journal.open("rb") as stream:
                stream.seek(view.offset - len(view.tail))
                data = stream.read()
        except FileNotFoundError:
            raise damaged(str(self._journal), "it is gone") from None
        except OSError as problem:
            raise unreadable("journal", self._journal, problem) from problem
        if not data.startswith(view.tail):
            return None
        if len(data) == len(view.tail):
            return view
        found = decode_records(data[len(view.tail) :], place=str(self._journal))
        state = replay(view.state, found.records, place=str(self._journal))
        offset = view.offset + found.whole
        return _View(view.document, offset, data[: len(view.tail) + found.whole][-_TAIL:], state)

    def _sign(self) -> _Sign:
        try:
            found = self._document.stat()
        except FileNotFoundError:
            raise refusals.missing(str(self._folder)) from None
        except OSError as problem:
            raise unreadable("state", self._document, problem) from problem
        return _Sign(found.st_ino, found.st_size, found.st_mtime_ns)

    def _document_bytes(self) -> bytes:
        try:
            return self._document.read_bytes()
        except FileNotFoundError:
            raise refusals.missing(str(self._folder)) from None
        except OSError as problem:
            raise unreadable("state", self._document, problem) from problem

    def _journal_bytes(self) -> bytes:
        try:
            return self._journal.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as problem:
            raise unreadable("journal", self._journal, problem) from problem

    def _register(self) -> LocalRegister:
        return LocalRegister(self._folder, self._locked, self.compact)

    @contextmanager
    def _locked(self, patience: float | None = None) -> Iterator[None]:
        """Hold the short lock of writers. Raises `StateError` (`state-busy`) where somebody keeps it for too long.

        The threads of this process queue up before it: at the lock of the file they would have to ask again and again.
        """
        with self._writing, self._file_locked(_LOCK_TIMEOUT if patience is None else patience):
            yield

    @contextmanager
    def _file_locked(self, patience: float) -> Iterator[None]:
        from filelock import FileLock, Timeout

        if self._lock is None:
            self._lock = FileLock(self._folder / "state.lock", mode=FILE_MODE, thread_local=False)
        with told_as_state_error("The state", self._folder):
            try:
                self._lock.acquire(timeout=patience, poll_interval=_LOCK_POLL)
            except Timeout:
                raise StateError(
                    error(
                        "state-busy",
                        f"Another process has been writing to {self._folder} for {patience:.0f} seconds.",
                        hint="Nothing was written. Look for a reconciler process that hangs or is suspended, end it or "
                        "let it go on, then run again.",
                    )
                ) from None
        try:
            yield
        finally:
            self._lock.release()
