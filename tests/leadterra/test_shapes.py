"""Every documented shape is read; every broken variation is an error that names the call."""

from typing import Any

import httpx
import pytest
from leadterra.fakes import LEADS, Json, client, page, reply

from reconciler.diagnostics import ApiError
from reconciler.model.campaign import SequenceStep
from reconciler.model.live import Account, Enrolment, Pool, RemoteCampaign, Started, Stats

POOL = {"id": "pool_1", "name": "Primary", "dailyCapacity": 1600, "remainingVolume": 1243, "senderCount": 8}
TODAY = {"id": "pool_1", "name": "Primary", "dailyCapacity": 1600, "remainingToday": 1243, "senderCount": 8}
IDS = {
    "id": "pool_1",
    "name": "Primary",
    "dailyCapacity": 1600,
    "remainingVolume": 1243,
    "senderAccountIds": ["sa_1", "sa_2"],
}
STEP = {"subject": "Hi {{firstName}}", "bodyHtml": "<p>Hi</p>", "delayDays": 3}
DRAFT = {"id": "camp_1", "name": "N", "status": "draft", "createdAt": "2026-11-30T12:00:00Z"}
COUNTERS = {
    "campaignId": "camp_1",
    "totalEnrolled": 142,
    "sent": 9,
    "delivered": 8,
    "bounced": 1,
    "replied": 2,
    "queued": 3,
    "openRate": 0.5,
    "replyRate": 0.1,
}


def without(data: dict[str, Any], *names: str, **others: Json) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names} | others


@pytest.mark.parametrize("name", ["pools", "senderPools", "data", None])
@pytest.mark.parametrize(("item", "senders"), [(POOL, 8), (TODAY, 8), (IDS, 2), (without(POOL, "senderCount"), None)])
def test_pools(name: str | None, item: dict[str, Any], senders: int | None) -> None:
    api, script = client(reply(data=[item] if name is None else {name: [item], "extra": 1}))
    assert api.sender_pools() == (
        Pool(id="pool_1", name="Primary", daily_capacity=1600, remaining=1243, senders=senders),
    )
    assert script.calls == ["GET /v1/sender-pools"]


def test_the_smaller_figure_holds_where_a_pool_gives_both() -> None:
    api, _ = client(reply(data=[POOL | {"remainingToday": 7}]))
    assert api.sender_pools()[0].remaining == 7


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"a": 1, "b": 2}, "expected a list of sender pools, got an object with keys a, b"),
        ({}, "got an empty object"),
        ("no", "got a text"),
        ("", "got an empty text"),
        (None, "got null"),
        (3, "got a number"),
        (True, "got a boolean"),
        ({"pools": {}}, "a list of sender pools in pools, got an empty object"),
        ({"pools": None}, "got null"),
        ([[]], "expected an object for a sender pool, got a list of 0"),
        ([without(POOL, "id")], "a text in id, got an object with keys name"),
        ([POOL | {"id": ""}], "a text that is not empty in id"),
        ([POOL | {"id": 7}], "a text in id, got a number"),
        ([POOL | {"name": 7}], "a text in name"),
        ([POOL | {"name": "\ud800"}], "half a character"),
        ([without(POOL, "dailyCapacity")], "a whole number of 0 or more in dailyCapacity"),
        ([POOL | {"dailyCapacity": -1}], "in dailyCapacity, got a number"),
        ([POOL | {"dailyCapacity": True}], "in dailyCapacity, got a boolean"),
        ([POOL | {"dailyCapacity": 1.5}], "in dailyCapacity"),
        ([POOL | {"dailyCapacity": "1600"}], "in dailyCapacity, got a text"),
        ([POOL | {"dailyCapacity": 2**60}], "in dailyCapacity"),
        ([without(POOL, "remainingVolume")], "remainingVolume or remainingToday"),
        ([POOL | {"remainingVolume": None}], "remainingVolume or remainingToday"),
        ([POOL | {"senderCount": "8"}], "in senderCount"),
        ([IDS | {"senderAccountIds": 3}], "a list in senderAccountIds"),
        ([POOL, POOL], "repeats itself"),
        ({"pools": [POOL], "pagination": []}, "an object in pagination"),
        ({"pools": [POOL], "pagination": {"page": 1}}, "a total in pagination"),
        ({"pools": [POOL], "hasMore": True}, "goes on in a way that is not documented"),
    ],
)
def test_broken_pools(data: Json, said: str) -> None:
    api, _ = client(lambda _: reply(data=data))
    with pytest.raises(ApiError) as caught:
        api.sender_pools()
    assert str(caught.value).startswith("GET /sender-pools: ")
    assert said in str(caught.value)
    assert caught.value.diagnostics[0].code == "api-answer"
    assert caught.value.diagnostics[0].hint


@pytest.mark.parametrize("text", ['[{"id": NaN}]', '[{"id": Infinity}]', "[" * 100_000, "[1", "", '{"a":' + "9" * 5000])
def test_what_is_called_json_but_is_none(text: str) -> None:
    api, script = client(lambda _: page(text=text, kind="application/json"), attempts=2)
    with pytest.raises(ApiError, match="broken JSON") as caught:
        api.sender_pools()
    assert caught.value.diagnostics[0].code == "api-lost-answer"
    assert len(script.requests) == 2


@pytest.mark.parametrize("name", ["data", None])
def test_accounts_leave_their_addresses_behind(name: str | None) -> None:
    items = [{"id": "sa_1", "email": "jamie@example.com", "name": "Jamie", "status": "warming"}]
    api, _ = client(reply(data=items if name is None else {name: items}))
    assert api.sender_accounts() == (Account(id="sa_1", status="warming", name="Jamie"),)


@pytest.mark.parametrize(
    "data", [{"data": [{"id": "sa_1"}]}, [{"status": "active"}], [{"id": "sa_1", "status": ""}], {}]
)
def test_broken_accounts(data: Json) -> None:
    api, _ = client(reply(data=data))
    with pytest.raises(ApiError, match="GET /sender-accounts: expected"):
        api.sender_accounts()


@pytest.mark.parametrize("wrapper", ["campaign", "data", None])
@pytest.mark.parametrize(
    ("more", "steps"),
    [
        ({"stepCount": 2}, None),
        ({"sequenceSteps": None}, None),
        ({"sequenceSteps": []}, ()),
        ({"sequenceSteps": [STEP]}, (SequenceStep(subject="Hi {{firstName}}", body_html="<p>Hi</p>", delay_days=3),)),
        (
            {"sequenceSteps": [without(STEP, "delayDays")]},
            (SequenceStep(subject="Hi {{firstName}}", body_html="<p>Hi</p>"),),
        ),
    ],
)
def test_a_created_campaign(wrapper: str | None, more: dict[str, Any], steps: Json) -> None:
    data = DRAFT | more
    api, _ = client(reply(201, data if wrapper is None else {wrapper: data}))
    expected = RemoteCampaign(id="camp_1", status="draft", name="N", steps=steps, created_at="2026-11-30T12:00:00Z")
    assert api.create("N", (), operation="op-1") == expected


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "expected a campaign with id or status, got an empty object"),
        ([], "an object for a campaign, got a list of 0"),
        ({"campaign": []}, "got an object with keys campaign"),
        (without(DRAFT, "id"), "a text in id"),
        (DRAFT | {"id": "../x"}, "a campaign id"),
        (DRAFT | {"id": "x" * 129}, "a campaign id"),
        (DRAFT | {"status": 3}, "a text in status"),
        (DRAFT | {"status": "running"}, "camp_1 is not a draft but 'running'"),
        (DRAFT | {"sequenceSteps": {}}, "a list in sequenceSteps"),
        (DRAFT | {"sequenceSteps": [1]}, "an object for a step"),
        (DRAFT | {"sequenceSteps": [without(STEP, "bodyHtml")]}, "a text in bodyHtml"),
        (DRAFT | {"sequenceSteps": [STEP | {"delayDays": -1}]}, "in delayDays"),
    ],
)
def test_a_create_that_answers_badly_may_have_made_a_draft(data: Json, said: str) -> None:
    api, script = client(reply(201, data))
    with pytest.raises(ApiError) as caught:
        api.create("N", (), operation="op-1")
    assert said in str(caught.value)
    assert "A draft may exist" in str(caught.value)
    assert caught.value.sent
    assert len(script.requests) == 1


@pytest.mark.parametrize("wrapper", ["campaign", "result", None])
def test_start_and_pause(wrapper: str | None) -> None:
    def wrap(data: dict[str, Any]) -> dict[str, Any]:
        return data if wrapper is None else {wrapper: data}

    started = {"id": "camp_1", "status": "running", "startedAt": "x", "leadsEnrolled": 142, "queuedMessages": 142}
    api, script = client(
        reply(data=wrap(started)),
        reply(data=wrap(without(started, "leadsEnrolled", "queuedMessages"))),
        reply(data=wrap({"id": "camp_1"})),
        reply(data=wrap({"status": "paused"})),
    )
    assert api.start("camp_1") == Started(status="running", leads_enrolled=142, queued_messages=142)
    assert api.start("camp_1") == Started(status="running")
    assert api.start("camp_1") == Started(status=None)
    assert api.pause("camp_1") == RemoteCampaign(id="camp_1", status="paused")
    assert script.calls == ["POST /v1/campaigns/camp_1/start"] * 3 + ["POST /v1/campaigns/camp_1/pause"]
    assert all(request.content == b"" for request in script.requests)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"ok": True},
        {"id": "camp_2"},
        {"id": "camp_1", "status": []},
        {"status": "x", "leadsEnrolled": -1},
    ],
)
def test_a_start_that_answers_badly_leaves_the_status_open(data: Json) -> None:
    api, _ = client(reply(data=data))
    with pytest.raises(ApiError, match="may be running now") as caught:
        api.start("camp_1")
    assert caught.value.sent


@pytest.mark.parametrize("wrapper", ["stats", "data", None])
def test_stats(wrapper: str | None) -> None:
    expected = Stats(total_enrolled=142, sent=9, queued=3, delivered=8, bounced=1, replied=2)
    variants = [
        (COUNTERS, expected),
        (COUNTERS | {"status": "running"}, expected.model_copy(update={"status": "running"})),
        (COUNTERS | {"status": "warming-up"}, expected.model_copy(update={"status": "warming-up"})),
        ({"totalEnrolled": 0, "sent": 0, "queued": 0}, Stats(total_enrolled=0, sent=0, queued=0)),
    ]
    for data, stats in variants:
        api, _ = client(reply(data=data if wrapper is None else {wrapper: data}))
        assert api.stats("camp_1") == stats


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (without(COUNTERS, "sent"), "in sent"),
        (without(COUNTERS, "queued"), "in queued"),
        (without(COUNTERS, "totalEnrolled"), "counters with totalEnrolled"),
        (COUNTERS | {"sent": 1.0}, "in sent, got a number"),
        (COUNTERS | {"campaignId": "camp_2"}, "about another campaign (camp_2)"),
        ([COUNTERS], "an object for counters"),
    ],
)
def test_broken_stats(data: Json, said: str) -> None:
    api, _ = client(reply(data=data))
    with pytest.raises(ApiError) as caught:
        api.stats("camp_1")
    assert str(caught.value).startswith("GET /campaigns/camp_1/stats: ")
    assert said in str(caught.value)


@pytest.mark.parametrize("wrapper", ["result", None])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"enrolled": 1, "updated": 1, "skipped": 0}, Enrolment(enrolled=1, updated=1)),
        ({"enrolled": 1, "updated": 0, "skipped": 1}, Enrolment(enrolled=1, updated=0)),
        ({"enrolled": 1, "updated": 0, "total": 1}, Enrolment(enrolled=1, updated=0)),
        ({"enrolled": 0, "updated": 1, "skipped": 1, "total": 1}, Enrolment(enrolled=0, updated=1)),
        ({"enrolled": 0, "updated": 2}, Enrolment(enrolled=0, updated=2)),
    ],
)
def test_enrolment(wrapper: str | None, data: dict[str, int], expected: Enrolment) -> None:
    api, _ = client(reply(data=data if wrapper is None else {wrapper: data}))
    assert api.enroll("camp_1", LEADS) == expected


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"enrolled": 1, "updated": 0, "skipped": 0}, "do not add up: 2 leads sent, 1 enrolled, 0 updated, 0 skipped"),
        ({"enrolled": 2, "updated": 1, "skipped": 0}, "do not add up"),
        ({"enrolled": 2, "updated": 0, "total": 1}, "do not add up: 2 leads sent, 2 enrolled, 0 updated, 1 in total"),
        ({"enrolled": 2, "updated": 1, "total": 3}, "do not add up"),
        ({"enrolled": 3, "updated": 0}, "do not add up"),
        ({"enrolled": 1, "updated": 0, "skipped": 1, "total": 2}, "do not add up"),
        ({"enrolled": 2}, "in updated"),
        ({"updated": 2}, "counts with enrolled"),
        ({"enrolled": True, "updated": 1}, "in enrolled, got a boolean"),
        ([2], "got a list of 1"),
    ],
)
def test_an_enrolment_whose_counts_say_nothing_is_unknown(data: Json, said: str) -> None:
    api, _ = client(reply(data=data))
    with pytest.raises(ApiError) as caught:
        api.enroll("camp_1", LEADS)
    assert said in str(caught.value)
    assert "may be enrolled now" in str(caught.value)
    assert caught.value.sent


@pytest.mark.parametrize("name", ["campaigns", "data", None])
def test_the_list_of_campaigns(name: str | None) -> None:
    items = [DRAFT, {"id": "camp_2", "status": "odd"}]
    api, script = client(reply(data=items if name is None else {name: items}))
    assert [(item.id, item.status) for item in api.campaigns()] == [("camp_1", "draft"), ("camp_2", "odd")]
    assert script.calls == ["GET /v1/campaigns"]


def listed(ids: list[str], total: int, number: int) -> httpx.Response:
    return reply(
        data={"campaigns": [{"id": each} for each in ids], "pagination": {"total": total, "page": number, "perPage": 2}}
    )


def test_all_pages_are_read() -> None:
    api, script = client(listed(["a", "b"], 5, 1), listed(["c", "d"], 5, 2), listed(["e"], 5, 3))
    assert [item.id for item in api.campaigns()] == ["a", "b", "c", "d", "e"]
    assert script.calls == ["GET /v1/campaigns", "GET /v1/campaigns?page=2", "GET /v1/campaigns?page=3"]


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ([listed(["a", "b"], 3, 1), listed([], 3, 2)], "not complete: 2 of 3"),
        ([listed(["a", "b"], 3, 1), listed(["a", "b"], 3, 1)], "repeats itself"),
        ([listed(["a", "b"], 3, 1), listed(["b", "c"], 3, 2)], "repeats itself"),
        ([listed(["a", "b"], 3, 1), listed(["c"], 3, 1)], "repeats itself"),
        ([listed(["a", "b"], 1, 1)], "not complete: 2 of 1"),
        ([listed(["a", "b"], 3, 1), reply(data=[{"id": "c"}])], "an unknown number"),
        ([listed(["a", "b"], 3, 1), reply(500)], "500"),
    ],
)
def test_a_list_that_is_cut_short_is_no_list(pages: list[Any], said: str) -> None:
    api, _ = client(*pages)
    with pytest.raises(ApiError) as caught:
        api.campaigns()
    assert said in str(caught.value)


def test_a_list_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.leadterra.client.MOST_PAGES", 3)
    count = iter(range(1, 100))
    api, script = client(lambda _: listed([f"camp_{(number := next(count))}"], 1000, number))
    with pytest.raises(ApiError, match="not complete: 3 of 1000 in 3 pages"):
        api.campaigns()
    assert len(script.requests) == 3


def test_one_campaign_read_back_must_be_the_one_asked_for() -> None:
    api, _ = client(reply(data={"campaign": DRAFT | {"sequenceSteps": [STEP]}}), reply(data=DRAFT | {"id": "camp_2"}))
    assert api.campaign("camp_1").steps == (
        SequenceStep(subject="Hi {{firstName}}", body_html="<p>Hi</p>", delay_days=3),
    )
    with pytest.raises(ApiError, match="about another campaign"):
        api.campaign("camp_1")
