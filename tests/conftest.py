import os
import shutil
import signal
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import ready
from support.examples import SOAK, TODAY
from support.world import World

from reconciler.sandbox.options import DEFAULT_OPTIONS, SandboxOptions
from reconciler.store.git import GitStore
from reconciler.store.local import LocalStore


def pytest_configure() -> None:
    """Hear Ctrl-C: a shell's background job ignores it, and so would every process that the tests start.

    Files lie in memory where there is room: a disk that keeps all of them for good takes a third of the time.
    """
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a private folder in it
_ROOM = 4 * 1024**3


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a share of the parameter sets of tests marked `sample`: others each day, and all with `make soak`.

    Of each test at least one is kept. Whoever names a test on the command line gets it whole.
    """
    if SOAK or any("::" in argument for argument in config.args):
        return
    by_test: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("sample"):
            by_test.setdefault(item.nodeid.partition("[")[0], []).append(item)
    left_out = set()
    for test, variants in by_test.items():
        marker = variants[0].get_closest_marker("sample")
        share = int(marker.args[0]) if marker else 1
        # Not in the order they stand: neighbours are alike.
        ordered = sorted(variants, key=lambda item: zlib.crc32(item.nodeid.encode()))
        first = (TODAY + zlib.crc32(test.encode())) % min(share, len(ordered))
        left_out |= {item.nodeid for item in variants} - {item.nodeid for item in ordered[first::share]}
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
        items[:] = [item for item in items if item.nodeid not in left_out]


def pytest_sessionfinish() -> None:
    ready.close()


@pytest.fixture(autouse=True)
def _nothing_acts_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for requests of runs that are over: a server of the tests acts at once, unless it is told to."""
    for store in (LocalStore, GitStore):
        defaults = store.__init__.__kwdefaults__
        monkeypatch.setitem(defaults, "times", defaults["times"]._replace(longest_request=0.0))


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Make workspaces with a server each; the servers end with the test."""
    made: list[World] = []

    def make(options: SandboxOptions = DEFAULT_OPTIONS, name: str = "world") -> World:
        world = World(tmp_path / name, options)
        made.append(world)
        return world

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
