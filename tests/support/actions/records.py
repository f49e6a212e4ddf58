"""What the emulated GitHub keeps: tokens, pull requests, issues, comments, runs, artifacts and the calls made."""

import itertools
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from support.actions.results import Artifact
from support.actions.workflow import LEVELS

BOT = {"login": "github-actions[bot]", "type": "Bot"}
BOT_APP = {"slug": "github-actions"}


@dataclass(frozen=True)
class Token:
    """What a token may do, and the job it was made for."""

    permissions: Mapping[str, str]
    job: str

    def may(self, needed: Mapping[str, str]) -> bool:
        """Tell whether one of these permissions is there: name and level; none needed is always there."""
        return not needed or any(
            LEVELS[self.permissions.get(name, "none")] >= LEVELS[level] for name, level in needed.items()
        )


@dataclass(frozen=True)
class Call:
    """One request; `needed` are permissions of which one is enough."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    job: str
    needed: Mapping[str, str]
    status: int


@dataclass
class Records:
    """All of it, in the form that the API answers; `lock` is held by whoever reads or writes."""

    repository: str
    tokens: dict[str, Token] = field(default_factory=dict)
    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    artifacts: dict[int, Artifact] = field(default_factory=dict)
    expired: set[int] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    # What was asked that the emulator does not know.
    refused: list[str] = field(default_factory=list)
    # Commits of pull requests, by their number.
    commits: dict[int, list[str]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1001))
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def id(self) -> int:
        return next(self._ids)

    @contextmanager
    def token(self, name: str, permissions: Mapping[str, str], job: str) -> Iterator[None]:
        """Let a token in for so long."""
        self.tokens[name] = Token(permissions, job)
        try:
            yield
        finally:
            del self.tokens[name]

    def issue(self, fields: Mapping[str, Any], user: Mapping[str, Any], app: Mapping[str, Any] | None) -> Any:
        """Open an issue, or the issue side of a pull request."""
        with self.lock:
            number = next(self._numbers)
            labels = [{"name": name} for name in fields.get("labels", [])]
            moment = now()
            item = {
                "id": self.id(),
                "number": number,
                "title": fields["title"],
                "body": fields.get("body"),
                "state": "open",
                "labels": labels,
                "user": dict(user),
                "performed_via_github_app": app and dict(app),
                "created_at": moment,
                "updated_at": moment,
                "html_url": f"https://github.example/{self.repository}/issues/{number}",
            }
            self.issues[number] = item
            return item

    def comment(self, number: int, body: str, user: Mapping[str, Any], app: Mapping[str, Any] | None) -> Any:
        with self.lock:
            key, moment = self.id(), now()
            item = {
                "id": key,
                "body": body,
                "user": dict(user),
                "performed_via_github_app": app and dict(app),
                "issue_url": f"/repos/{self.repository}/issues/{number}",
                "created_at": moment,
                "updated_at": moment,
                "html_url": f"https://github.example/{self.repository}/issues/{number}#issuecomment-{key}",
            }
            self.comments[key] = item
            return item

    def comments_of(self, number: int) -> list[dict[str, Any]]:
        """Return the comments of an issue or a pull request, oldest first."""
        with self.lock:
            url = f"/repos/{self.repository}/issues/{number}"
            return [item for item in self.comments.values() if item["issue_url"] == url]


class _Clock:
    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self._last = max(self._last + 1, int(datetime.now(UTC).timestamp()))
            return datetime.fromtimestamp(self._last, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


now = _Clock()
"""The time as the API writes it, a second later than the last one at least: what came first is seen to."""
