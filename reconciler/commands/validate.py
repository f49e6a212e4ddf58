from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import click

from reconciler.commands.common import Output, output_formats, place_options, settings, show_diagnostics
from reconciler.commands.exits import FAILED, OK
from reconciler.commands.pullrequest import Comment, comment_options
from reconciler.diagnostics import Diagnostic, has_errors
from reconciler.wiring import Place

if TYPE_CHECKING:
    from reconciler.reporting.budget import Fit
    from reconciler.session import Session


@click.command("validate")
@place_options
@output_formats("text", "json", "github", "markdown")
@comment_options
def command(place: Place, output: Output, comment: Comment) -> int:
    """Check files, templates and lists, offline and without a key."""
    from reconciler.session import Session

    session = Session(place, settings())
    found = session.validate()
    campaigns = len(session.loaded.campaigns)
    comment.write(partial(_markdown, session, found), output)
    if output.json:
        from reconciler.reporting.jsonout import diagnostics_json

        output.result(diagnostics_json(found))
        return _code(found)
    if output.form == "github":
        from reconciler.reporting.annotations import of_diagnostics, render_annotations

        output.result(render_annotations(of_diagnostics(found)))
    show_diagnostics(found)
    if not output.document and not has_errors(found):
        output.result(f"{campaigns:,} {'campaign is' if campaigns == 1 else 'campaigns are'} valid.")
    return _code(found)


def _code(found: Iterable[Diagnostic]) -> int:
    return FAILED if has_errors(found) else OK


def _markdown(session: "Session", found: Iterable[Diagnostic], fit: "Fit") -> str:
    from reconciler.reporting.problemsmd import render_validation_markdown

    loaded = session.loaded
    return render_validation_markdown(
        found,
        loaded.campaigns,
        workspace=loaded.workspace,
        environment=session.place.environment_name,
        fit=fit,
    )
