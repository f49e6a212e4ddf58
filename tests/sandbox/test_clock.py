"""The virtual clock: one for everybody on a file, and forward only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sandbox.support import Box, Clock, Make, code

from reconciler.sandbox.clock import duration
from reconciler.sandbox.engine import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

MORNING = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def test_it_shows_the_time_it_is_given_plus_what_it_was_moved_by(box: Box, clock: Clock) -> None:
    assert box.sandbox.now() == MORNING
    assert box.sandbox.advance(timedelta(days=1, hours=2)) == MORNING + timedelta(hours=26)
    clock.forward(60)
    assert box.sandbox.now() == MORNING + timedelta(hours=26, minutes=1)
    assert box.sandbox.advance(timedelta()) == MORNING + timedelta(hours=26, minutes=1)


def test_all_on_one_file_share_it(database: Path, clock: Clock) -> None:
    one, two = Sandbox(database, clock=clock), Sandbox(database, clock=clock)
    one.advance(timedelta(days=3))
    assert two.now() == one.now() == MORNING + timedelta(days=3)
    two.advance(timedelta(hours=1))
    assert Sandbox(database, clock=clock).now() == one.now() == MORNING + timedelta(days=3, hours=1)


def test_it_never_goes_back(box: Box, clock: Clock) -> None:
    box.sandbox.advance(timedelta(days=1))
    clock.forward(-7_200)
    assert box.sandbox.now() == MORNING + timedelta(days=1)
    assert box.sandbox.advance(timedelta(hours=1)) == MORNING + timedelta(days=1, hours=1)
    clock.forward(60)
    assert box.sandbox.now() == MORNING + timedelta(days=1, hours=1, minutes=1)
    for wrong in (timedelta(milliseconds=-1), timedelta(days=3_651)):
        with pytest.raises(ValueError, match="forward"):
            box.sandbox.advance(wrong)
    assert box.sandbox.now() == MORNING + timedelta(days=1, hours=1, minutes=1)


def test_everything_is_dated_with_it(box: Box) -> None:
    box.sandbox.advance(timedelta(days=1))
    campaign = box.started(1)
    shown = box.get(f"/campaigns/{campaign}").json()["campaign"]
    assert shown["createdAt"] == shown["startedAt"] == "2026-11-03T09:00:00.000Z"
    assert box.sandbox.messages(campaign)[0].due_at == "2026-11-03T09:00:00.000Z"
    box.sandbox.add_reply(campaign, "lead0@example.com")
    assert box.get("/replies").json()["replies"][0]["receivedAt"] == "2026-11-03T09:00:00.000Z"
    assert {row.time for row in box.sandbox.requests()} == {"2026-11-03T09:00:00.000Z"}


def test_it_is_read_and_moved_over_http(box: Box) -> None:
    assert box.control("GET", "clock").json() == {"now": "2026-11-02T09:00:00.000Z"}
    assert box.control("POST", "clock", {"advance": "1d12h"}).json() == {"now": "2026-11-03T21:00:00.000Z"}
    assert box.control("GET", "clock").json() == {"now": "2026-11-03T21:00:00.000Z"}
    for bad in ({}, {"advance": ""}, {"advance": "1w"}, {"advance": 3}, {"advance": "-1d"}, {"advance": "1d", "by": 1}):
        assert code(box.control("POST", "clock", bad)) == (400, "invalid_request")
    assert box.control("GET", "clock").json() == {"now": "2026-11-03T21:00:00.000Z"}


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("3d", timedelta(days=3)),
        ("+2h", timedelta(hours=2)),
        ("30m", timedelta(minutes=30)),
        ("45s", timedelta(seconds=45)),
        ("1d12h", timedelta(hours=36)),
        ("1h1h", timedelta(hours=2)),
        ("0s", timedelta()),
    ],
)
def test_durations(text: str, length: timedelta) -> None:
    assert duration(text) == length


@pytest.mark.parametrize("text", ["", "+", "3", "d", "-3d", "3 d", "3D", "1.5d", "3d ", "++3d", "3651d", "999999999d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like|at most"):
        duration(text)


def test_a_rate_is_measured_on_it(make: Make) -> None:
    box = make(rate_per_second=1)
    assert [box.get("/sender-pools").status_code for _ in range(2)] == [200, 429]
    box.sandbox.advance(timedelta(seconds=1))
    assert box.get("/sender-pools").status_code == 200
