"""`--target`: by key, by label, and what is said where it fits nothing."""

import pytest
from support.plans import campaign, desired, inputs, known, live, outline, state

from reconciler.diagnostics import ReconcilerError
from reconciler.planning.planner import make_plan
from reconciler.planning.targets import choose, nearest

WANTED = desired(
    campaign("vp-sales-q3", labels={"team": "emea"}),
    campaign("cfo-pricing", labels={"team": "emea", "tier": "1"}),
    campaign("fintech-intro", labels={"team": "us"}),
)
MANAGED = state({"vanished": known("vanished")})


@pytest.mark.parametrize(
    ("targets", "chosen"),
    [
        ([], None),
        (["cfo-pricing"], {"cfo-pricing"}),
        (["vanished"], {"vanished"}),
        (["label:team=emea"], {"vp-sales-q3", "cfo-pricing"}),
        (["label:team=emea", "fintech-intro"], {"vp-sales-q3", "cfo-pricing", "fintech-intro"}),
        (["label:tier=1", "cfo-pricing"], {"cfo-pricing"}),
    ],
)
def test_choose(targets: list[str], chosen: set[str] | None) -> None:
    assert choose(targets, WANTED, MANAGED) == chosen


def test_every_target_that_fits_nothing_is_told_at_once_with_what_was_probably_meant() -> None:
    with pytest.raises(ReconcilerError) as caught:
        choose(["vp-sales-q4", "cfo-pricing", "zzz", "label:team=apac", "label:team"], WANTED, MANAGED)
    assert [(item.message, item.hint) for item in caught.value.diagnostics] == [
        ("--target vp-sales-q4 names no campaign", "did you mean vp-sales-q3?"),
        ("--target zzz names no campaign", None),
        (
            "--target label:team=apac names no campaign",
            "labels are written as `labels: {team: emea}` and chosen as label:team=emea",
        ),
        (
            "--target label:team names no campaign",
            "labels are written as `labels: {team: emea}` and chosen as label:team=emea",
        ),
    ]


def test_nearest() -> None:
    assert nearest("fintec-intro", ["cfo-pricing", "fintech-intro"]) == "did you mean fintech-intro?"
    assert nearest("x", []) is None


def test_a_plan_is_limited_to_its_targets() -> None:
    """The others neither act nor appear; what they have queued still takes room."""
    managed = state({"cfo-pricing": known("cfo-pricing", "running", accepted=7), "vanished": known("vanished")})
    there = {"cfo-pricing": live("cfo-pricing", "running", enrolled=7, queued=1540), "vanished": live("vanished")}
    wanted = desired(campaign("cfo-pricing", "paused"), campaign("vp-sales-q3", steps=()), campaign("fintech-intro"))
    chosen = choose(["vp-sales-q3"], wanted, managed)
    plan = make_plan(inputs(wanted, managed, there, targets=chosen))
    assert {item.key for item in plan.campaigns} == {action.campaign for action in plan.actions} == {"vp-sales-q3"}
    assert outline(plan, "vp-sales-q3") == [("create", "ready"), ("enroll", "held"), ("start", "held")]
    assert "room for 3 " in plan.actions[-1].reason


def test_a_moved_campaign_is_chosen_by_its_new_key() -> None:
    wanted = desired(campaign(moved_from="vanished", name="Vanished", status="draft"))
    plan = make_plan(inputs(wanted, MANAGED, {"vanished": live("vanished")}, targets=frozenset({"alpha"})))
    assert outline(plan) == [("move", "ready")]
