"""What the tests of the sandbox share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import httpx
    from flask import Flask

    from reconciler.sandbox.engine import Sandbox

Json = Any  # what httpx takes and gives
Step = dict[str, Json]
KEY = "sk_test_sandbox"
STEPS = [
    {"subject": "Quick question, {{firstName}}", "bodyHtml": "<p>Hi {{firstName}}, {{company}}</p>", "delayDays": 0},
    {"subject": "Re: Quick question, {{firstName}}", "bodyHtml": "<p>Hi {{firstName}}</p>", "delayDays": 3},
]


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime(2026, 11, 2, 9, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Box:
    """An application, its engine, and a client that has the key."""

    def __init__(self, app: Flask, client: httpx.Client) -> None:
        self.app = app
        self.sandbox: Sandbox = app.extensions["sandbox"]
        self.client = client

    def get(self, path: str, **more: Json) -> httpx.Response:
        return self.client.get(path, **more)

    def post(self, path: str, body: object = None, **more: Json) -> httpx.Response:
        return self.client.post(path, json=body, **more)

    def control(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self.client.request(method, f"http://sandbox.example.com/_sandbox/{path}", json=body)

    def draft(self, steps: list[Step] | None = None, **more: Json) -> str:
        body = {"name": "VP Sales", "sequenceSteps": STEPS if steps is None else steps}
        made = self.post("/campaigns", body, **more).json()
        return str(made.get("campaign", made)["id"])

    def enroll(self, campaign: str, *leads: object) -> httpx.Response:
        return self.post(f"/campaigns/{campaign}/leads/bulk", {"leads": list(leads)})

    def started(self, count: int = 3) -> str:
        campaign = self.draft()
        self.enroll(campaign, *people(count))
        assert self.post(f"/campaigns/{campaign}/start").status_code == 200
        return campaign


def people(count: int, first: int = 0) -> list[dict[str, str]]:
    return [{"email": f"lead{n}@example.com", "firstName": f"F{n}"} for n in range(first, first + count)]


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


class Make(Protocol):
    def __call__(self, **options: Json) -> Box: ...
