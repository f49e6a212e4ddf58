"""`--allow` in a process of its own: what it lifts, and what it refuses."""

import json

import pytest
from support.world import Ended, World


@pytest.fixture
def over(world: World) -> World:
    """Make a world in which five people are one too many."""
    world.workspace(policy={"maxNewRecipients": 4})
    world.leads("one", 5)
    world.campaign("one", status="running")
    world.session()
    return world


def sent_to(world: World) -> int:
    return sum(len(world.sandbox.messages(item.id)) for item in world.sandbox.campaigns())


def words(ended: Ended) -> str:
    return " ".join(ended.text.split())


def test_over_budget_it_needs_somebody_and_says_what_to_do(over: World) -> None:
    for arguments in (["plan"], ["apply", "--auto-approve"], ["apply", "--auto-approve"]):
        ended = over.cli(*arguments)
        assert ended.code == 1
        assert "one needs you" in ended.out
        assert "✗ over budget" in ended.out
        assert "Nobody gets a first email if you apply this." in ended.out
        assert "run it with `--allow new-recipients=5`" in words(ended)
    assert over.writes() == ["create"]
    assert sent_to(over) == 0


def test_the_amount_lifts_it_for_this_run(over: World) -> None:
    assert over.cli("plan", "--allow", "new-recipients=4").code == 1
    planned = over.cli("plan", "--allow", "new-recipients=5", "--allow", "forgets=9")
    assert planned.code == 0
    assert "✓ 5 of 5 new recipients" in planned.out
    assert "Do exactly this: reconciler apply --allow new-recipients=5 --allow forgets=9" in words(planned)
    assert over.cli("apply", "--auto-approve", "--allow", "new-recipients=5", "--allow", "new-recipients=1").code == 0
    assert sent_to(over) == 5
    over.leads("one", 10)
    assert over.cli("plan").code == 1


def test_an_allowance_lifts_it_until_its_last_day(over: World) -> None:
    lineage = {"lineage": over.state().lineage}
    allow = [{"newRecipients": 9, "until": "2020-01-01", "reason": "then"}]
    over.workspace(state=lineage, policy={"maxNewRecipients": 4}, allow=allow)
    ended = over.cli("plan")
    assert ended.code == 1
    assert "the allowance of 9 new recipients expired on Wed 1 Jan 2020 and does not count" in words(ended)
    allow.append({"newRecipients": 8, "until": "2199-01-01", "reason": "now"})
    over.workspace(state=lineage, policy={"maxNewRecipients": 4}, allow=allow)
    plan = json.loads(over.cli("plan", "--format", "json").out)
    assert {"id": "budget", "passed": True, "detail": "5 of 8 new recipients"} in plan["actions"][-1]["guards"]
    assert plan["summary"]["newRecipients"] == 5
    assert over.cli("apply", "--auto-approve").code == 0
    assert sent_to(over) == 5


def test_letting_go_has_a_budget_of_its_own(world: World) -> None:
    for number in range(5):
        world.campaign(f"c{number}", name=f"Campaign {number}", leads=None, sequenceSteps=None)
    world.apply()
    for number in range(4):
        (world.specs / "campaigns" / f"c{number}.yaml").unlink()
    ended = world.cli("apply", "--auto-approve")
    assert ended.code == 1
    assert "4 campaigns in all would no longer be managed, and one apply may let go of 3" in words(ended)
    assert len(world.state().campaigns) == 5
    assert world.cli("apply", "--auto-approve", "--allow", "forgets=4").code == 0
    assert set(world.state().campaigns) == {"c4"}


@pytest.mark.parametrize("command", ["plan", "apply"])
@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("everything", "there is no budget 'everything'; there are new-recipients=N and forgets=N."),
        ("new-recipient=5", "there is no budget 'new-recipient'; there are new-recipients=N and forgets=N."),
        ("newRecipients=5", "there are new-recipients=N and forgets=N."),
        ("forgets", "'forgets' has no whole number; write it like forgets=10."),
        ("forgets=", "has no whole number"),
        ("new-recipients=-5", "has no whole number"),
        ("new-recipients=5.0", "has no whole number"),
        ("new-recipients=\N{ARABIC-INDIC DIGIT FIVE}", "has no whole number"),
        ("new-recipients=1_000", "has no whole number"),
        ("new-recipients=" + "9" * 5_000, "has no whole number"),
    ],
    ids=lambda value: str(value)[:25],
)
def test_a_wrong_name_or_number_is_a_misuse(over: World, command: str, value: str, told: str) -> None:
    ended = over.cli(command, "--allow", value)
    assert (ended.code, ended.out) == (1, "")
    assert f"Usage: reconciler {command}" in ended.err
    assert told in words(ended)
    assert over.kinds() == []


def test_there_is_no_force(over: World) -> None:
    for flag in ("--force", "--yes", "--allow-all"):
        ended = over.cli("apply", "--auto-approve", flag)
        assert ended.code == 1
        assert "No such option" in ended.err
    assert over.writes() == []
