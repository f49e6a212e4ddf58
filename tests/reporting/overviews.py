"""Hand-made overviews: campaigns that do well, badly, or could not be read."""

from datetime import UTC, datetime

from reconciler.model.live import LiveStatus, Pool
from reconciler.model.plan import Sending
from reconciler.model.state import Stop
from reconciler.model.status import CampaignStatus, NextDay, OlderDraft, Overview

AT = datetime(2026, 11, 30, 13, 2, tzinfo=UTC)


def usual() -> Overview:
    """Make one that sends, one that somebody paused, and a draft with older ones."""
    return Overview(
        environment="production",
        serial=42,
        timezone="Europe/Berlin",
        read_at=AT,
        campaigns=(
            CampaignStatus(
                key="fintech-intro",
                id="camp_2",
                name="Fintech Intro",
                status=LiveStatus.DRAFT,
                status_read=False,
                enrolled=0,
                sent=0,
                delivered=0,
                bounced=0,
                replied=0,
                queued=0,
                replies={},
                leftovers=(
                    OlderDraft(id="camp_0", name="Fintech", since=AT, sent=0, queued=0),
                    OlderDraft(id="camp_1", name="Fintech", since=AT, sent=3, queued=1),
                    OlderDraft(id=None, name="Fintech", since=AT),
                ),
            ),
            CampaignStatus(
                key="vp-sales-q3",
                id="camp_3",
                name="VP Sales - AI Workflow Q3",
                status=LiveStatus.RUNNING,
                enrolled=1420,
                sent=2130,
                delivered=2100,
                bounced=30,
                bounce_rate=0.0141,
                replied=64,
                reply_rate=0.03,
                queued=142,
                replies={"out_of_office": 30, "interested": 20, "referral": 8, "not_interested": 6},
                replies_complete=False,
                last_reply_at=AT,
                next=NextDay(date="2026-12-03", emails=142),
                sending=Sending(first="2026-12-03", last="2026-12-11", emails=284, lost=2),
            ),
            CampaignStatus(
                key="winter",
                id="camp_4",
                name="Winter",
                status=LiveStatus.PAUSED,
                enrolled=212,
                sent=212,
                delivered=212,
                bounced=0,
                bounce_rate=0.0,
                replied=0,
                reply_rate=0.0,
                queued=0,
                replies={},
            ),
        ),
        pools=(Pool(id="pool_1", name="Primary Outbound", daily_capacity=1600, remaining=1243, senders=8),),
        accounts={"active": 8, "warming": 3},
    )


def broken() -> Overview:
    """Make one in which hardly anything could be read, and everything is stopped; its key is long."""
    return Overview(
        environment="production",
        serial=42,
        timezone="UTC",
        read_at=AT,
        campaigns=(
            CampaignStatus(
                key="a-campaign-with-a-rather-long-key-of-very-many-words",
                id="camp_1",
                name="x",
                status=LiveStatus.UNKNOWN,
                leftovers=(OlderDraft(id="camp_0", name="x", since=AT),),
            ),
            CampaignStatus(key="gone", id="camp_2", name="gone", status=LiveStatus.GONE),
        ),
        stops=(Stop(scope="*", reason="wrong price", at=AT, by="ops"), Stop(scope="gone", reason="x", at=AT, by="ops")),
        unread=("GET /sender-pools: refused with 400", "GET /sender-accounts: refused with 400"),
        notes=("when they send next is not known: the files are not valid (`reconciler validate` tells why)",),
    )


def empty() -> Overview:
    """Make one of a state that manages nothing."""
    return Overview(environment="production", serial=1, timezone="UTC", read_at=AT, pools=(), accounts={})


OVERVIEWS = {"usual": usual, "broken": broken, "empty": empty}
