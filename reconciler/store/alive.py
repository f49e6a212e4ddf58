"""Files that show whether a process of this machine is alive: the operating system takes its lock from a dead one."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.diagnostics import StateError
from reconciler.store.files import FILE_MODE, make_private_folder, told_as_state_error

if TYPE_CHECKING:
    from filelock import BaseFileLock


class Liveness:
    """One file for each holding of a lease, in a folder of this machine, locked while its process lives.

    A file that is not there tells nothing: it may lie in another clone, or in another container of this machine.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: BaseFileLock | None = None

    def begin(self, holding: str) -> None:
        """Show that this process is alive, under the name of its holding. Raises `StateError` (`state-write`)."""
        self.end(keep=None)
        with told_as_state_error("The lock", self._folder):
            make_private_folder(self._folder)
        self._mine = self._try_lock(self._path(holding))

    def has_ended(self, holding: str) -> bool:
        """Whether the process of this holding has certainly ended. Raises `StateError` where that cannot be read."""
        path = self._path(holding)
        if not holding or not path.exists():
            return False
        lock = self._try_lock(path)
        if lock is None:
            return False
        lock.release()
        return True

    def end(self, *, keep: str | None) -> None:
        """Take the sign of this process back, and remove those of dead ones but the one of a holding to `keep`."""
        if self._mine is None:
            return
        self._mine.release()
        self._mine = None
        for path in self._folder.glob("holder-*.lock"):
            if keep and path == self._path(keep):
                continue
            with suppress(OSError, StateError):
                lock = self._try_lock(path)
                if lock is not None:
                    path.unlink()
                    lock.release()

    def _path(self, holding: str) -> Path:
        return self._folder / f"holder-{holding if holding.isalnum() else ''}.lock"

    def _try_lock(self, path: Path) -> "BaseFileLock | None":
        from filelock import FileLock, Timeout

        lock = FileLock(path, mode=FILE_MODE, thread_local=False)
        with told_as_state_error("The lock", self._folder):
            try:
                lock.acquire(timeout=0)
            except Timeout:
                return None
        return lock
