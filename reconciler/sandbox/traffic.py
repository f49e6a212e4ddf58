"""The log of requests, and the rate that keys are held to."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.sandbox import faults
from reconciler.sandbox.records import Received

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from reconciler.sandbox.faults import Fault


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request just received: its number in the log, and the fault it meets."""

    seq: int
    fault: Fault | None


def arrive(
    db: sqlite3.Connection, kind: str, method: str, path: str, idempotency_key: str | None, time: str
) -> Arrival:
    """Log a request before anything is done about it; parts of the path that look like an address are left out."""
    shown = "/".join("[address]" if "@" in part else part for part in path.split("/"))
    cursor = db.execute(
        "INSERT INTO requests (kind, method, path, time, idempotency_key) VALUES (?, ?, ?, ?, ?)",
        (kind, method, shown, time, idempotency_key),
    )
    if cursor.lastrowid is None:
        raise RuntimeError("SQLite returned no row number for an insert")
    return Arrival(cursor.lastrowid, faults.meet(db, kind))


def finish(db: sqlite3.Connection, seq: int, status: int | None, leads: int | None, *, carried_out: bool) -> None:
    """Log how a request ended; ``status`` is None where it gets no answer."""
    db.execute(
        "UPDATE requests SET status = ?, carried_out = ?, leads = ? WHERE seq = ?",
        (status, carried_out, leads, seq),
    )


def received(db: sqlite3.Connection) -> tuple[Received, ...]:
    """Return all requests in the order they came."""
    return tuple(
        Received(
            seq=row["seq"],
            kind=row["kind"],
            method=row["method"],
            path=row["path"],
            status=row["status"],
            carried_out=bool(row["carried_out"]),
            time=row["time"],
            idempotency_key=row["idempotency_key"],
            leads=row["leads"],
        )
        for row in db.execute("SELECT * FROM requests ORDER BY seq")
    )


def wait_for_token(db: sqlite3.Connection, key: str, rate: float, now: datetime) -> int | None:
    """Take one token from the bucket of a key; where there is none, return the whole seconds to wait.

    ``rate`` tokens a second come in, up to one second's worth and at least one.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()
    size = max(1.0, rate)
    at = now.timestamp()
    row = db.execute("SELECT tokens, at FROM buckets WHERE key_digest = ?", (digest,)).fetchone()
    tokens = size if row is None else min(size, row["tokens"] + max(0.0, at - row["at"]) * rate)
    granted = tokens >= 1
    db.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?, ?)", (digest, tokens - 1 if granted else tokens, at))
    return None if granted else max(1, math.ceil((1 - tokens) / rate))
