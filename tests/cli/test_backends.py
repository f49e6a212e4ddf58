"""Where the state is kept: what `init` chooses, what every command finds, what a pipeline refuses; and its history."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from support.world import World

from reconciler.settings import from_environment

REF = "refs/reconciler/world"


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, errors="replace", check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def cloned(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Make a workspace in a clone with a remote, without files yet."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    shutil.rmtree(world.specs)
    git(world.root, "init", "--quiet")
    git(world.root, "init", "--quiet", "--bare", "../remote.git")
    git(world.root, "remote", "add", "origin", str(world.root.parent / "remote.git"))
    return world


def refs(world: World) -> list[str]:
    return git(world.root.parent / "remote.git", "for-each-ref", "--format=%(refname)").split()


def kept(world: World) -> dict[str, str]:
    state = yaml.safe_load((world.specs / "workspace.yaml").read_text())["state"]
    assert state.pop("lineage")
    return dict(state)


def test_init_keeps_the_state_in_git_where_there_is_a_remote(cloned: World) -> None:
    made = cloned.cli("init")
    assert made.code == 0, made.text
    assert f"in {REF} of the remote origin" in made.out
    assert "for whoever may read the repository" in made.out
    assert kept(cloned) == {"backend": "git"}
    assert refs(cloned) == [REF]
    assert not (cloned.root / ".reconciler").exists()
    assert "serial 0" in cloned.cli("doctor").out
    assert cloned.cli("plan").code == 0
    again = cloned.cli("state", "init")
    assert (again.code, "There is a state" in again.err) == (1, True)


def test_init_takes_the_only_remote_and_says_which(cloned: World) -> None:
    git(cloned.root, "remote", "rename", "origin", "up")
    assert "of the remote up" in cloned.cli("init").out
    assert kept(cloned) == {"backend": "git", "remote": "up"}
    assert cloned.cli("plan").code == 0


@pytest.mark.parametrize("arguments", [("--backend", "local"), ("--sandbox",)])
def test_init_can_be_told_otherwise(cloned: World, arguments: tuple[str, ...]) -> None:
    assert cloned.cli("init", *arguments).code == 0
    assert refs(cloned) == []


def test_init_without_a_remote_keeps_the_state_here(cloned: World) -> None:
    git(cloned.root, "remote", "remove", "origin")
    refused = cloned.cli("init", "--backend", "git")
    assert (refused.code, "no remote `origin`" in refused.err) == (1, True)
    assert not cloned.specs.exists()
    assert cloned.cli("init").code == 0
    assert (cloned.root / ".reconciler" / "default" / "state.json").exists()
    assert kept(cloned) == {}


def test_a_workspace_that_has_its_state_here_keeps_it_here(cloned: World) -> None:
    """A remote that comes later makes no second state, which would know of nobody."""
    assert cloned.cli("init", "--backend", "local").code == 0
    again = cloned.cli("state", "init")
    assert (again.code, "There is a state" in again.err) == (1, True)
    refused = cloned.cli("state", "init", "--backend", "git")
    assert (refused.code, "`backend: local`" in refused.err) == (1, True)
    assert refs(cloned) == []


def test_each_environment_has_a_ref_of_its_own(cloned: World) -> None:
    assert cloned.cli("init").code == 0
    with (cloned.specs / "workspace.yaml").open("a") as file:
        file.write("environments: {eu.prod: {}}\n")
    assert cloned.cli("state", "init", "--env", "eu.prod", "--auto-approve").code == 0
    assert refs(cloned) == [REF, f"{REF}@eu.prod"]
    assert cloned.cli("plan", "--env", "eu.prod").code == 0


def test_a_whole_way_with_the_state_in_git(cloned: World, tmp_path: Path) -> None:
    """One applies; another, in a shallow clone, sees it, stops it, and reads who did what."""
    assert cloned.cli("init").code == 0
    (cloned.specs / "campaigns" / "first-campaign.yaml").unlink()
    cloned.campaign("one", status="running")
    cloned.leads("one")
    applied = cloned.cli("apply", "--auto-approve")
    assert applied.code == 0, applied.text
    assert cloned.cli("plan", "--detailed-exitcode").code == 0
    git(cloned.root, "add", "specs")
    git(cloned.root, "-c", "user.name=t", "-c", "user.email=t@x", "commit", "--quiet", "-m", "specs")
    git(cloned.root, "push", "--quiet", "origin", "HEAD:refs/heads/master")
    url = f"file://{cloned.root.parent / 'remote.git'}"
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=master", url, "second")
    second = tmp_path / "second" / "specs"
    assert cloned.cli("plan", "--detailed-exitcode", "--specs", str(second)).code == 0
    assert cloned.cli("stop", "one", "--reason", "why not", "--specs", str(second)).code == 0
    assert cloned.remote("Campaign one").status == "paused"

    told = cloned.cli("history", "--specs", str(second)).out.splitlines()
    assert told[0].split() == ["when", "(UTC)", "who", "what"]
    assert "stopped one: why not" in "\n".join(told[1:4])
    assert told[-1].endswith("created the state")
    entries = json.loads(cloned.cli("history", "one", "--format", "json").out)["history"]
    assert [entry["serial"] for entry in entries] == sorted((entry["serial"] for entry in entries), reverse=True)
    words = [words for entry in entries for words in entry["what"]]
    assert any("created as camp_" in each for each in words)
    assert "created the state" not in words
    assert all("one" in each for each in words)
    assert len(cloned.cli("history", "--limit", "1").out.splitlines()) == 2
    assert cloned.cli("history", "on").out == "Nothing has happened yet.\n"
    assert "example.com" not in git(cloned.root, "log", "-p", "refs/reconciler-seen/origin/reconciler/world")


def test_history_of_a_state_here(world: World) -> None:
    world.campaign("one", status="running")
    world.campaign("one.two", leads=None)
    world.leads("one")
    world.apply()
    assert world.cli("stop", "--all", "--reason", "::error::x").code == 0
    told = world.cli("history", "one")
    assert told.code == 0
    assert "stopped everything" in told.out
    assert "one.two" not in told.out
    assert not any(line.lstrip().startswith("::") for line in told.out.splitlines())
    assert "one.two created" in world.cli("history").out


def test_stop_finds_the_state_whatever_else_is_broken(cloned: World) -> None:
    assert cloned.cli("init").code == 0
    workspace = cloned.specs / "workspace.yaml"
    workspace.write_text("policy: {timezone: [\n" + workspace.read_text())
    (cloned.specs / "campaigns" / "broken.yaml").write_text("\t")
    stopped = cloned.cli("stop", "--all", "--reason", "x")
    assert "Marked" in stopped.text
    assert stopped.code == 0, stopped.text
    assert "stopped everything" in git(cloned.root.parent / "remote.git", "log", REF)


def test_a_state_that_is_away_stops_everything_but_says_so(cloned: World) -> None:
    assert cloned.cli("init").code == 0
    (cloned.root.parent / "remote.git").rename(cloned.root.parent / "away.git")
    for command in (("plan",), ("state", "list"), ("doctor",), ("history",)):
        ended = cloned.cli(*command)
        assert ended.code == 1
        assert "could not be read" in ended.text
        assert "state init" not in ended.text


def test_a_pipeline_refuses_a_state_of_its_own_folder(world: World) -> None:
    world.campaign("one", leads=None)
    assert world.cli("state", "init").code == 0
    for command in (("plan",), ("apply", "--auto-approve"), ("state", "list")):
        ended = world.cli(*command, env={"CI": "true"})
        assert ended.code == 1
        assert "CI is set" in ended.err
        assert "backend: git" in ended.err
    assert world.cli("plan", "--sandbox", env={"CI": "true"}).code == 0
    assert world.cli("validate", env={"CI": "true"}).code == 0


@pytest.mark.parametrize(
    ("value", "ci"), [("", False), ("false", False), ("FALSE", False), ("0", False), ("1", True), ("x", True)]
)
def test_what_counts_as_a_pipeline(value: str, *, ci: bool) -> None:
    assert from_environment({"CI": value}).ci is ci
    assert from_environment({}).ci is False


def test_a_ref_that_git_does_not_allow_is_told(cloned: World) -> None:
    assert cloned.cli("init").code == 0
    workspace = cloned.specs / "workspace.yaml"
    workspace.write_text(workspace.read_text().replace("backend: git", "backend: git\n  ref: refs/x/a..b"))
    ended = cloned.cli("state", "list")
    assert (ended.code, "no name that git allows" in ended.err) == (1, True)
