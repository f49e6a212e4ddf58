from functools import partial
from typing import TYPE_CHECKING

import click

from reconciler.commands.common import Output, output_formats, place_options, say_at_times, settings
from reconciler.commands.exits import CHANGES, FAILED, OK
from reconciler.commands.pullrequest import Comment, comment_options, problems_shown
from reconciler.diagnostics import has_errors
from reconciler.model.drift import Drift
from reconciler.wiring import Place

if TYPE_CHECKING:
    from reconciler.reporting.budget import Fit

WAITED_DAYS = 7


@click.command("drift")
@place_options
@output_formats("text", "json", "markdown")
@comment_options
@click.option(
    "--waited",
    type=click.IntRange(min=0),
    default=WAITED_DAYS,
    show_default=True,
    metavar="DAYS",
    help="Tell of what was approved longer ago than this and still waits.",
)
def command(place: Place, output: Output, comment: Comment, *, waited: int) -> int:
    """Tell what differs from the files although nobody is changing them, and what waits too long. Changes nothing.

    Made for a pipeline that runs every night. Exits with 2 where there is something to tell, and with 1 where that is
    an error: then not all could be looked at.
    """
    from reconciler.planning.drift import find_drift
    from reconciler.session import Session

    session = Session(place, settings(), told=say_at_times())
    with problems_shown(output, "drift", session, comment):
        planned = session.plan()
    drift = find_drift(planned.plan, planned.inputs.state.approvals, waited_days=waited)
    comment.write(partial(_markdown, drift), output)
    if output.json:
        from reconciler.reporting.jsonout import drift_json

        output.result(drift_json(drift))
    elif output.form == "text":
        from reconciler.reporting.driftview import render_drift

        output.result(render_drift(drift, color=output.color, width=output.width))
    if has_errors(planned.plan.diagnostics):
        return FAILED
    return CHANGES if drift.found else OK


def _markdown(drift: Drift, fit: "Fit") -> str:
    from reconciler.reporting.driftmd import render_drift_markdown

    return render_drift_markdown(drift, fit=fit)
