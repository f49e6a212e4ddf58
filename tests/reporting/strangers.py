"""Strategies for text that means harm, and plans and reports in which every text field is such text."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel

PIECES = (
    "\x1b[31m", "\x1b]0;x\x07", "\x9b2J", "::error::x", "::", ":", "##[group]", "##", "#", "[", "vso[", "##vso[task]x",
    "\n", "\r", "\r\n", "\t", " ", "   ", "\u202e", "\u200b", "\u2028", "\u2029", "\ufeff", "\xad", "\ufe0f", "\xa0",
    "\u3000", "\x00", "\x7f", "\x85", "\U000e0041", "<p>", "</p>", "&#27;", "&#10;::", "&#x202e;", "{{firstName}}",
    "[-", "-]", "word", "日本", "é",
)  # fmt: skip
CLEAN = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
    st.text(max_size=12),
)
TEXTS = st.one_of(CLEAN, st.lists(st.sampled_from((*PIECES, "\ud800", "\udfff")), max_size=6).map("".join))

_OWN_CODES = re.compile(r"\x1b\[(?:0|(?:1;)?(?:1|2|3[1-6]))m")
_KEPT = {"origin", "path"}


def infect(value: Any, draw: Callable[[], str], told: dict[str, str]) -> Any:
    """Replace every text in a value, equal ones by equal ones, so that what belongs together stays together."""
    match value:
        case BaseModel():
            fields = type(value).model_fields
            changed = {name: infect(getattr(value, name), draw, told) for name in fields if name not in _KEPT}
            return value.model_copy(update=changed)
        case tuple():
            return tuple(infect(item, draw, told) for item in value)
        case dict():
            return {key: infect(item, draw, told) for key, item in value.items()}
        case str() if type(value) is str:
            if value not in told:
                told[value] = draw()
            return told[value]
        case _:
            return value


def harmful(text: str, *, color: bool = False) -> str | None:
    """Say what in a rendered text acts on a terminal or a pipeline; None where nothing does."""
    bare = _OWN_CODES.sub("", text) if color else text
    for character in bare:
        if character != "\n" and unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
            return f"{character!r} in {bare!r}"
    for form in (bare, text):
        for line in form.split("\n"):
            if re.match(r"[\s\ufe0e\ufe0f]*::", line) or re.search(r"##(?:vso)?\[", line):
                return f"a command: {line!r}"
    return None
