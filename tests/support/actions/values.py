"""Values of expressions, and how GitHub compares and writes them: texts in any case, other kinds as numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any


class Refused(AssertionError):  # noqa: N818 - what happened, as a failing assertion says it
    """The player does not know this, or GitHub would not take it: an error of the test, never passed over."""


def truthy(item: Any) -> bool:
    return not (item is None or item is False or item == "" or (numeric(item) and (item == 0 or math.isnan(item))))


def string(item: Any) -> str:
    """Return a value as GitHub writes it into a text."""
    if item is None:
        return ""
    if isinstance(item, bool):
        return str(item).lower()
    if numeric(item):
        return str(int(item)) if item == int(item) else repr(item)
    if isinstance(item, str):
        return item
    raise Refused(f"a text made of a whole object: {item!r}; use toJSON")


def numeric(item: Any) -> bool:
    return isinstance(item, int | float) and not isinstance(item, bool)


def _number(item: Any) -> float:
    if item is None or item == "":
        return 0.0
    if isinstance(item, bool | int | float):
        return float(item)
    if isinstance(item, str):
        try:
            return float(item.strip() or 0)
        except ValueError:
            return math.nan
    return math.nan


def _kind(item: Any) -> type:
    return float if numeric(item) else type(item)


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.upper() == right.upper()
    if _kind(left) is not _kind(right):
        return _number(left) == _number(right)
    return left is right if isinstance(left, Mapping | list) else bool(left == right)


def less(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.upper() < right.upper()
    return _number(left) < _number(right)


def member(of: Any, name: Any) -> Any:
    """Return a property or an item; None where there is none. Names are found in any case."""
    if isinstance(of, Mapping):
        key = string(name)
        return of[key] if key in of else next((of[k] for k in of if k.casefold() == key.casefold()), None)
    if isinstance(of, Sequence) and not isinstance(of, str) and numeric(name):
        return of[int(name)] if 0 <= name < len(of) else None
    return None
