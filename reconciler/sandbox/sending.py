"""Enrolling, starting, pausing: what puts messages into the queue, each at most once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from reconciler.sandbox import campaigns, clock, hooks
from reconciler.sandbox.bodies import new_leads
from reconciler.sandbox.errors import ApiError
from reconciler.sandbox.records import Enrolment, Started, milliseconds, stamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime

    from reconciler.sandbox.records import Campaign, JsonObject, Status


def enroll(db: sqlite3.Connection, campaign_id: str, entries: Sequence[object], now: datetime) -> Enrolment:
    """Enrol the leads of one request, all or none (leadterra-api.md, "Behaviour").

    Matched by address: a known lead keeps its place and the fields that are absent; a suppressed one is
    skipped. In a running campaign new leads are queued for step one at once. Raises 404 ``campaign_not_found``
    and the 422 of ``bodies.new_leads``.
    """
    campaign = campaigns.campaign(db, campaign_id)
    enrolled = updated = skipped = 0
    for lead in new_leads(entries):
        if db.execute("SELECT 1 FROM suppressions WHERE email = ?", (lead.email,)).fetchone():
            skipped += 1
            continue
        row = db.execute(
            "SELECT id, fields FROM leads WHERE campaign_id = ? AND email = ?", (campaign_id, lead.email)
        ).fetchone()
        if row is None:
            enrolled += 1
            db.execute(
                "INSERT INTO leads (campaign_id, email, fields, times, enrolled_at) VALUES (?, ?, ?, 1, ?)",
                (campaign_id, lead.email, json.dumps(lead.fields), stamp(now)),
            )
        else:
            updated += 1
            db.execute(
                "UPDATE leads SET fields = ?, times = times + 1 WHERE id = ?",
                (json.dumps(json.loads(row["fields"]) | lead.fields), row["id"]),
            )
    if campaign.status == "running":
        _queue_first_step(db, campaign, now)
    return Enrolment(enrolled, updated, skipped)


def start(db: sqlite3.Connection, campaign_id: str, now: datetime, *, without_leads: bool) -> Started:
    """Start a draft, resume a paused campaign, leave a running one alone (leadterra-api.md, "Behaviour").

    Raises 404 ``campaign_not_found`` and, for a draft, 400 ``no_leads_enrolled`` (unless ``without_leads``)
    and 400 ``no_sequence_steps``.
    """
    campaign = campaigns.campaign(db, campaign_id)
    if campaign.status == "draft":
        if not without_leads and campaigns.lead_count(db, campaign_id) == 0:
            raise ApiError(400, "no_leads_enrolled", "A campaign needs at least one lead to start.")
        if not campaign.steps:
            raise ApiError(400, "no_sequence_steps", "A campaign needs at least one step to start.")
    return _state(db, set_status(db, campaign_id, "running", now))


def pause(db: sqlite3.Connection, campaign_id: str, now: datetime) -> Campaign:
    """Pause a running campaign, whose queued messages wait; any other stays as it is."""
    campaign = campaigns.campaign(db, campaign_id)
    return set_status(db, campaign_id, "paused", now) if campaign.status == "running" else campaign


def set_status(db: sqlite3.Connection, campaign_id: str, status: Status, now: datetime) -> Campaign:
    """Bring a campaign into a status unchecked; going to ``running`` queues whoever waits for step one."""
    before = campaigns.campaign(db, campaign_id)
    if before.status == status:
        return before
    db.execute("UPDATE campaigns SET status = ? WHERE id = ?", (status, campaign_id))
    if status == "running":
        if campaigns.queued_count(db, campaign_id):
            # What waited while the campaign did not run may go from now on, not from when it fell due.
            clock.settle(db, milliseconds(now))
        if before.status == "draft":
            db.execute(
                "UPDATE campaigns SET starts = starts + 1, started_at = ? WHERE id = ?",
                (stamp(now), campaign_id),
            )
            _tell_started(db, before, stamp(now))
        else:
            db.execute("UPDATE campaigns SET resumes = resumes + 1 WHERE id = ?", (campaign_id,))
        _queue_first_step(db, before, now)
    return campaigns.campaign(db, campaign_id)


def _tell_started(db: sqlite3.Connection, campaign: Campaign, now: str) -> None:
    enrolled = campaigns.lead_count(db, campaign.id)
    told: JsonObject = {"campaignId": campaign.id, "name": campaign.name, "startedAt": now, "leadsEnrolled": enrolled}
    hooks.tell(db, "campaign.started", now, [told])


def _state(db: sqlite3.Connection, campaign: Campaign) -> Started:
    return Started(campaign, campaigns.lead_count(db, campaign.id), campaigns.queued_count(db, campaign.id))


def _queue_first_step(db: sqlite3.Connection, campaign: Campaign, now: datetime) -> None:
    """Queue step one for leads that have reached none yet, except suppressed and ended ones."""
    if not campaign.steps:
        return
    due = milliseconds(now + timedelta(days=campaign.steps[0].delay_days))
    db.execute(
        "INSERT INTO messages (campaign_id, lead_id, step, state, queued_at, due_at)"
        " SELECT campaign_id, id, 0, 'queued', ?, ? FROM leads WHERE campaign_id = ? AND step IS NULL"
        " AND NOT ended AND email NOT IN (SELECT email FROM suppressions) ORDER BY id",
        (milliseconds(now), due, campaign.id),
    )
    db.execute(
        "UPDATE leads SET step = 0 WHERE step IS NULL AND id IN"
        " (SELECT lead_id FROM messages WHERE campaign_id = ? AND step = 0)",
        (campaign.id,),
    )
