"""Capacity is spent once, however many campaigns start at the same moment."""

import itertools
import threading

import pytest
from execution.acts import drafted, pools, queued, remote_id, running
from execution.conftest import Around, Clock
from support.world import World, outcomes

from reconciler.execution.checks import Checks
from reconciler.execution.reading import Reader
from reconciler.leadterra.client import LeadterraClient
from reconciler.model.campaign import Campaign, SequenceStep, Status
from reconciler.model.live import Account, Capabilities, LiveStatus, Pool, Stats
from reconciler.model.plan import ActionStatus
from reconciler.model.roster import Roster
from reconciler.model.state import CampaignState, State
from reconciler.model.workspace import Policy
from reconciler.planning.budgets import Budgets
from reconciler.wiring import now


def test_two_starts_never_spend_the_same_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten drafts, room for three of them since the plan; all threads read the pools before any of them decides."""
    keys = [f"c{number}" for number in range(10)]
    drafted(world, *keys, leads=10)
    pools(world, 1_000)
    original, barrier, armed = LeadterraClient.sender_pools, threading.Barrier(8), threading.Event()

    def together(self: LeadterraClient) -> tuple[Pool, ...]:
        found = original(self)
        if armed.is_set():
            try:
                barrier.wait(0.5)
            except threading.BrokenBarrierError:
                armed.clear()
        return found

    def shrink() -> None:
        pools(world, 35)
        armed.set()

    monkeypatch.setattr(LeadterraClient, "sender_pools", together)
    report = world.apply(meanwhile=shrink)
    started = [item for item in report.results if item.kind == "start" and item.outcome == "done"]
    assert len(started) == 3
    assert queued(world) == 30


class Fake:
    """A server with room for 100, on which every campaign is an empty draft."""

    def __init__(self, threads: int) -> None:
        self.barrier = threading.Barrier(threads)

    def sender_pools(self) -> tuple[Pool, ...]:
        self.barrier.wait(5)
        return (Pool(id="pool_1", name="Pool", daily_capacity=100, remaining=100),)

    def sender_accounts(self) -> tuple[Account, ...]:
        return (Account(id="sa_1", status="active"),)

    def stats(self, _campaign_id: str) -> Stats:
        return Stats(total_enrolled=0, sent=0, queued=0)


@pytest.mark.parametrize("need", [1, 33, 50, 51, 100, 101])
def test_reservations_under_a_race(need: int) -> None:
    """Exactly as many are ready as there is room for."""
    found = race(need, Policy())
    assert found.count(ActionStatus.READY) == min(8, 100 // need)
    assert set(found) <= {ActionStatus.READY, ActionStatus.HELD}


@pytest.mark.parametrize("need", [1, 9, 10, 11, 20, 21])
def test_the_budget_under_a_race(need: int) -> None:
    """Exactly as many are ready as the budget lets through, whatever room there is."""
    found = race(need, Policy(max_new_recipients=20))
    assert found.count(ActionStatus.READY) == min(8, 20 // need)
    assert set(found) <= {ActionStatus.READY, ActionStatus.BLOCKED}


def race(need: int, policy: Policy) -> list[ActionStatus]:
    """Check eight drafts with so many people each at the same moment."""
    threads = 8
    steps = (SequenceStep(subject="Hello", body_html="<p>Hi</p>"),)
    campaigns = [
        Campaign(
            key=f"c{number}", name="C", status=Status.RUNNING, steps=steps, file="c.yaml", first_step_within_days=1
        )
        for number in range(threads)
    ]
    entries = {
        item.key: CampaignState(
            id=f"camp_{item.key}", name="C", file="c.yaml", status="draft", steps_digest=item.steps_digest
        )
        for item in campaigns
    }
    state = State(lineage="l", ledger_key_id="k", campaigns=entries)
    api = Fake(threads)
    reader = Reader(api, Capabilities(get_campaign=False))  # type: ignore[arg-type]
    checks = Checks(
        api,  # type: ignore[arg-type]
        reader,
        policy,
        now,
        {},
        read_at=now(),
        budgets=Budgets(policy),
    )
    roster = Roster(source="list", at_hand=True, leads=need, new=need)
    found: list[ActionStatus] = []

    def check(campaign: Campaign) -> None:
        verdict = checks.check(campaign, state, roster, planned=LiveStatus.DRAFT, before_enrolling=True)
        found.append(verdict.status)

    workers = [threading.Thread(target=check, args=(campaign,)) for campaign in campaigns]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found


def test_what_is_reserved_before_enrolling_stays_reserved(world: World, around: Around) -> None:
    """A paused campaign's counters say nothing of new leads until it is resumed: their room is kept for them."""
    running(world, "one")
    world.campaign("one", status="paused")
    world.apply()
    world.leads("one", 13)
    world.campaign("one", status="running")
    pools(world, 1_000)
    around("enroll", after=lambda: pools(world, 12))
    assert outcomes(world.apply()) == [("one", "enroll", "done"), ("one", "resume", "held")]
    assert world.remote("Campaign one").status == "paused"


def test_other_queues_are_read_again_after_a_minute(world: World, clock: Clock) -> None:
    """An approval may take long: what other campaigns had waiting at the plan says little by then."""
    running(world, "other")
    drafted(world, "one")
    pools(world, 20)

    def later() -> None:
        clock.forward(seconds=61)
        world.sandbox.set_counters(remote_id(world, "other"), {"queued": 18})

    assert outcomes(world.apply(meanwhile=later))[-2:] == [("one", "enroll", "held"), ("one", "start", "not attempted")]
    world.sandbox.set_counters(remote_id(world, "other"), {"queued": 17})
    assert outcomes(world.apply())[-1] == ("one", "start", "done")


def test_other_queues_are_not_read_again_within_a_minute(world: World, clock: Clock) -> None:
    running(world, "other")
    drafted(world, "one")
    before = sum(remote_id(world, "other") in request.path for request in world.sandbox.requests())
    world.apply(meanwhile=lambda: clock.forward(seconds=60))
    after = sum(remote_id(world, "other") in request.path for request in world.sandbox.requests())
    assert after - before == 2


def test_a_draft_of_ours_that_somebody_started_counts_as_well(world: World, clock: Clock) -> None:
    """It was no running campaign when the plan was made, and its emails take room all the same."""
    world.leads("other", 3)
    world.campaign("other")
    drafted(world, "one")
    other = remote_id(world, "other")
    pools(world, 5)

    def later() -> None:
        clock.forward(seconds=61)
        world.sandbox.enroll(other, {"leads": [{"email": f"p{number}@example.org"} for number in range(3)]})
        world.sandbox.set_status(other, "running")

    assert outcomes(world.apply(meanwhile=later))[0] == ("one", "enroll", "held")


def test_another_queue_that_cannot_be_read_again_is_not_taken_for_empty(
    world: World, clock: Clock, around: Around
) -> None:
    running(world, "other")
    drafted(world, "one")
    other = remote_id(world, "other")
    original = LeadterraClient.stats
    told = itertools.count()

    def stats(self: LeadterraClient, campaign_id: str) -> Stats:
        from reconciler.diagnostics import ApiError, error

        if campaign_id == other and next(told):
            raise ApiError(error("api-refused", "no"))
        return original(self, campaign_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LeadterraClient, "stats", stats)
        report = world.apply(meanwhile=lambda: clock.forward(minutes=2))
    assert outcomes(report)[0] == ("one", "enroll", "held")
