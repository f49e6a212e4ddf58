"""Texts as people see them, compared with committed files. RECONCILER_UPDATE_GOLDEN=1 writes them anew."""

import os
from pathlib import Path

import pytest
from reporting import forecasts, moments
from reporting.comments import EMAILS
from reporting.overviews import OVERVIEWS
from reporting.runs import REPORTS, finished
from reporting.situations import DIAGNOSTICS, PLANS, monday

from reconciler.reporting.annotations import of_diagnostics, of_plan, of_report, render_annotations
from reconciler.reporting.forecastmd import render_forecast_markdown
from reconciler.reporting.forecastsvg import svg
from reconciler.reporting.forecastview import render_forecast
from reconciler.reporting.planmd import render_plan_markdown
from reconciler.reporting.problemsmd import render_problems_markdown
from reconciler.reporting.reportmd import render_report_markdown
from reconciler.reporting.statusmd import render_status_markdown
from reconciler.reporting.statusview import render_status
from reconciler.reporting.text import render_diagnostics, render_plan, render_report

GOLDEN = Path(__file__).parent / "golden"
FORECASTS = {"week": forecasts.week, "long": forecasts.long, "crowd": forecasts.crowd}


def agree(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("RECONCILER_UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [100, 60])
@pytest.mark.parametrize("name", PLANS)
def test_plans(name: str, width: int) -> None:
    agree(f"plan-{name}-{width}.txt", render_plan(PLANS[name](), commit="main@3f9c1e7", color=False, width=width))


def test_a_plan_in_colour() -> None:
    agree("plan-monday-colour.txt", render_plan(monday(), commit="main@3f9c1e7", color=True, width=100))


def test_a_plan_in_full() -> None:
    agree("plan-monday-verbose.txt", render_plan(monday(), commit=None, command=None, color=False, verbose=True))


@pytest.mark.parametrize("width", [100, 60])
@pytest.mark.parametrize("name", FORECASTS)
def test_plans_with_a_forecast(name: str, width: int) -> None:
    agree(f"plan-forecast-{name}-{width}.txt", render_plan(forecasts.planned(FORECASTS[name]()), width=width))


@pytest.mark.parametrize("width", [100, 60])
@pytest.mark.parametrize("name", FORECASTS)
def test_forecasts(name: str, width: int) -> None:
    days = FORECASTS[name]()
    agree(f"forecast-{name}-{width}.txt", render_forecast(forecasts.planned(days), days, width=width))


@pytest.mark.parametrize("name", FORECASTS)
def test_forecasts_in_markdown_and_as_pictures(name: str) -> None:
    days = FORECASTS[name]()
    agree(f"forecast-{name}.md", render_forecast_markdown(forecasts.planned(days), days))
    agree(f"forecast-{name}.svg", svg(days))


@pytest.mark.parametrize("width", [100, 60])
@pytest.mark.parametrize("name", OVERVIEWS)
def test_statuses(name: str, width: int) -> None:
    agree(f"status-{name}-{width}.txt", render_status(OVERVIEWS[name](), width=width))


@pytest.mark.parametrize("name", OVERVIEWS)
def test_statuses_in_markdown(name: str) -> None:
    agree(f"status-{name}.md", render_status_markdown(OVERVIEWS[name]()))


@pytest.mark.parametrize("width", [100, 60])
@pytest.mark.parametrize("name", REPORTS)
def test_reports(name: str, width: int) -> None:
    agree(
        f"report-{name}-{width}.txt",
        render_report(finished(REPORTS[name](), monday()), monday(), color=False, width=width),
    )


def test_a_report_in_colour() -> None:
    agree(
        "report-monday-colour.txt",
        render_report(finished(REPORTS["monday"](), monday()), monday(), color=True, width=100),
    )


@pytest.mark.parametrize("name", moments.PLANS)
def test_plans_of_first_users(name: str) -> None:
    agree(f"moment-plan-{name}.txt", render_plan(moments.PLANS[name]()))


@pytest.mark.parametrize("name", moments.REPORTS)
def test_reports_of_first_users(name: str) -> None:
    plan, report = moments.REPORTS[name]
    agree(f"moment-report-{name}.txt", render_report(finished(report(), plan()), plan()))


@pytest.mark.parametrize("width", [100, 60])
def test_diagnostics(width: int) -> None:
    agree(f"diagnostics-{width}.txt", render_diagnostics(DIAGNOSTICS, color=False, width=width))


def test_a_comment_on_a_plan() -> None:
    plan = forecasts.planned(forecasts.week())
    agree("comment-plan-monday.md", render_plan_markdown(plan, emails=EMAILS, commit="main@3f9c1e7"))


@pytest.mark.parametrize("name", ["housekeeping", "unread", "offline", "newcomers"])
def test_comments_on_plans(name: str) -> None:
    agree(f"comment-plan-{name}.md", render_plan_markdown(PLANS[name](), emails=EMAILS, commit="main@3f9c1e7"))


@pytest.mark.parametrize("name", REPORTS)
def test_comments_on_reports(name: str) -> None:
    report = finished(REPORTS[name](), monday())
    agree(f"comment-report-{name}.md", render_report_markdown(report, monday()))


def test_a_comment_on_what_is_wrong() -> None:
    text = render_problems_markdown(DIAGNOSTICS, "plan", workspace="acme", environment="production")
    agree("comment-problems.md", text)


def test_annotations() -> None:
    agree("annotations-monday.txt", render_annotations(of_plan(monday())))
    agree("annotations-report.txt", render_annotations(of_report(REPORTS["broken"](), monday())))
    agree("annotations-diagnostics.txt", render_annotations(of_diagnostics(DIAGNOSTICS)))


def test_no_golden_file_is_left_over() -> None:
    expected = {
        *(f"plan-{name}-{width}.txt" for name in PLANS for width in (100, 60)),
        *(f"plan-forecast-{name}-{width}.txt" for name in FORECASTS for width in (100, 60)),
        *(f"forecast-{name}-{width}.txt" for name in FORECASTS for width in (100, 60)),
        *(f"forecast-{name}.{form}" for name in FORECASTS for form in ("md", "svg")),
        *(f"status-{name}-{width}.txt" for name in OVERVIEWS for width in (100, 60)),
        *(f"status-{name}.md" for name in OVERVIEWS),
        *(f"report-{name}-{width}.txt" for name in REPORTS for width in (100, 60)),
        *(f"moment-plan-{name}.txt" for name in moments.PLANS),
        *(f"moment-report-{name}.txt" for name in moments.REPORTS),
        *(f"diagnostics-{width}.txt" for width in (100, 60)),
        *(f"comment-plan-{name}.md" for name in ("monday", "housekeeping", "unread", "offline", "newcomers")),
        *(f"comment-report-{name}.md" for name in REPORTS),
        "comment-problems.md",
        *(f"annotations-{name}.txt" for name in ("monday", "report", "diagnostics")),
        "plan-monday-colour.txt",
        "plan-monday-verbose.txt",
        "report-monday-colour.txt",
    }
    assert {path.name for path in GOLDEN.iterdir()} == expected
