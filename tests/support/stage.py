"""A prepared workspace whose apply may die, and how it ends when nothing does."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.examples import SOAK, TODAY
from support.forge import Child, Forge
from support.scene import BATCH, SEGMENTS, Snapshot, check_end, check_server, make_world, picture, prepare, read_state
from support.world import Ended, World

TIMES = max(1, SOAK)
"""How many times as many seeded runs are made: one every day, more with `make soak`."""

LONG = [pytest.mark.timeout(600 * TIMES), pytest.mark.soak]
APPLY = ("apply", "--auto-approve")
BACKENDS = ("local", "git")
STAGES = ("all-local", "documented-local", "all-git", "documented-git")
"""Kinds of server and backends."""
TODAY_STAGES = STAGES if SOAK else (STAGES[TODAY % 2], STAGES[3 - TODAY % 2])
"""One of each kind and of each backend: the others the next day, all with `make soak`."""


class Stage:
    """Begins from the same moment again and again. `names` are the boundaries of an apply that nothing disturbs."""

    def __init__(self, world: World, forge: Forge, snapshot: Snapshot, *, lists: bool) -> None:
        self.world, self.forge, self.snapshot, self.lists = world, forge, snapshot, lists
        snapshot.restore()
        report = world.root / "boundaries"
        ended = self.apply(report=str(report))
        assert ended.code == 0, ended.text
        self.names = report.read_text().splitlines()
        self.quick = not snapshot.head
        self.good = picture(world, read_state(world))

    def seeds(self, count: int) -> range:
        """Return the seeds of runs that are made `count` times a day, others each day, and often with `make soak`.

        A run on git takes three times as long: it is made a third as often every day.
        """
        if SOAK:
            return range(count * TIMES)
        first = 10_000 * TODAY
        return range(first, first + (count if self.quick else max(1, count // 3)))

    def restore(self) -> None:
        self.snapshot.restore()

    def start(self, *arguments: str, **traps: Any) -> Child:
        return self.forge.start(self.world, *(arguments or APPLY), batch=BATCH, segments=SEGMENTS, **traps)

    def apply(self, **traps: Any) -> Ended:
        return self.start(**traps).wait()

    def finish(self, *, plan: bool = False, runs: int = 3, **traps: Any) -> Ended:
        """Run it again until it is done, and check that all is as if nothing had happened. Return how it ended."""
        for _ in range(runs):
            ended = self.apply(**traps)
            check_server(self.world)
            if ended.code == 0:
                break
        assert ended.code == 0, ended.text
        state = read_state(self.world)
        check_end(self.world, state, lists=self.lists)
        assert picture(self.world, state) == self.good
        if plan:
            planned = self.start("plan", "--detailed-exitcode").wait()
            assert planned.code == 0, planned.text
        return ended


@contextmanager
def staged(folder: Path, profile: str, backend: str) -> Iterator[Stage]:
    """Prepare a workspace, and close its server at the end."""
    world = make_world(folder, profile, backend)
    try:
        forge = Forge(folder / "runs")
        prepare(world, forge)
        snapshot = Snapshot(world, folder / "snapshot")
        snapshot.take()
        yield Stage(world, forge, snapshot, lists=profile == "all")
    finally:
        world.close()
