"""A user's repository on a GitHub that is played: what happens to it runs its workflows, for real, on this machine."""

import json
import secrets as randomness
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from support.actions.commands import Commands
from support.actions.ground import Ground
from support.actions.pyshim import make_python
from support.actions.records import Call, Records, now
from support.actions.remote import Remote, git
from support.actions.results import Run
from support.actions.runs import DEV, FORK, WORKFLOWS, Event, Runs
from support.actions.server import API, Server
from support.actions.values import Refused
from support.world import REPOSITORY


@dataclass(frozen=True)
class PullRequest:
    """A pull request, and the runs that opening it started."""

    number: int
    runs: tuple[Run, ...]


class Hub:
    """A bare remote, its pull requests, and a server for both; also a context manager.

    `project` is a checkout of the repository whose workflows are called. `environments` are the secrets of each
    environment; `process` are variables that every step's process has beside those of a runner. `approve` is asked
    before a job with an environment starts: environment and job; where it says no, the job fails as a rejected one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        project: Path = REPOSITORY,
        repository: str = "acme/campaigns",
        secrets: Mapping[str, str] = {},
        variables: Mapping[str, str] = {},
        environments: Mapping[str, Mapping[str, str]] = {},
        process: Mapping[str, str] = {},
        approve: Callable[[str, str], bool] = lambda _environment, _job: True,
        step_seconds: float = 60,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.records = Records(repository)
        self.remote = Remote(folder / "remotes" / repository)
        self._server = Server(self.records, folder / "remotes")
        self.ground = Ground(
            folder,
            project,
            repository,
            self._server.url,
            self.records,
            secrets,
            variables,
            environments,
            process,
            approve,
            step_seconds,
        )
        self._main = self.remote.commit_of("main")
        self._forks: set[int] = set()
        self._open = ExitStack()
        self._repository: dict[str, Any] = {
            "id": 701,
            "name": repository.partition("/")[2],
            "full_name": repository,
            "owner": {"login": repository.partition("/")[0]},
            "default_branch": "main",
            "private": True,
            "fork": False,
            "html_url": f"{self._server.url}/{repository}",
        }
        self._runs = Runs(self.ground, self.remote, self._repository)
        self._commands = Commands(folder / "reconciler", step_seconds)
        self._make_tools()

    def close(self) -> None:
        self._open.close()
        self._server.close()
        self._commands.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make_tools(self) -> None:
        tools = self.ground.tools
        tools.mkdir()
        stub = Path(__file__).with_name("ghstub.py")
        script = f'#!/bin/sh\nexec "{sys.executable}" -I "{stub}" "{self._server.url}{API}" "$@"\n'
        (tools / "gh").write_text(script)
        (tools / "gh").chmod(0o755)
        # A runner has a Python before any is set up.
        make_python(tools, self.ground.installs)

    # What a test sees

    @property
    def calls(self) -> list[Call]:
        """The calls of the API and of git so far."""
        return list(self.records.calls)

    @property
    def installs(self) -> list[dict[str, Any]]:
        """What `pip install` was asked: `arguments` and `folder` of each."""
        file = self.ground.installs
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def comments(self, number: int) -> list[dict[str, Any]]:
        """Return the comments of an issue or a pull request, oldest first, as the API shows them."""
        return self.records.comments_of(number)

    @property
    def issues(self) -> list[dict[str, Any]]:
        """The issues that are no pull requests, oldest first."""
        return [item for number, item in self.records.issues.items() if number not in self.records.pulls]

    def token(self, **permissions: str) -> str:
        """Make a token that is no job's, as a person makes one; names with `_` for `-`."""
        name = f"github_pat_{randomness.token_hex(12)}"
        named = {key.replace("_", "-"): level for key, level in permissions.items()}
        self._open.enter_context(self.records.token(name, named, ""))
        return name

    # What developers do; none of this starts a workflow

    def clone(self, name: str = "") -> Path:
        """Make a developer's clone, which may push; it is called as the repository is, or as is said."""
        folder = self.ground.folder / (name or self._repository["name"])
        git(self.ground.folder, "clone", "--quiet", str(self.remote.folder), str(folder))
        git(folder, "config", "user.name", "Dev")
        git(folder, "config", "user.email", "dev@example.com")
        return folder

    def commit(
        self, files: Mapping[str, str | bytes | None], *, branch: str = "main", message: str = "a change"
    ) -> str:
        """Commit files (None: removed) to a branch of the remote, which is made from main where it is not there."""
        ref = f"refs/heads/{branch}"
        parent = self.remote.commit_of(ref if self.remote.has(ref) else "main")
        return self.remote.commit(ref, parent, files, message)

    def comment(self, number: int, body: str, *, login: str = "dev", app: str | None = None) -> dict[str, Any]:
        """Comment as somebody else than a job: a person, or an app."""
        user = {"login": login, "type": "Bot" if app else "User"}
        made: dict[str, Any] = self.records.comment(number, body, user, {"slug": app} if app else None)
        return made

    # What starts workflows

    def push(self, files: Mapping[str, str | bytes | None] = {}, *, message: str = "a change") -> list[Run]:
        """Commit files to main, if any, and tell of all that came to main since this was last told."""
        if files:
            self.commit(files, message=message)
        before, after = self._main, self.remote.commit_of("main")
        assert before != after, "nothing came to main"
        self._main = after
        payload = {
            "ref": "refs/heads/main",
            "before": before,
            "after": after,
            "created": False,
            "deleted": False,
            "forced": False,
            "head_commit": {"id": after, "message": git(self.remote.folder, "log", "-1", "--format=%B", after)},
        }
        paths = tuple(self.remote.changed(before, after))
        return self._runs.fire(Event("push", payload, after, "refs/heads/main", after, "main", paths))

    def open_pull_request(
        self,
        branch: str,
        *,
        files: Mapping[str, str | bytes | None] = {},
        title: str = "A change",
        fork: bool = False,
        author: str = "dev",
    ) -> PullRequest:
        """Open a pull request of a branch, with these files committed to it before; of a fork, it is made there."""
        ref = f"refs/forks/heads/{branch}" if fork else f"refs/heads/{branch}"
        if files:
            parent = self.remote.commit_of(ref if self.remote.has(ref) else "main")
            self.remote.commit(ref, parent, files, title)
        issue = self.records.issue({"title": title, "body": ""}, {**DEV, "login": author}, None)
        number: int = issue["number"]
        if fork:
            self._forks.add(number)
        owner = (FORK["full_name"] if fork else self.ground.repository).partition("/")[0]  # type: ignore[attr-defined]
        self.records.pulls[number] = {
            **issue,
            "draft": False,
            "merged": False,
            "merged_at": None,
            "head": {"ref": branch, "label": f"{owner}:{branch}", "repo": FORK if fork else self._repository},
            "base": {"ref": "main", "label": f"{owner}:main", "repo": self._repository},
            "html_url": f"{self._server.url}/{self.ground.repository}/pull/{number}",
        }
        issue["pull_request"] = {"html_url": self.records.pulls[number]["html_url"]}
        return PullRequest(number, tuple(self._pull_request(number, "opened")))

    def push_to_pull_request(self, number: int, files: Mapping[str, str | bytes | None] = {}) -> list[Run]:
        """Commit files to the branch of a pull request, if any, and tell of what was pushed to it."""
        ref = self._head(number)
        if files:
            self.remote.commit(ref, self.remote.commit_of(ref), files, "another change")
        return self._pull_request(number, "synchronize")

    def merge(self, number: int, *, squash: bool = False) -> list[Run]:
        """Merge a pull request into main, by a merge commit or by one of all its changes."""
        pull = self.records.pulls[number]
        assert pull["state"] == "open", f"pull request {number} is {pull['state']}"
        base, head = self.remote.commit_of("main"), self.remote.commit_of(self._head(number))
        commit = self.remote.merged(base, head, f"{pull['title']} (#{number})", squash=squash)
        self.remote.point("refs/heads/main", commit)
        self._refresh(number, base, head, commit)
        with self.records.lock:
            moment = now()
            pull.update(state="closed", merged=True, merged_at=moment, closed_at=moment, updated_at=moment)
            self.records.issues[number]["state"] = "closed"
        return self.push()

    def schedule(self, workflow: str | None = None) -> list[Run]:
        """Let the time come of every workflow of main with a schedule, or of this one (its file's name)."""
        sha = self.remote.commit_of("main")
        return self._runs.fire(Event("schedule", {}, sha, "refs/heads/main", sha, "main"), workflow)

    def dispatch(self, workflow: str, inputs: Mapping[str, Any] = {}) -> Run:
        """Start a workflow of main by hand; `workflow` is its file's name."""
        sha = self.remote.commit_of("main")
        payload = {"ref": "refs/heads/main", "workflow": f"{WORKFLOWS}/{workflow}"}
        event = Event("workflow_dispatch", payload, sha, "refs/heads/main", sha, "main", inputs=inputs)
        runs = self._runs.fire(event, workflow)
        if not runs:
            raise Refused(f"{workflow} cannot be started by hand")
        return runs[0]

    # Inside

    def _head(self, number: int) -> str:
        branch = self.records.pulls[number]["head"]["ref"]
        return f"refs/forks/heads/{branch}" if number in self._forks else f"refs/heads/{branch}"

    def _refresh(self, number: int, base: str, head: str, merge: str) -> None:
        with self.records.lock:
            pull = self.records.pulls[number]
            pull["head"]["sha"], pull["base"]["sha"], pull["merge_commit_sha"] = head, base, merge
            self.records.commits[number] = self.remote.between(base, head)

    def _pull_request(self, number: int, action: str) -> list[Run]:
        base, head = self.remote.commit_of("main"), self.remote.commit_of(self._head(number))
        merge = self.remote.merged(base, head, f"Merge {head} into {base}")
        self.remote.point(f"refs/pull/{number}/head", head)
        self.remote.point(f"refs/pull/{number}/merge", merge)
        self._refresh(number, base, head, merge)
        pull = self.records.pulls[number]
        start = git(self.remote.folder, "merge-base", base, head)
        return self._runs.fire(
            Event(
                "pull_request",
                {"action": action, "number": number, "pull_request": json.loads(json.dumps(pull))},
                merge,
                f"refs/pull/{number}/merge",
                head,
                pull["head"]["ref"],
                tuple(self.remote.changed(start, head)),
                "main",
                number in self._forks,
                pull["user"]["login"],
            )
        )
