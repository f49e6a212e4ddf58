"""Campaigns as stored: making, reading, changing, and their counters."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Literal, get_args

from reconciler.sandbox.errors import ApiError, campaign_not_found
from reconciler.sandbox.pools import new_id
from reconciler.sandbox.records import Campaign, Lead, Message, Stats, Step, moment_of, stamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from reconciler.sandbox.records import JsonObject

Counter = Literal["totalEnrolled", "sent", "bounced", "delivered", "opened", "replied", "queued"]
# In an order in which each counter only depends on those before it.
COUNTERS: tuple[Counter, ...] = get_args(Counter)


def _steps_text(steps: Sequence[Step]) -> str:
    return json.dumps([[step.subject, step.body_html, step.delay_days] for step in steps])


def _campaign(row: sqlite3.Row) -> Campaign:
    return Campaign(
        id=row["id"],
        name=row["name"],
        status=row["status"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        steps=tuple(Step(*values) for values in json.loads(row["steps"])),
        starts=row["starts"],
        resumes=row["resumes"],
    )


def campaign(db: sqlite3.Connection, campaign_id: str) -> Campaign:
    """Return one campaign; raise 404 ``campaign_not_found``."""
    row = db.execute("SELECT * FROM campaigns WHERE id = ?", (campaign_id,)).fetchone()
    if row is None:
        raise campaign_not_found(campaign_id)
    return _campaign(row)


def campaigns(db: sqlite3.Connection) -> tuple[Campaign, ...]:
    """Return all campaigns, oldest first."""
    return tuple(_campaign(row) for row in db.execute("SELECT * FROM campaigns ORDER BY rowid"))


def create(db: sqlite3.Connection, name: str, steps: Sequence[Step], now: str) -> Campaign:
    """Make a new draft."""
    made = Campaign(new_id("camp"), name, "draft", now, None, tuple(steps), 0, 0)
    db.execute(
        "INSERT INTO campaigns (id, name, status, steps, created_at) VALUES (?, ?, ?, ?, ?)",
        (made.id, made.name, made.status, _steps_text(made.steps), made.created_at),
    )
    return made


def create_once(
    db: sqlite3.Connection, key: str, body: JsonObject, name: str, steps: Sequence[Step], now: str
) -> Campaign:
    """Make a new draft, or return what the same ``Idempotency-Key`` made before, as it was then.

    Bodies are identical where their JSON values are. Another body under a known key raises 422
    ``idempotency_key_reused``.
    """
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    row = db.execute("SELECT * FROM idempotency WHERE key = ?", (key,)).fetchone()
    if row is None:
        made = create(db, name, steps, now)
        kept = json.dumps([made.id, made.created_at])
        db.execute("INSERT INTO idempotency VALUES (?, ?, ?)", (key, digest, kept))
        return made
    if row["digest"] != digest:
        raise ApiError(422, "idempotency_key_reused", "This Idempotency-Key was used before with another body.")
    campaign_id, created_at = json.loads(row["campaign"])
    return Campaign(campaign_id, name, "draft", created_at, None, tuple(steps), 0, 0)


def change(db: sqlite3.Connection, campaign_id: str, name: str | None, steps: Sequence[Step] | None) -> Campaign:
    """Set name or steps, whatever the status; None leaves one as it is. Raise 404 ``campaign_not_found``.

    What is queued for a step that is no longer there is cancelled.
    """
    before = campaign(db, campaign_id)
    db.execute(
        "UPDATE campaigns SET name = ?, steps = ? WHERE id = ?",
        (
            before.name if name is None else name,
            _steps_text(before.steps if steps is None else steps),
            campaign_id,
        ),
    )
    if steps is not None:
        db.execute(
            "UPDATE messages SET state = 'cancelled' WHERE campaign_id = ? AND state = 'queued' AND step >= ?",
            (campaign_id, len(steps)),
        )
    return campaign(db, campaign_id)


def change_draft(db: sqlite3.Connection, campaign_id: str, name: str | None, steps: Sequence[Step] | None) -> Campaign:
    """Set name or steps of a draft; raise 400 ``steps_frozen`` for any other, the name included."""
    if campaign(db, campaign_id).status != "draft":
        raise ApiError(400, "steps_frozen", "Only a draft can be changed.")
    return change(db, campaign_id, name, steps)


def delete(db: sqlite3.Connection, campaign_id: str) -> None:
    """Delete a campaign with its leads, messages and replies; raise 404 ``campaign_not_found``."""
    campaign(db, campaign_id)
    db.execute("DELETE FROM campaigns WHERE id = ?", (campaign_id,))


def _count(db: sqlite3.Connection, query: str, campaign_id: str) -> int:
    return int(db.execute(query, (campaign_id,)).fetchone()[0])


def lead_count(db: sqlite3.Connection, campaign_id: str) -> int:
    """Return how many leads the campaign has."""
    return _count(db, "SELECT COUNT(*) FROM leads WHERE campaign_id = ?", campaign_id)


def sent_count(db: sqlite3.Connection) -> int:
    """Return how many messages have been sent, of all campaigns."""
    return int(db.execute("SELECT COUNT(*) FROM messages WHERE state = 'sent'").fetchone()[0])


def queued_count(db: sqlite3.Connection, campaign_id: str) -> int:
    """Return how many messages wait to be sent."""
    return _count(db, "SELECT COUNT(*) FROM messages WHERE campaign_id = ? AND state = 'queued'", campaign_id)


def leads(db: sqlite3.Connection, campaign_id: str) -> tuple[Lead, ...]:
    """Return the leads in the order they were enrolled."""
    rows = db.execute("SELECT * FROM leads WHERE campaign_id = ? ORDER BY id", (campaign_id,))
    return tuple(
        Lead(
            email=row["email"],
            fields=json.loads(row["fields"]),
            times_enrolled=row["times"],
            enrolled_at=row["enrolled_at"],
            step=row["step"],
            ended=bool(row["ended"]),
        )
        for row in rows
    )


def messages(db: sqlite3.Connection, campaign_id: str) -> tuple[Message, ...]:
    """Return the messages in the order they were queued."""
    rows = db.execute(
        "SELECT l.email, m.* FROM messages m JOIN leads l ON l.id = m.lead_id WHERE m.campaign_id = ? ORDER BY m.id",
        (campaign_id,),
    )
    return tuple(
        Message(
            email=row["email"],
            step=row["step"],
            state=row["state"],
            queued_at=stamp(moment_of(row["queued_at"])),
            due_at=stamp(moment_of(row["due_at"])),
            sent_at=None if row["sent_at"] is None else stamp(moment_of(row["sent_at"])),
            sender=row["sender"],
        )
        for row in rows
    )


def stats(db: sqlite3.Connection, campaign_id: str) -> Stats:
    """Return the counters: what was counted here plus what ``set_counters`` has shifted; never below 0."""
    deltas: dict[str, int] = {
        row["name"]: row["delta"]
        for row in db.execute("SELECT name, delta FROM counters WHERE campaign_id = ?", (campaign_id,))
    }

    def counted(name: Counter, actual: int) -> int:
        return max(0, actual + deltas.get(name, 0))

    sent_query = "SELECT COUNT(*) FROM messages WHERE campaign_id = ? AND state = 'sent'"
    bounce_query = "SELECT COUNT(*) FROM replies WHERE campaign_id = ? AND classification = 'bounce'"
    reply_query = "SELECT COUNT(DISTINCT email) FROM replies WHERE campaign_id = ? AND classification <> 'bounce'"
    sent = counted("sent", _count(db, sent_query, campaign_id))
    bounced = counted("bounced", _count(db, bounce_query, campaign_id))
    return Stats(
        total_enrolled=counted("totalEnrolled", lead_count(db, campaign_id)),
        sent=sent,
        delivered=counted("delivered", max(0, sent - bounced)),
        bounced=bounced,
        opened=counted("opened", 0),
        replied=counted("replied", _count(db, reply_query, campaign_id)),
        queued=counted("queued", queued_count(db, campaign_id)),
    )


def _value(counters: Stats, name: Counter) -> int:
    values: dict[Counter, int] = {
        "totalEnrolled": counters.total_enrolled,
        "sent": counters.sent,
        "bounced": counters.bounced,
        "delivered": counters.delivered,
        "opened": counters.opened,
        "replied": counters.replied,
        "queued": counters.queued,
    }
    return values[name]


def set_counters(db: sqlite3.Connection, campaign_id: str, values: Mapping[Counter, int]) -> Stats:
    """Make the stats show these values now; what happens later counts from there."""
    campaign(db, campaign_id)
    for name in COUNTERS:
        if name not in values:
            continue
        db.execute("DELETE FROM counters WHERE campaign_id = ? AND name = ?", (campaign_id, name))
        delta = values[name] - _value(stats(db, campaign_id), name)
        db.execute("INSERT INTO counters VALUES (?, ?, ?)", (campaign_id, name, delta))
    return stats(db, campaign_id)
