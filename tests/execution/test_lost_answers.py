"""Where the answer is lost, nothing is guessed: not repeated where that could double, told where it is unknown."""

from collections.abc import Callable

import pytest
from execution.acts import detail, drafted, queued, remote_id, running
from execution.conftest import Around
from support.world import World, actions, outcomes

from reconciler.sandbox.faults import Action, Fault
from reconciler.sandbox.options import UNDOCUMENTED, SandboxOptions


@pytest.mark.parametrize("action", ["drop", "drop_before", "half", "error500_after"])
def test_a_lost_create_is_unknown_and_not_repeated(world: World, action: Action) -> None:
    """Somewhere there may be a draft that nobody knows: it is remembered without an id, and the next run makes one."""
    world.leads("one")
    world.campaign("one", status="running")
    world.sandbox.add_fault(Fault(kind="create", action=action, nth=1))
    report = world.apply()
    assert outcomes(report) == [
        ("one", "create", "unknown"),
        ("one", "enroll", "not attempted"),
        ("one", "start", "not attempted"),
    ]
    assert world.kinds().count("create") == 1
    state = world.state()
    assert state.campaigns == {}
    assert [(item.campaign, item.id, item.name) for item in state.leftovers] == [("one", None, "Campaign one")]
    assert {outcome for _, _, outcome in outcomes(world.apply())} == {"done"}
    assert len(world.sandbox.campaigns()) == (1 if action == "drop_before" else 2)
    assert queued(world) == 3


def test_a_refused_create_leaves_nothing_to_remember(world: World) -> None:
    world.campaign("one")
    world.sandbox.add_fault(Fault(kind="create", action="reject"))
    assert outcomes(world.apply()) == [("one", "create", "failed")]
    assert world.state().leftovers == ()


def test_a_create_that_was_certainly_not_carried_out_is_repeated(world: World) -> None:
    world.campaign("one")
    world.sandbox.add_fault(Fault(kind="create", action="error503", nth=1, retry_after=0))
    assert outcomes(world.apply()) == [("one", "create", "done")]
    keys = {request.idempotency_key for request in world.sandbox.requests() if request.kind == "create"}
    assert len(keys) == 1
    assert None not in keys


@pytest.mark.parametrize("action", ["drop", "half", "error500_after"])
def test_a_lost_start_is_repeated_and_starts_once(world: World, action: Action) -> None:
    drafted(world, "one")
    world.sandbox.add_fault(Fault(kind="start", action=action, nth=1))
    assert outcomes(world.apply()) == [("one", "enroll", "done"), ("one", "start", "done")]
    assert world.kinds().count("start") == 2
    assert (world.remote("Campaign one").starts, queued(world)) == (1, 3)


@pytest.mark.parametrize(("calls", "status"), [(UNDOCUMENTED, True), (frozenset(), True), (frozenset(), False)])
def test_a_start_whose_answers_are_all_lost_is_found_out_by_the_next_run(
    make_world: Callable[..., World], calls: frozenset[str], *, status: bool
) -> None:
    """The state knows it as started from then on, even where only the counters can tell."""
    world = make_world(SandboxOptions(undocumented_calls=calls, stats_status=status))
    drafted(world, "one")
    world.sandbox.add_fault(Fault(kind="start", action="drop"))
    report = world.apply()
    assert outcomes(report) == [("one", "enroll", "done"), ("one", "start", "unknown")]
    assert "may be running" in detail(report, "start")
    world.sandbox.clear_faults()
    assert outcomes(world.apply()) == []
    assert (world.remote("Campaign one").starts, queued(world)) == (1, 3)
    entry = world.state().campaigns["one"]
    assert entry.status == "running"
    assert entry.started_at is not None


def test_a_lost_pause_is_repeated(world: World) -> None:
    running(world, "one")
    world.campaign("one", status="paused")
    world.sandbox.add_fault(Fault(kind="pause", action="drop", nth=1))
    assert outcomes(world.apply()) == [("one", "pause", "done")]
    assert world.state().campaigns["one"].paused_by_us


def test_a_server_without_patch_gets_a_new_draft(make_world: Callable[..., World], around: Around) -> None:
    """What is known of the server is kept; the old draft stays listed, and is read again before the new one starts."""
    world = make_world(SandboxOptions(undocumented_calls=frozenset()))
    drafted(world, "one")
    old = remote_id(world)
    world.campaign("one", status="running", name="Renamed")
    assert actions(world.plan())[0] == ("one", "update", "ready")
    report = world.apply()
    assert outcomes(report) == [("one", "replace", "done"), ("one", "enroll", "done"), ("one", "start", "done")]
    assert old in detail(report, "replace")
    state = world.state()
    assert state.capabilities.patch_campaign is False
    assert state.leftover_ids("one") == (old,)
    reads = [request for request in world.sandbox.requests() if request.kind == "stats" and old in request.path]
    starts = [request.seq for request in world.sandbox.requests() if request.kind == "start"]
    enrolments = [request.seq for request in world.sandbox.requests() if request.kind == "enroll"]
    assert any(enrolments[0] < request.seq < starts[0] for request in reads)
    patches = world.kinds().count("patch")
    world.campaign("two", sequenceSteps=[{"subject": "Two", "bodyText": "Two."}])
    world.apply()
    world.campaign("two", name="Two renamed", sequenceSteps=[{"subject": "Two", "bodyText": "Two."}])
    assert outcomes(world.apply()) == [("two", "replace", "done")]
    assert world.kinds().count("patch") == patches == 1


def test_a_proxys_page_proves_nothing_about_patch(world: World) -> None:
    drafted(world, "one")
    world.campaign("one", name="Renamed")
    world.sandbox.add_fault(Fault(kind="patch", action="html", status=404))
    assert outcomes(world.apply()) == [("one", "update", "failed")]
    assert world.state().capabilities.patch_campaign is None
    assert world.kinds().count("create") == 1
