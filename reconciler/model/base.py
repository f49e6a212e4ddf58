"""The two kinds of frozen model, and the digests made over them."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Frozen(BaseModel):
    """A value of the program. In JSON its fields are written in camelCase, as Leadterra's API writes them."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


class Authored(BaseModel):
    """What a person writes in YAML: API field names only, strict types, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        validate_by_name=False,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
"""Made once: a list's digest asks for it as often as the list has rows."""


def canonical(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Write a JSON value the same way every time: sorted keys, no white space."""
    return _CANONICAL.encode(value)


def digest(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """SHA-256 over the canonical JSON of a value, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
