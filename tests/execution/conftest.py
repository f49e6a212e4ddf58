import itertools
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from execution.interrupted import BATCH

from reconciler import wiring
from reconciler.leads.roster import LeadLists
from reconciler.leadterra import transport
from reconciler.leadterra.client import LeadterraClient

Around = Callable[..., None]


class Clock:
    """The program's clock, moved by hand. It starts on Monday 2 November 2026, 09:00 UTC."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(transport, "_LONGEST_WAIT", 0.01)


@pytest.fixture
def quick_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make batches of a few leads, and leave out what only a power cut would need."""
    monkeypatch.setitem(LeadLists.__init__.__kwdefaults__, "batch_size", BATCH)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(wiring, "now", made)
    return made


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> Around:
    """Do something right before or right after the nth call of a kind, or of all of them, in the calling thread."""

    def install(
        call: str,
        *,
        before: Callable[[], object] = lambda: None,
        after: Callable[[], object] = lambda: None,
        nth: int | None = 1,
    ) -> None:
        original: Callable[..., Any] = getattr(LeadterraClient, call)
        count = itertools.count(1)

        def wrapped(*arguments: object, **named: object) -> object:
            mine = nth is None or next(count) == nth
            if mine:
                before()
            answer = original(*arguments, **named)
            if mine:
                after()
            return answer

        monkeypatch.setattr(LeadterraClient, call, wrapped)

    return install
