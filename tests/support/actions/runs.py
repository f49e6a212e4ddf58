"""Runs: which workflows an event starts, and what each is told of it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from support.actions.calls import inputs_of
from support.actions.expressions import Scope
from support.actions.ground import Ground
from support.actions.jobs import Frame, Jobs
from support.actions.records import now
from support.actions.remote import Remote
from support.actions.results import Run
from support.actions.server import API
from support.actions.values import Refused, string
from support.actions.workflow import Workflow, load

WORKFLOWS = ".github/workflows"
FORK = {"id": 702, "full_name": "stranger/campaigns", "fork": True}
DEV = {"login": "dev", "type": "User"}
DEPENDABOT = "dependabot[bot]"


@dataclass(frozen=True)
class Event:
    """What starts workflows: `commit` is where their files are read, `head` what GitHub names as the run's head."""

    name: str
    payload: Mapping[str, Any]
    commit: str
    ref: str
    head: str
    branch: str
    paths: tuple[str, ...] = ()
    base: str = ""
    fork: bool = False
    actor: str = "dev"
    inputs: Mapping[str, Any] = field(default_factory=dict)


class Runs:
    """Runs the workflows of one repository, of which the API tells as in `repository`."""

    def __init__(self, ground: Ground, remote: Remote, repository: Mapping[str, Any]) -> None:
        self._ground = ground
        self._records = ground.records
        self._remote = remote
        self._repository = repository
        self._held: dict[str, int] = {}

    def fire(self, event: Event, only: str | None = None) -> list[Run]:
        """Run every workflow of the event's commit that wants it."""
        runs = []
        for path, source in self._remote.files(event.commit, WORKFLOWS).items():
            if not path.endswith((".yml", ".yaml")):
                continue
            workflow = load(source, path)
            if only in (None, path.rpartition("/")[2]) and _wanted(workflow, event):
                runs.append(self._run(workflow, event))
        return runs

    def _run(self, workflow: Workflow, event: Event) -> Run:
        run = self._records.id()
        file = workflow.path.rpartition("/")[2]
        payload = {**event.payload, "repository": self._repository, "sender": {**DEV, "login": event.actor}}
        if event.name == "schedule":
            # Scheduled runs were told of no repository for years.
            payload = {"schedule": workflow.triggers["schedule"][0]}
        inputs: Mapping[str, Any] = {}
        if event.name == "workflow_dispatch":
            inputs = inputs_of(workflow, event.name, event.inputs, Scope({"vars": self._ground.variables}))
            payload["inputs"] = {name: string(item) for name, item in inputs.items()}
        github = self._github(workflow, event, run, payload)
        record = {
            "id": run,
            "name": workflow.name,
            "path": workflow.path,
            "workflow_id": crc32(file.encode()),
            "event": event.name,
            "status": "in_progress",
            "conclusion": None,
            "head_sha": event.head,
            "head_branch": event.branch,
            "repository": self._repository,
            "head_repository": FORK if event.fork else self._repository,
            "run_attempt": 1,
            "run_number": int(github["run_number"]),
            "created_at": now(),
            "html_url": f"{self._ground.url}/{self._ground.repository}/actions/runs/{run}",
            "pull_requests": [{"number": payload["number"]}] if "number" in payload and not event.fork else [],
        }
        with self._records.lock:
            self._records.runs[run] = record
        restricted = event.fork or event.actor == DEPENDABOT
        jobs = Jobs(self._ground, run, github, restricted, self._held)
        secrets = {} if restricted else self._ground.secrets
        frame = Frame(workflow, (self._ground.repository, event.commit), event.ref, inputs, secrets)
        try:
            ended = jobs.play(frame)
            conclusion = "failure" if "failure" in {job["result"] for job in ended.values()} else "success"
            if {job["result"] for job in ended.values()} == {"skipped"}:
                conclusion = "skipped"
        except BaseException:
            record.update(status="completed", conclusion="failure")
            raise
        record.update(status="completed", conclusion=conclusion)
        if self._records.refused:
            raise Refused("; ".join(self._records.refused))
        artifacts = {item.name: item for item in self._records.artifacts.values() if item.run == run}
        leaks = tuple(jobs.leaks)
        return Run(run, file, event.name, conclusion, event.commit, jobs.results, artifacts, leaks, jobs.groups)

    def _github(self, workflow: Workflow, event: Event, run: int, payload: Mapping[str, Any]) -> dict[str, Any]:
        earlier = [item for item in self._records.runs.values() if item["path"] == workflow.path]
        return {
            "event": payload,
            "event_name": event.name,
            "sha": event.commit,
            "ref": event.ref,
            "ref_name": event.ref.removeprefix("refs/heads/").removeprefix("refs/pull/"),
            "ref_type": "branch",
            "ref_protected": event.branch == "main",
            "head_ref": event.branch if event.base else "",
            "base_ref": event.base,
            "repository": self._ground.repository,
            "repository_id": str(self._repository["id"]),
            "repository_owner": self._ground.repository.partition("/")[0],
            "run_id": str(run),
            "run_number": str(len(earlier) + 1),
            "run_attempt": "1",
            "workflow": workflow.name,
            "workflow_ref": f"{self._ground.repository}/{workflow.path}@{event.ref}",
            "workflow_sha": event.commit,
            "actor": event.actor,
            "triggering_actor": event.actor,
            "server_url": self._ground.url,
            "api_url": f"{self._ground.url}{API}",
            "graphql_url": f"{self._ground.url}/api/graphql",
        }


def _wanted(workflow: Workflow, event: Event) -> bool:
    if event.name not in workflow.triggers:
        return False
    if event.name not in ("push", "pull_request"):
        return True
    filters = workflow.triggers[event.name]
    branch = event.base or event.branch
    if "branches" in filters and not matches(filters["branches"], [branch]):
        return False
    if "types" in filters and event.payload["action"] not in filters["types"]:
        return False
    return "paths" not in filters or matches(filters["paths"], event.paths)


def matches(patterns: Iterable[str], texts: Iterable[str]) -> bool:
    """Tell whether one of the texts (branches or paths) fits one of the patterns of a filter."""
    texts = list(texts)
    for pattern in patterns:
        if not re.fullmatch(r"[\w./*-]+", pattern):
            raise Refused(f"a filter that the player cannot read: {pattern}")
        shape = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
        if any(re.fullmatch(shape, item) for item in texts):
            return True
    return False
