"""The lease of a state folder: a small file says who holds it, and a lock of the operating system who is alive."""

import json
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.diagnostics import StateConflictError, StateError, error
from reconciler.store.files import FILE_MODE, replace_durably, told_as_state_error
from reconciler.store.lease import Held, clock

if TYPE_CHECKING:
    from filelock import BaseFileLock

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def this_machine() -> str:
    """Name this machine and its present start: clocks and processes can be compared only within one."""
    try:
        boot = _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()} {boot}".strip()


class LocalRegister:
    """`Register` on `lease.json`, under the short lock of the state's writers.

    A holder keeps a lock on `holder-<fence>.lock`, which the operating system takes from it when it dies.
    """

    def __init__(
        self, folder: Path, locked: Callable[[], AbstractContextManager[None]], tidy: Callable[[], None]
    ) -> None:
        self._folder = folder
        self._path = folder / "lease.json"
        self._locked = locked
        self._tidy = tidy
        self._alive: BaseFileLock | None = None
        self._fence = 0

    def look(self) -> Held:
        """Read who holds it; a folder without the file has had no holder yet. Raises `StateError` (`lock-damaged`)."""
        try:
            return Held(**json.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return Held()
        except (OSError, ValueError, TypeError) as problem:
            raise StateError(
                error(
                    "lock-damaged",
                    f"The lock in {self._path} cannot be read.",
                    hint="Make sure that no reconciler is running, then remove that file.",
                )
            ) from problem

    def swap(self, held: Held, *, expected: Held) -> None:
        """Write who holds it, where it is still as expected."""
        with self._locked():
            if self.look() != expected:
                raise _conflict()
            with told_as_state_error("The lock", self._folder):
                replace_durably(self._path, json.dumps(asdict(held)).encode())

    def is_held(self, fence: int) -> bool:
        """Whether this fence is the holder's. To be asked under the lock of the state's writers."""
        there = self.look()
        return there.owner is not None and there.fence == fence

    def has_ended(self, held: Held) -> bool:
        """Whether the holder was a process of this machine that has ended."""
        if held.machine != this_machine():
            return False
        lock = self._try_lock(held.fence)
        if lock is None:
            return False
        lock.release()
        return True

    def begin(self, held: Held) -> None:
        """Take the lock that shows that this process is alive; raises `StateConflictError` where another one has it."""
        self._alive, self._fence = self._try_lock(held.fence), held.fence
        if self._alive is None:
            raise _conflict()

    def end(self) -> None:
        """Give that lock back, remove those of former holders, and fold the journal into the document."""
        if self._alive is None:
            return
        self._alive.release()
        self._alive = None
        for path in self._locks():
            if _fence_of(path) <= self._fence:
                with suppress(OSError):
                    path.unlink()
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
        if there.owner is None:
            return None
        if self.has_ended(there):
            return f"{there.owner}, whose process has ended: the next apply takes it over"
        if there.machine == this_machine() and 0 <= there.beat <= clock():
            return f"{there.owner}, last sign of life {clock() - there.beat:,.0f} s ago"
        return there.owner

    def _try_lock(self, fence: int) -> "BaseFileLock | None":
        from filelock import FileLock, Timeout

        lock = FileLock(self._folder / f"holder-{fence}.lock", mode=FILE_MODE, thread_local=False)
        with told_as_state_error("The lock", self._folder):
            try:
                lock.acquire(timeout=0)
            except Timeout:
                return None
        return lock

    def _locks(self) -> list[Path]:
        return [path for path in self._folder.glob("holder-*.lock") if path.stem.partition("-")[2].isdigit()]


def _fence_of(path: Path) -> int:
    return int(path.stem.partition("-")[2])


def _conflict() -> StateConflictError:
    return StateConflictError(
        error("lease-conflict", "The lock changed hands meanwhile.", hint="Run the same command again.")
    )
