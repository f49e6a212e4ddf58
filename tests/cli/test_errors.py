"""Secrets, and errors of the program itself: what is told, and what is not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.world import Ended, World

from reconciler.settings import from_environment

KEY, LEDGER_KEY = "sk_live_very_secret_key", "a-very-secret-ledger-key"
SECRETS = {"LEADTERRA_API_KEY": KEY, "RECONCILER_LEDGER_KEY": LEDGER_KEY}


def test_settings_show_no_secret() -> None:
    settings = from_environment({**SECRETS, "RECONCILER_LEADS_DIR": "lists", "NO_COLOR": "1"})
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == KEY
    assert settings.no_color
    for shown in (repr(settings), str(settings), settings.model_dump_json(), f"{settings.api_key}"):
        assert KEY not in shown
        assert LEDGER_KEY not in shown


def test_an_empty_variable_counts_as_not_set() -> None:
    empty = from_environment(dict.fromkeys([*SECRETS, "LEADTERRA_BASE_URL", "RECONCILER_LEADS_DIR", "NO_COLOR"], " "))
    assert empty.model_copy(update={"no_color": False}) == from_environment({})


BROKEN = """
import sys
import reconciler.session
from reconciler.cli import run

def broken(self, *arguments, **options):
    try:
        raise ValueError(self.settings.api_key.get_secret_value() + " ada@example.com")
    except ValueError as problem:
        raise KeyError("bob@example.com") from problem

reconciler.session.Session.{name} = broken
sys.exit(run(sys.argv[1:]))
"""


def with_a_bug(world: World, name: str, *arguments: str) -> Ended:
    """Run the command line with a method of the session that raises what it should not."""
    done = subprocess.run(
        [sys.executable, "-c", BROKEN.format(name=name), *arguments],
        cwd=world.root,
        env={**world.environ, **SECRETS, "TMPDIR": str(world.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(("name", "command"), [("validate", "validate"), ("plan", "plan"), ("apply", "apply")])
def test_a_bug_is_told_with_a_log_that_holds_no_message(world: World, name: str, command: str) -> None:
    world.campaign("one")
    ended = with_a_bug(world, name, command)
    assert ended.code == 70
    assert "Traceback" not in ended.text
    assert "This is an error of reconciler itself (KeyError)" in ended.err
    found = re.search(r"\S+reconciler-crash-\S+\.log", ended.err)
    assert found
    path = Path(found[0])
    log = path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    assert "KeyError" in log
    assert "ValueError" in log
    assert f"reconciler/commands/{command}.py:" in log
    for text in (ended.text, log):
        assert KEY not in text
        assert "@example.com" not in text


def test_a_bug_in_the_middle_of_an_apply_tells_what_was_done(world: World) -> None:
    """The other campaigns' lines are in the report, and the exit code still says that it was a bug."""
    program = """
import sys
from reconciler.execution import drafts
from reconciler.cli import run

whole = drafts.create

def broken(work, action):
    if action.campaign == "two":
        raise KeyError("bob@example.com")
    return whole(work, action)

drafts.create = broken
sys.exit(run(sys.argv[1:]))
"""
    for key in ("one", "two"):
        world.campaign(key, leads=None, sequenceSteps=[{"subject": key, "bodyText": key}])
    world.session()
    done = subprocess.run(
        [sys.executable, "-c", program, "apply", "--auto-approve"],
        cwd=world.root,
        env={**world.environ, "TMPDIR": str(world.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 70
    assert "one" in done.stdout
    assert world.remote("Campaign one").status == "draft"
    assert "Traceback" not in done.stderr
    assert "bob@example.com" not in done.stdout + done.stderr
    assert "This is an error of reconciler itself" in done.stderr
    (log,) = world.root.glob("reconciler-crash-*.log")
    assert "builtins.KeyError" in log.read_text()
