"""Workflow files and `action.yml`, read strictly: a key that the player does not know is refused."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from support.actions.expressions import Expression, holes
from support.actions.values import Refused
from support.actions.yamlfile import Loader

LEVELS = {"none": 0, "read": 1, "write": 2}
PERMISSIONS = {
    *("actions", "attestations", "checks", "contents", "deployments", "discussions", "id-token", "issues", "models"),
    *("packages", "pages", "pull-requests", "repository-projects", "security-events", "statuses"),
}
_TRIGGERS = {
    "pull_request": "branches paths types",
    "push": "branches paths",
    "schedule": "",
    "workflow_call": "inputs secrets outputs",
    "workflow_dispatch": "inputs",
}
_PULL_REQUEST_TYPES = ("opened", "synchronize", "reopened")
_JOB = "name needs if permissions concurrency"
_OWN_JOB = f"{_JOB} runs-on environment timeout-minutes env outputs defaults steps"
_CALLING_JOB = f"{_JOB} uses with secrets"
_STEP = "id name if env continue-on-error timeout-minutes"
_RUN_STEP = f"{_STEP} run shell working-directory"
_USES_STEP = f"{_STEP} uses with"


@dataclass(frozen=True)
class Step:
    """One step; exactly one of `run` and `uses` is set."""

    id: str | None
    name: str
    condition: Any
    env: Mapping[str, Any]
    continue_on_error: Any
    run: str | None = None
    shell: str | None = None
    folder: str | None = None
    uses: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Concurrency:
    """A group of which one runs at a time; others wait, or with `cancel` end the one that runs."""

    group: str
    cancel: Any


@dataclass(frozen=True)
class Job:
    """One job: with `steps` of its own, or one that calls a workflow (`uses`)."""

    id: str
    needs: tuple[str, ...]
    condition: Any
    permissions: Mapping[str, str] | None
    concurrency: Concurrency | None
    runs_on: Any = None
    environment: Any = None
    env: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    uses: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Workflow:
    """A workflow; `jobs` in an order in which each stands behind what it needs."""

    path: str
    name: str
    triggers: Mapping[str, Any]
    permissions: Mapping[str, str] | None
    concurrency: Concurrency | None
    env: Mapping[str, Any]
    jobs: tuple[Job, ...]


@dataclass(frozen=True)
class Action:
    """A composite action."""

    inputs: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Any]
    steps: tuple[Step, ...]


def load(source: str, path: str) -> Workflow:
    """Read a workflow file; `path` is where it stands in its repository."""
    document = _document(source, path, "name run-name on permissions env defaults concurrency jobs")
    triggers = document.get("on")
    if isinstance(triggers, str):
        triggers = [triggers]
    if isinstance(triggers, list):
        triggers = dict.fromkeys(triggers)
    shell, folder = _defaults(document, path)
    jobs = [
        _job(str(key), job, f"{path}: jobs.{key}", shell, folder)
        for key, job in _mapping(document["jobs"], path).items()
    ]
    return Workflow(
        path,
        str(document.get("name") or path),
        {event: _trigger(event, given, path) for event, given in _mapping(triggers, f"{path}: on").items()},
        _permissions(document, path),
        _concurrency(document, path),
        _mapping(document.get("env"), f"{path}: env"),
        tuple(_ordered(jobs, path)),
    )


def load_action(source: str, path: str) -> Action:
    """Read an `action.yml`."""
    document = _document(source, path, "name description author branding inputs outputs runs")
    runs = _only(document["runs"], "using steps", f"{path}: runs")
    if runs["using"] != "composite":
        raise Refused(f"{path}: only composite actions are played, not {runs['using']}")
    inputs, outputs = _mapping(document.get("inputs"), path), _mapping(document.get("outputs"), path)
    steps = [_step(step, f"{path}: step {number}", None, None) for number, step in enumerate(runs["steps"], 1)]
    for step in steps:
        if step.run is not None and step.shell is None:
            raise Refused(f"{path}: {step.name}: a composite action names the shell of each step")
    return Action(
        {name: _only(item, "description required default deprecationMessage", path) for name, item in inputs.items()},
        {name: _only(item, "description value", path)["value"] for name, item in outputs.items()},
        tuple(steps),
    )


def _document(source: str, path: str, keys: str) -> Mapping[str, Any]:
    document = _only(yaml.load(source, Loader), keys, path)  # noqa: S506 - a SafeLoader
    for item in _strings(document):
        holes(item)
    return document


def _strings(item: Any) -> Iterable[str]:
    if isinstance(item, str):
        yield item
    elif isinstance(item, Mapping):
        for inner in item.values():
            yield from _strings(inner)
    elif isinstance(item, list):
        for inner in item:
            yield from _strings(inner)


def _mapping(item: Any, where: str) -> Mapping[str, Any]:
    if item is None:
        return {}
    if not isinstance(item, Mapping):
        raise Refused(f"{where}: not a mapping: {item!r}")
    return item


def _only(item: Any, keys: str, where: str) -> Mapping[str, Any]:
    found = _mapping(item, where)
    if unknown := [str(key) for key in found if key not in keys.split()]:
        raise Refused(f"{where}: unknown: {', '.join(unknown)}")
    return found


def _trigger(event: str, given: Any, path: str) -> Any:
    where = f"{path}: on.{event}"
    if event not in _TRIGGERS:
        raise Refused(f"{where}: an event that the player does not know")
    if event == "schedule":
        return tuple(_only(item, "cron timezone", where)["cron"] for item in given)
    filters = _only(given, _TRIGGERS[event], where)
    if unknown := set(filters.get("types", ())) - set(_PULL_REQUEST_TYPES):
        raise Refused(f"{where}: types that the player does not make: {', '.join(unknown)}")
    if event.startswith("workflow_"):
        for name, item in _mapping(filters.get("inputs"), where).items():
            _only(item, "description type default required options deprecationMessage", f"{where}.inputs.{name}")
        for name, item in _mapping(filters.get("secrets"), where).items():
            _only(item, "description required", f"{where}.secrets.{name}")
        for name, item in _mapping(filters.get("outputs"), where).items():
            _only(item, "description value", f"{where}.outputs.{name}")
    return filters


def _permissions(item: Mapping[str, Any], where: str) -> Mapping[str, str] | None:
    if "permissions" not in item:
        return None
    found = _mapping(item["permissions"], f"{where}: permissions")
    for name, level in found.items():
        if name not in PERMISSIONS or level not in LEVELS:
            raise Refused(f"{where}: no such permission: {name}: {level}")
    return {name: level for name, level in found.items() if level != "none"}


def _concurrency(item: Mapping[str, Any], where: str) -> Concurrency | None:
    given = item.get("concurrency")
    if given is None:
        return None
    if isinstance(given, str):
        return Concurrency(given, cancel=False)
    found = _only(given, "group cancel-in-progress queue", f"{where}: concurrency")
    cancel, queue = found.get("cancel-in-progress", False), found.get("queue", "single")
    if queue not in ("single", "max") or (queue == "max" and cancel is not False):
        raise Refused(f"{where}: concurrency: queue: {queue}, cancel-in-progress: {cancel}")
    return Concurrency(found["group"], cancel)


def _defaults(item: Mapping[str, Any], where: str) -> tuple[str | None, str | None]:
    defaults = _only(item.get("defaults"), "run", f"{where}: defaults")
    run = _only(defaults.get("run"), "shell working-directory", f"{where}: defaults.run")
    return run.get("shell"), run.get("working-directory")


def _job(key: str, given: Any, where: str, shell: str | None, folder: str | None) -> Job:
    calling = "uses" in _mapping(given, where)
    item = _only(given, _CALLING_JOB if calling else _OWN_JOB, where)
    needs = item.get("needs", [])
    common = {
        "id": key,
        "needs": (needs,) if isinstance(needs, str) else tuple(needs),
        "condition": _condition(item),
        "permissions": _permissions(item, where),
        "concurrency": _concurrency(item, where),
    }
    if calling:
        secrets = _mapping(item.get("secrets"), f"{where}: secrets are named one by one:")
        return Job(**common, uses=item["uses"], inputs=_mapping(item.get("with"), where), secrets=secrets)
    own_shell, own_folder = _defaults(item, where)
    shell, folder = own_shell or shell, own_folder or folder
    environment = item.get("environment")
    if environment is not None and not isinstance(environment, str):
        environment = _only(environment, "name", f"{where}: environment")["name"]
    return Job(
        **common,
        runs_on=item.get("runs-on", ""),
        environment=environment,
        env=_mapping(item.get("env"), where),
        outputs=_mapping(item.get("outputs"), where),
        steps=tuple(
            _step(step, f"{where}: step {number}", shell, folder) for number, step in enumerate(item["steps"], 1)
        ),
    )


def _step(given: Any, where: str, shell: str | None, folder: str | None) -> Step:
    using = "uses" in _mapping(given, where)
    item = _only(given, _USES_STEP if using else _RUN_STEP, where)
    common = {
        "id": item.get("id"),
        "condition": _condition(item),
        "env": _mapping(item.get("env"), where),
        "continue_on_error": item.get("continue-on-error", False),
    }
    if using:
        name = str(item.get("name") or f"Run {item['uses']}")
        return Step(**common, name=name, uses=item["uses"], inputs=_mapping(item.get("with"), where))
    if not isinstance(item.get("run"), str):
        raise Refused(f"{where}: neither run nor uses")
    return Step(
        **common,
        name=str(item.get("name") or f"Run {item['run'].strip().splitlines()[0]}"),
        run=item["run"],
        shell=item.get("shell", shell),
        folder=item.get("working-directory", folder),
    )


def _condition(item: Mapping[str, Any]) -> Any:
    if isinstance(given := item.get("if"), str) and "${{" not in given:
        Expression(given)
    return item.get("if")


def _ordered(jobs: list[Job], path: str) -> Iterable[Job]:
    done: set[str] = set()
    left = list(jobs)
    while left:
        ready = [job for job in left if done.issuperset(job.needs)]
        if not ready:
            raise Refused(f"{path}: needed, but not there or in a circle: {', '.join(job.id for job in left)}")
        yield from ready
        done.update(job.id for job in ready)
        left = [job for job in left if job not in ready]
