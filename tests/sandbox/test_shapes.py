"""Every shape that leadterra-api.md documents occurs, on the page the table in ``shapes`` says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sandbox.support import STEPS, Json, Make, people

if TYPE_CHECKING:
    import httpx

    from reconciler.sandbox.options import Shape

SHAPES = ("guide", "quickstart", "reference", "concepts")


def unwrapped(answer: httpx.Response, container: str | None) -> Json:
    body = answer.json()
    if container is None:
        return body
    assert set(body) == {container}
    return body[container]


@pytest.mark.parametrize(
    ("shape", "container", "fields"),
    [
        ("guide", "pools", {"id", "name", "senderCount", "dailyCapacity", "remainingVolume"}),
        ("quickstart", "senderPools", {"id", "name", "senderCount", "dailyCapacity", "remainingToday"}),
        ("reference", None, {"id", "name", "senderAccountIds", "dailyCapacity", "remainingVolume"}),
        ("concepts", "data", {"id", "name", "senderCount", "dailyCapacity", "remainingVolume"}),
    ],
)
def test_pools(make: Make, shape: Shape, container: str | None, fields: set[str]) -> None:
    box = make(shape=shape)
    primary, warm_up = unwrapped(box.get("/sender-pools"), container)
    assert set(primary) == set(warm_up) == fields
    assert (primary["name"], warm_up["name"]) == ("Primary Outbound", "Warm-Up Pool")
    assert (primary["dailyCapacity"], warm_up["dailyCapacity"]) == (1600, 300)
    left = "remainingToday" if shape == "quickstart" else "remainingVolume"
    assert (primary[left], warm_up[left]) == (1243, 300)
    if shape == "reference":
        ids = [account["id"] for account in box.get("/sender-accounts").json()]
        assert primary["senderAccountIds"] + warm_up["senderAccountIds"] == ids
        assert len(primary["senderAccountIds"]) == 8
    else:
        assert (primary["senderCount"], warm_up["senderCount"]) == (8, 3)
    assert re.fullmatch(r"pool_\w+", primary["id"])


@pytest.mark.parametrize("shape", SHAPES)
def test_accounts(make: Make, shape: Shape) -> None:
    accounts = unwrapped(make(shape=shape).get("/sender-accounts"), None if shape == "reference" else "data")
    assert all(set(account) == {"id", "email", "name", "status"} for account in accounts)
    assert [account["status"] for account in accounts] == ["active"] * 8 + ["warming"] * 3
    assert len({account["email"] for account in accounts}) == 11
    assert all(re.fullmatch(r"sa_\w+", account["id"]) for account in accounts)


@pytest.mark.parametrize(
    ("shape", "wrapper", "count_field", "counts"),
    [
        ("guide", "campaign", "stepCount", True),
        ("quickstart", None, "stepCount", True),
        ("reference", None, "sequenceSteps", False),
        ("concepts", "campaign", "sequenceSteps", False),
    ],
)
def test_campaign(make: Make, shape: Shape, wrapper: str | None, count_field: str, *, counts: bool) -> None:
    box = make(shape=shape)
    answer = box.post("/campaigns", {"name": "VP Sales", "sequenceSteps": STEPS})
    assert answer.status_code == 201
    made = unwrapped(answer, wrapper)
    assert set(made) == {"id", "name", "status", "createdAt", count_field}
    assert made[count_field] == (2 if count_field == "stepCount" else STEPS)
    assert (made["name"], made["status"]) == ("VP Sales", "draft")
    assert made["createdAt"] == "2026-11-02T09:00:00.000Z"
    assert re.fullmatch(r"camp_\w+", made["id"])
    one = f"/campaigns/{made['id']}"

    box.enroll(made["id"], *people(142))
    started = unwrapped(box.post(f"{one}/start"), wrapper)
    expected = {"id": made["id"], "status": "running", "startedAt": "2026-11-02T09:00:00.000Z"}
    assert started == expected | ({"leadsEnrolled": 142, "queuedMessages": 142} if counts else {})

    paused = unwrapped(box.post(f"{one}/pause"), wrapper)
    assert (paused["id"], paused["status"]) == (made["id"], "paused")

    read = unwrapped(box.get(one), wrapper)
    assert (read["status"], read["sequenceSteps"], read["name"]) == ("paused", STEPS, "VP Sales")


@pytest.mark.parametrize(
    ("shape", "container"),
    [("guide", "campaigns"), ("quickstart", "campaigns"), ("reference", None), ("concepts", "data")],
)
def test_list_of_campaigns(make: Make, shape: Shape, container: str | None) -> None:
    box = make(shape=shape)
    ids = [box.draft(), box.draft()]
    assert [row["id"] for row in unwrapped(box.get("/campaigns"), container)] == ids


@pytest.mark.parametrize(
    ("shape", "wrapper", "rest"),
    [
        ("guide", "result", {"skipped": 1}),
        ("quickstart", None, {"skipped": 1}),
        ("reference", None, {"total": 3}),
        ("concepts", "result", {"total": 3}),
    ],
)
def test_counts(make: Make, shape: Shape, wrapper: str | None, rest: dict[str, int]) -> None:
    box = make(shape=shape)
    campaign = box.draft()
    box.enroll(campaign, *people(1))
    suppressed = box.post("/suppression-list", {"emails": ["lead3@example.com"]})
    assert unwrapped(suppressed, wrapper) == {"suppressed": 1, "alreadySuppressed": 0}
    counts = unwrapped(box.enroll(campaign, *people(4)), wrapper)
    assert counts == {"enrolled": 2, "updated": 1} | rest


@pytest.mark.parametrize(
    ("shape", "container"),
    [("guide", "replies"), ("quickstart", "replies"), ("reference", None), ("concepts", "data")],
)
def test_replies(make: Make, shape: Shape, container: str | None) -> None:
    box = make(shape=shape)
    campaign = box.started()
    box.sandbox.add_reply(campaign, "lead1@example.com", classification="interested", snippet="Tell me more")
    body = box.get("/replies").json()
    if container == "replies":
        assert body["pagination"] == {"total": 1, "page": 1, "perPage": 50}
        assert set(body) == {"replies", "pagination"}
    elif container == "data":
        assert set(body) == {"data"}
    (reply,) = body if container is None else body[container]
    assert re.fullmatch(r"rpl_\w+", reply.pop("id"))
    assert reply == {
        "email": "lead1@example.com",
        "campaignId": campaign,
        "classification": "interested",
        "receivedAt": "2026-11-02T09:00:00.000Z",
        "threadSnippet": "Tell me more",
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_webhook(make: Make, shape: Shape) -> None:
    asked = {"url": "https://hooks.example.com/in", "events": ["reply.received", "message.sent"]}
    answer = make(shape=shape).post("/webhooks", asked)
    hook = unwrapped(answer, "webhook" if shape in {"guide", "concepts"} else None)
    assert re.fullmatch(r"wh_\w+", hook.pop("id"))
    assert hook == asked | {"status": "active", "createdAt": "2026-11-02T09:00:00.000Z"}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("with_status", [True, False])
def test_stats(make: Make, shape: Shape, *, with_status: bool) -> None:
    box = make(shape=shape, stats_status=with_status)
    campaign = box.started(4)
    stats = box.get(f"/campaigns/{campaign}/stats").json()
    assert stats == {
        "campaignId": campaign,
        "totalEnrolled": 4,
        "sent": 0,
        "delivered": 0,
        "bounced": 0,
        "replied": 0,
        "queued": 4,
        "openRate": 0.0,
        "replyRate": 0.0,
    } | ({"status": "running"} if with_status else {})
