import click

from reconciler.commands.common import Output, place_options, short_path
from reconciler.commands.exits import OK
from reconciler.wiring import Place


@click.command("new")
@click.argument("key")
@place_options
def command(place: Place, key: str) -> int:
    """Write the first draft of a campaign file: specs/campaigns/KEY.yaml."""
    from reconciler.loading.starter import new_campaign

    path = new_campaign(place.specs, key)
    Output.result(f"Wrote {short_path(path)}. Edit it, then: reconciler validate")
    return OK
