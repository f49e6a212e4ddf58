"""Mappings laid over each other, and where each value came from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.diagnostics import SourceRange
from reconciler.loading.yamlmarks import Document, Path
from reconciler.loading.yamlwords import YamlMark

_ABSENT = object()


@dataclass(frozen=True)
class Layer:
    """A part of a document: `data` is what stands at `prefix` in it, without `x-…` keys."""

    document: Document
    data: dict[str, Any]
    prefix: Path = ()

    def has(self, path: Path) -> bool:
        """Whether there is a value at this path."""
        return _at(self.data, path) is not _ABSENT

    def place(self, path: Path) -> SourceRange:
        """Return the place of the value at a path, or of the nearest one around it."""
        return self._range(self.document.values, path)

    def key_place(self, path: Path) -> SourceRange:
        """Return the place of the key at a path; of its value where it is an item of a list."""
        marks = self.document.keys if (*self.prefix, *path) in self.document.keys else self.document.values
        return self._range(marks, path)

    def is_broken(self, path: Path) -> bool:
        """Whether the value at a path, or one around it, could not be made from the YAML; that was told."""
        full = (*self.prefix, *path)
        return any(full[:length] in self.document.broken for length in range(len(full) + 1))

    def _range(self, marks: dict[Path, YamlMark], path: Path) -> SourceRange:
        full = (*self.prefix, *path)
        while full and full not in marks:
            full = full[:-1]
        mark = marks.get(full)
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        return SourceRange(file=self.document.file, line=line, column=column)


@dataclass(frozen=True)
class Layers:
    """Layers of one mapping, the uppermost last. Mappings are joined, lists and single values replaced."""

    layers: Sequence[Layer]
    merged: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        merged: dict[str, Any] = {}
        for layer in self.layers:
            merged = lay_over(merged, layer.data) if merged else layer.data
        object.__setattr__(self, "merged", merged)

    def source(self, path: Path) -> Layer:
        """Return the layer that the value at a path comes from (or the one around it, where there is none)."""
        if len(self.layers) == 1:
            return self.layers[0]
        candidates = list(self.layers)
        chosen = candidates[-1]
        for length in range(1, len(path) + 1):
            having = [layer for layer in candidates if layer.has(path[:length])]
            if not having:
                break
            chosen = having[-1]
            # A list or a single value replaces all below it, so what is inside comes from the same layer.
            candidates = having if isinstance(_at(chosen.data, path[:length]), dict) else [chosen]
        return chosen

    def place(self, path: Path) -> SourceRange:
        """Return the place of the value at a path, in the file that it comes from."""
        return self.source(path).place(path)


def lay_over(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    """Return `lower` with `upper` over it: mappings are joined, lists and single values replaced."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        merged[key] = lay_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _at(data: Any, path: Path) -> Any:  # noqa: ANN401 - any YAML value
    for part in path:
        if isinstance(data, dict):
            data = data.get(part, _ABSENT)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return _ABSENT
    return data
