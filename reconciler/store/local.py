"""State in a folder of this machine (`.reconciler/<environment>/`), on a file system with POSIX locks and renames."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.diagnostics import StateConflictError, StateError, error
from reconciler.model.state import State
from reconciler.store.document import decode, encode
from reconciler.store.files import FILE_MODE, make_private_folder, replace_durably, told_as_state_error
from reconciler.store.lease import FileLease

_BLOB_NAME = re.compile(r"[0-9a-f]{64}")
_LOCK_TIMEOUT = 30.0
_LOCK_POLL = 0.005


class LocalStore:
    """`StateStore` on a folder: `state.json`, `blobs/<sha256>`, and the locks. Safe for threads and processes alike.

    Folder and files belong to their owner alone (0700, 0600): the ledger key may be in the document.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._document = folder / "state.json"
        self._blobs = folder / "blobs"

    def read(self) -> State:
        """Read the newest state.

        Raises `StateError`: `state-missing`, `state-damaged`, `state-newer`, or `state-unreadable` where the operating
        system refuses. The document is never touched.
        """
        try:
            data = self._document.read_bytes()
        except FileNotFoundError:
            raise self._missing() from None
        except OSError as problem:
            raise _unreadable("state", self._document, problem) from problem
        return decode(data, place=str(self._document))

    def create(self, state: State) -> None:
        """Write the first state. Raises `StateError` (`state-exists`) where there is one, damaged or not."""
        data = encode(state)
        with told_as_state_error("The state", self._folder):
            make_private_folder(self._folder)
        with self._locked():
            if self._document.exists() or self._document.is_symlink():
                raise StateError(
                    error(
                        "state-exists",
                        f"There is a state in {self._document} already.",
                        hint="Nothing was changed. `reconciler state list` shows it.",
                    )
                )
            with told_as_state_error("The state", self._folder):
                replace_durably(self._document, data)

    def commit(self, state: State, *, expected_serial: int) -> State:
        """Write `state` with the next serial, if serial and lineage are still the expected ones.

        Raises `StateConflictError` (`state-conflict`) where they are not, `StateError` as `read` does, and
        `state-write` where it could not be written: then the old document stands.
        """
        if not self._folder.is_dir():
            raise self._missing()
        wanted = state.model_copy(update={"serial": expected_serial + 1})
        data = encode(wanted)
        with self._locked():
            current = self.read()
            if current.serial != expected_serial or current.lineage != state.lineage:
                raise StateConflictError(
                    error(
                        "state-conflict",
                        f"The state was written by somebody else meanwhile (serial {current.serial}, "
                        f"expected {expected_serial}).",
                        hint="Nothing was written. Run again: it will start from the newer state.",
                    )
                )
            with told_as_state_error("The state", self._folder):
                replace_durably(self._document, data)
        return wanted

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
        if not _BLOB_NAME.fullmatch(name):
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

    def lease(self, *, owner: str) -> FileLease:
        """Return the lease of this state, not yet taken. Raises `StateError` (`state-missing`) where there is none."""
        if not self._folder.is_dir():
            raise self._missing()
        return FileLease(self._folder, owner)

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
