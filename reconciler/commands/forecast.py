from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.commands.common import (
    Output,
    allow_option,
    commit_of,
    output_formats,
    place_options,
    say_at_times,
    settings,
    show_diagnostics,
    target_option,
)
from reconciler.commands.exits import OK
from reconciler.diagnostics import Severity
from reconciler.model.workspace import Budget
from reconciler.wiring import Place

if TYPE_CHECKING:
    from reconciler.model.plan import Plan

MOST_DAYS = 366


@click.command("forecast")
@place_options
@output_formats("text", "json", "markdown", "svg")
@target_option
@allow_option
@click.option(
    "--days",
    type=click.IntRange(min=1, max=MOST_DAYS),
    metavar="N",
    help="Show so many days; by default as many as have email to come.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it to a file.")
def command(
    place: Place,
    output: Output,
    targets: tuple[str, ...],
    allow: Mapping[Budget, int],
    days: int | None,
    out: Path | None,
) -> int:
    """Show how many emails leave on which day if the plan is applied, and where room is short. Changes nothing."""
    from reconciler.session import Session

    plan = Session(place, settings(), told=say_at_times()).plan(targets=targets, allow=allow).plan
    show_diagnostics(item for item in plan.diagnostics if item.severity is Severity.ERROR)
    text = _drawn(plan, output, days, color=output.color and out is None, commit=commit_of(place.specs))
    if out is None:
        output.result(text)
    else:
        from reconciler.store.output import write_output

        write_output(out, text, what="the forecast")
    return OK


def _drawn(plan: "Plan", output: Output, wanted: int | None, *, color: bool, commit: str | None) -> str:
    """Write the days of a plan in the chosen form."""
    from reconciler.reporting.days import fitted

    days = plan.forecast if wanted is None else fitted(plan.forecast, wanted)
    if output.json:
        from reconciler.reporting.jsonout import forecast_json

        return forecast_json(plan, days)
    if output.form == "svg":
        from reconciler.reporting.forecastsvg import svg

        return svg(days, title=f"Emails a day: {plan.workspace}, {plan.environment}")
    if output.form == "markdown":
        from reconciler.reporting.forecastmd import render_forecast_markdown

        return render_forecast_markdown(plan, days)
    from reconciler.reporting.forecastview import render_forecast

    return render_forecast(plan, days, commit=commit, color=color, width=output.width)
