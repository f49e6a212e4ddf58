"""Changes of many threads in few records, none lost, each durable when it returns."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.diagnostics import LeaseLostError, StateError, error
from reconciler.execution.keeper import Keeper
from reconciler.model.journal import Record
from reconciler.model.state import State, Stop
from reconciler.ports import Lease, update_state
from reconciler.store.local import LocalStore

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


class Counting(LocalStore):
    """A local store that keeps what it was given, and can be told to wait or to fail in it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.records: list[Record] = []
        self.before: Callable[[], None] = lambda: None

    def append(self, record: Record, *, fence: int | None) -> None:
        self.records.append(record)
        self.before()
        super().append(record, fence=fence)


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    made = Counting(tmp_path / "state")
    made.create(State(lineage="l", ledger_key_id="k"), by="test")
    return made


@pytest.fixture
def lease(store: Counting) -> Iterator[Lease]:
    with store.lease(owner="test", told=lambda _words: None, sleep=lambda _seconds: False) as held:
        yield held


@pytest.fixture
def keeper(store: Counting, lease: Lease) -> Keeper:
    return Keeper(store, by="me@host", clock=lambda: AT, fence=lease.fence)


def mark(scope: str) -> Callable[[State], State]:
    stop = Stop(scope=scope, reason="r", at=AT, by="b")
    return lambda state: state.model_copy(update={"stops": (*state.stops, stop)})


def somebody_else(store: Counting, scope: str) -> None:
    update_state(store, mark(scope), by="ada@host", at=AT, what=f"stopped {scope}")


def scopes(state: State) -> set[str]:
    return {item.scope for item in state.stops}


class Gate:
    """Holds the writer in its record until everybody else waits for the next one."""

    def __init__(self, store: Counting, then: Callable[[], None] = lambda: None) -> None:
        self._open, self._came, self._then = threading.Event(), threading.Semaphore(0), then
        store.before = self._hold

    def _hold(self) -> None:
        self._came.release()
        self._open.wait(5)
        self._then()

    def wait_for_the_writer(self) -> None:
        self._came.acquire()

    def open_once(self, keeper: Keeper, waiting: int) -> None:
        while len(keeper._waiting) < waiting:
            pass
        self._open.set()


def test_changes_that_meet_share_a_record_and_none_is_lost(store: Counting, keeper: Keeper) -> None:
    gate = Gate(store)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(keeper.change, mark("first"), what="first")
        gate.wait_for_the_writer()
        others = [threads.submit(keeper.change, mark(str(number)), what=f"did {number}") for number in range(8)]
        gate.open_once(keeper, waiting=8)
        for future in (first, *others):
            future.result()
    assert scopes(store.read()) == {"first", *(str(number) for number in range(8))}
    one, all_others = store.records
    assert one.what == ("first",)
    assert sorted(all_others.what) == [f"did {number}" for number in range(8)]


def test_a_record_says_who_and_when(store: Counting, keeper: Keeper) -> None:
    keeper.change(mark("one"), what="stopped one")
    told = next(iter(store.history()))
    assert (told.by, told.at, told.what, told.serial) == ("me@host", AT, ("stopped one",), 1)


def test_a_change_is_on_disk_when_it_returns(store: Counting, keeper: Keeper) -> None:
    for number in range(5):
        assert str(number) in scopes(keeper.change(mark(str(number)), what=""))
        assert str(number) in scopes(store.read())


def test_what_another_process_wrote_is_kept(store: Counting, keeper: Keeper) -> None:
    somebody_else(store, "theirs")
    assert "theirs" not in scopes(keeper.latest)
    assert scopes(keeper.change(mark("ours"), what="")) == {"theirs", "ours"}
    somebody_else(store, "later")
    assert "later" in scopes(keeper.fresh())
    assert "later" in scopes(keeper.latest)


def test_a_transition_sees_what_was_written_before_it(store: Counting, keeper: Keeper) -> None:
    """A stop mark that lands first can refuse what comes after it; then nothing of that is written."""
    somebody_else(store, "theirs")

    def refusing(state: State) -> State:
        if "theirs" in scopes(state):
            raise PermissionError
        return mark("ours")(state)

    with pytest.raises(PermissionError):
        keeper.change(refusing, what="")
    assert scopes(store.read()) == {"theirs"}


def failing_together(store: Counting, keeper: Keeper, failure: StateError) -> list[BaseException | None]:
    """Let four threads wait for records that cannot be written; return what each of them is told."""

    def fail() -> None:
        raise failure

    gate = Gate(store, fail)
    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(keeper.change, mark("0"), what="")]
        gate.wait_for_the_writer()
        futures += [threads.submit(keeper.change, mark(str(number)), what="") for number in range(1, 4)]
        gate.open_once(keeper, waiting=3)
        return [future.exception() for future in futures]


def test_a_full_disk_is_told_to_everybody_who_waits(store: Counting, keeper: Keeper) -> None:
    full = StateError(error("state-write", "no space left"))
    assert failing_together(store, keeper, full) == [full] * 4
    assert scopes(store.read()) == set()


def test_a_holding_that_is_lost_is_told_to_everybody_who_waits(store: Counting, keeper: Keeper) -> None:
    """The store itself refuses the fence of a holder whose lease somebody has ended meanwhile."""
    gate = Gate(store)
    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(keeper.change, mark("0"), what="")]
        gate.wait_for_the_writer()
        futures += [threads.submit(keeper.change, mark(str(number)), what="") for number in range(1, 4)]
        store.unlock(by="ada@host")
        gate.open_once(keeper, waiting=3)
        assert [type(future.exception()) for future in futures] == [LeaseLostError] * 4
    assert scopes(store.read()) == set()


def test_a_change_that_cannot_be_made_fails_alone(store: Counting, keeper: Keeper) -> None:
    """The others of its batch were done on the server: they have to be written down."""

    def broken(_state: State) -> State:
        raise KeyError("bug")

    gate = Gate(store)
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(keeper.change, mark("first"), what="")
        gate.wait_for_the_writer()
        bad = threads.submit(keeper.change, broken, what="it did not")
        good = threads.submit(keeper.change, mark("good"), what="it did")
        gate.open_once(keeper, waiting=2)
        first.result()
        good.result()
        with pytest.raises(KeyError):
            bad.result()
    assert scopes(store.read()) == {"first", "good"}
    assert store.records[-1].what == ("it did",)


def test_what_changes_nothing_is_not_written(store: Counting, keeper: Keeper) -> None:
    """Neither the same state nor an equal one that was made anew."""
    keeper.change(mark("one"), what="")
    before = len(store.records)
    assert keeper.change(lambda state: state, what="nothing").serial == 1
    assert keeper.change(lambda state: state.model_copy(update={"stops": (*state.stops,)}), what="nothing").serial == 1
    assert len(store.records) == before


def test_a_process_that_dies_in_a_record_tells_nobody_that_it_was_written(store: Counting, keeper: Keeper) -> None:
    """Whoever only waited for that record goes on otherwise, and calls what nobody remembers."""

    def die() -> None:
        if len(store.records) > 1:
            raise SystemExit

    gate = Gate(store, die)
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(keeper.change, mark("0"), what="")
        gate.wait_for_the_writer()
        others = [threads.submit(keeper.change, mark(str(number)), what="") for number in (1, 2)]
        gate.open_once(keeper, waiting=2)
        first.result()
        assert [type(future.exception()) for future in others] == [SystemExit, SystemExit]
    assert scopes(store.read()) == {"0"}
