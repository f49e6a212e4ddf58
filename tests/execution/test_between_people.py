"""A run is killed, somebody does something in Leadterra, the next run comes (design §1, §6)."""

from pathlib import Path

import pytest
from execution.acts import enroll_stranger, name, remote_id
from execution.interrupted import (
    BEFORE_AND_AFTER,
    CASES,
    EDITED,
    EVERYWHERE,
    READING,
    SERVERS,
    die,
    errors,
    running_file,
    sound,
    statuses,
    subjects,
    until_done,
    write,
)
from support.killing import Moment, MortalWorld
from support.world import actions, outcomes

from reconciler.sandbox.faults import Fault

pytestmark = [pytest.mark.usefixtures("quick_runs"), pytest.mark.sample(3)]


def paused_by_somebody(world: MortalWorld) -> None:
    world.sandbox.set_status(remote_id(world), "paused")


def started_by_somebody(world: MortalWorld) -> None:
    world.sandbox.set_status(remote_id(world), "running")


def stays_paused(world: MortalWorld) -> None:
    """Whoever paused it, no run resumes it, and each says why."""
    resumes = world.remote(name("one")).resumes
    for _ in range(2):
        report = world.apply()
        assert ("one", "resume", "held") in outcomes(report)
    assert (world.remote(name("one")).status, world.remote(name("one")).resumes) == ("paused", resumes)
    assert world.state().operations == {}
    (held,) = [item for item in world.plan().actions if item.kind == "resume"]
    assert "somebody else paused it" in held.reason


# Paused


@READING
def test_a_start_that_somebody_paused_is_not_taken_back(tmp_path: Path, server: str) -> None:
    world = die(tmp_path, server, "start", Moment.ACTED)
    paused_by_somebody(world)
    stays_paused(world)
    assert world.remote(name("one")).starts == 1


@READING
def test_a_resume_that_somebody_paused_is_not_taken_back(tmp_path: Path, server: str) -> None:
    """Its counters show that it has been running since."""
    world = die(tmp_path, server, "resume", Moment.ACTED)
    world.sandbox.set_counters(remote_id(world), {"sent": 1, "queued": 2})
    paused_by_somebody(world)
    stays_paused(world)


def test_where_only_counters_tell_a_resume_that_has_sent_is_not_made_again(tmp_path: Path) -> None:
    """This server cannot say that somebody has paused it since, so nothing is called that could take it back."""
    world = die(tmp_path, "no status", "resume", Moment.ACTED)
    world.sandbox.set_counters(remote_id(world), {"sent": 1, "queued": 2})
    paused_by_somebody(world)
    before = world.writes().count("start")
    until_done(world)
    assert world.writes().count("start") == before
    assert world.remote(name("one")).status == "paused"
    assert world.state().operations == {}


@READING
@BEFORE_AND_AFTER
def test_what_somebody_paused_is_enrolled_into_only_once_it_runs(tmp_path: Path, server: str, moment: Moment) -> None:
    world = die(tmp_path, server, "enrolment into a running campaign", moment)
    paused_by_somebody(world)
    stays_paused(world)


@READING
@BEFORE_AND_AFTER
def test_a_pause_that_somebody_made_as_well_stays_until_its_file_says_otherwise(
    tmp_path: Path, server: str, moment: Moment
) -> None:
    world = die(tmp_path, server, "pause", moment)
    paused_by_somebody(world)
    until_done(world)
    assert statuses(world) == ["paused"]
    running_file(world)
    until_done(world)
    sound(world, SERVERS[server], people={"one": 3})


# Started


@EVERYWHERE
@BEFORE_AND_AFTER
def test_a_draft_that_somebody_started_is_not_replaced(tmp_path: Path, server: str, moment: Moment) -> None:
    """It holds people: started, it would be out of reach, and its successor would write to them again."""
    world = die(tmp_path, server, "new draft", moment)
    (old,) = [entry.id for entry in world.state().campaigns.values()]
    world.sandbox.set_status(old, "running")
    for _ in range(2):
        world.apply()
    state = world.state()
    assert state.campaigns["one"].id == old
    assert state.operations == {}
    assert [item.id for item in world.sandbox.campaigns() if item.starts] == [old]
    others = {item.id for item in world.sandbox.campaigns()} - {old}
    told = [item.id for item in state.leftovers]
    assert told == ([*others] if SERVERS[server].lists else [None])


@EVERYWHERE
@BEFORE_AND_AFTER
def test_a_draft_that_somebody_started_is_not_edited(tmp_path: Path, server: str, moment: Moment) -> None:
    world = SERVERS[server].world(tmp_path)
    CASES["new draft"].before(world)
    write(world, sequenceSteps=[*EDITED])
    world.dies(moment, "update")
    started_by_somebody(world)
    shown = subjects(world)
    before = len(world.writes())
    for _ in range(2):
        world.apply()
    assert [kind for kind in world.writes()[before:] if kind in {"patch", "create"}] == []
    assert subjects(world) == shown


@EVERYWHERE
@BEFORE_AND_AFTER
@pytest.mark.parametrize("case", ["middle batch", "start"])
def test_a_campaign_that_somebody_started_is_started_once(
    tmp_path: Path, server: str, case: str, moment: Moment
) -> None:
    world = die(tmp_path, server, case, moment)
    started_by_somebody(world)
    until_done(world)
    sound(world, SERVERS[server], people={"one": CASES[case].leads})


# Edited, enrolled, deleted


@pytest.mark.parametrize("server", ["all calls"])
@BEFORE_AND_AFTER
@pytest.mark.parametrize("case", ["update", "create", "middle batch"])
def test_a_draft_that_somebody_edited_is_set_back(tmp_path: Path, server: str, case: str, moment: Moment) -> None:
    if (case, moment) == ("create", Moment.BEFORE_REQUEST):
        moment = Moment.ACTED
    world = die(tmp_path, server, case, moment)
    steps = [{"subject": "Theirs", "bodyHtml": "Theirs.", "delayDays": 0}]
    world.sandbox.edit_campaign(remote_id(world), {"sequenceSteps": steps})
    until_done(world)
    assert "Theirs" not in subjects(world).values()
    assert len(subjects(world)) == 1
    assert world.state().operations == {}


@EVERYWHERE
@BEFORE_AND_AFTER
def test_a_stranger_in_the_draft_is_not_written_to(tmp_path: Path, server: str, moment: Moment) -> None:
    """Whether the batch in flight arrived or not: a count that does not add up blocks, and nobody is written to."""
    world = die(tmp_path, server, "middle batch", moment)
    enroll_stranger(world)
    for _ in range(2):
        world.apply()
    assert statuses(world) == ["draft"]
    assert {status for _, _, status in actions(world.plan())} == {"blocked"}


def test_a_draft_that_somebody_deleted_is_not_created_by_itself(tmp_path: Path) -> None:
    world = die(tmp_path, "all calls", "update", Moment.ACTED)
    world.sandbox.delete_campaign(world.state().campaigns["one"].id)
    world.apply()
    plan = world.plan()
    assert (plan.actions, errors(plan)) == ((), ["gone"])
    assert world.sandbox.campaigns() == ()


# Unknown is not absent


@pytest.mark.parametrize("case", ["create", "new draft"])
def test_campaigns_that_cannot_be_listed_leave_the_key_alone(tmp_path: Path, case: str) -> None:
    """Nothing is planned for it, the error says why, and the others go on."""
    world = die(tmp_path, "all calls", case, Moment.ACTED)
    world.campaign("two", leads=None, sequenceSteps=[{"subject": "Two", "bodyText": "Two."}])
    world.sandbox.add_fault(Fault(kind="list", action="reject"))
    before = len(world.writes())
    plan = world.plan()
    assert actions(plan) == [("two", "create", "ready")]
    assert {item.campaign for item in plan.diagnostics if item.severity == "error"} == {"one", None}
    assert any("the campaigns could not be listed" in item.message for item in plan.diagnostics)
    assert outcomes(world.apply()) == [("two", "create", "done")]
    assert world.writes()[before:] == ["create"]
    assert [intent.kind for intent in world.state().operations.values()] == ["create"]
    world.sandbox.clear_faults()
    until_done(world)
    sound(world, SERVERS["all calls"], people={"one": CASES[case].leads})


@pytest.mark.parametrize("kind", ["get", "stats"])
def test_a_draft_that_may_be_ours_and_cannot_be_read_is_not_passed_over(tmp_path: Path, kind: str) -> None:
    """It is listed with the same name: only its text or its counters are not known."""
    world = die(tmp_path, "all calls", "create", Moment.ACTED)
    world.sandbox.add_fault(Fault(kind=kind, action="reject"))  # type: ignore[arg-type]
    before = world.writes()
    world.apply()
    if kind == "stats":
        assert world.writes() == before
        assert "unread" in errors(world.plan())
    world.sandbox.clear_faults()
    until_done(world)
    sound(world, SERVERS["all calls"], people={"one": 3})


@EVERYWHERE
@pytest.mark.parametrize("case", ["update", "new draft", "middle batch", "start", "resume", "pause"])
def test_a_campaign_that_cannot_be_read_stays_open(tmp_path: Path, server: str, case: str) -> None:
    world = die(tmp_path, server, case, Moment.ACTED)
    running_file(world)
    before = [intent.kind for intent in world.state().operations.values()]
    world.sandbox.add_fault(Fault(kind="stats", action="reject"))
    writes = len(world.writes())
    world.apply()
    assert world.writes()[writes:] == []
    assert [intent.kind for intent in world.state().operations.values()] == before
    assert errors(world.plan())
    world.sandbox.clear_faults()
    CASES[case].wanted(world)
    until_done(world)
    sound(world, SERVERS[server], people={"one": CASES[case].leads}, changed=True)
