import sys
import time
from collections.abc import Mapping

import click

from reconciler.commands.common import (
    Output,
    allow_option,
    approve_option,
    commit_of,
    confirm,
    ending_early,
    output_options,
    owner,
    place_options,
    say,
    say_at_times,
    settings,
    target_option,
)
from reconciler.commands.exits import FAILED, HELD, INTERRUPTED, OK
from reconciler.commands.plan import show_plan
from reconciler.diagnostics import has_errors
from reconciler.model.plan import Plan
from reconciler.model.report import Outcome, Report
from reconciler.model.workspace import Budget
from reconciler.wiring import Place


@click.command("apply")
@place_options
@output_options
@target_option
@allow_option
@approve_option
def command(
    place: Place, output: Output, targets: tuple[str, ...], allow: Mapping[Budget, int], *, auto_approve: bool
) -> int:
    """Plan, ask, and do it. Run it again after whatever went wrong: it finishes the rest."""
    from reconciler.reporting.progress import ProgressSink
    from reconciler.session import BugError, Session

    shown: list[Plan] = []

    def show_once(plan: Plan) -> None:
        if not output.json and not shown:
            shown.append(plan)
            show_plan(plan, output, place, command=None)

    def approve(plan: Plan) -> bool:
        show_once(plan)
        if auto_approve:
            return True
        if output.json:
            _show_to_reader(plan, output, place)
        return _approved(plan)

    with ending_early() as cancelled:
        session = Session(place, settings(), cancelled, say_at_times(), say)
        sink = ProgressSink(sys.stderr, clock=time.monotonic)
        try:
            plan, report = session.apply(targets=targets, approve=approve, sink=sink, owner=owner(), allow=allow)
        except BugError as bug:
            _show(bug.report, bug.plan, output)
            raise
    if report is None:
        say("Not approved: nothing was done.")
        return FAILED
    show_once(plan)
    _show(report, plan, output)
    return exit_code(report, plan)


def exit_code(report: Report, plan: Plan) -> int:
    """Turn what happened into the exit code of design §4."""
    if report.interrupted:
        return INTERRUPTED
    if any(report.count(outcome) for outcome in (Outcome.FAILED, Outcome.UNKNOWN, Outcome.BLOCKED)):
        return FAILED
    if has_errors((*plan.diagnostics, *report.diagnostics)):
        return FAILED
    if report.count(Outcome.HELD):
        return HELD
    return FAILED if report.count(Outcome.NOT_ATTEMPTED) else OK


def _approved(plan: Plan) -> bool:
    count = plan.summary.new_recipients
    if count:
        return confirm(f"Type {count} to email {count:,} {'person' if count == 1 else 'people'}:", str(count))
    return confirm("Nobody gets a first email by this. Type yes to do it:", "yes")


def _show_to_reader(plan: Plan, output: Output, place: Place) -> None:
    """Show whoever is asked what it is about; stdout is for the JSON alone."""
    from reconciler.reporting.text import render_plan

    click.echo(render_plan(plan, commit=commit_of(place.specs), width=output.width), err=True)


def _show(report: Report, plan: Plan, output: Output) -> None:
    if output.json:
        from reconciler.reporting.jsonout import report_json

        output.result(report_json(report))
        return
    from reconciler.reporting.text import render_report

    text = render_report(report, plan, color=output.color, width=output.width)
    if text:
        output.result(text)
