"""JSON Lines: one object a line. Its names are the columns; numbers stay as they are written."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from reconciler.leads.csvfile import header_problem
from reconciler.leads.problem import BrokenError, Problem, Row, not_text
from reconciler.leads.shown import names_shown
from reconciler.leads.textfile import BAD_TEXT, Lines, Text

_EXAMPLE = '{"email": "…", "firstName": "…"}'
_WORDS = {None: "", True: "true", False: "false"}

_Cells = dict[str, str]


def read_json_lines(text: Text) -> tuple[tuple[str, ...], int, Iterator[Row | Problem]]:
    """Return the names of a list's columns, the line of the first object, and the rows; a `Problem` is one left out.

    The columns are the names of all objects, as they come up; so the list is read twice. Raises `BrokenError` where
    there are none, or unusable ones; so do the rows where reading ends early.
    """
    names: _Cells = {}
    first, filled = 0, False
    for line, cells in _objects(text.lines()):
        filled = True
        if isinstance(cells, Problem):
            continue
        first = first or line
        if not cells.keys() <= names.keys():
            names.update(dict.fromkeys(cells, ""))
            if problem := header_problem(tuple(names), line):
                raise BrokenError(_about_names(problem))
    if not names:
        what = "no line of the list is a JSON object" if filled else "the list is empty"
        raise BrokenError(Problem("lead-header", what, f"Each line is an object that names its values: {_EXAMPLE}.", 1))
    return tuple(names), first, _rows(text.lines(), names)


def _rows(lines: Lines, names: _Cells) -> Iterator[Row | Problem]:
    for line, cells in _objects(lines):
        if isinstance(cells, Problem):
            yield cells
        elif any(cells.values()):
            yield (line, *(names | cells).values())


def _objects(lines: Lines) -> Iterator[tuple[int, _Cells | Problem]]:
    """Return what each line that is not blank holds, by its number."""
    decoder = json.JSONDecoder(object_pairs_hook=_Pairs, parse_int=str, parse_float=str, parse_constant=_no_number)
    decode = decoder.raw_decode
    for raw in lines:
        line, _ = lines.take()
        if not lines.sound and BAD_TEXT.search(raw):
            yield line, not_text(lines.encoding, line)
        elif text := raw.strip():
            try:
                value, end = decode(text)
            except (ValueError, RecursionError):
                value, end = None, -1
            if end != len(text):
                yield line, _problem("this line is not JSON", f"Each line is one whole object: {_EXAMPLE}.", line)
            else:
                yield line, _cells(value, line, lines.encoding, escaped="\\u" in text)


class _Pairs(list[tuple[str, Any]]):
    """The names and values of an object, as it has them."""


def _cells(value: object, line: int, encoding: str, *, escaped: bool) -> _Cells | Problem:
    if type(value) is not _Pairs:
        return _problem("this line is not a JSON object", f"Each line is one whole object: {_EXAMPLE}.", line)
    try:
        cells = {name.strip(): item.strip() if type(item) is str else _WORDS[item] for name, item in value}
    except (KeyError, TypeError):
        nested = [name for name, item in value if isinstance(item, list)]
        what = f"these names stand for a list or an object: {names_shown(nested)}"
        return _problem(what, "Give each value that an email uses a name of its own, with a text or a number.", line)
    if len(cells) != len(value):
        twice = _repeated([name.strip() for name, _ in value])
        return _problem(f"these names stand here more than once: {names_shown(twice)}", "Keep one of each.", line)
    if escaped and any(BAD_TEXT.search(text) for pair in cells.items() for text in pair):
        return not_text(encoding, line)
    return cells


def _repeated(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _problem(message: str, hint: str, line: int) -> Problem:
    return Problem("lead-json", message, hint, line)


def _about_names(problem: Problem) -> Problem:
    """Say of an object what would be said of a header line."""
    if "address" not in problem.message:
        return problem
    return problem._replace(
        message="a name in this object is an address, so it does not name a column", hint=f"Write {_EXAMPLE}."
    )
