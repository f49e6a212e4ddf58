"""What the YAML parser says, in words for people who do not know YAML."""

from typing import Any

import yaml
from yaml.reader import ReaderError

Place = tuple[int, int]
YamlMark = Any
"""One of PyYAML's marks: `line`, `column` and `index`, counted from 0."""

_HINTS = (
    ("mapping values are not allowed", "A text that holds `: ` must be in quotes; else check the indentation."),
    ("while scanning a block scalar", "Indent all lines of the text by the same number of spaces."),
    ("could not find expected ':'", "Write `key: value`; a text over several lines begins with `|`."),
    ("expected <block end>", "Check the indentation; a text that begins with a quotation mark ends with one."),
    ("did not find expected", "Check the indentation, quotation marks and brackets."),
)


def explain(problem: yaml.YAMLError, text: str) -> tuple[str, str, str | None, Place]:
    """Return code, message, hint and place (line and column from 1) of a YAML error in `text`."""
    if isinstance(problem, ReaderError):
        return _unreadable_character(text)
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    opened = getattr(problem, "context_mark", None)
    if mark is not None and opened is not None and _is_unclosed(problem, mark.index >= len(text.rstrip())):
        message = "This is not valid YAML: a quotation mark or bracket is opened here and never closed."
        return "yaml-syntax", message, "Close it on the same line, or where the text ends.", _opening(opened, text)
    if mark is None:
        return "yaml-syntax", "This is not valid YAML.", None, (1, 1)
    line = text.splitlines()[mark.line : mark.line + 1]
    place = _place(mark)
    indent = line[0][: len(line[0]) - len(line[0].lstrip())] if line else ""
    if "\t" in indent or text[mark.index : mark.index + 1] == "\t":
        column = indent.index("\t") + 1 if "\t" in indent else place[1]
        message = "A tab stands where YAML wants spaces."
        return "yaml-tab", message, "Indent with spaces only.", (place[0], column)
    said = str(getattr(problem, "problem", None) or "it cannot be read")
    if "cannot start any token" in said:
        character = text[mark.index : mark.index + 1]
        return "yaml-syntax", f"A text cannot begin with `{character}` unless it is quoted.", "Quote the text.", place
    whole = f"{getattr(problem, 'context', None) or ''} {said}"
    hint = next((words for part, words in _HINTS if part in whole), None)
    return "yaml-syntax", f"This is not valid YAML: {said}.", hint, place


def _is_unclosed(problem: yaml.YAMLError, at_end: bool) -> bool:  # noqa: FBT001 - a fact about the problem
    context = getattr(problem, "context", None) or ""
    return at_end and ("flow" in context or "quoted" in context)


def _opening(mark: YamlMark, text: str) -> Place:
    """Return the place of what was opened; the very last character where the parser names the end of the file."""
    written = text.rstrip()
    if mark.index < len(written):
        return _place(mark)
    lines = written.splitlines()
    return (len(lines), len(lines[-1])) if lines else (1, 1)


def _place(mark: YamlMark) -> Place:
    return (mark.line + 1, mark.column + 1)


def _unreadable_character(text: str) -> tuple[str, str, str | None, Place]:
    """Find the character by ourselves: the parser counts in bytes of a copy."""
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if found is None:
        return "yaml-syntax", "The file holds a character that YAML does not allow.", None, (1, 1)
    before = text[: found.start()]
    place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
    message = f"The character U+{ord(found[0]):04X} is not allowed here."
    return "yaml-syntax", message, "Remove it, or save the file as UTF-8 text.", place
