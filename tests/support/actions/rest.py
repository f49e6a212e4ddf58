"""The part of GitHub's REST API that pipelines ask: comments, issues, pull requests, runs and artifacts."""

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from support.actions.records import BOT, BOT_APP, Call, Records, Token, now

LONGEST = 65_536
_MOST = 100
_UNKNOWN = 501
_COMMENTS = {"issues", "pull-requests"}


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]


class _Error(Exception):
    def __init__(self, status: int, message: str, *errors: str, needed: Mapping[str, str] = {}) -> None:
        self.status = status
        self.needed = needed
        self.body = {"message": message, "errors": [{"message": error} for error in errors], "status": str(status)}


@dataclass(frozen=True)
class _Asked:
    """A request whose token may make it."""

    found: tuple[str, ...]
    query: Mapping[str, str]
    body: Mapping[str, Any]


class Rest:
    """Answers requests below `prefix`, the path of the API."""

    def __init__(self, records: Records, prefix: str) -> None:
        self._records = records
        self._prefix = prefix
        self._routes: list[tuple[str, str, str, Callable[[_Asked], Any]]] = [
            ("GET", r"/issues/(\d+)/comments", "comments", self._list_comments),
            ("POST", r"/issues/(\d+)/comments", "comments", self._add_comment),
            ("GET", r"/issues/comments/(\d+)", "comment", lambda asked: self._comment(asked.found[0])),
            ("PATCH", r"/issues/comments/(\d+)", "comment", self._change_comment),
            ("DELETE", r"/issues/comments/(\d+)", "comment", self._delete_comment),
            ("GET", r"/issues", "issues", self._list_issues),
            ("POST", r"/issues", "issues", self._add_issue),
            ("GET", r"/issues/(\d+)", "comments", lambda asked: self._issue(asked.found[0])),
            ("PATCH", r"/issues/(\d+)", "comments", self._change_issue),
            ("GET", r"/pulls", "pull-requests", self._list_pulls),
            ("GET", r"/pulls/(\d+)", "pull-requests", self._pull),
            ("GET", r"/commits/([0-9a-f]{40})/pulls", "pull-requests", self._pulls_of),
            ("GET", r"/actions/runs/(\d+)", "actions", self._run),
            ("GET", r"/actions/runs/(\d+)/artifacts", "actions", self._list_artifacts),
            ("GET", r"/actions/workflows/([^/]+)/runs", "actions", self._list_runs),
            ("GET", r"/actions/artifacts", "actions", self._list_artifacts),
            ("GET", r"/actions/artifacts/(\d+)/zip", "actions", self._download),
        ]

    def answer(self, method: str, target: str, authorization: str, body: bytes) -> Answer:
        url = urlsplit(target)
        path, query = url.path.removeprefix(self._prefix), dict(parse_qsl(url.query, keep_blank_values=True))
        given = json.loads(body) if body else {}
        token = self._records.tokens.get(authorization.partition(" ")[2])
        needed: Mapping[str, str] = {}
        headers: dict[str, str] = {}
        with self._records.lock:
            try:
                needed, answer = self._routed(method, path, query, given, token)
                status = {"POST": 201, "DELETE": 204}.get(method, 200)
            except _Error as error:
                status, answer = error.status, error.body
                needed = error.needed
                if error.status == _UNKNOWN:
                    self._records.refused.append(f"{method} {target}: {error.body['message']}")
            if isinstance(answer, _Page):
                if answer.more:
                    again = urlencode({**query, "page": answer.number + 1})
                    headers["Link"] = f'<{self._prefix}{path}?{again}>; rel="next"'
                answer = answer.content
            self._records.calls.append(Call(method, path, query, given, token.job if token else "", needed, status))
        content = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
        return Answer(status, content, headers)

    def _routed(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any], token: Token | None
    ) -> tuple[Mapping[str, str], Any]:
        if token is None:
            raise _Error(401, "Bad credentials")
        place = path.removeprefix(f"/repos/{self._records.repository}")
        for verb, pattern, kind, function in self._routes:
            found = re.fullmatch(pattern, place)
            if verb != method or not found or place == path:
                continue
            level = "read" if method == "GET" else "write"
            needed = dict.fromkeys(self._permissions(kind, found.groups()), level)
            if not token.may(needed):
                raise _Error(403, "Resource not accessible by integration", needed=needed)
            return needed, function(_Asked(found.groups(), query, body))
        raise _Error(_UNKNOWN, "the emulator does not know this")

    def _permissions(self, kind: str, found: tuple[str, ...]) -> set[str]:
        """Return the permissions of which one is enough: comments of a pull request are let in by either."""
        if kind == "comment":
            comment = self._records.comments.get(int(found[0]), {"issue_url": "/0"})
            number = int(comment["issue_url"].rpartition("/")[2])
        elif kind == "comments":
            number = int(found[0])
        else:
            return {kind}
        only_an_issue = number in self._records.issues and number not in self._records.pulls
        return {"issues"} if only_an_issue else _COMMENTS

    # Issues and comments

    def _issue(self, number: str) -> Any:
        return _there(self._records.issues.get(int(number)))

    def _comment(self, key: str) -> Any:
        return _there(self._records.comments.get(int(key)))

    def _list_comments(self, asked: _Asked) -> Any:
        self._issue(asked.found[0])
        return _page(self._records.comments_of(int(asked.found[0])), _filters(asked.query))

    def _add_comment(self, asked: _Asked) -> Any:
        self._issue(asked.found[0])
        return self._records.comment(int(asked.found[0]), _body(asked.body["body"]), BOT, BOT_APP)

    def _change_comment(self, asked: _Asked) -> Any:
        comment = self._comment(asked.found[0])
        comment.update(body=_body(asked.body["body"]), updated_at=now())
        return comment

    def _delete_comment(self, asked: _Asked) -> None:
        self._comment(asked.found[0])
        del self._records.comments[int(asked.found[0])]

    def _list_issues(self, asked: _Asked) -> Any:
        query = _filters(asked.query, "state", "labels", "creator", "sort", "direction")
        labels = {name for name in query.get("labels", "").split(",") if name}
        state, creator = query.get("state", "open"), query.get("creator")
        found = [
            item
            for item in self._records.issues.values()
            if state in ("all", item["state"])
            and labels <= {label["name"] for label in item["labels"]}
            and creator in (None, item["user"]["login"])
        ]
        return _page(found if query.get("direction") == "asc" else found[::-1], query)

    def _add_issue(self, asked: _Asked) -> Any:
        _known(asked.body, "title", "body", "labels")
        _body(asked.body.get("body") or "")
        return self._records.issue(asked.body, BOT, BOT_APP)

    def _change_issue(self, asked: _Asked) -> Any:
        _known(asked.body, "title", "body", "state", "state_reason", "labels")
        _body(asked.body.get("body") or "")
        issue = self._issue(asked.found[0])
        issue.update({name: value for name, value in asked.body.items() if name != "labels"}, updated_at=now())
        if "labels" in asked.body:
            issue["labels"] = [{"name": name} for name in asked.body["labels"]]
        return issue

    # Pull requests, runs, artifacts

    def _pull(self, asked: _Asked) -> Any:
        return _there(self._records.pulls.get(int(asked.found[0])))

    def _list_pulls(self, asked: _Asked) -> Any:
        query = _filters(asked.query, "state", "base", "head", "sort", "direction")
        state, base, head = query.get("state", "open"), query.get("base"), query.get("head")
        found = [
            item
            for item in self._records.pulls.values()
            if state in ("all", item["state"])
            and base in (None, item["base"]["ref"])
            and head in (None, item["head"]["label"])
        ]
        if query.get("sort") == "updated":
            found.sort(key=lambda item: (item["updated_at"], item["number"]))
        return _page(found if query.get("direction") == "asc" else found[::-1], query)

    def _pulls_of(self, asked: _Asked) -> Any:
        sha = asked.found[0]
        found = [
            item
            for number, item in self._records.pulls.items()
            if sha == item["merge_commit_sha"] or sha in self._records.commits[number]
        ]
        return _page(found, _filters(asked.query))

    def _run(self, asked: _Asked) -> Any:
        return _there(self._records.runs.get(int(asked.found[0])))

    def _list_runs(self, asked: _Asked) -> Any:
        query = _filters(asked.query, "branch", "event", "status", "head_sha")
        path = f".github/workflows/{asked.found[0]}"
        runs = [
            run
            for run in self._records.runs.values()
            if path == run["path"] or asked.found[0] == str(run["workflow_id"])
        ]
        _there(runs)
        found = [
            run
            for run in reversed(runs)
            if query.get("branch") in (None, run["head_branch"])
            and query.get("event") in (None, run["event"])
            and query.get("head_sha") in (None, run["head_sha"])
            and query.get("status") in (None, run["status"], run["conclusion"])
        ]
        return _page(found, query, "workflow_runs")

    def _list_artifacts(self, asked: _Asked) -> Any:
        query = _filters(asked.query, "name")
        run = int(asked.found[0]) if asked.found else None
        found = [
            self._artifact(key)
            for key, item in reversed(self._records.artifacts.items())
            if query.get("name") in (None, item.name) and run in (None, item.run)
        ]
        return _page(found, query, "artifacts")

    def _artifact(self, key: int) -> dict[str, Any]:
        item = self._records.artifacts[key]
        run = self._records.runs[item.run]
        return {
            "id": key,
            "name": item.name,
            "size_in_bytes": sum(map(len, item.files.values())),
            "created_at": item.created_at,
            "expired": key in self._records.expired,
            "archive_download_url": f"{self._prefix}/repos/{self._records.repository}/actions/artifacts/{key}/zip",
            "workflow_run": {
                "id": item.run,
                "repository_id": run["repository"]["id"],
                "head_repository_id": run["head_repository"]["id"],
                "head_branch": run["head_branch"],
                "head_sha": run["head_sha"],
            },
        }

    def _download(self, asked: _Asked) -> bytes:
        key = int(asked.found[0])
        item = _there(self._records.artifacts.get(key))
        if key in self._records.expired:
            raise _Error(410, "Artifact has expired")
        if not item.archived:
            (content,) = item.files.values()
            return bytes(content)
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in item.files.items():
                archive.writestr(name, content)
        return stream.getvalue()


@dataclass(frozen=True)
class _Page:
    content: Any
    number: int
    more: bool


def _page(items: list[Any], query: Mapping[str, str], key: str = "") -> _Page:
    size, number = min(int(query.get("per_page", 30)), _MOST), int(query.get("page", 1))
    shown = items[(number - 1) * size : number * size]
    content = {"total_count": len(items), key: shown} if key else shown
    return _Page(content, number, number * size < len(items))


def _there(item: Any) -> Any:
    if not item:
        raise _Error(404, "Not Found")
    return item


def _body(body: str) -> str:
    if len(body) > LONGEST:
        raise _Error(422, "Validation Failed", f"Body is too long (maximum is {LONGEST} characters)")
    return body


def _known(given: Mapping[str, Any], *names: str) -> None:
    if unknown := set(given) - set(names):
        raise _Error(_UNKNOWN, f"the emulator does not know: {', '.join(sorted(unknown))}")


def _filters(query: Mapping[str, str], *names: str) -> Mapping[str, str]:
    _known(query, *names, "per_page", "page")
    return query
