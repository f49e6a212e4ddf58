import shlex
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
    from reconciler.execution.stopping import mark, targets, whoami
    from reconciler.session import Session

    with ending_early() as cancelled:
        session = Session(place, settings(), cancelled, say_at_times())
        problems: list[Diagnostic] = []
        try:
            state = mark(session.store, scopes, reason=reason, by=whoami(), at=session.clock())
            marked = True
        except ReconcilerError as failure:
            state, marked = _read_unmarked(session), False
            problems += failure.diagnostics
            problems.append(error("no-mark", "no mark could be left: a running apply does not know of this stop"))
        problems += _unknown(state, scopes, marked=marked)
        show_diagnostics(problems)
        if marked:
            say("Marked: nothing starts, resumes or enrols there until `reconciler stop … --lift`.")
        chosen = targets(state, scopes)
        unpaused = _pause(session, state, chosen)
    show_diagnostics(unpaused)
    Output.result(_summary(len(chosen), unpaused))
    return FAILED if has_errors([*problems, *unpaused]) else OK


def _read_unmarked(session: "Session") -> "State":
    """Read the state that no mark could be left in, or what was last seen of it: to pause too much does no harm.

    Raises its error with what that means for a stop.
    """
    try:
        return session.store.read()
    except ReconcilerError as failure:
        try:
            state = session.store.remembered()
        except ReconcilerError:
            words = "nothing was paused: pause your campaigns in Leadterra now"
            raise ReconcilerError(*failure.diagnostics, error("nothing-paused", words)) from failure
        say("Pausing what was managed when the state was last seen here.")
        return state


def _unknown(state: "State", scopes: tuple[str, ...], *, marked: bool) -> list[Diagnostic]:
    from reconciler.execution.stopping import EVERYTHING
    from reconciler.planning.targets import nearest

    found = []
    for scope in scopes:
        if scope == EVERYTHING or scope in state.campaigns:
            continue
        meant = nearest(scope, sorted(state.campaigns))
        lifting = f"`reconciler stop {shlex.quote(scope)} --lift` takes it away"
        stays = f"The mark for {scope} stays; {lifting}" if marked else None
        hint = " ".join(part for part in (meant, stays) if part) or None
        found.append(error("stop-unknown", f"{scope} is not managed by this repository", hint=hint))
    return found


def _summary(total: int, unpaused: list[Diagnostic]) -> str:
    gone = sum(item.code == "gone" for item in unpaused)
    sending = total if any(item.code == "none-paused" for item in unpaused) else 0
    sending += sum(item.code == "not-paused" for item in unpaused)
    paused = total - gone - sending
    if not total:
        return "No campaign was paused."
    verb = "is" if paused == 1 else "are"
    if paused == total:
        return f"{total:,} {'campaign' if total == 1 else 'campaigns'} {verb} paused."
    rest = [f"{sending:,} may still be sending"] if sending else []
    rest += [f"{gone:,} {'is' if gone == 1 else 'are'} gone from Leadterra"] if gone else []
    return f"{paused:,} of {total:,} {'campaign' if total == 1 else 'campaigns'} {verb} paused; {', '.join(rest)}."


def _pause(session: "Session", state: "State", chosen: "list[Target]") -> list[Diagnostic]:
    """Pause campaigns; return what did not work out. Another server's campaigns are not these."""
    from reconciler import wiring
    from reconciler.execution.preflight import check_binding
    from reconciler.execution.stopping import pause_all, whoami
    from reconciler.model.live import Live

    try:
        address, kind = wiring.server_address(session.place, session.settings)
        check_binding(state, address, kind, Live(campaigns={}))
        with session.open_api(allow_writes=True) as api:
            return pause_all(session.store, api, chosen, say, by=whoami(), clock=session.clock)
    except ReconcilerError as failure:
        words = f"nothing was paused: {', '.join(target.name for target in chosen)} may still be sending"
        return [*failure.diagnostics, *([error("none-paused", words)] if chosen else [])]


def _lift(place: Place, scopes: tuple[str, ...]) -> int:
    from reconciler.execution.stopping import EVERYTHING, lift, whoami
    from reconciler.session import Session

    session = Session(place, settings())
    store = session.store
    lifted = lift(store, scopes, by=whoami(), at=session.clock())
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
