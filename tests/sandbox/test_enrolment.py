from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sandbox.support import Box, Make, code, people

if TYPE_CHECKING:
    import httpx


def counts(answer: httpx.Response) -> tuple[int, int, int]:
    assert answer.status_code == 200
    result = answer.json()["result"]
    return result["enrolled"], result["updated"], result["skipped"]


def test_leads_are_matched_by_trimmed_lower_case_address(box: Box) -> None:
    campaign = box.draft()
    assert counts(box.enroll(campaign, {"email": " Ada@Example.com ", "firstName": "Ada"})) == (1, 0, 0)
    assert counts(box.enroll(campaign, {"email": "ada@example.COM"})) == (0, 1, 0)
    assert [lead.email for lead in box.sandbox.leads(campaign)] == ["ada@example.com"]


def test_only_present_fields_are_overwritten(box: Box) -> None:
    campaign = box.draft()
    box.enroll(campaign, {"email": "a@example.com", "firstName": "Ada", "company": "Old", "plan": 1})
    box.enroll(campaign, {"email": "a@example.com", "company": "New", "jobTitle": None})
    (lead,) = box.sandbox.leads(campaign)
    assert lead.fields == {"firstName": "Ada", "company": "New", "plan": 1, "jobTitle": None}
    assert lead.times_enrolled == 2


def test_one_request_may_name_a_lead_twice(box: Box) -> None:
    campaign = box.draft()
    pair = [{"email": "a@example.com", "firstName": "A"}, {"email": "A@example.com", "firstName": "B"}]
    assert counts(box.enroll(campaign, *pair)) == (1, 1, 0)
    assert [lead.fields for lead in box.sandbox.leads(campaign)] == [{"firstName": "B"}]


def test_campaigns_do_not_share_leads(box: Box) -> None:
    one, two = box.draft(), box.draft()
    assert counts(box.enroll(one, *people(2))) == (2, 0, 0)
    assert counts(box.enroll(two, *people(2))) == (2, 0, 0)


def test_a_draft_queues_nothing(box: Box) -> None:
    campaign = box.draft()
    box.enroll(campaign, *people(5))
    stats = box.get(f"/campaigns/{campaign}/stats").json()
    assert (stats["totalEnrolled"], stats["sent"], stats["queued"]) == (5, 0, 0)
    assert [lead.step for lead in box.sandbox.leads(campaign)] == [None] * 5


def test_bad_leads_are_named_and_none_is_enrolled(box: Box) -> None:
    campaign = box.draft()
    answer = box.enroll(
        campaign,
        *people(2),
        {"firstName": "Nobody"},
        {"email": "not-an-address"},
        "lead@example.com",
        {"email": 5},
        {"email": "x@example.com", "tags": ["a"]},
    )
    assert answer.status_code == 422
    body = answer.json()
    assert [(e["index"], e["email"], e["code"]) for e in body["errors"]] == [
        (2, None, "missing_email"),
        (3, "not-an-address", "invalid_email"),
        (4, None, "invalid_lead"),
        (5, 5, "invalid_email"),
        (6, "x@example.com", "invalid_field"),
    ]
    assert all(e["message"] for e in body["errors"])
    assert body["error"]["code"] == "invalid_leads"
    assert box.sandbox.leads(campaign) == ()


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@", "@example.com", "a@b", "a b@example.com", "a@exam ple.com", "a@@example.com", "a@example..com",
     "a@example.com\nb@example.com", "<a@example.com>", "a@example.com,b@example.com", "x" * 250 + "@example.com"],
)  # fmt: skip
def test_what_is_no_address(box: Box, address: str) -> None:
    campaign = box.draft()
    assert box.enroll(campaign, {"email": address}).status_code == 422


@pytest.mark.parametrize("address", ["a.b+c@mail.example.com", "a_b-c@example.org", "ä@example.net"])
def test_what_is_an_address(box: Box, address: str) -> None:
    assert counts(box.enroll(box.draft(), {"email": address})) == (1, 0, 0)


@pytest.mark.parametrize("body", [{}, {"leads": None}, {"leads": {}}, {"leads": []}])
def test_a_request_without_leads(box: Box, body: object) -> None:
    assert code(box.post(f"/campaigns/{box.draft()}/leads/bulk", body)) == (400, "invalid_request")


def test_the_most_leads_in_one_request(make: Make) -> None:
    box = make(bulk_max=3)
    campaign = box.draft()
    assert code(box.enroll(campaign, *people(4))) == (400, "invalid_request")
    assert box.sandbox.leads(campaign) == ()
    assert counts(box.enroll(campaign, *people(3))) == (3, 0, 0)


def test_a_running_campaign_queues_new_leads_once(box: Box) -> None:
    campaign = box.started(3)
    assert counts(box.enroll(campaign, *people(5))) == (2, 3, 0)
    assert [m.email for m in box.sandbox.messages(campaign)] == [f"lead{n}@example.com" for n in range(5)]
    assert {lead.step for lead in box.sandbox.leads(campaign)} == {0}


def test_a_paused_campaign_queues_new_leads_when_it_resumes(box: Box) -> None:
    campaign = box.started(3)
    box.post(f"/campaigns/{campaign}/pause")
    box.enroll(campaign, *people(5))
    assert len(box.sandbox.messages(campaign)) == 3
    assert box.post(f"/campaigns/{campaign}/start").json()["campaign"]["queuedMessages"] == 5


def test_suppressed_leads_are_skipped_in_every_campaign(box: Box) -> None:
    before, after = box.draft(), box.draft()
    box.enroll(before, *people(3))
    box.post("/suppression-list", {"emails": ["LEAD0@example.com "]})
    assert counts(box.enroll(after, *people(3))) == (2, 0, 1)
    assert counts(box.enroll(before, *people(3))) == (0, 2, 1)
    assert "lead0@example.com" not in {lead.email for lead in box.sandbox.leads(after)}
    started = box.post(f"/campaigns/{before}/start").json()["campaign"]
    assert (started["leadsEnrolled"], started["queuedMessages"]) == (3, 2)


def test_a_large_enrolment(box: Box) -> None:
    campaign = box.draft()
    assert counts(box.enroll(campaign, *people(2_000))) == (2_000, 0, 0)
    assert box.post(f"/campaigns/{campaign}/start").json()["campaign"]["queuedMessages"] == 2_000
