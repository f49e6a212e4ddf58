"""Approvals that the state keeps: what they cover later on, and when they end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from support.plans import EDITED, NOW, campaign, inputs, known, live, outline, roster, state

from reconciler.execution.transitions import forgotten, imported, moved, removed, started
from reconciler.model.live import Pool
from reconciler.model.plan import Plan
from reconciler.model.report import ActionResult, Outcome
from reconciler.model.state import State
from reconciler.planning.approvals import given, needed, not_approved, still_approved, unapproved, withdrawn
from reconciler.planning.planner import make_plan

FULL = (Pool(id="p", name="P", daily_capacity=100, remaining=0),)
TOMORROW = NOW + timedelta(days=1)


def held(**changes: Any) -> Plan:
    """Plan a start for which there is no room today."""
    plan = make_plan(inputs(campaign(**changes), rosters=roster(10), pools=FULL))
    assert outline(plan) == [("create", "ready"), ("enroll", "held"), ("start", "held")]
    return plan


def results(plan: Plan, *done: str) -> tuple[ActionResult, ...]:
    return tuple(
        ActionResult(
            campaign=action.campaign, kind=action.kind, outcome=Outcome.DONE if action.kind in done else Outcome.HELD
        )
        for action in plan.actions
    )


def approved(plan: Plan, *done: str, before: State | None = None) -> State:
    """Return the state after a run that somebody approved; what it started is marked as such."""
    after = given(before or state(), plan, at=NOW, by="ada@host")
    if "start" in done:
        managed = after.with_campaign("alpha", known(accepted=4))
        after = started(managed, "alpha", NOW)
    return needed(after, plan, results(plan, *done))


def later(**changes: Any) -> Plan:
    """Plan the same a day later: the draft is there, and so is the room."""
    wanted = changes.pop("wanted", campaign())
    values: dict[str, Any] = {"rosters": roster(10), "now": TOMORROW, **changes}
    return make_plan(inputs(wanted, known(), live(), **values))


def test_what_waits_is_approved_with_the_plan() -> None:
    kept = approved(held(), "create").approvals
    assert list(kept) == ["alpha"]
    assert (kept["alpha"].by, kept["alpha"].at, kept["alpha"].kinds) == ("ada@host", NOW, ("create", "enroll", "start"))
    assert unapproved(later(), kept) == ()


def test_nothing_is_covered_that_nobody_approved() -> None:
    assert unapproved(later(), {}) == ("alpha",)
    told = not_approved(later(), ("alpha",))
    assert [(item.kind, item.outcome) for item in told] == [("enroll", "held"), ("start", "held")]


@pytest.mark.parametrize(
    "changes",
    [
        {"wanted": campaign(steps=EDITED)},
        {"wanted": campaign(name="Another")},
        {"rosters": roster(11)},
        {"wanted": campaign(per_day=5)},
    ],
    ids=["text", "name", "people", "pace"],
)
def test_what_is_another_needs_another_approval(changes: dict[str, Any]) -> None:
    assert unapproved(later(**changes), approved(held(), "create").approvals) == ("alpha",)


def test_a_campaign_that_somebody_started_meanwhile_is_left_alone() -> None:
    plan = make_plan(
        inputs(campaign(), known(status="running"), live(status="running", enrolled=3), roster(10), now=TOMORROW)
    )
    assert outline(plan) == [("enroll", "ready")]
    assert unapproved(plan, approved(held(), "create").approvals) == ("alpha",)


def test_the_waves_to_come_are_approved_with_the_start() -> None:
    """It was started with this approval, so that enrolling into the running campaign is covered."""
    plan = make_plan(inputs(campaign(per_day=4), rosters=roster(10)))
    kept = approved(plan, "create", "enroll", "start").approvals
    assert kept["alpha"].started
    entry = known(status="running", accepted=4)
    next_wave = make_plan(
        inputs(campaign(per_day=4), entry, live(status="running", enrolled=4), roster(10, new=6), now=TOMORROW)
    )
    assert outline(next_wave)[0][0] == "enroll"
    assert unapproved(next_wave, kept) == ()


def test_an_approval_ends_with_what_it_was_for() -> None:
    before = approved(held(), "create")
    plan = later()
    assert needed(before, plan, results(plan, "enroll", "start")).approvals == {}


def test_what_still_waits_keeps_its_approval() -> None:
    before = approved(held(), "create")
    assert needed(before, held(), results(held())) is before


def test_a_run_that_is_told_to_end_approves_nothing() -> None:
    """What was approved before stays approved."""
    plan = held()
    assert withdrawn(given(state(), plan, at=NOW, by="ada@host"), plan, state()).approvals == {}
    before = approved(plan, "create")
    again = given(before, plan, at=TOMORROW, by="bob@host")
    assert again.approvals["alpha"].by == "bob@host"
    assert withdrawn(again, plan, before).approvals == before.approvals


def test_what_is_neither_planned_nor_there_needs_none() -> None:
    """Its draft was never created, and its file is gone."""
    before = approved(held(), before=state())
    nothing = make_plan(inputs(campaign("beta", status="draft"), rosters=roster(1)))
    assert needed(before, nothing, ()).approvals == {}
    assert list(needed(before, nothing.model_copy(update={"targets": ("beta",)}), ()).approvals) == ["alpha"]


@pytest.mark.parametrize(
    "change",
    [
        lambda state: moved(state, "alpha", "beta"),
        lambda state: forgotten(state, "alpha", NOW),
        lambda state: removed(state, "alpha"),
        lambda state: imported(state, "alpha", known()),
    ],
    ids=["moved", "forgotten", "removed", "imported"],
)
def test_an_approval_is_of_the_campaign_that_had_the_key(change: Callable[[State], State]) -> None:
    before = approved(held(), "create").with_campaign("alpha", known())
    assert change(before).approvals == {}


def test_pauses_need_no_approval() -> None:
    plan = make_plan(inputs(campaign(status="paused"), known(status="running"), live(status="running"), roster(10)))
    assert outline(plan) == [("pause", "ready")]
    assert unapproved(plan, {}) == ()


def test_a_saved_plan_covers_its_own_waves_once_they_go_into_what_it_started() -> None:
    saved = make_plan(inputs(campaign(per_day=4), rosters=roster(10)))
    kept = approved(saved, "create", "enroll", "start").approvals
    entry, there = known(status="running", accepted=4), live(status="running", enrolled=4)
    plan = make_plan(inputs(campaign(per_day=4), entry, there, roster(10, new=6), now=TOMORROW))
    assert still_approved(plan, saved, kept) == {"alpha"}
    assert still_approved(plan, saved, {}) == frozenset()
    other = make_plan(inputs(campaign(per_day=4, name="Another"), rosters=roster(10)))
    assert still_approved(plan, other, kept) == frozenset()


def test_what_needs_somebody_is_not_approved() -> None:
    """A draft that counts more people than it should is no start that waits."""
    plan = make_plan(inputs(campaign(), known(accepted=3), live(enrolled=9), roster(10, new=7)))
    assert {status for _, status in outline(plan)} == {"blocked"}
    assert approved(plan).approvals == {}


def test_other_campaigns_keep_theirs() -> None:
    before = approved(held(), "create")
    other = make_plan(inputs(campaign("beta", status="draft"), rosters=roster(1)))
    there = before.with_campaign("alpha", known())
    assert approved(other, "create", before=there).approvals == before.approvals
