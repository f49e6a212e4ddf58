"""Killed in the middle of batches side by side: those few are sent again, and nobody is enrolled twice."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.forge import KILLED, Forge
from support.scene import BATCH, SEGMENTS, Snapshot, check_server, done, make_world, read_state
from support.stage import APPLY, BACKENDS, LONG, TIMES
from support.world import Ended, World

from reconciler.execution.enrolling import SIDE_BY_SIDE

BATCHES = 1 + 3 * SIDE_BY_SIDE + 1
LEADS = BATCHES * BATCH - 1
"""A first batch, three whole waves, and one batch."""

pytestmark = [*LONG, pytest.mark.sample(2)]


class Scene:
    """One long list that is about to be enrolled, again and again. `names` are the boundaries of that."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self._forge = world, Forge(folder / "runs")
        world.leads("large", LEADS)
        world.campaign("large", status="running")
        done(self._forge.run(world, "state", "init"))
        self.snapshot = Snapshot(world, folder / "snapshot")
        self.snapshot.take()
        report = world.root / "boundaries"
        done(self.run(*APPLY, report=str(report)))
        self.names = report.read_text().splitlines()

    def run(self, *arguments: str, **traps: object) -> Ended:
        return self._forge.run(self.world, *arguments, batch=BATCH, segments=SEGMENTS, **traps)


@pytest.fixture(params=BACKENDS)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    world = make_world(tmp_path, "all", request.param)
    yield Scene(world, tmp_path)
    world.close()


def test_killed_in_the_middle_of_a_wave(scene: Scene) -> None:
    world = scene.world
    bulk = [at for at, name in enumerate(scene.names, 1) if "/leads/bulk" in name]
    local = "before push" not in scene.names
    for seed in range((6 if local else 2) * TIMES):
        at = random.Random(seed).choice(bulk[2:])
        scene.snapshot.restore()
        ended = scene.run(*APPLY, kill_at=at)
        assert ended.code == KILLED, (seed, ended.text)
        done(scene.run(*APPLY))
        check_server(world)
        campaign = world.remote("Campaign large")
        sent = Counter(lead.times_enrolled for lead in world.sandbox.leads(campaign.id))
        assert sent[1] + sent[2] == LEADS, (seed, sent)
        assert sent[2] <= BATCH * SIDE_BY_SIDE, (seed, sent)
        assert world.kinds().count("enroll") <= BATCHES + SIDE_BY_SIDE
        assert len(world.sandbox.messages(campaign.id)) == LEADS
        state = read_state(world)
        assert (state.operations, state.campaigns["large"].expected_enrolled) == ({}, LEADS)
        assert len(state.campaigns["large"].ledger) <= SEGMENTS + 1
        done(scene.run("plan", "--detailed-exitcode"))


def test_a_wave_is_one_write_of_the_state(scene: Scene) -> None:
    """On git a push, on this machine an append: what came of a wave, and the intents of the next."""
    bulk = [at for at, name in enumerate(scene.names) if "/leads/bulk" in name]
    between = scene.names[bulk[0] : bulk[-1]]
    writes = "after push" if "before push" in scene.names else "after append"
    assert len(bulk) == 2 * BATCHES
    assert between.count(writes) == 4
