"""What an answer that is no success means, in every documented envelope."""

from typing import Any

import httpx
import pytest
from leadterra.fakes import LEADS, Json, client, page, reply

from reconciler.diagnostics import ApiError, CallMissingError, CampaignGoneError
from reconciler.leadterra import LeadterraClient


def envelopes(code: str, message: str = "Some words") -> list[dict[str, Any]]:
    return [
        {"error": {"code": code, "message": message}},
        {"error": code, "message": message},
        {"code": code, "message": message},
    ]


def refused(api: LeadterraClient, call: str = "start") -> ApiError:
    with pytest.raises(ApiError) as caught:
        {
            "start": lambda: api.start("camp_1"),
            "stats": lambda: api.stats("camp_1"),
            "campaign": lambda: api.campaign("camp_1"),
            "campaigns": api.campaigns,
            "pools": api.sender_pools,
            "update": lambda: api.update("camp_1", "N", ()),
            "create": lambda: api.create("N", (), operation="op-1"),
            "enroll": lambda: api.enroll("camp_1", LEADS),
        }[call]()
    return caught.value


@pytest.mark.parametrize("form", range(3))
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "no_leads_enrolled"),
        (400, "no_sequence_steps"),
        (400, "invalid_request"),
        (404, "workspace_not_found"),
        (409, "odd"),
    ],
)
def test_a_refusal_carries_code_and_message(status: int, code: str, form: int) -> None:
    api, script = client(reply(status, envelopes(code)[form]))
    error = refused(api)
    assert type(error) is ApiError
    assert (error.status, error.api_code, error.sent) == (status, code, False)
    assert str(error) == f"POST /campaigns/camp_1/start: refused with {status} ({code}: Some words)."
    assert error.diagnostics[0].code == "api-refused"
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "refused with 400."),
        ([], "refused with 400."),
        (None, "refused with 400."),
        ({"error": "Something went wrong"}, "refused with 400 (Something went wrong)."),
        ({"error": {"code": 3, "message": 4}}, "refused with 400."),
        ({"error": None, "message": "Bad"}, "refused with 400 (Bad)."),
        ({"error": {"message": "x" * 5000}}, "refused with 400 (" + "x" * 199 + "…)."),
        ({"error": {"message": "a\x1b[31mb\r\nc\u202ed"}}, "refused with 400 (a [31mb c d)."),
    ],
)
def test_odd_envelopes(data: Json, said: str) -> None:
    api, _ = client(reply(400, data))
    error = refused(api)
    assert str(error).endswith(said)
    assert error.api_code is None


@pytest.mark.parametrize("form", range(3))
@pytest.mark.parametrize("call", ["start", "stats", "campaign", "update", "enroll"])
def test_a_campaign_that_is_gone(call: str, form: int) -> None:
    api, _ = client(reply(404, envelopes("campaign_not_found")[form]))
    error = refused(api, call)
    assert isinstance(error, CampaignGoneError)
    assert error.api_code == "campaign_not_found"


@pytest.mark.parametrize("call", ["campaign", "update", "campaigns"])
@pytest.mark.parametrize(
    ("status", "data"),
    [
        (404, {"error": "Not found"}),
        (404, {}),
        (404, {"code": "not_found"}),
        (405, {"error": "x"}),
        (501, {"message": "no"}),
    ],
)
def test_only_a_json_answer_shows_that_an_undocumented_call_is_missing(call: str, status: int, data: Json) -> None:
    api, _ = client(reply(status, data))
    error = refused(api, call)
    assert isinstance(error, CallMissingError)
    assert (error.status, error.sent) == (status, False)


@pytest.mark.parametrize("call", ["campaign", "update", "campaigns"])
@pytest.mark.parametrize(
    "answer",
    [page(404), page(405, "no", "text/plain"), page(501), reply(404, {"code": "workspace_not_found"}), reply(404, [])],
)
def test_another_answer_proves_nothing(call: str, answer: httpx.Response) -> None:
    api, _ = client(answer)
    assert type(refused(api, call)) is ApiError


@pytest.mark.parametrize("call", ["start", "stats", "create", "enroll", "pools"])
@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_documented_call_is_never_taken_for_missing(call: str, status: int) -> None:
    api, _ = client(reply(status, {"error": "Not found"}))
    error = refused(api, call)
    assert type(error) is ApiError
    assert error.sent is False


@pytest.mark.parametrize("answer", [reply(401, {"code": "authentication_failed"}), reply(401, {}), page(401)])
def test_a_refused_key(answer: httpx.Response) -> None:
    api, script = client(answer)
    error = refused(api, "pools")
    assert "GET /sender-pools: the API key was refused (401)" in str(error)
    assert error.diagnostics[0].code == "api-unauthorized"
    assert "LEADTERRA_API_KEY" in (error.diagnostics[0].hint or "")
    assert ("proxy" in (error.diagnostics[0].hint or "")) == (answer.headers["content-type"] == "text/html")
    assert len(script.requests) == 1


def test_a_key_that_may_not() -> None:
    api, _ = client(reply(403, {"code": "forbidden"}))
    error = refused(api)
    assert "may not do this (403)" in str(error)
    assert error.diagnostics[0].code == "api-unauthorized"
    assert error.api_code == "forbidden"


@pytest.mark.parametrize("answer", [page(), page(400), page(404), page(200, "{}", "text/plain"), httpx.Response(204)])
def test_an_answer_that_is_not_leadterras(answer: httpx.Response) -> None:
    api, script = client(answer)
    error = refused(api, "pools")
    assert "instead of JSON" in str(error)
    assert error.diagnostics[0].code == "api-answer"
    assert "LEADTERRA_BASE_URL" in (error.diagnostics[0].hint or "")
    assert "proxy" in (error.diagnostics[0].hint or "")
    assert "html>" not in str(error)
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300, 304])
def test_a_redirect_is_not_followed(status: int) -> None:
    api, script = client(reply(status, None, location="https://evil.example.net/grab?key=1"))
    error = refused(api, "create")
    assert f"redirect ({status}) to evil.example.net, which is not followed" in str(error)
    assert "grab" not in str(error)
    assert error.sent
    assert [request.url.host for request in script.requests] == ["api.example.com"]


@pytest.mark.parametrize(("status", "location"), [(302, ""), (302, "/v2"), (300, "https://[")])
def test_a_redirect_to_nowhere(status: int, location: str) -> None:
    api, _ = client(reply(status, None, location=location))
    assert f"redirect ({status}), which" in str(refused(api))


def test_lines_of_refused_leads_are_told_without_their_data() -> None:
    errors = [{"email": "ada@EXAMPLE.com", "message": "bad Ada"}, {"email": "else@example.net"}, "Bob", {"email": 3}]
    api, _ = client(reply(422, {"error": {"code": "invalid_request", "message": "ada@example.com"}, "errors": errors}))
    error = refused(api, "enroll")
    assert str(error) == (
        "POST /campaigns/camp_1/leads/bulk: refused with 422 (invalid_request); 2 leads sent, 1 of them named "
        "(line 2 of the list)."
    )
    assert (error.api_code, error.sent) == ("invalid_request", False)


@pytest.mark.parametrize("errors", [None, {}, "x", []])
def test_a_refused_enrolment_without_a_usable_list_of_errors(errors: Json) -> None:
    api, _ = client(reply(422, {"code": "Ada", "errors": errors}))
    error = refused(api, "enroll")
    assert "refused with 422" in str(error)
    assert error.api_code is None
    assert "Ada" not in str(error)


def test_an_answer_that_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.leadterra.transport.LARGEST_ANSWER", 1024 * 1024)
    api, script = client(page(200, "[" + " " * 1024 * 1024 + "]", "application/json"))
    error = refused(api, "pools")
    assert "the answer is larger than 1 MB" in str(error)
    assert len(script.requests) == 1
