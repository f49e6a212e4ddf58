"""The workflows that `init` writes: short files that call the reusable ones of this program's own repository."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}@[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
"""Repository and ref of the reusable workflows, such as `acme/reconciler@v1.2.0`, or a commit for the ref."""

_KEY = "LEADTERRA_API_KEY: ${{ secrets.LEADTERRA_API_KEY }}"
_LEDGER = "RECONCILER_LEDGER_KEY: ${{ secrets.RECONCILER_LEDGER_KEY }}"
_DISPATCH = "  workflow_dispatch:\n"
_NAMED = ("plan", "apply", "drift")


class Pipelines(NamedTuple):
    """What the workflows of one workspace differ in. `branch` is the one that is applied; `specs` is below the root."""

    source: str
    specs: str
    environment: str | None
    branch: str

    @property
    def label(self) -> str:
        """What tells them apart from those of another workspace of the repository; empty for the usual one."""
        folder = "" if self.specs == "specs" else re.sub(r"[^A-Za-z0-9]+", "-", self.specs.removesuffix("/specs"))
        return "-".join(part for part in (folder.strip("-"), self.environment) if part)


def write_workflows(root: Path, pipelines: Pipelines) -> tuple[Path, ...]:
    """Write the workflows that are missing below a repository's root, and return which; none is overwritten."""
    written = []
    for name, text in workflow_texts(pipelines).items():
        path = root / ".github" / "workflows" / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return tuple(written)


def workflow_texts(pipelines: Pipelines) -> Mapping[str, str]:
    """Return the workflows by the names of their files; those of another workspace have its label in theirs."""
    suffix = f"-{pipelines.label}" if pipelines.label else ""
    return {
        f"reconciler-{name}{suffix}.yml": _workflow(name, kind, pipelines)
        for name, kind in _kinds(pipelines.branch).items()
    }


class _Kind(NamedTuple):
    """What a workflow is for, when it runs, what it may do, and the inputs that it passes on."""

    words: str
    on: str
    permissions: str
    inputs: str = ""


_ASKED_TO_STOP = """\
    inputs:
      campaigns: {description: Keys with spaces between them or all, required: true, default: all}
      reason: {description: Why, required: true}
      lift: {description: Take the mark away instead, type: boolean, default: false}
"""
_STOPPED = """\
      campaigns: ${{ inputs.campaigns }}
      reason: ${{ inputs.reason }}
      lift: ${{ inputs.lift }}
"""
_ASKED_TO_SUPPRESS = """\
    inputs:
      addresses: {description: Addresses with spaces between them, required: true}
"""


def _kinds(branch: str) -> Mapping[str, _Kind]:
    merged = f"  push:\n    branches: [{branch}]\n"
    return {
        "plan": _Kind(
            "Shows in every pull request who would get which email, and when.",
            "  pull_request:\n",
            "{contents: read, pull-requests: write}",
        ),
        "apply": _Kind(
            "Does what was merged; every three hours it looks whether what waits can be done.",
            f'{merged}  schedule:\n    - cron: "23 */3 * * *"\n{_DISPATCH}',
            "{contents: write, actions: read, pull-requests: read}",
        ),
        "drift": _Kind(
            "Tells once a night, in an issue, what was changed in Leadterra, and what has waited too long.",
            f'  schedule:\n    - cron: "41 3 * * *"\n{_DISPATCH}',
            "{contents: read, issues: write}",
        ),
        "stop": _Kind(
            "The button that stops campaigns now. It needs no review and no valid files.",
            f"{_DISPATCH}{_ASKED_TO_STOP}",
            "{contents: write}",
            _STOPPED,
        ),
        "suppress": _Kind(
            "Keeps people from every email, for good. No log shows the addresses.",
            f"{_DISPATCH}{_ASKED_TO_SUPPRESS}",
            "{contents: write}",
        ),
    }


def _workflow(name: str, kind: _Kind, pipelines: Pipelines) -> str:
    repository, _, ref = pipelines.source.partition("@")
    inputs = f"      specs: {pipelines.specs}\n" if pipelines.specs != "specs" else ""
    inputs += f"      environment: {pipelines.environment}\n" if pipelines.environment else ""
    inputs += f"      name: reconciler-{pipelines.label}\n" if pipelines.label and name in _NAMED else ""
    inputs += kind.inputs
    label = f"{name} {pipelines.label}" if pipelines.label else name
    return (
        f"# {kind.words} (reconciler init)\n"
        f"name: campaigns / {label}\n"
        f"on:\n{kind.on}"
        "permissions: {}\n"
        "jobs:\n"
        f"  {name}:\n"
        f"    permissions: {kind.permissions}\n"
        f"    uses: {repository}/.github/workflows/{name}.yml@{ref}\n"
        + (f"    with:\n{inputs}" if inputs else "")
        + f"    secrets:\n      {_KEY}\n      {_LEDGER}\n"
    )
