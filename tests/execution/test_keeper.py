"""Changes of many threads in few commits, none lost, each durable when it returns."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.diagnostics import StateError, error
from reconciler.execution.keeper import Keeper
from reconciler.model.state import State, Stop
from reconciler.ports import update_state
from reconciler.store.local import LocalStore
from reconciler.wiring import now


class Counting(LocalStore):
    """A local store that counts its commits, and can be told to wait or to fail in them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.commits = 0
        self.before: Callable[[], None] = lambda: None

    def commit(self, state: State, *, expected_serial: int) -> State:
        self.commits += 1
        self.before()
        return super().commit(state, expected_serial=expected_serial)


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    made = Counting(tmp_path / "state")
    made.create(State(lineage="l", ledger_key_id="k"))
    return made


def mark(scope: str) -> Callable[[State], State]:
    return lambda state: state.model_copy(
        update={"stops": (*state.stops, Stop(scope=scope, reason="r", at=now(), by="b"))}
    )


def scopes(state: State) -> set[str]:
    return {item.scope for item in state.stops}


def test_changes_that_meet_share_a_commit_and_none_is_lost(store: Counting) -> None:
    keeper = Keeper(store)
    gate, waiting = threading.Event(), threading.Semaphore(0)

    def wait_for_all() -> None:
        waiting.release()
        gate.wait(5)

    store.before = wait_for_all
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(keeper.change, mark("first"))
        waiting.acquire()
        others = [threads.submit(keeper.change, mark(str(number))) for number in range(8)]
        while len(keeper._waiting) < 8:
            pass
        gate.set()
        for future in (first, *others):
            future.result()
    assert scopes(store.read()) == {"first", *(str(number) for number in range(8))}
    assert store.commits == 2


def test_a_change_is_on_disk_when_it_returns(store: Counting) -> None:
    keeper = Keeper(store)
    for number in range(5):
        assert str(number) in scopes(keeper.change(mark(str(number))))
        assert str(number) in scopes(store.read())


def test_what_another_process_wrote_is_kept(store: Counting) -> None:
    keeper = Keeper(store)
    update_state(store, mark("theirs"))
    assert "theirs" not in scopes(keeper.latest)
    assert scopes(keeper.change(mark("ours"))) == {"theirs", "ours"}
    update_state(store, mark("later"))
    assert "later" in scopes(keeper.fresh())
    assert "later" in scopes(keeper.latest)


def test_a_full_disk_is_told_to_everybody_who_waits(store: Counting) -> None:
    keeper = Keeper(store)
    gate, waiting = threading.Event(), threading.Semaphore(0)

    def fail() -> None:
        waiting.release()
        gate.wait(5)
        raise StateError(error("state-write", "no space left"))

    store.before = fail
    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(keeper.change, mark("0"))]
        waiting.acquire()
        futures += [threads.submit(keeper.change, mark(str(number))) for number in range(1, 4)]
        while len(keeper._waiting) < 3:
            pass
        gate.set()
        for future in futures:
            with pytest.raises(StateError, match="no space left"):
                future.result()
    assert scopes(store.read()) == set()


def test_a_change_that_cannot_be_made_fails_alone(store: Counting) -> None:
    """The others of its batch were done on the server: they have to be written down."""
    keeper = Keeper(store)
    gate, waiting = threading.Event(), threading.Semaphore(0)

    def wait() -> None:
        waiting.release()
        gate.wait(5)

    def broken(_state: State) -> State:
        raise KeyError("bug")

    store.before = wait
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(keeper.change, mark("first"))
        waiting.acquire()
        bad, good = threads.submit(keeper.change, broken), threads.submit(keeper.change, mark("good"))
        while len(keeper._waiting) < 2:
            pass
        gate.set()
        first.result()
        good.result()
        with pytest.raises(KeyError):
            bad.result()
    assert scopes(store.read()) == {"first", "good"}


def test_an_equal_state_is_not_written(store: Counting) -> None:
    keeper = Keeper(store)
    assert keeper.change(lambda state: state).serial == 0
    assert store.commits == 0
