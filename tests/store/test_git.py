"""The state in a ref of a remote: the contract of every backend, and what is git's own."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from store.contract import (
    NOW,
    StoreContract,
    add_stop,
    code_of,
    end,
    lease_of,
    line_of,
    named,
    put,
    record,
    say,
    scopes,
    start,
)
from store.gitworld import REF, GitBackend, git
from store.states import STATE

from reconciler.diagnostics import StateConflictError, StateError
from reconciler.model.state import CampaignState, State
from reconciler.ports import Lease, Swept, update_state
from reconciler.store import git as gitstore
from reconciler.store import gitrepo, gitview
from reconciler.store.git import GitStore
from reconciler.store.gitrepo import Repository

MEMORY = "refs/reconciler-seen/origin/reconciler/acme"


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of the machine, and nobody who could be the author of a commit."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{name}_NAME", raising=False)
        monkeypatch.delenv(f"GIT_{name}_EMAIL", raising=False)


@pytest.fixture
def backend(tmp_path: Path) -> GitBackend:
    return GitBackend(tmp_path / "git")


@pytest.fixture
def store(backend: GitBackend) -> GitStore:
    store = backend.open()
    store.create(STATE, by="ada")
    return store


class TestGitStore(StoreContract):
    """The contract, on a ref."""


# Clones of every kind


def state_of(clone: Path) -> dict[str, object]:
    """Return everything of a clone that is its user's."""
    folder = clone / ".git"
    files = {name: (folder / name).read_bytes() for name in ("index", "config", "HEAD")}
    refs = [line for line in git(clone, "for-each-ref").splitlines() if MEMORY not in line]
    others = [(folder / name).exists() for name in ("FETCH_HEAD", "shallow", "ORIG_HEAD")]
    return {**files, "refs": refs, "others": others, "status": git(clone, "status", "--porcelain", "--ignored")}


def test_what_is_the_user_s_stays_untouched(backend: GitBackend) -> None:
    (backend.clone / "specs" / "file").write_text("changed\n")
    (backend.clone / "new").write_text("")
    git(backend.clone, "add", "new")
    before = state_of(backend.clone)
    store = backend.open()
    store.create(STATE, by="ada")
    other = backend.another("other")
    put(backend.open(clone=other), "theirs")
    assert git(other, "rev-parse", "--is-shallow-repository") == "false\n"
    with lease_of(store) as lease:
        store.put_blob(b"steps")
        put(store, "ours", fence=lease.fence)
    list(store.history())
    assert state_of(backend.clone) == before
    assert git(backend.clone, "rev-parse", "--is-shallow-repository") == "false\n"
    assert git(backend.remote, "for-each-ref", "--format=%(refname)").split() == ["refs/heads/main", REF]


def test_a_shallow_clone_brings_no_more_than_it_needs(
    backend: GitBackend, store: GitStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gitstore, "_CHUNK", 2)
    for number in range(5):
        put(store, f"a{number}")
    clone = backend.another("shallow", "--depth=1")
    main = git(clone, "rev-list", "--count", "HEAD")
    shallow = backend.open(clone=clone)
    assert len(scopes(shallow.read())) == 5
    assert git(clone, "rev-list", "--count", MEMORY) == "1\n"
    put(store, "later")
    assert "later" in scopes(shallow.read())
    put(shallow, "from here")
    assert "from here" in scopes(store.read())
    told = backend.open(clone=clone).history()
    assert next(iter(told)).what == ("from here added",)
    assert int(git(clone, "rev-list", "--count", MEMORY)) < backend.commits()
    assert [item.serial for item in shallow.history()] == [7, 6, 5, 4, 3, 2, 1, 0]
    assert (git(clone, "rev-list", "--count", "HEAD"), main) == ("1\n", "1\n")


def test_a_shallow_clone_sees_a_rewritten_history(backend: GitBackend, store: GitStore) -> None:
    shallow = backend.open(clone=backend.another("shallow", "--depth=1"))
    old = backend.head()
    put(store, "a")
    assert scopes(shallow.read()) == ["a"]
    git(backend.remote, "update-ref", REF, old)
    put(backend.open(clone=backend.another("other")), "b")
    with pytest.raises(StateError) as caught:
        shallow.read()
    assert code_of(caught) == "state-rewritten"


@pytest.mark.parametrize("kind", ["worktree", "detached", "subfolder", "partial"])
def test_it_works_from(backend: GitBackend, store: GitStore, kind: str) -> None:
    store.put_blob(b"steps")
    put(store, "first")
    folder = backend.clone
    if kind == "worktree":
        git(backend.clone, "worktree", "add", "--quiet", "--detach", "../tree")
        folder = backend.folder / "tree"
    elif kind == "detached":
        git(backend.clone, "checkout", "--quiet", "--detach", "HEAD~1")
    elif kind == "subfolder":
        folder = backend.clone / "specs"
    else:
        git(backend.remote, "config", "uploadpack.allowFilter", "true")
        folder = backend.another("partial", "--filter=blob:none")
    other = backend.open(clone=folder)
    with lease_of(other) as lease:
        assert scopes(put(other, "second", fence=lease.fence)) == ["first", "second"]
        assert "ada" in str(other.holder())
        assert other.get_blob(store.put_blob(b"steps")) == b"steps"
    assert scopes(store.read()) == ["first", "second"]


def test_a_repository_of_long_names(tmp_path: Path) -> None:
    backend = GitBackend(tmp_path / "long", form="sha256")
    store = backend.open()
    store.create(STATE, by="ada")
    name = store.put_blob(b"steps")
    put(store, "a")
    assert len(backend.head()) == 64
    assert backend.open().get_blob(name) == b"steps"
    put(backend.open(), "b")
    assert scopes(store.read()) == ["a", "b"]
    git(backend.remote, "fsck", "--strict")


def test_the_repository_stays_sound(backend: GitBackend, store: GitStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gitview, "SMALLEST_COMPACTION", 1_500)
    git(backend.remote, "config", "receive.fsckObjects", "true")
    shallow = backend.open(clone=backend.another("shallow", "--depth=1"))
    with lease_of(store, "eve <e@x>\n\nfrom zero") as lease:
        for number in range(6):
            store.put_blob(b"%d" % number)
            put(store, f"{number}", fence=lease.fence)
            put(shallow, f"{number} shallow\x00\n\ncommitter x")
    for folder in (backend.remote, backend.clone, backend.folder / "shallow"):
        assert not [line for line in git(folder, "fsck", "--strict", "--full").splitlines() if "dangling" not in line]
    log = git(backend.remote, "log", "--format=%H|%P|%an <%ae>|%cn <%ce>", REF).splitlines()
    parents = [line.split("|")[1] for line in log]
    assert parents == [*(line.split("|")[0] for line in log[1:]), ""]
    assert {tuple(line.split("|")[2:]) for line in log} == {("reconciler <reconciler@localhost>",) * 2}


# What a write costs


def test_one_append_is_one_push_and_a_read_is_none(backend: GitBackend, store: GitStore) -> None:
    backend.hook("post-receive", "cat >> pushes")
    pushes = backend.remote / "pushes"
    lease = lease_of(store)
    counts, blobs = [], []
    for act in (
        lease.__enter__,
        lambda: [store.put_blob(b"%d" % number) for number in range(20)],
        lambda: put(store, "a", fence=lease.fence),
        store.read,
        store.holder,
        lambda: list(store.history()),
        lambda: lease.check(1),
        lease.__exit__,
    ):
        act()
        counts.append(len(pushes.read_text().splitlines()))
        blobs.append(len([path for path in backend.files() if path.startswith("blobs/")]))
    assert counts == [1, 1, 2, 2, 2, 2, 2, 3]
    assert store._pending == {}
    assert blobs == [0, 0, *[20] * 5, 0], "the state speaks of none of them"


def test_nothing_is_written_again_that_did_not_change(backend: GitBackend, store: GitStore) -> None:
    contents = [b"%d" % number * 1_000 for number in range(30)]
    for content in contents:
        store.put_blob(content)
    put(store, "a")
    before, files = objects(backend), backend.files()
    for other in (store, backend.open(), backend.open(clone=backend.another("other"))):
        for content in contents:
            other.put_blob(content)
        put(other, str(other))
    # Each time a commit, the tree, the tree of the journal, and the record.
    assert objects(backend) - before == 3 * 4
    assert {path: oid for path, oid in backend.files().items() if path in files} == files


def blobs_of(backend: GitBackend) -> set[str]:
    return {path.rpartition("/")[2] for path in backend.files() if path.startswith("blobs/")}


def with_ledger(store: GitStore, lease: Lease, *contents: bytes) -> tuple[str, ...]:
    """Let the state have a campaign with these segments."""
    names = tuple(store.put_blob(content) for content in contents)
    entry = CampaignState(id="camp_1", name="n", file="x.yaml", status="draft", steps_digest="d", ledger=names)

    def change(state: State) -> State:
        return state.with_campaign("one", entry)

    update_state(store, change, by="ada", at=NOW, what="x", fence=lease.fence)
    return names


def test_blobs_that_nobody_speaks_of_go_from_the_newest_tree(backend: GitBackend, store: GitStore) -> None:
    """Whoever has seen them can still read them; and one that comes back is there again, for every clone."""
    with lease_of(store) as lease:
        old = with_ledger(store, lease, b"a", b"b")
        assert blobs_of(backend) == {*old}
    reader, writer = backend.open(), backend.open(clone=backend.another("writer"))
    for other in (reader, writer):
        assert other.read().campaigns["one"].ledger == old
        assert other.get_blob(old[0]) == b"a"
    with lease_of(store) as lease:
        new = with_ledger(store, lease, b"ab")
        assert blobs_of(backend) == {*old, *new}, "a run that is under way may be about to speak of any"
    assert blobs_of(backend) == {*new}
    assert [reader.get_blob(name) for name in (*old, *new)] == [b"a", b"b", b"ab"]
    with lease_of(writer) as lease:
        with_ledger(writer, lease, b"b", b"ab")
    assert blobs_of(backend) == {old[1], *new}
    fresh = backend.open(clone=backend.another("fresh", "--depth=1"))
    assert [fresh.get_blob(name) for name in fresh.read().campaigns["one"].ledger] == [b"b", b"ab"]


def test_a_blob_that_goes_while_it_is_stored_again_is_written(backend: GitBackend, store: GitStore) -> None:
    """`suppress` needs no lock: what it found in the tree may be gone by the time its record is pushed."""
    with lease_of(store) as lease:
        old = with_ledger(store, lease, b"a")
    other = backend.open(clone=backend.another("other"))
    other.read()
    assert other.put_blob(b"a") == old[0]
    with lease_of(store) as lease:
        with_ledger(store, lease, b"b")
    assert old[0] not in blobs_of(backend)
    update_state(
        other,
        lambda state: state.model_copy(update={"suppressed": old}),
        by="eve",
        at=NOW,
        what="suppressed",
        fence=None,
    )
    assert old[0] in blobs_of(backend)


def objects(backend: GitBackend) -> int:
    return len(git(backend.remote, "cat-file", "--batch-all-objects", "--batch-check").splitlines())


def test_the_journal_is_folded_when_it_outgrows_the_document_and_at_the_end(
    backend: GitBackend, store: GitStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gitview, "SMALLEST_COMPACTION", 3_000)
    watcher, lengths = backend.open(clone=backend.another("watcher")), []
    with lease_of(store) as lease:
        for number in range(25):
            put(store, f"{number:02}", fence=lease.fence)
            lengths.append(len([path for path in backend.files() if path.startswith("journal/")]))
            if number % 7 == 0:
                assert len(scopes(watcher.read())) == number + 1
        assert 0 in lengths[1:]
        assert 1 < max(lengths) < 20
        put(store, "last", fence=lease.fence)
        assert "journal/000000000026" in backend.files()
    assert not [path for path in backend.files() if path.startswith("journal/")]
    assert len(scopes(watcher.read())) == len(scopes(backend.open().read())) == 26
    assert len(list(watcher.history())) == 27


def test_what_is_known_is_not_read_again(backend: GitBackend, store: GitStore, monkeypatch: pytest.MonkeyPatch) -> None:
    other = backend.open(clone=backend.another("other"))
    other.read()
    decoded, asked = [], []
    contents = Repository.contents
    monkeypatch.setattr(gitview, "decode", lambda data, *, place: decoded.append(place))
    monkeypatch.setattr(
        Repository, "contents", lambda self, oids: contents(self, asked.append(list(oids)) or asked[-1])
    )
    for number in range(3):
        put(store, f"{number}")
        assert len(scopes(other.read())) == number + 1
        other.read()
    assert decoded == []
    assert [len(oids) for oids in asked] == [1, 1, 1]


def test_what_this_clone_has_seen_is_not_brought_again(
    backend: GitBackend, store: GitStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "a")

    def fetch(_repository: Repository) -> str:
        raise AssertionError("nothing is new")

    monkeypatch.setattr(Repository, "fetch", fetch)
    assert scopes(backend.open().read()) == ["a"]


def test_threads_share_one_look_at_the_remote(
    backend: GitBackend, store: GitStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    head = Repository.head

    def slow(self: Repository) -> str | None:
        looks.append(time.monotonic())
        time.sleep(0.2)
        return head(self)

    monkeypatch.setattr(Repository, "head", slow)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: store.read().serial, range(8))) == {0}
    assert len(looks) == 2
    put(backend.open(), "theirs")
    assert scopes(store.read()) == ["theirs"]


# Several writers


def test_clones_lose_no_update(backend: GitBackend, store: GitStore) -> None:
    clones = [backend.clone, backend.another("second"), backend.another("third", "--depth=1")]
    codes = [backend.code.replace(str(backend.clone), str(clone)) for clone in clones]
    writers = [
        start(code, "print('ready'); input()", f"for turn in range(4): put(f'{name}{{turn}}')", "print('done')")
        for code, name in zip(codes, "abc", strict=True)
    ]
    try:
        assert [line_of(writer) for writer in writers] == ["ready"] * 3
        for writer in writers:
            say(writer)
        for turn in range(4):
            put(store, f"d{turn}")
        assert [line_of(writer) for writer in writers] == ["done"] * 3
    finally:
        for writer in writers:
            end(writer)
    assert scopes(store.read()) == [f"{name}{turn}" for name in "abcd" for turn in range(4)]


def test_of_two_who_push_the_same_one_is_told(
    backend: GitBackend, store: GitStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same record on the same state in the same second: without a nonce both would push one commit, and be glad."""
    monkeypatch.setattr(gitrepo.time, "time", lambda: 1_800_000_000)
    stores = [backend.open(), backend.open(clone=backend.another("other"))]
    for each in stores:
        each.read()
    same, barrier = record(STATE, add_stop("a")(STATE)), threading.Barrier(2)

    def attempt(each: GitStore) -> bool:
        barrier.wait()
        try:
            each.append(same, fence=None)
        except StateConflictError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(attempt, stores)) == [False, True]
    assert backend.commits() == 2


def test_who_only_shows_signs_of_life_makes_no_conflict(backend: GitBackend, store: GitStore) -> None:
    other = backend.open(clone=backend.another("other"))
    assert other.read() == STATE
    with lease_of(store):
        other.append(record(STATE, add_stop("stop")(STATE)), fence=None)
    assert scopes(store.read()) == ["stop"]


def test_a_dead_holder_of_another_clone_is_not_taken_for_ended(backend: GitBackend, store: GitStore) -> None:
    """From here its process cannot be seen: it may run in another container of this machine."""
    other = backend.open(clone=backend.another("other"))
    holder = start(backend.code, "lease = take()", "print('held')", "input()")
    try:
        assert line_of(holder) == "held"
    finally:
        end(holder)
    assert "ended" in str(store.holder())
    assert "ended" not in str(other.holder())
    with pytest.raises(StateError, match="holder"):
        lease_of(other).__enter__()


# A remote that does not answer as needed


def test_a_push_that_is_refused_once_is_tried_again(backend: GitBackend, store: GitStore) -> None:
    backend.hook("pre-receive", "test -e refused || { touch refused; echo no luck >&2; exit 1; }")
    put(store, "a")
    assert (backend.remote / "refused").exists()
    assert scopes(backend.open().read()) == ["a"]
    assert backend.commits() == 2


def test_a_push_that_is_always_refused_is_told_in_the_words_of_the_remote(backend: GitBackend, store: GitStore) -> None:
    words = "protected: ask https://bob:s3cret@host.example/x or bob@host.example"
    backend.hook("pre-receive", f"echo '{words}' >&2; exit 1")
    before = backend.head()
    name = store.put_blob(b"steps")
    with pytest.raises(StateError, match="protected: ask … or …") as caught:
        put(store, "a")
    assert code_of(caught) == "state-remote"
    assert "Nothing was written" in str(caught.value.diagnostics[0].hint)
    assert "s3cret" not in str(caught.value.diagnostics)
    assert backend.head() == before
    (backend.remote / "hooks" / "pre-receive").unlink()
    assert scopes(put(store, "b")) == ["b"]
    assert backend.open().get_blob(name) == b"steps"


def test_a_remote_that_is_away_is_told_and_may_come_back(backend: GitBackend, store: GitStore) -> None:
    away = backend.remote.rename(backend.folder / "away")
    name = store.put_blob(b"steps")
    for attempt in (
        store.read,
        lambda: store.append(record(STATE, add_stop("a")(STATE)), fence=None),
        lambda: backend.open().read(),
        lambda: backend.open().create(STATE, by="bob"),
        store.holder,
        lambda: lease_of(store).__enter__(),
    ):
        with pytest.raises(StateError) as caught:
            attempt()
        assert code_of(caught) == "state-remote"
        assert "git ls-remote origin" in str(caught.value.diagnostics[0].hint)
    away.rename(backend.remote)
    put(store, "b")
    assert scopes(backend.open().read()) == ["b"]
    assert backend.open().get_blob(name) == b"steps"


def test_a_remote_that_comes_back_in_time_is_not_even_noticed(backend: GitBackend, store: GitStore) -> None:
    away = backend.remote.rename(backend.folder / "away")
    patient = GitStore(backend.clone, remote="origin", ref=REF, pauses=(0.2, 0.5, 1, 2, 4))
    away.rename(backend.remote)
    patient.read()
    away = backend.remote.rename(backend.folder / "away")
    timer = threading.Timer(0.5, lambda: away.rename(backend.remote))
    timer.start()
    patient.append(record(STATE, add_stop("a")(STATE)), fence=None)
    timer.join()
    assert scopes(store.read()) == ["a"]


@pytest.fixture
def wrapped(backend: GitBackend, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a program in front of git, in sh, with `real`, the arguments, and a folder to leave things in."""
    real = shutil.which("git")

    def wrap(lines: str) -> Path:
        folder = backend.folder / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "git"
        program.write_text(f'#!/bin/sh\nreal={real}; cd_to={folder}\n{lines}\nexec $real "$@"\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return folder

    return wrap


ONCE = 'case " $* " in *" push "*) if mkdir $cd_to/once 2>/dev/null; then {}; fi;; esac'


@pytest.mark.parametrize(
    "death",
    [
        '$real "$@"; kill -9 $$',
        "kill -9 $$",
        '$real "$@" > /dev/null 2>&1; exit 1',
        "echo fatal: the remote end hung up unexpectedly >&2; exit 128",
    ],
    ids=["died after", "died before", "failed after", "failed before"],
)
def test_a_push_whose_end_is_unclear_is_cleared_up(
    backend: GitBackend, store: GitStore, wrapped: Callable[[str], Path], death: str
) -> None:
    folder = wrapped(ONCE.format(death))
    put(store, "a")
    assert (folder / "once").exists()
    assert backend.commits() == 2
    put(store, "b")
    assert scopes(backend.open().read()) == ["a", "b"]


def test_a_push_after_which_somebody_else_pushed_counts(
    backend: GitBackend, store: GitStore, wrapped: Callable[[str], Path]
) -> None:
    """The ref is neither the old nor the new commit; what was pushed is part of its history."""
    other = backend.another("other")
    theirs = backend.folder / "theirs.py"
    program = f"{backend.code!r}".replace(str(backend.clone), str(other))
    theirs.write_text(f"import store.contract as c; exec(c.PRELUDE); store = eval({program}); put('theirs')")
    python, tests = sys.executable, Path(__file__).parent.parent
    meanwhile = f'$real "$@"; PATH=/usr/bin:/bin PYTHONPATH={tests} {python} {theirs}; exit 1'
    wrapped(ONCE.format(meanwhile))
    put(store, "ours")
    assert scopes(store.read()) == ["ours", "theirs"]
    assert backend.commits() == 3


def test_where_nobody_can_tell_how_a_push_ended_it_is_said(
    backend: GitBackend, store: GitStore, wrapped: Callable[[str], Path]
) -> None:
    store.read()
    what = record(STATE, add_stop("a")(STATE))
    folder = wrapped(
        'case " $* " in *" push "*) $real "$@"; touch $cd_to/away; exit 1;; *" ls-remote "*) '
        "test -e $cd_to/away && exit 128;; esac"
    )
    with pytest.raises(StateError, match="not known whether it was") as caught:
        store.append(what, fence=None)
    assert code_of(caught) == "state-remote"
    wrapped("")
    (folder / "away").unlink()
    with pytest.raises(StateConflictError):
        store.append(what, fence=None)
    assert scopes(store.read()) == ["a"]


def test_a_call_that_takes_too_long_is_ended_with_all_it_started(
    backend: GitBackend, store: GitStore, wrapped: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = wrapped('case " $* " in *" ls-remote "*) sleep 60 & echo $! > $cd_to/pid; wait;; esac')
    monkeypatch.setattr(gitrepo, "NETWORK", 0.5)
    with pytest.raises(StateError, match="took too long") as caught:
        store.read()
    assert code_of(caught) == "state-remote"
    process = Path(f"/proc/{(folder / 'pid').read_text().strip()}")
    for _ in range(100):
        if not process.exists() or " Z " in (process / "stat").read_text():
            break
        time.sleep(0.02)
    else:
        raise AssertionError("it still runs")


def test_a_push_that_takes_too_long_may_have_been_carried_out(
    backend: GitBackend, store: GitStore, wrapped: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.read()
    wrapped('case " $* " in *" push "*) sleep 60;; esac')
    monkeypatch.setattr(gitrepo, "NETWORK", 0.7)
    with pytest.raises(StateError, match="not known whether it was after all: it took too long"):
        store.append(record(STATE, add_stop("a")(STATE)), fence=None)


# A history that somebody rewrote


def test_a_rewritten_history_is_refused_and_left_as_it_is(backend: GitBackend, store: GitStore) -> None:
    first = backend.head()
    put(store, "a")
    seen = backend.head()
    git(backend.remote, "update-ref", REF, first)
    for attempt in (store.read, lambda: put(backend.open(), "b"), lambda: put(store, "b")):
        with pytest.raises(StateError) as caught:
            attempt()
        assert code_of(caught) == "state-rewritten"
        assert backend.head() == first
        assert git(backend.clone, "rev-parse", MEMORY).strip() == seen
    other = backend.open(clone=backend.another("other"))
    put(other, "c")
    with pytest.raises(StateError, match="rewritten"):
        backend.open().read()
    hint = str(caught.value.diagnostics[0].hint)
    for command in (part for part in hint.split("`") if part.startswith("git update-ref")):
        git(backend.clone, *command.split()[1:])
    assert scopes(backend.open().read()) == ["c"]


# A history that is begun anew on purpose


def forget(store: GitStore) -> Swept:
    with lease_of(store) as lease:
        swept = store.sweep(fence=lease.fence, forget_history=True)
        lease.check(1)
        return swept


def reachable(folder: Path, ref: str = REF) -> set[str]:
    """Return the contents of everything that a ref leads to, by git's names of them."""
    return {line.split()[0] for line in git(folder, "rev-list", "--objects", ref).splitlines()}


def test_the_history_has_what_was_swept_away_until_it_is_forgotten(backend: GitBackend, store: GitStore) -> None:
    named(store, store.put_blob(b"a secret"))
    named(store, store.put_blob(b"no secret"))
    secret, other = (git(backend.clone, "hash-object", "--stdin", given=text) for text in (b"a secret", b"no secret"))
    with lease_of(store) as lease:
        swept = store.sweep(fence=lease.fence)
    assert swept.blobs == 1
    assert "history" in str(swept.former)
    assert "--forget-history" in str(swept.hint)
    assert secret.strip() not in backend.files().values()
    assert secret.strip() in reachable(backend.remote)
    swept = forget(store)
    assert (swept.blobs, "git gc --prune=now" in str(swept.hint)) == (0, True)
    assert secret.strip() not in reachable(backend.remote)
    assert other.strip() in reachable(backend.remote)
    git(backend.clone, "gc", "--quiet", "--prune=now")
    assert secret.strip() not in git(backend.clone, "cat-file", "--batch-all-objects", "--batch-check")
    git(backend.remote, "fsck", "--strict")


def test_former_names_of_blobs_go_with_them(backend: GitBackend, store: GitStore) -> None:
    """They are hashes of what was in them, and the journal has them."""
    put(store, "a")
    with lease_of(store) as lease:
        assert store.sweep(fence=lease.fence).blobs == 0
        assert not [path for path in backend.files() if path.startswith("journal/")]


def test_clones_of_every_kind_go_on_from_a_history_begun_anew(backend: GitBackend, store: GitStore) -> None:
    clones = [backend.another("full"), backend.another("shallow", "--depth=1"), backend.another("late")]
    others = [backend.open(clone=clone) for clone in clones]
    put(store, "a")
    for other in others[:2]:
        assert scopes(other.read()) == ["a"]
    assert others[2].read().serial == 1
    put(store, "b")
    forget(store)
    assert scopes(others[0].read()) == ["a", "b"]
    assert scopes(put(others[1], "c")) == ["a", "b", "c"]
    forget(others[0])
    with lease_of(others[2]) as lease:
        put(others[2], "d", fence=lease.fence)
    for reader in (store, *others, *(backend.open(clone=clone) for clone in clones)):
        assert scopes(reader.read()) == ["a", "b", "c", "d"]
        told = [item.what[0] for item in reader.history()]
        anew = "forgot the history before"
        assert told == ["d added", anew, "c added", anew, "b added", "a added", "created the state"]


def test_a_history_begun_anew_and_rewritten_since_is_refused(backend: GitBackend, store: GitStore) -> None:
    """Only what came before it is taken to be part of it."""
    other = backend.open(clone=backend.another("other"))
    forget(store)
    anew = backend.head()
    put(store, "a")
    assert scopes(other.read()) == ["a"]
    git(backend.remote, "update-ref", REF, anew)
    for attempt in (store.read, other.read, lambda: put(backend.open(), "b")):
        with pytest.raises(StateError) as caught:
            attempt()
        assert code_of(caught) == "state-rewritten"


def test_a_history_without_a_parent_that_nobody_began_anew_is_refused(backend: GitBackend, store: GitStore) -> None:
    put(store, "a")
    tree = git(backend.remote, "rev-parse", f"{REF}^{{tree}}").strip()
    text = git(backend.remote, "log", "-1", "--format=%B", REF)
    root = git(backend.remote, "commit-tree", "-m", text, tree).strip()
    git(backend.remote, "update-ref", REF, root)
    with pytest.raises(StateError) as caught:
        store.read()
    assert code_of(caught) == "state-rewritten"


def test_what_is_written_while_the_history_is_begun_anew_is_part_of_it(
    backend: GitBackend, store: GitStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, other = GitStore._told, backend.open(clone=backend.another("other"))

    def slow(self: GitStore, newest: str) -> object:
        found = list(told(self, newest))
        monkeypatch.setattr(GitStore, "_told", told)
        named(other, other.put_blob(b"theirs"))
        put(other, "theirs")
        return found

    monkeypatch.setattr(GitStore, "_told", slow)
    forget(store)
    fresh = backend.open()
    assert scopes(fresh.read()) == ["theirs"]
    assert [fresh.get_blob(name) for name in fresh.read().suppressed] == [b"theirs"]
    assert "theirs added" in [item.what[0] for item in fresh.history()]
    assert scopes(put(other, "more")) == ["more", "theirs"]


def test_a_remote_that_lets_no_history_begin_anew_is_told(backend: GitBackend, store: GitStore) -> None:
    put(store, "a")
    backend.hook("pre-receive", "read old new ref; git merge-base --is-ancestor $old $new || { echo no >&2; exit 1; }")
    with pytest.raises(StateError, match="could not be written") as caught:
        forget(store)
    assert code_of(caught) == "state-remote"
    assert scopes(put(backend.open(), "b")) == ["a", "b"]


def test_a_state_that_is_gone_is_not_missing(backend: GitBackend, store: GitStore) -> None:
    put(store, "a")
    git(backend.remote, "update-ref", "-d", REF)
    for attempt in (store.read, lambda: backend.open().read(), lambda: backend.open().create(STATE, by="bob")):
        with pytest.raises(StateError) as caught:
            attempt()
        assert code_of(caught) == "state-gone"
    (command,) = [part for part in str(caught.value.diagnostics[0].hint).split("`") if part.startswith("git push")]
    git(backend.clone, *command.split()[1:])
    assert scopes(backend.open().read()) == ["a"]


def test_what_was_seen_can_be_forgotten(backend: GitBackend, store: GitStore) -> None:
    put(store, "a")
    git(backend.clone, "update-ref", "-d", MEMORY)
    assert scopes(backend.open().read()) == ["a"]
    git(backend.clone, "update-ref", "-d", MEMORY)
    assert scopes(put(store, "b")) == ["a", "b"]
    assert scopes(put(backend.open(), "c")) == ["a", "b", "c"]


def test_a_ref_that_holds_something_else_is_no_state(backend: GitBackend) -> None:
    git(backend.remote, "update-ref", REF, "refs/heads/main")
    with pytest.raises(StateError, match="no state") as caught:
        backend.open().read()
    assert code_of(caught) == "state-damaged"
    with pytest.raises(StateError) as caught:
        backend.open().create(STATE, by="ada")
    assert code_of(caught) == "state-exists"


# What git is given, and what of it is shown


@pytest.mark.parametrize("address", ["https://bob:s3cret@127.0.0.1:9/x.git", "https://s3cret@127.0.0.1:9/x.git"])
def test_no_message_holds_a_password(backend: GitBackend, store: GitStore, address: str) -> None:
    git(backend.clone, "config", "remote.origin.url", address)
    for attempt in (store.read, lambda: put(store, "a"), lambda: backend.open().create(STATE, by="ada")):
        with pytest.raises(StateError) as caught:
            attempt()
        assert code_of(caught) == "state-remote"
        told = f"{caught.value} {caught.value.diagnostics}"
        assert "s3cret" not in told
        assert "bob" not in told


def test_no_secret_and_no_terminal_is_given_to_git(
    backend: GitBackend, store: GitStore, wrapped: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADTERRA_API_KEY", "sk_live_x")
    monkeypatch.setenv("RECONCILER_LEDGER_KEY", "k")
    monkeypatch.setenv("RECONCILER_GIT_TOKEN", "ghs_x")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    folder = wrapped("env >> $cd_to/env; ps -o sid= $$ >> $cd_to/sessions")
    put(store, "a")
    given = (folder / "env").read_text().splitlines()
    assert "GIT_TERMINAL_PROMPT=0" in given
    assert not [line for line in given if "sk_live_x" in line or "RECONCILER_LEDGER_KEY" in line or "ghs_x" in line]
    assert not [line for line in given if line.startswith(("GIT_DIR=", "GIT_INDEX_FILE="))]
    assert str(os.getsid(0)) not in (folder / "sessions").read_text().split()


def test_hooks_of_the_clone_are_not_run(backend: GitBackend, store: GitStore) -> None:
    ran = backend.folder / "ran"
    for name in ("pre-push", "reference-transaction", "post-checkout"):
        hook = backend.clone / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {ran}\nexit 1\n")
        hook.chmod(0o755)
    put(store, "a")
    assert scopes(backend.open().read()) == ["a"]
    assert not ran.exists()


def test_settings_of_the_user_make_no_difference(backend: GitBackend, store: GitStore) -> None:
    for name, value in (
        ("push.default", "nothing"),
        ("push.followTags", "true"),
        ("push.gpgSign", "true"),
        ("commit.gpgSign", "true"),
        ("fetch.prune", "true"),
        ("remote.origin.prune", "true"),
        ("remote.origin.fetch", "+refs/*:refs/remotes/all/*"),
        ("fetch.showForcedUpdates", "false"),
        ("core.quotePath", "true"),
        ("color.ui", "always"),
        ("fastimport.unpackLimit", "1"),
        ("i18n.logOutputEncoding", "latin1"),
    ):
        git(backend.clone, "config", "--add", name, value)
    git(backend.clone, "tag", "--annotate", "--message", "t", "v1")
    put(backend.open(clone=backend.another("other")), "ü")
    before = backend.head()
    git(backend.remote, "tag", "theirs", REF)
    put(store, "a")
    assert git(backend.clone, "tag") == "v1\n"
    git(backend.remote, "tag", "--delete", "theirs")
    assert [item.what for item in backend.open().history()][:2] == [("a added",), ("ü added",)]
    assert "refs/tags" not in git(backend.remote, "for-each-ref")
    git(backend.remote, "update-ref", REF, f"{before}^")
    with pytest.raises(StateError, match="rewritten"):
        store.read()


def test_no_repository_no_remote_and_no_git_are_told(
    backend: GitBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    git(backend.clone, "init", "--quiet", "--bare", "evil")
    for folder, remote in ((tmp_path, "origin"), (backend.clone, "upstream"), (backend.clone, "evil")):
        with pytest.raises(StateError) as caught:
            GitStore(folder, remote=remote, ref=REF).create(STATE, by="ada")
        found.append(code_of(caught))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StateError) as caught:
        backend.open().read()
    assert [*found, code_of(caught)] == ["state-git", "state-no-remote", "state-no-remote", "state-git"]
