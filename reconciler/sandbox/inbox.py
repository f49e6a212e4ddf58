"""Replies and suppression."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.sandbox import campaigns, hooks
from reconciler.sandbox.errors import ApiError, invalid
from reconciler.sandbox.pools import new_id
from reconciler.sandbox.records import Reply, ReplyPage, Suppressed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from reconciler.sandbox.records import JsonObject

PER_PAGE = 50
PER_PAGE_MAX = 100
# Keeps the offset of a page within what SQLite counts to.
PAGE_MAX = 10**9


def suppress(db: sqlite3.Connection, emails: Sequence[str], now: str) -> Suppressed:
    """Put addresses (trimmed, lower case, each once) on the list and cancel what is queued for them.

    Suppression holds for the whole workspace and is final (leadterra-api.md, "Behaviour").
    """
    added = 0
    for email in emails:
        added += db.execute("INSERT INTO suppressions VALUES (?, ?) ON CONFLICT DO NOTHING", (email, now)).rowcount
        db.execute(
            "UPDATE messages SET state = 'cancelled' WHERE state = 'queued'"
            " AND lead_id IN (SELECT id FROM leads WHERE email = ?)",
            (email,),
        )
    return Suppressed(added, len(emails) - added)


def suppression_list(db: sqlite3.Connection) -> tuple[str, ...]:
    """Return the suppressed addresses in alphabetical order."""
    return tuple(row["email"] for row in db.execute("SELECT email FROM suppressions ORDER BY email"))


def add_reply(
    db: sqlite3.Connection,
    campaign_id: str,
    email: str,
    *,
    classification: str,
    snippet: str,
    received_at: str,
    now: str,
) -> Reply:
    """Record a reply: it ends the sequence for that lead; a ``bounce`` suppresses the address as well.

    Webhooks are told of a bounce as ``message.bounced``, of all else as ``reply.received``.

    Raises 404 ``campaign_not_found`` and 400 ``invalid_request`` where the address is no lead of the campaign.
    """
    campaigns.campaign(db, campaign_id)
    lead = db.execute("SELECT id FROM leads WHERE campaign_id = ? AND email = ?", (campaign_id, email)).fetchone()
    if lead is None:
        raise invalid("Only a lead of the campaign can reply to it.")
    reply = Reply(new_id("rpl"), email, campaign_id, classification, received_at, snippet)
    db.execute(
        "INSERT INTO replies (id, campaign_id, email, classification, received_at, snippet) VALUES (?, ?, ?, ?, ?, ?)",
        (reply.id, campaign_id, email, classification, received_at, snippet),
    )
    db.execute("UPDATE leads SET ended = 1 WHERE id = ?", (lead["id"],))
    db.execute("UPDATE messages SET state = 'cancelled' WHERE state = 'queued' AND lead_id = ?", (lead["id"],))
    if classification == "bounce":
        suppress(db, [email], now)
    told: JsonObject = {
        "id": reply.id,
        "email": email,
        "campaignId": campaign_id,
        "classification": classification,
        "receivedAt": received_at,
        "threadSnippet": snippet,
    }
    hooks.tell(db, "message.bounced" if classification == "bounce" else "reply.received", now, [told])
    return reply


def replies(db: sqlite3.Connection, campaign_id: str | None, page: int = 1, per_page: int = PER_PAGE) -> ReplyPage:
    """Return one page of replies, newest first, of one campaign or of all.

    Raises 404 ``campaign_not_found``, and 422 ``invalid_page`` for a page below 1 or a size beyond 1 to 100.
    """
    if not 1 <= page <= PAGE_MAX or not 1 <= per_page <= PER_PAGE_MAX:
        raise ApiError(422, "invalid_page", f"page starts at 1 and perPage is at most {PER_PAGE_MAX}.")
    if campaign_id is not None:
        campaigns.campaign(db, campaign_id)
    total = db.execute("SELECT COUNT(*) FROM replies WHERE ?1 IS NULL OR campaign_id = ?1", (campaign_id,))
    rows = db.execute(
        "SELECT * FROM replies WHERE ?1 IS NULL OR campaign_id = ?1"
        " ORDER BY received_at DESC, seq DESC LIMIT ?2 OFFSET ?3",
        (campaign_id, per_page, (page - 1) * per_page),
    )
    found = tuple(
        Reply(
            id=row["id"],
            email=row["email"],
            campaign_id=row["campaign_id"],
            classification=row["classification"],
            received_at=row["received_at"],
            snippet=row["snippet"],
        )
        for row in rows
    )
    return ReplyPage(found, total.fetchone()[0], page, per_page)
