import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.commands.common import (
    Output,
    allow_option,
    allow_words,
    approve_option,
    command_line,
    commit_of,
    confirm,
    ending_early,
    file_word,
    output_formats,
    owner,
    place_options,
    say,
    say_at_times,
    settings,
    target_option,
    target_words,
)
from reconciler.commands.exits import BUG, FAILED, HELD, INTERRUPTED, OK
from reconciler.commands.plan import show_plan
from reconciler.commands.pullrequest import Comment, comment_options, problems_shown
from reconciler.diagnostics import has_errors
from reconciler.model.plan import Plan
from reconciler.model.report import Outcome, Report
from reconciler.model.workspace import Budget
from reconciler.wiring import Place

if TYPE_CHECKING:
    from reconciler.commands.receipt import Record
    from reconciler.reporting.bars import Bars
    from reconciler.reporting.budget import Fit
    from reconciler.reporting.progress import ProgressSink
    from reconciler.session import Session


@click.command("apply")
@click.argument("saved", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@place_options
@output_formats("text", "json", "markdown", "github")
@comment_options
@target_option
@allow_option
@approve_option
@click.option(
    "--approved-only",
    is_flag=True,
    help="Do only what an earlier apply was approved for and could not do yet; nobody is asked.",
)
@click.option(
    "--no-send",
    is_flag=True,
    help="Do what sends no email: pauses, drafts, what is let go. The rest is left to a run without this flag.",
)
@click.option(
    "--receipt",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write what was done, what was not, and why, as JSON; whatever happens.",
)
def command(
    place: Place,
    output: Output,
    saved: Path | None,
    targets: tuple[str, ...],
    allow: Mapping[Budget, int],
    *,
    receipt: Path | None,
    comment: Comment,
    auto_approve: bool,
    approved_only: bool,
    no_send: bool,
) -> int:
    """Plan, ask, and do it. Run it again after whatever went wrong: it finishes the rest.

    PLAN is a file of `plan --out`: a review of it was the approval. It is planned again; what is as it was approved is
    done, and what moved since is told and left alone. Starts of it that wait for room or for their time, and waves to
    come, are approved with it: `--approved-only`, once a day, does the rest.
    """
    from reconciler.commands.receipt import Record
    from reconciler.reporting.progress import ProgressSink
    from reconciler.session import Session

    file = file_word(saved) if saved else None
    if saved is not None and approved_only:
        raise click.UsageError("a saved plan is an approval of its own: leave --approved-only out")
    if no_send and approved_only:
        raise click.UsageError("what was approved and waits sends email: leave --no-send or --approved-only out")
    words = [*([file] if file else target_words(targets)), *allow_words(allow)]
    words += ["--approved-only"] if approved_only else []
    words += ["--no-send"] if no_send else []
    again = command_line(place, "apply", *words)
    shown = output.json or receipt is not None
    record = Record(place, settings(), receipt, again=again, saved=file, with_state=shown)
    bars = _bars(output)
    sink = ProgressSink(sys.stderr, clock=time.monotonic, bars=bars)
    with ending_early(bars) as cancelled:
        session = Session(place, settings(), cancelled, say_at_times(), say)
        ask = not auto_approve and not approved_only
        show = partial(_show, output=output, comment=comment)
        with problems_shown(output, "apply", session, comment):
            return record.run(
                lambda: _apply(
                    session,
                    record,
                    output,
                    saved,
                    targets,
                    allow,
                    show=show,
                    sink=sink,
                    ask=ask,
                    approved_only=approved_only,
                    may_send=not no_send,
                )
            )


def _apply(
    session: "Session",
    record: "Record",
    output: Output,
    saved: Path | None,
    targets: tuple[str, ...],
    allow: Mapping[Budget, int],
    *,
    show: Callable[[Report, Plan], None],
    sink: "ProgressSink",
    ask: bool,
    approved_only: bool,
    may_send: bool,
) -> int:
    from reconciler.session import BugError

    if saved is not None and targets:
        raise click.UsageError("a saved plan has its targets already: leave --target out, or plan anew with it")
    approved = session.approval(saved) if saved is not None else None
    show_once = _shown_once(output, session.place)

    def approve(plan: Plan) -> bool:
        record.plan = plan
        show_once(plan)
        if ask and approved is None:
            if output.document:
                _show_to_reader(plan, output, session.place)
            if not _approved(plan):
                return False
        record.begun = True
        return True

    try:
        with closing(sink):
            plan, report = session.apply(
                targets=targets,
                approve=approve,
                sink=sink,
                owner=owner(),
                allow=allow,
                approved=approved,
                approved_only=approved_only,
                asks=ask and approved is None,
                may_send=may_send,
            )
    except BugError as bug:
        record.plan = bug.plan
        show(record.completed(bug.report, BUG), bug.plan)
        raise
    record.plan = plan
    if report is None:
        say("Not approved: nothing was done.")
        record.not_done("it was not approved", FAILED)
        return FAILED
    if plan.actions or not report.moved:
        show_once(plan)
    code = exit_code(report, plan)
    show(record.completed(report, code), plan)
    return code


def _bars(output: Output) -> "Bars | None":
    """Return bars for a terminal that can show them; a pipeline's log has lines only."""
    if not sys.stderr.isatty() or settings().ci or settings().dumb_terminal:
        return None
    from reconciler.reporting.bars import Bars

    return Bars(sys.stderr, clock=time.monotonic, color=not output.no_color)


def _shown_once(output: Output, place: Place) -> Callable[[Plan], None]:
    shown: list[Plan] = []

    def show_once(plan: Plan) -> None:
        if not output.document and not shown:
            shown.append(plan)
            show_plan(plan, output, place, command=None)

    return show_once


def exit_code(report: Report, plan: Plan) -> int:
    """Turn what happened into the exit code of design §4."""
    if report.interrupted:
        return INTERRUPTED
    if report.moved:
        return FAILED
    if any(report.count(outcome) for outcome in (Outcome.FAILED, Outcome.UNKNOWN, Outcome.BLOCKED)):
        return FAILED
    if has_errors((*plan.diagnostics, *report.diagnostics)):
        return FAILED
    if report.count(Outcome.HELD):
        return HELD
    return FAILED if report.count(Outcome.NOT_ATTEMPTED) else OK


def _approved(plan: Plan) -> bool:
    from reconciler.reporting.words import approved_later, people

    count, later = plan.summary.new_recipients, approved_later(plan)
    also = f", and {later:,} more when their time comes" if later else ""
    if count:
        return confirm(f"Type {count} to email {people(count)}{also}:", str(count))
    also = f", but {people(later)} when their time comes" if later else ""
    return confirm(f"Nobody gets a first email by this{also}. Type yes to do it:", "yes")


def _show_to_reader(plan: Plan, output: Output, place: Place) -> None:
    """Show whoever is asked what it is about; stdout is for the document alone."""
    from reconciler.reporting.text import render_plan

    click.echo(render_plan(plan, commit=commit_of(place.specs), width=output.width), err=True)


def _markdown(report: Report, plan: Plan, fit: "Fit") -> str:
    from reconciler.reporting.reportmd import render_report_markdown

    return render_report_markdown(report, plan, fit=fit)


def _show(report: Report, plan: Plan, *, output: Output, comment: Comment) -> None:
    comment.write(lambda fit: _markdown(report, plan, fit), output)
    if output.form == "markdown":
        return
    if output.json:
        from reconciler.reporting.jsonout import report_json

        output.result(report_json(report))
        return
    if output.form == "github":
        from reconciler.reporting.annotations import of_report, render_annotations

        output.result(render_annotations(of_report(report, plan)))
    from reconciler.reporting.text import render_report

    # The plan's own are told with the plan.
    own = tuple(item for item in report.diagnostics if item not in plan.diagnostics)
    report = report.model_copy(update={"diagnostics": own})
    output.result(render_report(report, plan, color=output.color, width=output.width))
