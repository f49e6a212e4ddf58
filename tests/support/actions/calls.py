"""What is handed to a workflow that is called or dispatched, and which workflow that is."""

import re
import subprocess
from collections.abc import Mapping
from typing import Any

from support.actions.expressions import Scope, value
from support.actions.ground import Ground
from support.actions.values import Refused, string
from support.actions.workflow import Workflow, load

_USES = re.compile(r"([\w.-]+/[\w.-]+)/(\.github/workflows/[\w.-]+\.ya?ml)@([\w./-]+)")
_KINDS: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "number": (int, float),
    "string": (str,),
    "choice": (str,),
    "environment": (str,),
}


def called(ground: Ground, uses: str) -> tuple[Workflow, str, str]:
    """Return the project's workflow that a job calls, the commit it is taken from, and the ref that was named."""
    found = _USES.fullmatch(uses)
    if not found or found.group(1) == ground.repository:
        raise Refused(f"a workflow that the player does not have: {uses}")
    path = ground.project / found.group(2)
    if not path.is_file():
        raise Refused(f"the project has no {found.group(2)}")
    workflow = load(path.read_text(), found.group(2))
    if "workflow_call" not in workflow.triggers:
        raise Refused(f"{workflow.path} cannot be called")
    return workflow, project_commit(ground), found.group(3)


def repository_of(uses: str) -> str:
    """Return OWNER/NAME of a workflow that a job calls."""
    return "/".join(uses.split("/")[:2])


def project_commit(ground: Ground) -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ground.project, capture_output=True, check=True, text=True)
    return done.stdout.strip()


def inputs_of(workflow: Workflow, event: str, given: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """Return the inputs with their defaults; whatever GitHub would not take is refused."""
    declared = workflow.triggers[event].get("inputs") or {}
    where = f"{workflow.path}: inputs"
    if unknown := set(given) - set(declared):
        raise Refused(f"{where}: unknown: {', '.join(sorted(unknown))}")
    inputs: dict[str, Any] = {}
    for name, item in declared.items():
        kind = item.get("type", "string" if event == "workflow_dispatch" else None)
        if kind not in _KINDS or (kind in ("choice", "environment") and event == "workflow_call"):
            raise Refused(f"{where}.{name}: no such type: {kind}")
        empty = {"boolean": False, "number": 0, "string": ""}.get(kind, "")
        if kind == "choice" and item.get("options"):
            empty = item["options"][0]
        if name not in given and item.get("required") and "default" not in item:
            raise Refused(f"{where}.{name} is missing")
        inputs[name] = given.get(name, value(item.get("default", empty), scope))
        if kind == "string" and isinstance(inputs[name], bool | int | float | None):
            inputs[name] = string(inputs[name])
        fits = isinstance(inputs[name], _KINDS[kind]) and (kind != "number" or not isinstance(inputs[name], bool))
        if not fits or (kind == "choice" and inputs[name] not in item["options"]):
            raise Refused(f"{where}.{name}: no {kind}: {inputs[name]!r}")
    return inputs


def check_secrets(workflow: Workflow, given: Mapping[str, str]) -> None:
    """Refuse secrets that a called workflow does not declare, and those that it misses."""
    declared = workflow.triggers["workflow_call"].get("secrets") or {}
    missing = [name for name, item in declared.items() if (item or {}).get("required") and name not in given]
    if wrong := [*missing, *(set(given) - set(declared))]:
        raise Refused(f"{workflow.path}: secrets that are missing or unknown: {', '.join(wrong)}")
