"""What is imported when: a command that needs a heavy library only sometimes imports it only then."""

import json
import subprocess
import sys

import pytest
from support.world import World

HEAVY = {"httpx", "deepdiff", "rich", "flask", "duckdb", "numpy", "jinja2", "stamina", "email_validator", "nh3"}
PROGRAM = """
import contextlib, io, json, sys
from reconciler.cli import run
with contextlib.redirect_stdout(io.StringIO()) as out:
    code = run(sys.argv[1:])
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def imported(world: World, *arguments: str) -> set[str]:
    """Run the command line and return which of the heavy libraries it imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=world.root,
        env={name: value for name, value in world.environ.items() if not name.startswith("COV")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    code, modules = json.loads(done.stdout)
    assert code == 0
    return HEAVY & set(modules)


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["plan", "--help"], ["validate"]], ids=" ".join)
def test_light_commands_import_nothing_heavy(world: World, arguments: list[str]) -> None:
    world.campaign("one", leads=None)
    world.workspace(workspace="acme")
    assert imported(world, *arguments) == set()


def test_lists_import_what_reads_them_once_and_nothing_else(world: World) -> None:
    world.leads("one")
    world.campaign("one")
    assert imported(world, "validate") <= {"duckdb", "numpy", "email_validator"}
    assert imported(world, "validate") == set()


def test_a_plan_without_refresh_opens_no_client(world: World) -> None:
    world.campaign("one", leads=None)
    world.apply()
    assert imported(world, "plan", "--no-refresh") == set()


def test_templates_import_jinja_and_the_proof_can_fail(world: World) -> None:
    """Rendering is done in a process of its own, and a plan that asks the server does import its client."""
    world.campaign(
        "one", leads=None, variables={"sender": "Jamie"}, sequenceSteps=[{"subject": "x", "bodyText": "[[ sender ]]"}]
    )
    assert imported(world, "validate") <= {"jinja2"}
    world.session()
    assert "httpx" in imported(world, "plan")
