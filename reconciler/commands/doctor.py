import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from reconciler.commands.common import Output, place_options, say_at_times, settings
from reconciler.commands.exits import FAILED, OK
from reconciler.diagnostics import (
    ApiError,
    CallMissingError,
    Diagnostic,
    ReconcilerError,
    SpecError,
    StateError,
    error,
    has_errors,
    warning,
)
from reconciler.model.live import Capabilities, Live
from reconciler.model.state import State
from reconciler.wiring import Place

if TYPE_CHECKING:
    from reconciler.ports import CampaignReader
    from reconciler.session import Session

Row = tuple[str, Diagnostic | str]


@click.command("doctor")
@place_options
def command(place: Place) -> int:
    """Check files, state, lists, key, server and what the server can do, in one table. Changes nothing."""
    from reconciler.reporting.tables import render_checkup
    from reconciler.session import Session

    session = Session(place, settings(), told=say_at_times())
    rows = [
        _check("files", lambda: _files(session)),
        _check("state", lambda: _state(session)),
        *_stops(session),
        _check("lock", lambda: _lock(session)),
        _check("lists", lambda: _lists(session)),
        *_server(session),
    ]
    Output.result(render_checkup(rows))
    return FAILED if has_errors(found for _, found in rows if isinstance(found, Diagnostic)) else OK


def _check(name: str, look: Callable[[], str]) -> Row:
    try:
        return name, look()
    except SpecError as problem:
        return name, problem.diagnostics[0] if name == "files" else error("needs-files", "needs the files")
    except ReconcilerError as problem:
        return name, problem.diagnostics[0]


def _files(session: "Session") -> str:
    desired = session.desired
    count = len(desired.campaigns)
    return f"{count:,} valid campaign {'file' if count == 1 else 'files'}, environment {desired.environment}"


def _state(session: "Session") -> str:
    from reconciler import wiring

    _compare_server(session)
    state = session.read_state()
    wiring.ledger_key(state, session.settings)
    where = f", bound to {state.binding.address}" if state.binding else ", not bound to a server yet"
    return f"serial {state.serial}, {len(state.campaigns):,} managed{where}"


def _compare_server(session: "Session") -> None:
    """Refuse a server address or a kind of key that is not the state's; raises `StateError`. Asks no server."""
    from reconciler import wiring
    from reconciler.execution.preflight import check_binding

    state = _state_if_any(session)
    if state is None:
        return
    try:
        address, kind = wiring.server_address(session.place, session.settings)
    except ReconcilerError:
        return  # told where the server is asked
    check_binding(state, address, kind, Live(campaigns={}))


def _stops(session: "Session") -> list[Row]:
    from reconciler.execution.stopping import EVERYTHING

    state = _state_if_any(session)
    rows: list[Row] = []
    for mark in state.stops if state is not None else ():
        scope = "--all" if mark.scope == EVERYTHING else shlex.quote(mark.scope)
        what = "every campaign" if mark.scope == EVERYTHING else mark.scope
        words = f"{what} is stopped by {mark.by}: {mark.reason}"
        rows.append(("stop", warning("stopped", words, hint=f"`reconciler stop {scope} --lift` takes the mark away")))
    return rows


def _state_if_any(session: "Session") -> State | None:
    """Return the state for other checks; what is wrong with it is told by its own."""
    try:
        return session.store.read()
    except ReconcilerError:
        return None


def _lock(session: "Session") -> str:
    try:
        session.store.read()
    except StateError as problem:
        if problem.diagnostics[0].code == "state-missing":
            raise StateError(error("no-lock", "no state yet")) from problem
    holder = session.store.holder()
    return "free" if holder is None else f"held by {holder}"


def _lists(session: "Session") -> str:
    away = [item for item in session.desired.campaigns if item.leads and item.leads.paths is None]
    running = [item.key for item in away if item.status == "running"]
    if running:
        theirs = "has its list" if len(running) == 1 else "have their lists"
        words = f"RECONCILER_LEADS_DIR is not set, and {', '.join(running)} {theirs} there"
        raise ReconcilerError(
            error("leads-dir", words, hint="set it; until then their leads wait, and nothing else does")
        )
    if away:
        return f"RECONCILER_LEADS_DIR is not set; needed once {', '.join(item.key for item in away)} is to run"
    return f"in {session.settings.leads_dir}" if session.settings.leads_dir else "inside the repository"


def _server(session: "Session") -> list[Row]:
    try:
        _compare_server(session)
    except StateError:
        return [("pools", error("not-asked", "not asked: the state belongs to another server or key"))]
    try:
        api = session.open_api(allow_writes=False)
    except ReconcilerError as problem:
        return [("key", problem.diagnostics[0])]
    with api:
        rows = [_check("pools", lambda: _pools(session, api))]
        if isinstance(rows[0][1], str):
            rows += [_check("senders", lambda: _senders(api)), _check("calls", lambda: _calls(session, api))]
        return rows


def _pools(session: "Session", api: "CampaignReader") -> str:
    from reconciler import wiring
    from reconciler.execution.preflight import check_binding

    pools = api.sender_pools()
    state = _state_if_any(session)
    if state is not None:
        address, kind = wiring.server_address(session.place, session.settings)
        check_binding(state, address, kind, Live(campaigns={}, pools=pools))
    if not pools:
        raise ReconcilerError(error("no-pools", "the workspace has no sender pool", hint="make one in Leadterra"))
    left, day = sum(pool.remaining for pool in pools), sum(pool.daily_capacity for pool in pools)
    return f"{len(pools)} {'pool' if len(pools) == 1 else 'pools'}: {left:,} left of {day:,} emails a day"


def _senders(api: "CampaignReader") -> str:
    accounts = api.sender_accounts()
    active = sum(account.status == "active" for account in accounts)
    if not active:
        words = f"none of {len(accounts)} sender accounts is active"
        raise ReconcilerError(error("no-senders", words, hint="nothing can start until one is"))
    return f"{active} of {len(accounts)} accounts active"


def _calls(session: "Session", api: "CampaignReader") -> str:
    """Tell which undocumented calls exist. Whether a draft can be changed is learned by the first apply that does."""
    state = _state_if_any(session)
    known = state.capabilities if state is not None else Capabilities()
    try:
        campaigns = api.campaigns()
        listing = f"list: yes ({len(campaigns):,} there)"
    except CallMissingError:
        listing = "list: no"
    except ApiError as problem:
        listing = f"list: unknown ({problem})"
    words = {True: "yes", False: "no", None: "not tried yet"}
    return f"{listing}, read one: {words[known.get_campaign]}, change a draft: {words[known.patch_campaign]}"
