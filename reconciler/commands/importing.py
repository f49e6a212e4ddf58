import click

from reconciler.commands.common import Output, owner, place_options, say, say_at_times, settings
from reconciler.commands.exits import OK
from reconciler.wiring import Place


@click.command("import")
@click.argument("key")
@click.argument("campaign_id")
@place_options
def command(place: Place, key: str, campaign_id: str) -> int:
    """Start managing a campaign that exists in Leadterra; its file has to be there. Sends nothing.

    For a campaign that is managed already, its counters are taken as they are now.
    """
    from reconciler.reporting.escape import plain
    from reconciler.session import Session
    from reconciler.upkeep import import_campaign

    session = Session(place, settings(), told=say_at_times(), said=say)
    entry, told = import_campaign(session, key, campaign_id, owner=owner())
    Output.result(plain(f'{key} is {entry.id}, "{entry.name}", {entry.status}.'))
    for words in told:
        Output.result(plain(f"  Note: {words}."))
    Output.result("See what differs from its file: reconciler plan")
    return OK
