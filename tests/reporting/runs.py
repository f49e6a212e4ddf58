"""Hand-built reports of runs: how an apply may end, one function each."""

from reporting.situations import CREATED

from reconciler.diagnostics import Diagnostic, error
from reconciler.model.plan import Kind, Plan
from reconciler.model.report import ActionResult, Outcome, Report
from reconciler.reporting.nextsteps import next_steps


def report(
    results: list[ActionResult], *, interrupted: bool = False, diagnostics: tuple[Diagnostic, ...] = ()
) -> Report:
    """Make the report of a run that took 40 seconds."""
    return Report(
        plan_digest="8c41e07a5b6d",
        started_at=CREATED,
        finished_at=CREATED.replace(second=40),
        interrupted=interrupted,
        results=tuple(results),
        diagnostics=diagnostics,
    )


def command(name: str, *words: str) -> str:
    """Write a command as for the place where everything has its default."""
    return " ".join(["reconciler", name, *words])


def finished(report: Report, plan: Plan, *, again: str = "reconciler apply", saved: str | None = None) -> Report:
    """Say what to run next, as the command does at the end of a run."""
    return report.model_copy(update={"next": next_steps(report, plan, again=again, command=command, saved=saved)})


def result(key: str, kind: Kind, outcome: Outcome = Outcome.DONE, detail: str = "", **counts: int) -> ActionResult:
    """Make one line of a report."""
    return ActionResult(campaign=key, kind=kind, outcome=outcome, detail=detail, **counts)


def done_report() -> Report:
    """Everything was done."""
    return report(
        [
            result("vp-sales-q3", Kind.CREATE),
            result("vp-sales-q3", Kind.ENROLL, leads_enrolled=142),
            result("vp-sales-q3", Kind.START, leads_enrolled=142, queued_messages=142),
        ]
    )


def monday_report() -> Report:
    """Done as far as it could be: the rest waits or needs you."""
    return report(
        [
            result("cfo-pricing", Kind.UPDATE, Outcome.BLOCKED),
            result("de-hr", Kind.CREATE),
            result("de-hr", Kind.ENROLL, Outcome.HELD),
            result("de-hr", Kind.START, Outcome.HELD),
            *done_report().results,
            result("fintech-intro", Kind.UPDATE, detail="2 steps"),
        ]
    )


def broken_report() -> Report:
    """Everything that can go wrong, and somebody pressed Ctrl-C."""
    return report(
        [
            result("advent", Kind.ENROLL, Outcome.SCHEDULED, "not before Tue 1 Dec 09:00"),
            result("black-friday", Kind.PAUSE),
            result("cfo-pricing", Kind.UPDATE, Outcome.FAILED, "Leadterra refused it: 422 (subject too long)"),
            result("vp-sales-q3", Kind.CREATE),
            result("vp-sales-q3", Kind.ENROLL, Outcome.UNKNOWN, "no answer within 30 s to batch 2 of 3"),
            result("vp-sales-q3", Kind.START, Outcome.NOT_ATTEMPTED, "the enrolment before it is not verified"),
            result("winter", Kind.RESUME, Outcome.NOT_ATTEMPTED, "interrupted"),
        ],
        interrupted=True,
        diagnostics=(
            error("api", "POST /campaigns/:id/leads/bulk did not answer", hint="Look at status.leadterra.co"),
        ),
    )


def unknown_report() -> Report:
    """Leave the start unanswered; people were added to another campaign before a batch failed."""
    return report(
        [
            result("de-hr", Kind.ENROLL, Outcome.FAILED, "batch 2 of 3 was refused (422)", leads_enrolled=500),
            result("vp-sales-q3", Kind.CREATE, detail="camp_1f2e"),
            result("vp-sales-q3", Kind.ENROLL, detail="142 of 142 taken", leads_enrolled=142),
            result("vp-sales-q3", Kind.START, Outcome.UNKNOWN, "no answer within 30 s"),
        ]
    )


REPORTS = {
    "done": done_report,
    "unknown": unknown_report,
    "monday": monday_report,
    "broken": broken_report,
    "empty": lambda: report([]),
}
