"""The same promises on a real socket: dropped connections, half bodies, silence."""

import socket
import time

import pytest
from leadterra.fakes import KEY, LEADS, Handler, drop, half, ok, served

from reconciler.diagnostics import ApiError
from reconciler.leadterra import LeadterraClient

DRAFT = {"id": "camp_1", "status": "draft"}


def connect(address: str, **settings: float) -> LeadterraClient:
    return LeadterraClient(address, KEY, allow_writes=True, **{"max_wait": 0.05, "timeout": 5.0, **settings})  # type: ignore[arg-type]


def test_a_whole_conversation() -> None:
    with served(ok(DRAFT)) as (address, seen), connect(address) as api:
        assert api.create("N", (), operation="op-9").id == "camp_1"
        assert api.update("camp_1", "M", ()).id == "camp_1"
    assert seen == [
        ("POST", "/v1/campaigns", b'{"name": "N", "sequenceSteps": []}', "op-9"),
        ("PATCH", "/v1/campaigns/camp_1", b'{"name": "M", "sequenceSteps": []}', None),
    ]


@pytest.mark.parametrize("failure", [drop, half({"enrolled": 2, "updated": 0, "skipped": 0})], ids=["drop", "half"])
def test_an_enrolment_is_sent_again_unchanged(failure: object) -> None:
    answers = [failure, failure, ok({"enrolled": 0, "updated": 2, "skipped": 0})]
    with served(*answers) as (address, seen), connect(address) as api:  # type: ignore[arg-type]
        assert api.enroll("camp_1", LEADS).accepted == 2
    assert len(seen) == 3
    assert len(set(seen)) == 1


@pytest.mark.parametrize("failure", [drop, half(DRAFT)], ids=["drop", "half"])
def test_a_create_is_not(failure: object) -> None:
    with served(failure, ok(DRAFT)) as (address, seen), connect(address) as api:  # type: ignore[arg-type]
        with pytest.raises(ApiError, match=r"the connection was lost .* A draft may exist") as caught:
            api.create("N", (), operation="op-1")
        assert caught.value.sent
        assert len(seen) == 1


def test_silence_ends_with_the_timeout() -> None:
    def sleep(handler: Handler) -> None:
        time.sleep(0.4)

    with served(sleep) as (address, seen), connect(address, timeout=0.1, attempts=2) as api:
        begun = time.monotonic()
        with pytest.raises(ApiError, match=r"no complete answer in time \(0.1 s of silence at most\), tried 2 times"):
            api.sender_pools()
        assert time.monotonic() - begun < 1.5
    assert len(seen) == 2


def test_an_answer_that_trickles_ends_as_well() -> None:
    def trickle(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(b" ")
            time.sleep(0.05)

    with served(trickle) as (address, _), connect(address, timeout=0.2, attempts=1) as api:
        begun = time.monotonic()
        with pytest.raises(ApiError, match="no complete answer in time"):
            api.sender_pools()
        assert time.monotonic() - begun < 1.5


def test_nobody_listening() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with connect(f"http://127.0.0.1:{port}/v1", attempts=2) as api, pytest.raises(ApiError) as caught:
        api.create("N", (), operation="op-1")
    assert "refused" in str(caught.value)
    assert "tried 2 times" in str(caught.value)
    assert not caught.value.sent
    assert caught.value.diagnostics[0].code == "api-unreachable"


def test_no_proxy_gets_between_the_key_and_a_loopback_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(ok({})) as (proxy, through_proxy), served(ok([])) as (address, seen):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.removesuffix("/v1"))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        with connect(address) as api:
            assert api.sender_pools() == ()
    assert through_proxy == []
    assert len(seen) == 1
