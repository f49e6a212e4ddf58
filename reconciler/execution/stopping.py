"""The emergency stop: a mark first, so that a running apply sees it, then the pauses (design §4)."""

import getpass
import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Target:
    """Something to pause. `known` is None for an older draft, of which nothing has to be written down."""

    key: str
    id: str
    known: CampaignState | None = None

    @property
    def name(self) -> str:
        """How people are told of it."""
        return self.key if self.known is not None else f"{self.key}, older draft {self.id}"


def targets(state: State, scopes: Sequence[str]) -> list[Target]:
    """Choose what a stop pauses: campaigns, and drafts that were replaced, in case somebody started one of them."""
    chosen = [Target(key, known.id, known) for key, known in state.campaigns.items()]
    chosen += [Target(item.campaign, item.id) for item in state.leftovers if item.id is not None]
    return [target for target in chosen if EVERYTHING in scopes or target.key in scopes]


def pause_all(
    store: StateStore, api: CampaignApi, chosen: Sequence[Target], told: Callable[[str], None]
) -> list[Diagnostic]:
    """Pause campaigns side by side, whatever their status; return what did not work out.

    Pausing a draft or a paused campaign changes nothing (leadterra-api.md, "Behaviour"): what somebody else has paused
    before stays theirs, as far as a glance at the server shows it.
    """

    def pause(target: Target) -> Diagnostic | None:
        before = api.glance(target.id)
        try:
            answer = api.pause(target.id)
        except CampaignGoneError:
            words = f"{target.name}: Leadterra no longer knows it, so there is nothing to pause"
            return note("gone", words, campaign=target.key)
        except ReconcilerError as failure:
            return _sending(target, str(failure))
        if answer.status not in transitions.PAUSED:
            return _sending(target, f"pause was answered with the status {answer.status}")
        if target.known is None:
            return None
        return _write_down(store, target.key, target.known, before, answer.status, told)

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="stop") as threads:
        return [problem for problem in threads.map(pause, chosen) if problem is not None]


def _sending(target: Target, why: str) -> Diagnostic:
    hint = "run the same command again, or pause it in Leadterra"
    return error("not-paused", f"{target.name} may still be sending: {why}", hint=hint, campaign=target.key)


def _write_down(
    store: StateStore,
    key: str,
    known: CampaignState,
    before: str | None,
    answered: str | None,
    told: Callable[[str], None],
) -> Diagnostic | None:
    """Write a pause down as ours, unless somebody else had made it: that one is never lifted by itself."""
    if not known.paused_by_us and "paused" in {known.status, before}:
        told(f"{key}: paused by somebody else before")
        return None
    try:
        update_state(store, lambda state: transitions.paused(state, key, answered))
    except ReconcilerError as failure:
        words = f"{key} is paused, but that could not be written down: {failure}"
        return error("not-recorded", words, hint="run the same command again", campaign=key)
    told(f"{key}: {answered or 'paused'}")
    return None
