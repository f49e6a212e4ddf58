from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.commands.addresses import STANDARD_INPUT, people_words, read_people
from reconciler.commands.common import (
    Output,
    approve_option,
    at_terminal,
    confirm,
    ending_early,
    owner,
    place_options,
    say,
    say_at_times,
    settings,
)
from reconciler.commands.exits import FAILED, OK
from reconciler.diagnostics import ReconcilerError, SpecError, error
from reconciler.wiring import Place

if TYPE_CHECKING:
    from reconciler.session import Session


@click.command("suppress")
@click.argument("files", nargs=-1, metavar="[FILE]…", type=click.Path(path_type=Path))
@click.option("--campaign", "key", metavar="KEY", help="Everybody on the list of this campaign.")
@place_options
@approve_option
def command(place: Place, files: tuple[Path, ...], key: str | None, *, auto_approve: bool) -> int:
    """Put addresses on the suppression list of Leadterra, for good; one a line, from standard input or files.

    No campaign of the workspace writes to them any more. Only hashes are kept here, so that no list brings them back.
    """
    from reconciler.session import Session
    from reconciler.upkeep import suppress

    with ending_early() as cancelled:
        session = Session(place, settings(), cancelled, say_at_times(), say)
        session.store.read()
        addresses = _addresses(session, files, key)
        people = people_words(len(addresses))
        if not addresses:
            raise ReconcilerError(error("no-address", "there is no address to suppress; nothing was done"))
        question = f"Type {len(addresses)} to keep {people} from every campaign, for good:"
        if not auto_approve:
            with at_terminal():
                if not confirm(question, str(len(addresses))):
                    say("Nothing was done.")
                    return FAILED
        new = suppress(session, addresses, by=owner(), told=say)
    known = f", {len(addresses) - new:,} of them known here before" if new < len(addresses) else ""
    Output.result(f"{people} on the suppression list{known}. It cannot be undone by API.")
    return OK


def _addresses(session: "Session", files: tuple[Path, ...], key: str | None) -> tuple[str, ...]:
    """Read everything before anything is done; raises `ReconcilerError` with all that is wrong."""
    found, problems = read_people(files or (() if key is not None else (STANDARD_INPUT,)))
    if key is not None:
        found |= dict.fromkeys(_of_campaign(session, key))
    if problems:
        raise SpecError(*problems)
    return tuple(found)


def _of_campaign(session: "Session", key: str) -> tuple[str, ...]:
    from reconciler import wiring
    from reconciler.planning.targets import nearest

    campaign = session.desired.campaign(key)
    if campaign is None:
        hint = nearest(key, [item.key for item in session.desired.campaigns])
        raise ReconcilerError(error("suppress-unknown", f"there is no campaign {key}; nothing was done", hint=hint))
    key_bytes = wiring.ledger_key(session.read_state(), session.settings)
    leads = wiring.open_leads(session.place, key_bytes, _no_blob, session.loaded.root)
    return leads.addresses(campaign)


def _no_blob(name: str) -> bytes:
    raise AssertionError(f"no ledger is compared with, but {name} was asked for")
