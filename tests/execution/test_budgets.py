"""The budget again, right before the call: an allowance may end while somebody makes up their mind."""

import pytest
from execution.acts import detail, drafted, pools, queued, running
from execution.conftest import Around, Clock
from support.world import World, actions, outcomes

from reconciler.execution.checks import Checks
from reconciler.execution.reading import Reader
from reconciler.model.campaign import Campaign, SequenceStep, Status
from reconciler.model.live import Account, Capabilities, LiveStatus, Pool, Stats
from reconciler.model.plan import ActionStatus
from reconciler.model.roster import Roster
from reconciler.model.state import CampaignState, State
from reconciler.model.workspace import Allowance, Budget, Policy
from reconciler.planning.budgets import Budgets

TODAY = {"newRecipients": 3, "until": "2026-11-02", "reason": "launch"}
"""To the end of the day on which the program's clock starts, at 09:00."""


def bounded(world: World) -> None:
    world.workspace(policy={"maxNewRecipients": 2}, allow=[TODAY])


@pytest.mark.parametrize(("hours", "outcome"), [(14, "done"), (15, "blocked")])
def test_an_allowance_that_ends_before_the_approval(world: World, clock: Clock, hours: int, outcome: str) -> None:
    bounded(world)
    drafted(world, "one")
    report = world.apply(meanwhile=lambda: clock.forward(hours=hours))
    assert outcomes(report)[0] == ("one", "enroll", outcome)
    assert queued(world) == (3 if outcome == "done" else 0)
    if outcome == "blocked":
        assert outcomes(report)[1] == ("one", "start", "not attempted")
        assert "3 people in all would get a first email, and one apply may newly write to 2" in detail(report, "enroll")
        assert "`--allow new-recipients=3`" in detail(report, "enroll")
        assert not {"enroll", "start"} & set(world.writes())


def test_an_allowance_that_ends_while_a_draft_is_enrolled(world: World, clock: Clock, around: Around) -> None:
    """Its people count until it is started, whoever enrolled them."""
    bounded(world)
    drafted(world, "one")
    around("enroll", after=lambda: clock.forward(hours=15))
    assert outcomes(world.apply()) == [("one", "enroll", "done"), ("one", "start", "blocked")]
    assert "start" not in world.writes()
    assert actions(world.plan()) == [("one", "start", "blocked")]


def test_who_was_enrolled_by_an_earlier_run_counts_when_the_draft_is_started(
    world: World, clock: Clock, around: Around
) -> None:
    bounded(world)
    drafted(world, "one")
    around("enroll", after=lambda: pools(world, 2))
    assert outcomes(world.apply()) == [("one", "enroll", "done"), ("one", "start", "held")]
    pools(world, 3)
    assert outcomes(world.apply(meanwhile=lambda: clock.forward(hours=15))) == [("one", "start", "blocked")]
    assert queued(world) == 0


def test_an_allowance_that_ends_while_people_are_added_to_a_paused_campaign(
    world: World, clock: Clock, around: Around
) -> None:
    bounded(world)
    running(world, "one")
    world.campaign("one", status="paused")
    world.apply()
    world.leads("one", 6)
    world.campaign("one", status="running")
    around("enroll", after=lambda: clock.forward(hours=15))
    assert outcomes(world.apply()) == [("one", "enroll", "done"), ("one", "resume", "blocked")]
    assert world.remote("Campaign one").status == "paused"


def test_new_people_of_a_running_campaign(world: World, clock: Clock) -> None:
    bounded(world)
    running(world, "one")
    world.leads("one", 6)
    report = world.apply(meanwhile=lambda: clock.forward(hours=15))
    assert outcomes(report) == [("one", "enroll", "blocked")]
    assert queued(world) == 3


def test_what_writes_to_nobody_new_goes_on_without_a_budget(world: World) -> None:
    running(world, "one")
    world.campaign("one", status="paused")
    world.apply()
    world.workspace(state={"lineage": world.state().lineage}, policy={"maxNewRecipients": 0})
    world.campaign("one", status="running")
    assert outcomes(world.apply()) == [("one", "resume", "done")]


class Fake:
    """A server on which every campaign runs, and nobody is in any."""

    def sender_pools(self) -> tuple[Pool, ...]:
        return (Pool(id="pool_1", name="Pool", daily_capacity=100, remaining=100),)

    def sender_accounts(self) -> tuple[Account, ...]:
        return (Account(id="sa_1", status="active"),)

    def stats(self, _campaign_id: str) -> Stats:
        return Stats(total_enrolled=0, sent=0, queued=0)


def test_who_adds_nobody_gets_through_after_an_allowance_of_others_ended(clock: Clock) -> None:
    """Three were allowed and are on their way; what writes to nobody new is not asked for a budget."""
    steps = (SequenceStep(subject="Hello", body_html="<p>Hi</p>"),)
    campaigns = [
        Campaign(key=key, name="C", status=Status.RUNNING, steps=steps, file="c.yaml") for key in ("adds", "corrects")
    ]
    entries = {
        item.key: CampaignState(
            id=f"camp_{item.key}", name="C", file="c.yaml", status="running", steps_digest=item.steps_digest
        )
        for item in campaigns
    }
    state = State(lineage="l", ledger_key_id="k", campaigns=entries)
    policy, api = Policy(max_new_recipients=2), Fake()
    allowed = Allowance(budget=Budget.NEW_RECIPIENTS, amount=3, until=clock().date(), reason="r", file="w.yaml")
    checks = Checks(
        api,  # type: ignore[arg-type]
        Reader(api, Capabilities(get_campaign=False)),  # type: ignore[arg-type]
        policy,
        clock,
        {},
        read_at=clock(),
        budgets=Budgets(policy, (allowed,)),
    )
    found = []
    for campaign, new in zip(campaigns, (3, 0), strict=True):
        roster = Roster(source="list", at_hand=True, leads=3, new=new, changed=3 - new)
        found.append(checks.check(campaign, state, roster, planned=LiveStatus.RUNNING, before_enrolling=True).status)
        clock.forward(hours=15)
    assert found == [ActionStatus.READY, ActionStatus.READY]


def test_campaigns_of_one_run_share_it(world: World, clock: Clock) -> None:
    """Six were allowed, three still are: whichever campaign is first gets through, and no other."""
    world.workspace(policy={"maxNewRecipients": 3}, allow=[{**TODAY, "newRecipients": 6}])
    drafted(world, "one", "two")
    report = world.apply(meanwhile=lambda: clock.forward(hours=15))
    assert sorted((kind, outcome) for _, kind, outcome in outcomes(report)) == [
        ("enroll", "blocked"),
        ("enroll", "done"),
        ("start", "done"),
        ("start", "not attempted"),
    ]
    assert queued(world) == 3


def test_pauses_are_made_though_letting_go_is_over_budget(world: World) -> None:
    world.workspace(policy={"maxForgets": 1})
    running(world, "one", "two")
    other = {"subject": "Something else", "bodyText": "Hi."}
    world.campaign("three", leads=None, sequenceSteps=[other])
    for key in ("one", "two"):
        (world.specs / "campaigns" / f"{key}.yaml").unlink()
    assert outcomes(world.apply()) == [
        ("one", "pause", "done"),
        ("one", "forget", "blocked"),
        ("three", "create", "done"),
        ("two", "pause", "done"),
        ("two", "forget", "blocked"),
    ]
    assert [world.remote(f"Campaign {key}").status for key in ("one", "two")] == ["paused", "paused"]
    assert set(world.state().campaigns) == {"one", "two", "three"}
    assert actions(world.plan()) == [("one", "forget", "blocked"), ("two", "forget", "blocked")]
