from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sandbox.support import Box, Clock, Make, code, people

if TYPE_CHECKING:
    from reconciler.sandbox.options import Shape


def test_suppression_counts_each_address_once(box: Box) -> None:
    emails = ["a@example.com", "A@example.com ", "b@example.com"]
    answer = box.post("/suppression-list", {"emails": emails}).json()["result"]
    assert answer == {"suppressed": 2, "alreadySuppressed": 0}
    again = box.post("/suppression-list", {"emails": ["a@example.com", "c@example.com"]}).json()["result"]
    assert again == {"suppressed": 1, "alreadySuppressed": 1}
    assert box.sandbox.suppression_list() == ("a@example.com", "b@example.com", "c@example.com")


@pytest.mark.parametrize(
    "emails", [None, [], "a@example.com", ["nobody"], [7], [f"a{n}@example.com" for n in range(1_001)]]
)
def test_a_bad_suppression_adds_nothing(box: Box, emails: object) -> None:
    assert code(box.post("/suppression-list", {"emails": emails})) == (400, "invalid_request")
    assert box.sandbox.suppression_list() == ()


def test_a_thousand_addresses_are_allowed(box: Box) -> None:
    emails = [f"a{n}@example.com" for n in range(1_000)]
    assert box.post("/suppression-list", {"emails": emails}).json()["result"]["suppressed"] == 1_000


def test_suppression_cancels_what_is_queued_everywhere(box: Box) -> None:
    campaigns = [box.started(2), box.started(2)]
    box.post("/suppression-list", {"emails": ["lead1@example.com"]})
    for campaign in campaigns:
        assert [m.state for m in box.sandbox.messages(campaign)] == ["queued", "cancelled"]
        assert box.get(f"/campaigns/{campaign}/stats").json()["totalEnrolled"] == 2


def test_a_reply_ends_the_sequence_of_its_lead_only(box: Box) -> None:
    campaign = box.started(2)
    box.sandbox.add_reply(campaign, " Lead0@example.com", classification="interested")
    assert [m.state for m in box.sandbox.messages(campaign)] == ["cancelled", "queued"]
    assert [lead.ended for lead in box.sandbox.leads(campaign)] == [True, False]
    assert box.sandbox.suppression_list() == ()
    assert box.get(f"/campaigns/{campaign}/stats").json()["replied"] == 1


def test_a_lead_that_replied_is_not_queued_later(box: Box) -> None:
    campaign = box.draft()
    box.enroll(campaign, *people(2))
    box.sandbox.add_reply(campaign, "lead0@example.com")
    assert box.post(f"/campaigns/{campaign}/start").json()["campaign"]["queuedMessages"] == 1


def test_a_bounce_suppresses_the_address(box: Box) -> None:
    campaign, other = box.started(2), box.started(2)
    box.sandbox.add_reply(campaign, "lead0@example.com", classification="bounce")
    assert box.sandbox.suppression_list() == ("lead0@example.com",)
    assert [m.state for m in box.sandbox.messages(other)] == ["cancelled", "queued"]
    stats = box.get(f"/campaigns/{campaign}/stats").json()
    assert (stats["bounced"], stats["replied"]) == (1, 0)


def test_replies_are_filtered_and_newest_first(box: Box, clock: Clock) -> None:
    one, two = box.started(3), box.started(3)
    for campaign, lead, hours in ((one, 0, 2), (two, 0, 1), (one, 1, 3), (one, 2, 1)):
        at = clock.now - timedelta(hours=hours)
        box.sandbox.add_reply(campaign, f"lead{lead}@example.com", received_at=at)
    of_one = box.get("/replies", params={"campaignId": one}).json()
    assert [r["email"] for r in of_one["replies"]] == [f"lead{n}@example.com" for n in (2, 0, 1)]
    assert of_one["pagination"]["total"] == 3
    assert len(box.get("/replies").json()["replies"]) == 4


@pytest.mark.parametrize("shape", ["guide", "reference", "concepts"])
def test_replies_come_in_pages(make: Make, shape: Shape) -> None:
    box = make(shape=shape)
    campaign = box.started(5)
    for n in range(5):
        box.sandbox.add_reply(campaign, f"lead{n}@example.com")
    seen = []
    for page in (1, 2, 3, 4):
        body = box.get("/replies", params={"page": page, "perPage": 2}).json()
        if shape == "guide":
            assert body["pagination"] == {"total": 5, "page": page, "perPage": 2}
        rows = body if shape == "reference" else body["replies" if shape == "guide" else "data"]
        seen.append([row["email"] for row in rows])
    assert seen == [[f"lead{n}@example.com" for n in page] for page in ((4, 3), (2, 1), (0,), ())]


@pytest.mark.parametrize(
    "params",
    [{"page": "0"}, {"page": "-1"}, {"page": "x"}, {"page": ""}, {"page": "9" * 5_000}, {"perPage": "101"},
     {"perPage": "1.5"}, {"page": "\N{SUPERSCRIPT TWO}"}],
)  # fmt: skip
def test_a_page_that_cannot_be(box: Box, params: dict[str, str]) -> None:
    assert code(box.get("/replies", params=params)) == (422, "invalid_page")


@pytest.mark.parametrize(
    ("url", "events"),
    [
        ("http://hooks.example.com", ["message.sent"]),
        ("https://", ["message.sent"]),
        ("https://[bad", ["message.sent"]),
        ("ftp://hooks.example.com", ["message.sent"]),
        (None, ["message.sent"]),
        ("https://hooks.example.com", []),
        ("https://hooks.example.com", None),
        ("https://hooks.example.com", ["message.sent", "message.eaten"]),
        ("https://hooks.example.com", [["message.sent"]]),
    ],
)
def test_a_bad_webhook_is_not_registered(box: Box, url: str | None, events: object) -> None:
    assert code(box.post("/webhooks", {"url": url, "events": events})) == (400, "invalid_request")
    assert box.sandbox.webhooks() == ()


def test_a_webhook_is_kept(box: Box) -> None:
    box.post("/webhooks", {"url": "https://hooks.example.com", "events": ["campaign.started"]})
    (hook,) = box.sandbox.webhooks()
    assert (hook.url, hook.events) == ("https://hooks.example.com", ("campaign.started",))


def test_what_was_sent_stays_sent(box: Box) -> None:
    campaign = box.started(3)
    with box.sandbox._database.write() as db:
        db.execute("UPDATE messages SET state = 'sent'")
    box.sandbox.add_reply(campaign, "lead0@example.com")
    box.post("/suppression-list", {"emails": ["lead1@example.com"]})
    assert [m.state for m in box.sandbox.messages(campaign)] == ["sent"] * 3
    stats = box.get(f"/campaigns/{campaign}/stats").json()
    assert (stats["sent"], stats["delivered"], stats["queued"]) == (3, 3, 0)
    assert stats["replyRate"] == 0.3333
