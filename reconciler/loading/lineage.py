"""The one line of workspace.yaml that the program writes: `state.lineage`. The rest of the file stays as it is."""

from pathlib import Path

import yaml

from reconciler.diagnostics import SourceRange, SpecError, error


def read_lineage(workspace: Path) -> str | None:
    """Return the committed lineage, also where other parts of the file are not valid; None where there is none."""
    if not workspace.is_file():
        return None
    try:
        state = _child(yaml.compose(workspace.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader), "state")
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as problem:
        words = "workspace.yaml cannot be read, so it is not known whether there was a state before"
        raise SpecError(error("lineage", words, hint="see `reconciler validate`", at=_place(workspace))) from problem
    lineage = _child(state, "lineage")
    return lineage.value if isinstance(lineage, yaml.ScalarNode) and lineage.value else None


def write_lineage(workspace: Path, lineage: str) -> None:
    """Add the lineage below `state:`, which is added where there is none. Raises `SpecError` where that is not safe."""
    text = workspace.read_text(encoding="utf-8-sig") if workspace.is_file() else ""
    root = yaml.compose(text, Loader=yaml.SafeLoader) if text.strip() else None
    state = _child(root, "state")
    if state is None:
        body = f"{text.rstrip()}\n\n" if text.strip() else ""
        written = f"{body}state:\n  lineage: {lineage}\n"
    elif isinstance(state, yaml.MappingNode) and not state.flow_style and state.value:
        lines = text.splitlines(keepends=True)
        first = state.value[0][0].start_mark
        lines.insert(first.line, f"{' ' * first.column}lineage: {lineage}\n")
        written = "".join(lines)
    else:
        words = f"the state was made, and its lineage could not be added to `state:`: write `lineage: {lineage}` there"
        raise SpecError(error("lineage", words, at=_place(workspace)))
    workspace.parent.mkdir(parents=True, exist_ok=True)
    workspace.write_text(written, encoding="utf-8")


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if isinstance(key, yaml.ScalarNode) and key.value == name), None)


def _place(workspace: Path) -> SourceRange:
    return SourceRange(file=str(workspace))
