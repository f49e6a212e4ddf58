from collections.abc import Mapping
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
    from reconciler.leads.erasing import Found

_FIRST = (
    "After this nothing here remembers these people: a list that has one of them, now or later, makes them new again.",
    "Leadterra keeps what it has of them; whoever is on its own suppression list stays there and gets no email.",
    "So first suppress them (`reconciler suppress`), and take them off your lists.",
)


@click.command("erase")
@click.argument("files", nargs=-1, metavar="[FILE]…", type=click.Path(path_type=Path))
@click.option("--forget-history", is_flag=True, help="In git: begin the history of the state anew, without them.")
@place_options
@approve_option
def erase(place: Place, files: tuple[Path, ...], *, forget_history: bool, auto_approve: bool) -> int:
    """Remove people from the state, for good: addresses, one a line, from standard input or files.

    Their hashes go from every ledger, of campaigns that are managed no longer too, and from the suppressions made here.
    """
    from reconciler import upkeep
    from reconciler.session import Session

    with ending_early() as cancelled:
        session = Session(place, settings(), cancelled, say_at_times(), say)
        session.store.read()
        found, problems = read_people(files or (STANDARD_INPUT,))
        if problems:
            raise SpecError(*problems)
        addresses = tuple(found)
        if not addresses:
            raise ReconcilerError(error("no-address", "there is no address to erase; nothing was done"))
        known, lists = upkeep.find_people(session, addresses)
        for line in _beforehand(len(addresses), known, lists, sound=session.loaded.desired is not None):
            say(line)
        question = f"Type {len(addresses)} to erase {people_words(len(addresses))} from the state, for good:"
        if not auto_approve:
            with at_terminal():
                if not confirm(question, str(len(addresses))):
                    say("Nothing was done.")
                    return FAILED
        had, swept = upkeep.erase(session, addresses, by=owner(), forget_history=forget_history)
    Output.result(_words(len(addresses), had))
    if swept.blobs:
        Output.result(f"{swept.blobs:,} {'file' if swept.blobs == 1 else 'files'} of the state removed.")
    if swept.former is not None:
        Output.result(f"{swept.former[0].upper()}{swept.former[1:]}; {swept.hint}.")
    elif forget_history:
        Output.result("There is no history to forget: this state keeps no former versions.")
    return OK


def _beforehand(asked: int, known: "Found", lists: Mapping[str, int | None], *, sound: bool) -> list[str]:
    """Say what somebody must know before: keys and counts, no address."""
    told = list(_FIRST)
    if known.suppressed < asked:
        told.append(f"Not suppressed from here: {asked - known.suppressed:,} of {asked:,}.")
    told += [f"On the list of {key}: {count:,} of {asked:,}." for key, count in lists.items() if count]
    unread = [key for key, count in lists.items() if count is None]
    if unread:
        told.append(
            f"Not at hand, so not looked at: the {'list' if len(unread) == 1 else 'lists'} of {', '.join(unread)}."
        )
    if not sound:
        told.append("Lists of campaigns whose files have errors were not looked at: `reconciler validate` tells which.")
    return told


def _words(asked: int, had: "Found") -> str:
    """Say what was removed, in counts."""
    parts = []
    if had.entries:
        campaigns = f"{had.campaigns:,} {'campaign' if had.campaigns == 1 else 'campaigns'}"
        parts.append((f"{had.entries:,} {'entry' if had.entries == 1 else 'entries'}", f"from {campaigns}"))
    if had.open_entries:
        parts.append((f"{had.open_entries:,}", "from enrolments under way"))
    if had.suppressed:
        parts.append((f"{had.suppressed:,}", "from the suppression list kept here"))
    removed = [f"{count} {where}" for count, where in parts]
    removed[:1] = [f"{count} removed {where}" for count, where in parts[:1]]
    unknown = asked - had.people
    if unknown:
        removed.append(f"{people_words(unknown)} not known here" if removed else "not known here")
    return f"{people_words(asked)}: {', '.join(removed)}."
