from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from sandbox.support import STEPS, Box, Clock, Make, code, people

if TYPE_CHECKING:
    import httpx

UNKNOWN = "camp_unknown"


def test_create_without_steps(box: Box) -> None:
    made = box.post("/campaigns", {"name": "Bare"}).json()["campaign"]
    assert made["stepCount"] == 0


def test_unknown_fields_are_ignored(box: Box) -> None:
    assert box.post("/campaigns", {"name": "N", "colour": "red"}).status_code == 201


def test_a_step_without_delay_follows_at_once(box: Box) -> None:
    campaign = box.draft([{"subject": "S", "bodyHtml": "<p>B</p>"}])
    read = box.get(f"/campaigns/{campaign}").json()["campaign"]
    assert read["sequenceSteps"] == [{"subject": "S", "bodyHtml": "<p>B</p>", "delayDays": 0}]


STEP = {"subject": "S", "bodyHtml": "<p>B</p>"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "  "},
        {"name": 7},
        {"name": None},
        {"name": "N", "sequenceSteps": None},
        {"name": "N", "sequenceSteps": {}},
        {"name": "N", "sequenceSteps": ["step"]},
        {"name": "N", "sequenceSteps": [{"bodyHtml": "B"}]},
        {"name": "N", "sequenceSteps": [{"subject": " ", "bodyHtml": "B"}]},
        {"name": "N", "sequenceSteps": [{"subject": "S"}]},
        {"name": "N", "sequenceSteps": [{"subject": "S", "bodyHtml": 1}]},
        {"name": "N", "sequenceSteps": [STEP | {"delayDays": -1}]},
        {"name": "N", "sequenceSteps": [STEP | {"delayDays": 1.5}]},
        {"name": "N", "sequenceSteps": [STEP | {"delayDays": 3.0}]},
        {"name": "N", "sequenceSteps": [STEP | {"delayDays": "3"}]},
        {"name": "N", "sequenceSteps": [STEP | {"delayDays": True}]},
        {"name": "N", "sequenceSteps": [STEP | {"delayDays": None}]},
        {"name": "N", "sequenceSteps": [STEP | {"delayDays": 10**30}]},
        ["name"],
        "name",
    ],
)
def test_a_bad_body_makes_nothing(box: Box, body: object) -> None:
    answer = box.post("/campaigns", body)
    assert code(answer) == (400, "invalid_request")
    assert answer.json()["error"]["message"]
    assert box.sandbox.campaigns() == ()


@pytest.mark.parametrize(
    "raw",
    [b"", b"name=N", b'{"name": "N"', b"\xff\xfe", b'{"name": NaN}', b'{"name": "\\ud800"}', b"[" * 100_000],
)
def test_what_is_not_json_is_refused(box: Box, raw: bytes) -> None:
    for path in ("/campaigns", "/suppression-list", "/webhooks", f"/campaigns/{box.draft()}/leads/bulk"):
        answer = box.client.post(path, content=raw, headers={"Content-Type": "application/json"})
        assert code(answer) == (400, "invalid_request")


def test_every_call_on_an_unknown_campaign(box: Box) -> None:
    one = f"/campaigns/{UNKNOWN}"
    answers = [
        box.get(one),
        box.client.patch(one, json={"name": "N"}),
        box.enroll(UNKNOWN, *people(1)),
        box.post(f"{one}/start"),
        box.post(f"{one}/pause"),
        box.get(f"{one}/stats"),
        box.get("/replies", params={"campaignId": UNKNOWN}),
    ]
    assert [code(answer) for answer in answers] == [(404, "campaign_not_found")] * 7


def test_start_and_pause(box: Box, clock: Clock) -> None:
    campaign = box.draft()
    box.enroll(campaign, *people(3))
    one = f"/campaigns/{campaign}"
    assert box.post(f"{one}/pause").json()["campaign"]["status"] == "draft"
    assert box.get(f"{one}/stats").json()["queued"] == 0

    first = box.post(f"{one}/start").json()["campaign"]
    assert (first["status"], first["leadsEnrolled"], first["queuedMessages"]) == ("running", 3, 3)
    clock.forward(60)
    assert box.post(f"{one}/start").json()["campaign"] == first

    assert box.post(f"{one}/pause").json()["campaign"]["status"] == "paused"
    assert box.post(f"{one}/pause").json()["campaign"]["status"] == "paused"
    assert box.get(f"{one}/stats").json()["status"] == "paused"
    assert box.post(f"{one}/start").json()["campaign"] == first

    state = box.sandbox.campaign(campaign)
    assert (state.starts, state.resumes) == (1, 1)
    assert [(m.email, m.step, m.state) for m in box.sandbox.messages(campaign)] == [
        (f"lead{n}@example.com", 0, "queued") for n in range(3)
    ]


def test_the_first_delay_counts_from_the_start(box: Box) -> None:
    campaign = box.draft([STEP | {"delayDays": 2}])
    box.enroll(campaign, *people(1))
    box.post(f"/campaigns/{campaign}/start")
    assert [m.due_at for m in box.sandbox.messages(campaign)] == ["2026-11-04T09:00:00.000Z"]


def test_a_start_needs_leads(box: Box) -> None:
    campaign = box.draft()
    assert code(box.post(f"/campaigns/{campaign}/start")) == (400, "no_leads_enrolled")
    assert box.sandbox.campaign(campaign).status == "draft"


def test_a_start_needs_steps(box: Box) -> None:
    campaign = box.draft([])
    box.enroll(campaign, *people(1))
    assert code(box.post(f"/campaigns/{campaign}/start")) == (400, "no_sequence_steps")
    assert box.sandbox.campaign(campaign).status == "draft"


def test_the_guides_start_waits_for_leads(make: Make) -> None:
    box = make(start_without_leads="run")
    campaign = box.draft()
    started = box.post(f"/campaigns/{campaign}/start").json()["campaign"]
    assert (started["status"], started["queuedMessages"]) == ("running", 0)
    box.enroll(campaign, *people(2))
    assert box.get(f"/campaigns/{campaign}/stats").json()["queued"] == 2
    assert code(box.post(f"/campaigns/{box.draft([])}/start")) == (400, "no_sequence_steps")


def test_a_draft_can_be_changed(box: Box) -> None:
    campaign = box.draft()
    one = f"/campaigns/{campaign}"
    renamed = box.client.patch(one, json={"name": "New"}).json()["campaign"]
    assert (renamed["id"], renamed["name"], renamed["sequenceSteps"]) == (campaign, "New", STEPS)
    shorter = box.client.patch(one, json={"sequenceSteps": STEPS[:1]}).json()["campaign"]
    assert (shorter["name"], shorter["sequenceSteps"]) == ("New", STEPS[:1])
    assert box.client.patch(one, json={}).json()["campaign"] == shorter
    assert box.get(one).json()["campaign"] == shorter


@pytest.mark.parametrize("body", [{"name": ""}, {"sequenceSteps": [{}]}, {"sequenceSteps": None}, []])
def test_a_bad_change_changes_nothing(box: Box, body: object) -> None:
    campaign = box.draft()
    before = box.sandbox.campaign(campaign)
    assert code(box.client.patch(f"/campaigns/{campaign}", json=body)) == (400, "invalid_request")
    assert box.sandbox.campaign(campaign) == before


@pytest.mark.parametrize("body", [{"name": "New"}, {"sequenceSteps": []}])
@pytest.mark.parametrize("pause", [True, False])
def test_what_is_no_draft_is_frozen(box: Box, body: object, *, pause: bool) -> None:
    campaign = box.started()
    if pause:
        box.post(f"/campaigns/{campaign}/pause")
    before = box.sandbox.campaign(campaign)
    assert code(box.client.patch(f"/campaigns/{campaign}", json=body)) == (400, "steps_frozen")
    assert box.sandbox.campaign(campaign) == before


class TestIdempotencyKey:
    BODY = {"name": "Once", "sequenceSteps": [STEP]}

    def post(self, box: Box, body: object, key: str = "op-1") -> httpx.Response:
        return box.post("/campaigns", body, headers={"Idempotency-Key": key})

    def test_the_same_body_answers_the_first_result(self, box: Box, clock: Clock) -> None:
        first = self.post(box, self.BODY)
        clock.forward(3600)
        again = self.post(box, dict(reversed(self.BODY.items())))
        assert (again.status_code, again.json()) == (201, first.json())
        assert len(box.sandbox.campaigns()) == 1

    def test_the_first_result_is_that_of_then(self, box: Box) -> None:
        first = self.post(box, self.BODY)
        campaign = first.json()["campaign"]["id"]
        box.client.patch(f"/campaigns/{campaign}", json={"name": "Later"})
        assert self.post(box, self.BODY).json() == first.json()
        assert box.sandbox.campaign(campaign).name == "Later"

    def test_another_body_is_refused(self, box: Box) -> None:
        self.post(box, self.BODY)
        assert code(self.post(box, self.BODY | {"name": "Twice"})) == (422, "idempotency_key_reused")
        assert len(box.sandbox.campaigns()) == 1

    def test_another_key_or_none_makes_another_campaign(self, box: Box) -> None:
        for headers in (
            {"Idempotency-Key": "a"},
            {"Idempotency-Key": "b"},
            {},
            {},
            {"Idempotency-Key": ""},
            {"Idempotency-Key": ""},
        ):
            assert box.post("/campaigns", self.BODY, headers=headers).status_code == 201
        assert len(box.sandbox.campaigns()) == 6

    def test_a_refused_body_does_not_use_up_the_key(self, box: Box) -> None:
        assert self.post(box, {}).status_code == 400
        assert self.post(box, self.BODY).status_code == 201


def test_counters_shift_what_is_counted(box: Box) -> None:
    campaign = box.started(10)
    box.control("POST", f"campaigns/{campaign}/counters", {"sent": 8, "bounced": 2, "queued": 2, "opened": 3})
    box.sandbox.add_reply(campaign, "lead0@example.com")
    stats = box.get(f"/campaigns/{campaign}/stats").json()
    assert (stats["sent"], stats["bounced"], stats["delivered"], stats["replied"]) == (8, 2, 6, 1)
    assert (stats["openRate"], stats["replyRate"]) == (0.5, 0.1667)
    assert stats["queued"] == 1  # the reply ended one sequence
    box.enroll(campaign, *people(5, first=10))
    assert box.get(f"/campaigns/{campaign}/stats").json()["queued"] == 6
    box.control("POST", f"campaigns/{campaign}/counters", {"totalEnrolled": 7, "delivered": 1})
    stats = box.get(f"/campaigns/{campaign}/stats").json()
    assert (stats["totalEnrolled"], stats["delivered"], stats["openRate"]) == (7, 1, 1.0)


def test_answers_are_json(box: Box) -> None:
    answer = box.get(f"/campaigns/{box.draft()}")
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.content)["campaign"]["startedAt"] is None
