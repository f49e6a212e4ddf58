"""Ways in which the wrong people could have been written to, or a pause held up."""

import pytest
from execution.acts import enroll_stranger, lift, remote_id, running, stop
from support.world import Recorder, World, actions, outcomes

from reconciler.diagnostics import StateError, error
from reconciler.sandbox.faults import Fault
from reconciler.store.local import LocalStore
from reconciler.upkeep import import_campaign


def test_a_draft_with_leads_of_somebody_else_is_replaced_not_started(world: World) -> None:
    """Nobody here knows what they would read."""
    world.leads("one", 3)
    world.campaign("one", status="draft")
    world.apply()
    older = remote_id(world, "one")
    enroll_stranger(world, "one")
    import_campaign(world.session(), "one", older, owner="test")
    world.campaign("one", status="running")
    plan = world.plan()
    assert actions(plan) == [("one", "replace", "ready"), ("one", "enroll", "ready"), ("one", "start", "ready")]
    assert plan.summary.new_recipients == 3
    world.apply()
    assert world.sandbox.campaign(older).status == "draft"
    started = world.state().campaigns["one"].id
    assert started != older
    assert len(world.sandbox.messages(started)) == 3
    assert actions(world.plan()) == []


def test_a_list_that_changed_since_the_plan_holds_a_start_without_enrolment(world: World) -> None:
    world.leads("one", 3)
    world.campaign("one", status="running")
    world.sandbox.add_fault(Fault(kind="start", action="reject", status=400, code="invalid_request", times=1))
    assert ("one", "start", "failed") in outcomes(world.apply())

    def remove_one(_plan: object) -> bool:
        world.leads("one", 2)
        return True

    session = world.session()
    _, report = session.apply(targets=(), approve=remove_one, sink=Recorder(), owner="test")
    assert report is not None
    assert outcomes(report) == [("one", "start", "held")]
    assert world.remote("Campaign one").status == "draft"


def test_a_pause_of_somebody_else_is_not_taken_over_by_a_stop(world: World) -> None:
    running(world, "one")
    world.sandbox.set_status(remote_id(world, "one"), "paused")
    problems, told = stop(world)
    assert problems == []
    assert told == ["one: paused by somebody else before"]
    lift(world)
    world.apply()
    assert world.remote("Campaign one").status == "paused"


def test_a_stop_does_not_wait_for_a_look_that_fails(world: World) -> None:
    running(world, "one")
    world.sandbox.add_fault(Fault(kind="stats", action="error503", retry_after=30))
    problems, _ = stop(world)
    assert problems == []
    assert world.remote("Campaign one").status == "paused"


def test_pauses_go_on_when_the_disk_is_full(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    running(world, "a", "b", "c")
    for key in ("a", "b", "c"):
        world.campaign(key, status="paused")
    world.campaign("d")

    def full(*_: object, **__: object) -> None:
        raise StateError(error("state-write", "no space left on device"))

    monkeypatch.setattr(LocalStore, "append", full)
    report = world.apply()
    assert {world.remote(f"Campaign {key}").status for key in ("a", "b", "c")} == {"paused"}
    assert outcomes(report)[:3] == [(key, "pause", "unknown") for key in ("a", "b", "c")]
    assert outcomes(report)[3:] == [("d", "create", "not attempted")]


def test_pauses_go_on_when_the_run_is_told_to_end(world: World) -> None:
    running(world, "a", "b", "c")
    for key in ("a", "b", "c"):
        world.campaign(key, status="paused")
    session = world.session()

    class Impatient(Recorder):
        def action_started(self, action: object) -> None:
            session.cancelled.set()

    _, report = session.apply(targets=(), approve=lambda _plan: True, sink=Impatient(), owner="test")
    assert report is not None
    assert outcomes(report) == [(key, "pause", "done") for key in ("a", "b", "c")]


def test_each_campaign_that_had_a_key_stays_buried(world: World) -> None:
    """Ledgers outlive campaigns, keys, files and renames (design §1)."""
    running(world, "a", "b")
    first, second = remote_id(world, "a"), remote_id(world, "b")
    world.campaign("a", status="archived")
    world.apply()
    (world.specs / "campaigns" / "b.yaml").unlink()
    world.campaign("a", name="Campaign b", leads={"source": "leads:b.csv"}, status="running", moved={"from": "b"})
    world.apply()
    assert world.state().campaigns["a"].id == second
    world.campaign("a", name="Campaign b", leads={"source": "leads:b.csv"}, status="archived")
    world.apply()
    buried = world.state().tombstones["a"]
    assert (buried.campaign.id, [item.id for item in buried.earlier]) == (second, [first])
    world.campaign("a", name="Campaign b", leads={"source": "leads:b.csv"}, status="paused")
    world.apply()
    state = world.state()
    assert (state.campaigns["a"].id, state.tombstones["a"].campaign.id) == (second, first)


def test_the_plan_of_a_new_draft_counts_its_people_and_not_those_of_the_old_one(world: World) -> None:
    """Whoever left the list gets nothing at all, and everybody else is enrolled anew."""
    world.leads("one", 4)
    world.campaign("one", status="running")
    world.sandbox.add_fault(Fault(kind="start", action="reject"))
    world.apply()
    world.leads("one", 3)
    plan = world.plan()
    assert actions(plan)[0] == ("one", "replace", "ready")
    people = plan.campaigns[0].people
    assert (people.new, people.changed, people.gone, people.receive) == (3, 0, 0, 3)
