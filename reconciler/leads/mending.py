"""A list that DuckDB cannot be trusted with, read strictly and written anew: a clean copy, in a stream."""

import csv
import gzip
import stat
from pathlib import Path
from typing import IO, NamedTuple, cast

from reconciler.leads.csvfile import read_csv, read_header
from reconciler.leads.engine import bounded
from reconciler.leads.jsonlines import read_json_lines
from reconciler.leads.problem import BrokenError, Problem
from reconciler.leads.textfile import LONGEST_ROW, is_compressed, kind_of, open_text

_CSV = (".csv", ".tsv", ".txt")
_JSON_LINES = (".jsonl", ".ndjson")
_MOST_KEPT = 5
"""Problems with rows that are kept; all are counted."""


class Head(NamedTuple):
    """How a plain CSV file begins: each line up to `header_line` is one row."""

    compressed: bool
    delimiter: str
    header: tuple[str, ...]
    header_line: int


class Mended(NamedTuple):
    """A list as it was copied: `rows` of them, and without the `rejected` ones, of which `bad` are the first.

    `notes` tell how it had to be understood. `broken` tells why reading ended early; then `header` is empty unless it
    was understood.
    """

    header: tuple[str, ...] = ()
    header_line: int = 1
    rows: int = 0
    rejected: int = 0
    bad: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    broken: Problem | None = None


def sniff(path: Path) -> Head | None:
    """Read how a file begins; None where only the strict reader may go on.

    Raises `OSError`, and what `gzip` raises, where that cannot be read.
    """
    if kind_of(path) not in _CSV or not stat.S_ISREG(path.stat().st_mode):
        return None
    with path.open("rb") as binary:
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=binary)) if is_compressed(path) else binary
        raw = stream.readline(LONGEST_ROW)
        whole = raw.endswith(b"\n") or not stream.read(1)
    try:
        found = read_header(raw.decode("utf-8-sig")) if whole else None
    except UnicodeDecodeError:
        return None
    return Head(is_compressed(path), found[1], found[0], 1) if found else None


def mend(path: Path, out: Path) -> Mended:
    """Copy a list as CSV that needs no care: UTF-8, commas, every cell quoted, LF between rows, no header.

    The first column is the line on which a row begins, then come its cells. Whatever is wrong with the list is in the
    result; raises `ReconcilerError` (`lead-engine`) where there is no room for the copy.
    """
    header: tuple[str, ...] = ()
    header_line = 1
    rows = rejected = 0
    bad: list[Problem] = []
    notes: tuple[Problem, ...] = ()
    broken: Problem | None = None
    read = read_json_lines if kind_of(path) in _JSON_LINES else read_csv
    with bounded(), out.open("w", encoding="utf-8", newline="") as copy:
        write = csv.writer(copy, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow
        try:
            with open_text(path) as text:
                notes = (text.note,) if text.note else ()
                header, header_line, found = read(text)
                for row in found:
                    if isinstance(row, Problem):
                        rejected += 1
                        bad += [row] if rejected <= _MOST_KEPT else []
                    else:
                        write(row)
                        rows += 1
        except BrokenError as stop:
            broken = stop.problem
    return Mended(header, header_line, rows, rejected, tuple(bad), notes, broken)
