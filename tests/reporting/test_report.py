import pytest
from reporting.moments import details_only, failed
from reporting.runs import finished, report, result
from reporting.situations import action, campaign, monday, newcomers, nothing, plan

from reconciler.diagnostics import error
from reconciler.model.plan import Kind, Plan
from reconciler.model.report import ActionResult, Outcome
from reconciler.reporting.text import render_report


def total(plan: Plan, *results: ActionResult) -> str:
    text = render_report(report(list(results)), plan)
    return next(line for line in text.splitlines() if "first email" in line).partition(" · ")[0]


@pytest.mark.parametrize(
    ("results", "told"),
    [
        ([result("vp-sales-q3", Kind.START)], "142 people get a first email"),
        ([result("vp-sales-q3", Kind.START, leads_enrolled=140)], "140 people get a first email"),
        ([result("vp-sales-q3", Kind.START, leads_enrolled=900)], "142 people get a first email"),
        (
            [result("vp-sales-q3", Kind.ENROLL, leads_enrolled=142), result("vp-sales-q3", Kind.START, Outcome.FAILED)],
            "Nobody gets a first email",
        ),
        (
            [result("vp-sales-q3", Kind.ENROLL), result("vp-sales-q3", Kind.START, Outcome.UNKNOWN)],
            "Whether anybody gets a first email is not known",
        ),
        (
            [
                result("vp-sales-q3", Kind.ENROLL, Outcome.UNKNOWN),
                result("vp-sales-q3", Kind.START, Outcome.NOT_ATTEMPTED),
            ],
            "Nobody gets a first email",
        ),
    ],
)
def test_who_gets_a_first_email_from_a_start(results: list[ActionResult], told: str) -> None:
    """As planned, less whom the server left out; what is enrolled gets nothing before the start."""
    assert total(monday(), *results) == told


def test_people_added_to_a_running_campaign_get_email_though_a_later_batch_failed() -> None:
    failed = result("vp-sales-q3", Kind.ENROLL, Outcome.FAILED, leads_enrolled=5)
    assert total(newcomers(), failed) == "5 people get a first email"


def test_a_partial_answer_may_mean_more_people() -> None:
    unknown = result("vp-sales-q3", Kind.ENROLL, Outcome.UNKNOWN, leads_enrolled=5)
    assert total(newcomers(), unknown) == "5 people get a first email, perhaps more"


def test_every_result_is_told() -> None:
    """Whatever its kind and outcome: named with its campaign, and with its detail."""
    results = [
        result(f"{kind.value}-{number}", kind, outcome, f"because {kind.value} {number}")
        for kind in Kind
        for number, outcome in enumerate(Outcome)
    ]
    text = render_report(report(results), monday())
    for item in results:
        assert f" {item.campaign} " in text
        assert item.detail in text


def test_why_comes_from_the_plan_where_the_result_does_not_say() -> None:
    text = render_report(report([result("de-hr", Kind.START, Outcome.HELD)]), monday())
    assert "    1,400 people would get email today" in text


def test_a_report_of_nothing_is_empty_but_what_went_wrong_is_told() -> None:
    """The plan said that there is nothing to do; diagnostics and an interruption are the report's own."""
    assert render_report(report([]), nothing()) == ""
    assert "\nerror: it broke\n" in render_report(report([], diagnostics=(error("x", "it broke"),)), nothing())
    assert "Interrupted: " in render_report(report([], interrupted=True), nothing())


@pytest.mark.parametrize(("number", "told"), [(1, "the one action that is left"), (2, "the 2 actions that are left")])
def test_what_is_left_is_counted(number: int, told: str) -> None:
    results = [result(f"c{item}", Kind.PAUSE, Outcome.FAILED) for item in range(number)]
    assert f"it does {told}, and nothing twice." in render_report(finished(report(results), nothing()), nothing())


def test_a_new_draft_in_place_of_an_update_keeps_its_place() -> None:
    """The plan says update, the report replace: it stands where the update stood."""
    update = action("a", Kind.UPDATE, fallback=Kind.REPLACE)
    made = plan([campaign("a")], [update, action("a", Kind.START)])
    left = [result("a", Kind.START, Outcome.FAILED, "b"), result("a", Kind.REPLACE, Outcome.UNKNOWN, "a")]
    assert "unknown (replace); failed (start)\n" in render_report(report(left), made)


def test_an_unanswered_enrolment_of_new_details_writes_to_nobody_new() -> None:
    assert total(details_only(), result("second", Kind.ENROLL, Outcome.UNKNOWN)) == "Nobody gets a first email"


def test_many_that_waiting_does_not_help_are_counted() -> None:
    actions = [failed(f"c{number}", Kind.START, "tokens", "blank") for number in range(5)]
    made = plan([campaign(item.campaign) for item in actions], actions)
    held = report([result(item.campaign, Kind.START, Outcome.HELD) for item in actions])
    text = render_report(finished(held, made), made)
    assert "Waiting does not help c0, c1, c2 and 2 more: nothing changes until" in text
