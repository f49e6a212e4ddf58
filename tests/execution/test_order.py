"""What comes before what, and that every action is told exactly once."""

import threading
from collections.abc import Callable

import pytest
from execution.acts import drafted, queued, running, seen, since
from execution.conftest import Around
from support.world import World, actions, outcomes

from reconciler.execution import enrolling
from reconciler.execution.work import Work
from reconciler.model.plan import Action
from reconciler.model.report import ActionResult
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.options import SandboxOptions
from reconciler.store import local


def test_one_campaign_goes_in_order(world: World) -> None:
    """Create, all checks, enrol, verify, all checks on fresh data, start: nothing is missing or out of place."""
    world.leads("one", 3)
    world.campaign("one", status="running")
    world.apply()
    kinds = world.kinds()
    checks = ["stats", "get", "pools", "accounts"]
    assert kinds[kinds.index("create") :] == ["create", "get", *checks, "enroll", "stats", *checks, "start"]


def test_leads_go_in_batches_of_500(world: World) -> None:
    world.workspace(policy={"maxNewRecipients": 1_201})
    world.leads("one", 1_201)
    world.campaign("one", status="running")
    report = world.apply()
    batches = [request.leads for request in world.sandbox.requests() if request.kind == "enroll"]
    # The first goes alone; the two others go side by side, and either may get there first.
    first, *others = batches
    assert (first, sorted(others)) == (500, [201, 500])
    assert {item.outcome for item in report.results} == {"done"}
    assert queued(world) == 1_201
    entry = world.state().campaigns["one"]
    assert [cohort.accepted for cohort in entry.cohorts] == [500, 701]
    assert len(entry.ledger) == 3


def test_all_pauses_come_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause that follows from a file that is gone comes first, too, and the campaign's other actions with it.

    One thread does everything, in the order it is given; by their keys the pausing campaigns come last.
    """
    running(world, "x", "y", "z")
    before = seen(world)
    world.campaign("z", status="paused")
    (world.specs / "campaigns" / "y.yaml").unlink()
    for key in ("a", "b", "c"):
        world.leads(key)
        world.campaign(key, status="running", sequenceSteps=[{"subject": f"About {key}", "bodyText": f"Text {key}"}])
    monkeypatch.setattr(local, "WAVE", 1)
    report = world.apply()
    assert {item.outcome for item in report.results} == {"done"}
    writes = [request.kind for request in since(world, before) if request.method != "GET"]
    assert writes == ["pause", "pause", *["create", "enroll", "start"] * 3]


def test_everything_else_waits_for_the_pauses(world: World, around: Around) -> None:
    """A pause that takes long holds the others up, though threads are free for them."""
    running(world, "z")
    world.campaign("z", status="paused")
    world.campaign("a", leads=None)
    created, early = threading.Event(), list[bool]()
    around("pause", before=lambda: early.append(created.wait(1)))
    around("create", before=created.set)
    assert {outcome for _, _, outcome in outcomes(world.apply())} == {"done"}
    assert early == [False]
    assert created.is_set()


def test_nothing_blocks_a_pause(world: World) -> None:
    """Not edited steps, a stop mark, a closed window, an unreadable pool, nor a campaign that cannot be read."""
    running(world, "one", "two")
    world.workspace(
        state={"lineage": world.state().lineage},
        policy={"startWindow": {"days": ["mon"], "from": "00:00", "to": "00:00"}},
    )
    world.campaign("one", status="paused", sequenceSteps=[{"subject": "Another", "bodyText": "Text."}])
    world.campaign("two", status="paused")
    for kind in ("pools", "accounts", "stats"):
        world.sandbox.add_fault(Fault(kind=kind, action="reject"))
    report = world.apply()
    assert [item.outcome for item in report.results if item.kind == "pause"] == ["done", "done"]
    assert {world.remote("Campaign one").status, world.remote("Campaign two").status} == {"paused"}


def test_a_failure_ends_its_campaign_only(world: World) -> None:
    """The rest of that campaign is not attempted; the others go on, a start included."""
    drafted(world, "bad")
    world.campaign("bad", status="running", name="Renamed")
    world.leads("good")
    world.campaign("good", status="running")
    world.sandbox.add_fault(Fault(kind="patch", action="reject"))
    planned = [(key, kind) for key, kind, _ in actions(world.plan())]
    report = world.apply()
    assert outcomes(report) == [
        ("bad", "update", "failed"),
        ("bad", "enroll", "not attempted"),
        ("bad", "start", "not attempted"),
        ("good", "create", "done"),
        ("good", "enroll", "done"),
        ("good", "start", "done"),
    ]
    assert [(item.campaign, item.kind.value) for item in report.results] == planned
    assert world.remote("Campaign bad").status == "draft"
    world.sandbox.clear_faults()
    assert {outcome for _, _, outcome in outcomes(world.apply())} == {"done"}
    assert world.remote("Renamed").status == "running"


def test_what_waits_is_told_and_what_is_ready_is_done(make_world: Callable[..., World]) -> None:
    world = make_world(SandboxOptions(stats_status=False))
    world.leads("one", 2_000)
    world.campaign("one", status="running")
    report = world.apply()
    assert outcomes(report) == [("one", "create", "done"), ("one", "enroll", "held"), ("one", "start", "held")]
    assert world.kinds().count("enroll") == 0


def test_a_bug_keeps_what_was_done_in_the_report(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every action is still in the report once: done before it, unknown from it on; the other campaigns go on."""
    from reconciler.session import BugError

    world.leads("one")
    world.campaign("one", status="running")
    world.leads("two")
    world.campaign("two", status="running", sequenceSteps=[{"subject": "Two", "bodyText": "Two."}])
    original = enrolling.enroll

    def broken(work: Work, action: Action) -> ActionResult:
        if work.key == "one":
            raise ZeroDivisionError
        return original(work, action)

    monkeypatch.setattr(enrolling, "enroll", broken)
    with pytest.raises(BugError) as caught:
        world.apply()
    assert outcomes(caught.value.report) == [
        ("one", "create", "done"),
        ("one", "enroll", "unknown"),
        ("one", "start", "unknown"),
        ("two", "create", "done"),
        ("two", "enroll", "done"),
        ("two", "start", "done"),
    ]
