import click

from reconciler.commands.common import Output, backend_option, owner, place_options, settings, short_path
from reconciler.commands.exits import OK
from reconciler.wiring import Place


@click.command("init")
@place_options
@backend_option
def command(place: Place, backend: str | None) -> int:
    """Make a working specs/, schemas for editors, .gitignore lines and the state. Overwrites nothing."""
    from reconciler import wiring
    from reconciler.loading.starter import new_workspace
    from reconciler.session import Session
    from reconciler.upkeep import create_state

    wiring.choose_backend(place, backend)
    for path in new_workspace(place.specs):
        Output.result(f"Wrote {short_path(path)}")
    kept = wiring.choose_backend(place, backend)
    for line in create_state(Session(place, settings()), by=owner(), kept=kept):
        Output.result(line)
    Output.result("Edit the files; reconciler validate checks them.")
    Output.result("Next: reconciler plan --sandbox (no account needed); then set LEADTERRA_API_KEY: reconciler plan")
    return OK
