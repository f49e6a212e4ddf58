"""What every state backend must do. A backend's tests subclass `StoreContract` and give it the fixture `backend`."""

import hashlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest
from store.states import STATE, walk

from reconciler.diagnostics import Interrupted, LeaseLostError, StateConflictError, StateError
from reconciler.model.journal import Record, between
from reconciler.model.state import State, Stop
from reconciler.ports import Lease, StateStore, update_state
from reconciler.store.lease import Times
from reconciler.store.records import encode_record

NOW = datetime(2026, 11, 30, 14, 2, tzinfo=UTC)

PRELUDE = """
import time
from datetime import UTC, datetime
from reconciler.diagnostics import StateError
from reconciler.ports import update_state

def opened(make, times):
    from reconciler.store.lease import Times
    return make(times=Times(*times)) if times else make()

def add(scope):
    from reconciler.model.state import Stop
    mark = Stop(scope=scope, reason="test", at="2026-11-30T14:02:00Z", by="ada")
    return lambda state: state.model_copy(update={"stops": (*state.stops, mark)})

def put(scope, fence=None):
    update_state(store, add(scope), by="a process", at=datetime.now(UTC), what=f"{scope} added", fence=fence)

def take(owner="holder"):
    lease = store.lease(owner=owner, told=print, sleep=lambda seconds: bool(time.sleep(seconds)))
    return lease.__enter__()
"""


class Backend(Protocol):
    """One place for a state, empty at first. `code` is a Python expression that opens it in another process.

    In it, `times=None` can be replaced. `quick` are times for tests of a holder that sleeps.
    """

    code: str
    quick: Times

    def open(self, times: Times | None = None) -> StateStore: ...

    def snapshot(self) -> object:
        """Return what changes with whatever is written."""
        ...

    def plant_document(self, content: bytes) -> None: ...

    def plant_record(self, serial: int, content: bytes) -> None:
        """Put the only record behind the document."""
        ...

    def plant_blob(self, name: str, content: bytes) -> None: ...

    def plant_lease(self, content: bytes) -> None: ...


def add_stop(scope: str) -> Callable[[State], State]:
    mark = Stop(scope=scope, reason="test", at=NOW, by="ada")
    return lambda state: state.model_copy(update={"stops": (*state.stops, mark)})


def scopes(state: State) -> list[str]:
    return sorted(mark.scope for mark in state.stops)


def put(store: StateStore, scope: str, *, fence: int | None = None) -> State:
    return update_state(store, add_stop(scope), by="ada", at=NOW, what=f"{scope} added", fence=fence)


def record(old: State, new: State, *, serial: int | None = None, lineage: str = STATE.lineage) -> Record:
    serial = old.serial + 1 if serial is None else serial
    return Record(lineage=lineage, serial=serial, at=NOW, by="ada", what=("x",), delta=between(old, new))


def name_blobs(store: StateStore, *contents: bytes) -> list[str]:
    return [store.put_blob(content) for content in contents]


def suppressing(state: State, *names: str) -> State:
    return state.model_copy(update={"suppressed": tuple(dict.fromkeys((*state.suppressed, *names)))})


def named(store: StateStore, *names: str) -> State:
    """Make these the blobs that the state names."""
    wanted = {"suppressed": names}
    return update_state(store, lambda state: state.model_copy(update=wanted), by="ada", at=NOW, what="")


def lease_of(store: StateStore, owner: str = "ada", told: list[str] | None = None) -> Lease:
    lines = told if told is not None else []
    return store.lease(owner=owner, told=lines.append, sleep=lambda seconds: bool(time.sleep(seconds)))


def code_of(caught: pytest.ExceptionInfo[StateError]) -> str:
    (item,) = caught.value.diagnostics
    assert item.hint
    return item.code


def start(code: str, *lines: str) -> "subprocess.Popen[str]":
    """Run Python in another process, with `store` opened."""
    program = f"{PRELUDE}\nstore = {code}\n" + "\n".join(lines)
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, bufsize=1
    )


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def say(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


DAMAGED = [
    (b"", "state-damaged"),
    (b"null", "state-damaged"),
    (b"[]", "state-damaged"),
    (b"{}", "state-damaged"),
    (b"\xff\xfe{}", "state-damaged"),
    (b"[" * 100_000, "state-damaged"),
    (b'{"lineage": "a", "ledgerKeyId": "b"}', "state-damaged"),
    (b'{"version": 0, "lineage": "a", "ledgerKeyId": "b"}', "state-damaged"),
    (b'{"version": "2", "lineage": "a", "ledgerKeyId": "b"}', "state-damaged"),
    (b'{"version": 1, "lineage": "a", "ledgerKeyId": "b", "ledgerKey": ["abad1dea"]}', "state-damaged"),
    (b'{"version": 1, "lineage": "a", "ledgerKeyId": "b", "abad1dea": 1}', "state-damaged"),
    (b'{"version": 2, "whatever": "abad1dea"}', "state-newer"),
]


def line(text: bytes) -> bytes:
    """Make a whole line of the journal of any text."""
    return hashlib.sha256(text).hexdigest()[:16].encode() + b" " + text + b"\n"


ONE = encode_record(record(STATE, add_stop("*")(STATE)))
BAD_RECORDS = [
    (1, line(b'{"abad1dea": 1}'), "state-newer"),
    (1, line(ONE[17:-2] + b', "more": 1}'), "state-newer"),
    (1, ONE.replace(b'"a-lineage"', b'"b-lineage"') + b"\n" + ONE, "journal-damaged"),
    (1, encode_record(record(STATE, STATE, lineage="other")), "journal-damaged"),
    (2, encode_record(record(STATE, STATE, serial=2)), "journal-damaged"),
]


class StoreContract:
    """Subclass it; `backend` is a fixture of the subclass."""

    @pytest.fixture
    def store(self, backend: Backend) -> StateStore:
        store = backend.open()
        store.create(STATE, by="ada")
        return store

    # State

    def test_what_was_created_is_read_by_anybody(self, backend: Backend, store: StateStore) -> None:
        assert store.read() == STATE
        assert backend.open().read() == STATE

    def test_no_state_is_not_an_empty_state(self, backend: Backend) -> None:
        for attempt in (
            lambda: backend.open().read(),
            lambda: backend.open().append(record(STATE, add_stop("*")(STATE)), fence=None),
            lambda: put(backend.open(), "*"),
            lambda: lease_of(backend.open()).__enter__(),
        ):
            with pytest.raises(StateError) as caught:
                attempt()
            assert code_of(caught) == "state-missing"
            assert "reconciler state init" in str(caught.value.diagnostics[0].hint)
        with pytest.raises(StateError):
            backend.open().read()

    def test_a_second_create_is_refused(self, backend: Backend, store: StateStore) -> None:
        before = backend.snapshot()
        for other in (store, backend.open()):
            with pytest.raises(StateError) as caught:
                other.create(STATE.model_copy(update={"lineage": "another"}), by="bob")
            assert code_of(caught) == "state-exists"
        assert backend.snapshot() == before

    def test_what_was_appended_is_read_next(self, backend: Backend, store: StateStore) -> None:
        reader = backend.open()
        assert reader.read() == STATE
        wanted = add_stop("*")(STATE)
        store.append(record(STATE, wanted), fence=None)
        for other in (store, reader, backend.open()):
            assert other.read() == wanted.model_copy(update={"serial": 1})

    @pytest.mark.parametrize("serial", [0, 1, 3, -1])
    def test_an_append_on_another_serial_is_refused(self, backend: Backend, store: StateStore, serial: int) -> None:
        put(store, "first")
        before = backend.snapshot()
        for other in (store, backend.open()):
            with pytest.raises(StateConflictError) as caught:
                other.append(record(STATE, add_stop("*")(STATE), serial=serial), fence=None)
            assert code_of(caught) == "state-conflict"
        assert backend.snapshot() == before

    def test_an_append_to_another_lineage_is_refused(self, backend: Backend, store: StateStore) -> None:
        before = backend.snapshot()
        with pytest.raises(StateConflictError):
            store.append(record(STATE, add_stop("*")(STATE), lineage="another"), fence=None)
        assert backend.snapshot() == before

    def test_an_append_on_what_others_wrote_meanwhile_is_refused(self, backend: Backend, store: StateStore) -> None:
        assert store.read() == STATE
        put(backend.open(), "theirs")
        with pytest.raises(StateConflictError):
            store.append(record(STATE, add_stop("ours")(STATE)), fence=None)
        assert scopes(put(store, "ours")) == ["ours", "theirs"]

    def test_of_many_appends_on_one_serial_one_wins(self, backend: Backend, store: StateStore) -> None:
        barrier = threading.Barrier(5)

        def attempt(name: str) -> str | None:
            other = backend.open()
            other.read()
            barrier.wait()
            try:
                other.append(record(STATE, add_stop(name)(STATE)), fence=None)
            except StateConflictError:
                return None
            return name

        with ThreadPoolExecutor(5) as pool:
            winners = [name for name in pool.map(attempt, "abcde") if name]
        assert len(winners) == 1
        assert scopes(store.read()) == winners

    def test_threads_lose_no_update(self, backend: Backend, store: StateStore) -> None:
        def work(worker: int) -> None:
            for turn in range(4):
                put(backend.open() if worker % 2 else store, f"{worker}-{turn}")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert scopes(store.read()) == sorted(f"{worker}-{turn}" for worker in range(4) for turn in range(4))
        assert store.read().serial == 16

    def test_processes_lose_no_update(self, backend: Backend, store: StateStore) -> None:
        writers = [
            start(
                backend.code,
                "print('ready'); input()",
                f"for turn in range(5): put(f'{name}-{{turn}}')",
                "print('done')",
            )
            for name in "ab"
        ]
        try:
            assert [line_of(writer) for writer in writers] == ["ready", "ready"]
            for writer in writers:
                say(writer)
            for turn in range(5):
                put(store, f"c-{turn}")
            assert [line_of(writer) for writer in writers] == ["done", "done"]
        finally:
            for writer in writers:
                end(writer)
        assert scopes(store.read()) == [f"{name}-{turn}" for name in "abc" for turn in range(5)]

    def test_a_change_that_changes_nothing_writes_nothing(self, backend: Backend, store: StateStore) -> None:
        before = backend.snapshot()
        assert update_state(store, lambda state: state, by="ada", at=NOW, what="nothing") == STATE
        assert backend.snapshot() == before

    @pytest.mark.parametrize("seed", range(2))
    def test_any_changes_are_read_back_as_they_were_made(self, backend: Backend, store: StateStore, seed: int) -> None:
        watcher, state = backend.open(), STATE
        for number, wanted in enumerate(walk(random.Random(seed), 8)):
            store.append(record(state, wanted), fence=None)
            state = wanted.model_copy(update={"serial": number + 1})
            if number % 3 == 1:
                assert watcher.read() == state
        assert store.read() == state
        assert backend.open().read() == state

    # Blobs

    def test_a_blob_comes_back_once_a_record_was_appended_after_it(self, backend: Backend, store: StateStore) -> None:
        contents = [b"", b"\0\n\r\xff", b"x" * 100_000, b"data 3\nabc\n", "ä €".encode()]
        names = [store.put_blob(content) for content in contents]
        assert names == [hashlib.sha256(content).hexdigest() for content in contents]
        assert [store.get_blob(name) for name in names] == contents
        put(store, "*")
        other = backend.open()
        assert [other.get_blob(name) for name in names] == contents
        assert other.put_blob(contents[2]) == names[2]
        more = other.put_blob(b"more")
        put(other, "again")
        assert store.get_blob(more) == b"more"

    def test_threads_put_the_same_blob(self, backend: Backend, store: StateStore) -> None:
        with ThreadPoolExecutor(4) as pool:
            names = set(pool.map(lambda _: store.put_blob(b"x" * 100_000), range(8)))
        put(store, "*")
        assert [backend.open().get_blob(name) for name in names] == [b"x" * 100_000]

    @pytest.mark.parametrize("damage", [b"", b"half", b"whole!"])
    def test_a_damaged_blob_is_refused_and_can_be_put_again(
        self, backend: Backend, store: StateStore, damage: bytes
    ) -> None:
        name = store.put_blob(b"whole")
        put(store, "*")
        backend.plant_blob(name, damage)
        other = backend.open()
        with pytest.raises(StateError) as caught:
            other.get_blob(name)
        assert code_of(caught) == "blob-damaged"
        other.put_blob(b"whole")
        put(other, "again")
        assert backend.open().get_blob(name) == b"whole"

    def test_a_missing_blob_is_told(self, store: StateStore) -> None:
        with pytest.raises(StateError) as caught:
            store.get_blob("0" * 64)
        assert code_of(caught) == "blob-missing"

    @pytest.mark.parametrize(
        "name", ["", "../state.json", "/etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", "..", "\x00"]
    )
    def test_what_is_no_blob_name_opens_nothing(self, store: StateStore, name: str) -> None:
        with pytest.raises(StateError) as caught:
            store.get_blob(name)
        assert code_of(caught) == "blob-missing"
        assert name not in caught.value.diagnostics[0].message or not name

    # Blobs that nobody names

    def test_a_sweep_removes_what_the_state_does_not_name_and_nothing_else(
        self, backend: Backend, store: StateStore
    ) -> None:
        kept, dropped, mine = name_blobs(store, b"kept", b"dropped", b"mine")
        other = backend.open()
        (never,) = name_blobs(other, b"never")
        put(other, "a")
        with lease_of(store) as lease:
            named(store, kept, dropped)
            named(store, kept)
            assert store.sweep(fence=lease.fence).blobs == 2
            assert store.sweep(fence=lease.fence).blobs == 0
        for other in (store, backend.open()):
            assert other.get_blob(kept) == b"kept"
            for name in (dropped, never):
                with pytest.raises(StateError) as caught:
                    other.get_blob(name)
                assert code_of(caught) == "blob-missing"
        assert store.get_blob(mine) == b"mine"
        assert backend.open().read().suppressed == (kept,)
        assert (store.put_blob(b"dropped"), store.get_blob(dropped)) == (dropped, b"dropped")

    @pytest.mark.parametrize("holder", ["nobody", "another"])
    def test_only_the_holder_of_the_lease_sweeps(self, backend: Backend, store: StateStore, holder: str) -> None:
        other = backend.open()
        with lease_of(store) as lease:
            old = lease.fence
        (name,) = name_blobs(other, b"never")
        put(other, "a")
        with lease_of(backend.open(), "bob") if holder == "another" else nullcontext():
            with pytest.raises(LeaseLostError):
                store.sweep(fence=old)
            assert backend.open().get_blob(name) == b"never"

    def test_a_blob_put_for_a_record_to_come_survives_a_sweep(self, backend: Backend, store: StateStore) -> None:
        """`suppress` needs no lease: what it has put may be swept away before its record, and is there all the same."""
        writer = backend.open()
        (old,) = name_blobs(store, b"same")
        named(store, old)
        names = name_blobs(writer, b"same", b"own")
        with lease_of(store) as lease:
            named(store)
            store.sweep(fence=lease.fence)
        named(writer, *names)
        for other in (store, writer, backend.open()):
            assert [other.get_blob(name) for name in other.read().suppressed] == [b"same", b"own"]

    def test_another_thread_s_record_does_not_make_it_forget_what_was_put(
        self, backend: Backend, store: StateStore
    ) -> None:
        writer = backend.open()
        (name,) = name_blobs(writer, b"mine")
        put(writer, "another thread")
        with lease_of(store) as lease:
            store.sweep(fence=lease.fence)
        named(writer, name)
        assert backend.open().get_blob(name) == b"mine"

    def test_a_sweep_beside_writers_without_a_lease_takes_nothing_from_them(
        self, backend: Backend, store: StateStore
    ) -> None:
        done = threading.Event()

        def suppress(worker: int) -> list[str]:
            writer, mine = backend.open(), []
            for turn in range(4):
                mine += name_blobs(writer, b"%d %d" % (worker, turn % 2))
                add = tuple(mine[-1:])
                update_state(writer, lambda state, add=add: suppressing(state, *add), by="x", at=NOW, what="")
            return mine

        def sweep() -> None:
            with lease_of(store) as lease:
                while not done.is_set():
                    store.sweep(fence=lease.fence)

        with ThreadPoolExecutor(3) as pool:
            sweeping = pool.submit(sweep)
            try:
                expected = {name for mine in pool.map(suppress, range(2)) for name in mine}
            finally:
                done.set()
            sweeping.result()
        fresh = backend.open()
        assert set(fresh.read().suppressed) == expected
        assert all(fresh.get_blob(name) for name in expected)

    # Lease

    def test_a_lease_names_its_holder_to_others_at_once(self, backend: Backend, store: StateStore) -> None:
        with lease_of(store, "ada@example, process 7"):
            with pytest.raises(StateError) as caught:
                lease_of(backend.open(), "bob@example").__enter__()
            assert code_of(caught) == "state-locked"
            assert "ada@example, process 7" in caught.value.diagnostics[0].message
            assert "ada@example, process 7" in str(backend.open().holder())
        assert backend.open().holder() is None
        with lease_of(backend.open(), "bob@example"):
            pass

    def test_a_lease_is_not_taken_twice_and_can_be_taken_again(self, store: StateStore) -> None:
        lease = lease_of(store)
        with lease:
            first = lease.fence
            for other in (lease, lease_of(store, "bob")):
                with pytest.raises(StateError) as caught:
                    other.__enter__()
                assert code_of(caught) == "state-locked"
            lease.check(1)
        with pytest.raises(LeaseLostError):
            lease.check(0)
        with lease:
            assert lease.fence > first
            put(store, "*", fence=lease.fence)
            lease.check(1)

    def test_a_lease_excludes_other_threads_and_can_be_given_back_by_them(
        self, backend: Backend, store: StateStore
    ) -> None:
        lease = lease_of(store)
        inside: list[str] = []

        def attempt() -> None:
            try:
                with lease_of(backend.open(), "bob"):
                    inside.append("bob")
            except StateError:
                inside.append("refused")

        for act in (lease.__enter__, attempt, lease.__exit__, attempt):
            thread = threading.Thread(target=act)
            thread.start()
            thread.join()
        assert inside == ["refused", "bob"]

    def test_a_lease_is_free_after_an_error_inside(self, backend: Backend, store: StateStore) -> None:
        with pytest.raises(RuntimeError), lease_of(store):
            raise RuntimeError
        with lease_of(backend.open(), "bob"):
            pass

    def test_of_many_who_take_it_one_gets_it(self, backend: Backend, store: StateStore) -> None:
        barrier, done = threading.Barrier(4), threading.Barrier(4)

        def attempt(name: str) -> str | None:
            lease = lease_of(backend.open(), name)
            barrier.wait()
            try:
                lease.__enter__()
            except StateError as problem:
                assert problem.diagnostics[0].code == "state-locked"  # noqa: PT017 - most of them
                done.wait()
                return None
            done.wait()
            lease.__exit__()
            return name

        with ThreadPoolExecutor(4) as pool:
            assert len([name for name in pool.map(attempt, "abcd") if name]) == 1

    def test_a_killed_holder_is_followed_at_once_with_a_word(self, backend: Backend, store: StateStore) -> None:
        holder = start(backend.code, "lease = take()", "put('theirs', lease.fence)", "print('held')", "input()")
        try:
            assert line_of(holder) == "held"
            with pytest.raises(StateError) as caught:
                lease_of(store).__enter__()
            assert "holder" in caught.value.diagnostics[0].message
        finally:
            end(holder)
        assert "whose process has ended" in str(store.holder())
        told: list[str] = []
        with lease_of(store, told=told) as lease:
            put(store, "ours", fence=lease.fence)
        assert told == ["Took the lock over from holder, whose process has ended"]
        assert scopes(backend.open().read()) == ["ours", "theirs"]

    def test_who_needs_no_lease_writes_while_one_is_held(self, backend: Backend, store: StateStore) -> None:
        with lease_of(store) as lease:
            put(store, "a", fence=lease.fence)
            put(backend.open(), "stop")
            assert scopes(put(store, "b", fence=lease.fence)) == ["a", "b", "stop"]

    def test_an_ended_lease_neither_writes_nor_calls(self, backend: Backend, store: StateStore) -> None:
        lease = lease_of(store)
        with lease:
            old = lease.fence
            assert backend.open().unlock(by="bob") == "ada"
            assert backend.open().holder() is None
            with pytest.raises(LeaseLostError):
                put(store, "*", fence=old)
            with pytest.raises(LeaseLostError):
                lease.check(backend.quick.expiry + 1_000)
            with lease_of(backend.open(), "bob") as theirs:
                last = theirs.fence
                assert last > old
                with pytest.raises(LeaseLostError):
                    put(store, "*", fence=old)
                with pytest.raises(LeaseLostError):
                    lease.check(0)
                put(store, "theirs", fence=last)
        with pytest.raises(LeaseLostError):
            put(store, "*", fence=last)
        assert scopes(backend.open().read()) == ["theirs"]
        assert backend.open().unlock(by="bob") is None
        (told,) = [item for item in store.history() if "lock" in item.what[0]]
        assert (told.by, told.what) == ("bob", ("ended the lock of ada",))

    def test_one_who_slept_too_long_neither_writes_nor_calls(self, backend: Backend, store: StateStore) -> None:
        """A real process is suspended; what it wakes up to is a lock that somebody else has taken over."""
        holder = start(
            backend.code.replace("times=None", f"times={tuple(backend.quick)}"),
            "lease = take('sleeper')",
            "put('before', lease.fence)",
            "lease.check(0)",
            "print('held'); input()",
            "for act in (lambda: lease.check(0), lambda: put('after', lease.fence)):",
            "    try: act()",
            "    except StateError as problem: print(problem.diagnostics[0].code)",
            "lease.__exit__()",
            "print('given back')",
        )
        told: list[str] = []
        try:
            assert line_of(holder) == "held"
            holder.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            with pytest.raises(StateError, match="sleeper"):
                lease_of(backend.open(backend.quick)).__enter__()
            time.sleep(2.5 * backend.quick.beat)
            with lease_of(backend.open(backend.quick), told=told) as lease:
                waited = time.monotonic() - began
                holder.send_signal(signal.SIGCONT)
                say(holder)
                assert [line_of(holder) for _ in range(3)] == ["lease-lost", "lease-lost", "given back"]
                lease.check(0)
                put(store, "mine", fence=lease.fence)
        finally:
            end(holder)
        assert waited > backend.quick.expiry + backend.quick.longest_request - 2 * backend.quick.beat
        assert "waiting for a sign of life" in told[0]
        assert "sleeper, who has shown no sign of life" in told[-1]
        assert scopes(backend.open().read()) == ["before", "mine"]

    def test_a_live_holder_elsewhere_is_watched_and_named(
        self, backend: Backend, store: StateStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[str] = []
        with monkeypatch.context() as patch:
            patch.setattr(socket, "gethostname", lambda: "elsewhere")
            lease = lease_of(backend.open(backend.quick), "eve@elsewhere")
        with lease:
            with pytest.raises(StateError) as caught:
                lease_of(backend.open(backend.quick), told=told).__enter__()
            assert code_of(caught) == "state-locked"
            assert "eve@elsewhere" in caught.value.diagnostics[0].message
        assert ["waiting for a sign of life" in words for words in told] == [True]

    def test_a_dead_holder_elsewhere_is_followed_after_its_time(
        self, backend: Backend, store: StateStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        times = backend.quick
        told: list[str] = []
        with monkeypatch.context() as patch:
            patch.setattr(socket, "gethostname", lambda: "elsewhere")
            lease = lease_of(backend.open(times._replace(beat=1_000)), "eve@elsewhere")
        lease.__enter__()
        old = lease.fence
        began = time.monotonic()
        with lease_of(backend.open(times), told=told) as mine:
            assert time.monotonic() - began >= times.expiry + times.longest_request
            assert mine.fence > old
            with pytest.raises(LeaseLostError):
                lease.check(0)
        lease.__exit__()
        assert "took the lock over from eve@elsewhere" in told[-1].lower()

    def test_a_wait_for_a_holder_ends_with_ctrl_c(
        self, backend: Backend, store: StateStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(socket, "gethostname", lambda: "elsewhere")
            lease = lease_of(store, "eve")
        with lease, pytest.raises(Interrupted):
            backend.open().lease(owner="ada", told=lambda _: None, sleep=lambda _: True).__enter__()

    def test_an_owner_cannot_forge_output(self, backend: Backend, store: StateStore) -> None:
        with lease_of(store, "eve\x1b[2J\n::error::\u202e" + "x" * 10_000):
            with pytest.raises(StateError) as caught:
                lease_of(backend.open()).__enter__()
            message = caught.value.diagnostics[0].message
            assert "eve" in message
            assert message.isprintable()
            assert len(message) < 300

    @pytest.mark.parametrize("content", [b"", b"null", b"{}", b'{"fence": "1"}', b"\xff", b'{"fence": 1, "more": 2}'])
    def test_a_lock_that_cannot_be_read_is_told(self, backend: Backend, store: StateStore, content: bytes) -> None:
        backend.plant_lease(content)
        for attempt in (lambda: lease_of(backend.open()).__enter__(), lambda: put(store, "*", fence=1), store.holder):
            with pytest.raises(StateError) as caught:
                attempt()
            assert code_of(caught) == "lock-damaged"
        assert scopes(put(store, "stop")) == ["stop"]

    # History

    def test_history_tells_who_did_what_when(self, backend: Backend, store: StateStore) -> None:
        for number in range(3):
            at, words = NOW + timedelta(minutes=number), (f"{number}: a — b", "- two", "By: nobody")[: number + 1]
            state = store.read()
            change = between(state, add_stop(str(number))(state))
            what = Record(lineage="a-lineage", serial=number + 1, at=at, by=f"p{number}", what=words, delta=change)
            store.append(what, fence=None)
        update_state(store, add_stop("silent"), by="ada", at=NOW, what="")
        with lease_of(store):
            pass
        *found, first = backend.open().history()
        assert [(item.serial, item.by, item.at, item.what) for item in found] == [
            (3, "p2", NOW + timedelta(minutes=2), ("2: a — b", "- two", "By: nobody")),
            (2, "p1", NOW + timedelta(minutes=1), ("1: a — b", "- two")),
            (1, "p0", NOW, ("0: a — b",)),
        ]
        assert (first.serial, first.by, first.what) == (0, "ada", ("created the state",))

    # Damage

    def test_a_document_cut_off_anywhere_is_refused(self, backend: Backend, store: StateStore) -> None:
        whole = (STATE.model_dump_json(indent=2) + "\n").encode()
        for length in range(0, len(whole) - 2, 29):
            backend.plant_document(whole[:length])
            with pytest.raises(StateError) as caught:
                backend.open().read()
            assert code_of(caught) == "state-damaged"

    @pytest.mark.parametrize(
        ("content", "code"), DAMAGED, ids=lambda value: repr(value)[:40] if isinstance(value, bytes) else ""
    )
    def test_a_document_that_cannot_be_read_is_never_written_over(
        self, backend: Backend, store: StateStore, content: bytes, code: str
    ) -> None:
        backend.plant_document(content)
        before = backend.snapshot()
        for attempt in (
            store.read,
            lambda: store.append(record(STATE, add_stop("*")(STATE)), fence=None),
            lambda: put(backend.open(), "*"),
        ):
            with pytest.raises(StateError) as caught:
                attempt()
            assert code_of(caught) == code
            assert '"abad1dea"' not in str(caught.value)
        with pytest.raises(StateError) as caught:
            store.create(STATE, by="ada")
        assert code_of(caught) == "state-exists"
        assert backend.snapshot() == before

    def test_the_damaged_part_is_named(self, backend: Backend, store: StateStore) -> None:
        backend.plant_document(STATE.model_dump_json().replace('"serial":0', '"serial":"abad1dea"').encode())
        with pytest.raises(StateError, match="serial") as caught:
            store.read()
        assert "abad1dea" not in str(caught.value)

    @pytest.mark.parametrize(("serial", "content", "code"), BAD_RECORDS, ids=["newer", "more", "torn", "other", "gap"])
    def test_a_record_that_cannot_be_read_is_never_written_over(
        self, backend: Backend, store: StateStore, serial: int, content: bytes, code: str
    ) -> None:
        backend.plant_record(serial, content)
        before = backend.snapshot()
        for attempt in (
            store.read,
            lambda: store.append(record(STATE, add_stop("*")(STATE)), fence=None),
            lambda: put(backend.open(), "*"),
        ):
            with pytest.raises(StateError) as caught:
                attempt()
            assert code_of(caught) == code
            assert "abad1dea" not in str(caught.value)
        assert backend.snapshot() == before
