"""From files to a running campaign and back, in every documented shape, with and without the undocumented calls."""

import itertools
import shutil
from collections.abc import Callable

import pytest
from support.world import REPOSITORY, World, actions, outcomes

from reconciler.model.live import LiveStatus
from reconciler.sandbox.options import SHAPES, UNDOCUMENTED, SandboxOptions

pytestmark = pytest.mark.sample(4)

PROFILES = [
    pytest.param(SandboxOptions(shape=shape, undocumented_calls=calls, stats_status=status), id=f"{shape}-{name}")
    for shape, (calls, status, name) in itertools.product(
        SHAPES, [(UNDOCUMENTED, True, "all"), (frozenset(), True, "documented"), (frozenset(), False, "blind")]
    )
]


@pytest.fixture(params=PROFILES)
def any_world(request: pytest.FixtureRequest, make_world: Callable[..., World]) -> World:
    return make_world(request.param)


def test_the_worked_example(any_world: World) -> None:
    """The campaign of Leadterra's own guide: 142 leads enrolled, 142 messages queued, then nothing to change."""
    world = any_world
    shutil.rmtree(world.specs)
    shutil.copytree(REPOSITORY / "specs", world.specs)
    plan = world.plan()
    assert actions(plan) == [
        ("fintech-intro", "create", "ready"),
        ("vp-sales-q3", "create", "ready"),
        ("vp-sales-q3", "enroll", "ready"),
        ("vp-sales-q3", "start", "ready"),
    ]
    assert plan.summary.new_recipients == 142
    assert world.writes() == []

    report = world.apply()
    assert {outcome for _, _, outcome in outcomes(report)} == {"done"}
    started = report.results[-1]
    if world.options.shape == "guide":
        assert (started.leads_enrolled, started.queued_messages) == (142, 142)
    remote = world.remote("VP Sales - AI Workflow Q3")
    assert remote.status == "running"
    assert len(world.sandbox.messages(remote.id)) == 142
    assert len(world.sandbox.leads(remote.id)) == 142
    assert world.remote("Fintech Intro").status == "draft"
    assert actions(world.plan()) == []


def test_an_edited_draft_is_changed_or_replaced(any_world: World) -> None:
    """A draft is changed by PATCH where that exists, and by a new draft where it does not; then nothing is left."""
    world = any_world
    world.campaign("one")
    world.apply()
    first = world.remote("Campaign one").id
    world.campaign("one", name="Another name")
    assert actions(world.plan()) == [("one", "update", "ready")]
    world.apply()
    assert actions(world.plan()) == []
    state = world.session().read_state()
    if "patch" in world.options.undocumented_calls:
        assert state.campaigns["one"].id == first
        assert world.remote("Another name").id == first
        assert state.leftovers == ()
    else:
        assert state.campaigns["one"].id == world.remote("Another name").id != first
        assert [item.id for item in state.leftovers] == [first]
        assert state.capabilities.patch_campaign is False


def test_new_people_join_a_running_campaign(any_world: World) -> None:
    world = any_world
    world.campaign("one", status="running")
    world.leads("one", 3)
    world.apply()
    world.leads("one", 5)
    plan = world.plan()
    assert actions(plan) == [("one", "enroll", "ready")]
    assert plan.summary.new_recipients == 2
    world.apply()
    assert len(world.sandbox.messages(world.remote("Campaign one").id)) == 5
    assert actions(world.plan()) == []


def test_pause_and_resume(any_world: World) -> None:
    world = any_world
    world.leads("one")
    world.campaign("one", status="running")
    world.apply()
    world.campaign("one", status="paused")
    assert actions(world.plan()) == [("one", "pause", "ready")]
    world.apply()
    assert world.remote("Campaign one").status == "paused"
    assert actions(world.plan()) == []
    world.campaign("one", status="running")
    assert actions(world.plan()) == [("one", "resume", "ready")]
    world.apply()
    assert world.remote("Campaign one").status == "running"
    assert actions(world.plan()) == []


def test_a_file_that_goes_away_and_comes_back(any_world: World) -> None:
    """Its campaign is paused and let go, never deleted; a returning key finds it and writes to nobody twice."""
    world = any_world
    world.leads("one")
    world.campaign("one", status="running")
    world.campaign("other")
    world.apply()
    path = world.specs / "campaigns" / "one.yaml"
    path.unlink()
    assert actions(world.plan()) == [("one", "pause", "ready"), ("one", "forget", "ready")]
    world.apply()
    assert actions(world.plan()) == []
    remote = world.remote("Campaign one")
    assert remote.status == "paused"

    world.campaign("one", status="running")
    assert actions(world.plan()) == [("one", "adopt", "ready"), ("one", "resume", "ready")]
    world.apply()
    assert world.remote("Campaign one").status == "running"
    assert len(world.sandbox.messages(remote.id)) == 3
    assert actions(world.plan()) == []


def test_an_archived_campaign_is_paused_and_let_go(any_world: World) -> None:
    world = any_world
    world.leads("one")
    world.campaign("one", status="running")
    world.apply()
    world.campaign("one", status="archived")
    world.apply()
    assert world.remote("Campaign one").status == "paused"
    assert list(world.session().read_state().tombstones) == ["one"]
    assert actions(world.plan()) == []


def test_a_rename_leaves_the_live_campaign_alone(any_world: World) -> None:
    world = any_world
    world.leads("old")
    world.campaign("old", status="running", name="Steady")
    world.apply()
    remote = world.remote("Steady").id
    (world.specs / "campaigns" / "old.yaml").unlink()
    world.campaign("new", status="running", name="Steady", leads={"source": "leads:old.csv"}, moved={"from": "old"})
    assert actions(world.plan()) == [("new", "move", "ready")]
    before = world.writes()
    world.apply()
    assert world.writes() == before
    assert world.session().read_state().campaigns["new"].id == remote
    assert actions(world.plan()) == []


def test_a_campaign_gone_from_the_server_is_an_error(any_world: World) -> None:
    world = any_world
    world.campaign("one")
    world.apply()
    world.sandbox.delete_campaign(world.remote("Campaign one").id)
    plan = world.plan()
    assert actions(plan) == []
    assert [item.code for item in plan.diagnostics if item.severity == "error"] == ["gone"]


def test_what_somebody_else_paused_is_not_resumed(any_world: World) -> None:
    """Its status must be readable for that; where nothing shows it, the last one written is taken."""
    world = any_world
    if not world.options.stats_status:
        return
    world.leads("one")
    world.campaign("one", status="running")
    world.apply()
    remote = world.remote("Campaign one").id
    world.sandbox.set_status(remote, "paused")
    world.apply()
    assert actions(world.plan()) == [("one", "resume", "held")]
    assert world.remote("Campaign one").status == "paused"
    world.campaign("one", status="paused")
    world.apply()
    world.campaign("one", status="running")
    assert actions(world.plan()) == [("one", "resume", "ready")]
    world.apply()
    assert world.remote("Campaign one").status == LiveStatus.RUNNING.value
