"""`stop`: whatever is broken, it leaves its mark and pauses."""

import json
import shutil
from collections.abc import Callable

import pytest
from cli.process import eventually, finished, running
from support.world import World

from reconciler.sandbox.faults import Fault


@pytest.fixture
def started(world: World) -> World:
    """Make a world in which two campaigns run."""
    for key in ("one", "two"):
        world.leads(key)
        world.campaign(key, status="running")
    world.apply()
    return world


def status(world: World, key: str) -> str:
    found: str = world.remote(f"Campaign {key}").status
    return found


@pytest.mark.parametrize(
    "breaking",
    [
        pytest.param(lambda world: (world.specs / "campaigns" / "one.yaml").write_bytes(b"\xff{{["), id="garbage"),
        pytest.param(lambda world: (world.specs / "workspace.yaml").write_bytes(b"\xff{{["), id="workspace"),
        pytest.param(lambda world: shutil.rmtree(world.specs), id="no specs"),
        pytest.param(lambda world: (world.specs / "workspace.yaml").unlink(), id="no workspace"),
    ],
)
def test_it_needs_no_valid_files(started: World, breaking: Callable[[World], object]) -> None:
    breaking(started)
    ended = started.cli("stop", "--all", "--reason", "wrong price")
    assert ended.code == 0
    assert ended.out == "2 campaigns are paused.\n"
    assert {status(started, key) for key in ("one", "two")} == {"paused"}


def test_one_of_them(started: World) -> None:
    assert started.cli("stop", "one", "--reason", "x").code == 0
    assert (status(started, "one"), status(started, "two")) == ("paused", "running")


def test_nothing_resumes_until_it_is_lifted(started: World) -> None:
    """A stop's pauses count as ours: once lifted, the next apply resumes by itself."""
    assert started.cli("stop", "--all", "--reason", "wrong price").code == 0
    held = started.cli("apply", "--auto-approve")
    assert held.code == 3
    assert "wrong price" in held.out
    assert status(started, "one") == "paused"
    started.campaign("three", status="running")
    started.leads("three")
    assert started.cli("apply", "--auto-approve").code == 3
    assert status(started, "three") == "draft"
    lifted = started.cli("stop", "--all", "--lift")
    assert lifted.code == 0
    assert status(started, "one") == "paused"
    assert "plan" in lifted.out
    assert started.cli("apply", "--auto-approve").code == 0
    assert {status(started, key) for key in ("one", "two", "three")} == {"running"}
    assert started.cli("stop", "--all", "--lift").code == 1, "there is no mark any more"


def test_a_key_nobody_knows(started: World) -> None:
    """It is told with the key that was probably meant, and the others are stopped all the same."""
    ended = started.cli("stop", "onee", "two", "--reason", "x")
    assert ended.code == 1
    assert "onee is not managed by this repository" in ended.err
    assert "did you mean one?" in ended.err
    assert (status(started, "one"), status(started, "two")) == ("running", "paused")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["one"], "--reason is missing"),
        (["one", "--reason", " "], "--reason is missing"),
        (["--reason", "x"], "name campaigns, or write --all"),
        (["one", "--all", "--reason", "x"], "name campaigns, or write --all"),
        (["--lift"], "name campaigns, or write --all"),
    ],
)
def test_what_it_must_be_told(started: World, arguments: list[str], words: str) -> None:
    writes = started.writes()
    ended = started.cli("stop", *arguments)
    assert ended.code == 1
    assert words in ended.err
    assert started.writes() == writes


def test_without_a_key_the_mark_stands_and_the_danger_is_told(started: World) -> None:
    ended = started.cli("stop", "--all", "--reason", "x", env={"LEADTERRA_API_KEY": None})
    assert ended.code == 1
    words = " ".join(ended.err.split())
    assert "LEADTERRA_API_KEY is not set" in words
    assert "one, two may still be sending" in words
    assert "0 of 2 campaigns are paused; 2 may still be sending." in ended.out
    assert started.cli("apply", "--auto-approve").code in {0, 3}
    assert "Stopped" in started.cli("state", "list").out


def test_another_server_is_not_taken_for_this_one(started: World, make_world: Callable[..., World]) -> None:
    """There the ids are not known, and "nothing to pause" would be a dangerous thing to say."""
    other = make_world(name="other")
    ended = started.cli("stop", "--all", "--reason", "x", env={"LEADTERRA_BASE_URL": other.server.url})
    assert ended.code == 1
    assert "one, two may still be sending" in " ".join(ended.err.split())
    assert other.kinds() == []
    assert status(started, "one") == "running"


def test_a_pause_that_fails_is_told_and_the_others_are_made(started: World) -> None:
    started.sandbox.add_fault(Fault(kind="pause", action="reject", status=400, nth=1))
    ended = started.cli("stop", "--all", "--reason", "x")
    assert ended.code == 1
    assert "1 of 2 campaigns is paused; 1 may still be sending." in ended.out
    assert "may still be sending" in " ".join(ended.err.split())
    assert started.cli("stop", "--all", "--reason", "x").code == 0
    assert {status(started, key) for key in ("one", "two")} == {"paused"}


def test_no_state(world: World) -> None:
    world.campaign("one")
    ended = world.cli("stop", "--all", "--reason", "x")
    assert ended.code == 1
    assert "There is no state" in ended.err
    assert world.kinds() == []


def test_it_reaches_an_apply_that_is_running(world: World) -> None:
    """It waits for no lock; what the apply was about to start is not started."""
    world.leads("one")
    world.campaign("one", status="running")
    world.session()
    world.sandbox.add_fault(Fault(kind="enroll", action="slow", seconds=3, nth=1))
    with running(world, "apply", "--auto-approve") as process:
        eventually(lambda: "enroll" in world.kinds())
        stopped = world.cli("stop", "--all", "--reason", "wrong list")
        assert stopped.code == 0, stopped.text
        ended = finished(process)
    assert ended.code == 3
    assert "wrong list" in ended.out
    assert "start" not in world.kinds()
    assert status(world, "one") == "draft"


def test_a_start_that_returns_after_the_mark_is_paused_at_once(world: World) -> None:
    world.leads("one")
    world.campaign("one", status="running")
    world.session()
    world.sandbox.add_fault(Fault(kind="start", action="slow", seconds=3, nth=1))
    with running(world, "apply", "--auto-approve") as process:
        eventually(lambda: "start" in world.kinds())
        assert world.cli("stop", "one", "--reason", "too late?").code == 0
        ended = finished(process)
    assert ended.code == 3
    assert status(world, "one") == "paused"
    state = json.loads((world.root / ".reconciler" / "default" / "state.json").read_text())
    assert (state["campaigns"]["one"]["status"], state["campaigns"]["one"]["pausedByUs"]) == ("paused", True)
    assert world.cli("stop", "one", "--lift").code == 0
    assert world.cli("apply", "--auto-approve").code == 0
    assert status(world, "one") == "running"
