"""A server that acts on a request when nobody waits for its answer any more (design §6: "plus the longest request")."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.forge import KILLED, Forge
from support.scene import EDITED, check_server, done, make_world, read_state
from support.stage import APPLY, LONG
from support.world import World

from reconciler.sandbox.faults import Fault

LATE = 1.0
"""Seconds after which the server acts."""

pytestmark = [*LONG, pytest.mark.sample(2)]


@pytest.fixture(params=["local", "git"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path, "documented", request.param)
    yield made
    made.close()


@pytest.mark.parametrize("killed", [True, False])
def test_a_start_that_comes_late_starts_no_second_draft(world: World, tmp_path: Path, *, killed: bool) -> None:
    """The text was changed meanwhile: without the wait a new draft would take over, and both would run."""
    forge = Forge(tmp_path / "runs")
    world.campaign("one", status="running")
    world.leads("one", 4)
    done(forge.run(world, "state", "init"))
    world.sandbox.add_fault(Fault(kind="start", action="late", nth=1, seconds=LATE))
    traps = {"kill_on": "after POST .*/start"} if killed else {}
    began = time.monotonic()
    broken = forge.run(world, *APPLY, **traps)
    assert broken.code == (KILLED if killed else 1), broken.text
    assert [item.status for item in world.sandbox.campaigns()] == ["draft"]
    assert time.monotonic() - began < LATE + 2
    world.campaign("one", status="running", sequenceSteps=list(EDITED))
    ended = forge.run(world, *APPLY, longest_request=LATE + 1)
    assert "may still be under way: waiting" in ended.err
    check_server(world)
    (campaign,) = world.sandbox.campaigns()
    assert (campaign.status, campaign.starts) == ("running", 1)
    assert read_state(world).campaigns["one"].id == campaign.id
    assert ended.code == 1
    assert "it has been sending and its steps are frozen" in ended.out
