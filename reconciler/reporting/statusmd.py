"""How the campaigns are doing, in Markdown."""

from reconciler.model.status import CampaignStatus, Overview
from reconciler.reporting.markdown import code, prose, table
from reconciler.reporting.statusview import (
    NOBODY,
    leftover_words,
    next_words,
    number,
    part,
    replies_words,
    rest_words,
    status_words,
)
from reconciler.reporting.words import moment, zone_of

_FIGURES = ("Enrolled", "Sent", "Delivered", "Bounced", "Replied", "Queued")
_COLUMNS = ("Campaign", "Status", *_FIGURES, "Replies", "Next", "Older drafts")


def render_status_markdown(overview: Overview) -> str:
    """Write the counters of each campaign as a table, and below it what concerns all of them."""
    zone, place = zone_of(overview.timezone)
    read = f"{moment(overview.read_at.astimezone(zone))} {place}"
    parts = [f"**Campaigns**  {code(overview.environment)}, read {prose(read)}\n"]
    rows = [_row(item) for item in overview.campaigns]
    parts.append(table(_COLUMNS, rows, figures=_FIGURES) if rows else f"{NOBODY}\n")
    rest = "".join(f"- {label}: {'; '.join(prose(words) for words in told)}\n" for label, told in rest_words(overview))
    if rest:
        parts.append(rest)
    return "\n".join(parts)


def _row(item: CampaignStatus) -> tuple[str, ...]:
    return (
        code(item.key),
        prose(status_words(item)),
        number(item.enrolled),
        number(item.sent),
        number(item.delivered),
        part(item.bounced, item.bounce_rate),
        part(item.replied, item.reply_rate),
        number(item.queued),
        prose(replies_words(item, item.replies)) if item.replies else "",
        prose(next_words(item)),
        prose(leftover_words(item.leftovers)) if item.leftovers else "",
    )
