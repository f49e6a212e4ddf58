"""Texts as people see them, compared with committed files. RECONCILER_UPDATE_GOLDEN=1 writes them anew."""

import os
from pathlib import Path

import pytest
from reporting import moments
from reporting.runs import REPORTS, finished
from reporting.situations import DIAGNOSTICS, PLANS, monday

from reconciler.reporting.text import render_diagnostics, render_plan, render_report

GOLDEN = Path(__file__).parent / "golden"


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


def test_no_golden_file_is_left_over() -> None:
    expected = {
        *(f"plan-{name}-{width}.txt" for name in PLANS for width in (100, 60)),
        *(f"report-{name}-{width}.txt" for name in REPORTS for width in (100, 60)),
        *(f"moment-plan-{name}.txt" for name in moments.PLANS),
        *(f"moment-report-{name}.txt" for name in moments.REPORTS),
        *(f"diagnostics-{width}.txt" for width in (100, 60)),
        "plan-monday-colour.txt",
        "plan-monday-verbose.txt",
        "report-monday-colour.txt",
    }
    assert {path.name for path in GOLDEN.iterdir()} == expected
