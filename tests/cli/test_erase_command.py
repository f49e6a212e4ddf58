"""`state erase`: nothing here remembers a person any more, told in counts, asked once, finished by the same command."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cli.process import at_terminal
from support import ready as program
from support.examples import SOAK, TODAY
from support.scene import git
from support.world import Ended, Recorder, World, person

from reconciler import wiring
from reconciler.leads.ledger import address_hash
from reconciler.session import Session
from reconciler.upkeep import create_state, suppress

REF = "refs/reconciler/acme"
KILLED = -9


@pytest.fixture(params=["local", "git"])
def ready(world: World, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> World:
    """Make a world on either backend: a campaign that runs, one that was let go, and somebody suppressed in between."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    if request.param == "git":
        git("init", "-q", "--bare", str(world.root.parent / "remote.git"))
        git("init", "-q", str(world.root))
        git("-C", str(world.root), "remote", "add", "origin", str(world.root.parent / "remote.git"))
    policy = {"recontact": {"mode": "allow"}}
    world.workspace(workspace="acme", state={"backend": request.param}, policy=policy)
    create_state(session(world), by="test")
    world.leads("gone", rows=[person("one", 0), person("gone", 1)])
    gone = world.campaign("gone", status="running")
    apply(world)
    world.campaign("gone", status="archived")
    apply(world)
    gone.unlink()
    world.leads("one", 4)
    world.campaign("one", status="running")
    apply(world)
    suppress(session(world), [address(0)], by="test", told=print)
    return world


def apply(world: World) -> None:
    _, report = session(world).apply(targets=(), approve=lambda _plan: True, sink=Recorder(), owner="test")
    assert report is not None
    assert {item.outcome.value for item in report.results} == {"done"}


def done(ended: Ended) -> Ended:
    assert ended.code == 0, ended.text
    return ended


def address(number: int, key: str = "one") -> str:
    return person(key, number)["email"]


def erase(world: World, *addresses: str, options: tuple[str, ...] = ()) -> Ended:
    text = "".join(f"{item}\n" for item in addresses)
    return world.cli("state", "erase", "--auto-approve", *options, stdin=text)


def session(world: World) -> Session:
    return Session(world.place, world.settings)


def hash_of(world: World, text: str) -> bytes:
    return address_hash(wiring.ledger_key(session(world).store.read(), world.settings), text)


def in_git(world: World) -> bool:
    return (world.root.parent / "remote.git").exists()


def newest(world: World) -> bytes:
    """Return all that the state keeps now, with names: the files of its folder, or the newest tree of its ref."""
    if not in_git(world):
        files = [path for path in (world.root / ".reconciler").rglob("*") if path.is_file()]
        return b"\n".join(path.name.encode() + path.read_bytes() for path in files)
    command = ["git", "-C", str(world.root.parent / "remote.git"), "archive", "--format=tar", REF]
    return subprocess.run(command, check=True, capture_output=True).stdout


def test_a_person_goes_from_everywhere(ready: World) -> None:
    hashes = [hash_of(ready, address(number)) for number in range(4)]
    before = newest(ready)
    assert all(item in before for item in hashes)
    blobs = session(ready).store.read().blobs
    ready.leads("one", rows=[person("one", number) for number in range(1, 4)])
    ended = erase(ready, address(0).upper(), "nobody@example.com", address(0))
    assert ended.code == 0, ended.text
    words, files = ended.out.splitlines()[:2]
    assert words == (
        "2 people: 2 entries removed from 2 campaigns, 1 from the suppression list kept here, 1 person not known here."
    )
    assert files == "3 files of the state removed."
    after = newest(ready)
    assert hashes[0] not in after
    assert all(item in after for item in hashes[1:])
    assert hash_of(ready, address(1, "gone")) in after
    # The name of a blob is a hash of what was in it: with the ledger key, an address can be tried against it.
    assert not [name for name in blobs - session(ready).store.read().blobs if name.encode() in after]
    assert "example.com" not in ended.text
    assert "erased 2 people" in ready.cli("history").out
    entry = session(ready).store.read().campaigns["one"]
    assert entry.expected_enrolled == 4
    assert ready.cli("plan", "--detailed-exitcode").code == 0


def test_a_second_time_changes_nothing(ready: World) -> None:
    erase(ready, address(0))
    state = session(ready).store.read()
    again = erase(ready, address(0), address(9))
    assert again.code == 0
    assert again.out.splitlines()[0] == "2 people: not known here."
    assert "removed" not in again.out
    assert session(ready).store.read() == state


def test_what_the_history_of_git_still_has_is_told_and_can_be_forgotten(ready: World) -> None:
    (blob,) = session(ready).store.read().suppressed
    ended = erase(ready, address(0))
    forgotten = erase(ready, address(0), options=("--forget-history",))
    assert forgotten.code == 0, forgotten.text
    if not in_git(ready):
        assert "history" not in ended.out
        assert "There is no history to forget" in forgotten.out
        return
    assert f"history of {REF} of the remote origin still has the former versions" in ended.out.replace("The h", "h")
    assert "--forget-history" in ended.out
    assert "git gc --prune=now" in forgotten.out
    assert blob not in git("-C", str(ready.root.parent / "remote.git"), "rev-list", "--objects", REF)
    told = ready.cli("history").out
    assert "erased 1 person" in told
    assert "created the state" in told
    assert ready.cli("plan", "--detailed-exitcode").code == 2


def test_lists_that_still_have_them_are_named_before(ready: World) -> None:
    """Then they are new here, and not to Leadterra: nobody is enrolled twice, and the counts stay right."""
    ready.campaign("two", leads={"source": "leads:nowhere.csv"})
    ended = erase(ready, address(0), address(1))
    assert ended.code == 0
    assert "On the list of one: 2 of 2." in ended.err
    assert "Not at hand, so not looked at: the list of two." in ended.err
    assert "Not suppressed from here: 1 of 2." in ended.err
    assert "reconciler suppress" in ended.err
    (ready.specs / "campaigns" / "two.yaml").unlink()
    plan = json.loads(ready.cli("plan", "--format", "json").out)
    assert plan["summary"]["newRecipients"] == 2
    done(ready.cli("apply", "--auto-approve"))
    campaign = ready.remote("Campaign one")
    assert len(ready.sandbox.leads(campaign.id)) == 4
    sent = [message.email for message in ready.sandbox.messages(campaign.id) if message.step == 0]
    assert sorted(sent) == sorted(set(sent))
    assert session(ready).store.read().campaigns["one"].expected_enrolled == 4
    assert ready.cli("plan", "--detailed-exitcode").code == 0


def test_it_is_asked_once_with_the_number(ready: World) -> None:
    (ready.root / "who.txt").write_text(f"{address(0)}\n{address(1)}\n")
    state = session(ready).store.read()
    question = "Type 2 to erase 2 people from the state, for good:"
    no = at_terminal(ready, "state", "erase", "who.txt", until=question, answer=b"yes\n")
    assert no.code == 1
    assert "Nothing was done." in no.out
    assert session(ready).store.read() == state
    yes = at_terminal(ready, "state", "erase", "who.txt", until=question, answer=b"2\n")
    assert yes.code == 0, yes.out
    assert "3 entries removed from 2 campaigns" in yes.out
    nobody = ready.cli("state", "erase", stdin=f"{address(2)}\n")
    assert (nobody.code, "--auto-approve" in nobody.err) == (1, True)
    assert hash_of(ready, address(2)) in b"".join(map(session(ready).store.get_blob, ledger(ready)))


def ledger(world: World) -> tuple[str, ...]:
    return session(world).store.read().campaigns["one"].ledger


def test_what_is_no_address_is_told_and_nothing_is_done(ready: World) -> None:
    state = session(ready).store.read()
    (ready.root / "a.txt").write_text(f"{address(0)}\nzachary at example.com\n")
    ended = ready.cli("state", "erase", "a.txt", "b.txt", "--auto-approve")
    assert ended.code == 1
    assert "a.txt:2" in ended.err
    assert "b.txt could not be read" in ended.err
    assert "zachary" not in ended.text
    nobody = erase(ready, "# nobody")
    assert (nobody.code, "there is no address to erase" in nobody.err) == (1, True)
    assert session(ready).store.read() == state


def test_it_needs_no_valid_files_and_says_what_it_could_not_look_at(ready: World) -> None:
    (ready.specs / "campaigns" / "one.yaml").write_bytes(b"\xff{{[")
    ended = erase(ready, address(0))
    assert ended.code == 0, ended.text
    assert "campaigns whose files have errors were not looked at" in ended.err
    assert "2 entries removed" in ended.out


def test_it_takes_the_lock(ready: World) -> None:
    state = session(ready).store.read()
    with session(ready).lease("somebody@elsewhere"):
        ended = erase(ready, address(0))
    assert ended.code == 1
    assert "somebody@elsewhere" in ended.err
    assert session(ready).store.read() == state


def test_without_the_ledger_key_nobody_can_be_found(world: World) -> None:
    world.campaign("one", status="running")
    world.leads("one")
    env = {"RECONCILER_LEDGER_KEY": "a key that stands in a vault"}
    for command in (("state", "init"), ("apply", "--auto-approve")):
        done(world.cli(*command, env=env))
    refused = erase(world, address(0))
    assert (refused.code, "RECONCILER_LEDGER_KEY" in refused.err) == (1, True)
    ended = world.cli("state", "erase", "--auto-approve", stdin=address(0), env=env)
    assert "1 person: 1 entry removed from 1 campaign." in ended.out


def test_in_the_sandbox(world: World) -> None:
    world.campaign("one", status="running")
    world.leads("one")
    done(world.cli("apply", "--sandbox", "--auto-approve"))
    ended = world.cli("state", "erase", "--sandbox", "--auto-approve", stdin=address(0))
    assert ended.out.splitlines()[0] == "1 person: 1 entry removed from 1 campaign."


def killed(world: World, *arguments: str, **traps: object) -> int:
    """Run it in a process that dies as it is told to; return how it ended."""
    with (world.root / "who.txt").open("rb") as given, Path("/dev/null").open("wb") as nothing:
        streams = [given.fileno(), nothing.fileno(), nothing.fileno()]
        return program.start(arguments, cwd=world.root, environ=world.environ, streams=streams, traps=traps).wait(60)


def test_killed_at_any_boundary_the_same_command_finishes_it(ready: World, tmp_path: Path) -> None:
    """Whatever it left, the state is whole, and when it has come to its end nothing of them is there."""
    command = ("state", "erase", "--auto-approve")
    folder, remote = ready.root / ".reconciler", ready.root.parent / "remote.git"
    kept = tmp_path / "kept"
    if in_git(ready):
        head = git("-C", str(remote), "rev-parse", REF)
    else:
        shutil.copytree(folder, kept)
    (ready.root / "who.txt").write_text(f"{address(0)}\n{address(1)}\n")
    hashes = [hash_of(ready, address(number)) for number in range(2)]
    # Every third boundary, others each day, and all with `make soak`.
    stride = 1 if SOAK else 3
    boundary, ended = TODAY % stride + 1 - stride, KILLED
    while ended == KILLED:
        boundary += stride
        if in_git(ready):
            git("-C", str(remote), "update-ref", REF, head)
            git("-C", str(ready.root), "update-ref", f"refs/reconciler-seen/origin/{REF[5:]}", head)
        else:
            shutil.rmtree(folder)
            shutil.copytree(kept, folder)
        ended = killed(ready, *command, kill_at=boundary)
        state = session(ready).store.read()
        steps = {entry.steps_digest for entry in state.campaigns.values()}
        assert all(session(ready).store.get_blob(name) for name in state.blobs - steps)
        assert killed(ready, *command) == 0, boundary
        after = newest(ready)
        assert not any(item in after for item in hashes), boundary
        assert hash_of(ready, address(2)) in after
    assert ended == 0
    assert boundary > 8
