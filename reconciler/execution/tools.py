"""What the campaigns of a run share, and how a check says no."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reconciler.diagnostics import StateError
from reconciler.execution.checks import Checks
from reconciler.execution.keeper import Keeper
from reconciler.execution.reading import Reader
from reconciler.model.report import Outcome
from reconciler.model.state import State
from reconciler.ports import CampaignApi, EventSink, LeadSource, StateStore


class NotReadyError(Exception):
    """A check right before the call said no: what remains of the campaign waits."""

    def __init__(self, outcome: Outcome, words: str) -> None:
        super().__init__(words)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Tools:
    """What every campaign of a run works with.

    `cancelled` is set when the run is told to end; `halted` when the state cannot be written: then nothing more is
    called, since it could not be remembered.
    """

    api: CampaignApi
    reader: Reader
    store: StateStore
    keeper: Keeper
    leads: LeadSource
    sink: EventSink
    checks: Checks
    clock: Callable[[], datetime]
    cancelled: threading.Event
    halted: threading.Event

    def change(self, transition: Callable[[State], State]) -> State:
        """Commit a change of the state."""
        try:
            return self.keeper.change(transition)
        except StateError:
            self.halted.set()
            raise

    def keep(self, content: bytes) -> str:
        """Store a blob."""
        try:
            return self.store.put_blob(content)
        except StateError:
            self.halted.set()
            raise
