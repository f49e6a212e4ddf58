"""Where the answer is lost, nothing is guessed: not repeated where that could double, told where it is unknown."""

from collections.abc import Callable

import pytest
from execution.acts import detail, drafted, queued, remote_id, running
from execution.conftest import Around, Clock
from support.world import World, actions, outcomes

from reconciler.diagnostics import Interrupted
from reconciler.sandbox.faults import Action, Fault
from reconciler.sandbox.options import UNDOCUMENTED, SandboxOptions


@pytest.mark.parametrize("calls", [UNDOCUMENTED, frozenset()])
@pytest.mark.parametrize("action", ["drop", "drop_before", "half", "error500_after"])
def test_a_lost_create_is_unknown_and_settled_by_the_next_run(
    make_world: Callable[..., World], action: Action, calls: frozenset[str]
) -> None:
    """It is not repeated, and its intent stays open. Where the server lists campaigns, the draft is found and managed.

    Elsewhere it is tried again under the same `Idempotency-Key`, and the draft that may be left over is told.
    """
    world = make_world(SandboxOptions(undocumented_calls=calls))
    made = action != "drop_before"
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
    assert (state.campaigns, state.leftovers) == ({}, ())
    ((operation, intent),) = state.operations.items()
    assert (intent.kind, intent.campaign) == ("create", "one")
    assert [(item.kind, item.idempotency_key) for item in world.sandbox.requests() if item.idempotency_key] == [
        ("create", operation)
    ]
    (told,) = [item for item in world.plan().diagnostics if item.code == "interrupted"]
    assert (told.campaign, told.severity) == ("one", "note")
    again = world.apply()
    first = "adopt" if calls and made else "create"
    assert outcomes(again) == [("one", first, "done"), ("one", "enroll", "done"), ("one", "start", "done")]
    keys = [item.idempotency_key for item in world.sandbox.requests() if item.kind == "create"]
    assert keys[0] == operation
    assert (keys[1:] == [operation]) is not bool(calls)
    state = world.state()
    assert state.operations == {}
    assert state.campaigns["one"].id == remote_id(world)
    assert [(item.id, item.name) for item in state.leftovers] == ([] if calls else [(None, "Campaign one")])
    assert queued(world) == 3
    assert actions(world.plan()) == []


def test_a_second_try_that_does_nothing_says_nothing_about_the_first(make_world: Callable[..., World]) -> None:
    """The draft of the first may be there: it is still tried again under its `Idempotency-Key`, and found by it."""
    world = make_world(SandboxOptions(undocumented_calls=frozenset()))
    world.campaign("one")
    world.sandbox.add_fault(Fault(kind="create", action="drop", nth=1))
    world.sandbox.add_fault(Fault(kind="create", action="rate", nth=2, times=4, retry_after=0))
    assert outcomes(world.apply()) == [("one", "create", "unknown")]
    assert outcomes(world.apply()) == [("one", "create", "failed")]
    assert outcomes(world.apply()) == [("one", "create", "done")]
    assert len({item.idempotency_key for item in world.sandbox.requests() if item.kind == "create"}) == 1
    assert world.state().campaigns["one"].id == remote_id(world)


def test_a_draft_that_is_older_than_the_second_try_is_that_of_the_first(
    make_world: Callable[..., World], clock: Clock
) -> None:
    """Then nothing is left over, and nothing is told of it for ever."""
    world = make_world(SandboxOptions(undocumented_calls=frozenset()))
    clock.now = world.sandbox.now()  # which never goes back
    world.sandbox.clock = clock
    world.campaign("one")
    world.sandbox.add_fault(Fault(kind="create", action="drop", nth=1))
    world.apply()
    clock.forward(hours=1)
    assert outcomes(world.apply()) == [("one", "create", "done")]
    assert world.state().leftovers == ()


def test_a_refused_create_leaves_nothing_to_remember(world: World) -> None:
    world.campaign("one")
    world.sandbox.add_fault(Fault(kind="create", action="reject"))
    assert outcomes(world.apply()) == [("one", "create", "failed")]
    state = world.state()
    assert (state.leftovers, state.operations) == ((), {})


def test_a_create_that_was_certainly_not_carried_out_is_repeated(world: World) -> None:
    world.campaign("one")
    world.sandbox.add_fault(Fault(kind="create", action="error503", nth=1, retry_after=0))
    assert outcomes(world.apply()) == [("one", "create", "done")]
    keys = {request.idempotency_key for request in world.sandbox.requests() if request.kind == "create"}
    assert len(keys) == 1
    assert None not in keys


@pytest.mark.parametrize(
    ("action", "calls", "status"),
    [
        ("drop", UNDOCUMENTED, True),
        ("half", UNDOCUMENTED, True),
        ("error500_after", UNDOCUMENTED, True),
        ("drop", frozenset(), True),
        ("drop", frozenset(), False),
    ],
)
def test_a_lost_start_is_looked_up_and_not_called_again(
    make_world: Callable[..., World], action: Action, calls: frozenset[str], *, status: bool
) -> None:
    """Somebody may have paused it since. The state knows it as started, even where only the counters can tell."""
    world = make_world(SandboxOptions(undocumented_calls=calls, stats_status=status))
    drafted(world, "one")
    world.sandbox.add_fault(Fault(kind="start", action=action))
    assert outcomes(world.apply()) == [("one", "enroll", "done"), ("one", "start", "done")]
    assert world.kinds().count("start") == 1
    assert (world.remote("Campaign one").starts, queued(world)) == (1, 3)
    state = world.state()
    assert (state.campaigns["one"].status, state.operations) == ("running", {})


def test_a_lost_start_that_did_not_come_is_made_by_the_next_run(world: World) -> None:
    drafted(world, "one")
    world.sandbox.add_fault(Fault(kind="start", action="drop_before", nth=1))
    assert outcomes(world.apply()) == [("one", "enroll", "done"), ("one", "start", "unknown")]
    assert [intent.kind for intent in world.state().operations.values()] == ["start"]
    assert outcomes(world.apply()) == [("one", "start", "done")]
    assert (world.remote("Campaign one").starts, queued(world)) == (1, 3)


def test_a_lost_start_that_cannot_be_looked_up_because_the_run_ends_is_unknown(world: World, around: Around) -> None:
    """It is not told as if nothing had been called."""

    def ending() -> None:
        raise Interrupted

    drafted(world, "one")
    world.sandbox.add_fault(Fault(kind="start", action="drop"))
    around("start", before=lambda: around("stats", before=ending, nth=None))
    report = world.apply()
    assert outcomes(report)[-1] == ("one", "start", "unknown")
    assert "may be running" in detail(report, "start")


@pytest.mark.parametrize(("calls", "status"), [(UNDOCUMENTED, True), (frozenset(), True), (frozenset(), False)])
def test_a_lost_start_that_cannot_be_looked_up_is_found_out_by_the_next_run(
    make_world: Callable[..., World], around: Around, calls: frozenset[str], *, status: bool
) -> None:
    """The state knows it as started from then on, even where only the counters can tell."""
    world = make_world(SandboxOptions(undocumented_calls=calls, stats_status=status))
    drafted(world, "one")
    world.sandbox.add_fault(Fault(kind="start", action="drop"))
    around("start", before=lambda: world.sandbox.add_fault(Fault(kind="stats", action="reject")))
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
