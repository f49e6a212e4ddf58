"""Whatever JSON a server sends: a value of the model, or an `ApiError` that names the call."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadterra.fakes import BASE, KEY, LEADS, Json
from support.examples import examples

from reconciler.diagnostics import ApiError
from reconciler.leadterra import LeadterraClient

NAMES = [
    "id",
    "name",
    "status",
    "dailyCapacity",
    "remainingVolume",
    "remainingToday",
    "senderCount",
    "senderAccountIds",
    "pools",
    "senderPools",
    "data",
    "campaign",
    "campaigns",
    "result",
    "stats",
    "enrolled",
    "updated",
    "skipped",
    "total",
    "totalEnrolled",
    "sent",
    "queued",
    "delivered",
    "campaignId",
    "sequenceSteps",
    "subject",
    "bodyHtml",
    "delayDays",
    "pagination",
    "page",
    "perPage",
    "error",
    "code",
    "message",
    "errors",
    "email",
    "hasMore",
    "replies",
    "classification",
    "receivedAt",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["camp_1", "draft", "", "ada@example.com"]),
    st.text(st.characters(), max_size=5),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(st.characters(), max_size=4)), inner, max_size=8),
    ),
    max_leaves=25,
)
CALLS: dict[str, Callable[[LeadterraClient], Any]] = {
    "GET /sender-pools": lambda api: api.sender_pools(),
    "GET /sender-accounts": lambda api: api.sender_accounts(),
    "GET /campaigns": lambda api: api.campaigns(),
    "GET /campaigns/camp_1": lambda api: api.campaign("camp_1"),
    "GET /campaigns/camp_1/stats": lambda api: api.stats("camp_1"),
    "GET /replies?campaignId=camp_1": lambda api: api.replies("camp_1"),
    "POST /campaigns": lambda api: api.create("N", (), operation="op-1"),
    "PATCH /campaigns/camp_1": lambda api: api.update("camp_1", "N", ()),
    "POST /campaigns/camp_1/leads/bulk": lambda api: api.enroll("camp_1", LEADS),
    "POST /campaigns/camp_1/start": lambda api: api.start("camp_1"),
    "POST /campaigns/camp_1/pause": lambda api: api.pause("camp_1"),
}


def failure_of(call: Callable[[], Any]) -> ApiError | None:
    """Return the `ApiError` of a call, if there is one; any other exception fails the test."""
    try:
        call()
    except ApiError as error:
        return error
    return None


@pytest.mark.parametrize("label", CALLS)
@examples(60)
@given(data=JSON, status=st.sampled_from([200, 200, 200, 201, 302, 400, 404, 405, 422]))
def test_any_json(label: str, data: Json, status: int) -> None:
    content = json.dumps(data).encode()
    answer = httpx.MockTransport(
        lambda _: httpx.Response(status, content=content, headers={"content-type": "application/json; charset=utf-8"})
    )
    with LeadterraClient(BASE, KEY, allow_writes=True, transport=answer, attempts=1) as api:
        error = failure_of(lambda: CALLS[label](api))
    if error is not None:
        assert str(error).startswith(label)
        assert "ada@example.com" not in str(error)
        assert error.diagnostics[0].code.startswith("api-")


@examples(100)
@given(
    content=st.binary(max_size=40),
    kind=st.sampled_from(["application/json", "", "text/html", "application/problem+json"]),
)
def test_any_bytes(content: bytes, kind: str) -> None:
    answer = httpx.MockTransport(lambda _: httpx.Response(200, content=content, headers={"content-type": kind}))
    with LeadterraClient(BASE, KEY, allow_writes=False, transport=answer, attempts=1) as api:
        error = failure_of(api.sender_pools)
    assert error is None or str(error).startswith("GET /sender-pools: ")
