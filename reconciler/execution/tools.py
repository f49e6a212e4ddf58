"""What the campaigns of a run share, and how a check says no."""

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from reconciler.diagnostics import ApiError, Diagnostic, Interrupted, LeaseLostError, StateError, Withdrawn
from reconciler.execution.checks import Checks
from reconciler.execution.keeper import Keeper, Transition
from reconciler.execution.reading import Reader
from reconciler.model.intents import CreateIntent, Intent
from reconciler.model.report import Outcome
from reconciler.model.state import State
from reconciler.ports import CampaignApi, EventSink, LeadSource, StateStore

_T = TypeVar("_T")

UNAVAILABLE = 503
UNWRITABLE = "the state could not be written, so nothing more was done"


def new_operation() -> str:
    """Make an operation id."""
    return str(uuid.uuid4())


class NotReadyError(Exception):
    """A check right before the call said no: what remains of the campaign waits."""

    def __init__(self, outcome: Outcome, words: str) -> None:
        super().__init__(words)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Tools:
    """What every campaign of a run works with.

    `cancelled` is set when the run is told to end; `halted` when the state cannot be written: then nothing more is
    called, since it could not be remembered. `unread`: drafts, by key and id, that are to be read back at the end.
    `told` is what the report has to tell beside what became of each action.
    """

    api: CampaignApi
    reader: Reader
    store: StateStore
    keeper: Keeper
    leads: LeadSource
    sink: EventSink
    checks: Checks
    clock: Callable[[], datetime]
    timezone: str
    by: str
    cancelled: threading.Event
    halted: threading.Event
    halts: list[StateError] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)
    told: list[Diagnostic] = field(default_factory=list)

    def halt(self, problem: StateError) -> None:
        """Let nothing more be called, and keep the reason for the report."""
        self.halts.append(problem)
        self.halted.set()

    def change(self, transition: Transition, *, what: str = "") -> State:
        """Commit a change of the state; `what` is told by history."""
        try:
            return self.keeper.change(transition, what=what)
        except StateError as problem:
            self.halt(problem)
            raise

    def keep(self, content: bytes) -> str:
        """Store a blob."""
        try:
            return self.store.put_blob(content)
        except StateError as problem:
            self.halt(problem)
            raise

    def go_on(self) -> None:
        """Raise `NotReadyError` where the run is to end, right before a call."""
        if self.cancelled.is_set():
            raise NotReadyError(Outcome.NOT_ATTEMPTED, "the run was interrupted")
        if self.halted.is_set():
            raise NotReadyError(Outcome.NOT_ATTEMPTED, UNWRITABLE)

    def ask(
        self, intent: Intent, request: Callable[[str], _T], *, operation: str | None = None, stoppable: bool = False
    ) -> tuple[str, _T]:
        """Make the intent durable, make the request, and return the operation id with the answer.

        `operation` is that of an open intent of the same content, which is then tried again under its id; that a second
        try did nothing says nothing about the first. Else as `intend` and `carry_out`.
        """
        name = operation or new_operation()
        self.intend({name: intent}, stoppable=stoppable)
        return name, self.carry_out(name, intent, request, first=operation is None)

    def intend(
        self,
        intents: Mapping[str, Intent],
        *,
        stoppable: bool = False,
        outcome: Transition | None = None,
        what: str = "",
    ) -> None:
        """Make intents durable by their operation ids, all in one record, with the `outcome` of former requests.

        With `stoppable`, a stop mark refuses them: the state that they are written to is the newest there is, so that
        no mark is missed. The outcome is durable also where this raises `NotReadyError`; `what` is its line in the
        history.
        """
        refusal: NotReadyError | None = None

        def opened(state: State) -> State:
            nonlocal refusal
            refusal = None
            state = outcome(state) if outcome is not None else state
            for name, intent in intents.items():
                mark = state.stop_for(intent.campaign) if stoppable else None
                if mark is not None:
                    refusal = NotReadyError(Outcome.HELD, f"stopped by {mark.by}: {mark.reason}")
                    return state
                state = state if name in state.operations else state.intending(name, intent)
            return state

        self.change(opened, what=what)
        if refusal is not None:
            raise refusal

    def carry_out(self, name: str, intent: Intent, request: Callable[[str], _T], *, first: bool = True) -> _T:
        """Make the request of a durable intent, and return its answer.

        Whoever writes the outcome down closes the intent. It stays open where nobody knows what became of the request,
        and is closed where it certainly did nothing; that a try did nothing which is not the `first` says nothing about
        the one before.
        """
        try:
            return request(name)
        except ApiError as failure:
            if failure.status == UNAVAILABLE and not isinstance(intent, CreateIntent):
                # A gateway says so, too, whatever the server behind it has done.
                failure.sent = True
            if not failure.sent and first:
                self._drop(name)
            raise
        except Withdrawn:
            self._drop(name)
            raise NotReadyError(Outcome.HELD, "it was stopped meanwhile") from None
        except (Interrupted, LeaseLostError):
            # Raised only where nothing was sent; a lost answer is an ApiError.
            if first:
                self._drop(name)
            raise

    def unless_stopped(self, key: str) -> Callable[[], None]:
        """Return what raises `Withdrawn` once a stop mark stands: asked before a request is made once more."""

        def ask_again() -> None:
            if self.keeper.fresh().stop_for(key) is not None:
                raise Withdrawn

        return ask_again

    def _drop(self, operation: str) -> None:
        """Close an intent whose request did nothing. Where that is not written, the next run finds it out."""
        self.keeper.soon(lambda state: state.without([operation]))
