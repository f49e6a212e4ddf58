"""A state that cannot be written, and a run that is told to end: what was done is told, and nothing more is called."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from execution.acts import detail, drafted, queued, remote_id, running
from execution.conftest import Around
from support.world import World, outcomes

from reconciler.diagnostics import StateError, error
from reconciler.leads.roster import LeadLists
from reconciler.model.state import State
from reconciler.sandbox.faults import Fault
from reconciler.store import local
from reconciler.store.local import LocalStore


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "WAVE", 1)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let writing of one kind fail from some moment on."""

    def fill(method: str) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise StateError(error("state-write", "No space left on device."))

        monkeypatch.setattr(LocalStore, method, refuse)

    return fill


def two(world: World) -> None:
    for key in ("one", "two"):
        world.leads(key)
        world.campaign(key, status="running", sequenceSteps=[{"subject": key, "bodyText": f"Text {key}."}])


def test_a_create_that_cannot_be_written_down_ends_the_run(
    world: World, one_by_one: None, around: Around, full_disk: Callable[..., None]
) -> None:
    """The report names the draft, whose id would be lost; the other campaigns are not attempted."""
    two(world)
    around("create", after=lambda: full_disk("append"))
    report = world.apply()
    assert [outcome for _, _, outcome in outcomes(report)] == ["unknown", *["not attempted"] * 5]
    assert world.writes() == ["create"]
    assert remote_id(world) in detail(report, "create")
    assert "No space left" in detail(report, "create")
    assert "could not be written" in detail(report, "create", "two")


def test_an_enrolment_that_cannot_be_written_down_ends_the_run(
    world: World, one_by_one: None, around: Around, full_disk: Callable[..., None]
) -> None:
    two(world)
    around("enroll", after=lambda: full_disk("append"))
    report = world.apply()
    assert [outcome for _, _, outcome in outcomes(report)] == ["done", "unknown", *["not attempted"] * 4]
    assert world.writes() == ["create", "enroll"]
    assert "3 of 3 leads were enrolled" in detail(report, "enroll")


def test_a_start_that_cannot_be_written_down_is_unknown(
    world: World, one_by_one: None, around: Around, full_disk: Callable[..., None]
) -> None:
    two(world)
    around("start", after=lambda: full_disk("append"))
    report = world.apply()
    assert [outcome for _, _, outcome in outcomes(report)] == ["done", "done", "unknown", *["not attempted"] * 3]
    assert world.writes() == ["create", "enroll", "start"]


def test_where_nothing_was_called_it_failed_and_is_not_unknown(
    world: World, one_by_one: None, around: Around, full_disk: Callable[..., None]
) -> None:
    """The steps are kept before the draft is created: without them nothing is called."""
    two(world)
    around("sender_accounts", after=lambda: full_disk("put_blob"))
    report = world.apply()
    assert [outcome for _, _, outcome in outcomes(report)] == ["failed", *["not attempted"] * 5]
    assert world.writes() == []


def test_a_lost_create_is_remembered_though_nothing_can_be_written_any_more(
    world: World, one_by_one: None, around: Around, full_disk: Callable[..., None]
) -> None:
    """Its intent was durable before the request left; the campaign after it calls nothing without one."""
    two(world)
    world.sandbox.add_fault(Fault(kind="create", action="drop", nth=1))
    around("create", before=lambda: full_disk("append"))
    report = world.apply()
    untouched = ["not attempted"] * 2
    assert [outcome for _, _, outcome in outcomes(report)] == ["unknown", *untouched, "failed", *untouched]
    assert world.writes() == ["create"]
    assert "A draft may exist in Leadterra now" in detail(report, "create")
    assert "No space left" in detail(report, "create", "two")
    (intent,) = world.state().operations.values()
    assert (intent.kind, intent.campaign) == ("create", "one")


def test_a_state_that_cannot_be_reached_any_more(
    world: World, one_by_one: None, around: Around, tmp_path: Path
) -> None:
    """No stand-in: a document in whose place there is a folder can neither be read nor written, whoever runs this."""
    two(world)
    document = world.session().place.folder / "state.json"

    def spoil() -> None:
        document.rename(tmp_path / "state.json")
        document.mkdir()

    around("create", after=spoil)
    report = world.apply()
    assert [outcome for _, _, outcome in outcomes(report)] == ["unknown", *["not attempted"] * 5]
    assert world.writes() == ["create"]
    document.rmdir()
    (tmp_path / "state.json").rename(document)
    assert State.model_validate_json(document.read_bytes()).campaigns == {}


def test_nothing_is_done_where_the_state_cannot_be_written_at_all(world: World, full_disk: Callable[..., None]) -> None:
    two(world)
    world.session()
    full_disk("append")
    report = world.apply()
    assert {outcome for _, _, outcome in outcomes(report)} == {"not attempted"}
    assert [item.code for item in report.diagnostics] == ["state-write"]
    assert world.writes() == []


def test_an_interrupt_between_two_batches(world: World, around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batches under way are finished and told, the rest is not attempted; the same command finishes it."""
    monkeypatch.setitem(LeadLists.__init__.__kwdefaults__, "batch_size", 100)
    drafted(world, "one", leads=541)
    cancelled = threading.Event()
    around("enroll", after=cancelled.set, nth=2)
    report = world.apply(cancelled=cancelled)
    assert report.interrupted
    assert outcomes(report) == [("one", "enroll", "not attempted"), ("one", "start", "not attempted")]
    assert "500 of 541 leads were enrolled" in detail(report, "enroll")
    assert world.state().campaigns["one"].expected_enrolled == 500
    assert "start" not in world.writes()
    again = world.apply()
    assert outcomes(again) == [("one", "enroll", "done"), ("one", "start", "done")]
    assert not again.interrupted
    assert queued(world) == 541


def test_an_interrupt_while_a_draft_is_created_does_not_lose_it(world: World, around: Around) -> None:
    """The client refuses to wait for its next request once the run is told to end: the id is kept before that."""
    drafted(world, "other")
    world.workspace(state={"lineage": world.state().lineage}, policy={"requestsPerSecond": 100})
    world.campaign("one", sequenceSteps=[{"subject": "One", "bodyText": "One."}])
    cancelled = threading.Event()
    around("create", after=cancelled.set)
    report = world.apply("one", cancelled=cancelled)
    assert outcomes(report) == [("one", "create", "done")]
    assert world.state().campaigns["one"].id == remote_id(world)


def test_an_interrupt_right_before_the_start(world: World, around: Around) -> None:
    drafted(world, "one")
    cancelled = threading.Event()
    around("sender_accounts", after=cancelled.set, nth=3)
    report = world.apply(cancelled=cancelled)
    assert outcomes(report) == [("one", "enroll", "done"), ("one", "start", "not attempted")]
    assert "start" not in world.writes()


def test_an_interrupt_leaves_other_campaigns_alone(world: World, one_by_one: None, around: Around) -> None:
    two(world)
    cancelled = threading.Event()
    around("start", after=cancelled.set)
    report = world.apply(cancelled=cancelled)
    assert [outcome for _, _, outcome in outcomes(report)] == [*["done"] * 3, *["not attempted"] * 3]
    assert {outcome for _, _, outcome in outcomes(world.apply())} == {"done"}
    assert queued(world) == 6


def test_an_answer_lost_while_interrupted_is_unknown(world: World, around: Around) -> None:
    running(world, "one")
    world.campaign("one", status="paused")
    cancelled = threading.Event()
    world.sandbox.add_fault(Fault(kind="pause", action="drop"))
    around("pause", before=cancelled.set)
    # The first action has begun when the run is told to end.
    assert outcomes(world.apply(cancelled=cancelled)) == [("one", "pause", "unknown")]
