"""What looks as if nothing had happened, and may have: it is looked up, told, and never done over by itself."""

import threading

import pytest
from cli.process import eventually
from execution.acts import drafted, leave_mark, remote_id, running
from support import plans
from support.world import World, outcomes

from reconciler.commands.apply import exit_code
from reconciler.diagnostics import error
from reconciler.execution import settling
from reconciler.execution.settling import addresses_of
from reconciler.leadterra.client import LeadterraClient
from reconciler.model.campaign import Status
from reconciler.model.intents import EnrollIntent, UpdateIntent
from reconciler.model.live import Stats
from reconciler.model.plan import ActionStatus, Kind
from reconciler.model.report import ActionResult, Outcome, Report
from reconciler.model.roster import FewHashes
from reconciler.planning.planner import make_plan
from reconciler.sandbox.faults import Fault
from reconciler.upkeep import import_campaign


def test_a_start_that_was_answered_503_stays_open(world: World) -> None:
    """A gateway says so, too, whatever the server behind it has done."""
    drafted(world, "one")
    world.sandbox.add_fault(Fault(kind="start", action="error503", retry_after=0))
    assert outcomes(world.apply())[-1] == ("one", "start", "unknown")
    assert [intent.kind for intent in world.state().operations.values()] == ["start"]
    world.sandbox.clear_faults()
    assert outcomes(world.apply()) == [("one", "start", "done")]
    assert world.remote("Campaign one").starts == 1


def test_a_lost_answer_to_a_start_is_looked_up(world: World) -> None:
    drafted(world, "one")
    world.sandbox.add_fault(Fault(kind="start", action="drop", nth=1))
    assert outcomes(world.apply())[-1] == ("one", "start", "done")
    assert world.kinds().count("start") == 1
    assert world.state().operations == {}


def test_what_somebody_paused_after_a_lost_answer_is_not_resumed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    drafted(world, "one")
    world.sandbox.add_fault(Fault(kind="start", action="error500_after", nth=1))
    original = LeadterraClient.start

    def paused_at_once(self: LeadterraClient, campaign_id: str, **options: object) -> object:
        try:
            return original(self, campaign_id, **options)  # type: ignore[arg-type]
        finally:
            world.sandbox.set_status(campaign_id, "paused")

    monkeypatch.setattr(LeadterraClient, "start", paused_at_once)
    assert outcomes(world.apply())[-1] == ("one", "start", "unknown")
    monkeypatch.setattr(LeadterraClient, "start", original)
    assert outcomes(world.apply()) == [("one", "resume", "held")]
    remote = world.remote("Campaign one")
    assert (remote.status, remote.starts, remote.resumes) == ("paused", 1, 0)


def test_a_stop_is_seen_before_a_request_is_made_once_more(world: World) -> None:
    """The first try was told to come later; the mark came in between."""
    drafted(world, "one")
    world.sandbox.add_fault(Fault(kind="start", action="rate", nth=1, retry_after=2))

    def mark_it() -> None:
        eventually(lambda: "start" in world.kinds())
        leave_mark(world, "one")

    marking = threading.Thread(target=mark_it)
    marking.start()
    report = world.apply()
    marking.join()
    assert outcomes(report)[-1] == ("one", "start", "held")
    assert world.kinds().count("start") == 1
    assert world.remote("Campaign one").status == "draft"
    assert "start" not in [intent.kind for intent in world.state().operations.values()]


def test_an_older_draft_that_sends_is_told() -> None:
    """A click on start in the dashboard, say, after its successor has been started."""
    known = plans.known(status="running", accepted=2)
    seen = plans.live(status="running", enrolled=2, leftovers={"camp_old": Stats(total_enrolled=2, sent=0, queued=2)})
    plan = make_plan(plans.inputs(plans.campaign(), known, seen, plans.roster(2, new=0)))
    (told,) = [item for item in plan.diagnostics if item.code == "leftover-sends"]
    assert "camp_old" in told.message
    assert "reconciler stop alpha" in str(told.hint)
    quiet = plans.live(status="running", enrolled=2, leftovers={"camp_old": Stats(total_enrolled=2, sent=0, queued=0)})
    plan = make_plan(plans.inputs(plans.campaign(), known, quiet, plans.roster(2, new=0)))
    assert "leftover-sends" not in [item.code for item in plan.diagnostics]


def test_nobody_is_enrolled_into_a_text_that_is_not_known() -> None:
    """An update was open, somebody started the campaign, and the file went back to the former text."""
    intent = UpdateIntent(campaign="alpha", at=plans.NOW, by="ada", id="camp_alpha", name="Alpha", steps="other")
    known = plans.known(status="running", accepted=2)
    managed = plans.state({"alpha": known}, operations={"op": intent})
    seen = plans.live(status="running", enrolled=2, steps=None)
    plan = make_plan(plans.inputs(plans.campaign(), managed, seen, plans.roster(4, new=2)))
    enroll = plans.the(plan, Kind.ENROLL)
    assert enroll.status is ActionStatus.HELD
    assert "reconciler import alpha" in enroll.reason


def test_who_was_in_flight_into_a_running_campaign_is_kept_whatever_its_counter_says() -> None:
    """Others may have been taken out of it meanwhile; who left the list counts as written to."""
    known = plans.known(status="running", accepted=5)
    item = settling.Settled("alpha", plans.campaign(), known)
    segment = bytes(range(64))
    here, gone = addresses_of(segment)
    intent = EnrollIntent(campaign="alpha", at=plans.NOW, by="ada", id=known.id, segment="s", leads=2, new=True)
    seen = plans.live(status="running", enrolled=5)
    blobs = settling.enrolments(item, {"op": intent}, FewHashes(frozenset({here})), seen, lambda _name: segment)
    assert item.closes == ["op"]
    assert item.entry is not None
    assert [addresses_of(blobs[name]) for name in item.entry.ledger] == [[gone]]


def test_an_import_keeps_whom_an_interrupted_run_was_enrolling(world: World) -> None:
    running(world, "one")
    world.leads("one", 5)
    world.sandbox.add_fault(Fault(kind="enroll", action="drop"))
    assert outcomes(world.apply())[-1] == ("one", "enroll", "unknown")
    world.sandbox.clear_faults()
    import_campaign(world.session(), "one", remote_id(world), owner="test")
    assert world.state().operations == {}
    plan = world.plan()
    (campaign,) = plan.campaigns
    assert (campaign.people.new, campaign.people.changed) == (0, 2)
    assert outcomes(world.apply()) == [("one", "enroll", "done")]
    assert len(world.sandbox.leads(remote_id(world))) == 5
    assert world.plan().actions == ()


def test_a_run_that_had_to_break_off_does_not_end_as_one_that_waits() -> None:
    results = tuple(
        ActionResult(campaign=key, kind=Kind.START, outcome=outcome)
        for key, outcome in (("a", Outcome.HELD), ("b", Outcome.NOT_ATTEMPTED))
    )
    plan = make_plan(plans.inputs(plans.campaign(status=Status.DRAFT), None, None))
    report = Report(plan_digest="d", started_at=plans.NOW, finished_at=plans.NOW, results=results)
    assert exit_code(report, plan) == 3
    lost = report.model_copy(update={"diagnostics": (error("lease-lost", "taken over"),)})
    assert exit_code(lost, plan) == 1
