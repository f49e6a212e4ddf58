from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from reconciler.commands.common import Output, owner, place_options, say_at_times, settings
from reconciler.commands.exits import FAILED, OK
from reconciler.diagnostics import ApiError, CallMissingError, Diagnostic, ReconcilerError, StateError, error
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
        _check("lock", lambda: _lock(session)),
        _check("lists", lambda: _lists(session)),
        *_server(session),
    ]
    Output.result(render_checkup(rows))
    return FAILED if any(isinstance(found, Diagnostic) for _, found in rows) else OK


def _check(name: str, look: Callable[[], str]) -> Row:
    try:
        return name, look()
    except ReconcilerError as problem:
        return name, problem.diagnostics[0]


def _files(session: "Session") -> str:
    desired = session.desired
    count = len(desired.campaigns)
    return f"{count:,} valid campaign {'file' if count == 1 else 'files'}, environment {desired.environment}"


def _state(session: "Session") -> str:
    state = session.read_state()
    where = f", bound to {state.binding.address}" if state.binding else ", not bound to a server yet"
    marks = len(state.stops)
    stopped = f"; {marks} stop {'mark' if marks == 1 else 'marks'} (`reconciler state list`)" if marks else ""
    return f"serial {state.serial}, {len(state.campaigns):,} managed{where}{stopped}"


def _state_if_any(session: "Session") -> State | None:
    """Return the state for other checks; what is wrong with it is told by its own."""
    try:
        return session.store.read()
    except StateError:
        return None


def _lock(session: "Session") -> str:
    with session.store.lease(owner=owner()):
        return "free"


def _lists(session: "Session") -> str:
    away = [item.key for item in session.desired.campaigns if item.leads and item.leads.path is None]
    if away:
        theirs = "has its list" if len(away) == 1 else "have their lists"
        words = f"RECONCILER_LEADS_DIR is not set, and {', '.join(away)} {theirs} there"
        raise ReconcilerError(
            error("leads-dir", words, hint="set it; until then their leads wait, and nothing else does")
        )
    return f"in {session.settings.leads_dir}" if session.settings.leads_dir else "inside the repository"


def _server(session: "Session") -> list[Row]:
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
