"""Strangers' text in Markdown: it makes no mark-up, no link, no mention and no command of a pipeline.

What CommonMark reads as a character reference has no other meaning (spec 0.31, 2.5). GitHub finds mentions and issues
in the finished text, but not within `<code>`.
"""

import re
from collections.abc import Iterable, Sequence

from reconciler.reporting.escape import visible

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?")
_MARKS = re.compile(r"[!-/:-@\[-`{-~]")
_ACTING_MARKS = re.compile(r"[!-&*+<-@\[-`{-~]|:(?=[:/])|\.(?=\w)")
_MENTIONS = re.compile("|".join(f"&#{ord(sign)};" for sign in "@#"))


def code(text: str) -> str:
    """Write a text as code, for a paragraph or a cell of a table."""
    if _NAME.fullmatch(text):
        return f"`{text}`"
    return f"<code>{_MARKS.sub(_reference, visible(text))}</code>"


def prose(text: str) -> str:
    """Write a text as text, for a place behind the beginning of a line."""
    return _MENTIONS.sub(r"<code>\g<0></code>", _ACTING_MARKS.sub(_reference, visible(text)))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, figures: Iterable[str] = ()) -> str:
    """Write a table of finished cells; `figures` are the columns at the right of their room."""
    right = frozenset(figures)
    lines = [columns, ["---:" if name in right else "---" for name in columns], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _reference(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"
