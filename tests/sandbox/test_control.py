from __future__ import annotations

import pytest
from sandbox.support import STEPS, Box, Make, code, people


def test_the_log_holds_every_request_without_bodies_or_addresses(box: Box) -> None:
    campaign = box.draft(headers={"Idempotency-Key": "op-7"})
    box.enroll(campaign, *people(3))
    box.get("/sender-pools", headers={"Authorization": "Bearer wrong"})
    box.get("/people/ada@example.com?email=ada@example.com")
    box.get("/people/ada%40example.com")
    answer = box.control("GET", "requests")
    rows = answer.json()["requests"]
    assert [(r["seq"], r["kind"], r["method"], r["path"], r["status"], r["carriedOut"]) for r in rows] == [
        (1, "create", "POST", "/v1/campaigns", 201, True),
        (2, "enroll", "POST", f"/v1/campaigns/{campaign}/leads/bulk", 200, True),
        (3, "pools", "GET", "/v1/sender-pools", 401, False),
        (4, "other", "GET", "/v1/people/[address]", 404, False),
        (5, "other", "GET", "/v1/people/[address]", 404, False),
    ]
    assert [r["idempotencyKey"] for r in rows] == ["op-7", None, None, None, None]
    assert [r.get("leads") for r in rows] == [None, 3, None, None, None]
    assert rows[0]["time"] == "2026-11-02T09:00:00.000Z"
    assert "@" not in answer.text
    assert "Bearer" not in answer.text


def test_every_kind_is_named(box: Box) -> None:
    one = f"/campaigns/{box.started()}"
    box.get("/sender-accounts")
    box.post(f"{one}/pause")
    for path in (f"{one}/stats", "/replies", one, "/campaigns"):
        box.get(path)
    box.client.patch(one, json={})
    box.post("/suppression-list", {})
    box.post("/webhooks", {})
    kinds = " ".join(row.kind for row in box.sandbox.requests())
    assert kinds == "create enroll start accounts pause stats replies get list patch suppress webhooks"


def test_controls_need_no_key(box: Box) -> None:
    assert box.client.get("http://sandbox.example.com/_sandbox/campaigns", headers={"Authorization": ""}).json() == {
        "campaigns": []
    }


def test_pools_are_replaced_and_keep_their_identifiers(box: Box) -> None:
    before = {pool.name: pool for pool in box.sandbox.pools()}
    asked = [
        {"name": "Second", "dailyCapacity": 50, "remaining": 0, "accounts": []},
        {
            "name": "Primary Outbound",
            "dailyCapacity": 1600,
            "remaining": 12,
            "accounts": [{"status": "paused"}, {"status": "active"}],
        },
    ]
    assert box.control("POST", "pools", asked).status_code == 204
    second, primary = box.get("/sender-pools").json()["pools"]
    assert (second["name"], second["senderCount"], second["remainingVolume"]) == ("Second", 0, 0)
    assert primary["id"] == before["Primary Outbound"].id
    assert (primary["senderCount"], primary["remainingVolume"]) == (2, 12)
    accounts = box.get("/sender-accounts").json()["data"]
    assert [a["status"] for a in accounts] == ["paused", "active"]
    assert [a["id"] for a in accounts] == list(before["Primary Outbound"].account_ids[:2])


@pytest.mark.parametrize(
    "body",
    [
        {},
        ["pool"],
        [{"dailyCapacity": 1, "remaining": 1}],
        [{"name": "P", "dailyCapacity": -1, "remaining": 1}],
        [{"name": "P", "dailyCapacity": 1, "remaining": 1, "accounts": [{"status": "asleep"}]}],
        [{"name": "P", "dailyCapacity": 1, "remaining": 1, "accounts": {}}],
    ],
)
def test_bad_pools_replace_nothing(box: Box, body: object) -> None:
    before = box.sandbox.pools()
    assert code(box.control("POST", "pools", body)) == (400, "invalid_request")
    assert box.sandbox.pools() == before


def test_counters_may_be_lowered_and_are_checked(box: Box) -> None:
    campaign = box.started(3)
    path = f"campaigns/{campaign}/counters"
    shown = box.control("POST", path, {"sent": 3, "queued": 0}).json()
    assert (shown["stats"]["sent"], shown["stats"]["queued"], shown["queuedMessages"]) == (3, 0, 3)
    assert box.control("POST", path, {"sent": 1}).json()["stats"]["sent"] == 1
    for bad in ({"sent": -1}, {"sent": "1"}, {"sent": True}, {"clicked": 1}, {"sent": 2**70}):
        assert code(box.control("POST", path, bad)) == (400, "invalid_request")
    assert code(box.control("POST", "campaigns/camp_x/counters", {})) == (404, "campaign_not_found")


def test_somebody_clicks_in_the_dashboard(box: Box) -> None:
    campaign = box.draft()
    box.enroll(campaign, *people(2))
    path = f"campaigns/{campaign}/status"
    assert box.control("POST", path, {"status": "running"}).json()["queuedMessages"] == 2
    assert box.post(f"/campaigns/{campaign}/start").json()["campaign"]["queuedMessages"] == 2
    assert box.sandbox.campaign(campaign).starts == 1
    box.control("POST", path, {"status": "paused"})
    assert box.get(f"/campaigns/{campaign}/stats").json()["status"] == "paused"
    assert code(box.control("POST", path, {"status": "archived"})) == (400, "invalid_request")


def test_a_campaign_brought_back_to_draft_sends_nothing_again(box: Box) -> None:
    campaign = box.started(2)
    box.control("POST", f"campaigns/{campaign}/status", {"status": "draft"})
    box.post(f"/campaigns/{campaign}/start")
    assert box.sandbox.campaign(campaign).starts == 2
    assert len(box.sandbox.messages(campaign)) == 2


def test_somebody_edits_in_the_dashboard(box: Box) -> None:
    campaign = box.started()
    edited = box.control("POST", f"campaigns/{campaign}/edit", {"name": "Theirs", "sequenceSteps": STEPS[:1]})
    assert edited.json()["name"] == "Theirs"
    read = box.get(f"/campaigns/{campaign}").json()["campaign"]
    assert (read["name"], read["sequenceSteps"], read["status"]) == ("Theirs", STEPS[:1], "running")
    bad = box.control("POST", f"campaigns/{campaign}/edit", {"sequenceSteps": [{}]})
    assert code(bad) == (400, "invalid_request")


def test_somebody_deletes_in_the_dashboard(box: Box) -> None:
    campaign, other = box.started(), box.started()
    box.sandbox.add_reply(campaign, "lead0@example.com")
    assert box.control("DELETE", f"campaigns/{campaign}").status_code == 204
    assert code(box.get(f"/campaigns/{campaign}/stats")) == (404, "campaign_not_found")
    assert code(box.control("DELETE", f"campaigns/{campaign}")) == (404, "campaign_not_found")
    assert [row.id for row in box.sandbox.campaigns()] == [other]
    assert box.get("/replies").json()["replies"] == []
    assert len(box.sandbox.messages(other)) == 3


def test_views(box: Box) -> None:
    campaign = box.started(2)
    box.post(f"/campaigns/{campaign}/pause")
    box.post(f"/campaigns/{campaign}/start")
    (shown,) = box.control("GET", "campaigns").json()["campaigns"]
    assert shown["sequenceSteps"] == STEPS
    assert (shown["status"], shown["starts"], shown["resumes"], shown["queuedMessages"]) == ("running", 1, 1, 2)
    assert shown["stats"]["totalEnrolled"] == 2
    leads = box.control("GET", f"campaigns/{campaign}/leads").json()["leads"]
    assert leads[0] == {
        "email": "lead0@example.com",
        "fields": {"firstName": "F0"},
        "timesEnrolled": 1,
        "enrolledAt": "2026-11-02T09:00:00.000Z",
        "step": 0,
        "ended": False,
    }
    assert len(leads) == 2


def test_a_reply_comes_in(box: Box) -> None:
    campaign = box.started()
    reply = {
        "campaignId": campaign,
        "email": "lead0@example.com",
        "classification": "referral",
        "receivedAt": "2026-11-01T08:00:00+02:00",
    }
    made = box.control("POST", "replies", reply)
    assert made.status_code == 201
    (shown,) = box.get("/replies").json()["replies"]
    assert (shown["id"], shown["classification"]) == (made.json()["id"], "referral")
    assert (shown["receivedAt"], shown["threadSnippet"]) == ("2026-11-01T06:00:00.000Z", "")
    for bad in (
        {"email": "stranger@example.com"},
        {"email": "x"},
        {"receivedAt": "yesterday"},
        {"receivedAt": "2026-11-01T08:00"},
        {"classification": ""},
        {"email": 1},
    ):
        assert code(box.control("POST", "replies", reply | bad)) == (400, "invalid_request")
    missing = box.control("POST", "replies", reply | {"campaignId": "camp_x"})
    assert code(missing) == (404, "campaign_not_found")
    assert len(box.get("/replies").json()["replies"]) == 1
    box.control("POST", "replies", {"campaignId": campaign, "email": "lead1@example.com"})
    newest = box.get("/replies").json()["replies"][0]
    assert (newest["classification"], newest["receivedAt"]) == ("interested", "2026-11-02T09:00:00.000Z")


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "create"},
        {"kind": "bake", "action": "drop"},
        {"kind": "create", "action": "explode"},
        {"kind": "create", "action": "drop", "nth": 0},
        {"kind": "create", "action": "drop", "times": 0},
        {"kind": "create", "action": "drop", "nth": "1"},
        {"kind": "create", "action": "slow", "seconds": -1},
        {"kind": "create", "action": "slow", "seconds": "1"},
        {"kind": "create", "action": "html", "status": 200},
        {"kind": "create", "action": "drop", "colour": "red"},
        [],
    ],
)
def test_bad_faults_are_refused(box: Box, body: object) -> None:
    assert code(box.control("POST", "faults", body)) == (400, "invalid_request")
    assert box.post("/campaigns", {"name": "N"}).status_code == 201


def test_unknown_controls(box: Box) -> None:
    assert code(box.control("GET", "nothing")) == (404, "not_found")
    assert box.sandbox.requests() == ()


def test_a_campaign_without_steps_sends_nothing_whoever_clicks(box: Box) -> None:
    campaign = box.draft([])
    box.enroll(campaign, *people(2))
    shown = box.control("POST", f"campaigns/{campaign}/status", {"status": "running"}).json()
    assert (shown["status"], shown["queuedMessages"]) == ("running", 0)


def test_controls_answer_alike_whatever_the_api_speaks(make: Make) -> None:
    box = make(error_envelope="text", shape="reference")
    assert code(box.control("GET", "campaigns/camp_x/leads")) == (404, "campaign_not_found")
    box.draft()
    assert len(box.control("GET", "campaigns").json()["campaigns"]) == 1
