"""The lease over any register, with a clock that is turned by hand."""

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from reconciler.diagnostics import Interrupted, LeaseLostError, StateConflictError, StateError, error
from reconciler.store.lease import Held, HeldLease, Times, dump_held, load_held

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = Times(beat=1_000, expiry=60, poll=1, longest_request=65)


class Memory:
    """A register in memory, which can be away. `ended` are holders whose process has."""

    def __init__(self) -> None:
        self.held = Held()
        self.away = False
        self.ended: set[str | None] = set()
        self.swaps = 0
        self.meanwhile: Callable[[], None] = lambda: None
        self.alive = 0

    def look(self) -> Held:
        if self.away:
            raise StateError(error("state-remote", "away"))
        return self.held

    def swap(self, held: Held, *, expected: Held) -> None:
        self.swaps += 1
        self.meanwhile()
        if self.look() != expected:
            raise StateConflictError(error("lease-conflict", "x"))
        self.held = held

    def has_ended(self, held: Held) -> bool:
        return held.owner in self.ended

    def begin(self, held: Held) -> None:
        self.alive += 1

    def end(self) -> None:
        self.alive = 0


class Clock:
    """Time that passes only while somebody waits, or when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.told: list[str] = []
        self.each_wait: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> bool:
        self.now += seconds
        self.each_wait()
        return False


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lease_of(
    memory: Memory,
    clock: Clock,
    owner: str,
    machine: str = "here",
    times: Times = TIMES,
    asked: datetime | None = None,
) -> HeldLease:
    return HeldLease(
        memory,
        owner=owner,
        machine=machine,
        times=times,
        told=clock.told.append,
        sleep=clock.sleep,
        asked=lambda: asked,
        clock=clock,
    )


def test_fences_grow(memory: Memory, clock: Clock) -> None:
    fences = []
    for _ in range(3):
        with lease_of(memory, clock, "ada") as lease:
            fences.append(lease.fence)
    assert fences == [1, 2, 3]
    assert memory.held == Held(fence=3)
    assert clock.told == []


def test_check_shows_a_sign_where_the_last_one_is_too_old(memory: Memory, clock: Clock) -> None:
    with lease_of(memory, clock, "ada") as lease:
        clock.now += 20
        lease.check(40)
        assert memory.swaps == 1
        lease.check(41)
        assert memory.swaps == 2
        clock.now += 10_000
        lease.check(60)
        with pytest.raises(LeaseLostError):
            lease.check(61)


def test_without_a_sign_nothing_is_called_but_it_is_not_lost_for_good(memory: Memory, clock: Clock) -> None:
    with lease_of(memory, clock, "ada") as lease:
        memory.away = True
        clock.now += 20
        lease.check(30)
        clock.now += 20
        with pytest.raises(LeaseLostError, match="no sign of life could be written for 40 s"):
            lease.check(30)
        memory.away = False
        lease.check(30)


def unclear(memory: Memory) -> None:
    """Let the next writing land, and tell that it failed: a remote that went away right after the push."""
    swap = memory.swap

    def landing(held: Held, *, expected: Held) -> None:
        memory.swap = swap  # type: ignore[method-assign]
        swap(held, expected=expected)
        raise StateError(error("state-remote", "away"))

    memory.swap = landing  # type: ignore[method-assign]


def test_a_sign_whose_writing_seemed_to_fail_is_recognised(memory: Memory, clock: Clock) -> None:
    lease = lease_of(memory, clock, "ada")
    with lease:
        unclear(memory)
        for _ in range(3):
            clock.now += TIMES.expiry - 1
            with suppress(LeaseLostError):
                lease.check(5)
        lease.check(5)
        assert memory.held.fence == lease.fence
    assert memory.held.owner is None


def test_a_lease_whose_taking_seemed_to_fail_is_held(memory: Memory, clock: Clock) -> None:
    unclear(memory)
    with lease_of(memory, clock, "ada") as lease:
        lease.check(5)
        assert memory.held.owner == "ada"
        assert memory.alive == 1
    assert memory.held.owner is None


def test_what_was_taken_over_is_lost_for_good(memory: Memory, clock: Clock) -> None:
    with lease_of(memory, clock, "ada") as lease:
        memory.held = Held(fence=2, owner="bob")
        lease.check(30)
        clock.now += 40
        for _ in range(2):
            with pytest.raises(LeaseLostError, match="taken over or ended"):
                lease.check(30)
        swaps = memory.swaps
        memory.held = Held(fence=1, owner="ada")
        with pytest.raises(LeaseLostError):
            lease.check(0)
    assert memory.swaps == swaps
    memory.held = Held(fence=7)
    with lease:
        assert lease.fence == 8
        lease.check(30)


def test_a_dead_holder_of_this_machine_is_followed_when_its_last_request_has_ended(
    memory: Memory, clock: Clock
) -> None:
    memory.held = Held(fence=4, owner="eve", nonce="n", machine="here", beat=clock.now - 100)
    began = clock.now
    with lease_of(memory, clock, "ada", times=TIMES._replace(beat=10)) as lease:
        assert lease.fence == 5
    assert 25 < clock.now - began <= 27
    assert "waiting for a sign of life" in clock.told[0]
    assert "took the lock over from eve" in clock.told[1].lower()


@pytest.mark.parametrize("beat", [1e9, -5.0, 0.0])
def test_clocks_of_other_machines_tell_nothing(memory: Memory, clock: Clock, beat: float) -> None:
    memory.held = Held(fence=4, owner="eve", nonce="n", machine="elsewhere", beat=beat)
    began = clock.now
    with lease_of(memory, clock, "ada"):
        pass
    assert 125 < clock.now - began <= 127


def test_a_reading_from_before_this_machine_was_started_tells_nothing(memory: Memory, clock: Clock) -> None:
    memory.held = Held(fence=4, owner="eve", nonce="n", machine="here", beat=clock.now + 1_000)
    began = clock.now
    with lease_of(memory, clock, "ada"):
        pass
    assert clock.now - began > 125


def test_a_holder_elsewhere_that_shows_a_sign_is_named(memory: Memory, clock: Clock) -> None:
    memory.held = Held(fence=4, owner="eve", nonce="n", machine="elsewhere")

    def show() -> None:
        if clock.now > 1_050:
            memory.held = Held(fence=4, owner="eve", nonce="m", machine="elsewhere")

    clock.each_wait = show
    with pytest.raises(StateError, match="Another apply is running: eve"):
        lease_of(memory, clock, "ada").__enter__()
    assert clock.now < 1_055
    assert memory.alive == 0


def test_a_holder_that_gives_it_back_is_followed_at_once(memory: Memory, clock: Clock) -> None:
    memory.held = Held(fence=4, owner="eve", nonce="n", machine="elsewhere")

    def give() -> None:
        memory.held = Held(fence=4)

    clock.each_wait = give
    with lease_of(memory, clock, "ada") as lease:
        assert lease.fence == 5
    assert len(clock.told) == 1


def test_who_comes_second_looks_again(memory: Memory, clock: Clock) -> None:
    def steal() -> None:
        memory.held = Held(fence=1, owner="bob", nonce="n", machine="here", beat=clock.now)

    memory.meanwhile = steal
    with pytest.raises(StateError, match="Another apply is running: bob"):
        lease_of(memory, clock, "ada").__enter__()
    assert memory.held.owner == "bob"
    assert memory.alive == 0


def test_one_that_cannot_be_taken_leaves_no_sign(memory: Memory, clock: Clock) -> None:
    def fail() -> None:
        raise StateError(error("state-write", "full"))

    memory.meanwhile = fail
    with pytest.raises(StateError, match="full"):
        lease_of(memory, clock, "ada").__enter__()
    assert memory.alive == 0


def test_one_that_cannot_be_given_back_ends_by_itself(memory: Memory, clock: Clock) -> None:
    with lease_of(memory, clock, "ada"):
        memory.away = True
    memory.away = False
    assert memory.held.owner == "ada"
    clock.now += 30
    with lease_of(memory, clock, "bob", times=TIMES._replace(beat=10, poll=30)):
        assert clock.now > 1_000 + TIMES.expiry + TIMES.longest_request


def test_the_last_requests_of_a_dead_holder_are_waited_for(memory: Memory, clock: Clock) -> None:
    """A server may act on them when nobody waits for the answer any more; where none is open, nothing is."""
    lease_of(memory, clock, "eve").__enter__()
    memory.ended = {"eve"}
    clock.now += 5
    with lease_of(memory, clock, "ada", asked=datetime.now(UTC) - timedelta(hours=1)):
        assert clock.now == 1_005 + TIMES.longest_request
    assert [words[:82] for words in clock.told] == [
        "The last requests of an interrupted run may still be under way: waiting 65 s, afte",
        "Took the lock over from eve, whose process has ended",
    ]


def test_no_request_outlives_the_lease_it_was_made_under(memory: Memory, clock: Clock) -> None:
    lease_of(memory, clock, "eve").__enter__()
    memory.ended = {"eve"}
    clock.now += TIMES.expiry + 60
    with lease_of(memory, clock, "ada", asked=datetime.now(UTC)):
        assert clock.now == 1_000 + TIMES.expiry + TIMES.longest_request


@pytest.mark.parametrize(("ago", "least", "most"), [(0, 64, 65), (60, 4, 5), (66, 0, 0), (-3_600, 65, 65)])
def test_a_request_of_a_run_that_ended_is_waited_for_by_its_age(
    memory: Memory, clock: Clock, ago: int, least: int, most: int
) -> None:
    """A clock that goes wrong elsewhere does not make the wait longer."""
    with lease_of(memory, clock, "ada", asked=datetime.now(UTC) - timedelta(seconds=ago)):
        assert least <= clock.now - 1_000 <= most
    assert len(clock.told) == (least > 0)


def test_a_wait_for_requests_can_be_broken_off(memory: Memory, clock: Clock) -> None:
    def sleep(_seconds: float) -> bool:
        return True

    clock.sleep = sleep  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        lease_of(memory, clock, "ada", asked=datetime.now(UTC)).__enter__()
    assert memory.swaps == 0


def test_a_slow_sign_of_life_holds_nobody_up(memory: Memory, clock: Clock) -> None:
    """A push may take a minute. Until the last sign has run out, requests need not wait for the next."""
    entered, leave = threading.Event(), threading.Event()

    def slow() -> None:
        if threading.current_thread().name == "lease":
            entered.set()
            leave.wait(20)

    memory.meanwhile = slow
    with lease_of(memory, clock, "ada", times=TIMES._replace(beat=0.01)) as lease:
        assert entered.wait(20)
        lease.check(30)
        leave.set()


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"null", b"{}", b"\xff", b'{"fence": true}', dump_held(Held()).replace(b"0.0", b'"0"'), b"[" * 9_999],
)
def test_what_is_no_holder_is_not_read_as_one(data: bytes) -> None:
    assert load_held(data) is None
    held = Held(fence=3, owner="ä", holding="h", nonce="n", machine="m", beat=1.5)
    assert load_held(dump_held(held)) == held
    assert load_held(dump_held(Held())) == Held()
