"""The state in a folder: the contract of every backend, and what is a folder's own."""

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from store.contract import STATE, StoreContract, add_stop, code_of, scopes

from reconciler.diagnostics import StateError
from reconciler.ports import StateStore, update_state
from reconciler.store import local
from reconciler.store.local import LocalStore


class LocalBackend:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code = (
            f"__import__('reconciler.store.local', fromlist=['LocalStore']).LocalStore("
            f"__import__('pathlib').Path({str(folder)!r}))"
        )

    def open(self) -> StateStore:
        return LocalStore(self.folder)

    def document(self) -> bytes:
        return (self.folder / "state.json").read_bytes()

    def plant_document(self, content: bytes) -> None:
        (self.folder / "state.json").write_bytes(content)

    def plant_blob(self, name: str, content: bytes) -> None:
        (self.folder / "blobs" / name).write_bytes(content)


@pytest.fixture
def backend(tmp_path: Path) -> LocalBackend:
    return LocalBackend(tmp_path / "repository" / ".reconciler" / "production")


@pytest.fixture
def store(backend: LocalBackend) -> StateStore:
    store = backend.open()
    store.create(STATE)
    return store


def temporaries(folder: Path) -> list[Path]:
    return list(folder.rglob("*.tmp"))


class TestLocalStore(StoreContract):
    """The contract, on a folder."""


def test_everything_belongs_to_its_owner_alone(backend: LocalBackend, store: StateStore) -> None:
    old = os.umask(0)
    try:
        update_state(store, add_stop("*"))
        store.put_blob(b"steps")
        with store.lease(owner="ada"):
            modes = {
                str(path.relative_to(backend.folder)): path.stat().st_mode & 0o777 for path in backend.folder.rglob("*")
            }
    finally:
        os.umask(old)
    assert modes.pop("blobs") == 0o700
    assert {"state.json", "state.lock", "apply.lock", "apply.owner"} < set(modes)
    assert set(modes.values()) == {0o600}
    assert backend.folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_open_to_others_is_closed_on_create(backend: LocalBackend) -> None:
    backend.folder.mkdir(parents=True, mode=0o755)
    backend.open().create(STATE)
    assert backend.folder.stat().st_mode & 0o777 == 0o700


def test_the_document_is_canonical_json(backend: LocalBackend, store: StateStore) -> None:
    document = json.loads(backend.document())
    assert list(document) == sorted(document)
    assert document["ledgerKeyId"] == STATE.ledger_key_id
    assert backend.document().endswith(b"}\n")
    assert store.commit(store.read(), expected_serial=0).serial == 1
    assert (
        backend.document().replace(b'"serial": 1', b'"serial": 0')
        == (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
    )


def test_reading_writes_nothing(backend: LocalBackend) -> None:
    with pytest.raises(StateError):
        backend.open().read()
    with pytest.raises(StateError):
        backend.open().commit(STATE, expected_serial=0)
    with pytest.raises(StateError) as caught:
        backend.open().lease(owner="ada")
    assert code_of(caught) == "state-missing"
    assert not backend.folder.exists()


def test_a_lease_leaves_no_name_behind(backend: LocalBackend, store: StateStore) -> None:
    with store.lease(owner="ada"):
        assert (backend.folder / "apply.owner").read_text() == "ada"
    assert not (backend.folder / "apply.owner").exists()


def test_a_holder_who_is_not_named_is_told_as_such(backend: LocalBackend, store: StateStore) -> None:
    with store.lease(owner="ada"):
        (backend.folder / "apply.owner").unlink()
        with pytest.raises(StateError, match="not known"):
            backend.open().lease(owner="bob").__enter__()


@pytest.mark.parametrize("broken", ["fsync", "replace", "open"])
def test_an_error_of_the_system_leaves_the_old_state(
    backend: LocalBackend, store: StateStore, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    before = backend.document()

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*{"fsync": (os, "fsync"), "replace": (Path, "replace"), "open": (os, "open")}[broken], full)
        for attempt in (
            lambda: store.commit(add_stop("*")(STATE), expected_serial=0),
            lambda: store.put_blob(b"steps"),
            lambda: store.lease(owner="ada").__enter__(),
            lambda: LocalStore(backend.folder.parent / "other").create(STATE),
        ):
            with pytest.raises(StateError, match="No space left on device") as caught:
                attempt()
            assert code_of(caught) == "state-write"
    assert backend.document() == before
    assert temporaries(backend.folder) == []
    with pytest.raises(StateError) as caught:
        LocalStore(backend.folder.parent / "other").read()
    assert code_of(caught) == "state-missing"
    with store.lease(owner="ada"):
        assert scopes(update_state(store, add_stop("*"))) == ["*"]


def test_a_file_that_cannot_grow_leaves_the_old_state(backend: LocalBackend, store: StateStore) -> None:
    """The operating system itself refuses half-way: the limit on file sizes lies inside the document."""
    before = backend.document()
    program = f"""
import resource
from store.contract import STATE, add_stop
from reconciler.diagnostics import StateError
store = {backend.code}
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
try:
    store.commit(add_stop("*")(STATE), expected_serial=0)
except StateError as problem:
    print(problem.diagnostics[0].code)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
"""
    tests = str(Path(__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": tests},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("state-write\n", "")
    assert backend.document() == before
    assert temporaries(backend.folder) == []


def test_a_lease_that_could_not_name_its_owner_is_free(
    backend: LocalBackend, store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is kept alive, so that no garbage collection gives the lock back instead."""

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(StateError) as caught:
            store.lease(owner="ada").__enter__()
    with backend.open().lease(owner="bob"):
        assert code_of(caught) == "state-write"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for attempt in (
        lambda: LocalStore(tmp_path / "file" / "production").create(STATE),
        lambda: LocalStore(tmp_path / "file" / "production").put_blob(b"steps"),
    ):
        with pytest.raises(StateError) as caught:
            attempt()
        assert code_of(caught) == "state-write"


def test_what_cannot_be_opened_is_not_missing(backend: LocalBackend, store: StateStore) -> None:
    name = store.put_blob(b"steps")
    (backend.folder / "state.json").unlink()
    (backend.folder / "state.json").mkdir()
    (backend.folder / "blobs" / name).unlink()
    (backend.folder / "blobs" / name).mkdir()
    for attempt in (store.read, lambda: store.get_blob(name)):
        with pytest.raises(StateError) as caught:
            attempt()
        assert code_of(caught) == "state-unreadable"


@pytest.mark.parametrize("moment", ["os.fsync", "pathlib.Path.replace"])
def test_a_crash_before_the_new_file_is_in_place_leaves_the_old_one(
    backend: LocalBackend, store: StateStore, moment: str
) -> None:
    update_state(store, add_stop("before"))
    before = backend.document()
    module, _, name = moment.rpartition(".")
    program = f"""
import os, pathlib, signal
from store.contract import add_stop
from reconciler.ports import update_state
store = {backend.code}
{module}.{name} = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
update_state(store, add_stop("after"))
"""
    tests = str(Path(__file__).parent.parent)
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": tests}, check=False)
    assert done.returncode == -9
    assert backend.document() == before
    assert len(temporaries(backend.folder)) == 1
    assert scopes(update_state(store, add_stop("again"))) == ["again", "before"]
    assert temporaries(backend.folder) == []


def test_a_writer_that_hangs_is_told(backend: LocalBackend, store: StateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_LOCK_TIMEOUT", 0.05)
    entered, leave = threading.Event(), threading.Event()

    def hang() -> None:
        with LocalStore(backend.folder)._locked():
            entered.set()
            leave.wait(20)

    thread = threading.Thread(target=hang)
    thread.start()
    try:
        assert entered.wait(20)
        with pytest.raises(StateError) as caught:
            update_state(store, add_stop("*"))
        assert code_of(caught) == "state-busy"
    finally:
        leave.set()
        thread.join()
    assert store.read() == STATE


def test_a_write_is_durable_in_its_folder_too(
    backend: LocalBackend, store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rename survives a power cut only once the folder is written as well."""
    seen: list[tuple[bool, int]] = []

    def watched(handle: int) -> None:
        found = os.fstat(handle)
        seen.append((stat.S_ISDIR(found.st_mode), found.st_ino))

    monkeypatch.setattr(os, "fsync", watched)
    update_state(store, add_stop("*"))
    name = store.put_blob(b"steps")
    inodes = [(False, backend.folder / "state.json"), (True, backend.folder)]
    inodes += [(False, backend.folder / "blobs" / name), (True, backend.folder / "blobs")]
    assert seen == [(folder, path.stat().st_ino) for folder, path in inodes]


def test_importing_the_store_loads_no_lock_library() -> None:
    program = "import sys, reconciler.store.local; print('filelock' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
