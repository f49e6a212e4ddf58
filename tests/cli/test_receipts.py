"""`apply --receipt FILE`: whatever becomes of a run, its receipt says what was done, what not, why, and what next."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cli.process import at_terminal, eventually, finished, running
from support.world import REPOSITORY, Ended, World, person

from reconciler.sandbox.faults import Fault

SCHEMA = json.loads((REPOSITORY / "schemas" / "receipt.schema.json").read_text())


@pytest.fixture
def wanting(world: World) -> World:
    """Make a world in which three people are to be written to."""
    world.leads("one")
    world.campaign("one", status="running")
    world.session()
    return world


def receipt(world: World, name: str = "receipt.json") -> dict[str, Any]:
    """Read the receipt: as its schema says, and without a secret or an address."""
    text = (world.root / name).read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert world.options.key not in text
    assert "@example" not in text
    assert [path.name for path in world.root.glob(".reconciler-*")] == []
    return document


def apply(world: World, *flags: str) -> tuple[Ended, dict[str, Any]]:
    ended = world.cli("apply", "--receipt", "receipt.json", *flags)
    document = receipt(world)
    assert document["exitCode"] == ended.code
    return ended, document


def lines(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(item["kind"], item["outcome"]) for item in document["results"]]


def test_all_is_done(wanting: World) -> None:
    ended, document = apply(wanting, "--auto-approve", "--format", "json")
    assert ended.code == 0
    assert json.loads(ended.out) == document
    state = wanting.state()
    known = {
        "formatVersion": 1,
        "workspace": "default",
        "environment": "default",
        "lineage": state.lineage,
        "serialBefore": 0,
        "serialAfter": state.serial,
        "approved": None,
        "interrupted": False,
        "next": [],
        "moved": [],
        "diagnostics": [],
    }
    assert {name: document[name] for name in known} == known
    assert document["tool"].startswith("reconciler ")
    assert document["counts"] == {
        "done": 3,
        "failed": 0,
        "held": 0,
        "blocked": 0,
        "scheduled": 0,
        "not attempted": 0,
        "unknown": 0,
    }
    assert document["startedAt"] < document["finishedAt"]
    again, document = apply(wanting, "--auto-approve")
    assert again.code == 0
    assert (lines(document), document["next"], document["planDigest"] is None) == ([], [], False)


def test_of_an_approval(wanting: World) -> None:
    plan = json.loads(wanting.cli("plan", "--out", "plan.json", "--format", "json").out)
    wanting.campaign("one", status="running", name="Other")
    ended, document = apply(wanting, "plan.json")
    assert ended.code == 1
    assert document["approved"] == plan["digest"]
    assert document["moved"] == [
        {"campaign": "one", "path": "name", "before": "Campaign one", "after": "Other", "origin": "git"}
    ]
    assert lines(document) == [("create", "not attempted"), ("enroll", "not attempted"), ("start", "not attempted")]
    assert document["results"][0]["detail"] == 'not as it was approved:\n  name was "Campaign one", is now "Other"'


def test_failed(wanting: World) -> None:
    wanting.sandbox.add_fault(Fault(kind="enroll", action="reject", status=400, code="no", nth=1))
    ended, document = apply(wanting, "--auto-approve")
    assert ended.code == 1
    assert lines(document) == [("create", "done"), ("enroll", "failed"), ("start", "not attempted")]
    assert document["next"] == ["Run `reconciler apply` again: it does the 2 actions that are left, and nothing twice."]
    assert document["next"][0] in ended.out


def test_unknown(wanting: World) -> None:
    wanting.sandbox.add_fault(Fault(kind="create", action="drop"))
    ended, document = apply(wanting, "--auto-approve")
    assert ended.code == 1
    assert lines(document)[0] == ("create", "unknown")
    assert document["counts"]["unknown"] == 1


def test_held(wanting: World) -> None:
    wanting.campaign("one", status="running", start={"minimumLeads": 9})
    ended, document = apply(wanting, "--auto-approve")
    assert ended.code == 3
    assert lines(document) == [("create", "done"), ("enroll", "held"), ("start", "held")]
    assert document["results"][1]["detail"] == "3 leads, 9 wanted"
    (words,) = document["next"]
    assert words.startswith("Waiting does not help one")


def test_a_stop_tells_how_it_is_lifted(wanting: World) -> None:
    assert wanting.cli("stop", "--all", "--reason", "lift it with `reconciler stop x --lift`").code == 0
    _, document = apply(wanting, "--auto-approve")
    assert document["next"][-1] == "Once the reason for the stop is gone: `reconciler stop --all --lift`."


def test_scheduled(wanting: World) -> None:
    later = datetime.now(UTC) + timedelta(days=2)
    wanting.campaign("one", status="running", start={"notBefore": later.strftime("%Y-%m-%dT%H:%M")})
    ended, document = apply(wanting, "--auto-approve")
    assert ended.code == 0
    assert lines(document) == [("create", "done"), ("enroll", "scheduled"), ("start", "scheduled")]
    told = f"Run `reconciler apply` again later (one from {later:%a} {later.day} {later:%b %H:%M})"
    assert document["next"] == [f"{told}: what waits is looked at anew."]


def test_blocked_and_a_plan_with_errors(wanting: World) -> None:
    assert apply(wanting, "--auto-approve")[0].code == 0
    wanting.campaign("one", status="draft")
    ended, document = apply(wanting, "--auto-approve")
    assert ended.code == 1
    assert lines(document) == [("update", "blocked")]
    assert document["next"] == ["What needs you stays as it is until its cause, told above, is put right."]
    wanting.sandbox.delete_campaign(wanting.remote("Campaign one").id)
    ended, document = apply(wanting, "--auto-approve")
    assert ended.code == 1
    assert [item["code"] for item in document["diagnostics"]] == ["gone"]
    assert ended.text.count("Leadterra no longer knows it") == 1, "it is told with the plan"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--auto-approve", "--target", "two"), "target"),
        (("plan.json", "--target", "one"), "usage"),
        (("plan.json",), "plan-file-missing"),
        (("--auto-approve", "--env", "staging"), "environment-unknown"),
    ],
    ids=["target", "usage", "plan", "environment"],
)
def test_nothing_was_attempted(wanting: World, arguments: tuple[str, ...], code: str) -> None:
    ended, document = apply(wanting, *arguments)
    assert ended.code == 1
    assert (lines(document), document["planDigest"]) == ([], None)
    if code != "environment-unknown":
        assert [item["code"] for item in document["diagnostics"]] == [code]
        assert document["lineage"] == wanting.state().lineage
    assert document["diagnostics"]
    assert document["next"][0].startswith("Put right what is told, then run `reconciler apply ")


def test_invalid_files(wanting: World) -> None:
    wanting.campaign("one", status="flying")
    ended, document = apply(wanting, "--auto-approve")
    assert ended.code == 1
    assert document["diagnostics"][0]["file"] == "specs/campaigns/one.yaml"


def test_nobody_to_ask(wanting: World) -> None:
    ended, document = apply(wanting)
    assert ended.code == 1
    assert [item["code"] for item in document["diagnostics"]] == ["nobody-to-ask"]
    assert {outcome for _, outcome in lines(document)} == {"not attempted"}
    assert wanting.writes() == []


@pytest.mark.parametrize(("answer", "code"), [(b"no\n", 1), (b"\x03", 130)], ids=["no", "ctrl-c"])
def test_refused_at_the_prompt(wanting: World, answer: bytes, code: int) -> None:
    question = "Type 3 to email 3 people:"
    ended = at_terminal(wanting, "apply", "--receipt", "receipt.json", until=question, answer=answer)
    document = receipt(wanting)
    assert (ended.code, document["exitCode"]) == (code, code)
    assert document["interrupted"] is (code == 130)
    assert lines(document) == [("create", "not attempted"), ("enroll", "not attempted"), ("start", "not attempted")]
    assert document["results"][0]["detail"] == ("it was not approved" if code == 1 else "the run was interrupted")


def test_interrupted(wanting: World) -> None:
    wanting.sandbox.add_fault(Fault(kind="enroll", action="slow", seconds=2, nth=1))
    with running(wanting, "apply", "--auto-approve", "--receipt", "receipt.json") as process:
        eventually(lambda: "enroll" in wanting.kinds())
        process.send_signal(signal.SIGTERM)
        ended = finished(process)
    document = receipt(wanting)
    assert (ended.code, document["exitCode"], document["interrupted"]) == (130, 130, True)
    assert lines(document)[0] == ("create", "done")
    assert lines(document)[2] == ("start", "not attempted")
    assert document["next"][0].startswith("Run `reconciler apply` again: ")


def test_killed(wanting: World) -> None:
    """The receipt of the run before is gone as soon as another one begins."""
    assert apply(wanting, "--auto-approve")[0].code == 0
    wanting.leads("one", 5)
    wanting.sandbox.add_fault(Fault(kind="enroll", action="slow", seconds=2, nth=1))
    before = wanting.kinds().count("enroll")
    with running(wanting, "apply", "--auto-approve", "--receipt", "receipt.json") as process:
        eventually(lambda: wanting.kinds().count("enroll") > before)
        process.kill()
        process.communicate()
    document = receipt(wanting)
    assert document["exitCode"] is None
    assert [item["code"] for item in document["diagnostics"]] == ["unfinished"]
    assert document["next"]


BUG = """
import sys
from reconciler.{module} import {owner}
from reconciler.cli import run

def broken(*arguments, **options):
    raise KeyError("bob@example.com")

{owner}.{name} = broken
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("module", "owner", "name", "outcomes"),
    [
        ("leads.roster", "LeadLists", "batches", ["done", "unknown", "unknown"]),
        ("execution.executor", "Executor", "run", ["unknown", "unknown", "unknown"]),
        ("execution.reading", "Reader", "__init__", []),
    ],
    ids=["in a campaign", "in the run", "before it"],
)
def test_a_bug(wanting: World, module: str, owner: str, name: str, outcomes: list[str]) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            BUG.format(module=module, owner=owner, name=name),
            "apply",
            "--auto-approve",
            "--receipt",
            "receipt.json",
        ],
        cwd=wanting.root,
        env={**wanting.environ, "TMPDIR": str(wanting.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    document = receipt(wanting)
    assert (done.returncode, document["exitCode"]) == (70, 70), done.stderr
    assert [outcome for _, outcome in lines(document)] == outcomes
    if not outcomes:
        assert [item["code"] for item in document["diagnostics"]] == ["bug"]
        assert document["next"] == ["`reconciler plan` shows where things stand."]


def test_a_receipt_that_cannot_be_written_is_told(wanting: World) -> None:
    ended = wanting.cli("apply", "--auto-approve", "--receipt", "nowhere/receipt.json")
    assert ended.code == 1
    assert "the receipt could not be written to nowhere/receipt.json" in " ".join(ended.err.split())
    assert wanting.remote("Campaign one").status == "running", "it was done all the same, and told"
    assert "running" in ended.out
    wanting.campaign("one", status="running", start={"minimumLeads": 9})
    wanting.leads("two", rows=[person("two", 1)])
    steps = [{"subject": "2", "bodyText": "2"}]
    wanting.campaign("two", status="running", start={"minimumLeads": 9}, sequenceSteps=steps)
    assert wanting.cli("apply", "--auto-approve", "--receipt", "nowhere/receipt.json").code == 3


def test_commands_in_it_are_those_of_this_place(wanting: World) -> None:
    elsewhere = Path("config") / "specs"
    (wanting.root / "config").mkdir()
    wanting.specs.rename(wanting.root / elsewhere)
    (wanting.root / ".reconciler").rename(wanting.root / "config" / ".reconciler")
    wanting.sandbox.add_fault(Fault(kind="start", action="reject", status=400, code="no", nth=1))
    _, document = apply(wanting, "--specs", str(elsewhere), "--auto-approve", "--target", "one")
    assert document["next"][0].startswith("Run `reconciler apply --specs config/specs --target one` again: ")
