"""What a saved plan covers, and what is told of the rest."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.planrun import carry_out
from support.plans import EDITED, STEPS, campaign, desired, inputs, known, live, outline, roster, stop
from support.planworlds import World, worlds

from reconciler.diagnostics import has_errors
from reconciler.model.campaign import Campaign, SequenceStep, Status
from reconciler.model.live import LiveCampaign
from reconciler.model.plan import Action, Change, Effect, Kind, Plan
from reconciler.model.report import Outcome
from reconciler.model.roster import Roster
from reconciler.model.state import CampaignState
from reconciler.planning.approval import moved_since, not_touched, words
from reconciler.planning.planner import make_plan

SOME = examples(60)
PEOPLE = roster(10, digest="ten people")
CREATED = make_plan(inputs(campaign(), rosters=PEOPLE))
UPDATED = make_plan(inputs(campaign(name="New"), known(), live(), PEOPLE))


def told(approved: Plan, planned: Plan, key: str = "alpha") -> list[str]:
    """Return what moved, in words; nothing where the campaign is covered."""
    return [words(item) for item in moved_since(approved, planned).get(key, ())]


def draft_left(**changes: Any) -> Plan:
    """Plan what is left once the draft was created, and nobody enrolled yet; `changes` are of its file or its list."""
    people = {name: changes.pop(name) for name in set(Roster.model_fields) & set(changes)}
    counted = roster(**{"leads": 10, "digest": "ten people"} | people)
    return make_plan(inputs(campaign(**changes), known(), live(), counted))


def with_kinds(plan: Plan, *kinds: Kind, live: str | None = None, changes: tuple[Change, ...] = ()) -> Plan:
    """Return a plan of the same campaign with these actions; its digest is another one."""
    actions = tuple(Action(campaign="alpha", kind=kind, effect=Effect.INERT, changes=changes) for kind in kinds)
    there = plan.campaigns[0].live if live is None else live
    one = plan.campaigns[0].model_copy(update={"digest": "another", "live": there})
    return plan.model_copy(update={"actions": actions, "campaigns": (one,)})


def test_the_plans_that_the_others_are_compared_with() -> None:
    assert [kind for kind, _ in outline(CREATED)] == ["create", "enroll", "start"]
    assert [kind for kind, _ in outline(UPDATED)] == ["update", "enroll", "start"]
    assert [kind for kind, _ in outline(draft_left())] == ["enroll", "start"]


def test_whether_it_waits_is_no_part_of_an_approval() -> None:
    waits = make_plan(inputs(campaign(minimum_leads=99), rosters=PEOPLE))
    assert outline(waits)[-1] == ("start", "held")
    assert moved_since(CREATED, waits) == {}
    assert moved_since(waits, CREATED) == {}


def test_what_is_left_of_an_interrupted_run_is_covered() -> None:
    enrolled = make_plan(
        inputs(campaign(), known(accepted=10), live(enrolled=10), PEOPLE.model_copy(update={"new": 0}))
    )
    assert [kind for kind, _ in outline(enrolled)] == ["start"]
    for left in (draft_left(), enrolled):
        assert left.campaigns[0].digest != CREATED.campaigns[0].digest
        assert moved_since(CREATED, left) == {}


def test_what_is_done_is_fulfilled() -> None:
    running = make_plan(
        inputs(
            campaign(),
            known(status="running", accepted=10),
            live(status="running", enrolled=10),
            PEOPLE.model_copy(update={"new": 0}),
        )
    )
    assert running.actions == ()
    assert moved_since(CREATED, running) == {}


def test_the_list_of_a_draft_is_no_part_of_it() -> None:
    """Nobody on it is written to; the draft that was approved is there."""
    approved = make_plan(inputs(campaign(status="draft"), rosters=PEOPLE))
    done = make_plan(inputs(campaign(status="draft"), known(), live(), roster(11, digest="eleven people")))
    assert moved_since(approved, done) == {}


def test_another_status_is_not_covered_though_nothing_would_be_sent() -> None:
    plans = [make_plan(inputs(campaign(status=status), rosters=PEOPLE)) for status in ("draft", "paused")]
    assert plans[0].campaigns[0].content == plans[1].campaigns[0].content
    assert told(plans[0], with_kinds(plans[1], Kind.CREATE)) == ["its status in its file was draft, is now paused"]


def test_what_was_let_go_is_fulfilled() -> None:
    gone = make_plan(inputs(None, known(), live()))
    assert outline(gone) == [("forget", "ready")]
    assert moved_since(gone, make_plan(inputs())) == {}


def edited(index: int, **fields: object) -> tuple[SequenceStep, ...]:
    return tuple(step.model_copy(update=fields) if at == index else step for at, step in enumerate(STEPS))


def there(entry: CampaignState, reading: LiveCampaign) -> Plan:
    return make_plan(inputs(campaign(), entry, reading, PEOPLE))


MOVED = {
    'name was "Alpha", is now "Other"': draft_left(name="Other"),
    'step 1 subject was "Quick question, {{firstName}}", is now "Hello"': draft_left(steps=edited(0, subject="Hello")),
    'step 2 body was "<p>Still there?</p>", is now "<p>Anybody there?</p>"': draft_left(steps=EDITED),
    "step 2 wait was 3 days, is now 4 days": draft_left(steps=edited(1, delay_days=4)),
    'step 2 is gone: "Re: Quick question"': draft_left(steps=STEPS[:1]),
    'step 3 is new: "Last"': draft_left(steps=(*STEPS, SequenceStep(subject="Last", body_html="x"))),
    "the list of people changed": draft_left(digest="ten others"),
    "the number of people was 10, is now 1,500": draft_left(leads=1500, digest="more"),
    "its status in its file was running, is now draft": draft_left(status="draft"),
    "to be done was: create, enroll, start; now: nothing": draft_left(status="draft"),
    'name in Leadterra is now "Bob\'s copy"': there(known(), live(name="Bob's copy")),
    "to be done was: create, enroll, start; now: update, enroll, start": there(known(), live(name="Bob's copy")),
    "its status in Leadterra was absent, is now paused by us": there(
        known(status="paused", paused_by_us=True), live(status="paused")
    ),
    "in the plan no longer; approved was: create, enroll, start": make_plan(inputs()),
    "alpha: its live state could not be read, so nothing is planned for it (503)": there(
        known(), live("alpha", "unknown", problem="503")
    ),
}


@pytest.mark.parametrize("expected", MOVED)
def test_what_moved_is_named(expected: str) -> None:
    assert expected in told(CREATED, MOVED[expected])


def test_a_list_that_is_not_at_hand_has_no_number() -> None:
    assert "the list of people changed" in told(CREATED, draft_left(at_hand=False, leads=0, digest=""))


def test_where_no_plan_holds_a_text_that_it_changed_is_told() -> None:
    assert "step 2 body changed" in told(draft_left(), draft_left(steps=EDITED))


def test_what_reads_otherwise_on_the_server_is_named() -> None:
    planned = make_plan(inputs(campaign(name="New"), known(), live(name="Bob's copy"), PEOPLE))
    assert told(UPDATED, planned) == ['name in Leadterra was "Alpha", is now "Bob\'s copy"']


def test_what_the_approval_does_not_know_is_not_touched() -> None:
    both = make_plan(inputs(desired(campaign(), campaign("beta", steps=EDITED))))
    moved = moved_since(make_plan(inputs(campaign())), both)
    assert list(moved) == ["beta"]
    assert told(make_plan(inputs(campaign())), both, "beta") == [
        "not in the approved plan; to be done now: create, enroll, start"
    ]
    results = not_touched(make_plan(inputs(campaign())), both, moved)
    assert [(item.campaign, item.kind, item.outcome) for item in results] == [
        ("beta", kind, Outcome.NOT_ATTEMPTED) for kind in (Kind.CREATE, Kind.ENROLL, Kind.START)
    ]


def test_new_people_are_counted_apart_where_others_are_in_it() -> None:
    plans = [
        make_plan(
            inputs(
                campaign(),
                known(status="running", accepted=8),
                live(status="running", enrolled=8),
                roster(8 + new, new=new, digest=f"{new} new"),
            )
        )
        for new in (2, 3)
    ]
    assert told(*plans) == ["the number of people was 10, is now 11", "the number of new people was 2, is now 3"]


def test_where_nothing_is_left_to_do_the_approved_actions_are_reported() -> None:
    planned = draft_left(status="draft")
    moved = moved_since(CREATED, planned)
    assert [item.kind for item in not_touched(CREATED, planned, moved)] == [Kind.CREATE, Kind.ENROLL, Kind.START]
    assert not_touched(CREATED, planned, moved)[0].detail.splitlines()[:2] == [
        "not as it was approved:",
        "  its status in its file was running, is now draft",
    ]


def test_a_stop_mark_is_no_change_of_the_approved() -> None:
    stopped = inputs(campaign(), rosters=PEOPLE)
    stopped = replace(stopped, state=stopped.state.model_copy(update={"stops": (stop(),)}))
    assert moved_since(CREATED, make_plan(stopped)) == {}


@pytest.mark.parametrize(
    ("approved", "kinds", "there", "covered"),
    [
        (CREATED, [Kind.ADOPT, Kind.ENROLL, Kind.START], "draft", True),
        (CREATED, [Kind.ADOPT], "running", False),
        (CREATED, [Kind.ENROLL], "running", False),
        (CREATED, [Kind.START], "running", True),
        (CREATED, [Kind.RESUME], "paused by us", False),
        (CREATED, [Kind.UPDATE], "draft", False),
        (CREATED, [Kind.PAUSE], "running", False),
        (UPDATED, [Kind.REPLACE, Kind.ENROLL, Kind.START], "draft", True),
        (with_kinds(UPDATED, Kind.REPLACE), [Kind.UPDATE], "draft", True),
        (UPDATED, [Kind.ADOPT], "draft", False),
        (with_kinds(UPDATED, Kind.ENROLL, Kind.RESUME, live="paused by us"), [Kind.RESUME], "paused by us", True),
    ],
)
def test_kinds_beyond_the_approved_are_not_covered(
    approved: Plan, kinds: list[Kind], there: str, *, covered: bool
) -> None:
    """Neither is writing to more people with a campaign that somebody started meanwhile: its text is its own."""
    assert (moved_since(approved, with_kinds(approved, *kinds, live=there)) == {}) is covered


def test_changes_beyond_the_approved_are_not_covered() -> None:
    (change,) = UPDATED.actions[0].changes
    other = change.model_copy(update={"before": "Bob's copy"})
    assert moved_since(UPDATED, with_kinds(UPDATED, Kind.UPDATE, changes=(change,))) == {}
    assert told(UPDATED, with_kinds(UPDATED, Kind.UPDATE, Kind.ENROLL, Kind.START, changes=(change, other)))


def test_a_long_text_is_shown_where_it_differs() -> None:
    texts = [f"<p>{'word ' * 40}{price}</p>\n<p>{'more ' * 40}</p>" for price in ("€90", "€120")]
    plans = [
        make_plan(inputs(campaign(steps=(STEPS[0].model_copy(update={"body_html": text}),)), rosters=PEOPLE))
        for text in texts
    ]
    (line,) = told(*plans)
    assert line.startswith('step 1 body was "…')
    assert "word €90</p> <p>more" in line
    assert "word €120</p> <p>more" in line
    assert len(line) < 200
    assert "\n" not in line


def without_trouble(world: World) -> World:
    return replace(world, refreshed=True, patch=world.patch is not False)


@SOME
@given(world=worlds())
def test_an_approval_covers_its_own_plan(world: World) -> None:
    plan = make_plan(world.inputs())
    assert moved_since(plan, plan) == {}
    assert moved_since(Plan.model_validate_json(plan.model_dump_json()), plan) == {}


@SOME
@given(world=worlds(calm=True), data=st.data())
def test_an_approval_covers_what_is_left_of_it(world: World, data: st.DataObject) -> None:
    """Wherever the run was broken off: in the middle of every campaign, and at the end."""
    plan = make_plan(world.inputs())
    done = []
    for key in dict.fromkeys(action.campaign for action in plan.actions):
        own = plan.of(key)
        done += own[: data.draw(st.integers(0, len(own)), label=key)]
    after = make_plan(carry_out(world, plan.model_copy(update={"actions": tuple(done)})).inputs())
    assert not has_errors(after.diagnostics)
    assert moved_since(plan, after) == {}


EDITS = {
    "name": lambda item: {"name": item.name + "!"},
    "text": lambda item: {"steps": (item.steps[0], item.steps[1].model_copy(update={"body_html": "<p>other</p>"}))},
    "status": lambda item: {"status": Status.DRAFT if item.status is not Status.DRAFT else Status.RUNNING},
}


@SOME
@given(world=worlds(calm=True), edit=st.sampled_from(sorted(EDITS)), data=st.data())
def test_an_approval_covers_nothing_that_was_edited(world: World, edit: str, data: st.DataObject) -> None:
    """What is planned for an edited campaign is exactly what was approved, or it is not touched."""
    plan = make_plan(world.inputs())
    chosen = data.draw(st.sampled_from([*world.desired.campaigns, None]))
    if not isinstance(chosen, Campaign):
        return
    other = chosen.model_copy(update=EDITS[edit](chosen))
    wanted = desired(*(other if item.key == chosen.key else item for item in world.desired.campaigns))
    planned = make_plan(replace(world, desired=wanted).inputs())
    moved = moved_since(plan, planned)
    assert set(moved) <= {chosen.key}
    digests = [next((c.digest for c in made.campaigns if c.key == chosen.key), None) for made in (plan, planned)]
    if digests[0] != digests[1] and planned.of(chosen.key):
        assert set(moved) == {chosen.key}
        assert moved[chosen.key]
