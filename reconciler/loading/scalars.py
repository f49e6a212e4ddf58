"""What an unquoted YAML text means. YAML 1.2's core rules, made stricter where a reader would be surprised.

Only `true` and `false` are booleans; there are no timestamps and no base 60 (`16:00` is a text). A number is written in
plain decimals: what begins with a needless zero (a postcode), or has letters (`0x1f`, `12e5`), is a text.
"""

import math
import re

Scalar = str | int | float | bool | None

MAX_NUMBER_LENGTH = 64
"""Characters. Longer numbers are no use to anybody and slow to convert."""

_CONSTANTS = {"": None, "~": None, "null": None, "Null": None, "NULL": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]*(?:[eE][-+][0-9]+)?\Z")
_NUMBER_STARTS = frozenset("+-0123456789")


def resolve(text: str) -> Scalar:
    """Return the value of an unquoted text. Raises `ValueError` for a number that is too long."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    is_integer = _INTEGER.match(text) is not None
    if not (is_integer or _FLOAT.match(text)):
        return text
    if len(text) > MAX_NUMBER_LENGTH:
        raise ValueError(f"the number has more than {MAX_NUMBER_LENGTH} characters")
    if is_integer:
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else text
