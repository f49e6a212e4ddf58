"""What `doctor` finds, and what it does not mind."""

import json
import re
import shutil

from support.world import REPOSITORY, Ended, World

from reconciler.diagnostics import warning
from reconciler.reporting.tables import render_checkup


def rows(ended: Ended) -> dict[str, tuple[str, str]]:
    """Return mark and first line by check."""
    return {
        name: (mark, words) for mark, name, words in re.findall(r"^([✗✓!])\s+(\w+)\s+(.*)", ended.out, re.MULTILINE)
    }


def test_only_a_running_campaign_needs_the_folder_of_lists(world: World) -> None:
    world.campaign("one", leads={"source": "leads:one.csv", "fields": ["firstName", "company"]})
    world.session()
    env = {"RECONCILER_LEADS_DIR": None}
    draft = world.cli("doctor", env=env)
    assert draft.code == 0, draft.text
    mark, words = rows(draft)["lists"]
    assert mark == "✓"
    assert words.startswith("RECONCILER_LEADS_DIR is not set; needed once one is to run")
    world.campaign("one", status="running", leads={"source": "leads:one.csv", "fields": ["firstName", "company"]})
    running = world.cli("doctor", env=env)
    assert running.code == 1
    assert rows(running)["lists"][0] == "✗"


def test_the_example_and_a_fresh_start_are_in_order(world: World) -> None:
    shutil.rmtree(world.specs)
    shutil.copytree(REPOSITORY / "specs", world.specs)
    env = {"RECONCILER_LEADS_DIR": None}
    assert world.cli("doctor", "--sandbox", env=env).code == 0
    shutil.rmtree(world.specs)
    assert world.cli("init", env=env).code == 0
    fresh = world.cli("doctor", env=env)
    assert fresh.code == 0, fresh.text


def test_another_server_is_told_at_the_state_and_not_asked(world: World) -> None:
    world.campaign("one")
    world.apply()
    requests = len(world.kinds())
    path = world.root / ".reconciler" / "default" / "state.json"
    state = json.loads(path.read_text())
    state["binding"]["address"] = "https://other.example.com/v1"
    path.write_text(json.dumps(state))
    ended = world.cli("doctor")
    assert ended.code == 1
    assert "this state belongs to https://other.example.com/v1" in " ".join(rows(ended)["state"])
    assert "not asked" in rows(ended)["pools"][1]
    assert len(world.kinds()) == requests


def test_a_stop_mark_has_a_row_and_is_no_failure(world: World) -> None:
    world.campaign("one")
    world.apply()
    assert world.cli("stop", "--all", "--reason", "wrong price").code == 0
    ended = world.cli("doctor")
    assert ended.code == 0
    mark, words = rows(ended)["stop"]
    assert mark == "!"
    assert words.startswith("every campaign is stopped by ")
    text = " ".join(ended.out.split())
    assert "wrong price" in text
    assert "`reconciler stop --all --lift` takes the mark away" in text


def test_what_is_wrong_with_the_files_is_told_once(world: World) -> None:
    world.campaign("one")
    world.session()
    world.campaign("one", colour="red")
    found = rows(world.cli("doctor"))
    assert found["files"][1] != "needs the files"
    assert (found["state"], found["lists"]) == (("✗", "needs the files"), ("✗", "needs the files"))


def test_no_state_is_told_once(world: World) -> None:
    world.campaign("one")
    ended = world.cli("doctor")
    assert rows(ended)["lock"] == ("✗", "no state yet")
    assert ended.out.count("There is no state") == 1
    assert ".;" not in ended.out


def test_a_line_that_goes_on_begins_with_no_command_of_a_pipeline() -> None:
    for length in range(130, 160):
        drawn = render_checkup([("stop", warning("stopped", f"{'x' * length} ::error::fake"))])
        assert not re.search(r"^\s*::", drawn, re.MULTILINE), drawn


def test_message_and_hint_are_two_sentences_or_one() -> None:
    rows = [("a", warning("x", "It is so.", hint="do that")), ("b", warning("x", "it is so", hint="do that"))]
    drawn = render_checkup(rows)
    assert "It is so. Do that\n" in drawn
    assert "it is so; do that\n" in drawn
