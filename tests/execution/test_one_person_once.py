"""A person is written to once: over all campaigns, those that are no longer managed, and the lists of one plan."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from execution.acts import name, running
from support.world import World, actions, outcomes, person

from reconciler import wiring
from reconciler.diagnostics import SpecError
from reconciler.model.plan import Plan


def mixed(*people: tuple[str, int]) -> list[dict[str, str]]:
    return [person(key, number) for key, number in people]


def overlapping(world: World, key: str, *people: tuple[str, int], status: str = "running", **leads: Any) -> None:
    """Write a campaign whose list has exactly these people."""
    world.leads(key, rows=mixed(*people))
    world.campaign(key, status=status, leads={"source": f"leads:{key}.csv", **leads})


def emails(world: World, key: str) -> list[str]:
    return sorted(lead.email for lead in world.sandbox.leads(world.remote(name(key)).id))


def addresses(*people: tuple[str, int]) -> list[str]:
    return sorted(row["email"] for row in mixed(*people))


def left_out(plan: Plan, key: str) -> list[tuple[str, str, int]]:
    (planned,) = [item for item in plan.campaigns if item.key == key]
    return [(item.reason, item.key, item.leads) for item in planned.people.left_out]


def guards(plan: Plan, key: str) -> set[str]:
    return {item.id for action in plan.actions if action.campaign == key for item in action.guards if not item.passed}


def at(monkeypatch: pytest.MonkeyPatch, **later: float) -> None:
    moment = datetime.now(UTC) + timedelta(**later)
    monkeypatch.setattr(wiring, "now", lambda: moment)


def test_who_was_written_to_under_another_key_is_left_out_and_counted(world: World) -> None:
    running(world, "alpha", leads=3)
    overlapping(world, "beta", ("alpha", 0), ("alpha", 2), ("beta", 0))
    plan = world.plan()
    assert left_out(plan, "beta") == [("recontact", "alpha", 2)]
    assert plan.summary.new_recipients == 1
    world.apply()
    assert emails(world, "beta") == addresses(("beta", 0))
    assert world.plan().actions == ()


def test_a_list_without_anybody_left_is_not_started(world: World) -> None:
    running(world, "alpha", leads=2)
    overlapping(world, "beta", ("alpha", 0), ("alpha", 1))
    plan = world.plan()
    (start,) = [action for action in plan.actions if action.kind.value == "start"]
    assert start.reason == "0 leads, 1 wanted; 2 of the list left out"
    world.apply()
    assert world.remote(name("beta")).status == "draft"


def test_what_is_left_must_reach_the_minimum(world: World) -> None:
    running(world, "alpha", leads=2)
    overlapping(world, "beta", ("alpha", 0), ("beta", 0), ("beta", 1))
    world.campaign("beta", status="running", start={"minimumLeads": 3})
    assert guards(world.plan(), "beta") == {"minimum-leads"}


@pytest.mark.parametrize(("file", "days", "counts"), [("gone", 89, True), ("gone", 91, False), ("archived", 91, False)])
def test_campaigns_that_are_no_longer_managed_count_for_their_days(
    world: World, monkeypatch: pytest.MonkeyPatch, file: str, days: int, *, counts: bool
) -> None:
    running(world, "alpha", leads=2)
    world.campaign("other", sequenceSteps=[{"subject": "Other", "bodyText": "Other"}])
    if file == "gone":
        (world.specs / "campaigns" / "alpha.yaml").unlink()
    else:
        world.campaign("alpha", status="archived")
    world.apply()  # in a plan of its own: with beta in it, it would look like a rename
    overlapping(world, "beta", ("alpha", 0), ("beta", 0))
    at(monkeypatch, days=days)
    assert left_out(world.plan(), "beta") == ([("recontact", "alpha", 1)] if counts else [])


def test_a_managed_campaign_counts_however_old_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is paused may be resumed any day, and would then write to the same people."""
    running(world, "alpha", "gamma", leads=2)
    world.campaign("alpha", status="paused")
    world.apply()
    overlapping(world, "beta", ("alpha", 0), ("gamma", 0), ("beta", 0))
    at(monkeypatch, days=400)
    assert [key for _, key, _ in left_out(world.plan(), "beta")] == ["alpha", "gamma"]


def test_with_hold_the_campaign_waits(world: World) -> None:
    world.workspace(policy={"recontact": {"mode": "hold"}})
    running(world, "alpha", leads=2)
    overlapping(world, "beta", ("alpha", 0), ("beta", 0))
    plan = world.plan()
    assert guards(plan, "beta") == {"recontact"}
    (start,) = [action for action in plan.actions if action.kind.value == "start"]
    assert "within 90 days: 1 person by alpha; take them off the list" in start.reason
    report = world.apply()
    assert ("beta", "start", "held") in outcomes(report)
    assert emails(world, "beta") == []


def test_with_allow_people_are_written_to_again(world: World) -> None:
    world.workspace(policy={"recontact": {"mode": "allow"}})
    running(world, "alpha", leads=2)
    overlapping(world, "beta", ("alpha", 0), ("beta", 0))
    world.apply()
    assert emails(world, "beta") == addresses(("alpha", 0), ("beta", 0))


def test_who_is_on_two_lists_of_one_plan_gets_the_first_by_key(world: World) -> None:
    for key in ("beta", "alpha"):
        overlapping(world, key, ("both", 0), (key, 0))
    plan = world.plan()
    assert left_out(plan, "alpha") == []
    assert left_out(plan, "beta") == [("list", "alpha", 1)]
    assert plan.summary.new_recipients == 3
    world.apply()
    assert emails(world, "alpha") == addresses(("both", 0), ("alpha", 0))
    assert emails(world, "beta") == addresses(("beta", 0))
    assert world.plan().actions == ()


def test_the_first_speaks_for_its_people_also_while_it_waits(world: World) -> None:
    """Which of the two gets somebody does not depend on who is ready when, nor on `--target`."""
    overlapping(world, "alpha", ("both", 0))
    world.campaign("alpha", status="running", start={"minimumLeads": 5})
    overlapping(world, "beta", ("both", 0), ("beta", 0))
    for targets in ((), ("beta",)):
        assert left_out(world.plan(targets=targets), "beta") == [("list", "alpha", 1)]
    world.apply("beta")
    assert emails(world, "beta") == addresses(("beta", 0))
    world.campaign("alpha", status="running")
    world.apply()
    assert emails(world, "alpha") == addresses(("both", 0))


def test_a_draft_speaks_for_nobody(world: World) -> None:
    overlapping(world, "alpha", ("both", 0), status="draft")
    overlapping(world, "beta", ("both", 0), ("beta", 0))
    world.apply()
    assert emails(world, "beta") == addresses(("both", 0), ("beta", 0))
    world.campaign("alpha", status="running")
    assert left_out(world.plan(), "alpha") == [("recontact", "beta", 1)]


def test_whom_the_first_leaves_out_the_second_gets(world: World) -> None:
    """A speaks only for those it would write to itself."""
    overlapping(world, "customers", ("both", 0), status="draft")
    overlapping(world, "alpha", ("both", 0), ("alpha", 0), exclude=["customers"])
    overlapping(world, "beta", ("both", 0), ("beta", 0))
    world.apply()
    assert emails(world, "alpha") == addresses(("alpha", 0))
    assert emails(world, "beta") == addresses(("both", 0), ("beta", 0))


def test_new_people_of_a_running_campaign_are_looked_up_too(world: World) -> None:
    running(world, "alpha", "beta", leads=2)
    world.leads("beta", rows=mixed(("beta", 0), ("beta", 1), ("beta", 2), ("alpha", 1)))
    plan = world.plan()
    assert actions(plan) == [("beta", "enroll", "ready")]
    assert left_out(plan, "beta") == [("recontact", "alpha", 1)]
    world.apply()
    assert emails(world, "beta") == addresses(("beta", 0), ("beta", 1), ("beta", 2))


def test_changed_details_of_ones_own_people_are_still_sent(world: World) -> None:
    """Whoever is in a campaign stays in it, whatever another one does later."""
    world.workspace(policy={"recontact": {"mode": "allow"}})
    overlapping(world, "alpha", ("both", 0))
    overlapping(world, "beta", ("both", 0))
    world.apply()
    world.workspace(policy={"recontact": {"mode": "skip"}})
    world.leads("beta", rows=[{**person("both", 0), "company": "Renamed"}])
    world.apply()
    (lead,) = world.sandbox.leads(world.remote(name("beta")).id)
    assert lead.fields["company"] == "Renamed"


def test_excluded_lists_and_ledgers_are_left_out_whatever_the_policy(world: World) -> None:
    """On the list of the other one, or enrolled by it once and no longer on its list."""
    world.workspace(policy={"recontact": {"mode": "allow"}})
    running(world, "customers", leads=3)
    world.leads("customers", rows=mixed(("customers", 0), ("customers", 7)))
    overlapping(world, "beta", ("customers", 0), ("customers", 2), ("customers", 7), ("beta", 0), exclude=["customers"])
    plan = world.plan()
    assert left_out(plan, "beta") == [("exclude", "customers", 3)]
    world.apply("beta")
    assert emails(world, "beta") == addresses(("beta", 0))


def test_an_excluded_list_that_is_not_at_hand_holds_the_campaign(world: World) -> None:
    """Who is on it is not known, and unknown is not nobody."""
    overlapping(world, "customers", ("customers", 0), status="draft")
    overlapping(world, "beta", ("beta", 0), exclude=["customers"])
    (world.root / "lists" / "customers.csv").unlink()
    plan = world.plan()
    assert guards(plan, "beta") == {"exclude"}
    world.apply()
    assert emails(world, "beta") == []


@pytest.mark.parametrize(
    ("exclude", "told"),
    [
        (["custmers"], "`leads.exclude` names custmers, and there is no campaign of that key."),
        (["beta"], "beta excludes itself."),
    ],
)
def test_keys_that_mean_nobody_are_told_with_their_place(world: World, exclude: list[str], told: str) -> None:
    overlapping(world, "customers", ("customers", 0), status="draft")
    overlapping(world, "beta", ("beta", 0), exclude=exclude)
    with pytest.raises(SpecError) as caught:
        world.plan()
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("leads-exclude", told)
    assert (found.file, found.line is not None) == ("specs/campaigns/beta.yaml", True)
    assert found.hint == ("Did you mean customers?" if exclude == ["custmers"] else found.hint)


def test_blanks_of_people_who_are_left_out_hold_nobody(world: World) -> None:
    running(world, "alpha", leads=1)
    world.leads("beta", rows=[{**person("alpha", 0), "firstName": ""}, person("beta", 0)])
    world.campaign("beta", status="running")
    world.apply()
    assert emails(world, "beta") == addresses(("beta", 0))


def test_a_target_whose_file_is_gone_asks_for_no_list(world: World) -> None:
    running(world, "alpha", "beta", leads=1)
    (world.specs / "campaigns" / "beta.yaml").unlink()
    assert actions(world.plan(targets=("beta",))) == [("beta", "pause", "ready"), ("beta", "forget", "ready")]
