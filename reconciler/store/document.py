"""The state document as bytes. Whatever cannot be read is refused as a whole: half a state is not a state."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from reconciler.diagnostics import StateError, error
from reconciler.model.state import STATE_VERSION, State

_SHOWN_PLACES = 3


def encode(state: State) -> bytes:
    """Write a state as JSON, the same way every time: sorted keys, two spaces, a final line feed.

    Raises `ValueError` where the result could not be read back, so that no store ever writes such a document.
    """
    data = (json.dumps(state.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
    try:
        State.model_validate_json(data)
    except ValidationError as problem:
        raise ValueError(f"this state could not be read back; wrong: {_places(problem)}") from None
    return data


def decode(data: bytes, *, place: str) -> State:
    """Read a state. `place` is where it came from, in words for a person.

    Raises `StateError`: `state-newer` where a later version of this program wrote it, else `state-damaged`. No value
    of the document gets into the message: the ledger key may be among them.
    """
    try:
        state = State.model_validate_json(data)
    except ValidationError as problem:
        raise _refusal(data, place, problem) from None
    if "version" not in state.model_fields_set:
        raise _damaged(place, "it has no version")
    return state


def _refusal(data: bytes, place: str, problem: ValidationError) -> StateError:
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError):
        return _damaged(place, "it is not JSON (cut off or overwritten?)")
    if not isinstance(document, Mapping):
        return _damaged(place, "it is JSON, but not an object")
    version = document.get("version")
    if type(version) is int and version > STATE_VERSION:
        return StateError(
            error(
                "state-newer",
                f"The state in {place} has version {version}; this program reads version {STATE_VERSION}.",
                hint="Upgrade reconciler to the version that wrote it. Nothing was changed.",
            )
        )
    return _damaged(place, f"these parts are missing or wrong: {_places(problem)}")


def _places(problem: ValidationError) -> str:
    found = [".".join(str(part) for part in item["loc"]) or "all" for item in problem.errors(include_input=False)]
    shown = ", ".join("".join(char for char in name[:80] if char.isprintable()) for name in found[:_SHOWN_PLACES])
    return shown + (f" and {len(found) - _SHOWN_PLACES} more" if len(found) > _SHOWN_PLACES else "")


def _damaged(place: str, what: str) -> StateError:
    return StateError(
        error(
            "state-damaged",
            f"The state in {place} is damaged: {what}.",
            hint="It was left as it is. Restore it from a backup; do not delete it, or what it manages is forgotten.",
        )
    )
