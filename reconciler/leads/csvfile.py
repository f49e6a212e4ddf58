"""CSV, read strictly: a list that could be misread is refused, with the physical line of what is wrong.

Commas, semicolons, tabs or vertical bars between cells; quotes as in RFC 4180. Blank lines, and rows of blank cells
only, are passed over. Names and cells are trimmed.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import NamedTuple

from reconciler.leads.problem import BrokenError, Problem, Row, not_text
from reconciler.leads.shown import names_shown
from reconciler.leads.textfile import BAD_TEXT, Lines, Text

MOST_COLUMNS = 1_000
"""A list with more columns is refused."""

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_QUOTED = re.compile(r'"(?:[^"]|"")*+"')
_LOOKS_LIKE_ADDRESS = re.compile(r"\S@|@\s*\S+\.\S")


def read_csv(text: Text) -> tuple[tuple[str, ...], int, Iterator[Row | Problem]]:
    """Return the names of a list's columns, the line of the header, and its rows; a `Problem` is a row left out.

    Raises `BrokenError` where there is no usable header; so do the rows where reading ends early.
    """
    lines = text.lines()
    records = _records(lines)
    for header in records:
        if problem := header.problem or header_problem(header.cells, header.line):
            raise BrokenError(problem)
        return header.cells, header.line, _rows(records, len(header.cells))
    raise BrokenError(Problem("lead-header", "the list is empty", "Its first line names the columns.", 1))


def read_header(line: str) -> tuple[tuple[str, ...], str] | None:
    """Return the names in a header and what parts them; None unless it is one usable line of good text."""
    bare = line.removesuffix("\n").removesuffix("\r")
    if not bare.strip() or "\r" in bare or bare.count('"') % 2:
        return None
    delimiter = _delimiter(bare)
    try:
        cells = tuple(cell.strip() for cell in next(csv.reader([bare], delimiter=delimiter, strict=True)))
    except csv.Error:
        return None
    record = _Record(1, cells, [bare], delimiter, "UTF-8", sound=False)
    return None if not any(cells) or record.problem or header_problem(cells, 1) else (cells, delimiter)


def header_problem(names: Sequence[str], line: int) -> Problem | None:
    """Return what makes the names of columns unusable."""
    if len(names) > MOST_COLUMNS:
        return Problem(
            "lead-header",
            f"the list has {len(names):,} columns; at most {MOST_COLUMNS:,} are read",
            "Take out the columns that no email uses.",
            line,
        )
    named = [name for name in names if name]
    if any(_LOOKS_LIKE_ADDRESS.search(name) for name in named):
        return Problem(
            "lead-header",
            "the first line holds an address, not the names of the columns",
            "Put a line with the names of the columns above it, such as `email,firstName,company`.",
            line,
        )
    twice = sorted(name for name, times in Counter(named).items() if times > 1)
    if twice:
        return Problem(
            "lead-header",
            f"these columns are there more than once: {names_shown(twice)}",
            "Give each column a name of its own.",
            line,
        )
    return None


class _Record(NamedTuple):
    line: int
    cells: tuple[str, ...]
    raw: Sequence[str]
    delimiter: str
    encoding: str
    sound: bool

    @property
    def problem(self) -> Problem | None:
        """What makes these cells unusable: bytes that are no text, or a quote that the csv module lets pass."""
        if not self.sound:
            for offset, text in enumerate(self.raw):
                if BAD_TEXT.search(text):
                    return not_text(self.encoding, self.line + offset)
        if '"' in "".join(self.cells):
            return _stray_quote(self.raw, self.line, self.delimiter)
        return None


def _rows(records: Iterator[_Record], width: int) -> Iterator[Row | Problem]:
    for record in records:
        problem = record.problem or (None if len(record.cells) == width else _width_problem(record, width))
        yield problem or (record.line, *record.cells)


def _records(lines: Lines) -> Iterator[_Record]:
    first = _first_lines(lines)
    delimiter = _delimiter("".join(first))
    rows = csv.reader(chain(first, lines), delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as problem:
            line, raw = lines.take()
            raise BrokenError(_end_of_reading(raw, line, delimiter, str(problem))) from None
        if cells is None:
            return
        line, raw = lines.take()
        trimmed = tuple([cell.strip() for cell in cells])
        if any(trimmed):
            yield _Record(line, trimmed, raw, delimiter, lines.encoding, lines.sound)


def _first_lines(lines: Lines) -> list[str]:
    """Return the lines of the header, as far as can be told without parsing it; blank ones before it are skipped."""
    first: list[str] = []
    size = quotes = 0
    for line in lines:
        if not first and not line.strip():
            lines.take()
            continue
        first.append(line)
        size += len(line)
        quotes += line.count('"')
        if quotes % 2 == 0 or size > csv.field_size_limit():
            break
    return first


def _delimiter(header: str) -> str:
    """Return what parts the cells of the header: whichever stands there most often, a comma when in doubt."""
    bare = _QUOTED.sub("", header)
    return max(_DELIMITERS, key=bare.count)


def _misquoted(raw: str, delimiter: str) -> int | None:
    """Return where the first cell begins that is not quoted as RFC 4180 has it; None where all are."""
    position, end = 0, len(raw.rstrip("\r\n"))
    while True:
        if raw.startswith('"', position):
            quoted = _QUOTED.match(raw, position)
            if quoted is None:
                return position
            after = quoted.end()
        else:
            after = raw.find(delimiter, position, end)
            after = end if after < 0 else after
            if '"' in raw[position:after]:
                return position
        if after >= end:
            return None
        if raw[after] != delimiter:
            return position
        position = after + 1


def _stray_quote(raw: Sequence[str], line: int, delimiter: str) -> Problem | None:
    text = "".join(raw)
    start = _misquoted(text, delimiter)
    if start is None:
        return None
    if not text.startswith('"', start):
        what = "a quote stands in the middle of a cell that is not quoted"
    elif _QUOTED.match(text, start):
        what = "something follows the closing quote of the cell that begins here"
    else:
        what = "the quote that opens here is never closed"
    reached = line + sum(end <= start for end in accumulate(map(len, raw)))
    return Problem("lead-quote", what, 'Quote the whole cell and write each quote in it twice: "say ""hi""".', reached)


def _end_of_reading(raw: Sequence[str], line: int, delimiter: str, reason: str) -> Problem:
    rest = "; the rest of the list was not read"
    found = _stray_quote(raw, line, delimiter)
    if found and "field larger" not in reason:
        return found._replace(message=found.message + rest)
    return Problem(
        "lead-quote",
        f"a cell here is longer than {csv.field_size_limit():,} characters{rest}",
        "Most often a quote was opened and not closed.",
        found.line if found else line,
    )


def _width_problem(record: _Record, width: int) -> Problem:
    many = "more" if len(record.cells) > width else "fewer"
    return Problem(
        "lead-row",
        f"this row has {many} cells ({len(record.cells)}) than the header has columns ({width})",
        f"Parted by {_DELIMITERS[record.delimiter]}; put a cell that holds one in quotes.",
        record.line,
    )
