from typing import TYPE_CHECKING

import click

from reconciler.commands.common import (
    Output,
    ending_early,
    place_options,
    say,
    say_at_times,
    settings,
    show_diagnostics,
)
from reconciler.commands.exits import FAILED, OK
from reconciler.diagnostics import Diagnostic, ReconcilerError, error, has_errors
from reconciler.wiring import Place

if TYPE_CHECKING:
    from reconciler.execution.stopping import Target
    from reconciler.model.state import State
    from reconciler.session import Session


@click.command("stop")
@click.argument("keys", nargs=-1, metavar="[KEY]…")
@click.option("--all", "everything", is_flag=True, help="Every campaign of this repository.")
@click.option("--reason", metavar="TEXT", help="Why; shown to everybody who wonders.")
@click.option(
    "--lift", is_flag=True, help="Take the mark away again; the next apply resumes what its file wants running."
)
@place_options
def command(place: Place, keys: tuple[str, ...], *, everything: bool, reason: str | None, lift: bool) -> int:
    """Pause now, and keep anything from starting, resuming or enrolling until it is lifted.

    Needs no valid files, no plan, no approval and no lock; a running apply sees it before its next call.
    """
    from reconciler.execution.stopping import EVERYTHING

    if everything == bool(keys):
        raise click.UsageError("name campaigns, or write --all")
    scopes = (EVERYTHING,) if everything else keys
    if lift:
        return _lift(place, scopes)
    if not reason or not reason.strip():
        raise click.UsageError("--reason is missing: everybody will ask")
    return _stop(place, scopes, " ".join(reason.split()))


def _stop(place: Place, scopes: tuple[str, ...], reason: str) -> int:
    from reconciler import wiring
    from reconciler.execution.stopping import EVERYTHING, mark, targets, whoami
    from reconciler.planning.targets import nearest
    from reconciler.session import Session

    with ending_early() as cancelled:
        session = Session(place, settings(), cancelled, say_at_times())
        problems: list[Diagnostic] = []
        state = None
        try:
            state = mark(session.store, scopes, reason=reason, by=whoami(), at=wiring.now())
            say("Marked: nothing starts, resumes or enrols there until `reconciler stop … --lift`.")
        except ReconcilerError as failure:
            problems += failure.diagnostics
            problems.append(error("no-mark", "no mark could be left: a running apply does not know of this stop"))
            state = session.store.read()
        chosen = targets(state, scopes)
        for scope in scopes:
            if scope != EVERYTHING and scope not in state.campaigns:
                hint = nearest(scope, sorted(state.campaigns)) or "nothing was paused for it; it will not start either"
                problems.append(error("stop-unknown", f"{scope} is not managed by this repository", hint=hint))
        paused, unpaused = _pause(session, state, chosen)
    show_diagnostics([*problems, *unpaused])
    Output.result(f"{paused} of {len(chosen)} paused or not sending. Reason: {_plain(reason)}")
    return FAILED if has_errors([*problems, *unpaused]) else OK


def _pause(session: "Session", state: "State", chosen: "list[Target]") -> tuple[int, list[Diagnostic]]:
    """Pause campaigns; return how many are, and what did not work out. Another server's campaigns are not these."""
    from reconciler import wiring
    from reconciler.execution.preflight import check_binding
    from reconciler.execution.stopping import pause_all
    from reconciler.model.live import Live

    try:
        address, kind = wiring.server_address(session.place, session.settings)
        check_binding(state, address, kind, Live(campaigns={}))
        with session.open_api(allow_writes=True) as api:
            problems = pause_all(session.store, api, chosen, say)
    except ReconcilerError as failure:
        words = f"nothing was paused: {', '.join(target.name for target in chosen)} may still be sending"
        return 0, [*failure.diagnostics, *([error("not-paused", words)] if chosen else [])]
    return len(chosen) - sum(item.code in {"not-paused", "gone"} for item in problems), problems


def _lift(place: Place, scopes: tuple[str, ...]) -> int:
    from reconciler.execution.stopping import EVERYTHING, lift
    from reconciler.session import Session

    store = Session(place, settings()).store
    lifted = lift(store, scopes)
    for mark in store.read().stops:
        scope = "--all" if mark.scope == EVERYTHING else mark.scope
        say(f"Still stopped: {scope} (by {mark.by}: {mark.reason})")
    for scope in scopes:
        words = "--all" if scope == EVERYTHING else scope
        Output.result(f"Lifted: {_plain(words)}" if scope in lifted else f"There was no stop mark for {_plain(words)}")
    Output.result("Nothing was resumed; `reconciler plan` shows what the next apply would resume.")
    return OK if lifted else FAILED


def _plain(text: str) -> str:
    from reconciler.reporting.escape import plain

    return plain(text)
