from collections.abc import Mapping
from pathlib import Path

import click

from reconciler.commands.common import (
    Output,
    allow_option,
    allow_words,
    command_line,
    commit_of,
    file_word,
    output_formats,
    place_options,
    say_at_times,
    settings,
    target_option,
    target_words,
)
from reconciler.commands.exits import CHANGES, FAILED, OK
from reconciler.commands.pullrequest import fit_options, problems_shown
from reconciler.diagnostics import has_errors
from reconciler.model.plan import ActionStatus, Plan
from reconciler.model.workspace import Budget
from reconciler.reporting.budget import Fit
from reconciler.wiring import Place


@click.command("plan")
@place_options
@output_formats("text", "json", "markdown", "github")
@fit_options
@target_option
@allow_option
@click.option(
    "--no-refresh", is_flag=True, help="Do not ask Leadterra; take what was last written as live. No key needed."
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where changes are pending.")
@click.option("--verbose", is_flag=True, help="Show changed texts in full.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save the plan: `apply FILE` does exactly this, and asks nobody.",
)
def command(
    place: Place,
    output: Output,
    targets: tuple[str, ...],
    allow: Mapping[Budget, int],
    out: Path | None,
    fit: Fit,
    *,
    no_refresh: bool,
    detailed_exitcode: bool,
    verbose: bool,
) -> int:
    """Show what apply would do: who gets email, and when. Changes nothing."""
    from reconciler.session import Session

    session = Session(place, settings(), told=say_at_times())
    with problems_shown(output, "plan", session, fit):
        plan = session.plan(refresh=not no_refresh, targets=targets, allow=allow).plan
    if out is not None:
        from reconciler.reporting.escape import json_escapes
        from reconciler.store.output import write_output

        write_output(out, json_escapes(session.sealed(plan)), what="the plan")
    words = [*(target_words(targets) if out is None else [file_word(out)]), *allow_words(allow)]
    if output.form == "markdown":
        from reconciler.reporting.planmd import render_plan_markdown

        emails = {campaign.key: campaign.steps for campaign in session.desired.campaigns}
        output.result(render_plan_markdown(plan, emails=emails, commit=commit_of(place.specs), fit=fit))
    else:
        if output.form == "github":
            from reconciler.reporting.annotations import of_plan, render_annotations

            output.result(render_annotations(of_plan(plan)))
        show_plan(plan, output, place, command=command_line(place, "apply", *words), verbose=verbose)
    if _needs_somebody(plan):
        return FAILED
    return CHANGES if detailed_exitcode and pending(plan) else OK


def show_plan(plan: Plan, output: Output, place: Place, *, command: str | None, verbose: bool = False) -> None:
    """Write a plan as JSON or as text. `command` is what would carry it out; None where that is under way."""
    if output.json:
        from reconciler.reporting.jsonout import plan_json

        output.result(plan_json(plan))
        return
    from reconciler.reporting.text import render_plan

    text = render_plan(
        plan,
        commit=commit_of(place.specs),
        command=command,
        color=output.color,
        width=output.width,
        verbose=verbose,
    )
    output.result(text)


def pending(plan: Plan) -> bool:
    """Whether something is to be done. What waits for its own time as its file says is not."""
    return any(action.status in {ActionStatus.READY, ActionStatus.HELD} for action in plan.actions)


def _needs_somebody(plan: Plan) -> bool:
    return has_errors(plan.diagnostics) or any(action.status is ActionStatus.BLOCKED for action in plan.actions)
