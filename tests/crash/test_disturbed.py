"""Connections that break, servers that are busy, disks that are full, a remote that is away: run again, all is well."""

import random
from collections.abc import Iterator

import pytest
from support.scene import check_server
from support.stage import LONG, TODAY_STAGES, Stage, staged

from reconciler.sandbox.faults import Action, Fault, Kind

KINDS: tuple[Kind, ...] = ("create", "enroll", "start", "pause", "stats", "get", "list", "patch", "pools")
ACTIONS: tuple[Action, ...] = ("drop", "drop_before", "half", "error500_after", "error500", "error503", "rate", "html")
BAD = {0, 1, 3}
"""How a disturbed apply may end: well, with something failed or unknown, or with something held."""

pytestmark = LONG


@pytest.fixture(scope="module", params=TODAY_STAGES)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("disturbed"), *request.param.split("-")) as made:
        yield made


def random_fault(dice: random.Random) -> Fault:
    action = dice.choice(ACTIONS)
    retry_after = 0 if action in {"rate", "error503"} else None
    times = dice.choice([1, 2, 6])
    return Fault(kind=dice.choice(KINDS), action=action, nth=dice.randint(1, 6), times=times, retry_after=retry_after)


def test_connections_and_servers_that_fail(stage: Stage) -> None:
    """Faults of all kinds at random calls, often more of them than one call is tried; some runs are killed on top."""
    for seed in stage.seeds(2):
        dice = random.Random(seed)
        stage.restore()
        for _ in range(dice.randint(1, 4)):
            stage.world.sandbox.add_fault(random_fault(dice))
        kill = {"kill_at": dice.randint(1, 60)} if dice.random() < 0.3 else {}
        ended = stage.apply(hurry=True, **kill)
        check_server(stage.world)
        assert ended.code in {*BAD, -9}, (seed, ended.text)
        stage.world.sandbox.clear_faults()
        stage.finish(plan=True, hurry=True)


def test_a_storm_of_429(stage: Stage) -> None:
    """The first calls of every kind are told to come later: it takes longer, and one run is enough."""
    stage.restore()
    for kind in ("create", "enroll", "start"):
        for nth in (1, 3):
            stage.world.sandbox.add_fault(Fault(kind=kind, action="rate", nth=nth, retry_after=0))
    ended = stage.apply(hurry=True)
    assert ended.code == 0, ended.text
    stage.finish()


def test_a_disk_that_is_full_or_a_remote_that_is_away(stage: Stage) -> None:
    """What cannot be written down is not done, but for pauses; what was done is told, the rest comes later."""
    for seed in stage.seeds(2):
        dice = random.Random(seed)
        stage.restore()
        at, times = dice.randint(1, 30), dice.choice([1, 4, 400])
        traps = {"full_disk_at": at, "full_disk_times": times, "away_at": dice.randint(1, 12), "away_times": times}
        ended = stage.apply(**traps)
        check_server(stage.world)
        assert ended.code in BAD, (seed, ended.text)
        stage.finish(plan=True)
