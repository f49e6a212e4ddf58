import click

from reconciler.commands.common import Output, place_options, settings
from reconciler.commands.exits import OK
from reconciler.wiring import Place


@click.command("init")
@place_options
def command(place: Place) -> int:
    """Make a working specs/ with a first draft, the .gitignore lines, and the state. Overwrites nothing."""
    from reconciler.loading.starter import new_workspace
    from reconciler.session import Session

    for path in new_workspace(place.specs):
        Output.result(f"Wrote {path}")
    for line in Session(place, settings()).create_state():
        Output.result(line)
    Output.result("Next: reconciler validate, then reconciler plan --sandbox")
    return OK
