"""Budgets: over them everything of a kind is blocked, and only an amount lifts them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.planrun import carry_out
from support.plans import (
    NOW,
    campaign,
    codes,
    desired,
    failed,
    inputs,
    known,
    live,
    outline,
    ready,
    roster,
    state,
    the,
)
from support.planworlds import KEYS, World, worlds

from reconciler.model.live import Pool
from reconciler.model.plan import ActionStatus, Effect, GuardResult, Kind, Plan
from reconciler.model.workspace import Allowance, Budget, Desired, Policy
from reconciler.planning.budgets import Budgets
from reconciler.planning.planner import make_plan, specs_digest

NEW, FORGETS = Budget.NEW_RECIPIENTS, Budget.FORGETS
BERLIN = "Europe/Berlin"
SOME = settings(max_examples=60, deadline=None)


def allowance(amount: int = 6000, budget: Budget = NEW, until: date = date(2026, 12, 5), line: int = 7) -> Allowance:
    return Allowance(budget=budget, amount=amount, until=until, reason="launch", file="specs/workspace.yaml", line=line)


def wanted(*keys: str, allow: tuple[Allowance, ...] = (), **policy: object) -> Desired:
    return desired(*map(campaign, keys), **policy).model_copy(update={"allow": allow})


def two(first: int = 600, second: int = 401, allow: dict[Budget, int] | None = None, **changes: Any) -> Plan:
    """Plan two campaigns that are created and started with so many people."""
    rosters = {"a": roster(first), "b": roster(second)}
    return make_plan(inputs(wanted("a", "b", **changes), rosters=rosters, allow=allow or {}))


def budget_of(plan: Plan, key: str, kind: Kind = Kind.START) -> GuardResult | None:
    """Return what the guard says, if it concerns the campaign."""
    return next((item for item in the(plan, kind, key).guards if item.id == "budget"), None)


def test_within_it_the_guard_tells_the_figures_of_the_whole_plan() -> None:
    plan = two(second=400)
    assert plan.summary.new_recipients == 1000
    for key in ("a", "b"):
        assert outline(plan, key) == [("create", "ready"), ("enroll", "ready"), ("start", "ready")]
        assert budget_of(plan, key) == GuardResult(id="budget", passed=True, detail="1,000 of 1,000 new recipients")


def test_over_it_everything_that_newly_writes_is_blocked_not_only_the_last() -> None:
    """Were the first one let through, the same command again would let the second one through."""
    plan = two()
    assert plan.summary.new_recipients == 0
    for key in ("a", "b"):
        assert outline(plan, key) == [("create", "ready"), ("enroll", "blocked"), ("start", "blocked")]
        assert failed(the(plan, Kind.ENROLL, key)) == failed(the(plan, Kind.START, key)) == {"budget"}
    assert (plan.summary.blocked, [item.people.held for item in plan.campaigns]) == (2, [600, 401])


def test_the_words_tell_total_limit_source_and_both_ways_out() -> None:
    assert the(two(), Kind.START, "b").reason == (
        "1,001 people in all would get a first email, and one apply may newly write to 1,000 "
        "(policy.maxNewRecipients): if that is meant, run it with `--allow new-recipients=1001`, or write "
        '`allow: [{newRecipients: 1001, until: 2026-12-07, reason: "…"}]` into workspace.yaml'
    )
    one = make_plan(inputs(desired(campaign(), max_new_recipients=0), rosters=roster(1)))
    assert the(one, Kind.START).reason.startswith("1 person in all would get a first email, and one apply may newly")


@pytest.mark.parametrize(("amount", "people"), [(1001, 1001), (1000, 0)])
def test_the_amount_lets_exactly_so_many_through(amount: int, people: int) -> None:
    """By the flag, by an allowance, by the policy: all the same."""
    low = {"max_new_recipients": 1}
    assert two(allow={NEW: amount}, **low).summary.new_recipients == people
    assert two(max_new_recipients=amount).summary.new_recipients == people
    plan = make_plan(
        inputs(wanted("a", "b", allow=(allowance(amount),), **low), rosters={"a": roster(600), "b": roster(401)})
    )
    assert plan.summary.new_recipients == people


def test_forgetting_is_no_leave_to_write_nor_the_reverse() -> None:
    assert two(allow={FORGETS: 5000}).summary.new_recipients == 0
    assert outline(letting_go(4, allow={NEW: 5000}), "c0") == [("forget", "blocked")]


LATE = datetime(2026, 12, 5, 22, 59, 59, tzinfo=UTC)
"""The last second of 5 December in Berlin."""


@pytest.mark.parametrize(
    ("changes", "amount", "source"),
    [
        ({}, 1000, "policy.maxNewRecipients"),
        ({"lifted": {NEW: 1000}}, 1000, "policy.maxNewRecipients"),
        ({"lifted": {NEW: 999}}, 1000, "policy.maxNewRecipients"),
        ({"lifted": {NEW: 1001}}, 1001, "--allow"),
        ({"lifted": {FORGETS: 1001}}, 1000, "policy.maxNewRecipients"),
        ({"allowances": (allowance(),)}, 6000, "`allow` at specs/workspace.yaml:7, until 2026-12-05"),
        ({"allowances": (allowance(budget=FORGETS),)}, 1000, "policy.maxNewRecipients"),
        ({"allowances": (allowance(10),)}, 1000, "policy.maxNewRecipients"),
        (
            {"allowances": (allowance(5000, line=6), allowance(), allowance(70, line=8))},
            6000,
            "`allow` at specs/workspace.yaml:7, until 2026-12-05",
        ),
        ({"allowances": (allowance(),), "lifted": {NEW: 7000}}, 7000, "--allow"),
        (
            {"allowances": (allowance(),), "lifted": {NEW: 5000}},
            6000,
            "`allow` at specs/workspace.yaml:7, until 2026-12-05",
        ),
        ({"allowances": (allowance(until=date(2026, 12, 4)),)}, 1000, "policy.maxNewRecipients"),
    ],
)
def test_the_largest_holds(changes: dict[str, Any], amount: int, source: str) -> None:
    limit = Budgets(**{"policy": Policy(timezone=BERLIN), **changes}).limit(NEW, LATE)
    assert (limit.amount, limit.source) == (amount, source)


def test_an_allowance_holds_to_the_end_of_its_last_day_in_the_policys_zone() -> None:
    budgets = Budgets(Policy(timezone=BERLIN), (allowance(),))
    moments = (LATE, LATE + timedelta(seconds=1))
    assert [budgets.limit(NEW, moment).amount for moment in moments] == [6000, 1000]
    assert [len(budgets.expired_notes(moment)) for moment in moments] == [0, 1]
    in_utc = Budgets(Policy(), (allowance(),))
    assert in_utc.limit(NEW, LATE + timedelta(seconds=1)).amount == 6000


def test_an_expired_allowance_is_told_and_does_not_count() -> None:
    gone = allowance(until=date(2026, 11, 29))
    plan = make_plan(
        inputs(
            wanted("alpha", allow=(gone, allowance(line=9, until=date(2026, 11, 30))), max_new_recipients=5),
            rosters=roster(6001),
            pools=(Pool(id="p", name="P", daily_capacity=9000, remaining=9000),),
        )
    )
    assert codes(plan) == [("note", "allowance-expired")]
    (told,) = plan.diagnostics
    assert told.message == "the allowance of 6,000 new recipients expired on Sun 29 Nov 2026 and does not count"
    assert told.place == "specs/workspace.yaml:7"
    assert "(`allow` at specs/workspace.yaml:9, until 2026-11-30)" in the(plan, Kind.START).reason


def test_what_is_not_ready_anyway_takes_nothing_of_the_budget() -> None:
    """Held, blocked and scheduled ones keep their own reasons: the budget is no further one."""
    rosters = {
        "a": roster(1000),
        "blank": roster(900, blanks={"firstName": 1}),
        "later": roster(900),
        "sent": roster(900),
        "big": roster(544),
    }
    campaigns = [campaign(key) for key in ("a", "blank", "sent", "big")]
    later = campaign("later", not_before=NOW + timedelta(days=1))
    managed, there = state({"sent": known("sent")}), {"sent": live("sent", enrolled=1)}
    plan = make_plan(inputs(desired(*campaigns, later), managed, there, rosters))
    assert {key: the(plan, Kind.START, key).status.value for key in rosters} == {
        "a": "ready",
        "blank": "held",
        "later": "scheduled",
        "sent": "blocked",
        "big": "held",
    }
    assert [key for key in rosters if budget_of(plan, key)] == ["a"]
    assert plan.summary.new_recipients == 1000


def test_who_waits_for_room_does_not_get_that_of_the_blocked() -> None:
    """1,200 are over budget; the 800 behind them wait for room, with and without the budget, and run after run."""
    plans = [two(1200, 800, allow=allow) for allow in ({}, {NEW: 1200})]
    assert [[the(plan, Kind.START, key).status.value for key in "ab"] for plan in plans] == [
        ["blocked", "held"],
        ["ready", "held"],
    ]
    assert failed(the(plans[0], Kind.START, "b")) == {"capacity"}


def resumed(queued: int, **changes: object) -> Plan:
    """Plan a resume that adds nobody beside a start that is over budget; there is room for 1,543."""
    entry, there = known("b", "paused", accepted=60, paused_by_us=True), live("b", "paused", enrolled=60, queued=queued)
    rosters = {"a": roster(1500), "b": roster(60, new=0, **changes)}
    return make_plan(inputs(wanted("a", "b"), state({"b": entry}), {"b": there}, rosters))


def test_what_newly_writes_to_nobody_is_not_blocked_and_gets_the_room_of_the_blocked() -> None:
    for plan in (resumed(60), resumed(1543)):
        assert the(plan, Kind.START, "a").status is ActionStatus.BLOCKED
        assert outline(plan, "b") == [("resume", "ready")]
        assert budget_of(plan, "b", Kind.RESUME) is None
    assert outline(resumed(1544), "b") == [("resume", "held")]
    assert outline(resumed(5, changed=2), "b") == [("enroll", "ready"), ("resume", "ready")]


@pytest.mark.parametrize(("status", "kind"), [("running", Kind.ENROLL), ("paused", Kind.RESUME)])
def test_new_people_of_a_started_campaign_count(status: str, kind: Kind) -> None:
    entry, there = known(status=status, accepted=60, paused_by_us=True), live(status=status, enrolled=60)
    for new, found in ((5, "ready"), (6, "blocked")):
        plan = make_plan(inputs(desired(campaign(), max_new_recipients=5), entry, there, roster(60 + new, new=new)))
        assert the(plan, kind).status.value == the(plan, Kind.ENROLL).status.value == found


def test_who_is_in_a_draft_already_counts_with_the_new() -> None:
    for most, found in ((10, "ready"), (9, "blocked")):
        given_ = inputs(
            desired(campaign(), max_new_recipients=most), known(accepted=7), live(enrolled=7), roster(10, new=3)
        )
        assert outline(make_plan(given_)) == [("enroll", found), ("start", found)]


def test_it_needs_no_server() -> None:
    plan = make_plan(inputs(desired(campaign(), max_new_recipients=9), rosters=roster(10), refreshed=False))
    assert the(plan, Kind.START).status is ActionStatus.BLOCKED


def test_a_budget_is_no_part_of_a_digest_and_its_place_none_of_what_is_wanted() -> None:
    plans = [two(max_new_recipients=most, allow={NEW: amount}) for most, amount in ((1, 1), (9999, 1), (1, 9999))]
    assert len({(plan.digest, *(item.digest for item in plan.campaigns)) for plan in plans}) == 1
    assert specs_digest(wanted("a", allow=(allowance(line=1),))) == specs_digest(wanted("a", allow=(allowance(),)))
    assert specs_digest(wanted("a", allow=(allowance(1),))) != specs_digest(wanted("a", allow=(allowance(),)))


def letting_go(count: int, status: str = "draft", allow: dict[Budget, int] | None = None, **policy: object) -> Plan:
    """Plan with so many campaigns whose files are gone."""
    keys = [f"c{number}" for number in range(count)]
    entries = {key: known(key, status, steps_digest=key) for key in keys}
    return make_plan(
        inputs(desired(**policy), state(entries), {key: live(key, status) for key in keys}, allow=allow or {})
    )


def test_three_may_be_let_go_and_of_four_none() -> None:
    assert [action.status.value for action in letting_go(3).actions] == ["ready"] * 3
    plan = letting_go(4)
    assert [action.status.value for action in plan.actions] == ["blocked"] * 4
    words = (
        "4 campaigns in all would no longer be managed, and one apply may let go of 3 (policy.maxForgets): if that is "
        "meant, run it with `--allow forgets=4`, or write "
        '`allow: [{forgets: 4, until: 2026-12-07, reason: "…"}]` into workspace.yaml'
    )
    assert {action.reason for action in plan.actions} == {words}
    one = letting_go(1, max_forgets=0)
    assert the(one, Kind.FORGET, "c0").reason.startswith("1 campaign in all would no longer be managed")


@pytest.mark.parametrize(("amount", "status"), [(4, "ready"), (3, "blocked")])
def test_the_amount_lets_exactly_so_many_go(amount: int, status: str) -> None:
    for plan in (letting_go(4, allow={FORGETS: amount}, max_forgets=0), letting_go(4, max_forgets=amount)):
        assert {action.status.value for action in plan.actions} == {status}


def test_a_pause_is_never_blocked_by_it() -> None:
    plan = letting_go(4, "running")
    assert {(action.kind.value, action.status.value) for action in plan.actions} == {
        ("pause", "ready"),
        ("forget", "blocked"),
    }
    assert outline(plan, "c0") == [("pause", "ready"), ("forget", "blocked")]


def test_what_is_blocked_for_another_reason_is_not_counted_and_keeps_its_words() -> None:
    entries = {f"c{number}": known(f"c{number}", steps_digest=str(number), protect=number == 0) for number in range(4)}
    plan = make_plan(inputs(desired(), state(entries), {key: live(key) for key in entries}))
    assert [the(plan, Kind.FORGET, key).status.value for key in entries] == ["blocked", "ready", "ready", "ready"]
    assert "protected" in the(plan, Kind.FORGET, "c0").reason


def bounded(world: World, new: int, forgets: int) -> World:
    """Return the same world with these budgets."""
    policy = world.desired.policy.model_copy(update={"max_new_recipients": new, "max_forgets": forgets})
    return replace(world, desired=world.desired.model_copy(update={"policy": policy}))


def limited(world: World, new: int, forgets: int, allow: dict[Budget, int] | None = None) -> Plan:
    return make_plan(replace(bounded(world, new, forgets).inputs(), allow=allow or {}))


@SOME
@given(world=worlds(), new=st.integers(0, 24), forgets=st.integers(0, len(KEYS)))
def test_no_plan_is_above_its_budgets(world: World, new: int, forgets: int) -> None:
    """All or nothing: above them nobody is written to anew, and nothing is let go."""
    plan, free = limited(world, new, forgets), limited(world, 1000, 1000)
    total = free.summary.new_recipients
    assert plan.summary.new_recipients == (total if total <= new else 0)
    gone = sum(action.kind is Kind.FORGET for action in ready(free))
    assert sum(action.kind is Kind.FORGET for action in ready(plan)) == (gone if gone <= forgets else 0)
    assert [action for action in plan.actions if action.kind is Kind.PAUSE] == [
        action for action in free.actions if action.kind is Kind.PAUSE
    ]
    assert plan.digest == free.digest


@SOME
@given(world=worlds(), beyond=st.integers(0, 3))
def test_lifting_by_the_amount_lets_exactly_that_through(world: World, beyond: int) -> None:
    free = limited(world, 1000, 1000)
    total = free.summary.new_recipients
    gone = sum(action.kind is Kind.FORGET for action in ready(free))
    lifted = limited(world, 0, 0, {NEW: total + beyond, FORGETS: gone + beyond})
    assert [action.status for action in lifted.actions] == [action.status for action in free.actions]
    if total:
        short = limited(world, 0, 1000, {NEW: total - 1})
        assert short.summary.new_recipients == 0
        receiving = {item.key for item in free.campaigns if item.people.receive}
        for action in short.actions:
            if action.campaign in receiving and action.effect is Effect.IRREVERSIBLE:
                assert (action.status, failed(action)) == (ActionStatus.BLOCKED, {"budget"})
        others = [action for action in ready(free) if action.campaign not in receiving]
        assert {(item.campaign, item.kind) for item in others} <= {(item.campaign, item.kind) for item in ready(short)}


@SOME
@given(world=worlds(), new=st.integers(0, 12), forgets=st.integers(0, 2))
def test_one_apply_after_another_stays_within_its_budgets(world: World, new: int, forgets: int) -> None:
    world = bounded(replace(world, refreshed=True, patch=world.patch is not False), new, forgets)
    for _ in range(3):
        after = carry_out(world, make_plan(world.inputs()))
        assert (after.written - world.written).total() <= new
        assert len(after.state.tombstones.keys() - world.state.tombstones.keys()) <= forgets
        world = after
