"""What an unquoted YAML text means. YAML 1.2's core rules, made stricter where a reader would be surprised.

Only `true` and `false` are booleans; there are no timestamps and no base 60 (`16:00` is a text); a number with a
leading zero is a text, so that a postcode stays what it is; so are infinity and what is no number.
"""

import math
import re

Scalar = str | int | float | bool | None

MAX_NUMBER_LENGTH = 64
"""Characters. Longer numbers are no use to anybody and slow to convert."""

_CONSTANTS = {"": None, "~": None, "null": None, "Null": None, "NULL": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_BASED = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_NUMBER_STARTS = frozenset("+-.0123456789")


def resolve(text: str) -> Scalar:
    """Return the value of an unquoted text. Raises `ValueError` for a number that is too long."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_STARTS or not (_FLOAT.match(text) or _BASED.match(text)):
        return text
    if len(text) > MAX_NUMBER_LENGTH:
        raise ValueError(f"the number has more than {MAX_NUMBER_LENGTH} characters")
    if _INTEGER.match(text) or _BASED.match(text):
        return int(text, 0)
    number = float(text)
    return number if math.isfinite(number) else text
