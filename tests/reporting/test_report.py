import pytest
from reporting.situations import monday, newcomers, report, result

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
