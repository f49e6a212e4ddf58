import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import ready
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
