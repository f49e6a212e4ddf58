"""Stand-ins for Leadterra: answers in memory, a server on a loopback port, and a clock that does not wait."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from reconciler.leadterra import LeadterraClient
from reconciler.leadterra.pace import Pace
from reconciler.model.roster import Lead

BASE = "https://api.example.com/v1"
KEY = "sk_test_Zx81MadeUpKey77"
LEADS = [Lead("Ada@example.com", {"firstName": "Ada", "company": "Analytical"}, 2), Lead("bob@example.org", {}, 3)]

Json = Any
"""Whatever a server may send."""

Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def reply(status: int = 200, data: Json = None, **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    return httpx.Response(status, content=json.dumps(data), headers={"content-type": "application/json", **given})


def page(status: int = 200, text: str = "<html>Log in</html>", kind: str = "text/html") -> httpx.Response:
    return httpx.Response(status, text=text, headers={"content-type": kind})


class Script:
    """A transport that gives the replies in order, the last one for ever, and keeps the requests."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[httpx.Request] = []
        self.lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self.lock:
            self.requests.append(request)
            item = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(item, Exception):
            raise item
        return item if isinstance(item, httpx.Response) else item(request)

    @property
    def calls(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]


class FakeTime(threading.Event):
    """An event whose waits take no time, and a clock that they move. With `cancel_at`, that wait is interrupted."""

    def __init__(self, cancel_at: int | None = None) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.moment = 1000.0
        self.cancel_at = cancel_at

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        self.moment += timeout or 0.0
        return len(self.waits) == self.cancel_at

    def clock(self) -> float:
        return self.moment


def client(
    *replies: Reply, time: FakeTime | None = None, rate: float | None = None, **settings: Json
) -> tuple[LeadterraClient, Script]:
    """Make a client that talks to a script, on a clock of its own."""
    script = Script(*replies)
    settings = {"allow_writes": True, **settings}
    made = LeadterraClient(BASE, KEY, transport=httpx.MockTransport(script), **settings)
    time = time or FakeTime()
    made._transport._pace = Pace(rate, time, clock=time.clock)
    return made, script


Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Reads a request wholly, then does what the next behaviour says."""

    protocol_version = "HTTP/1.1"
    behaviours: list[Behaviour]
    seen: list[tuple[str, str, bytes, str | None]]

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, body, self.headers.get("Idempotency-Key")))
        behaviour = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
        behaviour(self)

    do_GET = do_POST = do_PATCH = handle_any  # noqa: N815 - names that http.server asks for

    def answer(self, status: int, data: Json, *, cut: int = 0) -> None:
        content = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) - cut])
        self.wfile.flush()
        self.close_connection = cut > 0

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


def ok(data: Json) -> Behaviour:
    return lambda handler: handler.answer(200, data)


def drop(handler: Handler) -> None:
    handler.close_connection = True


def half(data: Json) -> Behaviour:
    return lambda handler: handler.answer(200, data, cut=5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: a client that gave up is what these tests are about."""


@contextmanager
def served(*behaviours: Behaviour) -> Iterator[tuple[str, list[tuple[str, str, bytes, str | None]]]]:
    """Serve on a free loopback port; yields the base address and the requests seen."""
    handler = type("Scripted", (Handler,), {"behaviours": list(behaviours), "seen": []})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", handler.seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
