"""Sending: what is due and has room leaves, instant by instant on the virtual clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.sandbox import campaigns, clock, hooks, inbox
from reconciler.sandbox.capacity import Capacity
from reconciler.sandbox.records import moment_of, stamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from reconciler.sandbox.records import JsonObject, Step

# Bounds what is held in memory at once; the order of messages does not depend on it.
_BATCH = 10_000
_BOUNCING = "bounce"
_BOUNCE_WORDS = "The address does not exist."


def settle(db: sqlite3.Connection, until: int) -> None:
    """Send whatever could be sent from the moment last settled up to and including ``until`` (milliseconds).

    A message goes at the first instant at which it is due, its campaign runs, and a pool has room; of several the
    one that was due first. A message that is due and has room goes at the very instant it is due.
    """
    at = clock.settled(db)
    following = _next_due(db, None)
    if following is not None and at <= until and following <= until:
        capacity = Capacity(db)
        while capacity.can_send:
            room = _send_due(db, at, capacity)
            # Without room nothing is sent before there is some; with room left over everything due has been sent.
            following = _next_due(db, at) if room else capacity.next_change()
            if following is None or following > until:
                break
            at = following
        capacity.keep(db)
    clock.settle(db, until)


def _next_due(db: sqlite3.Connection, after: int | None) -> int | None:
    """Return when the next message of a running campaign falls due after an instant, or the first of all."""
    found: int | None = db.execute(
        "SELECT MIN((SELECT MIN(m.due_at) FROM messages m WHERE m.campaign_id = c.id AND m.state = 'queued'"
        " AND m.due_at > ?)) FROM campaigns c WHERE c.status = 'running'",
        (-1 if after is None else after,),
    ).fetchone()[0]
    return found


def _send_due(db: sqlite3.Connection, at: int, capacity: Capacity) -> int:
    """Send all that is due at an instant and has room, steps without a delay included; return the room left over."""
    while room := capacity.room(at):
        # CROSS JOIN keeps SQLite to the order of the index, where it can stop at the limit.
        rows = db.execute(
            "SELECT m.id, m.campaign_id, m.lead_id, m.step, l.email FROM messages m INDEXED BY messages_due"
            " CROSS JOIN campaigns c ON c.id = m.campaign_id CROSS JOIN leads l ON l.id = m.lead_id"
            " WHERE m.state = 'queued' AND m.due_at <= ? AND c.status = 'running' ORDER BY m.due_at, m.id LIMIT ?",
            (at, min(room, _BATCH)),
        ).fetchall()
        if not rows:
            break
        _send(db, at, rows, capacity)
    return room


def _send(db: sqlite3.Connection, at: int, rows: Sequence[sqlite3.Row], capacity: Capacity) -> None:
    """Send these messages, in this order, and queue the next steps behind all that is queued.

    A message to an address that bounced earlier in the same batch is not sent: the bounce has cancelled it.
    """
    going: list[sqlite3.Row] = []
    bounced: dict[str, str] = {}
    for row in rows:
        if row["email"] not in bounced:
            going.append(row)
            if row["email"].startswith(_BOUNCING):
                bounced[row["email"]] = row["campaign_id"]
    through = capacity.take(at, len(going))
    db.executemany(
        "UPDATE messages SET state = 'sent', sent_at = ?, pool_id = ?, sender = ? WHERE id = ?",
        [(at, pool, sender, row["id"]) for row, (pool, sender) in zip(going, through, strict=True)],
    )
    _queue_next_steps(db, at, [row for row in going if row["email"] not in bounced])
    now = stamp(moment_of(at))
    if hooks.anybody_hears(db, "message.sent"):
        sent = (_told(row, sender, now) for row, (_, sender) in zip(going, through, strict=True))
        hooks.tell(db, "message.sent", now, sent)
    for email, campaign_id in bounced.items():
        inbox.add_reply(
            db, campaign_id, email, classification="bounce", snippet=_BOUNCE_WORDS, received_at=now, now=now
        )


def _queue_next_steps(db: sqlite3.Connection, at: int, sent: Sequence[sqlite3.Row]) -> None:
    """Queue the step behind each of these messages, due so many days after ``at`` as that step waits."""
    steps: dict[str, tuple[Step, ...]] = {}
    for row in sent:
        if row["campaign_id"] not in steps:
            steps[row["campaign_id"]] = campaigns.campaign(db, row["campaign_id"]).steps
    following = [row for row in sent if row["step"] + 1 < len(steps[row["campaign_id"]])]
    db.executemany(
        "INSERT INTO messages (campaign_id, lead_id, step, state, queued_at, due_at) VALUES (?, ?, ?, 'queued', ?, ?)",
        [
            (
                row["campaign_id"],
                row["lead_id"],
                row["step"] + 1,
                at,
                at + steps[row["campaign_id"]][row["step"] + 1].delay_days * clock.DAY,
            )
            for row in following
        ],
    )
    db.executemany("UPDATE leads SET step = ? WHERE id = ?", [(row["step"] + 1, row["lead_id"]) for row in following])


def _told(row: sqlite3.Row, sender: str, now: str) -> JsonObject:
    return {
        "email": row["email"],
        "campaignId": row["campaign_id"],
        "step": row["step"],
        "sender": sender,
        "sentAt": now,
    }
