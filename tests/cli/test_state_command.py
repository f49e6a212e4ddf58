"""`state list`, `show`, `mv` and `rm`: they tell everything but the ledger key, and change nothing unasked."""

import json

import pytest
from cli.process import at_terminal
from support.world import World

from reconciler.sandbox.faults import Fault


@pytest.fixture
def started(world: World) -> World:
    world.leads("one")
    world.campaign("one", status="running")
    world.apply()
    return world


def document(world: World) -> str:
    return (world.root / ".reconciler" / "default" / "state.json").read_text()


def test_list(started: World) -> None:
    ended = started.cli("state", "list")
    assert (ended.code, ended.err) == (0, "")
    assert "one" in ended.out
    assert "running" in ended.out
    assert started.server.url in ended.out
    listed = json.loads(started.cli("state", "list", "--format", "json").out)
    assert list(listed["campaigns"]) == ["one"]


def test_what_a_run_began_and_did_not_end(started: World) -> None:
    """An answer that is lost for good leaves its intent open, and the list tells."""
    started.campaign("two")
    started.sandbox.add_fault(Fault(kind="create", action="drop"))
    assert started.cli("apply", "--auto-approve").code == 1
    listed = started.cli("state", "list").out
    assert "Begun by a run that did not end" in listed
    (line,) = [line for line in listed.splitlines() if line.startswith("two ")]
    assert line.split()[1] == "create"
    assert "process" in line
    started.sandbox.clear_faults()
    assert started.cli("apply", "--auto-approve").code == 0
    assert "Begun" not in started.cli("state", "list").out


def test_the_ledger_key_is_never_shown(started: World) -> None:
    key = json.loads(document(started))["ledgerKey"]
    assert len(key) == 64
    commands = (["list"], ["list", "--format", "json"], ["show", "one"])
    for ended in [*(started.cli("state", *command) for command in commands), started.cli("doctor")]:
        assert ended.code == 0
        assert key not in ended.text


def test_a_ledger_key_of_the_environment_is_kept_nowhere(world: World) -> None:
    world.leads("one")
    world.campaign("one", status="running")
    secret = "a key that stands in a vault"
    env = {"RECONCILER_LEDGER_KEY": secret}
    assert world.cli("state", "init", env=env).code == 0
    assert world.cli("apply", "--auto-approve", env=env).code == 0
    assert json.loads(document(world))["ledgerKey"] is None
    folder = world.root / ".reconciler"
    assert not [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    for other in (None, "another one"):
        refused = world.cli("plan", env={"RECONCILER_LEDGER_KEY": other})
        assert refused.code == 1
        assert "RECONCILER_LEDGER_KEY" in refused.err
        assert secret not in refused.text


def test_show(started: World) -> None:
    shown = json.loads(started.cli("state", "show", "one").out)
    assert (shown["managed"], shown["status"]) == (True, "running")
    started.campaign("one", status="archived")
    started.apply()
    shown = json.loads(started.cli("state", "show", "one").out)
    assert shown["managed"] is False
    unknown = started.cli("state", "show", "onee")
    assert unknown.code == 1
    assert "there is no onee in the state" in unknown.err
    assert "did you mean one?" in unknown.err


def test_mv(started: World) -> None:
    writes = started.writes()
    assert started.cli("state", "mv", "one", "new").code == 0
    (started.specs / "campaigns" / "one.yaml").unlink()
    started.campaign("new", status="running", name="Campaign one", leads={"source": "leads:one.csv"})
    assert started.cli("plan", "--detailed-exitcode").code == 0
    assert started.writes() == writes
    before = document(started)
    assert started.cli("state", "mv", "one", "other").code == 1
    assert started.cli("state", "mv", "new", "new").code == 1
    assert document(started) == before


def test_mv_takes_no_key_that_no_file_can_have(started: World) -> None:
    before = document(started)
    refused = started.cli("state", "mv", "one", "Not A Key")
    assert refused.code == 1
    assert "cannot be a key" in refused.err
    assert document(started) == before


def test_rm_asks(started: World) -> None:
    before = document(started)
    nobody = started.cli("state", "rm", "one")
    assert nobody.code == 1
    assert "no terminal" in nobody.err
    wrong = at_terminal(started, "state", "rm", "one", until="Type one to forget it:", answer=b"yes\n")
    assert wrong.code == 1
    assert "Nothing was changed." in wrong.out
    assert document(started) == before
    right = at_terminal(started, "state", "rm", "one", until="Type one to forget it:", answer=b"one\n")
    assert right.code == 0
    assert json.loads(document(started))["campaigns"] == {}


def test_rm_in_a_pipeline(started: World) -> None:
    ended = started.cli("state", "rm", "one", "--auto-approve")
    assert ended.code == 0
    assert "one is forgotten" in ended.out
    assert json.loads(document(started))["campaigns"] == {}
    assert started.cli("state", "rm", "one", "--auto-approve").code == 1
    assert started.remote("Campaign one").status == "running"
