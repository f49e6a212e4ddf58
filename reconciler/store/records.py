"""Records of the journal as lines: a digest, a blank, JSON. What a crash cut off is told from what is damaged."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pydantic import ValidationError

from reconciler.diagnostics import StateError, error
from reconciler.model.journal import Delta, Record
from reconciler.model.state import State

_DIGEST = 16


class Tail(NamedTuple):
    """What could be read of a journal: its records, and how many bytes of it are whole."""

    records: tuple[Record, ...]
    whole: int


def encode_record(record: Record) -> bytes:
    """Write a record as one line, without the parts that did not change."""
    parts = {name: True for name, field in Delta.model_fields.items() if getattr(record.delta, name) == field.default}
    text = record.model_dump_json(exclude={"delta": parts} if parts else None).encode()
    return _digest(text) + b" " + text + b"\n"


def decode_records(data: bytes, *, place: str) -> Tail:
    """Read lines up to the first that is not whole.

    An append that was cut off by a crash is the last one and was never acknowledged: it does not count. Raises
    `StateError` (`journal-damaged`) where whole records stand behind one that is not.
    """
    records: list[Record] = []
    whole = 0
    lines = data.split(b"\n")
    for number, line in enumerate(lines[:-1]):
        record = _decoded(line, place)
        if record is None:
            if any(_is_whole(later) for later in lines[number + 1 :]):
                raise damaged(place, f"line {number + 1} of what was read is not what was written")
            break
        records.append(record)
        whole += len(line) + 1
    return Tail(tuple(records), whole)


def replay(state: State, records: Iterable[Record], *, place: str) -> State:
    """Make the state of a document and the records behind it; those that it holds already are passed over.

    Raises `StateError` (`journal-damaged`) where one is missing, or belongs to another state.
    """
    for record in newer(state.serial, records):
        if record.lineage != state.lineage:
            raise damaged(place, f"it belongs to the state {record.lineage}, and the document is {state.lineage}")
        if record.serial != state.serial + 1:
            raise damaged(place, f"what made serial {state.serial + 1} is missing; there is {record.serial}")
        try:
            state = record.delta.on(state, serial=record.serial)
        except KeyError as missing:
            raise damaged(place, f"record {record.serial} speaks of {missing}, which is not managed") from None
    return state


def newer(serial: int, records: Iterable[Record]) -> Iterator[Record]:
    """Pass over the records that a document of this serial holds already."""
    return (record for record in records if record.serial > serial)


def damaged(place: str, what: str) -> StateError:
    """Make the error of a journal that cannot be read."""
    return StateError(
        error(
            "journal-damaged",
            f"The journal in {place} is damaged: {what}.",
            hint="It was left as it is. Restore the state as a whole from a backup; do not delete anything of it, or "
            "what was done is forgotten.",
        )
    )


def _decoded(line: bytes, place: str) -> Record | None:
    if not _is_whole(line):
        return None
    try:
        return Record.model_validate_json(line[_DIGEST + 1 :])
    except ValidationError:
        raise StateError(
            error(
                "state-newer",
                f"The journal in {place} holds a record that this program cannot read.",
                hint="Upgrade reconciler to the version that wrote it. Nothing was changed.",
            )
        ) from None


def _is_whole(line: bytes) -> bool:
    digest, _, text = line.partition(b" ")
    return digest == _digest(text)


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:_DIGEST].encode()
