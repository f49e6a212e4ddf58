"""Webhooks: what happened is written down with what made it happen, and told after that is stored."""

from __future__ import annotations

import hashlib
import hmac
import json
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import HTTPDefaultErrorHandler, HTTPErrorProcessor, HTTPSHandler, OpenerDirector, ProxyHandler
from urllib.request import Request as HttpRequest

from reconciler.sandbox.pools import new_id
from reconciler.sandbox.records import Webhook

if TYPE_CHECKING:
    import sqlite3
    import ssl
    from collections.abc import Callable, Iterable, Sequence

    from reconciler.sandbox.database import Database
    from reconciler.sandbox.records import JsonObject

SIGNATURE = "X-Leadterra-Signature"
# leadterra-api.md, "Behaviour": about 1 min, 5 min, 30 min, 2 h, 8 h; each counted from the failure before it.
RETRIES = (60_000, 300_000, 1_800_000, 7_200_000, 28_800_000)
_TIMEOUT = 5.0
_GOOD = range(200, 300)


def add(db: sqlite3.Connection, url: str, events: Sequence[str], now: str) -> Webhook:
    """Register a webhook; it hears of what happens from now on."""
    hook = Webhook(new_id("wh"), url, tuple(events), "active", now)
    db.execute(
        "INSERT INTO webhooks (id, url, events, status, created_at) VALUES (?, ?, ?, ?, ?)",
        (hook.id, hook.url, json.dumps(hook.events), hook.status, hook.created_at),
    )
    return hook


def registered(db: sqlite3.Connection) -> tuple[Webhook, ...]:
    """Return the registered webhooks, oldest first."""
    return tuple(
        Webhook(row["id"], row["url"], tuple(json.loads(row["events"])), row["status"], row["created_at"])
        for row in db.execute("SELECT * FROM webhooks ORDER BY seq")
    )


def anybody_hears(db: sqlite3.Connection, event: str) -> bool:
    """Tell whether a webhook is registered for an event."""
    return any(event in hook.events for hook in registered(db))


def tell(db: sqlite3.Connection, event: str, timestamp: str, happened: Iterable[JsonObject]) -> None:
    """Keep what happened, as ``data`` of one call each, for every webhook that hears of the event."""
    listeners = [hook.id for hook in registered(db) if event in hook.events]
    if listeners:
        bodies = (json.dumps({"event": event, "timestamp": timestamp, "data": data}) for data in happened)
        db.executemany(
            "INSERT INTO hook_calls (webhook_id, body) VALUES (?, ?)",
            ((listener, body) for body in bodies for listener in listeners),
        )


def signature(key: str, body: bytes) -> str:
    """Return what ``X-Leadterra-Signature`` holds: HMAC-SHA256 of the raw body, in hexadecimal.

    It is keyed with the workspace's API key: the documentation names no other secret.
    """
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def call(database: Database, key: str, now: Callable[[], int], trust: ssl.SSLContext) -> None:
    """Make every call that is due, oldest first, and store what came of each.

    Any answer but 2xx, redirections included, is a failure, after which a call is made again as ``RETRIES`` has it,
    and then given up. A receiver that cannot be reached is not asked for anything else this time.
    """
    opener = OpenerDirector()
    for handler in (ProxyHandler(), HTTPSHandler(context=trust), HTTPErrorProcessor(), HTTPDefaultErrorHandler()):
        opener.add_handler(handler)
    with database.read() as db:
        listeners = registered(db)
    for listener in listeners:
        reached = True
        while reached:
            with database.read() as db:
                row = db.execute(
                    "SELECT id, body, attempts FROM hook_calls"
                    " WHERE webhook_id = ? AND outcome IS NULL AND next_at <= ? ORDER BY id LIMIT 1",
                    (listener.id, now()),
                ).fetchone()
            if row is None:
                break
            status = _post(opener, listener.url, key, row["body"].encode())
            reached = status is not None
            with database.write() as db:
                _note(db, row["id"], row["attempts"], now(), good=status in _GOOD)


def _post(opener: OpenerDirector, url: str, key: str, body: bytes) -> int | None:
    """Return the status that is answered; None where nothing is."""
    headers = {"Content-Type": "application/json", SIGNATURE: signature(key, body)}
    try:
        request = HttpRequest(url, body, headers)  # noqa: S310 - the director speaks https and nothing else
        with opener.open(request, timeout=_TIMEOUT) as answer:
            return int(answer.status)
    except HTTPError as refusal:
        with refusal:
            return refusal.code
    except (OSError, HTTPException, ValueError):
        return None


def _note(db: sqlite3.Connection, call_id: int, failures: int, now: int, *, good: bool) -> None:
    """Store what came of a call that had failed so many times before."""
    if good:
        db.execute("UPDATE hook_calls SET outcome = 'delivered' WHERE id = ?", (call_id,))
    elif failures < len(RETRIES):
        db.execute(
            "UPDATE hook_calls SET attempts = ?, next_at = ? WHERE id = ?",
            (failures + 1, now + RETRIES[failures], call_id),
        )
    else:
        db.execute("UPDATE hook_calls SET attempts = ?, outcome = 'failed' WHERE id = ?", (failures + 1, call_id))


def waiting(db: sqlite3.Connection, now: int) -> bool:
    """Tell whether a call is due."""
    row = db.execute("SELECT 1 FROM hook_calls WHERE outcome IS NULL AND next_at <= ? LIMIT 1", (now,)).fetchone()
    return row is not None
