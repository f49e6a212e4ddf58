"""Who is who: renames, returning keys, vanished files, look-alikes."""

import pytest
from support.plans import (
    EDITED,
    STEPS,
    campaign,
    codes,
    desired,
    inputs,
    known,
    live,
    outline,
    roster,
    state,
    stop,
    the,
)

from reconciler.model.campaign import steps_digest
from reconciler.model.live import LiveCampaign
from reconciler.model.plan import Kind, Plan
from reconciler.model.roster import FewHashes
from reconciler.model.state import CampaignState
from reconciler.planning.identity import settle
from reconciler.planning.planner import make_plan

OTHER = tuple(step.model_copy(update={"subject": "Something else"}) for step in STEPS)
RUNNING = known("old", "running", accepted=7)
RUNNING_LIVE = live("old", "running", enrolled=7)


# Renames with `moved`


def test_moved_takes_the_live_campaign_along() -> None:
    plan = make_plan(
        inputs(campaign(moved_from="old"), state({"old": RUNNING}), {"old": RUNNING_LIVE}, roster(7, new=0))
    )
    assert outline(plan) == [("move", "ready")]
    assert (the(plan, Kind.MOVE).reason, the(plan, Kind.MOVE).effect.value) == ("was old", "inert")
    assert [(item.key, item.live) for item in plan.campaigns] == [("alpha", "running")]
    assert plan.of("old") == ()


def test_a_move_from_another_key_is_another_digest() -> None:
    """What was reviewed says whose live campaign is taken along."""
    managed = state({name: RUNNING.model_copy(update={"id": name}) for name in ("old", "older")})
    there = {"old": RUNNING_LIVE, "older": RUNNING_LIVE.model_copy(update={"id": "older"})}
    digests = {
        make_plan(inputs(campaign(moved_from=name), managed, there, roster(7, new=0), targets=frozenset({"alpha"})))
        .campaigns[0]
        .digest
        for name in ("old", "older")
    }
    assert len(digests) == 2


def test_moved_comes_before_whatever_else_is_to_be_done() -> None:
    managed, there = state({"old": known("old")}), {"old": live("old")}
    plan = make_plan(inputs(campaign(moved_from="old"), managed, there))
    assert outline(plan) == [("move", "ready"), ("update", "ready"), ("enroll", "ready"), ("start", "ready")]


def test_a_move_that_is_done_is_told_and_can_go() -> None:
    plan = make_plan(inputs(campaign(moved_from="old", status="draft"), known(), live()))
    assert (outline(plan), codes(plan)) == ([], [("note", "moved-done")])
    assert "`moved` can go from the file" in plan.diagnostics[0].message


def test_moved_from_nothing_is_a_new_campaign() -> None:
    assert outline(make_plan(inputs(campaign(moved_from="old", status="draft")))) == [("create", "ready")]


def both_managed(status: str, live_status: str) -> Plan:
    entry = known(status=live_status, accepted=7, paused_by_us=live_status == "paused")
    managed = state({"alpha": entry, "old": RUNNING})
    there = {"alpha": live(status=live_status, enrolled=7), "old": RUNNING_LIVE}
    return make_plan(inputs(campaign(moved_from="old", status=status), managed, there, roster(10, new=3)))


def test_moved_where_both_keys_are_managed_is_blocked() -> None:
    plan = both_managed("running", "running")
    assert outline(plan) == [("enroll", "blocked")]
    assert "both alpha and old" in the(plan, Kind.ENROLL).reason
    assert plan.of("old") == ()


def test_moved_where_both_keys_are_managed_is_told_even_where_nothing_is_to_be_done() -> None:
    plan = both_managed("paused", "paused")
    assert (outline(plan), codes(plan)) == ([], [("error", "identity")])
    assert "both alpha and old" in plan.diagnostics[0].message


def test_a_stop_mark_of_the_former_key_holds() -> None:
    managed = state({"old": known("old")}, stops=(stop("old"),))
    plan = make_plan(inputs(campaign(moved_from="old"), managed, {"old": live("old")}))
    assert the(plan, Kind.START).status.value == "held"
    assert "reconciler stop old --lift" in the(plan, Kind.START).reason


# Returning keys


def test_a_returning_key_adopts_what_it_had() -> None:
    managed = state(buried={"alpha": known(status="paused", accepted=7, paused_by_us=True)})
    plan = make_plan(inputs(campaign(), managed, live(status="paused", enrolled=7), roster(10, new=3)))
    assert outline(plan) == [("adopt", "ready"), ("enroll", "ready"), ("resume", "ready")]
    assert plan.summary.new_recipients == 3


def test_a_returning_key_under_a_new_name_is_moved_and_adopted() -> None:
    managed = state(buried={"old": known("old")})
    plan = make_plan(inputs(campaign(moved_from="old", name="Old", status="draft"), managed, {"old": live("old")}))
    assert outline(plan) == [("move", "ready"), ("adopt", "ready")]


def test_its_own_tombstone_comes_before_that_of_the_former_key() -> None:
    managed = state(buried={"alpha": known(), "old": known("old")})
    (subject,) = settle(desired(campaign(moved_from="old")), managed, None)
    assert (subject.known_key, subject.via) == ("alpha", (Kind.ADOPT,))


def test_what_is_managed_comes_before_what_is_buried() -> None:
    managed = state({"old": known("old")}, buried={"alpha": known()})
    (subject,) = settle(desired(campaign(moved_from="old")), managed, None)
    assert (subject.known_key, subject.via) == ("old", (Kind.MOVE,))


def test_an_archived_file_does_not_dig_its_campaign_up() -> None:
    plan = make_plan(inputs(campaign(status="archived"), state(buried={"alpha": known()}), live()))
    assert (outline(plan), codes(plan)) == ([], [])


def test_a_returning_key_that_cannot_be_read_is_not_created_anew() -> None:
    plan = make_plan(inputs(campaign(), state(buried={"alpha": known()})))
    assert (outline(plan), codes(plan)) == ([], [("error", "unread")])


# Vanished files


@pytest.mark.parametrize(
    ("entry", "there", "kinds"),
    [
        (known(protect=True), live(), ["forget"]),
        (known(status="running", protect=True, accepted=7), live(status="running", enrolled=7), ["pause", "forget"]),
    ],
)
def test_a_protected_file_that_went_away_leaves_its_campaign_as_it_is(
    entry: CampaignState, there: LiveCampaign, kinds: list[str]
) -> None:
    plan = make_plan(inputs(None, entry, there))
    assert outline(plan) == [(kind, "blocked") for kind in kinds]
    assert "specs/campaigns/alpha.yaml is gone, and it is protected" in plan.actions[0].reason
    assert (plan.actions[0].file, plan.actions[0].line) == ("specs/campaigns/alpha.yaml", None)


def test_a_protected_file_may_say_archived() -> None:
    plan = make_plan(inputs(campaign(status="archived", protect=True), known(protect=True), live()))
    assert outline(plan) == [("forget", "ready")]


# Look-alikes


def newcomer(
    *,
    steps: tuple = OTHER,
    common: int = 0,
    people: int = 0,
    ledger: int = 0,
    status: str = "running",
    **changes: object,
) -> Plan:
    """Plan a vanished `old` and a new `alpha`: so many people each, so many of them on both lists."""
    here = frozenset(bytes([number]) for number in range(people))
    there = frozenset(bytes([number]) for number in range(people - common, people - common + ledger))
    assert len(here & there) == common
    return make_plan(
        inputs(
            campaign(steps=steps, status=status),
            state({"old": known("old")}),
            {"old": live("old")},
            roster(people, hashes=FewHashes(here)),
            ledgers={"old": FewHashes(there)},
            **changes,
        )
    )


def blocked(plan: Plan) -> bool:
    """Whether both sides are left as they are, and nobody is to be written to."""
    statuses = {action.status.value for action in plan.actions}
    assert statuses <= {"ready", "held"} or statuses == {"blocked"}
    return statuses == {"blocked"}


def test_equal_steps_look_like_a_rename() -> None:
    plan = newcomer(steps=STEPS, people=5)
    assert blocked(plan)
    assert outline(plan) == [("create", "blocked"), ("enroll", "blocked"), ("start", "blocked")]
    assert outline(plan, "old") == [("forget", "blocked")]
    assert "looks like a rename of old: add `moved: {from: old}`" in the(plan, Kind.CREATE).reason
    assert "alpha looks like a rename of old" in the(plan, Kind.FORGET, "old").reason
    assert (plan.summary.blocked, plan.summary.new_recipients) == (2, 0)


@pytest.mark.parametrize(
    ("people", "ledger", "common", "alike"),
    [
        (10, 10, 5, True),
        (10, 10, 4, False),
        (10, 100, 5, True),
        (10, 100, 4, False),
        (100, 10, 5, True),
        (100, 10, 4, False),
        (3, 9, 2, True),
        (3, 9, 1, False),
        (1, 1, 1, True),
        (5, 5, 0, False),
        (0, 5, 0, False),
        (5, 0, 0, False),
    ],
)
def test_half_of_the_smaller_list_looks_like_a_rename(people: int, ledger: int, common: int, *, alike: bool) -> None:
    assert blocked(newcomer(people=people, ledger=ledger, common=common)) is alike


def test_no_steps_at_all_do_not_look_alike() -> None:
    empty = known("old", steps_digest=steps_digest(()))
    plan = make_plan(inputs(campaign(steps=(), status="draft"), state({"old": empty}), {"old": live("old", steps=())}))
    assert outline(plan) == [("create", "ready")]


def test_an_archived_newcomer_is_no_rename() -> None:
    plan = newcomer(steps=STEPS, status="archived")
    assert (outline(plan), outline(plan, "old")) == ([], [("forget", "ready")])


def test_a_copy_beside_the_original_is_no_rename() -> None:
    wanted = desired(campaign(status="draft"), campaign("old", status="draft"))
    plan = make_plan(inputs(wanted, state({"old": known("old")}), {"old": live("old")}))
    assert (outline(plan), outline(plan, "old")) == ([("create", "ready")], [])


def test_leaving_the_vanished_key_out_of_the_plan_does_not_let_its_double_through() -> None:
    """`--target` with the new key alone would otherwise write to the same people again."""
    plan = newcomer(steps=STEPS, people=5, targets=frozenset({"alpha"}))
    assert outline(plan) == [("create", "blocked"), ("enroll", "blocked"), ("start", "blocked")]
    assert plan.of("old") == ()


def test_letting_the_vanished_key_go_in_a_plan_of_its_own_is_possible() -> None:
    """That is the way out that the message names."""
    plan = newcomer(steps=STEPS, people=5, targets=frozenset({"old"}))
    assert [(item.campaign, item.kind.value, item.status.value) for item in plan.actions] == [
        ("old", "forget", "ready")
    ]


def test_a_file_that_went_without_a_double_is_let_go() -> None:
    plan = newcomer(steps=EDITED)
    assert outline(plan, "old") == [("forget", "ready")]
    assert the(plan, Kind.FORGET, "old").reason == "its file is gone; it stays in Leadterra"


def test_two_newcomers_that_look_like_one_vanished_key_are_both_blocked() -> None:
    wanted = desired(campaign("beta"), campaign("alpha"))
    plan = make_plan(inputs(wanted, state({"old": known("old")}), {"old": live("old")}))
    assert {action.status.value for action in plan.actions} == {"blocked"}
    assert {action.campaign for action in plan.actions} == {"alpha", "beta", "old"}
