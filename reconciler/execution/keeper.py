"""The state while an apply runs: changes of all threads gathered into few commits, each durable when it returns."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from reconciler.diagnostics import StateConflictError
from reconciler.model.state import State
from reconciler.ports import StateStore

Transition = Callable[[State], State]


@dataclass(slots=True, eq=False)
class _Ticket:
    """A change that waits to be written; `failure` is why it was not."""

    transition: Transition
    done: bool = False
    failure: Exception | None = None


class Keeper:
    """Commits for one process. Whoever comes while a commit is under way shares the next one.

    Changes of other processes, a stop mark say, are met by compare and swap: the transitions are applied again to the
    newer document. They must be pure.
    """

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._latest = store.read()
        self._waiting: list[_Ticket] = []
        self._queue = threading.Lock()
        self._commit = threading.Lock()

    @property
    def latest(self) -> State:
        """The newest document this process has read or written: right for what this process alone changes."""
        return self._latest

    def fresh(self) -> State:
        """Read the document anew: for what others may have changed, such as stop marks."""
        state = self._store.read()
        with self._commit:
            if state.serial > self._latest.serial:
                self._latest = state
        return state

    def change(self, transition: Transition) -> State:
        """Make a change durable; raises `StateError` where it could not be written."""
        ticket = _Ticket(transition)
        with self._queue:
            self._waiting.append(ticket)
        with self._commit:
            if not ticket.done:
                self._write()
        if ticket.failure is not None:
            raise ticket.failure
        return self._latest

    def _write(self) -> None:
        with self._queue:
            batch, self._waiting = self._waiting, []
        try:
            self._latest = self._swap(batch)
        except Exception as failure:  # noqa: BLE001 - raised again in every thread that waits for this commit
            for ticket in batch:
                ticket.failure = ticket.failure or failure
        finally:
            for ticket in batch:
                ticket.done = True

    def _swap(self, batch: list[_Ticket]) -> State:
        state = self._latest
        while True:
            wanted = state
            for ticket in batch:
                wanted = _made(ticket, wanted)
            if wanted == state:
                return state
            try:
                return self._store.commit(wanted, expected_serial=state.serial)
            except StateConflictError:
                state = self._store.read()


def _made(ticket: _Ticket, state: State) -> State:
    """Make one change. One that cannot be made fails alone: the others of its batch were done, and are written."""
    try:
        changed = ticket.transition(state)
    except Exception as failure:  # noqa: BLE001 - raised again in the thread that asked for the change
        ticket.failure = failure
        return state
    ticket.failure = None
    return changed
