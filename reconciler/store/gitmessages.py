"""Commit messages of the state: what was done in words, who did it, and a nonce. History is read from them."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from reconciler.model.journal import Happening, Record
from reconciler.store.lease import plain

_SUBJECT = 72
_BEGUN_ANEW = "Begun-Anew-After"
_ITEM = "- "


class Commit(NamedTuple):
    """What a commit of the state holds, as far as history needs it."""

    parent: str | None
    happening: Happening | None


def record_message(record: Record) -> str:
    """Say what a record changed."""
    intents = sum(intent is not None for intent in record.delta.operations.values())
    if len(record.what) == 1:
        subject = record.what[0]
    elif intents:
        subject = f"{intents} {'intent' if intents == 1 else 'intents'}"
    else:
        subject = f"{len(record.what)} changes" if record.what else "the state as it was read"
    return message(subject, record.what, by=record.by, at=record.at, serial=record.serial)


def message(subject: str, what: Sequence[str], *, by: str, at: datetime, serial: int, after: str | None = None) -> str:
    """Write a message: the words as a list, then who, when and at which serial.

    `after` is the commit whose history is forgotten with this one, which has no parent.
    """
    subject = _line(subject)
    parts = [subject if len(subject) <= _SUBJECT else f"{subject[: _SUBJECT - 1]}…"]
    if what:
        parts.append("\n".join(_ITEM + _line(words) for words in what))
    anew = f"\n{_BEGUN_ANEW}: {after}" if after else ""
    # Without a nonce two writers could make the same commit, and both be glad.
    parts.append(f"By: {plain(by)}\nAt: {at.isoformat()}\nSerial: {serial}\nNonce: {secrets.token_hex(8)}{anew}")
    return "\n\n".join(parts) + "\n"


def read_commit(raw: bytes) -> Commit:
    """Read a commit as git keeps it."""
    head, _, text = raw.partition(b"\n\n")
    parents = [line[7:].decode() for line in head.splitlines() if line.startswith(b"parent ")]
    return Commit(parents[0] if parents else None, _happening(text.decode(errors="replace")))


def goes_on_from(root: bytes, seen: bytes) -> bool:
    """Whether a history that begins with one commit was begun anew on purpose after another one was made.

    Serials only grow, and whoever begins it anew does so on the newest: what has no higher one came before.
    """
    first, last = _said(root), _said(seen)
    begun = _BEGUN_ANEW in first and read_commit(root).parent is None
    numbers = [said.get("Serial", "") for said in (last, first)]
    return begun and all(number.isdecimal() for number in numbers) and int(numbers[0]) <= int(numbers[1])


def _said(raw: bytes) -> dict[str, str]:
    """Return what the last paragraph of a message says."""
    tail = raw.decode(errors="replace").rstrip("\n").rpartition("\n\n")[2]
    return dict(line.split(": ", 1) for line in tail.splitlines() if ": " in line)


def _happening(text: str) -> Happening | None:
    body, _, _ = text.rstrip("\n").rpartition("\n\n")
    said = _said(text.encode())
    what = tuple(line[len(_ITEM) :] for line in body.split("\n")[1:] if line.startswith(_ITEM))
    try:
        found = {"serial": int(said["Serial"]), "at": said["At"], "by": said["By"], "what": what}
        return Happening.model_validate(found) if what else None
    except (KeyError, ValueError, ValidationError):
        return None


def _line(words: str) -> str:
    return "".join(char if char.isprintable() else " " for char in words)
