"""An apply that is killed, at every boundary and at random moments, is simply run again (design §6, §7)."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from support.forge import KILLED, Forge
from support.scene import BATCH, PROFILES, Snapshot, check_end, check_server, picture, prepare
from support.world import Ended, World

APPLY = ("apply", "--auto-approve")


class Stage:
    """A prepared workspace of one profile, and how its apply ends when nothing dies."""

    def __init__(self, world: World, forge: Forge, snapshot: Snapshot, profile: str) -> None:
        self.world, self.forge, self.snapshot = world, forge, snapshot
        self.lists = profile == "all"
        snapshot.restore()
        self.boundaries = world.root / "boundaries"
        ended = self.apply(report=str(self.boundaries))
        assert ended.code == 0, ended.text
        self.names = self.boundaries.read_text().splitlines()
        self.good = picture(world, world.state())

    def apply(self, **traps: Any) -> Ended:
        return self.forge.run(self.world, *APPLY, batch=BATCH, **traps)

    def finish(self) -> None:
        """Run until it is done: the second run at the latest has nothing left to wait for."""
        for _ in range(3):
            ended = self.apply()
            check_server(self.world)
            if ended.code == 0:
                break
        assert ended.code == 0, ended.text
        state = self.world.state()
        check_end(self.world, state, lists=self.lists)
        assert picture(self.world, state) == self.good
        plan = self.forge.run(self.world, "plan", "--detailed-exitcode")
        assert plan.code == 0, plan.text


@pytest.fixture(scope="module", params=list(PROFILES))
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("crash")
    world = World(folder / "world", PROFILES[request.param])
    snapshot = Snapshot(world, folder / "snapshot")
    (folder / "snapshot").mkdir()
    forge = Forge(folder / "runs")
    prepare(world, forge)
    snapshot.take()
    yield Stage(world, forge, snapshot, request.param)
    world.close()


def test_killed_at_every_boundary(stage: Stage) -> None:
    for at in range(1, len(stage.names) + 1):
        stage.snapshot.restore()
        ended = stage.apply(kill_at=at)
        check_server(stage.world)
        if ended.code != KILLED:
            # The order of threads is not the same each time, nor is how their records are gathered.
            assert ended.code == 0, ended.text
        stage.finish()


def test_killed_again_and_again(stage: Stage) -> None:
    for seed in range(10):
        dice = random.Random(seed)
        stage.snapshot.restore()
        for _ in range(dice.randint(2, 8)):
            ended = stage.apply(kill_at=dice.randint(1, 25))
            check_server(stage.world)
            assert ended.code in {KILLED, 0}, ended.text
        stage.finish()
