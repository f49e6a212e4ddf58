"""Webhooks: who hears what, signed, once it is stored, and again after a failure."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import trustme
from sandbox.support import KEY, Box, Clock, Json, Make, people

from reconciler.sandbox.app import create_app
from reconciler.sandbox.engine import Sandbox
from reconciler.sandbox.options import SandboxOptions
from reconciler.sandbox.server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVENTS = ["campaign.started", "message.sent", "message.bounced", "reply.received"]
MINUTE = timedelta(minutes=1)


@dataclass
class Listener:
    """An https server that keeps what it is told, and answers the statuses it is given, then 204."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def told(self) -> list[Json]:
        return [json.loads(body) for body in self.bodies]

    @property
    def events(self) -> list[str]:
        return [body["event"] for body in self.told]

    @contextmanager
    def listening(self, authority: trustme.CA) -> Iterator[None]:
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                listener.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                listener.signatures.append(self.headers["X-Leadterra-Signature"])
                status = listener.answers.pop(0) if listener.answers else 204
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"{listener.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(trusted)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.socket = trusted.wrap_socket(server.socket, server_side=True)
            self.url = f"https://localhost:{server.server_address[1]}/hook"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            yield
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def listener(authority: trustme.CA) -> Iterator[Listener]:
    made = Listener()
    with made.listening(authority):
        yield made


@pytest.fixture
def box(make: Make, ca: Path) -> Box:
    return make(webhook_ca=ca)


def hear(box: Box, listener: Listener, *events: str) -> None:
    assert box.post("/webhooks", {"url": listener.url, "events": list(events or EVENTS)}).status_code == 200


def test_everything_that_happens_is_told(box: Box, listener: Listener) -> None:
    hear(box, listener)
    campaign = box.draft()
    box.enroll(campaign, *people(1), {"email": "bounce@example.com"})
    box.post(f"/campaigns/{campaign}/start")
    assert listener.bodies == []
    box.sandbox.advance(MINUTE)
    box.sandbox.add_reply(campaign, "lead0@example.com", snippet="Yes, please")
    box.sandbox.advance(MINUTE)
    assert listener.events == ["campaign.started", "message.sent", "message.sent", "message.bounced", "reply.received"]
    started, sent, _, bounced, replied = listener.told
    assert started == {
        "event": "campaign.started",
        "timestamp": "2026-11-02T09:00:00.000Z",
        "data": {
            "campaignId": campaign,
            "name": "VP Sales",
            "startedAt": "2026-11-02T09:00:00.000Z",
            "leadsEnrolled": 2,
        },
    }
    assert sent["timestamp"] == "2026-11-02T09:00:00.000Z"
    assert sent["data"] == {
        "email": "lead0@example.com",
        "campaignId": campaign,
        "step": 0,
        "sender": "sender1@primary-outbound.example.com",
        "sentAt": "2026-11-02T09:00:00.000Z",
    }
    assert (bounced["data"]["email"], bounced["data"]["classification"]) == ("bounce@example.com", "bounce")
    assert (replied["data"]["threadSnippet"], replied["timestamp"]) == ("Yes, please", "2026-11-02T09:01:00.000Z")


def test_the_raw_body_is_signed_with_the_key_of_the_workspace(box: Box, listener: Listener) -> None:
    hear(box, listener)
    box.started(2)
    box.sandbox.advance(MINUTE)
    assert len(listener.bodies) == 3
    for body, signature in zip(listener.bodies, listener.signatures, strict=True):
        assert signature == hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()


def test_a_webhook_hears_its_events_from_then_on(box: Box, listener: Listener) -> None:
    box.started(1)
    hear(box, listener, "campaign.started")
    campaign = box.started(1)
    box.post(f"/campaigns/{campaign}/pause")
    box.post(f"/campaigns/{campaign}/start")
    box.sandbox.advance(MINUTE)
    assert [body["data"]["campaignId"] for body in listener.told] == [campaign]


@pytest.mark.parametrize("failure", [500, 404, 302])
def test_a_failure_is_tried_again_later_and_later_and_then_given_up(box: Box, listener: Listener, failure: int) -> None:
    hear(box, listener, "campaign.started")
    listener.answers = [failure] * 7
    box.started(1)
    box.sandbox.advance(timedelta())
    for minutes in (1, 5, 30, 120, 480):
        tries = len(listener.bodies)
        box.sandbox.advance(timedelta(minutes=minutes, seconds=-1))
        assert len(listener.bodies) == tries
        box.sandbox.advance(timedelta(seconds=1))
        assert len(listener.bodies) == tries + 1
    box.sandbox.advance(timedelta(days=9))
    assert len(listener.bodies) == 6
    assert len(set(listener.bodies)) == 1


def test_what_was_taken_is_not_told_again(box: Box, listener: Listener) -> None:
    hear(box, listener, "message.sent")
    listener.answers = [200, 500]
    box.started(3)
    box.sandbox.advance(timedelta())
    assert [body["data"]["email"][4] for body in listener.told] == ["0", "1", "2"]
    box.sandbox.advance(timedelta(hours=1))
    assert [body["data"]["email"][4] for body in listener.told] == ["0", "1", "2", "1"]


def test_a_receiver_that_is_away_hears_it_later_and_keeps_nobody_waiting(
    make: Make, ca: Path, authority: trustme.CA, listener: Listener
) -> None:
    box, away = make(webhook_ca=ca), Listener()
    with away.listening(authority):
        hear(box, away, "message.sent")
    hear(box, listener, "message.sent")
    box.started(3)
    box.sandbox.advance(timedelta())
    assert (len(away.bodies), len(listener.bodies)) == (0, 3)
    with box.sandbox._database.read() as db:
        tried = db.execute("SELECT COUNT(*) FROM hook_calls WHERE attempts > 0").fetchone()[0]
    assert tried == 1


@pytest.mark.parametrize("path", [":abc/", ":1/a b", ":1/\N{LATIN SMALL LETTER A WITH DIAERESIS}", ":1/\r\nX: y"])
def test_an_address_that_nobody_can_be_at_keeps_nobody_waiting(box: Box, listener: Listener, path: str) -> None:
    hear(box, Listener(f"https://localhost{path}"), "message.sent")
    hear(box, listener, "message.sent")
    box.started(1)
    box.sandbox.advance(timedelta())
    assert listener.events == ["message.sent"]


def test_a_certificate_that_is_not_trusted_hears_nothing(make: Make, listener: Listener, ca: Path) -> None:
    box = make()
    hear(box, listener)
    box.started(1)
    box.sandbox.advance(timedelta())
    assert listener.bodies == []
    trusting = make(webhook_ca=ca)
    trusting.sandbox.advance(MINUTE)
    assert len(listener.bodies) == 2


def test_what_is_undone_is_told_to_nobody(box: Box, listener: Listener) -> None:
    hear(box, listener)
    campaign = box.draft()
    box.enroll(campaign, *people(1))

    def fail() -> None:
        with box.sandbox.exchange("start", "POST", "/v1", None):
            box.sandbox.start(campaign)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    box.sandbox.advance(MINUTE)
    assert listener.bodies == []


def test_a_served_sandbox_tells_by_itself(database: Path, ca: Path, listener: Listener, clock: Clock) -> None:
    options = SandboxOptions(sending="live", webhook_ca=ca)
    other = Sandbox(database, clock=clock)
    other.add_webhook({"url": listener.url, "events": EVENTS})
    made = other.create({"name": "N", "sequenceSteps": [{"subject": "S", "bodyHtml": "B"}]}).id
    other.enroll(made, {"leads": people(2)})
    other.start(made)
    with serve(create_app(database, options, clock)):
        deadline = time.monotonic() + 10
        while len(listener.bodies) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
    assert listener.events == ["campaign.started", "message.sent", "message.sent"]
