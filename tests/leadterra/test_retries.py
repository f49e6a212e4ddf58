"""Which calls are made again, how often, and when (design §6)."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from leadterra.fakes import LEADS, FakeTime, Reply, client, page, reply

from reconciler.diagnostics import ApiError, Interrupted
from reconciler.leadterra import LeadterraClient
from reconciler.model.live import RemoteCampaign

DRAFT = {"id": "camp_1", "status": "draft"}
COUNTS = {"enrolled": 2, "updated": 0, "skipped": 0}
STATS = {"totalEnrolled": 0, "sent": 0, "queued": 0}
REPEATABLE: dict[str, tuple[Callable[[LeadterraClient], Any], Any]] = {
    "pools": (lambda api: api.sender_pools(), []),
    "stats": (lambda api: api.stats("camp_1"), STATS),
    "campaign": (lambda api: api.campaign("camp_1"), DRAFT),
    "update": (lambda api: api.update("camp_1", "N", ()), DRAFT),
    "enroll": (lambda api: api.enroll("camp_1", LEADS), COUNTS),
    "pause": (lambda api: api.pause("camp_1"), DRAFT),
}
TRANSIENT = [reply(status, {}) for status in (429, 500, 502, 503, 504)]
UNSENT = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.PoolTimeout("full"),
    httpx.ProxyError("502"),
]
LOST = [
    httpx.ReadTimeout("slow"),
    httpx.WriteTimeout("slow"),
    httpx.ReadError("reset"),
    httpx.WriteError("reset"),
    httpx.RemoteProtocolError("half"),
    httpx.CloseError("reset"),
    httpx.DecodingError("bad"),
]
AMBIGUOUS = [reply(500, {}), reply(502, {}), reply(504, {}), page(200, '{"id', "application/json")]


def create(api: LeadterraClient) -> RemoteCampaign:
    return api.create("N", (), operation="op-1")


@pytest.mark.parametrize("name", REPEATABLE)
@pytest.mark.parametrize("failure", [*UNSENT, *LOST, *TRANSIENT], ids=str)
def test_what_can_be_repeated_is(name: str, failure: Reply) -> None:
    call, data = REPEATABLE[name]
    api, script = client(failure, page(502), reply(data=data))
    call(api)
    assert len(script.requests) == 3
    assert len({(request.method, request.url, request.content) for request in script.requests}) == 1


@pytest.mark.parametrize("failure", [*UNSENT, reply(429, {}), reply(503, {})], ids=str)
def test_a_start_is_repeated_where_it_was_not_carried_out(failure: Reply) -> None:
    api, script = client(failure, failure, reply(data=DRAFT))
    api.start("camp_1")
    assert len(script.requests) == 3


@pytest.mark.parametrize("failure", [*LOST, *AMBIGUOUS], ids=str)
def test_a_start_whose_answer_was_lost_is_not_repeated(failure: Reply) -> None:
    """Somebody may have paused the campaign since: it is looked up instead."""
    api, script = client(failure, reply(data=DRAFT))
    with pytest.raises(ApiError, match="may be running now") as caught:
        api.start("camp_1")
    assert caught.value.sent
    assert len(script.requests) == 1


@pytest.mark.parametrize("failure", [*UNSENT, reply(429, {}), reply(503, {}), page(503)], ids=str)
def test_a_create_is_repeated_where_it_was_not_carried_out(failure: Reply) -> None:
    api, script = client(failure, failure, reply(201, DRAFT))
    assert create(api).id == "camp_1"
    assert [request.headers["idempotency-key"] for request in script.requests] == ["op-1"] * 3
    assert len({request.content for request in script.requests}) == 1


@pytest.mark.parametrize(
    "failure",
    [*LOST, *AMBIGUOUS],
    ids=str,
)
def test_a_create_whose_answer_was_lost_is_not_repeated(failure: Reply) -> None:
    api, script = client(reply(503, {}), failure, reply(201, DRAFT))
    with pytest.raises(ApiError, match=r"POST /campaigns: .*\. A draft may exist in Leadterra now") as caught:
        create(api)
    assert caught.value.sent
    assert len(script.requests) == 2


@pytest.mark.parametrize("failure", [*UNSENT, reply(429, {}), reply(503, {})], ids=str)
def test_a_create_that_never_came_through_made_no_draft(failure: Reply) -> None:
    api, script = client(failure, attempts=3)
    with pytest.raises(ApiError, match="tried 3 times") as caught:
        create(api)
    assert not caught.value.sent
    assert "draft" not in str(caught.value)
    assert len(script.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 409, 422, 501, 505])
def test_other_refusals_are_final(status: int) -> None:
    api, script = client(reply(status, {}))
    with pytest.raises(ApiError):
        api.start("camp_1")
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        (
            httpx.ConnectError("[Errno 111] Connection refused"),
            "api-unreachable",
            "no connection ([Errno 111] Connection refused)",
        ),
        (httpx.ConnectTimeout(""), "api-unreachable", "no connection in time"),
        (httpx.ReadTimeout(""), "api-lost-answer", "no complete answer in time (30 s of silence at most)"),
        (httpx.ReadError(""), "api-lost-answer", "the connection was lost before the answer was complete"),
        (reply(429, {}), "api-rate-limited", "too many requests (429)"),
        (reply(500, {}), "api-unavailable", "the server has a problem (500)"),
    ],
    ids=str,
)
def test_giving_up_names_call_cause_tries_and_way_out(failure: Reply, code: str, said: str) -> None:
    api, script = client(failure)
    with pytest.raises(ApiError) as caught:
        api.pause("camp_1")
    assert str(caught.value).startswith(f"POST /campaigns/camp_1/pause: {said}, tried 4 times.")
    assert caught.value.diagnostics[0].code == code
    assert caught.value.diagnostics[0].hint
    assert len(script.requests) == 4


def test_an_untrusted_certificate_is_not_asked_again() -> None:
    api, script = client(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"))
    with pytest.raises(ApiError, match="the certificate of the server is not trusted"):
        api.start("camp_1")
    assert len(script.requests) == 1


def test_an_attempt_that_may_have_come_through_is_not_forgotten() -> None:
    """The last attempt did not reach the server, but an earlier one may have."""
    api, _ = client(httpx.ReadError("reset"), httpx.ConnectError("refused"))
    with pytest.raises(ApiError, match="may still be running") as caught:
        api.pause("camp_1")
    assert caught.value.sent
    api, _ = client(httpx.ReadError("reset"), reply(400, {"code": "no_leads_enrolled"}))
    with pytest.raises(ApiError, match="may still be running") as caught:
        api.pause("camp_1")
    assert caught.value.sent


def test_backoff_grows_with_jitter_within_its_bounds() -> None:
    seen = set()
    for _ in range(5):
        time = FakeTime()
        api, _ = client(httpx.ReadError("reset"), time=time)
        with pytest.raises(ApiError):
            api.sender_pools()
        assert [low <= wait <= 2 * low for low, wait in zip((0.5, 1, 2), time.waits, strict=True)] == [True] * 3
        seen.add(tuple(time.waits))
    assert len(seen) == 5


def test_what_is_tried_again_is_told_without_a_secret() -> None:
    """A pipeline's log shows why nothing happens for a while."""
    told: list[str] = []
    with (
        LeadterraClient(
            "https://api.example.com/v1",
            "sk_test_made_up",
            allow_writes=False,
            transport=httpx.MockTransport(lambda _: reply(503, {}, retry_after="0")),
            attempts=2,
            told=told.append,
        ) as api,
        pytest.raises(ApiError),
    ):
        api.stats("camp_1")
    assert told == ["GET /campaigns/camp_1/stats: the server has a problem (503); trying again in 1 s"]


def test_all_waits_of_a_call_stay_below_the_total() -> None:
    time = FakeTime()
    api, script = client(httpx.ReadError("reset"), time=time, max_wait=0.1, attempts=6)
    with pytest.raises(ApiError, match="tried 6 times"):
        api.sender_pools()
    assert sum(time.waits) <= 0.1 + 1e-9
    assert len(script.requests) == 6


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("seconds", [7, 0])
def test_retry_after_in_seconds(status: int, seconds: int) -> None:
    time = FakeTime()
    api, _ = client(reply(status, {}, retry_after=str(seconds)), reply(data=[]), time=time)
    api.sender_pools()
    assert sum(time.waits) == seconds


def test_retry_after_as_a_date() -> None:
    time = FakeTime()
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    api, _ = client(reply(503, {}, retry_after=when), reply(data=[]), time=time)
    api.sender_pools()
    assert 17 < sum(time.waits) <= 20


@pytest.mark.parametrize("text", ["soon", "-5", "1.5", "nan", "", "Wed, 99 Nov 2026 10:00:00 GMT"])
def test_an_unusable_retry_after_means_backoff(text: str) -> None:
    time = FakeTime()
    api, _ = client(reply(503, {}, retry_after=text), reply(data=[]), time=time)
    api.sender_pools()
    assert 0.5 <= sum(time.waits) <= 1


@pytest.mark.parametrize("text", ["61", "9" * 400, "Wed, 01 Jan 2200 10:00:00 GMT"])
def test_a_wait_that_is_too_long_is_not_made_shorter(text: str) -> None:
    time = FakeTime()
    api, script = client(reply(503, {}, retry_after=text), time=time)
    with pytest.raises(ApiError, match=r"it asks to wait [0-9,]+ s, but one call may wait 60 s in all"):
        api.sender_pools()
    assert len(script.requests) == 1
    assert time.waits == []


def test_an_interrupted_wait_ends_the_call() -> None:
    api, script = client(httpx.ConnectError("refused"), time=FakeTime(cancel_at=2))
    with pytest.raises(Interrupted):
        api.start("camp_1")
    assert len(script.requests) == 2


def test_an_interrupted_call_that_may_have_been_carried_out_is_unknown() -> None:
    api, _ = client(httpx.ReadTimeout("slow"), time=FakeTime(cancel_at=1))
    with pytest.raises(
        ApiError, match=r"to end before it could be asked again\. Some or all of these 2 leads may be enrolled"
    ) as caught:
        api.enroll("camp_1", LEADS)
    assert caught.value.sent
    api, _ = client(httpx.ReadTimeout("slow"), time=FakeTime(cancel_at=1))
    with pytest.raises(Interrupted):
        api.sender_pools()


def test_a_real_wait_is_cut_short() -> None:
    cancelled = threading.Event()
    with LeadterraClient(
        "https://api.example.com/v1",
        "sk_test_made_up",
        allow_writes=False,
        transport=httpx.MockTransport(lambda _: reply(429, {}, retry_after="50")),
        cancelled=cancelled,
    ) as api:
        timer = threading.Timer(0.05, cancelled.set)
        timer.start()
        with pytest.raises(Interrupted):
            api.sender_pools()
        timer.join()


def test_a_pause_is_finished_even_when_the_run_is_told_to_end() -> None:
    """Pausing is always allowed (design §1): the wait before its second try is not cut short."""
    answers = iter([reply(429, {}, retry_after="0"), reply(data={"id": "camp_1", "status": "paused"})])
    cancelled = threading.Event()
    cancelled.set()
    with LeadterraClient(
        "https://api.example.com/v1",
        "sk_test_made_up",
        allow_writes=True,
        requests_per_second=20,
        transport=httpx.MockTransport(lambda _: next(answers)),
        cancelled=cancelled,
    ) as api:
        assert api.pause("camp_1").status == "paused"
        with pytest.raises(Interrupted):
            api.start("camp_1")


@pytest.mark.parametrize("failure", [reply(503, {}, retry_after="30"), httpx.ReadTimeout("slow"), reply(404, {})])
def test_a_glance_is_one_try_and_tells_nothing_where_it_fails(failure: httpx.Response | Exception) -> None:
    """A stop must not wait for it."""
    time = FakeTime()
    api, script = client(failure, time=time)
    assert api.glance("camp_1") is None
    assert (len(script.requests), sum(time.waits)) == (1, 0)


def test_a_glance_shows_the_status_and_waits_a_few_seconds_at_most() -> None:
    stats = {"campaignId": "camp_1", "totalEnrolled": 1, "sent": 0, "queued": 0, "status": "paused"}
    api, script = client(reply(data=stats))
    assert api.glance("camp_1") == "paused"
    assert script.requests[0].extensions["timeout"]["read"] == 3.0


def test_a_bug_of_a_transport_is_not_dressed_up_as_the_servers() -> None:
    api, script = client(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        api.sender_pools()
    assert len(script.requests) == 1
