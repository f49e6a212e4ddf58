"""A list, read for one campaign: a table of keyed hashes in DuckDB, and what is wrong with its rows."""

import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from reconciler.diagnostics import Diagnostic, SourceRange, error
from reconciler.leads import cleaning, rejects
from reconciler.leads.columns import Columns, check_fields, map_columns
from reconciler.leads.condition import ConditionError, matching
from reconciler.leads.engine import Engine, literal
from reconciler.leads.ledger import list_digest
from reconciler.leads.problem import unreadable
from reconciler.leads.reading import File, open_mended, open_parquet, open_plainly, version_of
from reconciler.model.campaign import Leads
from reconciler.model.roster import Lead
from reconciler.tokens import is_visible

_LOW = f"{(1 << 64) - 1}::UHUGEINT"
_FETCHED = 5_000
"""Leads that are taken out of DuckDB at a time."""


class Asked(NamedTuple):
    """What is asked of a list: the campaign's `leads`, and the tokens of its emails, those in subjects among them."""

    leads: Leads
    tokens: tuple[str, ...]
    subjects: frozenset[str]


class Part(NamedTuple):
    """One file of a list: its rows have the numbers from `first` on."""

    path: Path
    place: str
    file: File
    shape: cleaning.Shape
    first: int

    def line(self, number: int, line: int | None) -> int:
        """Return the line of a row, as messages name it."""
        return number - self.first + (self.file.begins or 1) if line is None else line


@dataclass(frozen=True)
class LoadedList:
    """A list as one campaign has it.

    `people` is the relation of its distinct leads: `ord` (their order), `line`, `a` and `f` (the hashes), `unfit`, and
    `b0`, … for each of `tokens`. `fields` are those that its columns fill, without `email`; None: no header
    could be read. `readable` is False where it could not be read to its end: then the counts say nothing. `rows` are
    those that `where` lets through, `filtered` the others; `elsewhere` counts leads that belong to other parts.
    `blanks` counts leads with a blank token, `unfit` values that would break an email.
    """

    readable: bool
    people: str = ""
    parts: tuple[Part, ...] = ()
    fields: tuple[str, ...] | None = None
    tokens: tuple[str, ...] = ()
    rows: int = 0
    leads: int = 0
    filtered: int = 0
    elsewhere: int = 0
    duplicates: int = 0
    rejected: int = 0
    blanks: int = 0
    unfit: int = 0
    digest: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()

    def part(self, number: int) -> Part:
        """Return the file that a row came from."""
        return _owner(self.parts, number)


class ListReader:
    """Reads lists into an engine. `root` only shortens paths in messages."""

    def __init__(self, engine: Engine, key: bytes, root: Path) -> None:
        self._engine = engine
        self._key = key
        self._root = root
        self._numbers = itertools.count()

    def place(self, path: Path, leads: Leads) -> str:
        """Return the name of a file in messages."""
        whole = path.resolve()
        if whole.is_relative_to(self._root):
            return whole.relative_to(self._root).as_posix()
        return leads.source if len(leads.paths or ()) == 1 else f"{leads.source} ({path.name})"

    def load(self, asked: Asked) -> LoadedList:
        """Read a list. What is wrong with it is in the result; raises `OSError` where a file is not there."""
        leads = asked.leads
        paths = [Path(path) for path in leads.paths or ()]
        versions = [version_of(path) for path in paths]
        files = [self._open(path) for path in paths]
        places = [self.place(path, leads) for path in paths]
        columns = [
            map_columns(file.header, leads, place=place, line=file.header_line, nested=file.nested)
            if file.header
            else None
            for file, place in zip(files, places, strict=True)
        ]
        known = [found for found in columns if found is not None]
        named = dict.fromkeys(name for found in known for name in found.fields)
        fields = tuple(named) if known else None
        told = [*(check_fields(leads) if known else ()), *(item for found in known for item in found.diagnostics)]
        parts: list[Part] = []
        tables: list[tuple[str, int]] = []
        if len(known) == len(files) and all(found.email is not None for found in known):
            names = sorted({*named, *leads.fallbacks})
            for path, place, file, found in zip(paths, places, files, known, strict=True):
                part = Part(path, place, file, _shape(found, names, asked), first=sum(count for _, count in tables))
                made, table = self._table(part)
                parts.append(made)
                tables.append(table)
        else:
            parts = [Part(*item, _NO_SHAPE, 0) for item in zip(paths, places, files, strict=True)]
        for path, version in zip(paths, versions, strict=True):
            if version_of(path) != version:
                changed = File(broken=unreadable("it was changed while it was read"))
                parts = [part._replace(file=changed) if part.path == path else part for part in parts]
        if not tables or any(part.file.broken for part in parts):
            there = [(part, table) for part, (table, _) in zip(parts, tables, strict=False) if table]
            bad: int = 0
            wrong: list[tuple[str, int, str]] = []
            for part, name in there:
                count, first = self._wrong(f"(SELECT rowid + {part.first} AS ord, * FROM {name})", [part])
                bad, wrong = bad + count, wrong + first
            told += rejects.told([(part.place, part.file) for part in parts], wrong, bad, leads)
            return LoadedList(readable=False, fields=fields, diagnostics=tuple(dict.fromkeys(told)))
        try:
            whole = self._together(tables)
            if leads.examples_only:
                told += self._real(whole, parts)
            rows, filtered = self._rows(whole, parts, leads)
        except ConditionError as problem:
            at = leads.where_at or SourceRange(file=leads.file, line=leads.line)
            told.append(error("leads-where", f"{problem}.", hint=problem.hint, at=at))
            return LoadedList(readable=False, fields=fields, diagnostics=tuple(dict.fromkeys(told)))
        if any(version_of(path) != version for path, version in zip(paths, versions, strict=True)):
            changed = File(broken=unreadable("it was changed while it was read"))
            told += rejects.told([(parts[0].place, changed)], (), 0, leads)
            return LoadedList(readable=False, fields=fields, diagnostics=tuple(dict.fromkeys(told)))
        tokens = tuple(parts[0].shape.tokens)
        loaded = LoadedList(readable=True, parts=tuple(parts), fields=fields, tokens=tokens, filtered=filtered)
        return self._counted(loaded, rows, asked, told)

    def fetch(self, loaded: LoadedList, chosen: str) -> "Fetched":
        """Read the leads of these rows once more, to be sent or told.

        `chosen` is a relation of `ord`, `a`, `f`, and `n`: their order, from 0. Raises `ValueError` where a row is not
        what it was.
        """
        table = f"fetched{next(self._numbers)}"
        made = False
        for part in loaded.parts:
            values = "".join(f", v{index}" for index in range(len(part.shape.names)))
            rows = (
                f"(SELECT c.n, c.a, c.f, r.* FROM (SELECT row_number() OVER () - 1 + {part.first} AS ord, *"
                f" FROM {part.file.rows}) r JOIN {chosen} c USING (ord))"
            )
            leads = cleaning.leads(rows, len(part.file.header), part.shape, also=", n, ord, a, f")
            hashes = cleaning.fields_hash(leads, part.shape, self._key)
            # Halves, as DuckDB takes 80 µs to hand a number of 128 bits to Python.
            halves = ", ".join(f"({name} >> 64)::UBIGINT, ({name} & {_LOW})::UBIGINT" for name in ("a", "f"))
            query = f"SELECT n, ord, line, address, f = hash AS same, {halves}{values} FROM ({hashes})"
            self._engine.rows(f"INSERT INTO {table} {query}" if made else f"CREATE TABLE {table} AS {query}")
            made = True
        count, same = self._engine.rows(f"SELECT count(*), count(*) FILTER (same) FROM {table}")[0]
        (wanted,) = self._engine.rows(f"SELECT count(*) FROM {chosen}")[0]
        if not count == same == wanted:
            self._engine.rows(f"DROP TABLE {table}")
            raise ValueError("the list is not what it was")
        return Fetched(self._engine, table, loaded, count)

    def _open(self, path: Path) -> File:
        if path.name.lower().endswith(".parquet"):
            return open_parquet(path, self._engine)
        return open_plainly(path) or self._mended(path)

    def _mended(self, path: Path) -> File:
        return open_mended(path, self._engine.folder / f"mended-{next(self._numbers)}.csv")

    def _table(self, part: Part) -> tuple[Part, tuple[str, int]]:
        """Make the table of a file: one row for each of its rows, in their order. Return its name and their number."""
        import duckdb

        table = f"rows{next(self._numbers)}"
        if part.file.begins is not None:
            try:
                count, inside = self._fill(table, part)
                if count == part.file.expected and inside == part.file.inside:
                    return part, (table, count)
            except duckdb.Error:
                pass  # the strict reader tells what is wrong, and where
            part = part._replace(file=self._mended(part.path))
        if not part.file.header:
            return part, ("", 0)
        try:
            count, _ = self._fill(table, part)
        except duckdb.Error:
            broken = part.file.broken or unreadable("it is damaged, or was changed while it was read")
            return part._replace(file=part.file._replace(broken=broken)), ("", 0)
        return part, (table, count)

    def _fill(self, table: str, part: Part) -> tuple[int, int]:
        """Make the table; return its rows, and how often what parts cells stands inside of them: -1 where quotes do."""
        rows, width = part.file.rows, len(part.file.header)
        query = cleaning.people(rows, width, part.shape, self._key, quoted=part.file.quoted)
        self._engine.rows(f"CREATE OR REPLACE TABLE {table} AS {query}")
        count, quotes, inside = self._engine.rows(
            f"SELECT count(*), coalesce(sum(quotes), 0), coalesce(sum(inside), 0) FROM {table}"
        )[0]
        return count, -1 if quotes else int(inside)

    def _together(self, tables: Sequence[tuple[str, int]]) -> str:
        """Put the files of a list together, in their order."""
        (table, _), *others = tables
        for other, _ in others:
            self._engine.rows(f"INSERT INTO {table} SELECT * FROM {other}")
            self._engine.rows(f"DROP TABLE {other}")
        return table

    def _real(self, table: str, parts: Sequence[Part]) -> list[Diagnostic]:
        """Tell of real people anywhere on a list, also where a condition leaves them out: git keeps the whole of it."""
        count, first, line = self._engine.rows(
            f"SELECT count(*), min(rowid), arg_min(coalesce(line, -1), rowid) FROM {table} WHERE real"
        )[0]
        if not count:
            return []
        part = _owner(parts, first)
        return [rejects.in_git(count, part.place, part.line(first, None if line < 0 else line))]

    def _rows(self, table: str, parts: Sequence[Part], leads: Leads) -> tuple[str, int]:
        """Return the relation of the rows that a condition lets through, and how many it leaves out."""
        if leads.where is None:
            return f"(SELECT rowid AS ord, * FROM {table})", 0
        kept = f"kept{table}"
        self._engine.rows(f"CREATE TABLE {kept} (ord BIGINT)")
        for part in parts:
            out = self._engine.folder / f"{kept}-{part.first}.parquet"
            reads = part.file.copy or part.path
            matching(part.file.rows, _names(part), leads.where, reads=reads, out=out)
            numbers = f"SELECT number + {part.first} FROM read_parquet({literal(str(out))})"
            self._engine.rows(f"INSERT INTO {kept} {numbers}")
            out.unlink()
        chosen = f"chosen{table}"
        self._engine.rows(
            f"CREATE TABLE {chosen} AS SELECT t.rowid AS ord, t.* FROM {table} t SEMI JOIN {kept} k ON t.rowid = k.ord"
        )
        whole, kept_rows = (
            self._engine.rows(f"SELECT count(*) FROM {name} WHERE NOT empty")[0][0] for name in (table, chosen)
        )
        for name in (table, kept):
            self._engine.rows(f"DROP TABLE {name}")
        return chosen, whole - kept_rows

    def _counted(self, loaded: LoadedList, rows: str, asked: Asked, told: list[Diagnostic]) -> LoadedList:
        leads = asked.leads
        part, parts = leads.part or (1, 1)
        mine = f"a % {parts}::UHUGEINT = {part - 1}::UHUGEINT" if parts > 1 else "TRUE"
        total, bad, valid, distinct, others = self._engine.rows(
            "SELECT count(*) FILTER (NOT empty), count(bad) FILTER (NOT empty), count(a), count(DISTINCT a),"
            f" {'0' if parts == 1 else f'count(DISTINCT a) FILTER (NOT ({mine}))'} FROM {rows}"
        )[0]
        people = f"(SELECT * FROM {rows} WHERE a IS NOT NULL AND {mine})"
        if valid > distinct:
            again = f"again{next(self._numbers)}"
            first = f"SELECT min(ord) AS ord FROM {rows} WHERE a IS NOT NULL GROUP BY a"
            self._engine.rows(
                f"CREATE TABLE {again} AS SELECT ord FROM {rows} ANTI JOIN ({first}) USING (ord) WHERE a IS NOT NULL"
            )
            people = f"(SELECT * FROM {people} ANTI JOIN {again} USING (ord))"
        blank = " OR ".join(f"b{index}" for index in range(len(loaded.tokens))) or "FALSE"
        order = "sum((f & {low})::UBIGINT::HUGEINT * place)" if leads.limit is not None else "0"
        source = f"(SELECT *, row_number() OVER (ORDER BY ord) AS place FROM {people})" if leads.limit else people
        count, high, low, ordered, blanks, unfit = self._engine.rows(
            f"SELECT count(*), sum((f >> 64)::UBIGINT), sum((f & {_LOW})::UBIGINT), {order.format(low=_LOW)},"
            f" count(*) FILTER ({blank}), sum(unfit) FROM {source}"
        )[0]
        unread = sum(part.file.rejected for part in loaded.parts)
        wrong = self._wrong(rows, loaded.parts)[1] if bad else []
        told += rejects.told([(part.place, part.file) for part in loaded.parts], wrong, bad, leads)
        if valid > distinct:
            told.append(rejects.repeated(valid - distinct, loaded.parts[0].place))
        return replace(
            loaded,
            people=people,
            rows=total + unread,
            leads=count,
            elsewhere=others,
            duplicates=valid - distinct,
            rejected=bad + unread,
            blanks=blanks,
            unfit=int(unfit or 0),
            digest=list_digest(self._key, (count, int(high or 0), int(low or 0), int(ordered or 0))),
            diagnostics=tuple(dict.fromkeys(told)),
        )

    def _wrong(self, rows: str, parts: Sequence[Part]) -> tuple[int, list[tuple[str, int, str]]]:
        """Count the rows whose address is none, and return place, line and address of the first ones."""
        where = f"FROM {rows} WHERE bad IS NOT NULL AND NOT empty"
        (count,) = self._engine.rows(f"SELECT count(*) {where}")[0]
        found = self._engine.rows(f"SELECT ord, line, bad {where} ORDER BY ord LIMIT {rejects.MOST_ROWS_TOLD + 1}")
        owners = [_owner(parts, number) for number, _, _ in found]
        return count, [(part.place, part.line(*row[:2]), row[2]) for part, row in zip(owners, found, strict=True)]


class Fetched:
    """Leads on their way out of DuckDB, in their order; a context that forgets them at its end."""

    def __init__(self, engine: Engine, table: str, loaded: LoadedList, count: int) -> None:
        self._engine = engine
        self._table = table
        self._loaded = loaded
        self._count = count

    def __iter__(self) -> Iterator[Lead]:
        try:
            for start in range(0, self._count, _FETCHED):
                where = f"WHERE n >= {start} AND n < {start + _FETCHED}"
                for row in self._engine.rows(f"SELECT * FROM {self._table} {where} ORDER BY n"):
                    yield self._lead(row)
        finally:
            self._engine.rows(f"DROP TABLE IF EXISTS {self._table}")

    def _lead(self, row: tuple[Any, ...]) -> Lead:
        _, number, line, address, _, *found = row
        entry, values = struct.pack(">4Q", *found[:4]), found[4:]
        part = self._loaded.part(number)
        fields = {field: value for field, value in zip(part.shape.names, values, strict=True) if value}
        return Lead(address, fields, part.line(number, line), part.place, entry)


def _owner(parts: Sequence[Part], number: int) -> Part:
    if len(parts) == 1:
        return parts[0]
    return next(part for part in reversed(parts) if part.first <= number)


_NO_SHAPE = cleaning.Shape(0, {}, (), {}, (), frozenset(), examples_only=False)


def _shape(columns: Columns, names: Sequence[str], asked: Asked) -> cleaning.Shape:
    leads = asked.leads
    return cleaning.Shape(
        email=columns.email or 0,
        fields=columns.fields,
        names=names,
        fallbacks={field: text for field, text in leads.fallbacks.items() if is_visible(text)},
        tokens=tuple(token for token in asked.tokens if token in names),
        subjects=asked.subjects,
        examples_only=leads.examples_only,
    )


def _names(part: Part) -> dict[str, str]:
    """Return the names that a condition may use: the columns of the file, and the fields they become."""
    names = {name: f"c{index}" for index, name in enumerate(part.file.header) if name}
    names |= {field: f"c{index}" for field, index in part.shape.fields.items()}
    names["email"] = f"c{part.shape.email}"
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(name.casefold(), name)
    return {name: names[name] for name in folded.values()}
