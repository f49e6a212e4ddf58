from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

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
    say,
    say_at_times,
    settings,
    show_diagnostics,
    target_option,
    target_words,
)
from reconciler.commands.exits import CHANGES, FAILED, OK
from reconciler.commands.pullrequest import Comment, comment_options, problems_shown
from reconciler.diagnostics import Severity, StateError, has_errors
from reconciler.model.plan import ActionStatus, Plan
from reconciler.model.workspace import Budget
from reconciler.wiring import Place

if TYPE_CHECKING:
    from reconciler.reporting.budget import Fit
    from reconciler.session import Session


@click.command("plan")
@place_options
@output_formats("text", "json", "markdown", "github")
@comment_options
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
@click.option(
    "--reviewed",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PLAN",
    help="Only what is as one of these saved plans has it (a file, or a folder of them; the newest is the last one); "
    "what moved since is told. Repeatable.",
)
def command(
    place: Place,
    output: Output,
    targets: tuple[str, ...],
    allow: Mapping[Budget, int],
    out: Path | None,
    comment: Comment,
    *,
    reviewed: tuple[Path, ...],
    no_refresh: bool,
    detailed_exitcode: bool,
    verbose: bool,
) -> int:
    """Show what apply would do: who gets email, and when. Changes nothing."""
    from reconciler.session import Session

    if reviewed and targets:
        raise click.UsageError("a review is of all that is to be done: leave --target or --reviewed out")
    session = Session(place, settings(), told=say_at_times())
    with problems_shown(output, "plan", session, comment):
        shown = _reviewed(session, reviewed) if reviewed else None
        plan = session.plan(refresh=not no_refresh, targets=targets, allow=allow, reviewed=shown).plan
    if out is not None:
        from reconciler.reporting.escape import json_escapes
        from reconciler.store.output import write_output

        write_output(out, json_escapes(session.sealed(plan)), what="the plan")
    words = [*(target_words(targets) if out is None else [file_word(out)]), *allow_words(allow)]
    comment.write(lambda fit: _markdown(plan, session, fit), output)
    if output.form != "markdown":
        if output.form == "github":
            from reconciler.reporting.annotations import of_plan, render_annotations

            output.result(render_annotations(of_plan(plan)))
        # Without a file, an apply would do what was not reviewed, too.
        carried_out = None if reviewed and out is None else command_line(place, "apply", *words)
        show_plan(plan, output, place, command=carried_out, verbose=verbose)
        if carried_out is None and not output.json:
            say("Save it with --out FILE: `reconciler apply FILE` does this, and nothing else.")
    if _needs_somebody(plan):
        return FAILED
    return CHANGES if detailed_exitcode and pending(plan) else OK


def _reviewed(session: "Session", paths: Iterable[Path]) -> list[Plan]:
    """Read saved plans. One in a folder that cannot be used was not reviewed, and is told; a named one is refused."""
    found = []
    for path in paths:
        if not path.is_dir():
            found.append(session.approval(path))
            continue
        for file in sorted(path.glob("*.json")):
            try:
                found.append(session.approval(file))
            except StateError as problem:
                show_diagnostics(item.model_copy(update={"severity": Severity.WARNING}) for item in problem.diagnostics)
    return found


def _markdown(plan: Plan, session: "Session", fit: "Fit") -> str:
    from reconciler.reporting.planmd import render_plan_markdown

    emails = {campaign.key: campaign.steps for campaign in session.desired.campaigns}
    return render_plan_markdown(plan, emails=emails, commit=commit_of(session.place.specs), fit=fit)


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
