"""Faults: what goes wrong on the wire, kept in the database so that every process meets them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from reconciler.sandbox.records import JsonObject

Kind = Literal[
    "pools",
    "accounts",
    "create",
    "enroll",
    "start",
    "pause",
    "stats",
    "replies",
    "suppress",
    "webhooks",
    "get",
    "list",
    "patch",
]
Action = Literal[
    "drop",
    "drop_before",
    "error500",
    "error503",
    "error500_after",
    "slow",
    "half",
    "late",
    "html",
    "rate",
    "reject",
    "reject_leads",
]
Naming = Literal["email", "index", "nothing"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ACTIONS: tuple[Action, ...] = get_args(Action)
NAMINGS: tuple[Naming, ...] = get_args(Naming)
# The actions that leave the call its effect.
CARRIED_OUT: frozenset[Action] = frozenset({"drop", "error500_after", "slow", "half"})
# The actions that leave the call without any answer.
CUT: frozenset[Action] = frozenset({"drop", "drop_before", "late"})

_SECONDS_MAX = 600.0
_STATUS_MIN, _STATUS_MAX = 400, 599


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong. Raises ValueError for values out of range.

    kind: which calls it is about; calls are counted from the moment it is added, refused ones included.
    action: ``drop`` carries out the call and closes the connection without an answer; ``drop_before`` closes it
        without carrying out; ``error500`` and ``error503`` are not carried out; ``error500_after`` is carried out
        and then answers 500; ``slow`` carries out and answers late; ``half`` carries out and closes the connection
        after half of the body; ``late`` closes the connection at once and carries the call out afterwards, which is
        logged once more, under the kind ``late``; ``html`` is a proxy's page and ``rate`` a 429, neither carried out;
        ``reject`` answers an API error of any status and code (say 404 ``workspace_not_found``), not carried out;
        ``reject_leads``, for ``enroll`` alone, answers 422 ``invalid_leads``, not carried out, where a request holds
        leads whose address begins with ``prefix``, and leaves any other request its effect.
    nth: the first call that meets it, from 1; None for every call.
    times: how many calls meet it; by default 1 with ``nth``, no end without.
    seconds: the delay of ``slow`` and ``late``.
    retry_after: whole seconds in ``Retry-After`` of ``error503`` (None: no header) and ``rate`` (None: 1).
    status: of ``html`` (502) and ``reject`` (400).
    code: of ``reject``.
    prefix: how the addresses begin that ``reject_leads`` is about, in lower case.
    names: what each entry of its ``errors`` names its lead by: ``email``, ``index`` (from 0), or ``nothing``.
    """

    kind: Kind
    action: Action
    nth: int | None = None
    times: int | None = None
    seconds: float = 1.0
    retry_after: int | None = None
    status: int | None = None
    code: str = "invalid_request"
    prefix: str = "bad"
    names: Naming = "email"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if self.action not in ACTIONS:
            raise ValueError(f"action must be one of {', '.join(ACTIONS)}")
        if self.action == "reject_leads" and self.kind != "enroll":
            raise ValueError("reject_leads is for enroll alone")
        if self.names not in NAMINGS:
            raise ValueError(f"names must be one of {', '.join(NAMINGS)}")
        if (self.nth is not None and self.nth < 1) or (self.times is not None and self.times < 1):
            raise ValueError("nth and times start at 1")
        if not 0 <= self.seconds <= _SECONDS_MAX:
            raise ValueError(f"seconds must be from 0 to {_SECONDS_MAX:.0f}")
        if self.retry_after is not None and self.retry_after < 0:
            raise ValueError("retry_after must not be negative")
        if self.status is not None and not _STATUS_MIN <= self.status <= _STATUS_MAX:
            raise ValueError(f"status must be from {_STATUS_MIN} to {_STATUS_MAX}")

    def meets(self, seen: int, fired: int) -> bool:
        """Tell whether the ``seen``-th call meets this fault, which ``fired`` calls have met before."""
        if self.nth is None:
            return self.times is None or fired < self.times
        return self.nth <= seen < self.nth + (self.times or 1)


def add(db: sqlite3.Connection, fault: Fault) -> None:
    """Put a fault in place, behind those that are there."""
    settings = {
        "seconds": fault.seconds,
        "retry_after": fault.retry_after,
        "status": fault.status,
        "code": fault.code,
        "prefix": fault.prefix,
        "names": fault.names,
    }
    db.execute(
        "INSERT INTO faults (kind, action, nth, times, settings) VALUES (?, ?, ?, ?, ?)",
        (fault.kind, fault.action, fault.nth, fault.times, json.dumps(settings)),
    )


def clear(db: sqlite3.Connection) -> None:
    """Remove all faults."""
    db.execute("DELETE FROM faults")


def meet(db: sqlite3.Connection, kind: str) -> Fault | None:
    """Count one call for every fault of its kind and return the oldest one it meets."""
    rows = db.execute("SELECT * FROM faults WHERE kind = ? ORDER BY id", (kind,)).fetchall()
    if rows:
        db.execute("UPDATE faults SET seen = seen + 1 WHERE kind = ?", (kind,))
    for row in rows:
        fault = Fault(
            kind=row["kind"],
            action=row["action"],
            nth=row["nth"],
            times=row["times"],
            **json.loads(row["settings"]),
        )
        if fault.meets(row["seen"] + 1, row["fired"]):
            db.execute("UPDATE faults SET fired = fired + 1 WHERE id = ?", (row["id"],))
            return fault
    return None


def bad_entries(fault: Fault, entries: Sequence[object]) -> list[JsonObject]:
    """Return an entry of ``errors`` for each lead of a request that ``reject_leads`` is about."""
    told: list[JsonObject] = []
    for index, entry in enumerate(entries):
        email = entry.get("email") if isinstance(entry, dict) else None
        if isinstance(email, str) and email.lower().startswith(fault.prefix):
            names: dict[Naming, JsonObject] = {"email": {"email": email}, "index": {"index": index}, "nothing": {}}
            told.append({**names[fault.names], "code": "not_accepted", "message": "This lead is not accepted."})
    return told
