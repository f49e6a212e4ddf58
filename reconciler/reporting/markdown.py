"""Strangers' text in Markdown: it makes no mark-up, no link, no mention and no command of a pipeline.

What CommonMark reads as a character reference has no other meaning (spec 0.31, 2.5). GitHub finds mentions and issues
(`@acme`, `#1`, `GH-1`) in the finished text, but not within `<code>`.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal
from urllib.parse import quote

from reconciler.model.base import digest
from reconciler.reporting.escape import visible

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?(?::\d+){0,2}", re.ASCII)
"""A key, a file, or a place in one: nothing in it has a meaning between backticks."""

Document = Literal["plan", "apply", "validate", "drift"]
"""What a document is of; a poster tells them apart by it."""

_MARKS = re.compile(r"[!-/:-@\[-`{-~]")
_ACTING_MARKS = re.compile(r"[!-&*+<-@\[-`{-~]|:(?=[:/])|\.(?=\w)")
_MENTIONS = re.compile("|".join(f"&#{ord(sign)};" for sign in "@#") + r"|(?<=GH)-(?=\d)", re.IGNORECASE)
_LONGEST_NAME = 120
_COMMAND = re.compile("`([^`]+)`")


def code(text: str) -> str:
    """Write a text as code, for a paragraph or a cell of a table."""
    if _NAME.fullmatch(text):
        return f"`{text}`"
    return f"<code>{_MARKS.sub(_reference, visible(text))}</code>"


def prose(text: str) -> str:
    """Write a text as text, for a place behind the beginning of a line."""
    return _MENTIONS.sub(r"<code>\g<0></code>", _ACTING_MARKS.sub(_reference, visible(text)))


def opening(text: str) -> str:
    """Write a text as text, for the beginning of a line: it begins no list, no rule and no block of code."""
    told = prose(text)
    if not told or told[0].isalpha() or told[0] in "&<":
        return told
    return f"&#{ord(told[0])};{told[1:]}"


def sentence(text: str) -> str:
    """Write a text as text in which what stands between backticks is code; for a place behind the beginning of a line.

    Whoever wrote the backticks: code is as harmless as text.
    """
    parts = _COMMAND.split(text)
    return "".join(code(part) if number % 2 else prose(part) for number, part in enumerate(parts))


def cut(text: str, most: int) -> str:
    """Keep so many characters of a text, the last one a sign that there was more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def folded(summary: str, body: str) -> str:
    """Fold a body (whole lines) under a summary; both are finished."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n</details>\n"


def marker(what: Document, workspace: str, environment: str) -> str:
    """Return the hidden line by which a poster finds its comment again: one for each workspace and environment.

    Nothing else that is written in Markdown here holds `<!--`, whatever strangers write.
    """
    return f"<!-- reconciler:{what} {_named(workspace)}/{_named(environment)} -->\n"


def _named(name: str) -> str:
    quoted = quote(name, safe="", errors="backslashreplace").replace("--", "%2D%2D").replace("~", "%7E")
    if len(quoted) <= _LONGEST_NAME:
        return quoted
    return f"{quoted[:_LONGEST_NAME]}~{digest(quoted)[:16]}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, figures: Iterable[str] = ()) -> str:
    """Write a table of finished cells; `figures` are the columns at the right of their room."""
    return table_head(columns, figures=figures) + "".join(map(table_row, rows))


def table_head(columns: Sequence[str], *, figures: Iterable[str] = ()) -> str:
    """Write the two lines that begin a table."""
    right = frozenset(figures)
    return table_row(columns) + table_row(["---:" if name in right else "---" for name in columns])


def table_row(cells: Sequence[str]) -> str:
    """Write one row of finished cells."""
    return f"| {' | '.join(cells)} |\n"


def _reference(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"
