"""Batches, what the server makes of them, and what is written down."""

from collections.abc import Callable

import pytest
from execution.acts import detail, drafted, enroll_stranger, queued, remote_id, running
from execution.conftest import Around
from support.world import World, outcomes, person

from reconciler.sandbox.faults import Action, Fault
from reconciler.sandbox.options import SHAPES, SandboxOptions, Shape


@pytest.mark.parametrize("shape", SHAPES)
def test_suppressed_people_are_subtracted(make_world: Callable[..., World], shape: Shape) -> None:
    """Whether the answer says `skipped` or only `total`, the rest is verified and started; nothing is left to do."""
    world = make_world(SandboxOptions(shape=shape))
    world.sandbox.suppress({"emails": [person("one", 1)["email"]]})
    drafted(world, "one")
    report = world.apply()
    assert outcomes(report) == [("one", "enroll", "done"), ("one", "start", "done")]
    assert detail(report, "enroll") == "2 enrolled, 1 on the suppression list"
    assert world.state().campaigns["one"].expected_enrolled == 2
    assert queued(world) == 2
    assert world.plan().actions == ()


def test_too_few_left_after_suppression_hold_the_start(world: World) -> None:
    world.sandbox.suppress({"emails": [person("one", 1)["email"]]})
    drafted(world, "one")
    world.campaign("one", status="running", start={"minimumLeads": 3})
    report = world.apply()
    assert outcomes(report) == [("one", "enroll", "done"), ("one", "start", "held")]
    assert "2 leads, 3 wanted" in detail(report, "start")
    assert queued(world) == 0


@pytest.mark.parametrize("action", ["drop", "half", "error500_after"])
def test_a_lost_answer_counts_right(world: World, action: Action) -> None:
    """The first try was carried out: the second is answered with `updated`, and these leads are ours."""
    world.workspace(policy={"maxNewRecipients": 1_201})
    drafted(world, "one", leads=1_201)
    world.sandbox.add_fault(Fault(kind="enroll", action=action, nth=1))
    assert outcomes(world.apply()) == [("one", "enroll", "done"), ("one", "start", "done")]
    assert [cohort.accepted for cohort in world.state().campaigns["one"].cohorts] == [500, 701]
    assert queued(world) == 1_201
    assert world.plan().actions == ()


def test_a_batch_is_written_down_even_where_the_counters_cannot_be_read(world: World, around: Around) -> None:
    """Who was enrolled must not be forgotten: the next run neither enrols them anew nor needs a person."""
    drafted(world, "one")
    world.sandbox.add_fault(Fault(kind="enroll", action="drop", nth=1))
    around("enroll", after=lambda: world.sandbox.add_fault(Fault(kind="stats", action="reject")))
    report = world.apply()
    assert outcomes(report) == [("one", "enroll", "failed"), ("one", "start", "not attempted")]
    assert "before that: 3 of 3 leads were enrolled" in detail(report, "enroll")
    assert world.state().campaigns["one"].expected_enrolled == 3
    world.sandbox.clear_faults()
    assert outcomes(world.apply()) == [("one", "start", "done")]
    assert queued(world) == 3


def test_a_person_whom_somebody_else_enrolled_meanwhile_is_there_once(world: World) -> None:
    """Of two new people, one is in it already: never are more expected than the server counts."""
    running(world, "one")
    world.leads("one", 5)
    entry = {"leads": [{"email": person("one", 4)["email"], "firstName": "X"}]}
    world.apply(meanwhile=lambda: world.sandbox.enroll(remote_id(world), entry))
    assert world.state().campaigns["one"].expected_enrolled == 5
    assert queued(world) == 5
    assert world.plan().actions == ()


def test_changed_fields_are_sent_and_add_nobody(world: World) -> None:
    running(world, "one")
    world.leads("one", rows=[{**person("one", number), "company": "New Company"} for number in range(3)])
    assert outcomes(world.apply()) == [("one", "enroll", "done")]
    assert {lead.fields["company"] for lead in world.sandbox.leads(remote_id(world))} == {"New Company"}
    assert [cohort.accepted for cohort in world.state().campaigns["one"].cohorts] == [3, 0]
    assert world.plan().actions == ()
    assert queued(world) == 3


def test_a_stranger_in_a_running_campaign_stops_nothing(world: World, around: Around) -> None:
    running(world, "one")
    world.leads("one", 4)
    around("enroll", after=lambda: enroll_stranger(world))
    assert outcomes(world.apply()) == [("one", "enroll", "done")]
    assert queued(world) == 5


def test_nobody_is_started_without_leads_after_a_replacement(make_world: Callable[..., World], around: Around) -> None:
    """The leads are in the old draft, and the server turns out to have no PATCH: the new draft must not start empty."""
    world = make_world(SandboxOptions(undocumented_calls=frozenset({"get"}), start_without_leads="run"))
    drafted(world, "one")
    around("enroll", after=lambda: world.sandbox.add_fault(Fault(kind="pools", action="reject")))
    assert outcomes(world.apply()) == [("one", "enroll", "done"), ("one", "start", "held")]
    world.sandbox.clear_faults()
    world.campaign("one", status="running", name="Renamed")
    report = world.apply()
    assert outcomes(report) == [("one", "replace", "done"), ("one", "start", "held")]
    assert "start" not in world.writes()
    assert outcomes(world.apply()) == [("one", "enroll", "done"), ("one", "start", "done")]
    assert len(world.sandbox.messages(world.remote("Renamed").id)) == queued(world) == 3
