"""The one line of workspace.yaml that the program writes: `state.lineage`. The rest of the file stays as it is."""

from pathlib import Path
from tempfile import NamedTemporaryFile

import yaml

from reconciler.diagnostics import SourceRange, SpecError, error
from reconciler.loading.yamlmarks import parse


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


def with_lineage(workspace: Path, lineage: str) -> str:
    """Return the file's text with the lineage below `state:`, which is added where there is none.

    Raises `SpecError` where that cannot be done safely; nothing is written.
    """
    text = _text(workspace)
    state = _child(_compose(workspace, text), "state")
    if state is None:
        body = f"{text.rstrip()}\n\n" if text.strip() else ""
        return f"{body}state:\n  lineage: {lineage}\n"
    start, end = state.start_mark, state.end_mark
    if start is None or end is None:
        raise AssertionError("a composed node has marks")
    if isinstance(state, yaml.MappingNode) and state.flow_style:
        rest = ", " if state.value else ""
        return f"{text[: start.index + 1]}lineage: {lineage}{rest}{text[start.index + 1 :]}"
    if isinstance(state, yaml.MappingNode):
        before = text[: start.index]
        return f"{before}lineage: {lineage}\n{' ' * start.column}{text[start.index :]}"
    if isinstance(state, yaml.ScalarNode) and not state.value:
        return f"{text[: end.index]}\n  lineage: {lineage}{text[end.index :]}"
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
