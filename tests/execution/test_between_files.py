"""A run is killed, the files change, the next run comes: it does what they say now, and nothing twice (design §6)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from execution.acts import lift, name
from execution.interrupted import (
    AGAIN,
    BEFORE_AND_AFTER,
    CASES,
    EDITED,
    EVERYWHERE,
    READING,
    SERVERS,
    die,
    draft,
    edited,
    errors,
    interrupted,
    no_file,
    running_file,
    sound,
    started,
    statuses,
    subjects,
    until_done,
    write,
)
from support.examples import SOAK
from support.killing import Moment, MortalWorld
from support.world import STEPS, actions, person

from reconciler.sandbox.faults import Fault

pytestmark = [pytest.mark.usefixtures("quick_runs"), pytest.mark.sample(4)]

GOING = pytest.mark.parametrize(
    ("server", "going"),
    [
        ("all calls", "gone"),
        ("no status", "archived"),
        *([("all calls", "archived"), ("documented only", "gone"), ("no status", "gone")] if SOAK else []),
    ],
)

# The text was edited


@EVERYWHERE
@BEFORE_AND_AFTER
@pytest.mark.parametrize("case", ["create", "update", "new draft", "first batch"])
def test_the_text_was_edited_since(tmp_path: Path, server: str, case: str, moment: Moment) -> None:
    """Before a start everything is brought up to today's text, and that is what people get."""
    world = die(tmp_path, server, case, moment)
    write(world, sequenceSteps=[*AGAIN])
    until_done(world)
    sound(world, SERVERS[server], people={"one": CASES[case].leads}, changed=True)
    assert [*subjects(world).values()] == [AGAIN[0]["subject"]]


@EVERYWHERE
@BEFORE_AND_AFTER
@pytest.mark.parametrize("case", ["update", "new draft"])
def test_the_edit_was_taken_back_since(tmp_path: Path, server: str, case: str, moment: Moment) -> None:
    """The draft has the former text in the end, and nothing stays open because nobody wants it any more."""
    world = die(tmp_path, server, case, moment)
    write(world, "draft", sequenceSteps=[*STEPS])
    world.leads("one", 4)
    until_done(world)
    assert world.state().operations == {}
    assert interrupted(world.plan()) == []
    write(world)
    until_done(world)
    sound(world, SERVERS[server], people={"one": 4}, changed=True)
    assert [*subjects(world).values()] == [STEPS[0]["subject"]]


@EVERYWHERE
@pytest.mark.parametrize("case", ["start", "resume"])
def test_nothing_is_edited_once_it_has_been_started(tmp_path: Path, server: str, case: str) -> None:
    world = die(tmp_path, server, case, Moment.ACTED)
    before = len(world.writes())
    edited(world)
    world.apply()
    assert [kind for kind in world.writes()[before:] if kind in {"patch", "create"}] == []
    assert ("one", "update", "blocked") in actions(world.plan())
    running_file(world)
    until_done(world)
    sound(world, SERVERS[server], people={"one": 3}, changed=True)


@READING
def test_a_draft_that_was_not_started_is_edited(tmp_path: Path, server: str) -> None:
    """The server says that it is a draft: then it is one, whatever the run was about to do."""
    world = die(tmp_path, server, "start", Moment.BEFORE_REQUEST)
    edited(world)
    until_done(world)
    sound(world, SERVERS[server], people={"one": 3}, changed=True)
    assert [*subjects(world).values()] == [EDITED[0]["subject"]]


@BEFORE_AND_AFTER
@pytest.mark.parametrize("change", [edited, lambda world: world.leads("one", 2)], ids=["edited", "a lead less"])
def test_where_nobody_can_tell_whether_it_was_started_it_is_not_changed(
    tmp_path: Path, moment: Moment, change: Callable[[MortalWorld], None]
) -> None:
    """A draft replaced after its start would be out of reach, and its people would be written to twice.

    Its counters may be late: they show nothing yet. With the edit taken back, start is called again on the same id.
    """
    world = die(tmp_path, "no status", "start", moment)
    there = world.remote(name("one"))
    world.sandbox.set_counters(there.id, {"queued": 0})
    before = len(world.writes())
    change(world)
    report = world.apply()
    assert world.writes()[before:] == []
    (blocked,) = [item.detail for item in report.results if item.kind == "update"]
    assert "an interrupted run may have started it" in blocked
    running_file(world)
    world.leads("one", 3)
    world.sandbox.set_counters(there.id, {"queued": 3 if there.starts else 0})
    until_done(world)
    sound(world, SERVERS["no status"], people={"one": 3}, changed=True)


# Its status was changed


@EVERYWHERE
@BEFORE_AND_AFTER
@pytest.mark.parametrize("case", CASES)
def test_it_is_to_be_paused_since(tmp_path: Path, server: str, case: str, moment: Moment) -> None:
    """Whatever was under way, nothing sends afterwards; then it is to run again, and does."""
    if case == "forget":
        moment = Moment.BEFORE_INTENT if moment is Moment.BEFORE_REQUEST else moment
    world = die(tmp_path, server, case, moment)
    write(world, "paused")
    until_done(world)
    assert "running" not in statuses(world)
    assert world.state().operations == {}
    running_file(world)
    until_done(world)
    sound(world, SERVERS[server], people={"one": CASES[case].leads}, changed=True)
    assert statuses(world).count("running") == 1


@READING
@BEFORE_AND_AFTER
def test_it_is_to_be_a_draft_since(tmp_path: Path, server: str, moment: Moment) -> None:
    """What has been started cannot become a draft again, and says so; what has not, stays one."""
    world = die(tmp_path, server, "start", moment)
    write(world, "draft")
    world.apply()
    assert world.state().operations == {}
    assert actions(world.plan()) == ([] if moment is Moment.BEFORE_REQUEST else [("one", "update", "blocked")])
    assert statuses(world) == ["draft" if moment is Moment.BEFORE_REQUEST else "running"]
    running_file(world)
    until_done(world)
    sound(world, SERVERS[server], people={"one": 3}, changed=True)


@BEFORE_AND_AFTER
def test_a_draft_of_which_nobody_can_tell_whether_it_was_started_is_an_error(tmp_path: Path, moment: Moment) -> None:
    world = die(tmp_path, "no status", "start", moment)
    world.sandbox.set_counters(world.remote(name("one")).id, {"queued": 0})
    write(world, "draft")
    plan = world.plan()
    assert (plan.actions, errors(plan)) == ((), ["unread"])


@GOING
@BEFORE_AND_AFTER
@pytest.mark.parametrize("case", ["create", "update", "new draft", "middle batch", "start", "resume", "pause"])
def test_it_is_to_go_since(tmp_path: Path, server: str, case: str, moment: Moment, going: str) -> None:
    """Nothing sends and nothing is managed afterwards; the key comes back, and everybody is written to once."""
    world = die(tmp_path, server, case, moment)
    if going == "gone":
        no_file(world)
    else:
        write(world, "archived")
        until_done(world)
    until_done(world)
    state = world.state()
    assert "running" not in statuses(world)
    assert "one" not in state.campaigns
    left_open = {intent.kind for intent in state.operations.values()}
    assert left_open <= ({"update"} if server != "all calls" else set())
    write(world, sequenceSteps=[*EDITED] if case == "update" else [*STEPS])
    until_done(world)
    write(world, "paused", sequenceSteps=[*EDITED] if case == "update" else [*STEPS])
    until_done(world)
    write(world, sequenceSteps=[*EDITED] if case == "update" else [*STEPS])
    until_done(world)
    sound(world, SERVERS[server], people={"one": CASES[case].leads}, changed=True)


# Its list was changed


@EVERYWHERE
@BEFORE_AND_AFTER
@pytest.mark.parametrize("case", ["first batch", "middle batch", "new draft"])
def test_somebody_left_the_list_since(tmp_path: Path, server: str, case: str, moment: Moment) -> None:
    """Whoever may be in the draft without being on the list is not written to: then a new draft takes over."""
    world = die(tmp_path, server, case, moment)
    there = CASES[case].leads
    world.leads("one", rows=[person("one", number) for number in range(1, there)])
    until_done(world)
    sound(world, SERVERS[server], people={}, changed=True)
    (sending,) = [item for item in world.sandbox.campaigns() if item.starts]
    assert {lead.email for lead in world.sandbox.leads(sending.id)} == {
        person("one", number)["email"] for number in range(1, there)
    }


@EVERYWHERE
@BEFORE_AND_AFTER
def test_somebody_left_the_list_of_a_running_campaign_since(tmp_path: Path, server: str, moment: Moment) -> None:
    """They may have been written to, and count so: on the list again, they are not new, and nobody is missing."""
    world = die(tmp_path, server, "enrolment into a running campaign", moment)
    world.leads("one", 4)
    until_done(world)
    (planned,) = world.plan().campaigns
    assert planned.people.gone == 1
    world.leads("one", 5)
    (planned,) = world.plan().campaigns
    assert (planned.people.new, planned.people.changed) == (0, 1)
    until_done(world)
    sound(world, SERVERS[server], people={"one": 5}, changed=True)


@EVERYWHERE
@BEFORE_AND_AFTER
@pytest.mark.parametrize("case", ["create", "first batch", "middle batch", "new draft", "start"])
def test_somebody_was_added_to_the_list_since(tmp_path: Path, server: str, case: str, moment: Moment) -> None:
    world = die(tmp_path, server, case, moment)
    world.leads("one", 6)
    until_done(world)
    sound(world, SERVERS[server], people={"one": 6}, changed=True)


def test_a_list_that_is_not_at_hand_leaves_what_was_in_flight_open(tmp_path: Path) -> None:
    world = die(tmp_path, "all calls", "middle batch", Moment.ACTED)
    (world.root / "lists" / "one.csv").unlink()
    world.apply()
    assert [intent.kind for intent in world.state().operations.values()] == ["enroll", "enroll"]
    assert {status for _, _, status in actions(world.plan())} == {"held"}
    world.leads("one", 5)
    until_done(world)
    sound(world, SERVERS["all calls"], people={"one": 5}, changed=True)


# Others of the same run


@READING
def test_two_campaigns_that_look_alike_get_a_draft_each(tmp_path: Path, server: str) -> None:
    """Both creates were carried out, with one name and one text: no draft is managed under two keys."""
    world = SERVERS[server].world(tmp_path)
    for key in ("one", "two"):
        world.leads(key)
        world.campaign(key, status="running", name="The same")
    world.sandbox.add_fault(Fault(kind="create", action="drop", nth=1, times=2))
    world.apply()
    assert len(world.state().operations) == len(world.sandbox.campaigns()) == 2
    until_done(world)
    state = world.state()
    assert len({entry.id for entry in state.campaigns.values()}) == 2
    sound(world, SERVERS[server], people={"one": 3, "two": 3}, changed=True)


def test_a_key_that_comes_back_with_something_open_is_taken_back_once(tmp_path: Path) -> None:
    """What was open about its text is settled in its tombstone, and the plan still shows that it comes back."""
    world = SERVERS["documented only"].world(tmp_path)
    draft(world)
    write(world, "draft", sequenceSteps=[*EDITED])
    world.dies(Moment.BEFORE_REQUEST, "update")
    no_file(world)
    until_done(world)
    write(world, "draft", sequenceSteps=[*EDITED])
    assert ("one", "adopt", "ready") in actions(world.plan())
    until_done(world)
    state = world.state()
    assert "one" in state.campaigns
    assert "one" not in state.tombstones
    assert state.operations == {}


def test_a_stop_of_before_is_lifted_and_what_was_interrupted_goes_on(tmp_path: Path) -> None:
    world = SERVERS["all calls"].world(tmp_path)
    started(world)
    world.stop_dies(2)
    lift(world)
    until_done(world)
    sound(world, SERVERS["all calls"], people={"one": 3}, changed=True)
    assert statuses(world) == ["running"]
