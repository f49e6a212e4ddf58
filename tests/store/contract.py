"""What every state backend must do. A backend's tests subclass `StoreContract` and give it the fixture `backend`."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from support.examples import examples

from reconciler.diagnostics import StateConflictError, StateError
from reconciler.model.state import State, Stop
from reconciler.ports import StateStore, update_state

NOW = datetime(2026, 11, 30, 14, 2, tzinfo=UTC)
STATE = State(lineage="a-lineage", ledger_key="ab" * 32, ledger_key_id="0123abcd")

ADD_STOP = """
def add(scope):
    from reconciler.model.state import Stop
    mark = Stop(scope=scope, reason="test", at="2026-11-30T14:02:00Z", by="ada")
    return lambda state: state.model_copy(update={"stops": (*state.stops, mark)})
"""


class Backend(Protocol):
    """One place for a state, empty at first. `code` is a Python expression that opens it in another process."""

    code: str

    def open(self) -> StateStore: ...

    def document(self) -> bytes: ...

    def plant_document(self, content: bytes) -> None: ...

    def plant_blob(self, name: str, content: bytes) -> None: ...


def add_stop(scope: str) -> Callable[[State], State]:
    mark = Stop(scope=scope, reason="test", at=NOW, by="ada")
    return lambda state: state.model_copy(update={"stops": (*state.stops, mark)})


def scopes(state: State) -> list[str]:
    return sorted(mark.scope for mark in state.stops)


def code_of(caught: pytest.ExceptionInfo[StateError]) -> str:
    (item,) = caught.value.diagnostics
    assert item.hint
    return item.code


def start(code: str, *lines: str) -> "subprocess.Popen[str]":
    """Run Python in another process, with `store` opened."""
    program = f"{ADD_STOP}\nstore = {code}\n" + "\n".join(lines)
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, bufsize=1
    )


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


class StoreContract:
    """Subclass it; `backend` is a fixture of the subclass."""

    @pytest.fixture
    def store(self, backend: Backend) -> StateStore:
        store = backend.open()
        store.create(STATE)
        return store

    def test_what_was_created_is_read_by_anybody(self, backend: Backend, store: StateStore) -> None:
        assert store.read() == STATE
        assert backend.open().read() == STATE

    def test_no_state_is_not_an_empty_state(self, backend: Backend) -> None:
        for attempt in (
            lambda: backend.open().read(),
            lambda: backend.open().commit(STATE, expected_serial=0),
            lambda: update_state(backend.open(), add_stop("*")),
        ):
            with pytest.raises(StateError) as caught:
                attempt()
            assert code_of(caught) == "state-missing"
            assert "reconciler state init" in str(caught.value.diagnostics[0].hint)
        with pytest.raises(StateError):
            backend.open().read()

    def test_a_second_create_is_refused(self, backend: Backend, store: StateStore) -> None:
        before = backend.document()
        with pytest.raises(StateError) as caught:
            backend.open().create(STATE.model_copy(update={"lineage": "another"}))
        assert code_of(caught) == "state-exists"
        assert backend.document() == before

    def test_a_commit_returns_what_is_read_next(self, backend: Backend, store: StateStore) -> None:
        written = store.commit(add_stop("*")(STATE), expected_serial=0)
        assert written.serial == 1
        assert scopes(written) == ["*"]
        assert backend.open().read() == written

    @pytest.mark.parametrize("expected", [0, 2, -1])
    def test_a_commit_on_another_serial_is_refused(self, backend: Backend, store: StateStore, expected: int) -> None:
        store.commit(STATE, expected_serial=0)
        before = backend.document()
        with pytest.raises(StateConflictError) as caught:
            store.commit(add_stop("*")(STATE), expected_serial=expected)
        assert code_of(caught) == "state-conflict"
        assert backend.document() == before

    def test_a_commit_of_another_lineage_is_refused(self, backend: Backend, store: StateStore) -> None:
        before = backend.document()
        with pytest.raises(StateConflictError):
            store.commit(STATE.model_copy(update={"lineage": "another"}), expected_serial=0)
        assert backend.document() == before

    def test_of_many_commits_on_one_serial_one_wins(self, backend: Backend, store: StateStore) -> None:
        barrier = threading.Barrier(6)

        def attempt(name: str) -> str | None:
            other = backend.open()
            barrier.wait()
            try:
                other.commit(add_stop(name)(STATE), expected_serial=0)
            except StateConflictError:
                return None
            return name

        with ThreadPoolExecutor(6) as pool:
            winners = [name for name in pool.map(attempt, "abcdef") if name]
        assert len(winners) == 1
        assert scopes(store.read()) == winners

    def test_threads_lose_no_update(self, backend: Backend, store: StateStore) -> None:
        def work(worker: int) -> None:
            for turn in range(8):
                update_state(backend.open() if worker % 2 else store, add_stop(f"{worker}-{turn}"))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert scopes(store.read()) == sorted(f"{worker}-{turn}" for worker in range(4) for turn in range(8))
        assert store.read().serial == 32

    def test_processes_lose_no_update(self, backend: Backend, store: StateStore) -> None:
        writers = [
            start(
                backend.code,
                "from reconciler.ports import update_state",
                "print('ready'); input()",
                f"for turn in range(12): update_state(store, add(f'{name}-{{turn:02}}'))",
                "print('done')",
            )
            for name in "ab"
        ]
        try:
            assert [line_of(writer) for writer in writers] == ["ready", "ready"]
            for writer in writers:
                assert writer.stdin is not None
                writer.stdin.write("\n")
            for turn in range(12):
                update_state(store, add_stop(f"c-{turn:02}"))
            assert [line_of(writer) for writer in writers] == ["done", "done"]
        finally:
            for writer in writers:
                end(writer)
        assert scopes(store.read()) == [f"{name}-{turn:02}" for name in "abc" for turn in range(12)]

    def test_a_change_that_changes_nothing_writes_nothing(self, backend: Backend, store: StateStore) -> None:
        before = backend.document()
        assert update_state(store, lambda state: state) == STATE
        assert backend.document() == before

    @examples(20, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(content=st.binary(max_size=300))
    def test_a_blob_comes_back_as_it_was(self, backend: Backend, content: bytes) -> None:
        name = backend.open().put_blob(content)
        assert name == hashlib.sha256(content).hexdigest()
        assert backend.open().put_blob(content) == name
        assert backend.open().get_blob(name) == content

    def test_threads_put_the_same_blob(self, backend: Backend, store: StateStore) -> None:
        with ThreadPoolExecutor(4) as pool:
            names = set(pool.map(lambda _: backend.open().put_blob(b"x" * 100_000), range(8)))
        assert [store.get_blob(name) for name in names] == [b"x" * 100_000]

    @pytest.mark.parametrize("damage", [b"", b"half", b"whole!"])
    def test_a_damaged_blob_is_refused_and_can_be_put_again(
        self, backend: Backend, store: StateStore, damage: bytes
    ) -> None:
        name = store.put_blob(b"whole")
        backend.plant_blob(name, damage)
        with pytest.raises(StateError) as caught:
            store.get_blob(name)
        assert code_of(caught) == "blob-damaged"
        store.put_blob(b"whole")
        assert store.get_blob(name) == b"whole"

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

    def test_a_lease_names_its_holder_to_others(self, backend: Backend, store: StateStore) -> None:
        with store.lease(owner="ada@example, process 7"):
            with pytest.raises(StateError) as caught:
                backend.open().lease(owner="bob@example").__enter__()
            assert code_of(caught) == "state-locked"
            assert "ada@example, process 7" in caught.value.diagnostics[0].message
        with backend.open().lease(owner="bob@example"):
            pass

    def test_a_lease_is_not_taken_twice(self, store: StateStore) -> None:
        lease = store.lease(owner="ada")
        with lease:
            with pytest.raises(StateError) as caught:
                lease.__enter__()
            assert code_of(caught) == "state-locked"
            with pytest.raises(StateError):
                store.lease(owner="bob").__enter__()
        with lease:
            pass

    def test_a_lease_excludes_other_threads_and_can_be_given_back_by_them(
        self, backend: Backend, store: StateStore
    ) -> None:
        lease = store.lease(owner="ada")
        inside: list[str] = []

        def attempt() -> None:
            try:
                with backend.open().lease(owner="bob"):
                    inside.append("bob")
            except StateError:
                inside.append("refused")

        for act in (lease.__enter__, attempt, lease.__exit__, attempt):
            thread = threading.Thread(target=act)
            thread.start()
            thread.join()
        assert inside == ["refused", "bob"]

    def test_a_lease_is_free_after_an_error_inside(self, backend: Backend, store: StateStore) -> None:
        with pytest.raises(RuntimeError), store.lease(owner="ada"):
            raise RuntimeError
        with backend.open().lease(owner="bob"):
            pass

    def test_a_lease_excludes_other_processes_until_they_are_killed(self, backend: Backend, store: StateStore) -> None:
        holder = start(
            backend.code, "lease = store.lease(owner='holder')", "lease.__enter__()", "print('held')", "input()"
        )
        try:
            assert line_of(holder) == "held"
            with pytest.raises(StateError) as caught:
                store.lease(owner="ada").__enter__()
            assert "holder" in caught.value.diagnostics[0].message
            update_state(store, add_stop("*"))
        finally:
            end(holder)
        with store.lease(owner="ada"):
            assert scopes(store.read()) == ["*"]

    def test_an_owner_cannot_forge_output(self, backend: Backend, store: StateStore) -> None:
        with store.lease(owner="eve\x1b[2J\n::error::\u202e" + "x" * 10_000):
            with pytest.raises(StateError) as caught:
                backend.open().lease(owner="ada").__enter__()
            message = caught.value.diagnostics[0].message
            assert "eve" in message
            assert message.isprintable()
            assert len(message) < 300

    def test_a_document_cut_off_anywhere_is_refused_or_whole(self, backend: Backend, store: StateStore) -> None:
        update_state(store, add_stop("*"))
        whole, expected = backend.document(), store.read()
        for length in range(len(whole)):
            backend.plant_document(whole[:length])
            try:
                found = store.read()
            except StateError as problem:
                assert problem.diagnostics[0].code == "state-damaged"  # noqa: PT017 - most of the lengths
            else:
                assert found == expected
                assert length == len(whole) - 1

    @pytest.mark.parametrize(
        ("content", "code"),
        [
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
        ],
        ids=lambda value: repr(value)[:40] if isinstance(value, bytes) else "",
    )
    def test_a_document_that_cannot_be_read_is_never_written_over(
        self, backend: Backend, store: StateStore, content: bytes, code: str
    ) -> None:
        backend.plant_document(content)
        for attempt in (
            store.read,
            lambda: store.commit(STATE, expected_serial=0),
            lambda: update_state(store, add_stop("*")),
        ):
            with pytest.raises(StateError) as caught:
                attempt()
            assert code_of(caught) == code
            assert '"abad1dea"' not in str(caught.value)
        with pytest.raises(StateError) as caught:
            store.create(STATE)
        assert code_of(caught) == "state-exists"
        assert backend.document() == content

    def test_the_damaged_part_is_named(self, backend: Backend, store: StateStore) -> None:
        backend.plant_document(backend.document().replace(b'"serial": 0', b'"serial": "abad1dea"'))
        with pytest.raises(StateError, match="serial") as caught:
            store.read()
        assert "abad1dea" not in str(caught.value)

    def test_a_state_that_could_not_be_read_back_is_not_written(self, backend: Backend, store: StateStore) -> None:
        before = backend.document()
        with pytest.raises(ValueError, match="stops"), pytest.warns(UserWarning, match="serializ"):
            store.commit(STATE.model_copy(update={"stops": ({"scope": "*"},)}), expected_serial=0)
        assert backend.document() == before
