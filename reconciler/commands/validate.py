import click

from reconciler.commands.common import Output, output_formats, place_options, settings, show_diagnostics
from reconciler.commands.exits import FAILED, OK
from reconciler.diagnostics import has_errors
from reconciler.wiring import Place


@click.command("validate")
@place_options
@output_formats("text", "json", "github")
def command(place: Place, output: Output) -> int:
    """Check files, templates and lists, offline and without a key."""
    from reconciler.session import Session

    session = Session(place, settings())
    found = session.validate()
    if output.json:
        from reconciler.reporting.jsonout import diagnostics_json

        output.result(diagnostics_json(found))
    else:
        if output.form == "github":
            from reconciler.reporting.annotations import of_diagnostics, render_annotations

            output.result(render_annotations(of_diagnostics(found)))
        show_diagnostics(found)
    if has_errors(found):
        return FAILED
    if not output.json:
        campaigns = session.desired.campaigns
        output.result(f"{len(campaigns):,} {'campaign is' if len(campaigns) == 1 else 'campaigns are'} valid.")
    return OK
