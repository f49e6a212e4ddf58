import click

from reconciler.commands.common import Output, owner, place_options, settings, short_path
from reconciler.commands.exits import OK
from reconciler.wiring import Place


@click.command("init")
@place_options
def command(place: Place) -> int:
    """Make a working specs/, schemas for editors, .gitignore lines and the state. Overwrites nothing."""
    from reconciler.loading.starter import new_workspace
    from reconciler.session import Session

    for path in new_workspace(place.specs):
        Output.result(f"Wrote {short_path(path)}")
    for line in Session(place, settings()).create_state(by=owner()):
        Output.result(line)
    Output.result("Edit the files; reconciler validate checks them.")
    Output.result("Next: reconciler plan --sandbox (no account needed); then set LEADTERRA_API_KEY: reconciler plan")
    return OK
