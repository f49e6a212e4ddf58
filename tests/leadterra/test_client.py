"""What is sent, by whom, and what never is."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from leadterra.fakes import BASE, KEY, LEADS, client, reply

from reconciler.diagnostics import ApiError, ReconcilerError
from reconciler.leadterra import LeadterraClient, ReadOnlyError
from reconciler.model.campaign import SequenceStep
from reconciler.model.roster import Lead

STEPS = (SequenceStep(subject="Hi {{firstName}} é", body_html="<p>😀</p>", delay_days=3),)
WRITES: list[Callable[[LeadterraClient], Any]] = [
    lambda api: api.create("N", STEPS, operation="op-1"),
    lambda api: api.update("camp_1", "N", STEPS),
    lambda api: api.enroll("camp_1", LEADS),
    lambda api: api.start("camp_1"),
    lambda api: api.pause("camp_1"),
    lambda api: api.suppress(["ada@example.com"]),
]


@pytest.mark.parametrize("write", WRITES)
def test_a_reading_client_sends_nothing_but_get(write: Callable[[LeadterraClient], Any]) -> None:
    api, script = client(reply(data={}), allow_writes=False)
    with pytest.raises(ReadOnlyError, match="may only read"):
        write(api)
    assert script.requests == []


def test_every_public_method_is_a_read_or_a_known_write() -> None:
    """A new method that writes must be added to the list above."""
    public = {name for name in vars(LeadterraClient) if not name.startswith("_")}
    reads = {"sender_pools", "sender_accounts", "campaigns", "campaign", "stats", "replies", "glance"}
    assert public - reads - {"close"} == {"create", "update", "enroll", "start", "pause", "suppress"}


def test_a_reading_client_reads() -> None:
    api, script = client(reply(data=[]), allow_writes=False)
    assert (api.sender_pools(), api.sender_accounts(), api.campaigns()) == ((), (), ())
    assert {request.method for request in script.requests} == {"GET"}


def test_what_a_create_and_an_update_send() -> None:
    api, script = client(reply(data={"id": "camp_1"}))
    api.create("N", STEPS, operation="op-1")
    api.update("camp_1", "M", STEPS)
    steps = [{"subject": "Hi {{firstName}} é", "bodyHtml": "<p>😀</p>", "delayDays": 3}]
    assert [json.loads(request.content) for request in script.requests] == [
        {"name": "N", "sequenceSteps": steps},
        {"name": "M", "sequenceSteps": steps},
    ]
    assert script.calls == ["POST /v1/campaigns", "PATCH /v1/campaigns/camp_1"]
    for request in script.requests:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["content-type"] == "application/json"
    assert script.requests[0].headers["idempotency-key"] == "op-1"
    assert "idempotency-key" not in script.requests[1].headers


def test_what_an_enrolment_sends() -> None:
    """A column called email never takes the place of the address that was checked."""
    api, script = client(reply(data={"enrolled": 1, "updated": 0, "skipped": 0}))
    api.enroll(
        "camp_1", [Lead("ada@example.com", {"email": "eve@example.net", "firstName": "Ada", "x y": "\ud800"}, 2)]
    )
    assert json.loads(script.requests[0].content) == {
        "leads": [{"email": "ada@example.com", "firstName": "Ada", "x y": "\ud800"}]
    }


@pytest.mark.parametrize("campaign_id", ["", "..", "a/b", "a b", "camp_1?x=1", "camp_1\n", "a%2fb", "é", "x" * 129])
def test_an_id_that_is_none_sends_nothing(campaign_id: str) -> None:
    api, script = client(reply(data={}))
    calls: list[Callable[[], Any]] = [
        lambda: api.campaign(campaign_id),
        lambda: api.stats(campaign_id),
        lambda: api.update(campaign_id, "N", ()),
        lambda: api.enroll(campaign_id, LEADS),
        lambda: api.start(campaign_id),
        lambda: api.pause(campaign_id),
    ]
    for call in calls:
        with pytest.raises(ApiError, match="is not the id of a campaign") as caught:
            call()
        assert not caught.value.sent
    assert script.requests == []


def test_an_operation_that_is_no_header_sends_nothing() -> None:
    api, script = client(reply(data={}))
    with pytest.raises(ValueError, match="operation"):
        api.create("N", (), operation="a\r\nX-Evil: 1")
    assert script.requests == []


def test_the_client_closes_its_connections() -> None:
    class Closing(httpx.MockTransport):
        closed = False

        def close(self) -> None:
            self.closed = True

    transport = Closing(lambda _: reply(data=[]))
    with LeadterraClient(BASE, KEY, allow_writes=False, transport=transport) as api:
        api.sender_pools()
    assert transport.closed


def test_a_proxy_that_cannot_be_used_is_a_diagnostic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://user:secretword@proxy.example.com")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(ReconcilerError, match="proxy or the certificates") as caught:
        LeadterraClient(BASE, KEY, allow_writes=False)
    assert "secretword" not in f"{caught.value!r}{caught.value.diagnostics}"


def test_importing_the_room_costs_nothing() -> None:
    program = (
        "import sys; from reconciler.leadterra import key_kind, check_base_url;"
        "key_kind('sk_live_x'); check_base_url('https://api.example.com');"
        "print([name for name in ('httpx', 'stamina', 'tenacity', 'httpcore', 'ssl') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
