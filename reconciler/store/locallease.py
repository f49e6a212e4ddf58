"""The lease of a state folder: a small file says who holds it, and a lock of the operating system who is alive."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from reconciler.diagnostics import StateConflictError, StateError
from reconciler.store import lease
from reconciler.store.alive import Liveness
from reconciler.store.files import replace_durably, told_as_state_error
from reconciler.store.lease import Held


class LocalRegister:
    """`Register` on `lease.json`, under the short lock of the state's writers. `tidy` is called when a run ends."""

    def __init__(
        self, folder: Path, locked: Callable[[], AbstractContextManager[None]], tidy: Callable[[], None]
    ) -> None:
        self._folder = folder
        self._path = folder / "lease.json"
        self._locked = locked
        self._tidy = tidy
        self._alive = Liveness(folder)

    def look(self) -> Held:
        """Read who holds it; a folder without the file has had no holder yet. Raises `StateError` (`lock-damaged`)."""
        try:
            held = lease.load_held(self._path.read_bytes())
        except FileNotFoundError:
            return Held()
        except OSError:
            held = None
        if held is None:
            raise lease.damaged(str(self._path), "Make sure that no reconciler is running, then remove that file.")
        return held

    def swap(self, held: Held, *, expected: Held) -> None:
        """Write who holds it, where it is still as expected."""
        with self._locked():
            if self.look() != expected:
                raise lease.conflict()
            with told_as_state_error("The lock", self._folder):
                replace_durably(self._path, lease.dump_held(held))

    def is_held(self, fence: int) -> bool:
        """Whether this fence is the holder's. To be asked under the lock of the state's writers."""
        there = self.look()
        return there.owner is not None and there.fence == fence

    def has_ended(self, held: Held) -> bool:
        """Whether the holder was a process of this machine that has ended."""
        return held.machine == lease.this_machine() and self._alive.has_ended(held.holding)

    def begin(self, held: Held) -> None:
        """Show that this process is alive."""
        self._alive.begin(held.holding)

    def end(self) -> None:
        """Take that back, and fold the journal into the document.

        A lock that could not be given back keeps its file: from that others see that its process has ended.
        """
        keep = None
        with suppress(StateError):
            keep = self.look().holding
        self._alive.end(keep=keep)
        self._tidy()

    def unlock(self) -> str | None:
        """Take the lease from whoever holds it; return who it was."""
        while True:
            there = self.look()
            if there.owner is None:
                return None
            with suppress(StateConflictError):
                self.swap(Held(fence=there.fence + 1), expected=there)
                return there.owner

    def words(self) -> str | None:
        """Say who holds it, and since when there was no sign of life, as far as that can be told."""
        there = self.look()
        return lease.words(there, ended=there.owner is not None and self.has_ended(there))
