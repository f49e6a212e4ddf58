"""The state in a folder: the contract of every backend, and what is a folder's own."""

import contextlib
import errno
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from store.contract import StoreContract, add_stop, code_of, lease_of, named, put, record, scopes
from store.states import STATE

from reconciler.diagnostics import StateError
from reconciler.store import local
from reconciler.store.lease import Times
from reconciler.store.local import TIMES, LocalStore
from reconciler.store.records import decode_records, encode_record


class LocalBackend:
    quick = Times(beat=0.1, expiry=0.8, poll=0.05, longest_request=0.2)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code = (
            "opened(__import__('functools').partial(__import__('reconciler.store.local', fromlist=['x']).LocalStore, "
            f"__import__('pathlib').Path({str(folder)!r})), times=None)"
        )

    def open(self, times: Times | None = None) -> LocalStore:
        return LocalStore(self.folder, times=times or TIMES)

    def snapshot(self) -> object:
        return [(self.folder / name).read_bytes() for name in ("state.json", "journal.jsonl", "history.jsonl")]

    def document(self) -> bytes:
        return (self.folder / "state.json").read_bytes()

    def journal(self) -> bytes:
        return (self.folder / "journal.jsonl").read_bytes()

    def plant_document(self, content: bytes) -> None:
        (self.folder / "state.json").write_bytes(content)

    def plant_record(self, serial: int, content: bytes) -> None:
        (self.folder / "journal.jsonl").write_bytes(content)

    def plant_blob(self, name: str, content: bytes) -> None:
        (self.folder / "blobs" / name).write_bytes(content)

    def plant_lease(self, content: bytes) -> None:
        (self.folder / "lease.json").write_bytes(content)


@pytest.fixture
def backend(tmp_path: Path) -> LocalBackend:
    return LocalBackend(tmp_path / "repository" / ".reconciler" / "production")


@pytest.fixture
def store(backend: LocalBackend) -> LocalStore:
    store = backend.open()
    store.create(STATE, by="ada")
    return store


class TestLocalStore(StoreContract):
    """The contract, on a folder."""


def temporaries(folder: Path) -> list[Path]:
    return list(folder.rglob("*.tmp"))


def full(*_arguments: object, **_options: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def in_process(program: str, *, code: str) -> "subprocess.CompletedProcess[str]":
    """Run a program with `store` opened, and the tests at hand."""
    lines = f"import store.contract as c\nexec(c.PRELUDE)\nstore = {code}\n{program}"
    tests = str(Path(__file__).parent.parent)
    return subprocess.run(
        [sys.executable, "-c", lines],
        env={**os.environ, "PYTHONPATH": tests},
        capture_output=True,
        text=True,
        check=False,
    )


# Files


def test_everything_belongs_to_its_owner_alone(backend: LocalBackend, store: LocalStore) -> None:
    old = os.umask(0)
    try:
        put(store, "*")
        store.put_blob(b"steps")
        with lease_of(store):
            modes = {
                str(path.relative_to(backend.folder)): path.stat().st_mode & 0o777 for path in backend.folder.rglob("*")
            }
    finally:
        os.umask(old)
    assert modes.pop("blobs") == 0o700
    assert {"state.json", "journal.jsonl", "history.jsonl", "state.lock", "lease.json"} < set(modes)
    assert set(modes.values()) == {0o600}
    assert backend.folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_open_to_others_is_closed_on_create(backend: LocalBackend) -> None:
    backend.folder.mkdir(parents=True, mode=0o755)
    backend.open().create(STATE, by="ada")
    assert backend.folder.stat().st_mode & 0o777 == 0o700


def test_the_document_is_canonical_json(backend: LocalBackend, store: LocalStore) -> None:
    document = json.loads(backend.document())
    assert list(document) == sorted(document)
    assert document["ledgerKeyId"] == STATE.ledger_key_id
    assert backend.document() == (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()


def test_reading_writes_nothing(backend: LocalBackend) -> None:
    for attempt in (
        backend.open().read,
        backend.open().holder,
        lambda: backend.open().append(record(STATE, STATE), fence=None),
        lambda: lease_of(backend.open()),
        lambda: backend.open().unlock(by="bob"),
        backend.open().history,
    ):
        try:
            attempt()
        except StateError as problem:
            assert problem.diagnostics[0].code == "state-missing"  # noqa: PT017 - all but one of them
    assert not backend.folder.exists()


def test_each_environment_has_a_folder_of_its_own(tmp_path: Path) -> None:
    stores = [LocalStore(tmp_path / ".reconciler" / name) for name in ("default", "eu.prod")]
    for number, each in enumerate(stores):
        each.create(STATE, by="ada")
        with lease_of(each) as lease:
            put(each, str(number), fence=lease.fence)
    assert [scopes(each.read()) for each in stores] == [["0"], ["1"]]


def test_no_sign_of_a_holder_is_left_behind(backend: LocalBackend, store: LocalStore) -> None:
    holder = in_process("take(); import os; os.kill(os.getpid(), 9)", code=backend.code)
    assert holder.returncode == -signal.SIGKILL
    assert len(list(backend.folder.glob("holder-*"))) == 1
    with lease_of(store):
        assert len(list(backend.folder.glob("holder-*"))) == 2
    assert not list(backend.folder.glob("holder-*"))


def test_a_lock_that_could_not_be_given_back_is_seen_to_have_ended(
    backend: LocalBackend, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = lease_of(store)
    lease.__enter__()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        lease.__exit__()
    told: list[str] = []
    with lease_of(backend.open(), "bob", told):
        pass
    assert told == ["Took the lock over from ada, whose process has ended"]


# The system refuses


@pytest.mark.parametrize("broken", ["fsync", "replace", "open", "pwrite"])
def test_an_error_of_the_system_leaves_the_old_state(
    backend: LocalBackend, store: LocalStore, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    put(store, "before")
    before = backend.document(), backend.journal()
    attempts: list[Callable[[], object]] = [lambda: put(store, "*"), lambda: put(backend.open(), "*")]
    if broken != "pwrite":
        attempts += [
            lambda: store.put_blob(b"steps"),
            lambda: lease_of(store).__enter__(),
            lambda: LocalStore(backend.folder.parent / "other").create(STATE, by="ada"),
        ]
    if broken == "replace":
        attempts = attempts[2:]
    with monkeypatch.context() as patch:
        patch.setattr(Path if broken == "replace" else os, broken, full)
        for attempt in attempts:
            with pytest.raises(StateError, match="No space left on device") as caught:
                attempt()
            assert code_of(caught) == "state-write"
    assert (backend.document(), backend.journal()) == before
    assert temporaries(backend.folder) == []
    with pytest.raises(StateError) as caught:
        LocalStore(backend.folder.parent / "other").read()
    assert code_of(caught) == "state-missing"
    with lease_of(store):
        assert scopes(put(store, "*")) == ["*", "before"]


@pytest.mark.parametrize("room", [0, 1, 60, 600])
def test_a_disk_that_fills_up_in_the_middle_of_a_record_leaves_the_old_state(
    backend: LocalBackend, store: LocalStore, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    put(store, "before")
    pwrite, left = os.pwrite, room

    def filling(handle: int, content: bytes, at: int) -> int:
        nonlocal left
        if left <= 0:
            full()
        written = pwrite(handle, content[:left], at)
        left -= written
        return written

    before = backend.journal()
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", filling)
        with pytest.raises(StateError):
            put(store, "x" * 300)
        patch.setattr(os, "ftruncate", full)
        left = room
        with pytest.raises(StateError):
            put(store, "y" * 300)
    assert backend.journal()[: len(before)] == before
    for other in (store, backend.open()):
        assert scopes(other.read()) == ["before"]
    assert scopes(put(store, "after")) == ["after", "before"]
    assert scopes(backend.open().read()) == ["after", "before"]
    assert decode_records(backend.journal(), place="here").whole == len(backend.journal())


def test_a_write_in_small_pieces_is_whole(
    backend: LocalBackend, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda handle, content, at: pwrite(handle, content[:7], at))
    put(store, "a")
    assert scopes(backend.open().read()) == ["a"]


def test_a_file_that_cannot_grow_leaves_the_old_state(backend: LocalBackend, store: LocalStore) -> None:
    """The operating system itself refuses half-way: the limit on file sizes lies inside the record."""
    before = backend.snapshot()
    done = in_process(
        """
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
try:
    put("*")
except StateError as problem:
    print(problem.diagnostics[0].code)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
""",
        code=backend.code,
    )
    assert (done.stdout, done.stderr) == ("state-write\n", "")
    assert backend.snapshot() == before
    assert temporaries(backend.folder) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for attempt in (
        lambda: LocalStore(tmp_path / "file" / "production").create(STATE, by="ada"),
        lambda: LocalStore(tmp_path / "file" / "production").put_blob(b"steps"),
    ):
        with pytest.raises(StateError) as caught:
            attempt()
        assert code_of(caught) == "state-write"


def test_what_cannot_be_opened_is_not_missing(backend: LocalBackend, store: LocalStore) -> None:
    name = store.put_blob(b"steps")
    put(store, "*")
    attempts: list[tuple[Path, Callable[[], object]]] = [
        (backend.folder / "blobs" / name, lambda: store.get_blob(name)),
        (backend.folder / "history.jsonl", store.history),
        (backend.folder / "journal.jsonl", lambda: backend.open().read()),
        (backend.folder / "state.json", store.read),
    ]
    for path, attempt in attempts:
        path.unlink()
        path.mkdir()
        with pytest.raises(StateError) as caught:
            attempt()
        assert code_of(caught) == "state-unreadable"


def test_a_journal_that_is_gone_is_a_damage(backend: LocalBackend, store: LocalStore) -> None:
    """Without it the document would be taken for the state: whoever was written to since would be forgotten."""
    put(store, "*")
    (backend.folder / "journal.jsonl").unlink()
    for attempt in (store.read, backend.open().read, lambda: put(backend.open(), "x")):
        with pytest.raises(StateError) as caught:
            attempt()
        assert code_of(caught) == "journal-damaged"


def test_a_create_that_died_half_way_can_be_made_again(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = local.replace_durably

    def dying(path: Path, content: bytes) -> None:
        if path.name == "state.json":
            full()
        replace(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(local, "replace_durably", dying)
        with pytest.raises(StateError):
            backend.open().create(STATE, by="ada")
    backend.open().create(STATE, by="ada")
    assert backend.open().read() == STATE


# A power cut


def test_an_append_cut_off_at_any_byte_never_was(backend: LocalBackend, store: LocalStore) -> None:
    put(store, "first")
    before, known = backend.journal(), store.read()
    put(store, "second")
    whole, after = backend.journal(), store.read()
    for length in range(len(before), len(whole)):
        for rest in (b"", b"\0" * 40, b"\0" * 40 + b"\n", b"\xff" * (len(whole) - length)):
            (backend.folder / "journal.jsonl").write_bytes(whole[:length] + rest)
            fresh = backend.open()
            assert fresh.read() == (after if rest.startswith(b"\n") else known)
    (backend.folder / "journal.jsonl").write_bytes(whole[:-9] + b"\0" * 9)
    fresh = backend.open()
    assert scopes(put(fresh, "third")) == ["first", "third"]
    assert backend.open().read() == fresh.read()


def test_a_byte_that_changed_before_whole_records_is_a_damage(backend: LocalBackend, store: LocalStore) -> None:
    for number in range(3):
        put(store, f"{number}")
    whole = backend.journal()
    second = whole.index(b"\n") + 1
    for at in (0, 20, second - 1, second, second + 30):
        (backend.folder / "journal.jsonl").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(StateError) as caught:
            backend.open().read()
        assert code_of(caught) == "journal-damaged"


MOMENTS = 25
"""More calls of the system than a compaction makes."""


class Died(BaseException):
    """The process is gone: nothing that cleans up after it does anything either."""


@pytest.mark.parametrize("last", range(MOMENTS))
def test_a_compaction_that_dies_anywhere_loses_nothing(
    backend: LocalBackend, store: LocalStore, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """Each call of the system that it makes is the last one, in turn."""
    name = store.put_blob(b"steps")
    for number in range(3):
        put(store, f"{number}")
    expected, calls = store.read(), 0

    def dying(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls > last:
                raise Died
            return function(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for place, what in ((os, "open"), (os, "fsync"), (os, "pwrite"), (Path, "replace"), (Path, "unlink")):
            patch.setattr(place, what, dying(getattr(place, what)))
        with contextlib.suppress(Died):
            store.compact()
    assert calls <= last or last < MOMENTS - 1
    fresh = backend.open()
    assert fresh.read() == expected
    assert [item.what[0] for item in fresh.history()] == ["2 added", "1 added", "0 added", "created the state"]
    assert fresh.get_blob(name) == b"steps"
    assert scopes(put(fresh, "3")) == ["0", "1", "2", "3"]
    fresh.compact()
    assert backend.journal() == b""
    assert temporaries(backend.folder) == []
    assert [item.serial for item in backend.open().history()] == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("last", range(MOMENTS))
def test_a_sweep_that_dies_anywhere_is_finished_by_the_next_one(
    backend: LocalBackend, store: LocalStore, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """Each call of the system that it makes is the last one, in turn; what is named is there whatever happens."""
    other = backend.open()
    names = [other.put_blob(b"%d" % number) for number in range(4)]
    kept = store.put_blob(b"kept")
    named(store, kept)
    begun = backend.folder / "blobs" / f"{names[0]}.1.2.tmp"
    begun.write_bytes(b"0")
    calls = 0

    def dying(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls > last:
                raise Died
            return function(*arguments, **options)

        return call

    with lease_of(store) as lease:
        with monkeypatch.context() as patch:
            for place, what in ((os, "fsync"), (os, "pwrite"), (Path, "replace"), (Path, "unlink")):
                patch.setattr(place, what, dying(getattr(place, what)))
            with contextlib.suppress(Died):
                store.sweep(fence=lease.fence)
        assert calls <= last or last < MOMENTS - 1
        fresh = backend.open()
        assert fresh.get_blob(fresh.read().suppressed[0]) == b"kept"
        fresh.sweep(fence=lease.fence)
        # Former names of blobs are hashes of what was in them: they go, too.
        assert backend.journal() == b""
    assert [path.name for path in (backend.folder / "blobs").iterdir()] == [kept]


def test_what_cannot_be_removed_is_told(
    backend: LocalBackend, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.open().put_blob(b"never")
    with lease_of(store) as lease, monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", full)
        with pytest.raises(StateError, match="could not be removed from") as caught:
            store.sweep(fence=lease.fence)
    assert code_of(caught) == "state-write"


def test_who_is_in_the_middle_of_writing_a_blob_notices_a_sweep(
    backend: LocalBackend, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, replace = backend.open(), Path.replace
    store.put_blob(b"makes the folder")

    def swept(self: Path, target: Path) -> Path:
        if target.parent.name == "blobs":
            monkeypatch.setattr(Path, "replace", replace)
            store.sweep(fence=lease.fence)
        return replace(self, target)

    with lease_of(store) as lease:
        monkeypatch.setattr(Path, "replace", swept)
        name = writer.put_blob(b"steps")
    assert backend.open().get_blob(name) == b"steps"


def test_a_compaction_on_a_full_disk_is_left_for_later(
    backend: LocalBackend, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_SMALLEST_COMPACTION", 100)
    with monkeypatch.context() as patch:
        patch.setattr(local, "replace_durably", full)
        for number in range(4):
            put(store, f"{number}")
    assert len(scopes(backend.open().read())) == 4
    put(store, "4")
    assert backend.journal() == b""
    assert len(scopes(backend.open().read())) == 5


def test_the_journal_is_folded_when_it_outgrows_the_document_and_at_the_end(
    backend: LocalBackend, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_SMALLEST_COMPACTION", 2_000)
    watcher, sizes = backend.open(), []
    with lease_of(store) as lease:
        for number in range(40):
            put(store, f"{number:02}", fence=lease.fence)
            assert len(scopes(watcher.read())) == number + 1
            sizes.append(len(backend.journal()))
        assert sizes.count(0) > 1
        assert max(sizes) < 20_000
    assert backend.journal() == b""
    assert watcher.read() == backend.open().read() == store.read()
    assert [item.serial for item in watcher.history()] == list(range(40, -1, -1))


@pytest.mark.parametrize("goes_on", [False, True])
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("moment", range(1, 7))
def test_a_reader_in_the_middle_of_a_compaction_is_not_misled(
    backend: LocalBackend,
    store: LocalStore,
    monkeypatch: pytest.MonkeyPatch,
    moment: int,
    *,
    known: bool,
    goes_on: bool,
) -> None:
    """Another process folds the journal in, and may go on, between any two looks of this one at the files."""
    reader, looks = backend.open(), 0
    if known:
        reader.read()
    put(store, "before")

    def watched(look: Callable[..., object]) -> Callable[..., object]:
        def watch(*arguments: object) -> object:
            nonlocal looks
            looks += 1
            if looks == moment:
                store.compact()
                if goes_on:
                    put(store, "after")
            return look(*arguments)

        return watch

    for name in ("_sign", "_whole", "_document_bytes", "_caught_up"):
        monkeypatch.setattr(reader, name, watched(getattr(reader, name)))
    assert "before" in scopes(reader.read())
    assert reader.read() == store.read()


def test_another_journal_of_the_same_length_is_noticed(backend: LocalBackend, store: LocalStore) -> None:
    """What was read may have been taken back: its record was cut off by a full disk, and another one written."""
    put(store, "seen")
    reader = backend.open()
    assert scopes(reader.read()) == ["seen"]
    mark = add_stop("else")(STATE)
    (backend.folder / "journal.jsonl").write_bytes(encode_record(record(STATE, mark)).ljust(len(backend.journal())))
    whole = encode_record(record(STATE, mark))
    (backend.folder / "journal.jsonl").write_bytes(whole)
    assert scopes(reader.read()) == ["else"]


@pytest.mark.parametrize("moment", ["os.fsync", "pathlib.Path.replace"])
def test_a_crash_before_the_new_file_is_in_place_leaves_the_old_one(
    backend: LocalBackend, store: LocalStore, moment: str
) -> None:
    put(store, "before")
    before = backend.document(), backend.journal()
    module, _, name = moment.rpartition(".")
    program = f"""
import os, pathlib, signal
{module}.{name} = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
store.compact()
"""
    assert in_process(program, code=backend.code).returncode == -signal.SIGKILL
    assert (backend.document(), backend.journal()) == before
    assert scopes(put(store, "again")) == ["again", "before"]
    store.compact()
    assert temporaries(backend.folder) == []


def test_what_is_written_is_durable_in_its_folder_too(
    backend: LocalBackend, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rename survives a power cut only once the folder is written as well; an append needs its file alone."""
    seen: list[tuple[bool, int]] = []

    def watched(handle: int) -> None:
        found = os.fstat(handle)
        seen.append((stat.S_ISDIR(found.st_mode), found.st_ino))

    monkeypatch.setattr(os, "fsync", watched)
    put(store, "*")
    name = store.put_blob(b"steps")
    store.compact()
    places = [(False, "journal.jsonl"), (False, f"blobs/{name}"), (True, "blobs")]
    places += [(False, "history.jsonl"), (False, "state.json"), (True, ""), (False, "journal.jsonl"), (True, "")]
    journal = seen[0][1]
    found = [(folder, (backend.folder / path).stat().st_ino) for folder, path in places]
    assert seen == [(False, journal), *found[1:]]


# The rest


def test_a_writer_that_hangs_is_told(backend: LocalBackend, store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
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
            put(store, "*")
        assert code_of(caught) == "state-busy"
    finally:
        leave.set()
        thread.join()
    assert store.read() == STATE


def test_folding_the_journal_waits_for_nobody(
    backend: LocalBackend, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be done at any later time, and a run that could not even begin ends with it, too."""
    monkeypatch.setattr(local, "_PATIENCE_TO_COMPACT", 0.05)
    put(store, "*")
    before = backend.journal()
    with LocalStore(backend.folder)._locked():
        began = time.monotonic()
        store.compact()
        assert time.monotonic() - began < 5
    assert backend.journal() == before
    store.compact()
    assert backend.journal() == b""


def test_an_append_costs_what_it_changes(backend: LocalBackend, store: LocalStore) -> None:
    """However large the state is, and however often it is read: the document is neither written nor read again."""
    for number in range(200):
        put(store, f"{number}" * 20)
    document, size = (backend.folder / "state.json").stat(), len(backend.journal())
    put(store, "a")
    assert (backend.folder / "state.json").stat().st_mtime_ns == document.st_mtime_ns
    assert len(backend.journal()) > size


def test_importing_the_store_loads_no_lock_library() -> None:
    program = "import sys, reconciler.store.local; print('filelock' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
