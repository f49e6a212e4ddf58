"""The log of requests, and the rate that keys are held to."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.sandbox.records import Received

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from reconciler.sandbox.faults import Fault


@dataclass(slots=True)
class Exchange:
    """A request being answered: when it came, the fault it meets, and how it ended.

    ``status`` stays None where nothing is answered; ``leads`` counts the leads of an enrolment.
    """

    kind: str
    method: str
    path: str
    time: str
    idempotency_key: str | None
    fault: Fault | None
    status: int | None = None
    carried_out: bool = False
    leads: int | None = None


def log(db: sqlite3.Connection, done: Exchange) -> None:
    """Log a request that is over; parts of the path that look like an address are left out."""
    path = "/".join("[address]" if "@" in part else part for part in done.path.split("/"))
    db.execute(
        "INSERT INTO requests (kind, method, path, status, carried_out, time, idempotency_key, leads)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (done.kind, done.method, path, done.status, done.carried_out, done.time, done.idempotency_key, done.leads),
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
