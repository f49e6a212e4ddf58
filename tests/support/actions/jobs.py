"""Jobs of a workflow and of the workflows that it calls, each behind those it needs."""

import json
import secrets as randomness
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from support.actions.calls import called, check_secrets, inputs_of, repository_of
from support.actions.expressions import Scope, condition, text, value
from support.actions.ground import Ground, Room
from support.actions.logs import JobLog
from support.actions.results import JobResult, Leak
from support.actions.steps import Level, play, scope_of
from support.actions.values import Refused, string, truthy
from support.actions.workflow import LEVELS, Concurrency, Job, Workflow

_DEFAULT = {"contents": "read"}
_IF = ("github", "needs", "vars", "inputs")
_ENV = ("github", "needs", "vars", "secrets", "inputs")
_OUTPUTS = ("github", "needs", "job", "runner", "env", "vars", "secrets", "steps", "inputs")


@dataclass(frozen=True)
class Frame:
    """A workflow that is played: of the user's repository, or called with a cap on its permissions."""

    workflow: Workflow
    source: tuple[str, str]
    ref: str
    inputs: Mapping[str, Any]
    secrets: Mapping[str, str]
    cap: Mapping[str, str] | None = None
    prefix: str = ""


@dataclass(frozen=True)
class _Done:
    """A job that is over, and all those that it needed, also those they needed."""

    result: str
    outputs: Mapping[str, str]
    behind: frozenset[str]


@dataclass
class Jobs:
    """Plays the jobs of one run. `github` is the context of that name, the event included.

    A run that is `restricted`, of a fork or of Dependabot, has no secrets and no variables, and its token only reads.
    """

    ground: Ground
    run: int
    github: Mapping[str, Any]
    restricted: bool
    held: dict[str, int]
    results: dict[str, JobResult] = field(default_factory=dict)
    leaks: list[Leak] = field(default_factory=list)
    groups: dict[str, Any] = field(default_factory=dict)

    def play(self, frame: Frame) -> dict[str, Any]:
        """Play a workflow; returns result and outputs of each of its jobs, as `jobs` has them."""
        done: dict[str, _Done] = {}
        places = Scope({"github": self.github, "inputs": frame.inputs, "vars": self._variables})
        with self._group(frame.workflow.concurrency, places, frame.prefix or "workflow"):
            for job in frame.workflow.jobs:
                done[job.id] = self._job(frame, job, done)
        return {name: {"result": item.result, "outputs": item.outputs} for name, item in done.items()}

    @property
    def _variables(self) -> Mapping[str, str]:
        return {} if self.restricted else self.ground.variables

    def _job(self, frame: Frame, job: Job, done: Mapping[str, _Done]) -> _Done:
        behind = frozenset(job.needs).union(*(done[name].behind for name in job.needs))
        results = [done[name].result for name in behind]
        needs = {name: {"result": done[name].result, "outputs": done[name].outputs} for name in job.needs}
        contexts = {
            "github": {**self.github, "job": job.id},
            "needs": needs,
            "vars": self._variables,
            "inputs": frame.inputs,
            "secrets": {"GITHUB_TOKEN": "", **frame.secrets},
        }
        status = {
            # A job that was skipped anywhere behind it skips this one, too, even where one between went on.
            "success": lambda: all(result == "success" for result in results),
            "failure": lambda: "failure" in results,
            "always": lambda: True,
            "cancelled": lambda: False,
        }
        scope = Scope(contexts)
        name = frame.prefix + job.id
        if not condition(job.condition, Scope(scope.only(*_IF).contexts, status)):
            self.results[name] = JobResult(name, "skipped", {})
            return _Done("skipped", {}, behind)
        permissions = self._permissions(frame, job)
        with self._group(job.concurrency, scope.only(*_IF), name):
            if job.uses is not None:
                end = self._call(frame, job, scope, permissions)
            else:
                end = self._run(frame, job, scope, permissions)
        self.results[name] = end
        return _Done(end.result, end.outputs, behind)

    def _permissions(self, frame: Frame, job: Job) -> Mapping[str, str]:
        """Return what the job's token may do: what is asked for, and no more than its caller has."""
        asked = job.permissions if job.permissions is not None else frame.workflow.permissions
        if asked is None:
            return frame.cap if frame.cap is not None else _DEFAULT
        if frame.cap is not None:
            for name, level in asked.items():
                allowed = frame.cap.get(name, "none")
                if LEVELS[level] > LEVELS[allowed]:
                    raise Refused(
                        f"The nested job '{frame.prefix}{job.id}' is requesting '{name}: {level}', but is only "
                        f"allowed '{name}: {allowed}'."
                    )
        return asked

    @contextmanager
    def _group(self, concurrency: Concurrency | None, scope: Scope, name: str) -> Iterator[None]:
        """Hold a concurrency group. Nothing waits here: what would wait is refused."""
        if concurrency is None:
            yield
            return
        group = text(concurrency.group, scope)
        self.groups[name] = (group, truthy(value(concurrency.cancel, scope)))
        key = group.casefold()
        if key in self.held:
            why = "itself: a deadlock" if self.held[key] == self.run else f"run {self.held[key]}"
            raise Refused(f"{name} would wait in the concurrency group {group!r} for {why}")
        self.held[key] = self.run
        try:
            yield
        finally:
            del self.held[key]

    # A job that calls a workflow

    def _call(self, frame: Frame, job: Job, scope: Scope, permissions: Mapping[str, str]) -> JobResult:
        workflow, sha, ref = called(self.ground, str(job.uses))
        places = scope.only(*_IF)
        given = {key: value(item, places) for key, item in job.inputs.items()}
        defaults = Scope({"github": self.github, "vars": self._variables})
        inputs = inputs_of(workflow, "workflow_call", given, defaults)
        secrets = {name: text(item, scope.only(*_ENV)) for name, item in job.secrets.items()}
        check_secrets(workflow, secrets)
        name = frame.prefix + job.id
        ended = self.play(
            Frame(workflow, (repository_of(str(job.uses)), sha), ref, inputs, secrets, permissions, f"{name} / ")
        )
        results = {item["result"] for item in ended.values()}
        result = "failure" if "failure" in results else "skipped" if results == {"skipped"} else "success"
        after = Scope({"github": self.github, "jobs": ended, "vars": self._variables, "inputs": inputs})
        declared = workflow.triggers["workflow_call"].get("outputs") or {}
        outputs = {key: text(item["value"], after) for key, item in declared.items()}
        return JobResult(name, result, outputs, (), permissions)

    # A job of its own

    def _run(self, frame: Frame, job: Job, scope: Scope, permissions: Mapping[str, str]) -> JobResult:
        name = frame.prefix + job.id
        if not text(job.runs_on, scope.only(*_IF)).startswith("ubuntu-"):
            raise Refused(f"{name}: runs-on: {job.runs_on}")
        environment = text(job.environment, scope.only(*_IF))
        if self.restricted:
            permissions = dict.fromkeys(permissions, "read")
        if environment and not self.ground.approve(environment, name):
            return JobResult(name, "failure", {}, (), permissions, environment)
        secrets = dict(frame.secrets)
        if environment and not self.restricted:
            secrets.update(self.ground.environments.get(environment, {}))
        token = f"ghs_{randomness.token_hex(18)}"
        with self.ground.records.token(token, permissions, name):
            room, level = self._room(frame, job, scope, secrets, token)
            steps = play(room, job.steps, level)
        after = Scope(scope_of(room, level).contexts).only(*_OUTPUTS)
        outputs = {key: self._output(room, text(item, after)) for key, item in job.outputs.items()}
        self.leaks += room.log.leaks(self._also(room))
        result = "failure" if room.failed else "success"
        return JobResult(name, result, outputs, steps, permissions, environment)

    def _room(self, frame: Frame, job: Job, scope: Scope, secrets: Mapping[str, str], token: str) -> tuple[Room, Level]:
        name = frame.prefix + job.id
        folder = self.ground.folder / "runs" / str(self.run) / name.replace(" / ", ".")
        log = JobLog(name)
        for secret in [*secrets.values(), token]:
            log.mask(secret)
        repository, sha = frame.source
        github = {**scope.contexts["github"], "token": token}
        runner = {"os": "Linux", "arch": "X64", "temp": str(folder / "temp"), "environment": "github-hosted"}
        identity = {
            "workflow_repository": repository,
            "workflow_sha": sha,
            "workflow_file_path": frame.workflow.path,
            "workflow_ref": f"{repository}/{frame.workflow.path}@{frame.ref}",
        }
        contexts = {
            **scope.contexts,
            "github": github,
            "secrets": {**secrets, "GITHUB_TOKEN": token},
            "job": identity,
            "runner": runner,
        }
        room = Room(self.ground, folder, self.run, token, log, contexts, {}, frame.source)
        event = room.temp / "event.json"
        event.write_text(json.dumps(self.github["event"]))
        github.update(workspace=str(room.workspace), event_path=str(event))
        room.variables = _variables(github, room)
        places = Scope(contexts).only(*_ENV)
        room.env.update({key: text(item, places) for key, item in frame.workflow.env.items()})
        places = Scope({**places.contexts, "env": dict(room.env)})
        room.env.update({key: text(item, places) for key, item in job.env.items()})
        return room, Level(contexts)

    def _output(self, room: Room, output: str) -> str:
        """Return an output of a job; GitHub hands on none that holds a secret."""
        if room.log.starred(output) != output:
            raise Refused(f"an output of a job that holds a secret is dropped: {room.log.starred(output)}")
        return output

    def _also(self, room: Room) -> Iterator[tuple[str, str]]:
        for summary in room.summaries:
            yield "summary", summary
        for item in self.ground.records.artifacts.values():
            if item.run == self.run:
                for path, content in item.files.items():
                    yield f"artifact {item.name}: {path}", content.decode(errors="replace")


def _variables(github: Mapping[str, Any], room: Room) -> dict[str, str]:
    """Return the variables that every step has."""
    names = (
        "actor api_url base_ref event_name event_path graphql_url head_ref job ref ref_name ref_protected ref_type "
        "repository repository_id repository_owner run_attempt run_id run_number server_url sha triggering_actor "
        "workflow workflow_ref workflow_sha workspace"
    )
    return {
        **{f"GITHUB_{name.upper()}": string(github[name]) for name in names.split()},
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "RUNNER_OS": "Linux",
        "RUNNER_ARCH": "X64",
        "RUNNER_ENVIRONMENT": "github-hosted",
        "RUNNER_TEMP": str(room.temp),
        "RUNNER_TOOL_CACHE": str(room.folder / "tool"),
    }
