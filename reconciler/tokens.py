"""`{{token}}`: Leadterra's own placeholders in subjects and bodies. Found and filled in here; pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from html import escape
from unicodedata import category

STANDARD_FIELDS = ("email", "firstName", "lastName", "company", "jobTitle")
"""Fields every lead may have, in the API's own names (leadterra-api.md, "Behaviour")."""

_TOKEN = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_BRACES = re.compile(r"\{\{[^{}]*\}\}|\{\{")


def find_tokens(text: str) -> tuple[str, ...]:
    """Return the names of the tokens in a text, each once, in order of appearance."""
    return tuple(dict.fromkeys(_TOKEN.findall(text)))


def malformed_tokens(text: str) -> tuple[str, ...]:
    """Return what looks like a token but is none (`{{first name}}`, `{{`), each once: readers would see it.

    A lone `}}` is no sign of a token: styles in HTML end with it.
    """
    return tuple(dict.fromkeys(found for found in _BRACES.findall(text) if not _TOKEN.fullmatch(found)))


def fill_tokens(text: str, values: Mapping[str, str], *, html: bool = False) -> str:
    """Fill tokens in as Leadterra does: a missing value becomes an empty text. With `html`, values are escaped."""
    encode: Callable[[str], str] = escape if html else str
    return _TOKEN.sub(lambda match: encode(values.get(match[1], "")), text)


def meant_token(token: str, fields: Iterable[str]) -> str | None:
    """Return the field that differs from this token only in case or underscores, if there is one."""
    return next((field for field in fields if plain_name(field) == plain_name(token)), None)


def nearest(word: str, known: list[str]) -> str | None:
    """Return the known word that was probably meant."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return meant_token(word.replace("-", "_"), known) or (close[0] if close else None)


def is_visible(text: str) -> bool:
    """Whether a reader would see anything of it: more than Unicode's separators (Z) and controls and formats (C)."""
    return any(category(char)[0] not in "ZC" for char in text)


def plain_name(name: str) -> str:
    """Return what two names have in common that differ only in case or underscores."""
    return name.replace("_", "").casefold()
