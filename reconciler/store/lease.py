"""The lease: the right to apply, held by one process at a time, whatever dies or sleeps.

A holder shows signs of life by changing a nonce. Whoever wants the lease takes it over only after it has seen no change
for the time after which the holder stops by itself, plus the longest request that may still be under way. A holder
whose process has ended is not waited for, but what it asked for last is, where the state tells of requests without an
outcome: a server may act on them when nobody waits for the answer any more. Every holding has a number, the fence, one
higher than the last: a store refuses what is written with an older one.
"""

import contextlib
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

from reconciler.diagnostics import Diagnostic, Interrupted, LeaseLostError, StateConflictError, StateError, error

LONGEST_REQUEST = 65.0
"""Seconds that one request may be under way: 5 to connect, then twice 30 (`leadterra.transport`)."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Times(NamedTuple):
    """Seconds: between signs of life, without one until a holder stops by itself, and between looks at the holder."""

    beat: float
    expiry: float
    poll: float = 1.0
    longest_request: float = LONGEST_REQUEST


def clock() -> float:
    """Return seconds that go on while the process, or the whole machine, is suspended."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def this_machine() -> str:
    """Name this machine and its present start: clocks and processes can be compared only within one."""
    try:
        boot = _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()} {boot}".strip()


@dataclass(frozen=True, slots=True)
class Held:
    """What stands in the register. `owner` is None where nobody holds it; `machine` and `beat` are of its last sign.

    `beat` is a reading of the clock of that machine since it was started: only there it can be compared. `holding`
    is a random name that stays the same until it is given back, `nonce` one of the sign alone.
    """

    fence: int = 0
    owner: str | None = None
    holding: str = ""
    nonce: str = ""
    machine: str = ""
    beat: float = 0.0


def dump_held(held: Held) -> bytes:
    """Write it as JSON."""
    return json.dumps(asdict(held), sort_keys=True).encode() + b"\n"


def load_held(data: bytes) -> Held | None:
    """Read it; None where it is not what `dump_held` writes."""
    try:
        found: Any = json.loads(data)
        sound = type(found["fence"]) is int and type(found["beat"]) in {int, float}
        texts = (found["owner"] or "", found["holding"], found["nonce"], found["machine"])
        return Held(**found) if sound and all(isinstance(text, str) for text in texts) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


class Register(Protocol):
    """Where a backend keeps who holds the lease."""

    def look(self) -> Held:
        """Read it anew."""
        ...

    def swap(self, held: Held, *, expected: Held) -> None:
        """Write it durably; raises `StateConflictError` where it is not what was expected."""
        ...

    def has_ended(self, held: Held) -> bool:
        """Whether the holder's process has certainly ended; False also where nobody can tell."""
        ...

    def begin(self, held: Held) -> None:
        """Make it known that this process is alive, as far as `has_ended` needs it; raises `StateError`."""
        ...

    def end(self) -> None:
        """Take that back, and put in order what a run leaves."""
        ...


class HeldLease:
    """`Lease` over a register. It excludes other threads as well as other processes.

    `clock` must go on while the process is suspended: after waking up, `check` then knows that time has passed.
    """

    def __init__(
        self,
        register: Register,
        *,
        owner: str,
        machine: str,
        times: Times,
        told: Callable[[str], None],
        sleep: Callable[[float], bool],
        asked: Callable[[], datetime | None],
        clock: Callable[[], float] = clock,
    ) -> None:
        """`asked` says when the youngest request was begun of which the state knows no outcome."""
        self._register = register
        self._owner = plain(owner)
        self._machine = machine
        self._times = times
        self._told = told
        self._sleep = sleep
        self._asked = asked
        self._clock = clock
        self._lock = threading.Lock()
        self._showing = threading.Lock()
        self._over = threading.Event()
        self._held: Held | None = None
        self._lost: Diagnostic | None = None
        self._shown = 0.0
        self._thread: threading.Thread | None = None

    @property
    def fence(self) -> int:
        """The number of this holding."""
        if self._held is None:
            raise AssertionError("the lease is not held")
        return self._held.fence

    def __enter__(self) -> Self:
        """Take it, wait for it, or raise `StateError` (`state-locked`) naming the holder."""
        self._begin_anew()
        first = (self._register.look(), self._clock())
        there, begun, quiet = first[0], True, first[1] + self._under_way(first[0])
        while True:
            words = self._free(there, first)
            if words is None and self._alive(there, first[0]):
                raise self._refusal(there)
            if words is not None and self._clock() >= quiet:
                self._take(there, words)
                if self._held is not None:
                    break
            elif words is None:
                self._wait_for(there, begun=begun)
            else:
                self._wait_for_requests(quiet - self._clock(), begun=begun)
            begun, before, there = False, there, self._register.look()
            if not _same_sign(before, there):
                quiet = self._clock() + self._under_way(there)
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        """Give it back. Where that fails it ends by itself."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            held, self._held = self._held, None
        try:
            if held is not None and self._lost is None:
                with contextlib.suppress(StateError):
                    self._register.swap(Held(fence=held.fence), expected=held)
        finally:
            self._register.end()

    def check(self, seconds: float) -> None:
        """Raise `LeaseLostError` unless it lasts for so many more seconds, after a sign of life if need be."""
        if self._lasts(seconds):
            return
        self._show()
        if not self._lasts(seconds):
            raise LeaseLostError(self._lost or _unshown(self._clock() - self._shown))

    def _begin_anew(self) -> None:
        if self._held is not None:
            raise self._refusal(self._held)
        self._over.clear()
        self._lost = None

    def _lasts(self, seconds: float) -> bool:
        with self._lock:
            held = self._held is not None and self._lost is None
            return held and self._clock() + seconds <= self._shown + self._times.expiry

    def _free(self, there: Held, first: tuple[Held, float]) -> str | None:
        """Say, in words, why the lease can be taken; None where it cannot. No words where nobody held it."""
        if there.owner is None:
            return ""
        if self._register.has_ended(there):
            return f"took the lock over from {there.owner}, whose process has ended"
        patience = self._times.expiry + self._times.longest_request
        if there.machine == self._machine and 0 <= there.beat <= self._clock():
            silence = self._clock() - there.beat
        elif _same_sign(first[0], there):
            silence = self._clock() - first[1]
        else:
            return None
        if silence <= patience:
            return None
        return f"took the lock over from {there.owner}, who has shown no sign of life for {silence:,.0f} s"

    def _under_way(self, there: Held) -> float:
        """Return for how many seconds a request of the last holder may still be under way.

        One that gave the lease back asked last when it opened the youngest intent; any other may have asked just now.
        """
        asked = self._asked()
        if asked is None:
            return 0.0
        longest, now = self._times.longest_request, self._clock()
        if there.owner is None:
            return min(longest, longest - (datetime.now(UTC) - asked).total_seconds())
        if there.machine == self._machine and 0 <= there.beat <= now:
            return min(longest, there.beat + self._times.expiry + longest - now)
        return longest

    def _alive(self, there: Held, first: Held) -> bool:
        if not _same_sign(first, there):
            return True
        if there.machine != self._machine or not 0 <= there.beat <= self._clock():
            return False
        return self._clock() - there.beat < 2.5 * self._times.beat

    def _wait_for(self, there: Held, *, begun: bool) -> None:
        if begun:
            patience = self._times.expiry + self._times.longest_request
            self._told(
                f"The lock is held by {there.owner}: waiting for a sign of life, for up to {patience:,.0f} s; without "
                "one it has certainly ended and is taken over (`reconciler state unlock` ends it at once)"
            )
        if self._sleep(self._times.poll):
            raise Interrupted

    def _wait_for_requests(self, left: float, *, begun: bool) -> None:
        if begun:
            self._told(
                f"The last requests of an interrupted run may still be under way: waiting {left:,.0f} s, after which "
                "Leadterra shows what became of them"
            )
        if self._sleep(min(self._times.poll, left)):
            raise Interrupted

    def _take(self, there: Held, words: str) -> None:
        shown = self._clock()
        mine = self._sign(Held(fence=there.fence + 1, owner=self._owner, holding=secrets.token_hex(8)))
        try:
            self._register.begin(mine)
            self._register.swap(mine, expected=there)
        except StateConflictError:
            self._register.end()
            return
        except BaseException as problem:
            if not (isinstance(problem, StateError) and self._stands(mine)):
                self._register.end()
                raise
        with self._lock:
            self._held, self._shown = mine, shown
        if words:
            self._told(f"{words[0].upper()}{words[1:]}")

    def _stands(self, mine: Held) -> bool:
        """Whether a lease whose writing seemed to fail is there all the same."""
        try:
            return _same_holding(self._register.look(), mine)
        except StateError:
            return False

    def _sign(self, held: Held) -> Held:
        return replace(held, nonce=secrets.token_hex(8), machine=self._machine, beat=self._clock())

    def _beat(self) -> None:
        while not self._over.wait(self._times.beat):
            self._show()

    def _show(self) -> None:
        """Show a sign of life. What cannot be written is tried again; what another holder has taken is lost.

        Requests go on meanwhile, as long as the last sign lets them.
        """
        with self._showing:
            with self._lock:
                held = self._held
                if held is None or self._lost is not None:
                    return
            shown, sign = self._clock(), self._sign(held)
            try:
                self._register.swap(sign, expected=held)
            except StateConflictError:
                self._look_again(held)
            except StateError:
                return
            else:
                with self._lock:
                    self._held, self._shown = sign, shown

    def _look_again(self, held: Held) -> None:
        """Tell a sign of our own, whose writing seemed to fail, from another holder."""
        try:
            there = self._register.look()
        except StateError:
            return
        with self._lock:
            if _same_holding(there, held):
                self._held = there
            else:
                self._lost = _taken()

    def _refusal(self, there: Held) -> StateError:
        return StateError(
            error(
                "state-locked",
                f"Another apply is running: {there.owner}.",
                hint="Wait until it has ended, then run again. If its process is gone, its lock ends by itself; "
                "`reconciler state unlock` ends it now.",
            )
        )


def words(there: Held, *, ended: bool) -> str | None:
    """Say who holds it, and since when there was no sign of life, as far as that can be told here."""
    if there.owner is None:
        return None
    if ended:
        return f"{there.owner}, whose process has ended: the next apply takes it over"
    if there.machine == this_machine() and 0 <= there.beat <= clock():
        return f"{there.owner}, last sign of life {clock() - there.beat:,.0f} s ago"
    return there.owner


def conflict() -> StateConflictError:
    """Return the error of a register that is not what was expected."""
    return StateConflictError(
        error("lease-conflict", "The lock changed hands meanwhile.", hint="Run the same command again.")
    )


def damaged(place: str, what_to_do: str) -> StateError:
    """Return the error of a register that cannot be read."""
    return StateError(error("lock-damaged", f"The lock in {place} cannot be read.", hint=what_to_do))


def _same_holding(one: Held, other: Held) -> bool:
    return one.owner is not None and (one.fence, one.holding) == (other.fence, other.holding)


def _same_sign(one: Held, other: Held) -> bool:
    return (one.fence, one.nonce) == (other.fence, other.nonce)


def lost() -> LeaseLostError:
    """Return the error of a holder whose lease somebody else has taken or ended."""
    return LeaseLostError(_taken())


def _taken() -> Diagnostic:
    return error(
        "lease-lost",
        "the lock was taken over or ended by somebody else while this run showed no sign of life",
        hint="this run writes and calls nothing more; `reconciler plan` shows where things stand",
    )


def _unshown(silence: float) -> Diagnostic:
    return error(
        "lease-lost",
        f"no sign of life could be written for {silence:,.0f} s, so another run may hold the lock by now",
        hint="look at the place of the state (full disk? remote away?), then run the same command again",
    )


def plain(text: str) -> str:
    """Return a holder's name as one short printable line."""
    return "".join(char if char.isprintable() else " " for char in text)[:200].strip()
