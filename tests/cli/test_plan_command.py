"""`plan` in a process of its own: its streams, its exit codes, and that it changes nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from cli.process import at_terminal
from support.world import REPOSITORY, World


@pytest.fixture
def started(world: World) -> World:
    """Make a world with a campaign that runs and one whose draft waits for its file."""
    world.leads("one")
    world.campaign("one", status="running")
    world.apply()
    world.campaign("two", labels={"team": "emea"}, leads=None)
    return world


def listing(root: Path) -> dict[str, tuple[int, int]]:
    """Return every file and folder with its size and the time of its last change, but for the cache."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in [root, *root.rglob("*")]
        if not path.name.startswith("server.sqlite3") and path != root and "cache" not in path.parts
    }


def test_it_prints_the_plan_on_stdout_and_writes_nothing(started: World) -> None:
    before, writes = listing(started.root), started.writes()
    ended = started.cli("plan")
    assert (ended.code, ended.err) == (0, "")
    assert "+ two is created as a draft" in ended.out
    assert "\x1b" not in ended.out
    assert {**listing(started.root), str(started.place.folder): ...} == {**before, str(started.place.folder): ...}
    assert started.writes() == writes


def test_json_is_as_its_schema_says(started: World) -> None:
    started.campaign("one", status="paused")
    ended = started.cli("plan", "--format", "json")
    assert (ended.code, ended.err) == (0, "")
    plan = json.loads(ended.out)
    schema = json.loads((REPOSITORY / "schemas" / "plan.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(plan)
    assert [(item["campaign"], item["kind"]) for item in plan["actions"]] == [("one", "pause"), ("two", "create")]
    assert plan["formatVersion"] == 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({**plan, "actions": [{"kind": "explode"}]})


def test_diagnostics_go_to_stderr_also_with_json(started: World) -> None:
    started.campaign("two", colour="red")
    ended = started.cli("plan", "--format", "json")
    assert ended.code == 1
    assert ended.out == ""
    assert "specs/campaigns/two.yaml" in ended.err


def test_detailed_exit_codes(started: World) -> None:
    assert started.cli("plan").code == 0
    assert started.cli("plan", "--detailed-exitcode").code == 2
    assert started.cli("apply", "--auto-approve").code == 0
    assert started.cli("plan", "--detailed-exitcode").code == 0
    started.campaign("one", status="draft")
    blocked = started.cli("plan", "--detailed-exitcode")
    assert blocked.code == 1
    assert "one needs you" in blocked.out


def test_targets(started: World) -> None:
    started.campaign("three", leads=None)
    for target in ("two", "label:team=emea"):
        plan = json.loads(started.cli("plan", "--target", target, "--format", "json").out)
        assert [item["campaign"] for item in plan["actions"]] == ["two"]
    both = json.loads(started.cli("plan", "--target", "two", "--target", "three", "--format", "json").out)
    assert [item["campaign"] for item in both["actions"]] == ["three", "two"]
    wrong = started.cli("plan", "--target", "tow", "--target", "label:team=apac")
    assert wrong.code == 1
    assert "--target tow names no campaign" in wrong.err
    assert "did you mean two?" in wrong.err
    assert "--target label:team=apac names no campaign" in wrong.err


def test_without_refresh_it_needs_no_key_and_asks_nothing(started: World) -> None:
    requests = started.kinds()
    ended = started.cli("plan", "--no-refresh", env={"LEADTERRA_API_KEY": None})
    assert ended.code == 0
    assert "Not asked" in ended.out
    assert started.kinds() == requests
    started.server.close()
    assert started.cli("plan", "--no-refresh", "--detailed-exitcode").code == 2


def test_colour_is_for_terminals_that_want_it(started: World) -> None:
    coloured = at_terminal(started, "plan")
    assert "\x1b[" in coloured.out
    assert "\x1b[" not in at_terminal(started, "plan", "--no-color").out
    assert "\x1b[" not in at_terminal(started, "plan", env={"NO_COLOR": "1"}).out


@pytest.mark.parametrize("arguments", [["plan"], ["--help"], ["validate", "--specs", "nowhere"]], ids=" ".join)
def test_a_reader_that_goes_away_gets_no_traceback(started: World, arguments: list[str]) -> None:
    """Both streams end in a pipe that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    errors = started.root / "errors.txt"
    with errors.open("w") as told:
        code = subprocess.run(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=started.root,
            env=started.environ,
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer if arguments[0] == "validate" else told,
            check=False,
            timeout=60,
        ).returncode
    os.close(writer)
    assert code == 1
    assert errors.read_text() == ""


def test_a_plan_of_the_sandbox_does_not_look_like_a_real_one(started: World) -> None:
    shown = {flag: started.cli("plan", *([flag] if flag else [])).out.splitlines()[0] for flag in ("", "--sandbox")}
    assert " · default · " in shown[""]
    assert " · sandbox · " in shown["--sandbox"]
