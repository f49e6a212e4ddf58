"""State in a folder of this machine (`.reconciler/<environment>/`), on a file system with POSIX locks and renames."""

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from reconciler.diagnostics import StateConflictError, StateError, error
from reconciler.model.journal import Happening, Record
from reconciler.model.state import State
from reconciler.store import lease
from reconciler.store.document import decode, encode
from reconciler.store.files import FILE_MODE, append_durably, make_private_folder, replace_durably, told_as_state_error
from reconciler.store.history import LocalHistory
from reconciler.store.locallease import LocalRegister, this_machine
from reconciler.store.records import damaged, decode_records, encode_record, replay

BLOB_NAME = re.compile(r"[0-9a-f]{64}")
TIMES = lease.Times(beat=10.0, expiry=60.0)
_LOCK_TIMEOUT = 30.0
_LOCK_POLL = 0.005
_SMALLEST_COMPACTION = 256 * 1024


class _Sign(NamedTuple):
    """What tells one version of a file from another. None of it changes by reading."""

    inode: int
    size: int
    time: int


class _View(NamedTuple):
    """What was read last: the document's version, the journal's file and how far it was read, and what both make."""

    document: _Sign
    journal: int
    offset: int
    state: State


class LocalStore:
    """`StateStore` on a folder: `state.json`, the journal of what came after it, `blobs/<sha256>`, and the locks.

    Safe for threads and processes alike. Folder and files belong to their owner alone (0700, 0600): the ledger key may
    be in the document. The journal is folded into the document when it has become larger than it, so that the cost of
    writing lies in what changed.
    """

    def __init__(self, folder: Path, *, times: lease.Times = TIMES) -> None:
        self._folder = folder
        self._document = folder / "state.json"
        self._journal = folder / "journal.jsonl"
        self._blobs = folder / "blobs"
        self._history = LocalHistory(folder / "history.jsonl")
        self._times = times
        self._view: _View | None = None
        self._reading = threading.Lock()

    def read(self) -> State:
        """Read the newest state; what has not changed since is not read again.

        Raises `StateError`: `state-missing`, `state-damaged`, `journal-damaged`, `state-newer`, or `state-unreadable`
        where the operating system refuses. The files are never touched.
        """
        with self._reading:
            return self._refreshed().state

    def create(self, state: State, *, by: str) -> None:  # noqa: ARG002 - other backends tell who made it
        """Write the first state. Raises `StateError` (`state-exists`) where there is one, damaged or not."""
        data = encode(state)
        with told_as_state_error("The state", self._folder):
            make_private_folder(self._folder)
        with self._locked():
            if self._document.exists() or self._document.is_symlink() or self._journal.exists():
                raise StateError(
                    error(
                        "state-exists",
                        f"There is a state in {self._folder} already.",
                        hint="Nothing was changed. `reconciler state list` shows it.",
                    )
                )
            with told_as_state_error("The state", self._folder):
                replace_durably(self._document, data)

    def append(self, record: Record, *, fence: int | None) -> None:
        """Add a record to the journal, durably, if serial and lineage are the next ones and the fence holds.

        Raises `StateConflictError` (`state-conflict`) or `LeaseLostError` where they are not, `StateError` as `read`
        does, and `state-write` where it could not be written: then the journal is as it was.
        """
        if not self._folder.is_dir():
            raise self._missing()
        line = encode_record(record)
        with self._locked(), self._reading:
            view = self._refreshed()
            if record.serial != view.state.serial + 1 or record.lineage != view.state.lineage:
                raise _conflict(view.state.serial, record.serial - 1)
            if fence is not None and not self._register().is_held(fence):
                raise lease.lost()
            state = record.delta.on(view.state, serial=record.serial)
            with told_as_state_error("The journal of the state", self._folder):
                inode = append_durably(self._journal, line, at=view.offset)
            self._view = _View(view.document, inode, view.offset + len(line), state)
            if self._view.offset > max(_SMALLEST_COMPACTION, view.document.size):
                self._compact()

    def put_blob(self, content: bytes) -> str:
        """Store an immutable blob durably and return its SHA-256. One that is there and whole is not written again."""
        name = hashlib.sha256(content).hexdigest()
        path = self._blobs / name
        if _holds(path, content):
            return name
        with told_as_state_error("A blob of the state", self._blobs):
            make_private_folder(self._folder)
            make_private_folder(self._blobs)
        with self._locked(), told_as_state_error("A blob of the state", self._blobs):
            replace_durably(path, content)
        return name

    def get_blob(self, name: str) -> bytes:
        """Return a blob. Raises `StateError`: `blob-missing`, `blob-damaged`, or `state-unreadable`."""
        hint = "Restore the folder of the state from a backup."
        if not BLOB_NAME.fullmatch(name):
            raise StateError(error("blob-missing", "The state names a blob that cannot exist: no SHA-256.", hint=hint))
        try:
            content = (self._blobs / name).read_bytes()
        except FileNotFoundError:
            raise StateError(
                error("blob-missing", f"The blob {name} of the state is not in {self._blobs}.", hint=hint)
            ) from None
        except OSError as problem:
            raise _unreadable("blob", self._blobs / name, problem) from problem
        if hashlib.sha256(content).hexdigest() != name:
            raise StateError(
                error("blob-damaged", f"The blob {name} in {self._blobs} is not what was stored.", hint=hint)
            )
        return content

    def lease(self, *, owner: str, told: Callable[[str], None], sleep: Callable[[float], bool]) -> lease.HeldLease:
        """Return the lease of this state, not yet taken. Raises `StateError` (`state-missing`) where there is none."""
        if not self._folder.is_dir():
            raise self._missing()
        return lease.HeldLease(
            self._register(), owner=owner, machine=this_machine(), times=self._times, told=told, sleep=sleep
        )

    def holder(self) -> str | None:
        """Say who holds the lease, in words; None where nobody does."""
        return self._register().words() if self._folder.is_dir() else None

    def unlock(self, *, by: str) -> str | None:  # noqa: ARG002 - other backends tell who ended it
        """End whatever lease is held, and return whose it was."""
        if not self._folder.is_dir():
            raise self._missing()
        return self._register().unlock()

    def history(self) -> Iterator[Happening]:
        """Tell who did what when, newest first."""
        with self._reading:
            self._refreshed()
            recent = decode_records(self._journal_bytes(), place=str(self._journal)).records
        return self._history.told(recent)

    def compact(self) -> None:
        """Fold the journal into the document. What cannot be written stays where it is: both are read as one."""
        with suppress(StateError), self._locked(), self._reading:
            if self._refreshed().offset:
                self._compact()

    def _compact(self) -> None:
        """Write the document first: whatever a crash leaves, the records it holds already are passed over."""
        view = self._view
        if view is None:
            return
        data = encode(view.state)
        with suppress(OSError):
            self._history.add(decode_records(self._journal_bytes(), place=str(self._journal)).records)
            replace_durably(self._document, data)
            replace_durably(self._journal, b"")
        self._view = None

    def _refreshed(self) -> _View:
        while True:
            document = self._sign()
            view = self._view
            if view is None or view.document != document:
                place = str(self._document)
                view = _View(document, 0, 0, decode(self._document_bytes(), place=place))
            view = self._caught_up(view)
            # A compaction in between would have moved records from one file to the other.
            if self._sign() == document:
                self._view = view
                return view
            self._view = None

    def _caught_up(self, view: _View) -> _View:
        """Read what the journal has beyond the view."""
        try:
            with self._journal.open("rb") as stream:
                found = os.fstat(stream.fileno())
                offset = view.offset if found.st_ino == view.journal and found.st_size >= view.offset else 0
                if offset and found.st_size == offset:
                    return view
                state = view.state if offset == view.offset else None
                stream.seek(offset)
                data = stream.read()
        except FileNotFoundError:
            if view.offset:
                raise damaged(str(self._journal), "it is gone") from None
            return view
        except OSError as problem:
            raise _unreadable("journal", self._journal, problem) from problem
        tail = decode_records(data, place=str(self._journal))
        if state is None:
            state = decode(self._document_bytes(), place=str(self._document))
        state = replay(state, tail.records, place=str(self._journal))
        return _View(view.document, found.st_ino, offset + tail.whole, state)

    def _sign(self) -> _Sign:
        try:
            found = self._document.stat()
        except FileNotFoundError:
            raise self._missing() from None
        except OSError as problem:
            raise _unreadable("state", self._document, problem) from problem
        return _Sign(found.st_ino, found.st_size, found.st_mtime_ns)

    def _document_bytes(self) -> bytes:
        try:
            return self._document.read_bytes()
        except FileNotFoundError:
            raise self._missing() from None
        except OSError as problem:
            raise _unreadable("state", self._document, problem) from problem

    def _journal_bytes(self) -> bytes:
        try:
            return self._journal.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as problem:
            raise _unreadable("journal", self._journal, problem) from problem

    def _register(self) -> LocalRegister:
        return LocalRegister(self._folder, self._locked, self.compact)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the short lock of writers. Raises `StateError` (`state-busy`) where somebody keeps it for too long."""
        from filelock import FileLock, Timeout

        lock = FileLock(self._folder / "state.lock", mode=FILE_MODE, thread_local=False)
        with told_as_state_error("The state", self._folder):
            try:
                lock.acquire(timeout=_LOCK_TIMEOUT, poll_interval=_LOCK_POLL)
            except Timeout:
                raise StateError(
                    error(
                        "state-busy",
                        f"Another process has been writing to {self._folder} for {_LOCK_TIMEOUT:.0f} seconds.",
                        hint="Nothing was written. Look for a reconciler process that hangs, then run again.",
                    )
                ) from None
        try:
            yield
        finally:
            lock.release()

    def _missing(self) -> StateError:
        return StateError(
            error(
                "state-missing",
                f"There is no state in {self._folder}.",
                hint="For a first run: `reconciler state init`. If there was one, restore it from a backup instead.",
            )
        )


def _conflict(serial: int, expected: int) -> StateConflictError:
    return StateConflictError(
        error(
            "state-conflict",
            f"The state was written by somebody else meanwhile (serial {serial}, expected {expected}).",
            hint="Nothing was written. Run again: it will start from the newer state.",
        )
    )


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _unreadable(what: str, path: Path, problem: OSError) -> StateError:
    return StateError(
        error(
            "state-unreadable",
            f"The {what} in {path} could not be read: {problem.strerror or type(problem).__name__}.",
            hint="Check the permissions of that file, then run again.",
        )
    )
