"""The right to apply, on one machine: a lock that the operating system gives back when its holder dies."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Self

from reconciler.diagnostics import StateError, error
from reconciler.store.files import FILE_MODE, replace_durably, told_as_state_error

if TYPE_CHECKING:
    from filelock import BaseFileLock

_OWNER_LENGTH = 200


class FileLease:
    """The lease of a state folder, not yet taken. A context manager; it excludes other threads as well as processes.

    The lock is on `apply.lock`; `apply.owner` beside it names the holder to whoever is refused, and decides nothing.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self._folder = folder
        self._owner = owner
        self._lock: BaseFileLock | None = None

    def __enter__(self) -> Self:
        """Take it, or raise `StateError` (`state-locked`) naming the holder. It never waits."""
        from filelock import FileLock, Timeout

        lock = FileLock(self._folder / "apply.lock", mode=FILE_MODE, thread_local=False)
        with told_as_state_error("The lock", self._folder):
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise self._refusal() from None
        try:
            with told_as_state_error("The owner of the lock", self._folder):
                replace_durably(self._owner_file, _plain(self._owner).encode())
        except BaseException:
            lock.release()
            raise
        self._lock = lock
        return self

    def __exit__(self, *details: object) -> None:
        """Give it back. What cannot be cleaned up is left: the next holder writes over it."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                self._owner_file.unlink(missing_ok=True)
            self._lock.release()
            self._lock = None

    @property
    def _owner_file(self) -> Path:
        return self._folder / "apply.owner"

    def _refusal(self) -> StateError:
        try:
            with self._owner_file.open("rb") as stream:
                holder = _plain(stream.read(4 * _OWNER_LENGTH).decode(errors="replace"))
        except OSError:
            holder = ""
        return StateError(
            error(
                "state-locked",
                f"Another apply is running: {holder or 'its owner is not known'}.",
                hint="Wait until it has ended, then run again. A lock whose process has died frees itself.",
            )
        )


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:_OWNER_LENGTH].strip()
