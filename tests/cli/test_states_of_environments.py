"""A state is never made anew without a word, and what a stranger wrote does not command a pipeline."""

import shutil

import pytest
from cli.process import at_terminal
from support.world import World


@pytest.fixture
def two(world: World) -> World:
    """Make a workspace with a further environment."""
    world.workspace(environments={"eu.prod": {}})
    world.campaign("one", name="##[error]pwned ::error::x", leads=None)
    assert world.cli("state", "init").code == 0
    return world


def test_a_further_environment_gets_a_state_on_somebody_s_word(two: World) -> None:
    refused = two.cli("state", "init", "--env", "eu.prod")
    assert (refused.code, "no terminal to ask at" in refused.err) == (1, True)
    assert two.cli("state", "init", "--env", "eu.prod", "--auto-approve").code == 0
    assert two.cli("plan", "--env", "eu.prod").code == 0
    shutil.rmtree(two.root / ".reconciler" / "eu.prod")
    lost = two.cli("plan", "--env", "eu.prod")
    assert (lost.code, "has no state here" in lost.err) == (1, True)
    ended = at_terminal(two, "state", "init", "--env", "eu.prod", until="never had a state", answer=b"no\n")
    assert ended.code == 1
    assert not (two.root / ".reconciler" / "eu.prod").exists()


@pytest.mark.parametrize("name", ["sandbox", "default", "../x", "a b", ""])
def test_a_name_that_is_no_environment_s_makes_nothing(two: World, name: str) -> None:
    before = sorted((two.root / ".reconciler").iterdir())
    ended = two.cli("state", "init", "--env", name, "--auto-approve")
    assert ended.code == 1
    assert sorted((two.root / ".reconciler").iterdir()) == before


def test_no_workflow_command_comes_out_of_the_state(two: World) -> None:
    assert two.cli("apply", "--auto-approve").code == 0
    for arguments in (("state", "show", "one"), ("state", "list", "--format", "json"), ("state", "list")):
        ended = two.cli(*arguments)
        assert ended.code == 0
        assert "##[" not in ended.text
        assert not any(line.lstrip().startswith("::") for line in ended.text.splitlines())


def test_env_default_is_the_same_as_none(two: World) -> None:
    """Also where the state is lost: a committed lineage is not given a new state by naming what holds anyway."""
    for command in ("validate", "plan"):
        assert two.cli(command, "--env", "default").code == 0
    shutil.rmtree(two.root / ".reconciler" / "default")
    ended = two.cli("state", "init", "--env", "default", "--auto-approve")
    assert (ended.code, "names the state" in ended.err) == (1, True)
    assert not (two.root / ".reconciler" / "default").exists()
