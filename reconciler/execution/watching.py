"""How managed campaigns are doing: their replies read side by side, and all that is known put together."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple

from reconciler.diagnostics import ApiError
from reconciler.execution.reading import WORKERS
from reconciler.model.live import Live, LiveCampaign, LiveStatus, Replies
from reconciler.model.plan import Plan
from reconciler.model.state import CampaignState, State
from reconciler.model.status import CampaignStatus, NextDay, OlderDraft, Overview
from reconciler.ports import CampaignReader

ReadReplies = Mapping[str, Replies | str]
"""By key: the replies, or why they could not be read."""


class Seen(NamedTuple):
    """What an overview is made from. `plan` is None where the files do not make one, `notes` say why."""

    state: State
    live: Live
    replies: ReadReplies
    plan: Plan | None
    timezone: str
    at: datetime
    notes: tuple[str, ...] = ()


def read_replies(api: CampaignReader, live: Live, keys: Iterable[str]) -> ReadReplies:
    """Read the replies to these campaigns in a bounded pool of threads.

    A campaign that has never sent anything, is gone, or could not be read itself is not asked about.
    """
    asked = {key: item.id for key in keys if (item := live.campaigns.get(key)) is not None and _has_sent(item)}

    def read(campaign_id: str) -> Replies | str:
        try:
            return api.replies(campaign_id)
        except ApiError as failure:
            return str(failure)

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="replies") as threads:
        return dict(zip(asked, threads.map(read, asked.values()), strict=True))


def _has_sent(item: LiveCampaign) -> bool:
    return item.stats is not None and (item.stats.sent > 0 or item.stats.bounced > 0 or item.stats.replied > 0)


def overview(seen: Seen, keys: Sequence[str]) -> Overview:
    """Put together what is known of these campaigns, and name what could not be read."""
    state, live = seen.state, seen.live
    campaigns = tuple(_campaign(seen, key) for key in keys)
    return Overview(
        environment=state.environment,
        serial=state.serial,
        timezone=seen.timezone,
        read_at=seen.at,
        campaigns=campaigns,
        pools=live.pools,
        accounts=None if live.accounts is None else dict(sorted(Counter(one.status for one in live.accounts).items())),
        stops=tuple(mark for mark in state.stops if mark.scope == "*" or mark.scope in keys),
        unread=(*live.problems, *(words for item in campaigns for words in _unread(seen, item))),
        notes=seen.notes,
    )


def _campaign(seen: Seen, key: str) -> CampaignStatus:
    known = seen.state.campaigns[key]
    live = seen.live.campaigns.get(key) or LiveCampaign(id=known.id, status=LiveStatus.UNKNOWN)
    facts: dict[str, object] = {}
    if live.stats is not None:
        stats = live.stats
        facts = {
            "enrolled": stats.total_enrolled,
            "sent": stats.sent,
            "delivered": stats.delivered,
            "bounced": stats.bounced,
            "bounce_rate": _rate(stats.bounced, stats.sent),
            "replied": stats.replied,
            "reply_rate": _rate(stats.replied, stats.sent),
            "queued": stats.queued,
        }
    replies = seen.replies.get(key)
    if isinstance(replies, Replies):
        received = [one.received_at for one in replies.found if one.received_at is not None]
        facts["replies"] = _by_class(replies)
        facts["replies_complete"] = replies.complete
        facts["last_reply_at"] = max(received, default=None)
    elif replies is None and live.stats is not None:
        facts["replies"] = {}
    return CampaignStatus.model_validate(
        {
            "key": key,
            "id": known.id,
            "name": known.name,
            "status": live.status,
            "status_read": live.status_read,
            "paused_by_us": live.status is LiveStatus.PAUSED and _ours(known),
            "leftovers": _leftovers(seen.state, live, key),
            **facts,
            **_coming(seen.plan, key),
        }
    )


def _ours(known: CampaignState) -> bool:
    return known.status == "paused" and known.paused_by_us


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _by_class(replies: Replies) -> dict[str, int]:
    """Count by classification, the most frequent first."""
    counted = Counter(one.classification for one in replies.found)
    return dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def _leftovers(state: State, live: LiveCampaign, key: str) -> tuple[OlderDraft, ...]:
    found = []
    for item in state.leftovers:
        if item.campaign != key:
            continue
        stats = live.leftovers.get(item.id) if item.id is not None else None
        counters = {} if stats is None else {"sent": stats.sent, "queued": stats.queued}
        found.append(OlderDraft(id=item.id, name=item.name, since=item.at, **counters))
    return tuple(found)


def _coming(plan: Plan | None, key: str) -> dict[str, object]:
    """Say when a campaign sends next, as the forecast has it."""
    if plan is None:
        return {}
    sending = next((item.sending for item in plan.campaigns if item.key == key), None)
    days = ((item.date, item.campaigns.get(key, 0)) for item in plan.forecast)
    first = next((NextDay(date=date, emails=emails) for date, emails in days if emails), None)
    return {"sending": sending, "next": first}


def _unread(seen: Seen, item: CampaignStatus) -> Iterable[str]:
    """Say what of a campaign could not be read."""
    live = seen.live.campaigns.get(item.key)
    if item.status is LiveStatus.UNKNOWN:
        yield f"{item.key}: {(live and live.problem) or 'its status could not be read'}"
    elif item.leftovers and live is not None and any(stats is None for stats in live.leftovers.values()):
        yield f"{item.key}: the counters of an older draft could not be read"
    replies = seen.replies.get(item.key)
    if isinstance(replies, str):
        yield f"{item.key}: its replies could not be read: {replies}"
