"""Waves and approvals where something comes between: a refused start, midnight, a death, Ctrl-C, another order."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from execution.acts import pools, queued, remote_id
from execution.conftest import Around, Clock
from support.world import Recorder, World, actions, outcomes, person

from reconciler import wiring
from reconciler.diagnostics import ApiError, error
from reconciler.execution import enrolling
from reconciler.model.report import Report
from reconciler.sandbox.faults import Fault

LATE = datetime(2026, 11, 2, 23, 59, tzinfo=UTC)


class DiesError(BaseException):
    """The process is gone."""


def paced(world: World, people: int = 100, **start: int | str) -> None:
    world.leads("one", people)
    world.campaign("one", status="running", start=start or {"perDay": 10})


def daily(world: World) -> Report:
    """Do what was approved before, and nothing else."""
    _, report = world.session().apply(
        targets=(), approve=lambda _plan: True, sink=Recorder(), owner="cron", approved_only=True
    )
    assert report is not None
    return report


def enrolled(world: World) -> int:
    return world.sandbox.stats(remote_id(world, "one"))[1].total_enrolled


def next_day(world: World, clock: Clock) -> None:
    """Let what is due be sent, and a day go by."""
    world.sandbox.advance(timedelta(minutes=1))
    clock.forward(days=1)


def refuse() -> None:
    raise ApiError(error("refused", "the start was refused"), status=400, sent=False)


def test_no_wave_is_added_to_a_draft_whose_start_fails(world: World, clock: Clock, around: Around) -> None:
    """The first wave is a trial: it is as large two days later, and the second one follows the day after the start."""
    paced(world, firstWave=4, perDay=10)
    for _ in range(2):
        around("start", before=refuse)
        assert outcomes(world.apply())[-1][1:] == ("start", "failed")
        clock.forward(days=1)
    report = world.apply()
    assert outcomes(report) == [("one", "start", "done")]
    assert enrolled(world) == 4
    assert actions(world.plan()) == [("one", "enroll", "scheduled")]
    next_day(world, clock)
    world.apply()
    assert enrolled(world) == 14


@pytest.mark.parametrize("when", ["while people are asked", "after the checks"])
def test_a_day_that_ends_meanwhile_makes_no_wave_larger(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Two of a first wave of four are in; the plan shows the other two, whatever day it is when they are sent."""
    clock.now = LATE
    paced(world, 2, firstWave=4, perDay=50)
    world.apply()
    paced(world, 100, firstWave=4, perDay=50)
    assert world.plan().summary.new_recipients == 2
    checked = enrolling.recheck

    def late(*arguments: Any, **named: Any) -> Any:
        found = checked(*arguments, **named)
        clock.forward(minutes=2)
        return found

    if when == "after the checks":
        monkeypatch.setattr(enrolling, "recheck", late)
        world.apply()
    else:
        world.sandbox.advance(timedelta(minutes=1))
        world.apply(meanwhile=lambda: clock.forward(minutes=2))
    assert enrolled(world) == 4


def dies_in_a_wave(world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Die once the server has the first batch, before that is written down."""

    def die(*_arguments: object, **_named: object) -> None:
        raise DiesError

    with monkeypatch.context() as patch:
        patch.setattr(enrolling, "outcome_of", die)
        with pytest.raises(DiesError):
            world.apply()
    monkeypatch.setattr(wiring, "now", clock)


def in_reverse(world: World) -> None:
    world.leads("one", rows=[person("one", number) for number in range(100)][::-1])


def test_whoever_was_on_the_way_comes_first_in_the_next_run(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is in another order since: still it is those forty, and nobody else."""
    paced(world, firstWave=1, perDay=40)
    world.apply()
    next_day(world, clock)
    dies_in_a_wave(world, clock, monkeypatch)
    assert enrolled(world) == 41
    in_reverse(world)
    world.apply()
    assert enrolled(world) == 41
    assert actions(world.plan()) == [("one", "enroll", "scheduled")]


def test_a_draft_of_which_a_wave_was_on_the_way_is_started(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    paced(world, perDay=40)
    dies_in_a_wave(world, clock, monkeypatch)
    in_reverse(world)
    assert outcomes(world.apply())[-1] == ("one", "start", "done")
    assert queued(world) == 40


@pytest.mark.parametrize("how", ["refused", "suppressed"])
def test_who_is_not_taken_is_part_of_the_wave(world: World, clock: Clock, how: str) -> None:
    """Three of the second ten, or all of them: the plan is at rest after the run, and ten more wait for tomorrow."""
    rows = [person("one", number) for number in range(60)]
    if how == "refused":
        for number in (12, 14, 16):
            rows[number]["email"] = f"bad.{rows[number]['email']}"
        world.sandbox.add_fault(Fault(kind="enroll", action="reject_leads", prefix="bad."))
    else:
        world.sandbox.suppress({"emails": [row["email"] for row in rows[10:20]]})
    world.leads("one", rows=rows)
    world.campaign("one", status="running", start={"perDay": 10})
    world.apply()
    next_day(world, clock)
    assert outcomes(world.apply()) == [("one", "enroll", "done")]
    assert enrolled(world) == (17 if how == "refused" else 10)
    assert actions(world.plan()) == [("one", "enroll", "scheduled")]


def test_nothing_is_started_without_anybody_in_it(world: World) -> None:
    """The whole first wave is suppressed: the API would refuse the start, or start nothing at all."""
    world.sandbox.suppress({"emails": [person("one", number)["email"] for number in range(10)]})
    paced(world)
    assert outcomes(world.apply())[-1] == ("one", "start", "held")
    assert "start" not in world.kinds()


def test_the_next_wave_waits_until_the_first_has_gone_out(world: World, clock: Clock) -> None:
    paced(world)
    world.apply()
    clock.forward(days=1)
    report = world.apply()
    assert outcomes(report) == [("one", "enroll", "held")]
    assert "have not gone out yet" in report.results[0].detail


def test_ctrl_c_approves_nothing(world: World) -> None:
    paced(world)
    cancelled = threading.Event()
    report = world.apply(meanwhile=cancelled.set, cancelled=cancelled)
    assert report.interrupted
    assert world.state().approvals == {}
    assert {outcome for _, _, outcome in outcomes(daily(world))} == {"held"}


def test_a_campaign_that_was_taken_out_of_the_state_needs_a_new_approval(world: World) -> None:
    """Its people would be written to once more, by another draft."""
    paced(world)
    world.apply()
    assert list(world.state().approvals) == ["one"]
    assert world.cli("state", "rm", "one", "--auto-approve").code == 0
    assert {outcome for _, _, outcome in outcomes(daily(world))} == {"held"}
    assert len(world.sandbox.campaigns()) == 1


def test_waves_go_on_after_a_death_between_the_start_and_the_end(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it was approved for is written down before the first call, and that it was started with the start."""
    paced(world, perDay=10, notBefore="2026-11-03T08:00")
    clock.now = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    world.apply()
    next_day(world, clock)

    def die(*_arguments: object, **_named: object) -> None:
        raise DiesError

    with monkeypatch.context() as patch:
        patch.setattr("reconciler.execution.executor.read_back", die)
        with pytest.raises(DiesError):
            daily(world)
    monkeypatch.setattr(wiring, "now", clock)
    next_day(world, clock)
    assert outcomes(daily(world)) == [("one", "enroll", "done")]
    assert enrolled(world) == 20


def test_the_higher_priority_gets_the_room_in_the_run_as_well(world: World) -> None:
    """Both fit the plan; then there is room for one of them, and the one that comes first in the alphabet waits."""
    for key, priority in (("a", 0), ("z", 10)):
        world.leads(key, 20)
        world.campaign(key, status="running", start={"priority": priority})
    pools(world, 40)
    found = outcomes(world.apply(meanwhile=lambda: pools(world, 20)))
    assert [outcome for key, kind, outcome in found if key == "z" and kind == "start"] == ["done"]
    assert [outcome for key, kind, outcome in found if key == "a" and kind == "enroll"] == ["held"]


def test_waves_are_drawn_on_days_on_which_they_may_go_out(world: World, clock: Clock) -> None:
    """A Thursday: the third and fourth wave are for Monday and Tuesday."""
    clock.now = datetime(2026, 11, 5, 9, 0, tzinfo=UTC)
    world.workspace(
        policy={"startWindow": {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "16:00"}}
    )
    world.leads("one", 40)
    world.campaign("one", status="running", start={"perDay": 10}, sequenceSteps=[{"subject": "S", "bodyText": "b"}])
    days = {day.date: day.sent for day in world.plan().forecast if day.sent}
    assert list(days.values()) == [10, 10, 10, 10]
    assert list(days)[:2] == ["2026-11-05", "2026-11-06"]
    assert all(datetime.fromisoformat(day).weekday() != 5 for day in days)
