"""What of a stranger's text may be shown: bounded, without control characters, keys and addresses.

Two ways to show an answer: `Redactor.text` quotes it, `Redactor.structure` tells only how it is built.
"""

import re
import unicodedata
from typing import Any

LONGEST_QUOTE = 200
_LONGEST_READ = 4_000
_LONGEST_KEY_NAME = 40
_MOST_KEY_NAMES = 8

_ADDRESS = re.compile(
    r"""[^\s@＠<>()\[\]{},;:"'`\\/=]+(?:@|＠|%40)[^\s@＠<>()\[\]{},;:"'`\\/]+""",  # noqa: RUF001 - fullwidth @
    re.IGNORECASE,
)
_KEY = re.compile(r"\bsk_(?:live|test)_[A-Za-z0-9_-]*|(?<=\bbearer )\S+", re.IGNORECASE)

DOCUMENTED_NAMES = frozenset(
    {"code", "count", "data", "email", "enrolled", "error", "errors", "field", "fields", "id", "index", "lead", "leads"}
    | {"message", "result", "row", "skipped", "status", "total", "updated"}
)
"""Key names that an answer about leads may show: any other could be somebody's data used as a key."""


class Redactor:
    """Knows the key, so that it can keep it out of every quotation. Its `repr` shows nothing."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key

    def __repr__(self) -> str:
        return "Redactor()"

    def text(self, value: str, *, longest: int = LONGEST_QUOTE) -> str:
        """Quote a text: one line, at most `longest` characters, `[key]` and `[address]` in place of either."""
        plain = "".join(" " if _is_control(character) else character for character in value[:_LONGEST_READ])
        if self._api_key:
            plain = plain.replace(self._api_key, "[key]")
        plain = _ADDRESS.sub("[address]", _KEY.sub("[key]", plain))
        plain = " ".join(plain.split())
        return plain if len(plain) <= longest else plain[: longest - 1] + "…"

    def structure(self, value: Any, *, private: bool) -> str:  # noqa: ANN401 - any JSON value
        """Tell how a JSON value is built, without its values; with `private`, without undocumented key names, too."""
        match value:
            case str():
                return "a text" if value else "an empty text"
            case list():
                return f"a list of {len(value)}"
            case dict():
                return self._object(value, private=private)
            case _:
                return {type(None): "null", bool: "a boolean"}.get(type(value), "a number")

    def _object(self, value: dict[str, Any], *, private: bool) -> str:
        if not value:
            return "an empty object"
        names = [name for name in value if not private or name in DOCUMENTED_NAMES][:_MOST_KEY_NAMES]
        shown = ", ".join(self.text(name, longest=_LONGEST_KEY_NAME) for name in names)
        others = len(value) - len(names)
        if not shown:
            return f"an object with {others} undocumented keys"
        return f"an object with keys {shown}" + (f" and {others} more" if others else "")


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
