"""The emergency stop: a mark first, so that a running apply sees it, then the pauses (design §4)."""

import getpass
import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from reconciler.diagnostics import CampaignGoneError, Diagnostic, ReconcilerError, error, note
from reconciler.execution import transitions
from reconciler.execution.reading import WORKERS
from reconciler.model.state import CampaignState, State, Stop
from reconciler.ports import CampaignApi, StateStore, update_state

EVERYTHING = "*"


def whoami() -> str:
    """Return `user@host`, for marks and locks that have to name somebody."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid()) if hasattr(os, "getuid") else "somebody"
    return f"{user}@{socket.gethostname()}"


def mark(store: StateStore, scopes: Sequence[str], *, reason: str, by: str, at: datetime) -> State:
    """Leave stop marks. Nothing starts, resumes or enrols in their scope until they are lifted."""
    marks = tuple(Stop(scope=scope, reason=reason, at=at, by=by) for scope in scopes)

    def transition(state: State) -> State:
        others = tuple(item for item in state.stops if item.scope not in scopes)
        return state.model_copy(update={"stops": (*others, *marks)})

    return update_state(store, transition)


def lift(store: StateStore, scopes: Sequence[str]) -> tuple[str, ...]:
    """Take marks away, and return the scopes that had one. What was paused is resumed by the next apply."""
    lifted: list[str] = []

    def transition(state: State) -> State:
        lifted[:] = [item.scope for item in state.stops if item.scope in scopes]
        return state.model_copy(update={"stops": tuple(item for item in state.stops if item.scope not in scopes)})

    update_state(store, transition)
    return tuple(lifted)


def pause_all(
    store: StateStore, api: CampaignApi, campaigns: dict[str, CampaignState], told: Callable[[str], None]
) -> list[Diagnostic]:
    """Pause campaigns side by side, whatever their status; return what did not work out.

    Pausing a draft or a paused campaign changes nothing (leadterra-api.md, "Behaviour"): what somebody else is known to
    have paused stays theirs.
    """

    def pause(item: tuple[str, CampaignState]) -> Diagnostic | None:
        key, known = item
        try:
            answer = api.pause(known.id)
        except CampaignGoneError:
            return note("gone", f"{key}: Leadterra no longer knows it, so there is nothing to pause", campaign=key)
        except ReconcilerError as failure:
            words = f"{key} may still be sending: {failure}"
            return error("not-paused", words, hint="run the same command again, or pause it in Leadterra", campaign=key)
        if answer.status not in transitions.PAUSED:
            words = f"{key} may still be sending: pause was answered with the status {answer.status}"
            return error("not-paused", words, hint="run the same command again, or pause it in Leadterra", campaign=key)
        if known.status == "paused" and not known.paused_by_us:
            told(f"{key}: paused by somebody else before")
            return None
        try:
            update_state(store, lambda state: transitions.paused(state, key, answer.status))
        except ReconcilerError as failure:
            words = f"{key} is paused, but that could not be written down: {failure}"
            return error("not-recorded", words, hint="run the same command again", campaign=key)
        told(f"{key}: {answer.status or 'paused'}")
        return None

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="stop") as threads:
        return [problem for problem in threads.map(pause, campaigns.items()) if problem is not None]
