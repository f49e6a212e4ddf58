"""Real emails of what was sent, handed to an SMTP server."""

from __future__ import annotations

import json
import re
import smtplib
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Literal

from reconciler.sandbox.records import moment_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from reconciler.sandbox.database import Database

_TIMEOUT = 10.0
_BATCH = 200
_FOR_GOOD = 500
_TOKEN = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
# Whatever could end a line of a header, in any reading of one.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_WAITING = "m.state = 'sent' AND m.mail IS NULL"
_QUERY = (
    "SELECT m.id, m.campaign_id, m.lead_id, m.step, m.sent_at, m.sender, l.email, l.fields, c.steps"  # noqa: S608 - own words
    " FROM messages m INDEXED BY messages_mail"
    " CROSS JOIN leads l ON l.id = m.lead_id CROSS JOIN campaigns c ON c.id = m.campaign_id"
    f" WHERE {_WAITING} AND (m.sent_at, m.id) > (?, ?) ORDER BY m.sent_at, m.id LIMIT ?"
)


def waiting(db: sqlite3.Connection) -> int:
    """Return how many messages have been sent and are still to be handed over."""
    return int(db.execute(f"SELECT COUNT(*) FROM messages m WHERE {_WAITING}").fetchone()[0])  # noqa: S608 - own words


def hand_over(database: Database, server: tuple[str, int]) -> None:
    """Hand everything that was sent to the SMTP server, in the order in which it was sent.

    What it took, or refused for good, is stored one by one, so that at most one email comes twice when this process
    dies. What it refuses for now stays for the next time. Raises OSError, which ``smtplib.SMTPException`` is one of,
    where it is away: what is left stays, too.
    """
    with smtplib.SMTP(*server, timeout=_TIMEOUT) as connection:
        after = (-1, -1)
        while True:
            with database.read() as db:
                rows = db.execute(_QUERY, (*after, _BATCH)).fetchall()
            if not rows:
                return
            for row in rows:
                after = (row["sent_at"], row["id"])
                outcome = _hand_over(connection, row)
                if outcome is not None:
                    with database.write() as db:
                        db.execute("UPDATE messages SET mail = ? WHERE id = ?", (outcome, row["id"]))


def _hand_over(connection: smtplib.SMTP, row: sqlite3.Row) -> Literal["accepted", "refused"] | None:
    """Return what the server made of one email; None where it said to try again."""
    try:
        connection.send_message(email_of(row), from_addr=row["sender"], to_addrs=[row["email"]])
    except (smtplib.SMTPServerDisconnected, smtplib.SMTPHeloError, smtplib.SMTPSenderRefused):
        raise  # it would take no other email, either
    except smtplib.SMTPRecipientsRefused as refusal:
        return "refused" if all(code >= _FOR_GOOD for code, _ in refusal.recipients.values()) else None
    except smtplib.SMTPResponseException as refusal:
        return "refused" if refusal.smtp_code >= _FOR_GOOD else None
    except (smtplib.SMTPNotSupportedError, MessageError, ValueError):
        # An address which no email can be sent to, or not by this server.
        return "refused"
    return "accepted"


def email_of(row: sqlite3.Row) -> EmailMessage:
    """Return the email of a message: subject and HTML filled in for its lead, dated with the virtual clock.

    Raises ValueError or ``email.errors.MessageError`` for an address that cannot stand in a header.
    """
    subject, body, _ = json.loads(row["steps"])[row["step"]]
    values = json.loads(row["fields"]) | {"email": row["email"]}
    local, _, domain = row["email"].rpartition("@")
    email = EmailMessage()
    email["From"] = row["sender"]
    email["To"] = Address(username=local, domain=domain)
    email["Subject"] = _CONTROLS.sub(" ", fill(subject, values))
    email["Date"] = format_datetime(moment_of(row["sent_at"]))
    email["Message-ID"] = f"<{row['campaign_id']}.{row['lead_id']}.{row['step'] + 1}@sandbox.example.com>"
    email.set_content(fill(body, values), subtype="html")
    return email


def fill(text: str, values: Mapping[str, object]) -> str:
    """Put a lead's values in place of ``{{token}}``, as they are; one that is missing leaves nothing."""

    def value(found: re.Match[str]) -> str:
        known = values.get(found[1])
        if known is None:
            return ""
        return known if isinstance(known, str) else json.dumps(known)

    return _TOKEN.sub(value, text)
