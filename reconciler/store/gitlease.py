"""The lease of a state in git: `lease.json` beside the state, changed by the same compare and swap."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from reconciler.diagnostics import StateConflictError
from reconciler.model.state import State
from reconciler.store import lease
from reconciler.store.alive import Liveness
from reconciler.store.gitmessages import message
from reconciler.store.lease import Held


class Shelf(Protocol):
    """What the lease needs of the store."""

    def held(self, *, anew: bool) -> Held:
        """Return who holds it; `anew` asks the remote."""
        ...

    def swap_held(self, held: Held, *, expected: Held, told: Callable[[State], str]) -> None:
        """Write who holds it, where it is still as expected; else raises `StateConflictError`.

        `told` makes the message of the commit.
        """
        ...


class GitRegister:
    """`Register` on the shelf. A folder of this clone shows which processes of this machine are alive."""

    def __init__(self, shelf: Shelf, folder: Path) -> None:
        self._shelf = shelf
        self._alive = Liveness(folder)

    def look(self) -> Held:
        """Read it anew."""
        return self._shelf.held(anew=True)

    def swap(self, held: Held, *, expected: Held) -> None:
        """Write it with one push."""
        if held.owner is None:
            subject, by = "lock given back", expected.owner
        elif held.fence != expected.fence:
            subject, by = "lock taken", held.owner
        else:
            subject, by = "sign of life", held.owner
        self._swap(held, expected, subject, by or "")

    def has_ended(self, held: Held) -> bool:
        """Whether the holder was a process of this clone that has ended."""
        return held.machine == lease.this_machine() and self._alive.has_ended(held.holding)

    def begin(self, held: Held) -> None:
        """Show that this process is alive."""
        self._alive.begin(held.holding)

    def end(self) -> None:
        """Take that back. A lock that could not be given back keeps its file: from that others see that it ended."""
        self._alive.end(keep=self._shelf.held(anew=False).holding)

    def unlock(self, by: str) -> str | None:
        """Take the lease from whoever holds it; return who it was."""
        while True:
            there = self.look()
            if there.owner is None:
                return None
            words = f"ended the lock of {there.owner}"
            try:
                self._swap(Held(fence=there.fence + 1), there, words, by, words)
            except StateConflictError:
                continue
            return there.owner

    def words(self) -> str | None:
        """Say who holds it, and since when there was no sign of life, as far as that can be told."""
        there = self.look()
        return lease.words(there, ended=there.owner is not None and self.has_ended(there))

    def _swap(self, held: Held, expected: Held, subject: str, by: str, *what: str) -> None:
        def told(state: State) -> str:
            return message(subject, what, by=by, at=datetime.now(UTC), serial=state.serial)

        self._shelf.swap_held(held, expected=expected, told=told)
