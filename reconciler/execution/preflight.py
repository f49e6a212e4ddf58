"""Before anything is done: whether this state belongs to this server and to these files."""

from reconciler.diagnostics import StateError, error
from reconciler.model.live import Live
from reconciler.model.state import Binding, State
from reconciler.model.workspace import Desired


def check_lineage(state: State, desired: Desired) -> None:
    """Refuse a state that is not the one these files were committed with; raises `StateError`."""
    if desired.lineage is not None and desired.lineage != state.lineage:
        raise StateError(
            error(
                "state-lineage",
                f"specs/workspace.yaml names the state {desired.lineage}, and the one found is {state.lineage}",
                hint="another checkout's state, or one made anew: bring the right one back; nothing was done",
            )
        )
    if desired.environment != state.environment:
        raise StateError(
            error(
                "state-environment",
                f"the state found is for the environment {state.environment}, not {desired.environment}",
                hint="choose it with --env; nothing was done",
            )
        )


def check_binding(state: State, address: str, key_kind: str, live: Live) -> Binding | None:
    """Refuse a state that was made for another server, kind of key, or workspace; raises `StateError`.

    Another workspace shows in its pools: none of those seen last is there any more (design §6). Returns the binding to
    write down with this run: the one there was, where the pools could not be read.
    """
    bound = state.binding
    pools = tuple(sorted(pool.id for pool in live.pools or ()))
    seen = Binding(address=address, key_kind=key_kind, pools=pools)
    if bound is None:
        return None if live.pools is None else seen
    if bound.address != address:
        raise _other(f"this state belongs to {bound.address}, and LEADTERRA_BASE_URL is {address}")
    if bound.key_kind != key_kind:
        raise _other(
            f"this state was made with a key of the kind {bound.key_kind}, and LEADTERRA_API_KEY is {key_kind}"
        )
    if bound.pools and pools and not set(bound.pools) & set(pools):
        raise _other("none of the sender pools known to this state is on the server")
    return seen if pools else bound


def _other(words: str) -> StateError:
    return StateError(
        error(
            "state-binding",
            f"{words}: is this another workspace?",
            hint="set LEADTERRA_BASE_URL and LEADTERRA_API_KEY to those of this workspace, or choose another --env; "
            "where it is the same workspace under another address or key: `reconciler state rebind`; "
            "nothing was read or done",
        )
    )
