"""An apply that is killed, at every boundary and at random moments, is simply run again (design §6, §7)."""

import random
from collections.abc import Iterator

import pytest
from support.examples import TODAY
from support.forge import KILLED
from support.scene import check_server
from support.stage import LONG, TIMES, TODAY_STAGES, Stage, staged

pytestmark = LONG


@pytest.fixture(scope="module", params=TODAY_STAGES)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("crash"), *request.param.split("-")) as made:
        yield made


@pytest.mark.parametrize("part", range(2))
def test_killed_at_every_boundary(stage: Stage, part: int) -> None:
    """One run dies at a boundary, the next one goes to the end: at each with `make soak`, at a few every day.

    These are others each day, so that they add up. On git, where a run takes three times as long, they are fewer.
    """
    stride = 1 if TIMES > 1 else 12 if stage.quick else 36
    first = 1 + (TODAY + part * stride) % (2 * stride)
    for at in range(first, len(stage.names) + 1, 2 * stride):
        stage.restore()
        ended = stage.apply(kill_at=at)
        check_server(stage.world)
        # The order of threads is not the same each time, nor is how many of their records are written together.
        assert ended.code in {KILLED, 0}, ended.text
        stage.finish(plan=at % 5 == 1)


def test_killed_again_and_again(stage: Stage) -> None:
    """Whatever came after a death dies, too."""
    for seed in stage.seeds(1):
        dice = random.Random(seed)
        stage.restore()
        for _ in range(dice.randint(8, 14)):
            ended = stage.apply(kill_at=dice.randint(1, 25))
            check_server(stage.world)
            assert ended.code in {KILLED, 0}, (seed, ended.text)
        stage.finish(plan=True)


def test_killed_at_random_moments(stage: Stage) -> None:
    """Not at a boundary, but anywhere."""
    for seed in stage.seeds(1):
        dice = random.Random(seed)
        stage.restore()
        for _ in range(dice.randint(3, 8)):
            ended = stage.apply(kill_after=dice.uniform(0.02, 0.5))
            check_server(stage.world)
            assert ended.code in {KILLED, 0}, (seed, ended.text)
        stage.finish()
