import json
from typing import TYPE_CHECKING

import click

from reconciler.commands.common import (
    Output,
    approve_option,
    backend_option,
    confirm,
    output_options,
    owner,
    place_options,
    say,
    settings,
)
from reconciler.commands.erase import erase
from reconciler.commands.exits import FAILED, OK
from reconciler.diagnostics import ReconcilerError, error
from reconciler.wiring import Place

if TYPE_CHECKING:
    from reconciler.model.state import Binding


@click.group("state")
def command() -> None:
    """Look after the state: what this repository manages, and what it last wrote."""


@command.command("init")
@place_options
@backend_option
@approve_option
def init(place: Place, backend: str | None, *, auto_approve: bool) -> int:
    """Create the state of this environment and write its lineage into workspace.yaml."""
    from reconciler import upkeep, wiring
    from reconciler.session import Session

    kept = wiring.choose_backend(place, backend)
    session = Session(place, settings())
    if upkeep.may_have_lost_a_state(session) and not auto_approve:
        say("A new state knows of no campaign: had there been one before, its people would be written to twice.")
        if not confirm(f"Type {place.environment} if this environment never had a state:", place.environment or ""):
            say("Nothing was made.")
            return FAILED
    for line in upkeep.create_state(session, by=owner(), kept=kept):
        Output.result(line)
    return OK


@command.command("list")
@place_options
@output_options
def listing(place: Place, output: Output) -> int:
    """List what is managed, what was, and what is left over."""
    from reconciler.reporting.tables import render_state
    from reconciler.session import Session

    state = Session(place, settings()).store.read()
    if output.json:
        output.result(_json(state.model_dump(mode="json", exclude={"ledger_key"})))
    else:
        output.result(render_state(state))
    return OK


@command.command("show")
@click.argument("key")
@place_options
def show(place: Place, key: str) -> int:
    """Show what the state holds of one campaign, as JSON."""
    from reconciler.session import Session

    state = Session(place, settings()).store.read()
    if key in state.campaigns:
        found = {"managed": True, **state.campaigns[key].model_dump(mode="json")}
    elif key in state.tombstones:
        found = {"managed": False, **state.tombstones[key].model_dump(mode="json")}
    else:
        raise _unknown(key, [*state.campaigns, *state.tombstones])
    Output.result(_json(found))
    return OK


@command.command("mv")
@click.argument("old")
@click.argument("new")
@place_options
def mv(place: Place, old: str, new: str) -> int:
    """Give a managed campaign another key, without touching it in Leadterra. `moved:` in its file does the same."""
    from reconciler.execution.transitions import moved
    from reconciler.loading.starter import check_key
    from reconciler.ports import update_state
    from reconciler.session import Session

    check_key(new)
    session = Session(place, settings(), told=say)
    store = session.store
    with session.lease(owner()) as lease:
        state = store.read()
        if old not in state.campaigns:
            raise _unknown(old, list(state.campaigns))
        if new in state.campaigns:
            raise ReconcilerError(error("state-taken", f"{new} is managed already; nothing was changed"))
        update_state(
            store,
            lambda newest: moved(newest, old, new),
            by=owner(),
            at=session.clock(),
            what=f"{old} is {new} now",
            fence=lease.fence,
        )
    Output.result(f"{old} is {new} now. Change the key in its file, too.")
    return OK


@command.command("rm")
@click.argument("key")
@place_options
@approve_option
def rm(place: Place, key: str, *, auto_approve: bool) -> int:
    """Forget a campaign altogether: the next plan creates it anew, and may write to its people again."""
    from reconciler.execution.transitions import removed
    from reconciler.ports import update_state
    from reconciler.session import Session

    session = Session(place, settings(), told=say)
    store = session.store
    with session.lease(owner()) as lease:
        state = store.read()
        if key not in state.campaigns and key not in state.tombstones:
            raise _unknown(key, [*state.campaigns, *state.tombstones])
        say(f"{key} goes from the state, with the memory of who was written to. It stays as it is in Leadterra.")
        if not (auto_approve or confirm(f"Type {key} to forget it:", key)):
            say("Nothing was changed.")
            return FAILED
        update_state(
            store,
            lambda newest: removed(newest, key),
            by=owner(),
            at=session.clock(),
            what=f"{key} forgotten altogether",
            fence=lease.fence,
        )
    Output.result(f"{key} is forgotten.")
    return OK


@command.command("unlock")
@place_options
@approve_option
def unlock(place: Place, *, auto_approve: bool) -> int:
    """End the lock of an apply whose process is gone. One that still runs writes and calls nothing more."""
    from reconciler.session import Session

    store = Session(place, settings()).store
    holder = store.holder()
    if holder is None:
        Output.result("Nobody holds the lock.")
        return OK
    say(f"The lock is held by {holder}. Where that run still lives, what it has under way is left for the next one.")
    if not (auto_approve or confirm("Type unlock to end it:", "unlock")):
        say("Nothing was changed.")
        return FAILED
    ended = store.unlock(by=owner())
    Output.result(f"Ended the lock of {ended}." if ended else "Nobody holds the lock any more.")
    return OK


@command.command("rebind")
@place_options
@approve_option
def rebind(place: Place, *, auto_approve: bool) -> int:
    """Bind the state to the server, the kind of key and the pools of the present environment variables, on purpose."""
    from reconciler import upkeep
    from reconciler.session import Session

    session = Session(place, settings(), told=say)
    binding = upkeep.server_now(session)
    before = session.store.read().binding
    if before == binding:
        Output.result(f"The state is bound to {_words(binding)} already.")
        return OK
    say(f"The state is bound to {_words(before)}. It will be bound to {_words(binding)}.")
    say("Its campaigns are looked for there by their ids: only do this for the same workspace under another address.")
    if not (auto_approve or confirm("Type rebind to do it:", "rebind")):
        say("Nothing was changed.")
        return FAILED
    upkeep.rebind(session, binding, owner=owner())
    Output.result(f"The state is bound to {_words(binding)}. `reconciler plan` shows what is there.")
    return OK


command.add_command(erase)


def _words(binding: "Binding | None") -> str:
    if binding is None:
        return "no server yet"
    count = len(binding.pools)
    return f"{binding.address} ({binding.key_kind}, {count} {'pool' if count == 1 else 'pools'})"


def _unknown(key: str, names: list[str]) -> ReconcilerError:
    from reconciler.planning.targets import nearest

    return ReconcilerError(error("state-unknown", f"there is no {key} in the state", hint=nearest(key, names)))


def _json(value: object) -> str:
    from reconciler.reporting.escape import json_escapes

    return json_escapes(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"
