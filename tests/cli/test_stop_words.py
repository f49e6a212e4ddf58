"""What `stop` says of what it did, the refusal of another ledger key, and `plan --verbose`."""

import json
from collections.abc import Callable

import pytest
from support.world import World

from reconciler.sandbox.faults import Fault


@pytest.fixture
def started(world: World) -> World:
    """Make a world in which two campaigns run."""
    for key in ("one", "two"):
        world.leads(key)
        world.campaign(key, status="running")
    world.apply()
    return world


def test_an_unknown_key_comes_first_with_what_became_of_its_mark(started: World) -> None:
    ended = started.cli("stop", "onee", "two", "--reason", "x")
    assert ended.code == 1
    assert ended.err.startswith("error: ")
    words = " ".join(ended.err.split())
    assert words.index("onee is not managed") < words.index("Marked:")
    assert "did you mean one? The mark for onee stays; `reconciler stop onee --lift` takes it away" in words
    assert ended.out == "1 campaign is paused.\n"
    assert started.cli("stop", "onee", "--lift").code == 0


def test_the_result_is_in_plain_words(started: World) -> None:
    started.sandbox.add_fault(Fault(kind="pause", action="reject", status=400, nth=1))
    assert started.cli("stop", "--all", "--reason", "x").out == "1 of 2 campaigns is paused; 1 may still be sending.\n"
    keyless = started.cli("stop", "--all", "--reason", "x", env={"LEADTERRA_API_KEY": None})
    assert keyless.out == "0 of 2 campaigns are paused; 2 may still be sending.\n"
    assert started.cli("stop", "--all", "--reason", "x").out == "2 campaigns are paused.\n"
    nothing = started.cli("stop", "nobody", "--reason", "x")
    assert (nothing.code, nothing.out) == (1, "No campaign was paused.\n")


def _damage(world: World) -> None:
    (world.root / ".reconciler" / "default" / "state.json").write_text("{")


def _lose(world: World) -> None:
    (world.root / ".reconciler" / "default" / "state.json").unlink()


@pytest.mark.parametrize("breaking", [_damage, _lose])
def test_without_a_readable_state_it_says_what_to_do_now(started: World, breaking: Callable[[World], None]) -> None:
    breaking(started)
    ended = started.cli("stop", "--all", "--reason", "x")
    assert ended.code == 1
    words = " ".join(ended.err.split())
    assert words.count("error: ") == 2
    assert "nothing was paused: pause your campaigns in Leadterra now" in words
    assert "paused" not in ended.out


def test_a_ledger_key_beside_the_state_s_own_is_refused(started: World) -> None:
    """It would be ignored otherwise, and whoever set it would believe that it is used."""
    env = {"RECONCILER_LEDGER_KEY": "a key that stands in a vault"}
    ended = started.cli("plan", env=env)
    assert ended.code == 1
    words = " ".join(ended.err.split())
    assert "this state was made with a key of its own" in words
    assert "unset it; the state has its own key" in words
    assert started.cli("plan", "--sandbox", env=env).code == 0


def test_plan_shows_changed_texts_in_full_when_asked(world: World) -> None:
    def write(word: str) -> None:
        lines = [f"Line {number} of a long text." for number in range(40)]
        text = "\n\n".join([*lines[:20], f"The {word}.", *lines[20:]])
        world.campaign("one", sequenceSteps=[{"subject": "Hello", "bodyText": text}])

    write("first")
    world.apply()
    write("second")
    short, full = world.cli("plan"), world.cli("plan", "--verbose")
    assert (short.code, full.code) == (0, 0)
    assert "Line 0 of" not in short.out
    assert "Line 0 of" in full.out
    assert json.loads(world.cli("plan", "--verbose", "--format", "json").out)
