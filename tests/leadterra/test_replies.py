"""Replies in every documented shape, all pages of them, and nothing of them that is somebody's."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from leadterra.fakes import KEY, Json, client, reply

from reconciler.diagnostics import ApiError, CampaignGoneError
from reconciler.model.live import Replies, Reply

AT = "2026-11-30T12:00:00Z"
ONE = {
    "id": "rpl_1",
    "email": "ada@example.com",
    "campaignId": "camp_1",
    "classification": "interested",
    "receivedAt": AT,
    "threadSnippet": "Ada here",
}


def item(number: int, **changed: Json) -> dict[str, Any]:
    return {**ONE, "id": f"rpl_{number}", **changed}


def listed(numbers: range, total: int | None, page: int | None = None) -> httpx.Response:
    pagination = {"total": total, "page": page, "perPage": 2}
    told = {name: value for name, value in pagination.items() if value is not None}
    return reply(data={"replies": [item(n) for n in numbers], **({"pagination": told} if total is not None else {})})


def ids(replies: Replies) -> list[str]:
    return [found.id for found in replies.found]


@pytest.mark.parametrize("name", ["replies", "data", None])
def test_one_reply(name: str | None) -> None:
    data: Json = [ONE] if name is None else {name: [ONE], "pagination": {"total": 1, "page": 1, "perPage": 50}}
    api, script = client(reply(data=data), reply(data=[] if name is None else data))
    wanted = Reply(id="rpl_1", classification="interested", received_at=datetime(2026, 11, 30, 12, tzinfo=UTC))
    assert api.replies("camp_1") == Replies(found=(wanted,))
    assert script.calls[0] == "GET /v1/replies?campaignId=camp_1"


def test_no_address_and_no_text_is_kept() -> None:
    api, _ = client(reply(data={"replies": [ONE], "pagination": {"total": 1}}))
    shown = repr(api.replies("camp_1"))
    assert "ada" not in shown.lower()


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("referral", "referral"),
        ("Something-new_2", "Something-new_2"),
        (None, "unclassified"),
        ("", "unclassified"),
        ("ada@example.com", "unclassified"),
        ("two words", "unclassified"),
        (KEY, "unclassified"),
        ("x" * 65, "unclassified"),
    ],
)
def test_classes_are_words(word: str | None, read: str) -> None:
    api, _ = client(reply(data={"replies": [item(1, classification=word)], "pagination": {"total": 1}}))
    assert api.replies("camp_1").found[0].classification == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-11-30T12:00:00+01:00", "2026-11-30T12:00:00+01:00"),
        ("2026-11-30T12:00:00", "2026-11-30T12:00:00+00:00"),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times(text: str | None, read: str | None) -> None:
    api, _ = client(reply(data={"replies": [item(1, receivedAt=text)], "pagination": {"total": 1}}))
    found = api.replies("camp_1").found[0].received_at
    assert (found and found.isoformat()) == read


def test_all_pages_are_read() -> None:
    api, script = client(listed(range(2), 5, 1), listed(range(2, 4), 5, 2), listed(range(4, 5), 5, 3))
    assert ids(api.replies("camp_1")) == [f"rpl_{n}" for n in range(5)]
    assert script.calls == [
        "GET /v1/replies?campaignId=camp_1",
        "GET /v1/replies?campaignId=camp_1&page=2",
        "GET /v1/replies?campaignId=camp_1&page=3",
    ]


def test_a_list_without_a_total_goes_on_until_nothing_is_new() -> None:
    api, script = client(listed(range(2), None), listed(range(2, 3), None), listed(range(0), None))
    assert ids(api.replies("camp_1")) == ["rpl_0", "rpl_1", "rpl_2"]
    assert len(script.requests) == 3
    # A server that knows no pages gives the same again.
    api, script = client(listed(range(2), None))
    assert ids(api.replies("camp_1")) == ["rpl_0", "rpl_1"]
    assert len(script.requests) == 2


def test_a_reply_that_comes_meanwhile_is_no_error() -> None:
    api, _ = client(listed(range(2), 3, 1), listed(range(1, 3), 4, 2))
    assert ids(api.replies("camp_1")) == ["rpl_0", "rpl_1", "rpl_2"]


def test_replies_to_other_campaigns_are_left_out() -> None:
    """The filter is the server's; one that does not have it gives all."""
    given = [item(1), item(2, campaignId="camp_2"), item(3, campaignId=None)]
    api, _ = client(reply(data={"replies": given, "pagination": {"total": 3}}))
    assert ids(api.replies("camp_1")) == ["rpl_1", "rpl_3"]


def test_too_many_are_cut_short_and_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.leadterra.client.MOST_REPLY_PAGES", 2)
    api, script = client(listed(range(2), 9, 1), listed(range(2, 4), 9, 2))
    found = api.replies("camp_1")
    assert (len(found.found), found.complete) == (4, False)
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ([listed(range(2), 3, 1), listed(range(0), 3, 2)], "not complete: 2 of 3 in 2 pages"),
        ([listed(range(2), 5, 1), listed(range(2), 5, 1)], "not complete"),
        ([listed(range(2), 5, 1), listed(range(2, 4), 5, 7)], "not complete"),
        ([reply(data={"replies": [item(1, id="")]})], "a text that is not empty in id"),
        ([reply(data={"replies": ["ada@example.com"]})], "an object for a reply, got a text"),
        ([reply(data={"what": []})], "a list of replies"),
        ([reply(data={"replies": [ONE], "hasMore": True})], "goes on in a way that is not documented"),
    ],
)
def test_what_is_no_list_of_replies(pages: list[Any], said: str) -> None:
    api, _ = client(*pages)
    with pytest.raises(ApiError) as caught:
        api.replies("camp_1")
    assert said in str(caught.value)
    assert "ada" not in str(caught.value)


def test_a_campaign_that_is_gone() -> None:
    api, _ = client(reply(404, {"error": {"code": "campaign_not_found", "message": "no"}}))
    with pytest.raises(CampaignGoneError):
        api.replies("camp_1")


def test_an_id_that_is_none_is_not_sent() -> None:
    api, script = client(reply(data=[]))
    with pytest.raises(ApiError, match="is not the id of a campaign"):
        api.replies("camp_1&campaignId=camp_2")
    assert script.requests == []
