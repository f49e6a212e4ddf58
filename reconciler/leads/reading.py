"""The files of a list as DuckDB reads them: as they are where each row is one plain line, else a mended copy."""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO, NamedTuple, cast

from reconciler.leads.engine import Engine, literal
from reconciler.leads.engine import name as quoted
from reconciler.leads.mending import Head, mend, sniff
from reconciler.leads.problem import Problem, unreadable

_CHUNK = 1 << 20
_BUFFER = 8 << 20
"""Bytes. What DuckDB reads at once; its default of 32 MB a thread does not go with the memory it is given."""

_LONGEST_LINE = 4 << 20

_FEED = r"new_line = '\n'"

_Version = tuple[int, ...]


class File(NamedTuple):
    """One file of a list, ready to be read.

    `rows` is the relation of its `line` and cells `c0`, `c1`, …, as many as `header` has; where `line` is NULL, each
    row is one line, and they begin at `begins`. Such a file is to be mended unless it has as many rows as `expected`,
    and where it is `quoted`, no quote within a cell, and as many `inside` cells of what parts them. `bad` are the first
    of `rejected` rows that are not among the rows. `nested` names columns of lists or records by their number; such a
    column has no name in `header`. `broken`: it cannot be used.
    """

    rows: str = ""
    header: tuple[str, ...] = ()
    header_line: int = 1
    nested: Mapping[int, str] = MappingProxyType({})
    begins: int | None = None
    expected: int | None = None
    inside: int = 0
    quoted: str | None = None
    bad: tuple[Problem, ...] = ()
    rejected: int = 0
    notes: tuple[Problem, ...] = ()
    broken: Problem | None = None
    copy: Path | None = None


def version_of(path: Path) -> _Version:
    """Return what tells versions of a file apart without reading it; raises `OSError`."""
    found = path.stat()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def open_plainly(path: Path) -> File | None:
    """Return a file as it is; None where it needs to be mended first."""
    try:
        head = sniff(path)
        seen = _look(path, head) if head is not None else None
    except (OSError, EOFError, zlib.error):
        return None
    if (
        head is None
        or seen is None
        or seen.nothing
        or seen.returns not in {0, seen.feeds}
        or seen.returns != seen.pairs
    ):
        return None
    width, lines = len(head.header), seen.feeds + (not seen.ended)
    expected = lines - head.header_line
    # What parts cells, beyond one less than there are cells in a row: it stands inside of them.
    inside = seen.parting - (width - 1) * (expected + 1)
    if inside < 0 or (inside and not seen.quotes):
        return None
    # Told that lines end with CRLF, and to be strict, DuckDB 2.0 finds no row at all; untold it reads them.
    ending = () if seen.returns else (_FEED,)
    options = (f"skip = {head.header_line}", f"compression = {literal('gzip' if head.compressed else 'none')}")
    cells = _csv(path, {}, width, head.delimiter, *options, *ending)
    rows = f"(SELECT NULL::BIGINT AS line, * FROM {cells})"
    return File(
        rows=rows,
        header=head.header,
        header_line=head.header_line,
        begins=head.header_line + 1,
        expected=expected,
        inside=inside,
        quoted=head.delimiter if seen.quotes else None,
    )


def open_mended(path: Path, scratch: Path) -> File:
    """Return a file by way of a clean copy in a scratch folder."""
    mended = mend(path, scratch)
    header = mended.header
    rows = _csv(scratch, {"line": "BIGINT"}, len(header), ",", _FEED)
    return File(
        rows=rows,
        header=header,
        header_line=mended.header_line,
        bad=mended.bad,
        rejected=mended.rejected,
        notes=mended.notes,
        broken=mended.broken,
        copy=scratch,
    )


def _csv(path: Path, first: Mapping[str, str], width: int, delimiter: str, *options: str) -> str:
    """Write how DuckDB reads a file of the columns `first` and so many cells: nothing of it is guessed."""
    kinds = {**first, **{f"c{index}": "VARCHAR" for index in range(width)}}
    columns = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in kinds.items())
    settings = (
        "auto_detect = false, header = false, strict_mode = true, quote = '\"', escape = '\"'",
        f"delim = {literal(delimiter)}, columns = {{{columns}}}",
        f"buffer_size = {_BUFFER}, max_line_size = {_LONGEST_LINE}",
        *options,
    )
    return f"read_csv({literal(str(path))}, {', '.join(settings)})"


def open_parquet(path: Path, engine: Engine) -> File:
    """Return a Parquet file; its rows count from 1, as there are no lines."""
    import duckdb

    source = f"read_parquet({literal(str(path))}, file_row_number = true)"
    try:
        described = engine.rows(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {source})")
    except duckdb.Error:
        return File(broken=unreadable("it is no Parquet file, or a damaged one"))
    columns = [(name, kind) for name, kind in described if name != "file_row_number"]
    nested = {
        index: name.strip()
        for index, (name, kind) in enumerate(columns)
        if kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]")
    }
    cells = "".join(
        f", {'NULL' if index in nested else f'{quoted(name)}::VARCHAR'} AS c{index}"
        for index, (name, _) in enumerate(columns)
    )
    header = tuple("" if index in nested else name.strip() for index, (name, _) in enumerate(columns))
    return File(rows=f"(SELECT file_row_number + 1 AS line{cells} FROM {source})", header=header, nested=nested)


class _Look(NamedTuple):
    """What a file's bytes hold of some characters, and whether its last line is ended."""

    feeds: int
    returns: int
    pairs: int
    nothing: int
    quotes: int
    parting: int
    ended: bool


def _look(path: Path, head: Head) -> _Look:
    counts = dict.fromkeys((b"\n", b"\r", b"\r\n", b"\0", b'"', head.delimiter.encode()), 0)
    last = b"\n"
    with _bytes(path, compressed=head.compressed) as stream:
        while chunk := stream.read(_CHUNK):
            for found in counts:
                if found != b"\r\n" or counts[b"\r"]:
                    counts[found] += chunk.count(found)
            counts[b"\r\n"] += last.endswith(b"\r") and chunk.startswith(b"\n")
            last = chunk
    feeds, returns, pairs, nothing, quotes, parting = counts.values()
    return _Look(feeds, returns, pairs, nothing, quotes, parting, last.endswith(b"\n"))


@contextmanager
def _bytes(path: Path, *, compressed: bool) -> Iterator[IO[bytes]]:
    with path.open("rb") as binary:
        yield cast("IO[bytes]", gzip.GzipFile(fileobj=binary)) if compressed else binary
