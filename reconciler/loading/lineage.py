"""The part of workspace.yaml that the program writes: `state`. The rest of the file stays as it is."""

import re
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

import yaml
from pydantic import ValidationError

from reconciler.diagnostics import Diagnostic, SourceRange, SpecError, error
from reconciler.loading.yamlmarks import parse
from reconciler.model.workspace import DEFAULT_WORKSPACE, StateFile

_STATE_KEYS = ("backend", "remote", "ref")
_LINE = re.compile(
    r"""(?m)^[ \t]*(workspace|backend|remote|ref|lineage):[ \t]+["']?([A-Za-z0-9_][\w./-]*)["']?[ \t]*(?:#.*)?$"""
)
"""What can still be read of a file that is no YAML any more."""


class Kept(NamedTuple):
    """The name of the workspace, where its state is kept, and whether the file settles that.

    It does where it names a backend, or a lineage: that state was made where the defaults say.
    """

    workspace: str
    state: StateFile
    settled: bool


def read_lineage(workspace: Path) -> str | None:
    """Return the committed lineage, also where other parts of the file are not valid; None where there is none."""
    if not workspace.is_file():
        return None
    try:
        state = _child(_compose(workspace, _text(workspace)), "state")
    except (SpecError, UnicodeDecodeError) as problem:
        words = "workspace.yaml cannot be read, so it is not known whether there was a state before"
        raise SpecError(error("lineage", words, hint="see `reconciler validate`", at=_place(workspace))) from problem
    lineage = _child(state, "lineage")
    return lineage.value if isinstance(lineage, yaml.ScalarNode) and lineage.value else None


def read_kept(workspace: Path) -> Kept:
    """Return where the state is kept, also where other parts of the file are not valid: a stop cannot wait for that.

    Raises `SpecError` where `state` itself is wrong.
    """
    if not workspace.is_file():
        return Kept(DEFAULT_WORKSPACE, StateFile(), settled=False)
    try:
        node = _compose(workspace, _text(workspace))
    except (SpecError, UnicodeDecodeError):
        if workspace.is_symlink():
            raise
        said = dict(_LINE.findall(workspace.read_text(encoding="utf-8-sig", errors="replace")))
    else:
        state = _child(node, "state")
        below = {name: _child(state, name) for name in (*_STATE_KEYS, "lineage")}
        parts = {"workspace": _child(node, "workspace"), **below}
        said = {name: part.value for name, part in parts.items() if isinstance(part, yaml.ScalarNode) and part.value}
    try:
        kept = StateFile.model_validate({name: said[name] for name in _STATE_KEYS if name in said})
    except ValidationError as problem:
        words = "`state` in workspace.yaml is not valid, so it is not known where the state is"
        raise SpecError(
            error("state-place", words, hint="see `reconciler validate`", at=_place(workspace))
        ) from problem
    settled = not said.keys().isdisjoint(("backend", "lineage"))
    return Kept(said.get("workspace") or DEFAULT_WORKSPACE, kept, settled=settled)


def with_lineage(workspace: Path, lineage: str, **more: str) -> str:
    """Return the file's text with the lineage below `state:`, which is added where there is none; `more` beside it.

    Raises `SpecError` where that cannot be done safely; nothing is written.
    """
    text = _text(workspace)
    state = _child(_compose(workspace, text), "state")
    lines = [f"{name}: {value}" for name, value in (*more.items(), ("lineage", lineage))]
    if state is None:
        body = f"{text.rstrip()}\n\n" if text.strip() else ""
        return f"{body}state:\n" + "".join(f"  {line}\n" for line in lines)
    start, end = state.start_mark, state.end_mark
    if start is None or end is None:
        raise AssertionError("a composed node has marks")
    if isinstance(state, yaml.MappingNode) and state.flow_style:
        rest = ", " if state.value else ""
        return f"{text[: start.index + 1]}{', '.join(lines)}{rest}{text[start.index + 1 :]}"
    if isinstance(state, yaml.MappingNode):
        before, gap = text[: start.index], "\n" + " " * start.column
        return f"{before}{gap.join(lines)}{gap}{text[start.index :]}"
    if isinstance(state, yaml.ScalarNode) and not state.value:
        return text[: end.index] + "".join(f"\n  {line}" for line in lines) + text[end.index :]
    words = "`state` is no mapping, so the lineage of a new state cannot be added to it"
    raise SpecError(error("lineage", words, hint="nothing was made; see `reconciler validate`", at=_place(workspace)))


def write_workspace(workspace: Path, text: str) -> None:
    """Replace the file, whole or not at all."""
    workspace.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", encoding="utf-8", dir=workspace.parent, delete=False, suffix=".tmp") as file:
        file.write(text)
    made = Path(file.name)
    made.chmod(workspace.stat().st_mode if workspace.exists() else 0o644)
    made.replace(workspace)


def _text(workspace: Path) -> str:
    if workspace.is_symlink():
        raise SpecError(error("lineage", "workspace.yaml is a link, and is not written through", at=_place(workspace)))
    return workspace.read_text(encoding="utf-8-sig") if workspace.is_file() else ""


def _compose(workspace: Path, text: str) -> yaml.Node | None:
    document, problems = parse(text, str(workspace))
    if document is None and text.strip():
        raise SpecError(*problems)
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    return node


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if isinstance(key, yaml.ScalarNode) and key.value == name), None)


def _place(workspace: Path) -> SourceRange:
    return SourceRange(file=str(workspace))


def lost(lineage: str, environment: str | None) -> Diagnostic:
    """Tell that a committed lineage has no state."""
    if environment is not None:
        return error(
            "state-lost",
            f"the environment {environment} has no state here",
            hint=f"if it is new: `reconciler state init --env {environment}`. If it had one, bring that back: "
            "a new one would not know who was written to",
        )
    return error(
        "state-lost",
        f"workspace.yaml names the state {lineage}, and it is not here: a new one would not know who was written to",
        hint="bring the state back. If it is lost for good, take `lineage` out of workspace.yaml by hand, run "
        "`reconciler state init`, and `reconciler import` every campaign that exists before you apply",
    )
