"""Every guard is asked again right before the call, on data that may have changed since the plan."""

from collections.abc import Callable

import pytest
from execution.acts import detail, drafted, enroll_stranger, leave_mark, lift, pools, queued, remote_id, running
from execution.conftest import Around, Clock
from support.world import World, actions, outcomes

from reconciler.leadterra.client import LeadterraClient
from reconciler.model.live import RemoteCampaign, Started
from reconciler.sandbox.faults import Action, Fault
from reconciler.sandbox.options import SandboxOptions
from reconciler.upkeep import import_campaign

pytestmark = pytest.mark.sample(2)

Meanwhile = Callable[[World], object]
EDITED = {"sequenceSteps": [{"subject": "BUY NOW", "bodyHtml": "<p>!</p>", "delayDays": 0}]}


@pytest.mark.parametrize(
    ("act", "outcome", "words"),
    [
        pytest.param(enroll_stranger, "blocked", "knows of 0", id="somebody enrolled"),
        pytest.param(lambda w: w.sandbox.set_status(remote_id(w), "running"), "held", "running now", id="started"),
        pytest.param(lambda w: pools(w, 2), "held", "1 short", id="pools drained"),
        pytest.param(lambda w: pools(w, 9, accounts=("paused", "warming")), "held", "no active", id="senders paused"),
        pytest.param(leave_mark, "held", "wrong price", id="stopped"),
        pytest.param(lambda w: w.leads("one", 5), "held", "list changed", id="list changed"),
        pytest.param(lambda w: w.sandbox.edit_campaign(remote_id(w), EDITED), "held", "changed in Lead", id="edited"),
        pytest.param(lambda w: w.sandbox.set_counters(remote_id(w), {"sent": 1}), "blocked", "somebody st", id="sent"),
        pytest.param(lambda w: w.sandbox.delete_campaign(remote_id(w)), "held", "gone now", id="deleted"),
        pytest.param(
            lambda w: w.sandbox.add_fault(Fault(kind="pools", action="reject")), "held", "not known", id="pools unread"
        ),
        pytest.param(
            lambda w: w.sandbox.add_fault(Fault(kind="accounts", action="reject")),
            "held",
            "could not be read",
            id="senders unread",
        ),
        pytest.param(
            lambda w: w.sandbox.add_fault(Fault(kind="stats", action="reject")), "held", "refused", id="stats unread"
        ),
    ],
)
def test_what_changed_since_the_plan_stops_the_enrolment(
    world: World, act: Meanwhile, outcome: str, words: str
) -> None:
    drafted(world, "one")
    report = world.apply(meanwhile=lambda: act(world))
    assert outcomes(report) == [("one", "enroll", outcome), ("one", "start", "not attempted")]
    assert words in detail(report, "enroll")
    assert not {"enroll", "start"} & set(world.writes())
    assert queued(world) == 0


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        pytest.param(enroll_stranger, "blocked", id="somebody enrolled"),
        pytest.param(lambda w: w.sandbox.set_status(remote_id(w), "running"), "held", id="started"),
        pytest.param(lambda w: pools(w, 2), "held", id="pools drained"),
        pytest.param(lambda w: pools(w, 9, accounts=("paused",)), "held", id="senders paused"),
        pytest.param(leave_mark, "held", id="stopped"),
        pytest.param(lambda w: w.sandbox.edit_campaign(remote_id(w), EDITED), "held", id="edited"),
    ],
)
def test_what_changed_after_the_enrolment_stops_the_start(
    world: World, around: Around, act: Meanwhile, outcome: str
) -> None:
    """The leads are enrolled and verified; somebody acts just before the checks of the start read anything."""
    drafted(world, "one")
    around("stats", after=lambda: act(world), nth=3)  # the plan's, the first checks', the verification's
    report = world.apply()
    assert outcomes(report) == [("one", "enroll", "done"), ("one", "start", outcome)]
    assert "start" not in world.writes()


def test_pools_drained_while_enrolling_hold_the_start_until_there_is_room(world: World, around: Around) -> None:
    drafted(world, "one")
    around("enroll", after=lambda: pools(world, 2))
    report = world.apply()
    assert outcomes(report) == [("one", "enroll", "done"), ("one", "start", "held")]
    assert len(world.sandbox.leads(remote_id(world))) == 3
    assert actions(world.plan()) == [("one", "start", "held")]
    pools(world, 3)
    assert outcomes(world.apply()) == [("one", "start", "done")]
    assert queued(world) == 3
    assert world.kinds().count("enroll") == 1


def test_a_mismatch_right_after_the_enrolment_is_blocked(world: World, around: Around) -> None:
    drafted(world, "one")
    around("enroll", after=lambda: enroll_stranger(world))
    report = world.apply()
    assert outcomes(report) == [("one", "enroll", "blocked"), ("one", "start", "not attempted")]
    assert "counts 4 leads" in detail(report, "enroll")
    assert "start" not in world.writes()


def test_a_window_that_closes_while_enrolling(world: World, around: Around, clock: Clock) -> None:
    drafted(world, "one")
    window = {"days": ["mon"], "from": "08:00", "to": "16:00"}
    world.workspace(state={"lineage": world.state().lineage}, policy={"startWindow": window})
    around("enroll", after=lambda: clock.forward(hours=8))
    assert outcomes(world.apply()) == [("one", "enroll", "done"), ("one", "start", "scheduled")]
    clock.forward(days=6, hours=16)
    assert outcomes(world.apply()) == [("one", "start", "done")]


def test_a_mark_between_two_batches_ends_the_enrolment(world: World, around: Around) -> None:
    """Nobody is enrolled after the mark, the report tells how many were before, and the next run finishes."""
    drafted(world, "one", leads=600)
    around("enroll", after=lambda: leave_mark(world, "one"))
    report = world.apply()
    assert outcomes(report) == [("one", "enroll", "held"), ("one", "start", "not attempted")]
    assert "500 of 600 leads were enrolled" in detail(report, "enroll")
    assert len(world.sandbox.leads(remote_id(world))) == 500
    lift(world, "one")
    assert {outcome for _, _, outcome in outcomes(world.apply())} == {"done"}
    assert queued(world) == 600


def test_a_mark_that_lands_while_start_is_under_way_pauses_at_once(world: World, around: Around) -> None:
    """The pause counts as ours: once the mark is lifted, the next apply resumes it."""
    drafted(world, "one")
    around("start", after=lambda: leave_mark(world))
    report = world.apply()
    assert outcomes(report) == [("one", "enroll", "done"), ("one", "start", "held")]
    assert "stopped by ada@host while it was being started" in detail(report, "start")
    assert world.remote("Campaign one").status == "paused"
    entry = world.state().campaigns["one"]
    assert (entry.status, entry.paused_by_us) == ("paused", True)
    assert actions(world.plan()) == [("one", "resume", "held")]
    lift(world)
    assert outcomes(world.apply()) == [("one", "resume", "done")]
    assert (world.remote("Campaign one").starts, queued(world)) == (1, 3)


@pytest.mark.parametrize("action", ["drop", "error500_after"])
def test_a_stopped_start_is_paused_even_where_its_answer_is_lost(world: World, around: Around, action: Action) -> None:
    drafted(world, "one")
    world.sandbox.add_fault(Fault(kind="start", action=action))
    around("start", before=lambda: leave_mark(world, "one"))
    report = world.apply()
    assert outcomes(report)[-1] == ("one", "start", "held")
    assert world.remote("Campaign one").status == "paused"
    assert world.state().campaigns["one"].paused_by_us


@pytest.mark.parametrize("answered", [None, "running"])
def test_a_stopped_start_that_cannot_be_paused_is_told_loudly(
    world: World, around: Around, monkeypatch: pytest.MonkeyPatch, answered: str | None
) -> None:
    drafted(world, "one")
    if answered is None:
        world.sandbox.add_fault(Fault(kind="pause", action="reject"))
    else:
        answer = RemoteCampaign(id=remote_id(world), status=answered)
        monkeypatch.setattr(LeadterraClient, "pause", lambda _self, _id: answer)
    around("start", after=lambda: leave_mark(world, "one"))
    report = world.apply()
    assert outcomes(report)[-1] == ("one", "start", "unknown")
    assert "MAY BE SENDING" in detail(report, "start")


def test_a_start_that_is_answered_with_another_status_is_unknown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    drafted(world, "one")
    monkeypatch.setattr(LeadterraClient, "start", lambda _self, _id, **_: Started(status="draft"))
    assert outcomes(world.apply())[-1] == ("one", "start", "unknown")
    assert world.state().campaigns["one"].status == "draft"


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda w: w.sandbox.set_status(remote_id(w), "paused"), id="paused"),
        pytest.param(leave_mark, id="stopped"),
        pytest.param(lambda w: pools(w, 1), id="pools drained"),
        pytest.param(lambda w: pools(w, 9, accounts=("warming",)), id="no sender"),
        pytest.param(lambda w: w.leads("one", 6), id="list changed"),
        pytest.param(lambda w: w.sandbox.set_counters(remote_id(w), {"totalEnrolled": 2}), id="somebody removed"),
    ],
)
def test_enrolling_into_a_running_campaign_is_guarded_as_well(world: World, act: Meanwhile) -> None:
    running(world, "one")
    world.leads("one", 5)
    report = world.apply(meanwhile=lambda: act(world))
    assert [outcome for _, _, outcome in outcomes(report)] in (["held"], ["blocked"])
    assert queued(world) == 3


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda w: w.sandbox.set_status(remote_id(w), "running"), id="resumed by somebody"),
        pytest.param(leave_mark, id="stopped"),
        pytest.param(lambda w: pools(w, 2), id="pools drained"),
    ],
)
def test_a_resume_is_guarded_as_well(world: World, act: Meanwhile) -> None:
    running(world, "one")
    world.campaign("one", status="paused")
    world.apply()
    world.campaign("one", status="running")
    before = world.kinds().count("start")
    assert outcomes(world.apply(meanwhile=lambda: act(world))) == [("one", "resume", "held")]
    assert world.kinds().count("start") == before


def test_a_leftover_that_somebody_starts_blocks_the_new_draft(make_world: Callable[..., World]) -> None:
    """An old draft with leads cannot be deleted: it is read again right before the new one starts."""
    world = make_world(SandboxOptions(undocumented_calls=frozenset()))
    drafted(world, "one")
    old = remote_id(world)
    world.sandbox.enroll(old, {"leads": [{"email": "someone@example.org"}]})
    world.campaign("one", name="New", status="draft")
    world.apply()
    world.campaign("one", name="New", status="running")
    report = world.apply(meanwhile=lambda: world.sandbox.set_status(old, "running"))
    assert outcomes(report) == [("one", "enroll", "blocked"), ("one", "start", "not attempted")]
    assert old in detail(report, "enroll")
    assert world.remote("New").status == "draft"


def test_a_draft_that_somebody_starts_is_not_replaced(make_world: Callable[..., World]) -> None:
    """A running campaign that became a leftover would be out of reach of every pause."""
    world = make_world(SandboxOptions(undocumented_calls=frozenset()))
    drafted(world, "one")
    world.campaign("one", name="New")
    old = remote_id(world)
    world.sandbox.enroll(old, {"leads": [{"email": "someone@example.org"}]})
    import_campaign(world.session(), "one", old, owner="test")
    world.campaign("one", name="Newer")
    report = world.apply(meanwhile=lambda: world.sandbox.set_status(old, "running"))
    assert outcomes(report) == [("one", "update", "held")]
    assert world.state().campaigns["one"].id == old
    assert world.kinds().count("create") == 1
