"""Faults on a real port, as a client meets them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest
from sandbox.support import Box, Json, Make, Step, code

from reconciler.sandbox.faults import Fault
from reconciler.sandbox.server import serve
from reconciler.sandbox.wire import DroppedConnectionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.sandbox.faults import Action

CREATE = {"name": "N"}


@pytest.fixture
def port(box: Box) -> Iterator[Box]:
    with (
        serve(box.app) as server,
        httpx.Client(base_url=server.url, headers=dict(box.client.headers), timeout=10) as client,
    ):
        box.client.close()
        box.client = client
        yield box


def fault(box: Box, kind: str, action: str, **more: Json) -> None:
    base = str(box.client.base_url).removesuffix("/v1/")
    answer = box.client.post(f"{base}/_sandbox/faults", json={"kind": kind, "action": action} | more)
    assert answer.status_code == 204


def last(box: Box) -> tuple[int | None, bool]:
    row = box.sandbox.requests()[-1]
    return row.status, row.carried_out


def test_no_fault(port: Box) -> None:
    assert port.post("/campaigns", CREATE).status_code == 201
    assert last(port) == (201, True)


def test_drop_carries_out_and_does_not_answer(port: Box, capfd: pytest.CaptureFixture[str]) -> None:
    fault(port, "create", "drop", nth=1)
    with pytest.raises(httpx.RemoteProtocolError):
        port.post("/campaigns", CREATE)
    assert len(port.sandbox.campaigns()) == 1
    assert last(port) == (None, True)
    assert port.post("/campaigns", CREATE).status_code == 201
    assert capfd.readouterr() == ("", "")


def test_drop_of_a_refused_call_carries_out_nothing(port: Box) -> None:
    fault(port, "create", "drop", nth=1)
    with pytest.raises(httpx.RemoteProtocolError):
        port.post("/campaigns", {})
    assert last(port) == (None, False)


def test_drop_before_does_nothing(port: Box, capfd: pytest.CaptureFixture[str]) -> None:
    fault(port, "create", "drop_before", nth=1)
    with pytest.raises(httpx.RemoteProtocolError):
        port.post("/campaigns", CREATE | {"padding": "x" * 1_000_000})
    assert port.sandbox.campaigns() == ()
    assert last(port) == (None, False)
    assert port.post("/campaigns", CREATE).status_code == 201
    assert capfd.readouterr() == ("", "")


def test_late_is_carried_out_when_nobody_waits(port: Box, capfd: pytest.CaptureFixture[str]) -> None:
    fault(port, "create", "late", nth=1, seconds=0.3)
    with pytest.raises(httpx.RemoteProtocolError):
        port.post("/campaigns", CREATE)
    assert port.sandbox.campaigns() == ()
    assert last(port) == (None, False)
    until = time.monotonic() + 10
    while not port.sandbox.campaigns():
        assert time.monotonic() < until
        time.sleep(0.02)
    assert [item.name for item in port.sandbox.campaigns()] == [CREATE["name"]]
    assert [(item.kind, item.carried_out) for item in port.sandbox.requests()] == [("create", False), ("late", True)]
    assert capfd.readouterr() == ("", "")


def test_half_an_answer(port: Box, capfd: pytest.CaptureFixture[str]) -> None:
    fault(port, "create", "half", nth=1)
    with port.client.stream("POST", "/campaigns", json=CREATE) as answer:
        assert answer.status_code == 201
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
        assert answer.num_bytes_downloaded == int(answer.headers["Content-Length"]) // 2
    assert len(port.sandbox.campaigns()) == 1
    assert last(port) == (201, True)
    assert port.post("/campaigns", CREATE).status_code == 201
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("action", "status", "code"),
    [("error500", 500, "internal_error"), ("error503", 503, "service_unavailable")],
)
def test_server_errors_carry_out_nothing(port: Box, action: Action, status: int, code: str) -> None:
    fault(port, "create", action, nth=1)
    answer = port.post("/campaigns", CREATE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "Retry-After" not in answer.headers
    assert port.sandbox.campaigns() == ()
    assert last(port) == (status, False)


def test_503_may_say_when_to_come_back(port: Box) -> None:
    fault(port, "pools", "error503", nth=1, retryAfter=7)
    assert port.get("/sender-pools").headers["Retry-After"] == "7"


def test_an_error_after_the_deed(port: Box) -> None:
    fault(port, "create", "error500_after", nth=1)
    assert port.post("/campaigns", CREATE).status_code == 500
    assert len(port.sandbox.campaigns()) == 1
    assert last(port) == (500, True)


def test_a_late_answer(port: Box) -> None:
    fault(port, "create", "slow", nth=1, seconds=0.3)
    begin = time.monotonic()
    assert port.post("/campaigns", CREATE).status_code == 201
    assert time.monotonic() - begin >= 0.3


def test_a_client_that_does_not_wait(port: Box, capfd: pytest.CaptureFixture[str]) -> None:
    fault(port, "create", "slow", nth=1, seconds=0.4)
    with pytest.raises(httpx.ReadTimeout):
        port.post("/campaigns", CREATE, timeout=0.15)
    time.sleep(0.4)
    assert len(port.sandbox.campaigns()) == 1
    assert capfd.readouterr() == ("", "")


def test_a_slow_answer_holds_up_nobody_else(port: Box) -> None:
    fault(port, "create", "slow", nth=1, seconds=0.5)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(port.post, "/campaigns", CREATE)
        while not port.sandbox.campaigns():
            time.sleep(0.005)
        assert port.get("/sender-pools").status_code == 200
        assert not slow.done()
        assert slow.result().status_code == 201


@pytest.mark.parametrize(("more", "status"), [({}, 502), ({"status": 404}, 404)])
def test_a_proxys_page(port: Box, more: Step, status: int) -> None:
    fault(port, "create", "html", nth=1, **more)
    answer = port.post("/campaigns", CREATE)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert port.sandbox.campaigns() == ()
    assert last(port) == (status, False)


@pytest.mark.parametrize(("more", "wait"), [({}, "1"), ({"retryAfter": 3}, "3"), ({"retryAfter": 0}, "0")])
def test_a_rate_without_a_limit(port: Box, more: Step, wait: str) -> None:
    fault(port, "start", "rate", nth=1, **more)
    campaign = port.draft()
    answer = port.post(f"/campaigns/{campaign}/start")
    assert code(answer) == (429, "rate_limited")
    assert answer.headers["Retry-After"] == wait


def test_any_documented_refusal(port: Box) -> None:
    fault(port, "pools", "reject", nth=1, status=404, code="workspace_not_found")
    assert code(port.get("/sender-pools")) == (404, "workspace_not_found")
    assert last(port) == (404, False)


def test_the_envelope_of_faults(make: Make) -> None:
    box = make(error_envelope="code")
    box.control("POST", "faults", {"kind": "pools", "action": "error500"})
    assert box.get("/sender-pools").json()["code"] == "internal_error"


class TestCounting:
    """Which calls meet a fault; 500 means met."""

    def codes(self, box: Box, count: int) -> list[int]:
        return [box.get("/sender-pools").status_code for _ in range(count)]

    def test_the_nth_call_only(self, box: Box) -> None:
        box.get("/sender-pools")
        box.control("POST", "faults", {"kind": "pools", "action": "error500", "nth": 2})
        box.get("/sender-accounts")
        assert self.codes(box, 4) == [200, 500, 200, 200]

    def test_several_from_the_nth_on(self, box: Box) -> None:
        box.control("POST", "faults", {"kind": "pools", "action": "error500", "nth": 2, "times": 2})
        assert self.codes(box, 5) == [200, 500, 500, 200, 200]

    def test_every_call_until_cleared(self, box: Box) -> None:
        box.control("POST", "faults", {"kind": "pools", "action": "error500", "nth": None})
        assert self.codes(box, 3) == [500] * 3
        assert box.get("/sender-accounts").status_code == 200
        assert box.control("DELETE", "faults").status_code == 204
        assert self.codes(box, 2) == [200] * 2

    def test_the_first_few(self, box: Box) -> None:
        box.control("POST", "faults", {"kind": "pools", "action": "error500", "times": 2})
        assert self.codes(box, 3) == [500, 500, 200]

    def test_faults_queue_behind_each_other(self, box: Box) -> None:
        box.control("POST", "faults", {"kind": "pools", "action": "error500", "times": 1})
        box.control("POST", "faults", {"kind": "pools", "action": "error503", "times": 1})
        box.control("POST", "faults", {"kind": "pools", "action": "html", "nth": 3})
        assert self.codes(box, 4) == [500, 503, 502, 200]

    def test_refused_calls_count(self, box: Box) -> None:
        box.control("POST", "faults", {"kind": "pools", "action": "error500", "nth": 2})
        assert box.get("/sender-pools", headers={"Authorization": "x"}).status_code == 401
        assert self.codes(box, 1) == [500]

    def test_faults_are_shared_by_servers_on_one_file(self, make: Make) -> None:
        one, two = make(), make()
        one.control("POST", "faults", {"kind": "pools", "action": "error500", "nth": 2})
        assert self.codes(one, 1) + self.codes(two, 2) == [200, 500, 200]


@pytest.mark.parametrize(("action", "made"), [("drop", 1), ("drop_before", 0), ("half", 1)])
def test_in_process_the_caller_is_told(box: Box, action: Action, made: int) -> None:
    box.control("POST", "faults", {"kind": "create", "action": action})
    with pytest.raises(DroppedConnectionError):
        box.post("/campaigns", CREATE)
    assert len(box.sandbox.campaigns()) == made


@pytest.mark.parametrize("wrong", [{"retry_after": -1}, {"nth": 0}, {"seconds": float("nan")}, {"status": 600}])
def test_faults_out_of_range(wrong: Step) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Fault(kind="create", action="drop", **wrong)


@pytest.mark.parametrize(
    ("names", "named"),
    [("email", [{"email": "Bad.1@example.com"}]), ("index", [{"index": 1}]), ("nothing", [{}])],
)
def test_leads_with_a_prefix_are_refused(port: Box, names: str, named: list[Json]) -> None:
    """The whole request is refused, and each entry names its lead in the way that was asked for; others get through."""
    made = port.draft()
    fault(port, "enroll", "reject_leads", prefix="bad.", names=names)
    answer = port.enroll(made, {"email": "good@example.com"}, {"email": "Bad.1@example.com"})
    assert code(answer) == (422, "invalid_leads")
    rest = {"code": "not_accepted", "message": "This lead is not accepted."}
    assert answer.json()["errors"] == [entry | rest for entry in named]
    assert last(port) == (422, False)
    assert port.sandbox.requests()[-1].leads == 2
    assert port.sandbox.leads(made) == ()
    assert port.enroll(made, {"email": "good@example.com"}).status_code == 200
    assert [lead.email for lead in port.sandbox.leads(made)] == ["good@example.com"]
    assert port.enroll(made).status_code == 400


@pytest.mark.parametrize("settings", [{"kind": "create"}, {"kind": "enroll", "names": "phone"}])
def test_leads_are_refused_in_enrolments_only_and_in_known_shapes(settings: dict[str, Json]) -> None:
    with pytest.raises(ValueError, match=r"reject_leads is for enroll alone|names must be one of"):
        Fault(action="reject_leads", **settings)
