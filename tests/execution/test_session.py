"""The path from files to a report, as far as it is the session's own."""

import threading

import pytest
from execution.acts import drafted, remote_id, running, seen
from execution.conftest import Around
from support.world import Recorder, World, actions, outcomes

from reconciler.diagnostics import SpecError, StateError
from reconciler.leadterra.transport import ReadOnlyError
from reconciler.model.plan import Plan
from reconciler.session import Session
from reconciler.upkeep import create_state


def test_a_refusal_changes_nothing(world: World) -> None:
    drafted(world, "one")
    before, requests = world.state(), world.writes()
    _, report = world.session().apply(targets=(), approve=lambda _plan: False, sink=Recorder(), owner="test")
    assert report is None
    assert (world.state(), world.writes()) == (before, requests)


def test_nobody_is_asked_where_nothing_is_ready(world: World) -> None:
    world.campaign("one")
    world.apply()
    asked: list[Plan] = []

    def approve(plan: Plan) -> bool:
        asked.append(plan)
        return False

    _, report = world.session().apply(targets=(), approve=approve, sink=Recorder(), owner="test")
    assert report is not None
    assert (report.results, asked) == ((), [])


def test_a_second_apply_is_refused_while_one_is_running(world: World, around: Around) -> None:
    world.campaign("one")
    refused: list[str] = []

    def second() -> None:
        try:
            world.apply()
        except StateError as problem:
            refused.append(problem.diagnostics[0].code)

    around("create", after=second)
    assert outcomes(world.apply()) == [("one", "create", "done")]
    assert refused == ["state-locked"]
    assert world.kinds().count("create") == 1


def test_broken_files_stop_everything_before_the_server_is_asked(world: World) -> None:
    drafted(world, "one")
    world.campaign("two", status="flying")
    before = seen(world)
    with pytest.raises(SpecError):
        world.apply()
    assert seen(world) == before


def test_a_list_with_errors_stops_everything(world: World) -> None:
    drafted(world, "one")
    world.leads("one", rows=[{"name": "no column for addresses"}])
    before = world.writes()
    with pytest.raises(SpecError):
        world.apply()
    assert world.writes() == before


def test_the_client_of_a_plan_cannot_write(world: World, around: Around) -> None:
    world.session()
    with world.session().open_api(allow_writes=False) as api, pytest.raises(ReadOnlyError):
        api.pause("camp_1")
    assert world.writes() == []


def test_targets_leave_the_others_alone(world: World) -> None:
    drafted(world, "one", "two")
    assert {key for key, _, _ in outcomes(world.apply("one"))} == {"one"}
    assert world.remote("Campaign two").status == "draft"


def test_a_pause_elsewhere_is_taken_over_by_a_file_that_says_paused(world: World) -> None:
    running(world, "one")
    world.sandbox.set_status(remote_id(world), "paused")
    world.campaign("one", status="paused")
    assert outcomes(world.apply()) == []
    assert world.state().campaigns["one"].paused_by_us
    world.campaign("one", status="running")
    assert outcomes(world.apply()) == [("one", "resume", "done")]


def test_protect_is_kept_and_a_file_that_goes_away_is_blocked(world: World) -> None:
    running(world, "one")
    world.campaign("keep")
    path = world.campaign("one", status="running", protect=True)
    world.apply()
    path.unlink()
    assert outcomes(world.apply()) == [("one", "pause", "blocked"), ("one", "forget", "blocked")]
    assert world.remote("Campaign one").status == "running"


def test_a_returning_file_is_protected_from_its_first_apply(world: World) -> None:
    """One apply brings it back; the file may go again right after that."""
    running(world, "one")
    world.campaign("keep")
    world.apply()
    (world.specs / "campaigns" / "one.yaml").unlink()
    world.apply()
    path = world.campaign("one", status="paused", protect=True)
    assert outcomes(world.apply()) == [("one", "adopt", "done")]
    path.unlink()
    assert actions(world.plan()) == [("one", "forget", "blocked")]


def test_a_file_that_is_renamed_is_found_under_its_new_name(world: World) -> None:
    path = world.campaign("one")
    world.apply()
    path.rename(path.with_name("another.yaml"))
    assert outcomes(world.apply()) == []
    assert world.state().campaigns["one"].file.endswith("another.yaml")


def test_the_steps_as_the_server_shows_them_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that tidies HTML up, and echoes in its answer what it was sent, makes no difference for ever."""
    from reconciler.leadterra.client import LeadterraClient
    from reconciler.model.live import RemoteCampaign

    original = LeadterraClient.campaign

    def tidied(self: LeadterraClient, campaign_id: str) -> RemoteCampaign:
        shown = original(self, campaign_id)
        steps = tuple(step.model_copy(update={"body_html": step.body_html + "\n"}) for step in shown.steps or ())
        return shown.model_copy(update={"steps": steps})

    monkeypatch.setattr(LeadterraClient, "campaign", tidied)
    drafted(world, "one")
    assert actions(world.plan()) == [("one", "enroll", "ready"), ("one", "start", "ready")]
    world.campaign("one", status="running", name="Renamed")
    assert {outcome for _, _, outcome in outcomes(world.apply())} == {"done"}
    assert actions(world.plan()) == []


def test_a_further_environment_has_the_same_lineage_and_its_own_state(world: World) -> None:
    world.campaign("one")
    world.workspace(environments={"production": {}})
    lineage = world.session().store.read().lineage
    world.environment = "production"
    create_state(Session(world.place, world.settings), by="test")
    state = world.session().read_state()
    assert (state.lineage, state.environment) == (lineage, "production")
    assert outcomes(world.apply()) == [("one", "create", "done")]
    world.environment = None
    assert world.state().campaigns == {}


def test_an_interrupt_before_the_first_action(world: World) -> None:
    drafted(world, "one")
    cancelled = threading.Event()
    report = world.apply(meanwhile=cancelled.set, cancelled=cancelled)
    assert outcomes(report) == [("one", "enroll", "not attempted"), ("one", "start", "not attempted")]
    assert report.interrupted


def test_the_sink_sees_everything_in_order(world: World) -> None:
    drafted(world, "one", leads=501)
    sink = Recorder()
    world.apply(sink=sink)
    assert sink.events == [
        ("started", "one:enroll"),
        ("enrolled", "one:500/501"),
        ("enrolled", "one:501/501"),
        ("done", "one:enroll"),
        ("started", "one:start"),
        ("done", "one:start"),
    ]
