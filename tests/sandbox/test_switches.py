from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sandbox.support import Box, Clock, Make, Step, code

from reconciler.sandbox.options import Envelope, SandboxOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer sk_test_other",
        "Basic sk_test_sandbox",
        "sk_test_sandbox",
    ],
)
@pytest.mark.parametrize("path", ["/sender-pools", "/nowhere"])
def test_the_key_is_asked_for(box: Box, header: str, path: str) -> None:
    answer = box.get(path, headers={"Authorization": header})
    assert code(answer) == (401, "authentication_failed")


def test_a_call_with_a_wrong_key_does_nothing(box: Box) -> None:
    assert box.post("/campaigns", {"name": "N"}, headers={"Authorization": "Bearer x"}).status_code == 401
    assert box.sandbox.campaigns() == ()


def test_the_key_can_be_chosen(make: Make) -> None:
    box = make(key="sk_test_mine")
    assert box.get("/sender-pools").status_code == 401
    assert box.get("/sender-pools", headers={"Authorization": "bearer sk_test_mine"}).status_code == 200


@pytest.mark.parametrize(
    ("envelope", "expected"),
    [
        ("nested", {"error": {"code": "campaign_not_found"}}),
        ("flat_error", {"error": "campaign_not_found"}),
        ("code", {"code": "campaign_not_found"}),
    ],
)
def test_error_envelopes(make: Make, envelope: Envelope, expected: Step) -> None:
    answer = make(error_envelope=envelope).get("/campaigns/camp_unknown/stats")
    body = answer.json()
    holder = body["error"] if envelope == "nested" else body
    assert "camp_unknown" in holder.pop("message")
    assert (answer.status_code, body) == (404, expected)


def test_errors_as_text(make: Make) -> None:
    answer = make(error_envelope="text").get("/campaigns/camp_unknown/stats")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text.startswith("campaign_not_found: ")


@pytest.mark.parametrize("envelope", ["nested", "flat_error", "code", "text"])
def test_bad_leads_are_an_array_in_every_envelope(make: Make, envelope: Envelope) -> None:
    box = make(error_envelope=envelope)
    answer = box.enroll(box.draft(), {"email": "nobody"})
    assert answer.status_code == 422
    assert [entry["index"] for entry in answer.json()["errors"]] == [0]


class TestUndocumentedCalls:
    def test_each_can_be_missing(self, make: Make) -> None:
        calls: dict[str, Callable[[Box, str], httpx.Response]] = {
            "get": lambda box, one: box.get(one),
            "list": lambda box, _one: box.get("/campaigns"),
            "patch": lambda box, one: box.client.patch(one, json={"name": "New"}),
        }
        missing = {"get": (404, "not_found"), "list": (405, "method_not_allowed"), "patch": (404, "not_found")}
        for off in calls:
            box = make(undocumented_calls=frozenset(calls) - {off})
            one = f"/campaigns/{box.draft()}"
            for name, call in calls.items():
                answer = call(box, one)
                if name == off:
                    assert code(answer) == missing[name]
                else:
                    assert answer.status_code == 200

    def test_a_missing_patch_changes_nothing_and_a_missing_get_knows_no_campaign(self, make: Make) -> None:
        box = make(undocumented_calls=frozenset())
        campaign = box.draft()
        box.client.patch(f"/campaigns/{campaign}", json={"name": "New"})
        assert box.sandbox.campaign(campaign).name == "VP Sales"
        assert code(box.get("/campaigns/camp_unknown")) == (404, "not_found")
        assert [row.kind for row in box.sandbox.requests()] == ["create", "patch", "get"]

    def test_a_missing_list_still_allows_create(self, make: Make) -> None:
        box = make(undocumented_calls=frozenset())
        assert "POST" in box.get("/campaigns").headers["Allow"]
        assert box.draft()


def test_what_is_nowhere(box: Box) -> None:
    assert code(box.get("/nowhere")) == (404, "not_found")
    assert code(box.get("/sender-pools/")) == (404, "not_found")
    answer = box.client.delete("/sender-pools")
    assert code(answer) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


class TestRate:
    def test_over_the_rate_one_has_to_wait(self, make: Make, clock: Clock) -> None:
        box = make(rate_per_second=2)
        assert [box.get("/sender-pools").status_code for _ in range(3)] == [200, 200, 429]
        answer = box.get("/sender-pools")
        assert code(answer) == (429, "rate_limited")
        assert answer.headers["Retry-After"] == "1"
        clock.forward(0.5)
        assert [box.get("/sender-pools").status_code for _ in range(2)] == [200, 429]

    def test_the_wait_is_long_enough(self, make: Make, clock: Clock) -> None:
        box = make(rate_per_second=0.3)
        assert box.get("/sender-pools").status_code == 200
        wait = box.get("/sender-pools").headers["Retry-After"]
        assert wait == "4"
        clock.forward(int(wait) - 1)
        assert box.get("/sender-pools").status_code == 429
        clock.forward(1)
        assert box.get("/sender-pools").status_code == 200

    def test_a_call_over_the_rate_does_nothing_and_is_logged(self, make: Make) -> None:
        box = make(rate_per_second=1)
        box.draft()
        assert box.post("/campaigns", {"name": "N"}).status_code == 429
        assert len(box.sandbox.campaigns()) == 1
        assert [(r.status, r.carried_out) for r in box.sandbox.requests()] == [(201, True), (429, False)]

    def test_a_wrong_key_costs_nothing(self, make: Make) -> None:
        box = make(rate_per_second=1)
        for _ in range(3):
            assert box.get("/sender-pools", headers={"Authorization": "Bearer x"}).status_code == 401
        assert box.get("/sender-pools").status_code == 200

    def test_servers_on_one_file_share_the_rate(self, make: Make) -> None:
        one, two = make(rate_per_second=1), make(rate_per_second=1)
        assert one.get("/sender-pools").status_code == 200
        assert two.get("/sender-pools").status_code == 429

    def test_controls_have_no_rate(self, make: Make) -> None:
        box = make(rate_per_second=1)
        assert [box.control("GET", "requests").status_code for _ in range(3)] == [200] * 3
        assert box.get("/sender-pools").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": "blog"},
        {"error_envelope": "xml"},
        {"start_without_leads": "maybe"},
        {"undocumented_calls": frozenset({"delete"})},
        {"key": ""},
        {"rate_per_second": 0},
        {"rate_per_second": float("nan")},
        {"bulk_max": 0},
    ],
)
def test_options_no_server_could_follow(wrong: Step) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SandboxOptions(**wrong)
