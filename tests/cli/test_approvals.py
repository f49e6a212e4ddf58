"""`plan --out` and `apply PLAN`: a saved plan is an approval of what it shows, and of nothing else."""

import json
from typing import Any

import pytest
from cli.process import at_terminal
from support.world import Ended, World, person

from reconciler.sandbox.faults import Fault

LEDGER_KEY = "a-very-secret-ledger-key"


@pytest.fixture
def saved(world: World) -> World:
    """Make a world with a saved plan: one starts with three people, two is a draft."""
    world.leads("one")
    world.campaign("one", status="running")
    world.campaign("two", leads=None, sequenceSteps=[{"subject": "Two", "bodyText": "two"}])
    world.session()
    assert world.cli("plan", "--out", "plan.json").code == 0
    return world


def flat(text: str) -> str:
    return " ".join(text.split())


def apply(world: World, *flags: str) -> Ended:
    return world.cli("apply", "plan.json", *flags)


def sent_to(world: World, key: str) -> int:
    return len(world.sandbox.messages(world.remote(f"Campaign {key}").id))


def names(world: World) -> list[str]:
    return sorted(item.name for item in world.sandbox.campaigns())


def test_it_is_done_without_a_question_and_a_second_time_there_is_nothing_to_do(saved: World) -> None:
    ended = apply(saved)
    assert ended.code == 0
    assert sent_to(saved, "one") == 3
    assert names(saved) == ["Campaign one", "Campaign two"]
    writes = saved.writes()
    again = apply(saved)
    assert again.code == 0
    assert "Nothing to change: 2 campaigns are as the files say." in again.out
    assert "Not attempted" not in again.out
    assert saved.writes() == writes
    assert saved.cli("plan", "--detailed-exitcode").code == 0


def test_the_plan_says_how_to_do_it(saved: World) -> None:
    ended = saved.cli("plan", "--env", "default", "--out", "my plan.json")
    assert "Do exactly this: reconciler apply 'my plan.json'" in flat(ended.out)
    ended = saved.cli("plan", "--sandbox", "--target", "one", "--out=-p.json", "--no-color")
    assert "Do exactly this: reconciler apply --sandbox ./-p.json" in flat(ended.out)
    assert saved.cli("apply", "--sandbox", "./-p.json").code == 0


def test_the_file_is_the_plan_and_holds_no_secret_and_no_address(saved: World) -> None:
    saved.environment = "secret"
    saved.workspace(environments={"secret": {}})
    env = {"RECONCILER_LEDGER_KEY": LEDGER_KEY}
    assert saved.cli("state", "init", "--env", "secret", "--auto-approve", env=env).code == 0
    ended = saved.cli("plan", "--env", "secret", "--out", "secret.json", "--format", "json", env=env)
    text = (saved.root / "secret.json").read_text()
    document, shown = json.loads(text), json.loads(ended.out)
    del document["seal"]
    assert document == shown
    state = json.loads((saved.root / ".reconciler" / "default" / "state.json").read_text())
    for content in (text, (saved.root / "plan.json").read_text()):
        for secret in (saved.options.key, LEDGER_KEY, state["ledgerKey"], "@example"):
            assert secret not in content
        for number in range(3):
            assert person("one", number)["email"].partition("@")[0] not in content


def test_a_plan_that_needs_somebody_is_saved_all_the_same(saved: World) -> None:
    assert apply(saved).code == 0
    saved.campaign("one", status="draft")
    saved.campaign("two", leads=None, name="Second", sequenceSteps=[{"subject": "Two", "bodyText": "two"}])
    assert saved.cli("plan", "--out", "plan.json").code == 1
    ended = apply(saved)
    assert ended.code == 1
    assert "one  update" in ended.out
    assert "needs you" in ended.out
    assert names(saved) == ["Campaign one", "Second"]


@pytest.mark.parametrize("flags", [(), ("--format", "json")], ids=["text", "json"])
def test_an_edited_campaign_is_not_touched_and_what_moved_is_named(saved: World, flags: tuple[str, ...]) -> None:
    steps = [{"subject": "Hi {{firstName}}", "bodyText": "Hi {{firstName}},\n\nfirst."}]
    saved.campaign("one", status="running", name="Campaign 1", sequenceSteps=steps)
    ended = apply(saved, *flags)
    assert ended.code == 1
    assert names(saved) == ["Campaign two"]
    if flags:
        report = json.loads(ended.out)
        moved = {item["path"]: (item["before"], item["after"]) for item in report["moved"]}
        assert moved["name"] == ("Campaign one", "Campaign 1")
        assert moved["sequenceSteps[0].subject"] == ("Hello {{firstName}}", "Hi {{firstName}}")
        assert moved["sequenceSteps[1]"] == ("Re: Hello {{firstName}}", None)
        assert {(item["campaign"], item["outcome"]) for item in report["results"]} == {
            ("one", "not attempted"),
            ("two", "done"),
        }
        return
    told = flat(ended.out)
    assert "one create, enroll, start not as it was approved:" in told
    assert 'name was "Campaign one", is now "Campaign 1"' in told
    assert 'step 1 subject was "Hello {{firstName}}", is now "Hi {{firstName}}"' in told
    assert 'step 2 is gone: "Re: Hello {{firstName}}"' in told
    assert (
        "What moved was not touched. Review it anew with `reconciler plan --out plan.json`, then "
        "`reconciler apply plan.json`."
    ) in told
    assert saved.cli("plan", "--out", "plan.json").code == 0
    assert apply(saved).code == 0
    assert sent_to(saved, "one" if "Campaign one" in names(saved) else "1") == 3


def test_another_list_is_named(saved: World) -> None:
    saved.leads("one", 5)
    ended = apply(saved)
    assert ended.code == 1
    assert "the number of people was 3, is now 5" in ended.out
    saved.leads("one", rows=[person("one", number) for number in (0, 1, 7)])
    ended = apply(saved)
    assert ended.code == 1
    assert "the list of people changed" in ended.out
    assert names(saved) == ["Campaign two"]


def test_a_campaign_that_was_not_in_it_is_not_touched(saved: World) -> None:
    saved.campaign("three", leads=None, sequenceSteps=[{"subject": "Three", "bodyText": "three"}])
    ended = apply(saved)
    assert ended.code == 1
    assert "not in the approved plan; to be done now: create" in ended.out
    assert names(saved) == ["Campaign one", "Campaign two"]
    assert sent_to(saved, "one") == 3


def test_nothing_is_written_down_for_what_moved(saved: World) -> None:
    """`protect` of a campaign is taken over by an apply; not by one that does not cover it."""
    assert apply(saved).code == 0
    saved.campaign("one", status="paused")
    assert saved.cli("plan", "--out", "plan.json").code == 0
    saved.campaign("one", status="running", protect=True)
    ended = apply(saved)
    assert ended.code == 1
    assert "its status in its file was paused, is now running" in ended.out
    assert not saved.state().campaigns["one"].protect
    assert saved.remote("Campaign one").status == "running"


@pytest.mark.parametrize("kind", ["start", "enroll", "create"])
def test_a_run_that_broke_off_is_finished_by_the_same_command(saved: World, kind: Any) -> None:
    saved.sandbox.add_fault(Fault(kind=kind, action="reject", status=400, code="no", nth=1))
    broken = apply(saved)
    assert broken.code == 1
    assert "Run `reconciler apply plan.json` again: it does" in broken.out
    again = apply(saved)
    assert again.code == 0, again.text
    assert (sent_to(saved, "one"), names(saved)) == (3, ["Campaign one", "Campaign two"])
    assert apply(saved).code == 0
    assert saved.cli("plan", "--detailed-exitcode").code == 0


def test_a_draft_whose_creation_was_not_answered_is_adopted_as_part_of_the_same_approval(saved: World) -> None:
    saved.sandbox.add_fault(Fault(kind="create", action="drop", nth=1))
    assert apply(saved).code == 1
    again = apply(saved)
    assert again.code == 0, again.text
    assert (sent_to(saved, "one"), names(saved)) == (3, ["Campaign one", "Campaign two"])
    assert apply(saved).code == 0


def test_what_is_left_is_not_finished_with_another_text(saved: World) -> None:
    saved.sandbox.add_fault(Fault(kind="enroll", action="reject", status=400, code="no", nth=1))
    assert apply(saved).code == 1
    steps = [{"subject": "Hi", "bodyText": "other"}]
    saved.campaign("one", status="running", sequenceSteps=steps)
    ended = apply(saved)
    assert ended.code == 1
    assert 'step 1 subject was "Hello {{firstName}}", is now "Hi"' in ended.out
    assert sent_to(saved, "one") == 0


def test_what_was_let_go_stays_done(saved: World) -> None:
    (saved.specs / "campaigns" / "two.yaml").unlink()
    saved.campaign("two", leads=None, sequenceSteps=[{"subject": "Two", "bodyText": "two"}])
    assert apply(saved).code == 0
    (saved.specs / "campaigns" / "two.yaml").unlink()
    assert saved.cli("plan", "--target", "two", "--out", "plan.json").code == 0
    for _ in range(2):
        assert apply(saved).code == 0, "what --target chose is gone, as was approved"
    assert list(saved.state().campaigns) == ["one"]


def test_the_targets_are_those_of_the_plan(saved: World) -> None:
    assert saved.cli("plan", "--target", "two", "--out", "plan.json").code == 0
    assert json.loads((saved.root / "plan.json").read_text())["targets"] == ["two"]
    twice = apply(saved, "--target", "one")
    assert twice.code == 1
    assert "a saved plan has its targets already" in twice.err
    assert saved.writes() == []
    assert apply(saved).code == 0
    assert names(saved) == ["Campaign two"]


def test_what_waits_is_still_exit_code_3(saved: World) -> None:
    saved.campaign("one", status="running", start={"minimumLeads": 4})
    ended = apply(saved)
    assert ended.code == 3, "how many are wanted is a check, no part of what is approved"
    assert "3 leads, 4 wanted" in ended.out


def test_what_a_run_may_do_beyond_the_policy_is_said_again(saved: World) -> None:
    """`--allow` is no part of an approval, but the command that a plan and a report name has it."""
    saved.workspace(policy={"maxNewRecipients": 2}, state={"lineage": saved.state().lineage})
    ended = saved.cli("plan", "--allow", "new-recipients=3", "--out", "plan.json")
    assert "Do exactly this: reconciler apply plan.json --allow new-recipients=3" in flat(ended.out)
    assert apply(saved).code == 1
    assert sent_to(saved, "one") == 0
    saved.sandbox.add_fault(Fault(kind="start", action="reject", status=400, code="no", nth=1))
    ended = apply(saved, "--allow", "new-recipients=3")
    assert "Run `reconciler apply plan.json --allow new-recipients=3` again" in flat(ended.out)
    assert apply(saved, "--allow", "new-recipients=3").code == 0


def test_what_moved_is_exit_code_1_also_where_something_waits(saved: World) -> None:
    saved.campaign("one", status="running", start={"minimumLeads": 4})
    saved.campaign("two", leads=None, sequenceSteps=[{"subject": "Second", "bodyText": "two"}])
    ended = apply(saved)
    assert ended.code == 1
    assert "3 leads, 4 wanted" in ended.out


def test_what_moved_takes_no_room_from_the_others(saved: World) -> None:
    """The sandbox has room for 1,543 today: one, which comes first, would take all of it."""
    saved.leads("zero", 100)
    saved.campaign("zero", status="running", sequenceSteps=[{"subject": "Zero", "bodyText": "zero"}])
    assert saved.cli("plan", "--out", "plan.json").code == 0
    saved.leads("one", 1543)
    ended = apply(saved)
    assert ended.code == 1
    assert sent_to(saved, "zero") == 100


REFUSED = {
    "missing": (None, "there is no plan in plan.json"),
    "truncated": (lambda text: text[:-9], "is damaged: it is not JSON"),
    "edited": (lambda text: text.replace("Hello", "Hi"), "was changed after it was saved"),
    "newer": (lambda text: text.replace('"formatVersion": 1', '"formatVersion": 2'), "has the format version 2"),
    "empty": (lambda _text: "", "is damaged: it is not JSON"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_approval_is_refused(saved: World, name: str) -> None:
    change, words = REFUSED[name]
    path = saved.root / "plan.json"
    if change is None:
        path.unlink()
    else:
        path.write_text(change(path.read_text()))
    ended = apply(saved, "--auto-approve")
    assert ended.code == 1
    assert words in flat(ended.err)
    assert saved.writes() == []


def test_a_plan_of_another_place_is_refused(saved: World) -> None:
    lineage = saved.state().lineage
    assert f"the plan in plan.json is for the state {lineage}, and this one is" in flat(apply(saved, "--sandbox").err)
    saved.workspace(environments={"staging": {}}, state={"lineage": lineage})
    assert saved.cli("state", "init", "--env", "staging", "--auto-approve").code == 0
    ended = apply(saved, "--env", "staging")
    assert ended.code == 1
    assert "is for the environment default, not staging" in flat(ended.err)
    assert saved.writes() == []


def test_where_the_plan_cannot_be_saved_that_is_told(saved: World) -> None:
    ended = saved.cli("plan", "--out", "nowhere/plan.json")
    assert ended.code == 1
    assert "the plan could not be written to nowhere/plan.json" in flat(ended.err)


def test_nobody_is_asked_at_a_terminal_either(saved: World) -> None:
    assert at_terminal(saved, "apply", "plan.json").code == 0
    assert sent_to(saved, "one") == 3
