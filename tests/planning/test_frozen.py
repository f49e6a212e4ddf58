"""Steps of a started campaign are frozen (design §5, note 2); a draft that holds the wrong people is replaced."""

import pytest
from support.plans import (
    ALL_CALLS,
    EDITED,
    OWN,
    SOURCES,
    STEPS,
    campaign,
    codes,
    desired,
    failed,
    inputs,
    known,
    live,
    outline,
    roster,
    the,
)

from reconciler.model.campaign import SequenceStep
from reconciler.model.live import Capabilities
from reconciler.model.plan import Kind, Plan
from reconciler.planning.planner import make_plan

FOOTER = "templates/partials/footer.html.j2"
OWN_FILE, OWN_TEMPLATE, SHARED = ".", OWN[0], FOOTER


def started(live_status: str, *edited: str, status: str = "running", new: int = 3, **entry: object) -> Plan:
    """Plan a started campaign whose text changed because of `edited`."""
    sources = {name: f"{digest}-edited" if name in edited else digest for name, digest in SOURCES.items()}
    return make_plan(
        inputs(
            campaign(steps=EDITED, sources=sources, status=status),
            known(status=live_status, accepted=7, paused_by_us=live_status == "paused", **entry),
            live(status=live_status, enrolled=7),
            roster(7 + new, new=new),
        )
    )


@pytest.mark.parametrize("edited", [(OWN_FILE,), (OWN_TEMPLATE,), (OWN_FILE, SHARED), (OWN_TEMPLATE, SHARED), ()])
def test_an_edit_of_its_own_is_blocked_and_holds_new_enrolments(edited: tuple[str, ...]) -> None:
    plan = started("running", *edited)
    assert outline(plan) == [("update", "blocked"), ("enroll", "held")]
    update = the(plan, Kind.UPDATE)
    assert [(item.path, item.before, item.after) for item in update.changes] == [
        ("sequenceSteps[1].bodyHtml", STEPS[1].body_html, EDITED[1].body_html)
    ]
    assert "sending since 23 Nov 2026" in update.reason
    assert 'reconciler stop alpha --reason "…"' in update.reason
    assert "that starts from step 1" in update.reason
    assert failed(the(plan, Kind.ENROLL)) == {"steps"}
    assert (plan.summary.blocked, plan.summary.held, plan.summary.new_recipients) == (1, 1, 0)


@pytest.mark.parametrize(
    ("steps", "line"), [(EDITED, 14), ((EDITED[1], STEPS[1]), 9), (STEPS[:1], 3)], ids=["second", "first", "removed"]
)
def test_a_blocked_edit_is_shown_where_it_stands(steps: tuple[SequenceStep, ...], line: int) -> None:
    wanted = campaign(steps=steps, sources={}, step_lines=(9, 14)[: len(steps)])
    entry, there = known(status="running", accepted=7), live(status="running", enrolled=7)
    assert the(make_plan(inputs(wanted, entry, there, roster(7, new=0))), Kind.UPDATE).line == line


def test_an_edit_of_its_own_holds_a_resume() -> None:
    assert outline(started("paused", OWN_FILE)) == [("update", "blocked"), ("enroll", "held"), ("resume", "held")]


def test_an_edit_of_its_own_never_stands_in_the_way_of_a_pause() -> None:
    assert outline(started("running", OWN_FILE, status="paused")) == [("update", "blocked"), ("pause", "ready")]


def test_an_edit_of_its_own_is_told_where_nothing_else_is_to_be_done() -> None:
    assert outline(started("paused", OWN_FILE, status="paused")) == [("update", "blocked")]
    assert outline(started("running", OWN_FILE, new=0)) == [("update", "blocked")]


def test_an_edit_of_what_is_to_be_forgotten_does_not_matter() -> None:
    assert outline(started("running", OWN_FILE, status="archived")) == [("pause", "ready"), ("forget", "ready")]


@pytest.mark.parametrize(
    ("live_status", "actions"),
    [("running", [("enroll", "ready")]), ("paused", [("enroll", "ready"), ("resume", "ready")])],
)
def test_a_shared_template_that_changed_is_a_note(live_status: str, actions: list[tuple[str, str]]) -> None:
    plan = started(live_status, SHARED)
    assert (outline(plan), codes(plan)) == (actions, [("note", "shared-template")])
    assert plan.diagnostics[0].message == f"alpha has been started and keeps the old text: {FOOTER} changed"


def test_where_the_text_came_from_is_unknown_an_edit_is_blocked() -> None:
    """An imported campaign has no sources: nothing shows that the edit was not its own."""
    assert outline(started("running", SHARED, sources={})) == [("update", "blocked"), ("enroll", "held")]
    wanted = campaign(steps=EDITED, sources={SHARED: "1"}, own_sources=())
    entry, there = known(status="running", accepted=7, sources={}), live(status="running", enrolled=7)
    assert outline(make_plan(inputs(wanted, entry, there, roster(7, new=0)))) == [("update", "blocked")]


def test_other_sources_with_the_same_text_are_no_edit() -> None:
    plan = make_plan(
        inputs(
            campaign(sources={".": "reformatted"}),
            known(status="running", accepted=7),
            live(status="running", enrolled=7),
            roster(7, new=0),
        )
    )
    assert (outline(plan), codes(plan)) == ([], [])


def test_a_started_campaign_keeps_its_name() -> None:
    plan = make_plan(
        inputs(
            campaign(name="New name"),
            known(status="running", accepted=7),
            live(status="running", enrolled=7),
            roster(7, new=0),
        )
    )
    assert (outline(plan), codes(plan)) == ([], [("note", "name-frozen")])
    assert '"Alpha"' in plan.diagnostics[0].message


@pytest.mark.parametrize(
    ("live_status", "status", "told"),
    [
        ("running", "running", True),
        ("running", "paused", False),
        ("running", "archived", False),
        ("draft", "draft", False),
    ],
)
def test_people_who_left_the_list_of_a_sending_campaign_are_told(live_status: str, status: str, *, told: bool) -> None:
    plan = make_plan(
        inputs(
            campaign(status=status),
            known(status=live_status, accepted=7),
            live(status=live_status, enrolled=7),
            roster(5, new=0, gone=2),
        )
    )
    found = [(item.message, item.file, item.line) for item in plan.diagnostics if item.code == "left-the-list"]
    words = "alpha: 2 people left the list and still get the later steps"
    assert found == ([(words, "specs/campaigns/alpha.yaml", 3)] if told else [])


# Replacing a draft


def a_draft(*, gone: int = 0, patch: bool | None = True, status: str = "running", name: str = "Alpha") -> Plan:
    """Plan a draft with seven people, of whom so many left the list; its list has ten."""
    calls = ALL_CALLS.model_copy(update={"patch_campaign": patch})
    there = roster(10, new=3 + gone, gone=gone)
    return make_plan(
        inputs(campaign(status=status, name=name), known(accepted=7), live(enrolled=7), there, capabilities=calls)
    )


@pytest.mark.parametrize("patch", [True, False, None])
def test_a_draft_that_holds_people_who_left_the_list_is_replaced_before_it_starts(patch: bool | None) -> None:  # noqa: FBT001
    """Nobody can be taken out of a draft by API: starting it would write to them."""
    plan = a_draft(gone=1, patch=patch)
    assert outline(plan) == [("replace", "ready"), ("enroll", "ready"), ("start", "ready")]
    assert the(plan, Kind.REPLACE).reason == (
        "1 of the draft's leads are no longer on the list: a new draft takes over"
    )
    assert the(plan, Kind.REPLACE).changes == ()
    assert plan.summary.new_recipients == 10


def test_a_draft_that_stays_one_is_not_replaced_because_of_its_people() -> None:
    assert outline(a_draft(gone=1, status="draft")) == []


def test_a_draft_with_people_is_replaced_where_the_server_cannot_change_it() -> None:
    plan = a_draft(patch=False, name="New")
    assert outline(plan) == [("update", "ready"), ("enroll", "ready"), ("start", "ready")]
    assert "a new one takes over" in the(plan, Kind.UPDATE).reason
    assert [item.path for item in the(plan, Kind.UPDATE).changes] == ["name"]
    assert plan.summary.new_recipients == 10


@pytest.mark.parametrize("patch", [True, None])
def test_a_draft_with_people_is_changed_where_the_server_may_be_able_to(patch: bool | None) -> None:  # noqa: FBT001
    plan = a_draft(patch=patch, name="New")
    assert outline(plan) == [("update", "ready"), ("enroll", "ready"), ("start", "ready")]
    assert (the(plan, Kind.UPDATE).fallback, plan.summary.new_recipients) == (Kind.REPLACE, 10)


def test_a_draft_as_it_should_be_is_not_replaced_where_the_server_cannot_change_it() -> None:
    assert outline(a_draft(patch=False)) == [("enroll", "ready"), ("start", "ready")]


def test_a_server_that_shows_nothing_is_told_once() -> None:
    calls = Capabilities(get_campaign=False)
    plan = make_plan(inputs(campaign(status="draft"), known(), live(name=None, steps=None), capabilities=calls))
    assert (outline(plan), codes(plan)) == ([], [("note", "unreadable")])
    assert codes(make_plan(inputs(campaign(status="draft"), capabilities=calls))) == []


def test_steps_of_a_draft_are_never_frozen() -> None:
    plan = make_plan(inputs(campaign(steps=EDITED, sources={".": "edited"}), known(), live()))
    assert outline(plan) == [("update", "ready"), ("enroll", "ready"), ("start", "ready")]


@pytest.mark.parametrize(
    ("new", "changed", "words"),
    [
        (1, 0, "1 new lead"),
        (1200, 0, "1,200 new leads"),
        (0, 2, "2 with changed fields"),
        (3, 1, "3 new leads, 1 with changed fields"),
    ],
)
def test_an_enrolment_into_a_running_campaign_says_whom(new: int, changed: int, words: str) -> None:
    """Changed fields alone write to nobody anew."""
    plan = make_plan(
        inputs(
            desired(campaign(), max_new_recipients=1200),
            known(status="running", accepted=7),
            live(status="running", enrolled=7),
            roster(7 + new, new=new, changed=changed),
        )
    )
    assert (outline(plan), the(plan, Kind.ENROLL).reason) == ([("enroll", "ready")], words)
    assert plan.summary.new_recipients == new


@pytest.mark.parametrize("live_status", ["draft", "running", "paused"])
def test_a_list_that_is_not_at_hand_holds_its_campaign(live_status: str) -> None:
    """Nothing is read as "nobody is on it": neither a start without people nor a new draft without those who left."""
    entry = known(status=live_status, accepted=7, paused_by_us=True)
    absent = roster(0, at_hand=False, problem="the list leads:list.csv is not at hand: the file is not there")
    plan = make_plan(inputs(campaign(), entry, live(status=live_status, enrolled=7), absent))
    assert {action.status.value for action in plan.actions} == {"held"}
    assert {action.reason for action in plan.actions} == {absent.problem}
    assert (plan.campaigns[0].people.rows, plan.campaigns[0].people.leads) == (None, None)


def test_a_draft_that_took_nobody_in_needs_no_replacement() -> None:
    """All who left the list were on the suppression list: nobody is in the draft who should not be."""
    plan = make_plan(inputs(campaign(), known(), live(), roster(10, new=3, gone=1)))
    assert outline(plan) == [("enroll", "ready"), ("start", "ready")]
