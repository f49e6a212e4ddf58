"""The emergency stop: marks, pauses that nothing prevents, and what lifting does."""

import threading
from collections.abc import Callable

import pytest
from execution.acts import AT, drafted, leave_mark, lift, queued, remote_id, running, stop
from execution.conftest import Around
from support.world import World, actions, outcomes

from reconciler.execution import stopping
from reconciler.execution.stopping import EVERYTHING, pause_all, targets, whoami
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.options import SandboxOptions


def test_everything_is_paused_drafts_harmlessly_and_resumed_after_the_lift(world: World) -> None:
    drafted(world, "idle")
    world.campaign("idle")
    running(world, "one", "two")
    problems, told = stop(world)
    assert problems == []
    assert sorted(told) == ["idle: draft", "one: paused", "two: paused"]
    assert [world.remote(f"Campaign {key}").status for key in ("idle", "one", "two")] == ["draft", "paused", "paused"]
    state = world.state()
    assert [(entry.status, entry.paused_by_us) for entry in state.campaigns.values()] == [
        ("draft", False),
        ("paused", True),
        ("paused", True),
    ]
    assert actions(world.plan()) == [("one", "resume", "held"), ("two", "resume", "held")]
    assert lift(world) == (EVERYTHING,)
    assert outcomes(world.apply()) == [("one", "resume", "done"), ("two", "resume", "done")]
    assert queued(world) == 6


def test_one_campaign_only(world: World) -> None:
    running(world, "one", "two")
    stop(world, "one")
    assert [world.remote(f"Campaign {key}").status for key in ("one", "two")] == ["paused", "running"]
    assert world.state().stop_for("two") is None
    assert actions(world.plan()) == [("one", "resume", "held")]


def test_lifting_resumes_nothing_by_itself_and_other_marks_stay(world: World) -> None:
    running(world, "one")
    stop(world)
    leave_mark(world, "one")
    assert lift(world) == (EVERYTHING,)
    assert [item.scope for item in world.state().stops] == ["one"]
    assert actions(world.plan()) == [("one", "resume", "held")]
    assert lift(world) == ()
    assert lift(world, "one") == ("one",)
    assert world.remote("Campaign one").status == "paused"


def test_a_second_mark_takes_the_place_of_the_first(world: World) -> None:
    world.session()
    leave_mark(world, "one")
    leave_mark(world, "one", "two")
    assert [item.scope for item in world.state().stops] == ["one", "two"]


def test_a_mark_for_a_campaign_that_does_not_exist_yet(world: World) -> None:
    """Nothing starts under that key, either."""
    world.session()
    assert stop(world, "one") == ([], [])
    world.leads("one")
    world.campaign("one", status="running")
    assert outcomes(world.apply()) == [("one", "create", "done"), ("one", "enroll", "held"), ("one", "start", "held")]


def test_a_mark_survives_a_rename(world: World) -> None:
    """Otherwise a merge that renames a stopped campaign would let it loose."""
    running(world, "one")
    stop(world, "one")
    (world.specs / "campaigns" / "one.yaml").unlink()
    world.campaign(
        "new", name="Campaign one", status="running", leads={"source": "leads:one.csv"}, moved={"from": "one"}
    )
    assert outcomes(world.apply()) == [("new", "move", "done"), ("new", "resume", "held")]
    assert outcomes(world.apply()) == [("new", "resume", "held")]
    assert world.remote("Campaign one").status == "paused"
    lift(world, "new")
    assert outcomes(world.apply()) == [("new", "resume", "done")]


def test_what_somebody_else_paused_stays_theirs(world: World) -> None:
    """A stop must not turn their pause into one that the next apply takes back."""
    running(world, "one")
    world.sandbox.set_status(remote_id(world), "paused")
    world.apply()
    stop(world)
    lift(world)
    assert outcomes(world.apply()) == [("one", "resume", "held")]
    assert world.remote("Campaign one").status == "paused"


def test_it_needs_no_valid_files(world: World) -> None:
    running(world, "one")
    (world.specs / "campaigns" / "one.yaml").write_text("key: [")
    (world.specs / "workspace.yaml").write_text("{{{")
    assert stop(world)[0] == []
    assert world.remote("Campaign one").status == "paused"


def test_it_works_while_an_apply_holds_the_lease(world: World, around: Around) -> None:
    """The stop comes from another thread in the middle of an enrolment: it ends that, and nothing starts."""
    running(world, "other")
    drafted(world, "one", leads=600)
    problems: list[object] = []

    def elsewhere() -> None:
        thread = threading.Thread(target=lambda: problems.extend(stop(world)[0]))
        thread.start()
        thread.join(20)

    around("enroll", after=elsewhere)
    report = world.apply()
    assert problems == []
    assert outcomes(report) == [("one", "enroll", "held"), ("one", "start", "not attempted")]
    assert world.remote("Campaign other").status == "paused"
    assert world.remote("Campaign one").status == "draft"
    assert world.state().campaigns["other"].paused_by_us


def test_a_stop_while_an_apply_waits_for_its_approval_counts_as_ours(world: World) -> None:
    """What the apply had read is older than the stop, and must not write over it."""
    running(world, "other")
    drafted(world, "one")
    report = world.apply(meanwhile=lambda: stop(world, "other"))
    assert outcomes(report) == [("one", "enroll", "done"), ("one", "start", "done")]
    entry = world.state().campaigns["other"]
    assert (entry.status, entry.paused_by_us) == ("paused", True)
    lift(world, "other")
    assert outcomes(world.apply()) == [("other", "resume", "done")]


def test_failures_are_listed_and_the_others_go_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "WORKERS", 1)
    running(world, "a", "b", "c", "d")
    world.sandbox.delete_campaign(remote_id(world, "d"))
    world.sandbox.add_fault(Fault(kind="pause", action="reject", nth=1))
    problems, told = stop(world)
    assert sorted(item.code for item in problems) == ["gone", "not-paused"]
    assert len(told) == 2
    statuses = [world.remote(f"Campaign {key}").status for key in "abc"]
    assert statuses.count("paused") == 2
    (failed,) = [item for item in problems if item.code == "not-paused"]
    assert world.remote(f"Campaign {failed.campaign}").status == "running"
    assert world.state().campaigns[str(failed.campaign)].status == "running"


def test_an_answer_that_says_running_is_a_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.leadterra.client import LeadterraClient
    from reconciler.model.live import RemoteCampaign

    running(world, "one")
    answer = RemoteCampaign(id=remote_id(world), status="running")
    monkeypatch.setattr(LeadterraClient, "pause", lambda _self, _id: answer)
    problems, told = stop(world)
    assert [item.code for item in problems] == ["not-paused"]
    assert told == []
    assert world.state().campaigns["one"].status == "running"
    lift(world)
    world.campaign("one", status="paused")
    assert outcomes(world.apply()) == [("one", "pause", "unknown")]


def test_a_pause_that_cannot_be_written_down_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.diagnostics import StateError, error
    from reconciler.store.local import LocalStore

    running(world, "one")
    session, chosen = world.session(), targets(world.state(), [EVERYTHING])

    def full(*_: object, **__: object) -> None:
        raise StateError(error("state-write", "No space left on device."))

    monkeypatch.setattr(LocalStore, "append", full)
    with session.open_api(allow_writes=True) as api:
        problems = pause_all(session.store, api, chosen, lambda _words: None, by="ada@host", clock=lambda: AT)
    assert [item.code for item in problems] == ["not-recorded"]
    assert world.remote("Campaign one").status == "paused"


@pytest.mark.parametrize("status", [True, False])
def test_pauses_count_as_ours_on_every_kind_of_server(make_world: Callable[..., World], *, status: bool) -> None:
    world = make_world(SandboxOptions(undocumented_calls=frozenset(), stats_status=status))
    running(world, "one")
    stop(world, "one")
    lift(world, "one")
    assert outcomes(world.apply()) == [("one", "resume", "done")]
    assert world.remote("Campaign one").status == "running"


def test_whoever_stops_is_named() -> None:
    assert "@" in whoami()


def test_an_older_draft_that_somebody_started_is_paused_too(make_world: Callable[..., World]) -> None:
    """It cannot be deleted by API, so a stop has to reach it."""
    world = make_world(SandboxOptions(undocumented_calls=frozenset()))
    world.campaign("one")
    world.apply()
    older = world.state().campaigns["one"].id
    world.campaign("one", name="Another name")
    world.apply()
    world.sandbox.enroll(older, {"leads": [{"email": "stranger@example.org", "firstName": "S"}]})
    world.sandbox.set_status(older, "running")
    problems, _ = stop(world, "one")
    assert problems == []
    assert world.sandbox.campaign(older).status == "paused"
