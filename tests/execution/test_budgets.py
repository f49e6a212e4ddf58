"""The budget again, right before the call: an allowance may end while somebody makes up their mind."""

import pytest
from execution.acts import detail, drafted, queued, running
from execution.conftest import Around, Clock
from support.world import World, actions, outcomes

TODAY = {"newRecipients": 3, "until": "2026-11-02", "reason": "launch"}
"""To the end of the day on which the program's clock starts, at 09:00."""


def bounded(world: World) -> None:
    world.workspace(policy={"maxNewRecipients": 2}, allow=[TODAY])


@pytest.mark.parametrize(("hours", "outcome"), [(14, "done"), (15, "blocked")])
def test_an_allowance_that_ends_before_the_approval(world: World, clock: Clock, hours: int, outcome: str) -> None:
    bounded(world)
    drafted(world, "one")
    report = world.apply(meanwhile=lambda: clock.forward(hours=hours))
    assert outcomes(report)[0] == ("one", "enroll", outcome)
    assert queued(world) == (3 if outcome == "done" else 0)
    if outcome == "blocked":
        assert outcomes(report)[1] == ("one", "start", "not attempted")
        assert "3 people in all would get a first email, and one apply may newly write to 2" in detail(report, "enroll")
        assert "`--allow new-recipients=3`" in detail(report, "enroll")
        assert not {"enroll", "start"} & set(world.writes())


def test_an_allowance_that_ends_while_a_draft_is_enrolled(world: World, clock: Clock, around: Around) -> None:
    """Its people count until it is started, whoever enrolled them."""
    bounded(world)
    drafted(world, "one")
    around("enroll", after=lambda: clock.forward(hours=15))
    assert outcomes(world.apply()) == [("one", "enroll", "done"), ("one", "start", "blocked")]
    assert "start" not in world.writes()
    assert actions(world.plan()) == [("one", "start", "blocked")]


def test_an_allowance_that_ends_while_people_are_added_to_a_paused_campaign(
    world: World, clock: Clock, around: Around
) -> None:
    bounded(world)
    running(world, "one")
    world.campaign("one", status="paused")
    world.apply()
    world.leads("one", 6)
    world.campaign("one", status="running")
    around("enroll", after=lambda: clock.forward(hours=15))
    assert outcomes(world.apply()) == [("one", "enroll", "done"), ("one", "resume", "blocked")]
    assert world.remote("Campaign one").status == "paused"


def test_new_people_of_a_running_campaign(world: World, clock: Clock) -> None:
    bounded(world)
    running(world, "one")
    world.leads("one", 6)
    report = world.apply(meanwhile=lambda: clock.forward(hours=15))
    assert outcomes(report) == [("one", "enroll", "blocked")]
    assert queued(world) == 3


def test_what_writes_to_nobody_new_goes_on_without_a_budget(world: World) -> None:
    running(world, "one")
    world.campaign("one", status="paused")
    world.apply()
    world.workspace(state={"lineage": world.state().lineage}, policy={"maxNewRecipients": 0})
    world.campaign("one", status="running")
    assert outcomes(world.apply()) == [("one", "resume", "done")]


def test_campaigns_of_one_run_share_it(world: World, clock: Clock) -> None:
    """Six were allowed, three still are: whichever campaign is first gets through, and no other."""
    world.workspace(policy={"maxNewRecipients": 3}, allow=[{**TODAY, "newRecipients": 6}])
    drafted(world, "one", "two")
    report = world.apply(meanwhile=lambda: clock.forward(hours=15))
    assert sorted((kind, outcome) for _, kind, outcome in outcomes(report)) == [
        ("enroll", "blocked"),
        ("enroll", "done"),
        ("start", "done"),
        ("start", "not attempted"),
    ]
    assert queued(world) == 3


def test_pauses_are_made_though_letting_go_is_over_budget(world: World) -> None:
    world.workspace(policy={"maxForgets": 1})
    running(world, "one", "two")
    other = {"subject": "Something else", "bodyText": "Hi."}
    world.campaign("three", leads=None, sequenceSteps=[other])
    for key in ("one", "two"):
        (world.specs / "campaigns" / f"{key}.yaml").unlink()
    assert outcomes(world.apply()) == [
        ("one", "pause", "done"),
        ("one", "forget", "blocked"),
        ("three", "create", "done"),
        ("two", "pause", "done"),
        ("two", "forget", "blocked"),
    ]
    assert [world.remote(f"Campaign {key}").status for key in ("one", "two")] == ["paused", "paused"]
    assert set(world.state().campaigns) == {"one", "two", "three"}
    assert actions(world.plan()) == [("one", "forget", "blocked"), ("two", "forget", "blocked")]
