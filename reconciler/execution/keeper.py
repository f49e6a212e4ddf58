"""The state while an apply runs: changes of all threads gathered into few records, each durable when it returns."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reconciler.diagnostics import StateConflictError
from reconciler.model.journal import Delta, Record, between
from reconciler.model.state import State
from reconciler.ports import StateStore

Transition = Callable[[State], State]


@dataclass(slots=True, eq=False)
class _Ticket:
    """A change that waits to be written; `failure` is why it was not. `what` is its line in the history."""

    transition: Transition
    what: str
    done: bool = False
    failure: BaseException | None = None


class Keeper:
    """Writes the state for one process that holds the lease. Whoever comes while a write is under way shares the next.

    Changes of other processes, a stop mark say, are met by compare and swap: the transitions are made again on the
    newer state, so that each has seen whatever was written before it. They must be pure, and may refuse by raising.
    """

    def __init__(self, store: StateStore, *, by: str, clock: Callable[[], datetime], fence: int | None) -> None:
        self._store = store
        self._by = by
        self._clock = clock
        self._fence = fence
        self._latest = store.read()
        self._waiting: list[_Ticket] = []
        self._queue = threading.Lock()
        self._commit = threading.Lock()

    @property
    def latest(self) -> State:
        """The newest state this process has read or written: right for what this process alone changes."""
        return self._latest

    def fresh(self) -> State:
        """Read the state anew: for what others may have changed, such as stop marks."""
        state = self._store.read()
        with self._commit:
            if state.serial > self._latest.serial:
                self._latest = state
        return state

    def change(self, transition: Transition, *, what: str) -> State:
        """Make a change durable, and return the state that has it.

        Raises `StateError` where it could not be written, and whatever the transition raised: then nothing of it was.
        """
        ticket = _Ticket(transition, what)
        with self._queue:
            self._waiting.append(ticket)
        with self._commit:
            if not ticket.done:
                self._write()
        if ticket.failure is not None:
            raise ticket.failure
        return self._latest

    def soon(self, transition: Transition, *, what: str = "") -> None:
        """Make a change with the next record, or with `flush`: for what may be lost, as the next run finds it out."""
        with self._queue:
            self._waiting.append(_Ticket(transition, what))

    def flush(self) -> None:
        """Write what waits. Raises nothing: all of it may be lost."""
        with self._commit:
            self._write()

    def _write(self) -> None:
        with self._queue:
            batch, self._waiting = self._waiting, []
        try:
            self._latest = self._swap(batch)
        except BaseException as failure:  # noqa: BLE001 - raised again in every thread that waits for this record
            for ticket in batch:
                ticket.failure = ticket.failure or failure
        finally:
            for ticket in batch:
                ticket.done = True

    def _swap(self, batch: list[_Ticket]) -> State:
        state = self._latest
        while True:
            wanted, what = state, []
            for ticket in batch:
                changed = _made(ticket, wanted)
                if changed is not wanted and ticket.what:
                    what.append(ticket.what)
                wanted = changed
            delta = Delta() if wanted is state else between(state, wanted)
            if delta == Delta():
                return state
            serial = state.serial + 1
            record = Record(
                lineage=state.lineage,
                serial=serial,
                at=self._clock(),
                by=self._by,
                what=tuple(what),
                delta=delta,
            )
            try:
                self._store.append(record, fence=self._fence)
            except StateConflictError:
                state = self._store.read()
            else:
                return wanted.model_copy(update={"serial": serial})


def _made(ticket: _Ticket, state: State) -> State:
    """Make one change. One that cannot be made fails alone: the others of its batch were done, and are written."""
    try:
        changed = ticket.transition(state)
    except Exception as failure:  # noqa: BLE001 - raised again in the thread that asked for the change
        ticket.failure = failure
        return state
    ticket.failure = None
    return changed
