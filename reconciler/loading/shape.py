"""Which keys are fixed where: read off the models once, and used for `x-…` keys and suggestions."""

from dataclasses import dataclass, field
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from reconciler.loading.yamlmarks import Path
from reconciler.model.campaign import CampaignFile
from reconciler.model.workspace import PolicyFile, WorkspaceFile

EXTENSION = "x-"
"""Keys that begin so are kept by people for themselves and ignored here."""


@dataclass(frozen=True)
class Shape:
    """A mapping with fixed keys: the shape below each key, None for a value or a mapping with free keys.

    `free` is the shape below every key where the keys are free (`environments`).
    """

    keys: dict[str, "Shape | None"] = field(default_factory=dict)
    free: "Shape | None" = None

    def below(self, part: str | int) -> "Shape | None":
        """Return the shape below one part of a path; a list has that of its items."""
        if isinstance(part, int):
            return self
        return self.free or self.keys.get(part)


@cache
def campaign_shape() -> Shape:
    """Shape of a campaign file, and of `defaults` and `overrides`."""
    return _of_model(CampaignFile)


@cache
def workspace_shape() -> Shape:
    """Shape of `workspace.yaml`, with the campaign's and the policy's where they stand in it."""
    shape = _of_model(WorkspaceFile)
    environment = Shape(keys={"policy": _of_model(PolicyFile), "overrides": campaign_shape()})
    return Shape(keys={**shape.keys, "defaults": campaign_shape(), "environments": Shape(free=environment)})


def shape_at(shape: Shape | None, path: Path) -> Shape | None:
    """Return the shape at a path, or None where no keys are fixed."""
    for part in path:
        if shape is None:
            return None
        shape = shape.below(part)
    return shape


def without_extensions(data: Any, shape: Shape | None) -> Any:  # noqa: ANN401 - any YAML value
    """Return the data without the `x-…` keys of mappings whose keys are fixed."""
    if shape is None:
        return data
    if isinstance(data, list):
        return [without_extensions(item, shape) for item in data]
    if not isinstance(data, dict):
        return data
    return {
        key: without_extensions(value, shape.below(key))
        for key, value in data.items()
        if shape.free or not key.startswith(EXTENSION)
    }


def _of_model(model: type[BaseModel]) -> Shape:
    return Shape(
        keys={info.alias or name: _of_annotation(info.annotation) for name, info in model.model_fields.items()}
    )


def _of_annotation(annotation: Any) -> Shape | None:  # noqa: ANN401 - any type
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _of_model(annotation)
    inner = [item for item in get_args(annotation) if item not in (NoneType, Ellipsis)]
    if get_origin(annotation) in {tuple, Union, UnionType} and len(inner) == 1:
        return _of_annotation(inner[0])
    return None
