from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from reconciler.commands.common import Output, output_formats, place_options, say_at_times, settings
from reconciler.commands.exits import FAILED, OK
from reconciler.diagnostics import ReconcilerError, SpecError, error
from reconciler.wiring import Place

if TYPE_CHECKING:
    from reconciler.execution.watching import Seen
    from reconciler.model.live import Live
    from reconciler.model.state import State
    from reconciler.model.status import Overview
    from reconciler.ports import CampaignReader
    from reconciler.session import Session


@click.command("status")
@click.argument("keys", nargs=-1, metavar="[KEY]…")
@place_options
@output_formats("text", "json", "markdown")
def command(place: Place, output: Output, keys: tuple[str, ...]) -> int:
    """Show how the managed campaigns are doing: counters, replies, what they send next. Changes nothing.

    Needs no valid files: without them only the next sends are missing.
    """
    from reconciler.execution.watching import overview
    from reconciler.session import Session

    session = Session(place, settings(), told=say_at_times())
    seen = _look(session, keys)
    found = overview(seen, _chosen(keys, seen.state))
    output.result(_written(found, output))
    return FAILED if found.unread else OK


def _chosen(keys: Sequence[str], state: "State") -> list[str]:
    """Return the campaigns that are meant; raises `ReconcilerError` naming each key that is not managed."""
    from reconciler.planning.targets import nearest

    known = sorted(state.campaigns)
    unknown = [key for key in dict.fromkeys(keys) if key not in state.campaigns]
    if unknown:
        raise ReconcilerError(
            *(error("status-unknown", f"{key} is not managed here", hint=nearest(key, known)) for key in unknown)
        )
    return [key for key in known if not keys or key in keys]


def _look(session: "Session", keys: Sequence[str]) -> "Seen":
    """Read what is there. The plan tells when campaigns send next; where none can be made, the rest is read alone."""
    from reconciler.execution.watching import Seen, read_replies

    planned, note = None, _INVALID
    try:
        state = session.read_state()
    except SpecError:
        state = session.store.read()
    _chosen(keys, state)
    try:
        planned = session.plan()
        state = planned.inputs.state
    except SpecError:
        note = _INVALID
    except ReconcilerError as problem:
        note = f"{_NO_FORECAST}{problem}"
    if planned is None:
        with session.open_api(allow_writes=False) as api:
            live = _read_alone(session, state, api)
            replies = read_replies(api, live, _chosen(keys, state))
            return Seen(state, live, replies, None, "UTC", session.clock(), (note,))
    plan, live = planned.plan, planned.inputs.live
    with session.api_for(allow_writes=False, desired=planned.inputs.desired) as api:
        replies = read_replies(api, live, _chosen(keys, state))
    return Seen(state, live, replies, plan, plan.timezone, session.clock())


def _read_alone(session: "Session", state: "State", api: "CampaignReader") -> "Live":
    """Read what the state knows of; raises `StateError` where the server is not the state's."""
    from reconciler import wiring
    from reconciler.execution.preflight import check_binding
    from reconciler.execution.reading import Reader, read_live
    from reconciler.model.live import Live

    address, kind = wiring.server_address(session.place, session.settings)
    check_binding(state, address, kind, Live(campaigns={}))
    live = read_live(Reader(api, state.capabilities), api, state, state.campaigns)
    check_binding(state, address, kind, live)
    return live


_NO_FORECAST = "when they send next is not known: "
_INVALID = f"{_NO_FORECAST}the files are not valid (`reconciler validate` tells why)"


def _written(found: "Overview", output: Output) -> str:
    if output.json:
        from reconciler.reporting.jsonout import status_json

        return status_json(found)
    if output.form == "markdown":
        from reconciler.reporting.statusmd import render_status_markdown

        return render_status_markdown(found)
    from reconciler.reporting.statusview import render_status

    return render_status(found, color=output.color, width=output.width)
