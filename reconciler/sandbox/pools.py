"""Pools and sender accounts of the workspace."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from reconciler.sandbox.clock import DAY
from reconciler.sandbox.records import Account, Pool, PoolSpec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

# leadterra-api.md, "The worked example": 8 senders that send, and 3 that are still being ramped up.
WORKED_EXAMPLE = (
    PoolSpec("Primary Outbound", 1_600, 1_243, ("active",) * 8),
    PoolSpec("Warm-Up Pool", 300, 300, ("warming",) * 3),
)


def new_id(prefix: str) -> str:
    """Return a fresh identifier with one of the API's prefixes (``camp``, ``pool``, ``sa``, ``rpl``, ``wh``)."""
    return f"{prefix}_{secrets.token_hex(8)}"


def pools(db: sqlite3.Connection, now: int) -> tuple[Pool, ...]:
    """Return all pools in the order they were given, with what is left of them at ``now`` (milliseconds)."""
    members: dict[str, list[str]] = {}
    for row in db.execute("SELECT id, pool_id FROM accounts ORDER BY position"):
        members.setdefault(row["pool_id"], []).append(row["id"])
    used = dict(db.execute("SELECT pool_id, SUM(count) FROM usage WHERE at > ? GROUP BY pool_id", (now - DAY,)))
    return tuple(
        Pool(
            id=row["id"],
            name=row["name"],
            daily_capacity=row["daily_capacity"],
            remaining=max(0, row["daily_capacity"] - used.get(row["id"], 0)),
            account_ids=tuple(members.get(row["id"], ())),
        )
        for row in db.execute("SELECT * FROM pools ORDER BY position")
    )


def accounts(db: sqlite3.Connection) -> tuple[Account, ...]:
    """Return the accounts of all pools, pool by pool."""
    rows = db.execute("SELECT a.* FROM accounts a JOIN pools p ON p.id = a.pool_id ORDER BY p.position, a.position")
    return tuple(Account(row["id"], row["email"], row["name"], row["status"]) for row in rows)


def replace_pools(db: sqlite3.Connection, specs: Sequence[PoolSpec], now: int) -> None:
    """Put these pools in place of all others; a pool that keeps its name keeps its identifiers.

    What a pool lacks of its capacity counts as sent at ``now`` (milliseconds), instead of whatever was sent through
    it before; what it has beyond that counts as sent the other way round. Both last 24 hours.
    """
    known = {pool.name: pool for pool in pools(db, now)}
    db.execute("DELETE FROM pools")
    for position, spec in enumerate(specs):
        before = known.pop(spec.name, None)
        pool_id = before.id if before else new_id("pool")
        ids = before.account_ids if before else ()
        db.execute(
            "INSERT INTO pools (id, position, name, daily_capacity) VALUES (?, ?, ?, ?)",
            (pool_id, position, spec.name, spec.daily_capacity),
        )
        db.execute("INSERT INTO usage VALUES (?, ?, ?)", (pool_id, now, spec.daily_capacity - spec.remaining))
        slug = re.sub(r"[^a-z0-9]+", "-", spec.name.lower()).strip("-") or "pool"
        for index, status in enumerate(spec.accounts):
            account_id = ids[index] if index < len(ids) else new_id("sa")
            email = f"sender{index + 1}@{slug}.example.com"
            db.execute(
                "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?)",
                (account_id, pool_id, index, email, f"{spec.name} {index + 1}", status),
            )
