"""The four ways the documentation writes one answer, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.sandbox.options import Shape
    from reconciler.sandbox.records import (
        Account,
        Campaign,
        Enrolment,
        JsonObject,
        Pool,
        ReplyPage,
        Started,
        Stats,
        Suppressed,
        Webhook,
    )


@dataclass(frozen=True, slots=True)
class Page:
    """How one documentation page writes answers; a container of None means a bare array or a flat object."""

    pools: str | None
    senders: Literal["senderCount", "senderAccountIds"]
    remaining: Literal["remainingVolume", "remainingToday"]
    accounts: str | None
    campaign: str | None
    campaigns: str | None
    created: Literal["stepCount", "sequenceSteps"]
    start_counts: bool
    result: str | None
    bulk_rest: Literal["skipped", "total"]
    replies: str | None
    webhook: str | None


# leadterra-api.md, "Shapes, page by page". Pools are as each page has them; the other answers are documented
# with two or three forms but without a page for each, and are dealt out here so that every form occurs.
#
#                 guide             quickstart         reference          concepts
# pools           {"pools": []}     {"senderPools"}    []                 {"data": []}
#   senders       senderCount       senderCount        senderAccountIds   senderCount
#   left today    remainingVolume   remainingToday     remainingVolume    remainingVolume
# accounts        {"data": []}      {"data": []}       []                 {"data": []}
# a campaign      {"campaign": {}}  flat               flat               {"campaign": {}}
#   created with  stepCount         stepCount          sequenceSteps      sequenceSteps
#   start counts  yes               yes                no                 no
# campaigns       {"campaigns": []} {"campaigns": []}  []                 {"data": []}
# counts          {"result": {}}    flat               flat               {"result": {}}
#   bulk's third  skipped           skipped            total              total
# replies         {"replies": [],   {"replies": [],    []                 {"data": []}
#                 "pagination": {}} "pagination": {}}
# webhook         {"webhook": {}}   flat               flat               {"webhook": {}}
# stats           flat everywhere
PAGES: dict[Shape, Page] = {
    "guide": Page(
        pools="pools",
        senders="senderCount",
        remaining="remainingVolume",
        accounts="data",
        campaign="campaign",
        campaigns="campaigns",
        created="stepCount",
        start_counts=True,
        result="result",
        bulk_rest="skipped",
        replies="replies",
        webhook="webhook",
    ),
    "quickstart": Page(
        pools="senderPools",
        senders="senderCount",
        remaining="remainingToday",
        accounts="data",
        campaign=None,
        campaigns="campaigns",
        created="stepCount",
        start_counts=True,
        result=None,
        bulk_rest="skipped",
        replies="replies",
        webhook=None,
    ),
    "reference": Page(
        pools=None,
        senders="senderAccountIds",
        remaining="remainingVolume",
        accounts=None,
        campaign=None,
        campaigns=None,
        created="sequenceSteps",
        start_counts=False,
        result=None,
        bulk_rest="total",
        replies=None,
        webhook=None,
    ),
    "concepts": Page(
        pools="data",
        senders="senderCount",
        remaining="remainingVolume",
        accounts="data",
        campaign="campaign",
        campaigns="data",
        created="sequenceSteps",
        start_counts=False,
        result="result",
        bulk_rest="total",
        replies="data",
        webhook="webhook",
    ),
}


def _wrapped(container: str | None, content: object) -> object:
    return content if container is None else {container: content}


def pools(page: Page, found: Sequence[Pool]) -> object:
    """Answer of ``GET /sender-pools``."""
    return _wrapped(
        page.pools,
        [
            {
                "id": pool.id,
                "name": pool.name,
                "dailyCapacity": pool.daily_capacity,
                page.remaining: pool.remaining,
                page.senders: len(pool.account_ids) if page.senders == "senderCount" else list(pool.account_ids),
            }
            for pool in found
        ],
    )


def accounts(page: Page, found: Sequence[Account]) -> object:
    """Answer of ``GET /sender-accounts``."""
    rows = [{"id": a.id, "email": a.email, "name": a.name, "status": a.status} for a in found]
    return _wrapped(page.accounts, rows)


def _steps(campaign: Campaign) -> list[JsonObject]:
    return [step.to_json() for step in campaign.steps]


def created(page: Page, campaign: Campaign) -> object:
    """Answer of ``POST /campaigns``."""
    row: JsonObject = {
        "id": campaign.id,
        "name": campaign.name,
        "status": campaign.status,
        "createdAt": campaign.created_at,
    }
    row[page.created] = len(campaign.steps) if page.created == "stepCount" else _steps(campaign)
    return _wrapped(page.campaign, row)


def detail(campaign: Campaign) -> JsonObject:
    """Everything that reading one campaign back tells."""
    return {
        "id": campaign.id,
        "name": campaign.name,
        "status": campaign.status,
        "createdAt": campaign.created_at,
        "startedAt": campaign.started_at,
        "sequenceSteps": _steps(campaign),
    }


def one(page: Page, campaign: Campaign) -> object:
    """Answer of the undocumented ``GET`` and ``PATCH /campaigns/:id``."""
    return _wrapped(page.campaign, detail(campaign))


def listed(page: Page, found: Sequence[Campaign]) -> object:
    """Answer of the undocumented ``GET /campaigns``."""
    return _wrapped(page.campaigns, [detail(campaign) for campaign in found])


def started(page: Page, start: Started) -> object:
    """Answer of ``POST /campaigns/:id/start``."""
    row: JsonObject = {
        "id": start.campaign.id,
        "status": start.campaign.status,
        "startedAt": start.campaign.started_at,
    }
    if page.start_counts:
        row |= {"leadsEnrolled": start.leads_enrolled, "queuedMessages": start.queued_messages}
    return _wrapped(page.campaign, row)


def paused(page: Page, campaign: Campaign) -> object:
    """Answer of ``POST /campaigns/:id/pause``."""
    row = {"id": campaign.id, "name": campaign.name, "status": campaign.status}
    return _wrapped(page.campaign, row)


def enrolled(page: Page, counts: Enrolment) -> object:
    """Answer of ``POST /campaigns/:id/leads/bulk``."""
    row = {"enrolled": counts.enrolled, "updated": counts.updated}
    row[page.bulk_rest] = counts.skipped if page.bulk_rest == "skipped" else counts.enrolled + counts.updated
    return _wrapped(page.result, row)


def stats(campaign: Campaign, counters: Stats, *, with_status: bool) -> object:
    """Answer of ``GET /campaigns/:id/stats``, alike on every page."""
    row: JsonObject = {"campaignId": campaign.id}
    if with_status:
        row["status"] = campaign.status
    return row | {
        "totalEnrolled": counters.total_enrolled,
        "sent": counters.sent,
        "delivered": counters.delivered,
        "bounced": counters.bounced,
        "replied": counters.replied,
        "queued": counters.queued,
        "openRate": counters.open_rate,
        "replyRate": counters.reply_rate,
    }


def replies(page: Page, found: ReplyPage) -> object:
    """Answer of ``GET /replies``; only the form with ``replies`` tells how many there are."""
    rows = [
        {
            "id": reply.id,
            "email": reply.email,
            "campaignId": reply.campaign_id,
            "classification": reply.classification,
            "receivedAt": reply.received_at,
            "threadSnippet": reply.snippet,
        }
        for reply in found.replies
    ]
    if page.replies != "replies":
        return _wrapped(page.replies, rows)
    return {
        "replies": rows,
        "pagination": {"total": found.total, "page": found.page, "perPage": found.per_page},
    }


def suppressed(page: Page, counts: Suppressed) -> object:
    """Answer of ``POST /suppression-list``, whose counts the documentation does not name."""
    return _wrapped(page.result, {"suppressed": counts.added, "alreadySuppressed": counts.known})


def webhook(page: Page, hook: Webhook) -> object:
    """Answer of ``POST /webhooks``."""
    return _wrapped(
        page.webhook,
        {
            "id": hook.id,
            "url": hook.url,
            "events": list(hook.events),
            "status": hook.status,
            "createdAt": hook.created_at,
        },
    )
