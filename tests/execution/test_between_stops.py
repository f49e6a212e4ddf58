"""A run or a stop is killed under a stop mark: nothing sends until it is lifted, then all goes on (design §4, §6)."""

from pathlib import Path

import pytest
from execution.acts import leave_mark, lift, stop
from execution.interrupted import (
    BEFORE_AND_AFTER,
    CASES,
    EVERYWHERE,
    READING,
    SERVERS,
    die,
    interrupted,
    more,
    running_file,
    sound,
    started,
    statuses,
    until_done,
)
from support.killing import Fate, Moment

pytestmark = [pytest.mark.usefixtures("quick_runs"), pytest.mark.sample(3)]


@EVERYWHERE
@BEFORE_AND_AFTER
@pytest.mark.parametrize("case", ["create", "first batch", "middle batch", "start", "resume"])
def test_a_stop_after_the_run_died_keeps_everything_from_sending(
    tmp_path: Path, server: str, case: str, moment: Moment
) -> None:
    """What the run may have set going is paused by the stop, and the next apply adds nothing until it is lifted."""
    world = die(tmp_path, server, case, moment)
    stop(world, "one")
    for _ in range(3):
        world.apply()
        assert "running" not in statuses(world)
    lift(world, "one")
    until_done(world)
    sound(world, SERVERS[server], people={"one": CASES[case].leads})
    assert statuses(world) == ["running"]


@EVERYWHERE
@BEFORE_AND_AFTER
@pytest.mark.parametrize("case", ["start", "resume", "enrolment into a running campaign"])
def test_a_mark_whose_pauses_never_came_makes_the_next_apply_pause(
    tmp_path: Path, server: str, case: str, moment: Moment
) -> None:
    """The stop died right after its mark: whatever runs or may run is paused by the next apply, and counts as ours."""
    world = die(tmp_path, server, case, moment)
    world.stop_dies(2, "one")
    world.apply()
    assert "running" not in statuses(world)
    world.apply()
    assert "running" not in statuses(world)
    lift(world, "one")
    until_done(world)
    sound(world, SERVERS[server], people={"one": CASES[case].leads})
    assert statuses(world) == ["running"]


@EVERYWHERE
def test_a_start_that_lands_after_a_stops_pause_is_paused_by_the_next_apply(tmp_path: Path, server: str) -> None:
    """The stop found a draft, then the start landed, then the run died before it could pause it."""
    world = SERVERS[server].world(tmp_path)
    CASES["start"].before(world)
    running_file(world)

    class Stopped(Fate):
        def request(self, kind: str) -> bool:
            if kind == "start":
                stop(world, "one")
            return super().request(kind)

    assert world.applied(Stopped(Moment.ACTED, "start")) is None
    assert statuses(world) == ["running"]
    (planned,) = [item for item in world.plan().actions if item.kind == "pause"]
    assert planned.reason == "it is stopped, and what was interrupted may have left it running"
    world.apply()
    assert statuses(world) == ["paused"]
    lift(world, "one")
    until_done(world)
    sound(world, SERVERS[server], people={"one": 3})


@READING
@pytest.mark.parametrize("record", ["start written down", "pause acted", "pause written down"])
def test_a_run_that_dies_while_it_pauses_what_was_stopped(tmp_path: Path, server: str, record: str) -> None:
    """Between its start and its own pause of it: the next apply pauses, once, and that counts as ours."""
    world = SERVERS[server].world(tmp_path)
    CASES["start"].before(world)
    running_file(world)

    class Stopped(Fate):
        def answered(self, kind: str, *, mine: bool) -> None:
            super().answered(kind, mine=mine)
            if kind == "start":
                leave_mark(world, "one")
                self._moment, self._kind, self._requests = LATER[record], "pause", 0

    assert world.applied(Stopped()) is None
    until = 3
    while world.plan().actions and until:
        world.apply()
        until -= 1
        assert statuses(world) == ["paused"]
    entry = world.state().campaigns["one"]
    assert (entry.status, entry.paused_by_us) == ("paused", True)
    lift(world, "one")
    until_done(world)
    sound(world, SERVERS[server], people={"one": 3})
    assert statuses(world) == ["running"]


LATER = {
    "start written down": Moment.BEFORE_INTENT,
    "pause acted": Moment.ACTED,
    "pause written down": Moment.BEFORE_OUTCOME,
}


@EVERYWHERE
@pytest.mark.parametrize("boundary", range(1, 9))
def test_a_stop_that_dies_anywhere_is_finished_by_the_next(tmp_path: Path, server: str, boundary: int) -> None:
    """Also by one whose clock is behind; the pauses count as ours, whichever of the two made them."""
    world = SERVERS[server].world(tmp_path)
    started(world)
    more(world)
    world.leads("two")
    world.campaign("two", status="running", sequenceSteps=[{"subject": "Two", "bodyText": "Two."}])
    world.apply()
    try:
        world.stop_dies(boundary)
    except AssertionError:
        assert boundary > 6
    stop(world)
    assert statuses(world) == ["paused", "paused"]
    assert all(entry.paused_by_us for entry in world.state().campaigns.values())
    lift(world)
    until_done(world)
    assert interrupted(world.plan()) == []
    sound(world, SERVERS[server], people={"one": 5, "two": 3})
