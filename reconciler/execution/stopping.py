"""The emergency stop: a mark first, so that a running apply sees it, then the pauses (design §4)."""

import getpass
import os
import socket
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from reconciler.diagnostics import CampaignGoneError, Diagnostic, ReconcilerError, error, note
from reconciler.execution import transitions
from reconciler.execution.reading import WORKERS
from reconciler.model.intents import PauseIntent
from reconciler.model.state import CampaignState, State, Stop
from reconciler.ports import CampaignApi, StateStore, update_state

EVERYTHING = "*"


def whoami() -> str:
    """Return `user@host`, for marks and locks that have to name somebody; in a pipeline, who made it run."""
    try:
        user = os.environ.get("GITHUB_TRIGGERING_ACTOR") or getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid()) if hasattr(os, "getuid") else "somebody"
    return f"{user}@{socket.gethostname()}"


def mark(store: StateStore, scopes: Sequence[str], *, reason: str, by: str, at: datetime) -> State:
    """Leave stop marks. Nothing starts, resumes or enrols in their scope until they are lifted.

    With them, it is written down that everything in their scope is about to be paused by us, should this process not
    live to write down that it was. One that somebody else has paused stays theirs.
    """
    marks = tuple(Stop(scope=scope, reason=reason, at=at, by=by) for scope in scopes)
    names: dict[str, str] = {}

    def transition(state: State) -> State:
        others = tuple(item for item in state.stops if item.scope not in scopes)
        state = state.model_copy(update={"stops": (*others, *marks)})
        for target in targets(state, scopes):
            if target.known is not None and _may_run(state, target.key, target.known):
                name = names.setdefault(target.key, str(uuid.uuid4()))
                intent = PauseIntent(campaign=target.key, at=at, by=by, id=target.id)
                state = state.intending(name, intent)
        return state

    stopped = "everything" if EVERYTHING in scopes else ", ".join(scopes)
    return update_state(store, transition, by=by, at=at, what=f"stopped {stopped}: {reason}")


def lift(store: StateStore, scopes: Sequence[str], *, by: str, at: datetime) -> tuple[str, ...]:
    """Take marks away, and return the scopes that had one. What was paused is resumed by the next apply."""
    lifted: list[str] = []

    def transition(state: State) -> State:
        lifted[:] = [item.scope for item in state.stops if item.scope in scopes]
        return state.model_copy(update={"stops": tuple(item for item in state.stops if item.scope not in scopes)})

    lifts = "everything" if EVERYTHING in scopes else ", ".join(scopes)
    update_state(store, transition, by=by, at=at, what=f"lifted the stop of {lifts}")
    return tuple(lifted)


@dataclass(frozen=True, slots=True)
class Target:
    """Something to pause. `known` is None for an older draft, of which nothing has to be written down.

    `begun`: a stop before this one was about to pause it, and did not live to tell.
    """

    key: str
    id: str
    known: CampaignState | None = None
    begun: bool = False

    @property
    def name(self) -> str:
        """How people are told of it."""
        return self.key if self.known is not None else f"{self.key}, older draft {self.id}"


def targets(state: State, scopes: Sequence[str]) -> list[Target]:
    """Choose what a stop pauses: campaigns, and drafts that were replaced, in case somebody started one of them."""
    chosen = [Target(key, known.id, known, _begun(state, key)) for key, known in sorted(state.campaigns.items())]
    chosen += [Target(item.campaign, item.id) for item in state.leftovers if item.id is not None]
    return [target for target in chosen if EVERYTHING in scopes or target.key in scopes]


def _may_run(state: State, key: str, known: CampaignState) -> bool:
    starting = any(intent.kind in {"start", "resume"} for intent in state.open_for(key).values())
    return known.status == "running" or known.paused_by_us or starting


def _begun(state: State, key: str) -> bool:
    """Whether a pause is open that is not of the present mark; the clocks of two machines may differ."""
    mark = state.stop_for(key)
    pauses = [intent for intent in state.open_for(key).values() if intent.kind == "pause"]
    return any(mark is None or (intent.at, intent.by) != (mark.at, mark.by) for intent in pauses)


def pause_all(
    store: StateStore,
    api: CampaignApi,
    chosen: Sequence[Target],
    told: Callable[[str], None],
    *,
    by: str,
    clock: Callable[[], datetime],
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
        theirs = not target.known.paused_by_us and "paused" in {target.known.status, before}
        if theirs and not target.begun:
            change = partial(transitions.not_stopped, key=target.key)
            words = "paused by somebody else before"
        else:
            change = partial(transitions.stopped, key=target.key, answered=answer.status)
            words = answer.status or "paused"
        try:
            update_state(store, change, by=by, at=clock(), what=f"{target.key}: {words}")
        except ReconcilerError as failure:
            words = f"{target.key} is paused, but that could not be written down: {failure}"
            return error("not-recorded", words, hint="run the same command again", campaign=target.key)
        told(f"{target.key}: {words}")
        return None

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="stop") as threads:
        return [problem for problem in threads.map(pause, chosen) if problem is not None]


def _sending(target: Target, why: str) -> Diagnostic:
    hint = "run the same command again, or pause it in Leadterra"
    return error("not-paused", f"{target.name} may still be sending: {why}", hint=hint, campaign=target.key)
