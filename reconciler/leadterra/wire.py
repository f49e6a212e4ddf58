"""Every documented shape of an answer, read into the model (leadterra-api.md, "Shapes, page by page").

A wrapper is optional everywhere, unknown fields are ignored, and whatever does not fit raises the `ApiError` that
`Answer.misfit` makes. Nothing else is ever raised here, whatever a server sends.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reconciler.leadterra.answers import Answer
from reconciler.model.campaign import SequenceStep
from reconciler.model.live import Account, Enrolment, Pool, RemoteCampaign, Reply, Started, Stats

CAMPAIGN_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
UNCLASSIFIED = "unclassified"
_CLASSIFICATION = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_LARGEST_NUMBER = 2**53
_MORE_SIGNS = ("hasMore", "has_more", "nextCursor", "next_cursor", "nextPage", "next_page", "next")

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `total` counts the entries of all pages; None: this page is the whole list."""

    items: Sequence[Any]
    total: int | None
    page: int | None


def page(answer: Answer, containers: Sequence[str], what: str) -> Page:
    """Read a list: bare, or in one of the containers, with `pagination` or without."""
    data = answer.data
    if isinstance(data, list):
        return Page(data, None, None)
    name = next((name for name in containers if isinstance(data, dict) and name in data), None)
    if name is None:
        raise answer.misfit(f"a list of {what}", data)
    items = data[name]
    if not isinstance(items, list):
        raise answer.misfit(f"a list of {what} in {name}", items)
    pagination = data.get("pagination")
    if pagination is None:
        pagination = {}
    elif not isinstance(pagination, dict):
        raise answer.misfit("an object in pagination", pagination)
    elif "total" not in pagination:
        raise answer.misfit("a total in pagination", pagination)
    total = _count(answer, pagination, "total") if pagination else None
    if total is None and any(place.get(sign) for place in (data, pagination) for sign in _MORE_SIGNS):
        raise answer.unclear(f"the list of {what} goes on in a way that is not documented, so it is not complete")
    return Page(items, total, _optional_count(answer, pagination, "page"))


def pool(answer: Answer, item: Any) -> Pool:  # noqa: ANN401 - any JSON value
    """Read one sender pool. Where both names for what is left today are there, the smaller figure holds."""
    data = _object(answer, item, "a sender pool")
    left = [
        count
        for name in ("remainingVolume", "remainingToday")
        if (count := _optional_count(answer, data, name)) is not None
    ]
    if not left:
        raise answer.misfit("a sender pool with remainingVolume or remainingToday", data)
    accounts = data.get("senderAccountIds")
    if accounts is not None and not isinstance(accounts, list):
        raise answer.misfit("a list in senderAccountIds", accounts)
    senders = _optional_count(answer, data, "senderCount")
    identity = _text(answer, data, "id")
    return Pool(
        id=identity,
        name=_optional_text(answer, data, "name") or identity,
        daily_capacity=_count(answer, data, "dailyCapacity"),
        remaining=min(left),
        senders=len(accounts) if senders is None and accounts is not None else senders,
    )


def account(answer: Answer, item: Any) -> Account:  # noqa: ANN401 - any JSON value
    """Read one sender account; its address is left behind."""
    data = _object(answer, item, "a sender account")
    name = data.get("name")
    return Account(
        id=_text(answer, data, "id"), status=_text(answer, data, "status"), name=name if isinstance(name, str) else ""
    )


def campaign(answer: Answer, item: Any = None, *, asked: str | None = None) -> RemoteCampaign:  # noqa: ANN401
    """Read a campaign: the answer itself, wrapped or flat, or an item of a list.

    `asked` is the id that was asked for: an answer about another one is an error, one without id is about this one.
    """
    data = _unwrapped(answer, answer.data if item is None else item, "a campaign", ("campaign",), ("id", "status"))
    identity = _same_campaign(answer, data, "id", asked)
    steps = data.get("sequenceSteps")
    if steps is not None and not isinstance(steps, list):
        raise answer.misfit("a list in sequenceSteps", steps)
    return RemoteCampaign(
        id=identity,
        status=_optional_text(answer, data, "status"),
        name=_optional_text(answer, data, "name"),
        steps=None if steps is None else tuple(_step(answer, step) for step in steps),
        created_at=_optional_text(answer, data, "createdAt"),
    )


def started(answer: Answer, *, asked: str) -> Started:
    """Read the answer of `start`."""
    data = _unwrapped(answer, answer.data, "a campaign", ("campaign",), ("id", "status"))
    _same_campaign(answer, data, "id", asked)
    return Started(
        status=_optional_text(answer, data, "status"),
        leads_enrolled=_optional_count(answer, data, "leadsEnrolled"),
        queued_messages=_optional_count(answer, data, "queuedMessages"),
    )


def stats(answer: Answer, *, asked: str) -> Stats:
    """Read the counters of a campaign. The rates are left out: they follow from the counts."""
    data = _unwrapped(answer, answer.data, "counters", ("stats",), ("totalEnrolled",))
    _same_campaign(answer, data, "campaignId", asked)
    return Stats(
        total_enrolled=_count(answer, data, "totalEnrolled"),
        sent=_count(answer, data, "sent"),
        queued=_count(answer, data, "queued"),
        delivered=_optional_count(answer, data, "delivered") or 0,
        bounced=_optional_count(answer, data, "bounced") or 0,
        replied=_optional_count(answer, data, "replied") or 0,
        status=_optional_text(answer, data, "status"),
    )


def reply(answer: Answer, item: Any) -> tuple[str | None, Reply]:  # noqa: ANN401 - any JSON value
    """Read one reply, and the id of its campaign where it is there; its address and its text are left behind.

    A classification may be a new one, but is a word: anything else could be somebody's data, and is `UNCLASSIFIED`.
    """
    data = _object(answer, item, "a reply")
    word = _optional_text(answer, data, "classification") or UNCLASSIFIED
    if not _CLASSIFICATION.fullmatch(word) or answer.redactor.text(word) != word:
        word = UNCLASSIFIED
    received = _moment(_optional_text(answer, data, "receivedAt"))
    found = Reply(id=_text(answer, data, "id"), classification=word, received_at=received)
    return _optional_text(answer, data, "campaignId"), found


def _moment(text: str | None) -> datetime | None:
    """Read a time, in UTC where it names no zone; one that is not written as documented is not known."""
    try:
        found = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found is None or found.tzinfo is not None else found.replace(tzinfo=UTC)


def enrolment(answer: Answer, *, sent: int) -> Enrolment:
    """Read the counts of a bulk enrolment, and check that they account for the leads that were sent."""
    data = _unwrapped(answer, answer.data, "counts", ("result",), ("enrolled",))
    counts = Enrolment(enrolled=_count(answer, data, "enrolled"), updated=_count(answer, data, "updated"))
    skipped = _optional_count(answer, data, "skipped")
    total = _optional_count(answer, data, "total")
    fits = counts.accepted <= sent if skipped is None else counts.accepted + skipped == sent
    if not fits or total not in {None, counts.accepted}:
        told = f"{counts.enrolled} enrolled, {counts.updated} updated"
        told += "" if skipped is None else f", {skipped} skipped"
        told += "" if total is None else f", {total} in total"
        raise answer.unclear(
            f"its counts do not add up: {sent} leads sent, {told}",
            hint="How many people are enrolled is unknown; look the campaign up in Leadterra, then run it again.",
        )
    return counts


def suppression(answer: Answer) -> None:
    """Check that an answer is the API's own: what its counts are called is not documented."""
    _object(answer, answer.data, "counts")


def _step(answer: Answer, item: Any) -> SequenceStep:  # noqa: ANN401 - any JSON value
    data = _object(answer, item, "a step")
    return SequenceStep(
        subject=_string(answer, data, "subject"),
        body_html=_string(answer, data, "bodyHtml"),
        delay_days=_optional_count(answer, data, "delayDays") or 0,
    )


def _same_campaign(answer: Answer, data: Object, name: str, asked: str | None) -> str:
    identity = asked if asked is not None and data.get(name) is None else _text(answer, data, name)
    if not CAMPAIGN_ID.fullmatch(identity):
        raise answer.misfit(f"a campaign id (letters, digits, - and _) in {name}", data.get(name))
    if asked is not None and identity != asked:
        raise answer.unclear(f"the answer is about another campaign ({identity})")
    return identity


def _unwrapped(
    answer: Answer,
    value: Any,  # noqa: ANN401 - any JSON value
    what: str,
    wrappers: Sequence[str],
    own: Sequence[str],
) -> Object:
    """Return the object itself. `own` are the names of which it has at least one, and a wrapper has none."""
    data = _object(answer, value, what)
    if any(name in data for name in own):
        return data
    for wrapper in (*wrappers, "result", "data"):
        inner = data.get(wrapper)
        if isinstance(inner, dict) and any(name in inner for name in own):
            return inner
    raise answer.misfit(f"{what} with {' or '.join(own)}", data)


def _object(answer: Answer, value: Any, what: str) -> Object:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict):
        raise answer.misfit(f"an object for {what}", value)
    return value


def _string(answer: Answer, data: Object, name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        raise _wrong_field(answer, data, name, "a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise answer.unclear(f"the text in {name} holds half a character") from None
    return value


def _text(answer: Answer, data: Object, name: str) -> str:
    value = _string(answer, data, name)
    if not value.strip():
        raise _wrong_field(answer, data, name, "a text that is not empty")
    return value


def _optional_text(answer: Answer, data: Object, name: str) -> str | None:
    return None if data.get(name) is None else _string(answer, data, name)


def _count(answer: Answer, data: Object, name: str) -> int:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_NUMBER:
        raise _wrong_field(answer, data, name, "a whole number of 0 or more")
    return value


def _optional_count(answer: Answer, data: Object, name: str) -> int | None:
    return None if data.get(name) is None else _count(answer, data, name)


def _wrong_field(answer: Answer, data: Object, name: str, expected: str) -> Exception:
    if name not in data:
        return answer.misfit(f"{expected} in {name}", data)
    return answer.misfit(f"{expected} in {name}", data[name])
