"""From a review to a run: `plan --reviewed`, `apply --no-send`, and the Markdown of a run in a file."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from support.world import Ended, World

from reconciler.reporting.markdown import marker
from reconciler.sandbox.faults import Fault

DRAFT = [{"subject": "Two", "bodyText": "two"}]


@pytest.fixture
def reviewed(world: World) -> World:
    """Make a world whose plan was reviewed: one starts with three people, two is a draft."""
    world.leads("one")
    world.campaign("one", status="running")
    world.campaign("two", leads=None, sequenceSteps=DRAFT)
    world.session()
    assert world.cli("plan", "--out", "first.json").code == 0
    return world


def plan(world: World, *files: str) -> tuple[Ended, dict[str, Any]]:
    ended = world.cli("plan", *(word for file in files for word in ("--reviewed", file)), "--out", "plan.json")
    return ended, json.loads((world.root / "plan.json").read_text())


def kinds(found: dict[str, Any], key: str) -> list[str]:
    return [action["kind"] for action in found["actions"] if action["campaign"] == key]


def test_all_that_was_reviewed_is_planned(reviewed: World) -> None:
    ended, found = plan(reviewed, "first.json")
    assert ended.code == 0
    assert kinds(found, "one") == ["create", "enroll", "start"]
    assert kinds(found, "two") == ["create"]
    assert reviewed.cli("apply", "plan.json").code == 0


def test_what_moved_since_is_left_out_and_told_at_its_place_field_by_field(reviewed: World) -> None:
    reviewed.campaign("two", leads=None, sequenceSteps=[{"subject": "Three", "bodyText": "two"}])
    ended, found = plan(reviewed, "first.json")
    assert ended.code == 1
    assert (kinds(found, "one"), kinds(found, "two")) == (["create", "enroll", "start"], [])
    (problem,) = (item for item in found["diagnostics"] if item["severity"] == "error")
    assert (problem["code"], problem["file"], problem["line"]) == ("moved-since-review", "specs/campaigns/two.yaml", 1)
    assert 'step 1 subject was "Two", is now "Three"' in problem["message"]
    assert reviewed.cli("apply", "plan.json").code == 1
    assert [item.name for item in reviewed.sandbox.campaigns()] == ["Campaign one"]


def test_each_of_several_reviews_covers_what_it_showed(reviewed: World) -> None:
    reviewed.campaign("two", leads=None, sequenceSteps=[{"subject": "Three", "bodyText": "two"}])
    reviewed.campaign("one", status="draft")
    assert reviewed.cli("plan", "--out", "second.json").code == 0
    reviewed.campaign("one", status="running")
    for files in (("first.json", "second.json"), ("second.json", "first.json")):
        ended, found = plan(reviewed, *files)
        assert ended.code == 0, ended.err
        assert (kinds(found, "one"), kinds(found, "two")) == (["create", "enroll", "start"], ["create"])


def test_what_no_review_covers_is_compared_with_the_newest(reviewed: World) -> None:
    for subject, file in (("Three", "second.json"), ("Four", "third.json")):
        reviewed.campaign("two", leads=None, sequenceSteps=[{"subject": subject, "bodyText": "two"}])
        if file == "second.json":
            assert reviewed.cli("plan", "--out", file).code == 0
    ended, _ = plan(reviewed, "first.json", "second.json")
    assert ended.code == 1
    assert 'step 1 subject was "Three", is now "Four"' in " ".join(ended.out.split())


def test_where_nothing_was_reviewed_nothing_is_done_but_pauses_and_what_was_approved(world: World) -> None:
    for key, count in (("one", 3), ("crowd", 1_600)):
        world.leads(key, count)
        world.campaign(key, status="running")
    world.workspace(policy={"maxNewRecipients": 5_000})
    world.session()
    assert world.cli("apply", "--auto-approve").code == 3  # crowd has no room today, and is approved
    (world.root / "reviews").mkdir()
    assert plan(world, "reviews")[0].code == 0
    world.campaign("one", status="paused")
    world.campaign("two", leads=None, sequenceSteps=DRAFT)
    ended, found = plan(world, "reviews")
    assert ended.code == 1
    assert (kinds(found, "one"), kinds(found, "two"), kinds(found, "crowd")) == (["pause"], [], ["enroll", "start"])
    told = " ".join(ended.out.split())
    assert "two is not as it was reviewed: not in the approved plan; to be done now: create" in told
    assert world.cli("apply", "plan.json", "--no-send").code == 1
    assert world.remote("Campaign one").status == "paused"


@pytest.mark.parametrize("change", ["archived", "gone", "paused and edited"])
def test_a_pause_needs_no_review_whatever_else_is_asked_for_with_it(world: World, change: str) -> None:
    for key in ("one", "other"):
        world.leads(key)
        world.campaign(key, status="running")
    world.session()
    assert world.cli("apply", "--auto-approve").code == 0
    (world.root / "reviews").mkdir()
    if change == "gone":
        (world.specs / "campaigns" / "one.yaml").unlink()
    elif change == "archived":
        world.campaign("one", status="archived")
    else:
        world.campaign("one", status="paused", sequenceSteps=DRAFT)
    ended, found = plan(world, "reviews")
    assert ended.code == 1
    assert kinds(found, "one") == ["pause"]
    ended = world.cli("apply", "plan.json", "--no-send", "--receipt", "receipt.json")
    assert ended.code == 1
    assert world.remote("Campaign one").status == "paused"
    assert world.remote("Campaign other").status == "running"
    # Nothing else of it was done.
    assert "one" in world.state().campaigns
    results = json.loads((world.root / "receipt.json").read_text())["results"]
    assert [item["outcome"] for item in results if item["kind"] == "pause"] == ["done"]
    assert not [item for item in results if item["kind"] != "pause" and item["outcome"] == "done"]


@pytest.mark.parametrize("flags", [("first.json",), ("--approved-only",)], ids=["saved", "approved"])
def test_so_it_is_with_what_was_approved_otherwise(reviewed: World, flags: tuple[str, ...]) -> None:
    assert reviewed.cli("apply", "first.json").code == 0
    reviewed.campaign("one", status="archived")
    ended = reviewed.cli("apply", *flags)
    assert ended.code in {1, 3}
    assert reviewed.remote("Campaign one").status == "paused"
    assert "one" in reviewed.state().campaigns


def test_a_review_in_a_folder_that_cannot_be_used_is_told_and_covers_nothing(reviewed: World) -> None:
    folder = reviewed.root / "reviews"
    folder.mkdir()
    (folder / "0001.json").write_text("{")
    (folder / "0002.json").write_text((reviewed.root / "first.json").read_text())
    (folder / "0003.json").write_text((reviewed.root / "first.json").read_text().replace('"Two"', '"Tow"'))
    ended, found = plan(reviewed, "reviews")
    assert ended.code == 0
    assert "changed after it was saved" in " ".join(ended.err.split())
    assert "0001.json is damaged" in " ".join(ended.err.split())
    assert kinds(found, "one") == ["create", "enroll", "start"]


def test_a_review_that_was_edited_is_refused(reviewed: World) -> None:
    path = reviewed.root / "first.json"
    path.write_text(path.read_text().replace('"Two"', '"Tow"'))
    ended = reviewed.cli("plan", "--reviewed", "first.json")
    assert (ended.code, ended.out) == (1, "")
    assert "changed after it was saved" in " ".join(ended.err.split())


def test_a_run_that_may_not_send_makes_drafts_and_leaves_the_rest_to_the_next(reviewed: World) -> None:
    ended = reviewed.cli("apply", "first.json", "--no-send", "--receipt", "receipt.json")
    assert ended.code == 0, ended.out + ended.err
    assert {item.name: item.status for item in reviewed.sandbox.campaigns()} == {
        "Campaign one": "draft",
        "Campaign two": "draft",
    }
    assert not reviewed.sandbox.messages(reviewed.remote("Campaign one").id)
    receipt = json.loads((reviewed.root / "receipt.json").read_text())
    outcomes = {(item["campaign"], item["kind"]): item["outcome"] for item in receipt["results"]}
    assert outcomes == {
        ("one", "create"): "done",
        ("one", "enroll"): "scheduled",
        ("one", "start"): "scheduled",
        ("two", "create"): "done",
    }
    assert receipt["next"] == ["What sends email is left: `reconciler apply first.json` does it."]
    assert reviewed.cli("apply", "first.json").code == 0
    assert len(reviewed.sandbox.messages(reviewed.remote("Campaign one").id)) == 3
    assert reviewed.cli("plan", "--detailed-exitcode").code == 0


def test_a_run_that_may_not_send_enrols_nobody_into_what_runs_and_pauses_all_the_same(world: World) -> None:
    for key in ("one", "two"):
        world.leads(key)
        world.campaign(key, status="running")
    world.apply()
    world.leads("one", 5)
    world.campaign("two", status="paused")
    ended = world.cli("apply", "--no-send", "--auto-approve")
    assert ended.code == 0
    assert world.remote("Campaign two").status == "paused"
    assert world.sandbox.stats(world.remote("Campaign one").id)[1].total_enrolled == 3


def test_it_approves_of_nothing_that_would_send(reviewed: World) -> None:
    reviewed.campaign("one", status="running", start={"notBefore": f"{datetime.now(UTC).year + 2}-01-01"})
    assert reviewed.cli("apply", "--no-send", "--auto-approve").code == 0
    assert reviewed.state().approvals == {}
    assert reviewed.plan().summary.unapproved == 1
    assert reviewed.cli("apply", "--auto-approve").code == 0
    assert list(reviewed.state().approvals) == ["one"]
    assert reviewed.plan().summary.unapproved == 0


def test_nobody_is_asked_to_email_anybody_by_it(reviewed: World) -> None:
    ended = reviewed.cli("apply", "--no-send")
    assert ended.code == 1
    assert "Nobody gets a first email by this" not in ended.out
    assert "142 people" not in ended.out
    assert "it sends email, and this run may not (--no-send)" in " ".join(ended.out.split())


def test_the_markdown_of_a_run_goes_into_a_file_beside_its_form(reviewed: World) -> None:
    environment = reviewed.place.environment_name
    ended = reviewed.cli("plan", "--format", "json", "--markdown", "plan.md", "--link", "https://example.com/runs/1")
    assert json.loads(ended.out)["summary"]["create"] == 2
    assert (reviewed.root / "plan.md").read_text() == reviewed.cli(
        "plan", "--format", "markdown", "--link", "https://example.com/runs/1"
    ).out
    assert reviewed.cli("apply", "--auto-approve", "--format", "github", "--markdown", "apply.md").code == 0
    assert (reviewed.root / "apply.md").read_text().startswith(marker("apply", "default", environment))
    ended = reviewed.cli("validate", "--markdown", "validate.md")
    text = (reviewed.root / "validate.md").read_text()
    assert text.startswith(marker("validate", "default", environment))
    assert "2 campaigns valid" in text
    assert "| `one` | running | 2 | `specs/campaigns/one.yaml` |" in text


def test_what_is_wrong_goes_into_the_file_too(reviewed: World) -> None:
    reviewed.campaign("two", colour="red")
    for command in ("validate", "plan", "apply"):
        ended = reviewed.cli(command, "--markdown", "told.md")
        assert ended.code == 1
        text = (reviewed.root / "told.md").read_text()
        assert text.startswith(marker(command, "default", reviewed.place.environment_name))  # type: ignore[arg-type]
        assert "❌ needs you: 1" in text
        assert "colour" in text


def test_an_approval_outlives_a_run_that_could_not_read_its_campaign(world: World) -> None:
    world.leads("crowd", 1_600)
    world.campaign("crowd", status="running")
    world.workspace(policy={"maxNewRecipients": 5_000})
    world.session()
    assert world.cli("apply", "--auto-approve").code == 3
    world.sandbox.add_fault(Fault(kind="stats", action="reject", status=500, code="no"))
    assert world.cli("apply", "--approved-only").code == 1
    assert list(world.state().approvals) == ["crowd"]
    world.sandbox.clear_faults()
    assert world.cli("apply", "--approved-only").code == 3
    assert list(world.state().approvals) == ["crowd"]


def test_what_would_do_more_than_was_reviewed_is_not_recommended(reviewed: World) -> None:
    reviewed.campaign("two", leads=None, sequenceSteps=[{"subject": "Three", "bodyText": "two"}])
    ended = reviewed.cli("plan", "--reviewed", "first.json")
    assert ended.code == 1
    assert "Do exactly this" not in ended.out
    assert "Save it with --out FILE: `reconciler apply FILE` does this, and nothing else." in ended.err
    assert "Do exactly this: reconciler apply plan.json" in plan(reviewed, "first.json")[0].out
    refused = reviewed.cli("plan", "--reviewed", "first.json", "--target", "one")
    assert (refused.code, "leave --target or --reviewed out" in refused.err) == (1, True)
    refused = reviewed.cli("apply", "--no-send", "--approved-only")
    assert (refused.code, "leave --no-send or --approved-only out" in refused.err) == (1, True)


def test_what_nobody_has_approved_is_not_to_be_run_the_same_way_again(reviewed: World) -> None:
    ended = reviewed.cli("apply", "--approved-only", "--receipt", "receipt.json")
    assert ended.code == 3
    receipt = json.loads((reviewed.root / "receipt.json").read_text())
    assert receipt["next"] == ["What nobody has approved is left: `reconciler apply` asks about it."]
