"""CSV, read strictly: a list that could be misread is refused, with the physical line of what is wrong.

UTF-8 (a byte order mark is fine); comma, semicolon or tab between cells; quotes as in RFC 4180. Blank lines, and
rows of blank cells only, are ignored. Names and cells are trimmed.
"""

import csv
import io
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain
from pathlib import Path
from typing import NamedTuple

from reconciler.leads.shown import names_shown

LARGEST_FILE = 200_000_000
"""Bytes. A larger list is refused."""

MOST_COLUMNS = 1_000
"""A list with more columns is refused."""

_DELIMITERS = ",;\t"
_QUOTED = re.compile(r'"(?:[^"]|"")*+"')
_BAD_TEXT = re.compile("[\x00\udc80-\udcff]")
_LOOKS_LIKE_ADDRESS = re.compile(r"\S@|@\s*\S+\.\S")


class Problem(NamedTuple):
    """Something wrong with a list. It names lines and columns, never what stands in a person's row."""

    code: str
    message: str
    hint: str
    line: int | None = None


class Row(NamedTuple):
    """A data row and the physical line on which it begins, from 1."""

    line: int
    cells: tuple[str, ...]


class Table(NamedTuple):
    """A list as read.

    `bad` are the rows that were left out, in the order of their lines. `broken` tells why reading ended early: then
    `rows` are those before that, and `header` is empty unless it was understood.
    """

    header: tuple[str, ...] = ()
    header_line: int = 1
    rows: tuple[Row, ...] = ()
    bad: tuple[Problem, ...] = ()
    broken: Problem | None = None


def read_table(path: Path) -> Table:
    """Read a list. Whatever is wrong with it is in the result."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return Table(broken=_unreadable("it is not a file"))
        with path.open("rb") as binary:
            before = os.fstat(binary.fileno())
            if before.st_size > LARGEST_FILE:
                return Table(broken=_too_large(before.st_size))
            stream = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")
            table = _read(stream)
            after = os.fstat(binary.fileno())
    except OSError as problem:
        return Table(broken=_unreadable((problem.strerror or type(problem).__name__).lower()))
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return Table(broken=_unreadable("it was changed while it was read"))
    return table


class _BrokenError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


class _Record(NamedTuple):
    line: int
    cells: tuple[str, ...]
    raw: tuple[str, ...]
    delimiter: str

    @property
    def problem(self) -> Problem | None:
        """What makes these cells unusable: text that is not UTF-8, or a quote that the csv module lets pass."""
        for offset, text in enumerate(self.raw):
            if _BAD_TEXT.search(text):
                return Problem(
                    "lead-encoding",
                    "there are bytes here that are not UTF-8 text",
                    "Save the list as UTF-8 (in a spreadsheet: “CSV UTF-8”).",
                    self.line + offset,
                )
        if any('"' in cell for cell in self.cells):
            return _stray_quote(self.raw, self.line, self.delimiter)
        return None


class _Lines:
    """Physical lines, counted, with those of the record that is being read: the csv module does not keep them."""

    def __init__(self, stream: Iterable[str]) -> None:
        self._stream = iter(stream)
        self._number = 0
        self._raw: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._stream)
        self._number += 1
        self._raw.append(line)
        return line

    def take(self) -> tuple[int, tuple[str, ...]]:
        """Return the number of the record's first line and its lines; the next record begins after them."""
        raw, self._raw = tuple(self._raw), []
        return self._number - len(raw) + 1, raw


def _read(stream: Iterable[str]) -> Table:
    header: tuple[str, ...] = ()
    header_line = 1
    rows: list[Row] = []
    bad: list[Problem] = []
    try:
        for record in _records(stream):
            if not header:
                if problem := _header_problem(record):
                    return Table(broken=problem)
                header, header_line = record.cells, record.line
            elif problem := record.problem or _width_problem(record, len(header)):
                bad.append(problem)
            else:
                rows.append(Row(record.line, record.cells))
    except _BrokenError as stop:
        return Table(header, header_line, tuple(rows), tuple(bad), stop.problem)
    if not header:
        return Table(broken=Problem("lead-header", "the list is empty", "Its first line names the columns.", 1))
    return Table(header, header_line, tuple(rows), tuple(bad))


def _records(stream: Iterable[str]) -> Iterator[_Record]:
    lines = _Lines(stream)
    first = ""
    for first in lines:
        if first.strip():
            break
        lines.take()
    delimiter = _delimiter(first)
    rows = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as problem:
            line, raw = lines.take()
            raise _BrokenError(_end_of_reading(raw, line, delimiter, str(problem))) from None
        if cells is None:
            return
        line, raw = lines.take()
        trimmed = tuple(cell.strip() for cell in cells)
        if any(trimmed):
            yield _Record(line, trimmed, raw, delimiter)


def _delimiter(header: str) -> str:
    """Return what parts the cells of the header line: whichever stands there most often, a comma when in doubt."""
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


def _stray_quote(raw: tuple[str, ...], line: int, delimiter: str) -> Problem | None:
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


def _end_of_reading(raw: tuple[str, ...], line: int, delimiter: str, reason: str) -> Problem:
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


def _header_problem(record: _Record) -> Problem | None:
    if record.problem:
        return record.problem
    if len(record.cells) > MOST_COLUMNS:
        return Problem(
            "lead-header",
            f"the list has {len(record.cells):,} columns; at most {MOST_COLUMNS:,} are read",
            "Take out the columns that no email uses.",
            record.line,
        )
    names = [name for name in record.cells if name]
    if any(_LOOKS_LIKE_ADDRESS.search(name) for name in names):
        return Problem(
            "lead-header",
            "the first line holds an address, not the names of the columns",
            "Put a line with the names of the columns above it, such as `email,firstName,company`.",
            record.line,
        )
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        return Problem(
            "lead-header",
            f"these columns are there more than once: {names_shown(twice)}",
            "Give each column a name of its own.",
            record.line,
        )
    return None


def _width_problem(record: _Record, width: int) -> Problem | None:
    if len(record.cells) == width:
        return None
    many = "more" if len(record.cells) > width else "fewer"
    return Problem(
        "lead-row",
        f"this row has {many} cells ({len(record.cells)}) than the header has columns ({width})",
        f"Parted by {_NAMES[record.delimiter]}; put a cell that holds one in quotes.",
        record.line,
    )


_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}


def _unreadable(why: str) -> Problem:
    return Problem("lead-list-unreadable", f"the list could not be read: {why}", "Check the file, then run again.")


def _too_large(size: int) -> Problem:
    return Problem(
        "lead-list-size",
        f"the list has {size / 1e6:,.0f} MB; at most {LARGEST_FILE / 1e6:,.0f} MB are read",
        "Split it into several campaigns.",
    )


class Head(NamedTuple):
    plain: bool
    compressed: bool
    delimiter: str
    header: tuple[str, ...]
    header_line: int


class Mended(NamedTuple):
    header: tuple[str, ...] = ()
    header_line: int = 1
    rows: int = 0
    rejected: int = 0
    bad: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    broken: Problem | None = None


def sniff(path: Path) -> Head | None:
    with path.open("rb") as binary:
        raw = binary.readline(1 << 20)
    try:
        line = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if not line.strip() or line.count('"') % 2:
        return None
    delimiter = _delimiter(line)
    cells = tuple(cell.strip() for cell in next(csv.reader([line], delimiter=delimiter)))
    record = _Record(1, cells, (line,), delimiter)
    return Head(_header_problem(record) is None, False, delimiter, cells, 1)


def mend(path: Path, out: Path) -> Mended:
    table = read_table(path)
    with out.open("w", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
            [str(row.line), *row.cells] for row in table.rows
        )
    return Mended(table.header, table.header_line, len(table.rows), len(table.bad), table.bad[:5], (), table.broken)


unreadable = _unreadable
