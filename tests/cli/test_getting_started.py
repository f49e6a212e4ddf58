"""The first hour: init, new, validate, schema, doctor, import and the sandbox, each in a process of its own."""

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from cli.process import finished, running
from support.world import REPOSITORY, Ended, World


@pytest.fixture
def fresh(world: World) -> World:
    """Take the folders away: what is left is an empty one, and a server."""
    shutil.rmtree(world.specs)
    return world


@pytest.mark.parametrize("git", [False, True], ids=["plain", "git"])
def test_init_makes_what_the_next_commands_need(fresh: World, git: bool) -> None:  # noqa: FBT001 - a parameter
    if git:
        subprocess.run(["git", "init", "--quiet"], cwd=fresh.root, check=True)
    ended = fresh.cli("init")
    assert (ended.code, ended.err) == (0, "")
    assert "reconciler validate" in ended.out
    assert fresh.cli("validate").out == "1 campaign is valid.\n"
    plan = fresh.cli("plan", "--sandbox")
    assert plan.code == 0
    assert "1 draft created" in plan.out
    assert fresh.cli("apply", "--sandbox", "--auto-approve").code == 0
    assert fresh.cli("plan", "--sandbox", "--detailed-exitcode").code == 0
    assert fresh.kinds() == []
    ignored = (fresh.root / ".gitignore").read_text().splitlines()
    assert ignored.count(".reconciler/") == 1
    if git:
        shown = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=all"],
            cwd=fresh.root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert ".reconciler" not in shown
        assert "specs/workspace.yaml" in shown


def test_init_again_overwrites_nothing(fresh: World) -> None:
    (fresh.root / ".gitignore").write_text("*.pyc\n.reconciler/")
    assert fresh.cli("init").code == 0
    written = {path: path.read_bytes() for path in fresh.root.rglob("*") if path.is_file()}
    ended = fresh.cli("init")
    assert ended.code == 1
    assert "has campaigns already; nothing was written" in ended.err
    assert {path: path.read_bytes() for path in fresh.root.rglob("*") if path.is_file()} == written
    assert (fresh.root / ".gitignore").read_text().splitlines().count(".reconciler/") == 1


def test_state_init_writes_the_lineage_and_keeps_the_rest(world: World) -> None:
    path = world.specs / "workspace.yaml"
    before = "# our rules\nworkspace: acme   # the name\npolicy:\n  timezone: Europe/Berlin # here\n"
    path.write_text(before)
    ended = world.cli("state", "init")
    assert ended.code == 0
    text = path.read_text()
    assert text.startswith(before)
    state = json.loads((world.root / ".reconciler" / "default" / "state.json").read_text())
    assert yaml.safe_load(text)["state"] == {"lineage": state["lineage"]}
    again = world.cli("state", "init")
    assert again.code == 1
    assert path.read_text() == text


def test_the_local_state_is_for_its_owner_only(world: World) -> None:
    assert world.cli("state", "init").code == 0
    folder = world.root / ".reconciler" / "default"
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "state.json").stat().st_mode & 0o077 == 0


def test_new_writes_a_file_that_is_valid_as_it_stands(world: World) -> None:
    ended = world.cli("new", "vp-sales.q4_2")
    assert ended.code == 0
    assert "specs/campaigns/vp-sales.q4_2.yaml" in ended.out
    assert world.cli("validate").out == "1 campaign is valid.\n"
    assert world.cli("new", "vp-sales.q4_2").code == 1
    for key in ("Bad Key", "../../etc", "", "ä"):
        refused = world.cli("new", key)
        assert refused.code == 1
        assert "cannot be a key" in refused.err
    assert [path.name for path in world.root.rglob("*.yaml")] == ["vp-sales.q4_2.yaml"]


def test_what_the_system_refuses_is_told_as_such(world: World) -> None:
    (world.specs / "campaigns").rmdir()
    (world.specs / "campaigns").write_text("a file")
    ended = world.cli("new", "one")
    assert ended.code == 1
    assert "specs/campaigns: file exists" in ended.err


def test_an_environment_that_is_not_there(world: World) -> None:
    world.campaign("one")
    for command in (("validate",), ("plan",), ("plan", "--no-refresh")):
        ended = world.cli(*command, "--env", "prod")
        assert ended.code == 1
        assert "prod" in ended.err
    outside = world.cli("state", "init", "--env", "../../elsewhere")
    assert outside.code == 1
    assert not list(world.root.parent.glob("elsewhere*"))


def test_environments_have_states_of_their_own(world: World) -> None:
    world.campaign("one")
    world.workspace(environments={"prod": {"overrides": {"name": "In production"}}})
    assert world.cli("state", "init").code == 0
    assert world.cli("state", "init", "--env", "prod", "--auto-approve").code == 0
    assert world.cli("apply", "--auto-approve", "--env", "prod").code == 0
    assert [item.name for item in world.sandbox.campaigns()] == ["In production"]
    assert world.cli("state", "show", "one").code == 1
    assert world.cli("state", "show", "one", "--env", "prod").code == 0


def test_schema_writes_and_checks(tmp_path: Path, world: World) -> None:
    out = tmp_path / "schemas"
    assert world.cli("schema", "--out", str(out)).code == 0
    assert sorted(path.name for path in out.iterdir()) == [
        f"{name}.schema.json" for name in ("campaign", "plan", "receipt", "state", "workspace")
    ]
    assert world.cli("schema", "--check", "--out", str(out)).code == 0
    (out / "plan.schema.json").write_text("{}\n")
    stale = world.cli("schema", "--check", "--out", str(out))
    assert stale.code == 1
    assert stale.err.count("\n") == 1
    assert "plan.schema.json" in stale.err
    assert (out / "plan.schema.json").read_text() == "{}\n"


def test_the_committed_schemas_are_up_to_date(world: World) -> None:
    ended = world.cli("schema", "--check", "--out", str(REPOSITORY / "schemas"))
    assert (ended.code, ended.err) == (0, "")


def test_doctor_finds_everything_in_order(world: World) -> None:
    world.leads("one")
    world.campaign("one", status="running")
    world.apply()
    requests = len(world.writes())
    ended = world.cli("doctor")
    assert ended.code == 0
    assert "✗" not in ended.out
    assert "1 valid campaign file," in ended.out
    assert "1,543 left of 1,900 emails a day" in ended.out
    assert "list: yes" in ended.out
    assert len(world.writes()) == requests
    assert world.options.key not in ended.text


def test_doctor_finds_everything_out_of_order(world: World) -> None:
    """Each check is made, whatever the others found; a wrong key is one line, not five."""
    world.campaign("one", colour="red")
    ended = world.cli("doctor", env={"LEADTERRA_API_KEY": "sk_live_wrong", "RECONCILER_LEADS_DIR": None})
    assert ended.code == 1
    found = dict(
        re.findall(r"^(✗|✓)\s+(\w+)", ended.out, re.MULTILINE)
        and re.findall(r"^[✗✓]\s+(\w+)\s+(.*)", ended.out, re.MULTILINE)
    )
    assert set(found) == {"files", "state", "lock", "lists", "pools"}
    assert "✓" not in ended.out
    assert "401" in found["pools"]
    assert "sk_live_wrong" not in ended.text
    without = world.cli("doctor", env={"LEADTERRA_API_KEY": None})
    assert "LEADTERRA_API_KEY is not set" in without.out


def test_doctor_tells_a_state_of_another_workspace(world: World) -> None:
    world.campaign("one")
    world.apply()
    path = world.root / ".reconciler" / "default" / "state.json"
    state = json.loads(path.read_text())
    state["binding"]["pools"] = ["pool_elsewhere"]
    path.write_text(json.dumps(state))
    ended = world.cli("doctor")
    assert ended.code == 1
    assert "is this another workspace?" in " ".join(ended.out.split())


def test_import_takes_a_campaign_over(world: World) -> None:
    steps = [{"subject": "Hello {{firstName}}", "bodyHtml": "<p>Hi.</p>", "delayDays": 0}]
    world.campaign("one", name="From the dashboard", sequenceSteps=steps, leads=None)
    world.session()
    made = world.sandbox.create({"name": "From the dashboard", "sequenceSteps": steps})
    ended = world.cli("import", "one", made.id)
    assert ended.code == 0
    assert f'one is {made.id}, "From the dashboard", draft.' in ended.out
    assert world.writes() == []
    assert world.cli("plan", "--detailed-exitcode").code == 0
    again = world.cli("import", "other", made.id)
    assert again.code == 1
    assert "other" in again.err
    missing = world.cli("import", "one", "camp_nowhere")
    assert missing.code == 1
    assert missing.err.startswith("error: ")
    assert world.writes() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_sandbox_serves_other_processes_until_it_is_told_to_end(world: World, number: signal.Signals) -> None:
    with running(world, "sandbox", "--port", "0") as process:
        assert process.stderr is not None
        first, second = process.stderr.readline(), process.stderr.readline()
        url = re.search(r"http://127\.0\.0\.1:(\d+)/v1", first)
        assert url, first
        variables = dict(re.findall(r"(LEADTERRA_\w+)=(\S+)", second))
        assert variables["LEADTERRA_BASE_URL"] == url[0]
        world.campaign("one", leads=None)
        begun = world.cli("state", "init", env=variables)
        assert begun.code == 0, begun.text
        applied = world.cli("apply", "--auto-approve", env=variables)
        assert (applied.code, "created" in applied.out) == (0, True), applied.text
        taken = world.cli("sandbox", "--port", url[1], "--database", "other.sqlite3")
        assert taken.code == 1
        assert "--port" in taken.err
        process.send_signal(number)
        assert finished(process) == Ended(0, "", "")
    assert world.kinds() == []


def test_a_damaged_sandbox_is_told(world: World) -> None:
    world.campaign("one")
    folder = world.root / ".reconciler" / "sandbox"
    folder.mkdir(parents=True)
    (folder / "sandbox.sqlite3").write_text("no database")
    ended = world.cli("plan", "--sandbox")
    assert ended.code == 1
    assert "remove its folder" in " ".join(ended.err.split())


def test_the_example_is_what_make_demo_shows(fresh: World) -> None:
    """The worked example: 142 people, then nothing to change."""
    shutil.copytree(REPOSITORY / "specs", fresh.specs)
    assert fresh.cli("validate").code == 0
    applied = fresh.cli("apply", "--sandbox", "--auto-approve", env={"LEADTERRA_API_KEY": None})
    assert applied.code == 0
    assert "142 people get a first email if you apply this." in applied.out
    assert "leadsEnrolled 142" in applied.out
    assert "queuedMessages 142" in applied.out
    again = fresh.cli("plan", "--sandbox", "--detailed-exitcode")
    assert again.code == 0
    assert "Nothing to change" in again.out
    assert fresh.kinds() == []
