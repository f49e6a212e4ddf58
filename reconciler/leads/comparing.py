"""A list against ledgers, in DuckDB: who is new, changed, gone, refused by the server, spoken for by others."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from reconciler.leads.engine import Engine
from reconciler.leads.ledger import ENTRY_BYTES, HASH_BYTES, check_segment
from reconciler.leads.lists import LoadedList
from reconciler.model.base import digest
from reconciler.model.roster import Avoid, FewHashes, Hashes
from reconciler.model.state import CampaignState

if TYPE_CHECKING:
    from numpy import ndarray

_AT_ONCE = 8 * 1024 * 1024
"""Bytes of ledger segments that are handed to DuckDB at a time: as columns they take four times as much."""

NEW, CHANGED, REFUSED, OUTDATED, APART, BEYOND = range(6)


class Spoken(NamedTuple):
    """A reason for which people are spoken for, and by which key; with `keep` they are counted, not left out."""

    reason: Literal["suppressed", "recontact", "list", "exclude"]
    key: str
    keep: bool = False


@dataclass(frozen=True)
class Delta:
    """What a list has that its ledger has not.

    `table` holds it: `ord`, `line`, `a`, `f`, and `kind`: `NEW` and `CHANGED` leads are to be sent; `REFUSED` would be
    new, and `OUTDATED` changed, had the server not refused exactly that; `APART` are left out since others speak for
    them, and those `BEYOND` the limit since it is reached. `gone` counts known addresses that the list lacks. `spoken`
    counts people by whoever speaks for them first.
    """

    table: str
    counts: tuple[int, ...]
    gone: int
    spoken: tuple[tuple[Spoken, int], ...] = ()


class KeptHashes(Hashes):
    """Hashes in a relation of an engine, with a column `a` of distinct ones. `relation` may first have to be made."""

    def __init__(self, engine: Engine, identity: str, size: int, relation: Callable[[], str]) -> None:
        self._engine = engine
        self._identity = identity
        self._size = size
        self._relation = relation

    @property
    def identity(self) -> str:
        """Tell whose hashes these are, as of which list or ledger."""
        return self._identity

    @property
    def relation(self) -> str:
        """The relation, as SQL."""
        return self._relation()

    def __len__(self) -> int:
        return self._size

    def missing(self, addresses: Sequence[bytes]) -> list[bytes]:
        """Return those of some addresses that are not among these, in their order."""
        if not addresses:
            return []
        self._engine.load(
            "CREATE OR REPLACE TEMP TABLE asked AS SELECT row_number() OVER () - 1 AS n,"
            " (a0::UHUGEINT << 64) | a1 AS a FROM given",
            _columns(b"".join(addresses), HASH_BYTES),
        )
        found = self._engine.rows(f"SELECT n FROM asked ANTI JOIN {self.relation} USING (a) ORDER BY n")
        return [addresses[number] for (number,) in found]

    def common(self, other: Hashes) -> int:
        """Count the addresses that are among both."""
        if isinstance(other, KeptHashes):
            (count,) = self._engine.rows(f"SELECT count(*) FROM {self.relation} SEMI JOIN {other.relation} USING (a)")[
                0
            ]
            return int(count)
        return other.common(self)

    def __repr__(self) -> str:
        return f"KeptHashes({self._size})"


class Ledgers:
    """Ledgers and lists as numbered sets in an engine; each is put there once, since none ever changes.

    `blob` returns a ledger segment by name. Not safe for threads.
    """

    def __init__(self, engine: Engine, blob: Callable[[str], bytes]) -> None:
        self._engine = engine
        self._blob = blob
        self._numbers: dict[tuple[str, ...], int] = {}
        self._tables = itertools.count()

    def compare(self, loaded: LoadedList, known: CampaignState | None, avoid: Avoid, limit: int | None) -> Delta:
        """Compare a list with what is known of its campaign, and with whom it must avoid.

        Raises `StateError` where a ledger cannot be read.
        """
        mine = self._number(known.ledger if known else ())
        table = f"delta{next(self._tables)}"
        self._engine.rows(
            f"CREATE TABLE {table} AS SELECT p.ord, p.line, p.a, p.f, k.a IS NOT NULL AS there, 0::TINYINT AS kind,"
            f" NULL::INTEGER AS rank FROM {loaded.people} p LEFT JOIN (SELECT a, f FROM known WHERE number = {mine}) k"
            f" USING (a) WHERE k.f IS DISTINCT FROM p.f"
        )
        (size,) = self._engine.rows(f"SELECT count(*) FROM known WHERE number = {mine}")[0]
        moved, changed = self._engine.rows(f"SELECT count(*), count(*) FILTER (there) FROM {table}")[0]
        gone = size - (loaded.leads - (moved - changed))
        if not moved:
            return Delta(table, (0,) * 6, gone)
        spoken = self._judge(table, known, avoid)
        if limit is not None:
            more = f"SELECT ord FROM {table} WHERE kind = {NEW} ORDER BY ord OFFSET {max(0, limit - size)}"
            self._engine.rows(f"UPDATE {table} SET kind = {BEYOND} WHERE ord IN ({more})")
        counts = [0] * 6
        by_rank: dict[Spoken, int] = {}
        for kind, rank, count in self._engine.rows(
            f"SELECT kind, rank, count(*) FROM {table} GROUP BY ALL ORDER BY ALL"
        ):
            if kind is None:
                continue
            counts[kind] += count
            if rank is not None and kind in {NEW, APART}:
                by_rank[spoken[rank]] = by_rank.get(spoken[rank], 0) + count
        return Delta(table, tuple(counts), gone, tuple(sorted(by_rank.items())))

    def hashes(self, names: tuple[str, ...]) -> Hashes:
        """Return the addresses of a ledger."""
        if not names:
            return FewHashes()
        relation = self.relation(names)
        (size,) = self._engine.rows(f"SELECT count(*) FROM {relation}")[0]
        return KeptHashes(self._engine, digest(list(names)), size, lambda: relation)

    def relation(self, names: tuple[str, ...]) -> str:
        """Return the relation of the addresses of a ledger, as SQL."""
        return f"(SELECT a FROM known WHERE number = {self._number(names)})"

    def _judge(self, table: str, known: CampaignState | None, avoid: Avoid) -> list[Spoken]:
        """Say of each lead of a delta what becomes of it; return who speaks for people, by rank."""
        spoken: dict[int, Spoken] = {}
        for people, words in _speakers(avoid):
            if people:
                spoken.setdefault(self._number(people), words)
        order = list(spoken.values())
        ranks = ", ".join(f"({number}, {rank})" for rank, number in enumerate(spoken)) or "(-1, -1)"
        keep = ", ".join(str(rank) for rank, words in enumerate(order) if words.keep) or "-1"
        silent = ", ".join(str(rank) for rank, words in enumerate(order) if words.reason == "suppressed") or "-1"
        denied = self._number(known.refused, distinct=False) if known and known.refused else -1
        self._engine.rows(
            f"CREATE OR REPLACE TABLE {table} AS SELECT m.ord, m.line, m.a, m.f, m.there, s.rank, CASE"
            f" WHEN m.there AND s.rank IN ({silent}) THEN NULL"
            f" WHEN m.there THEN if(r.a IS NULL, {CHANGED}, {OUTDATED})"
            f" WHEN s.rank IS NOT NULL AND s.rank NOT IN ({keep}) THEN {APART}"
            f" WHEN r.a IS NOT NULL THEN {REFUSED} ELSE {NEW} END::TINYINT AS kind"
            f" FROM {table} m LEFT JOIN (SELECT k.a, min(o.rank) AS rank FROM known k"
            f" JOIN (VALUES {ranks}) o(number, rank) USING (number) SEMI JOIN {table} t USING (a) GROUP BY k.a) s"
            f" USING (a)"
            f" LEFT JOIN (SELECT DISTINCT a, f FROM known WHERE number = {denied}) r ON m.a = r.a AND m.f = r.f"
        )
        return order

    def _number(self, people: tuple[str, ...] | Hashes, *, distinct: bool = True) -> int:
        """Return the number of a set of people, put there first. Of a ledger, the last entry of an address counts.

        Without `distinct`, all entries do.
        """
        name = (people.identity,) if isinstance(people, Hashes) else (str(distinct), *people)
        if name not in self._numbers:
            self._engine.rows("CREATE TABLE IF NOT EXISTS known (number INTEGER, a UHUGEINT, f UHUGEINT)")
            # First, as it may put other sets there.
            relation = people.relation if isinstance(people, KeptHashes) else ""
            number = len(self._numbers)
            if isinstance(people, KeptHashes):
                self._engine.rows(f"INSERT INTO known SELECT {number}, a, NULL FROM {relation}")
            elif isinstance(people, FewHashes):
                self._put(number, (address.ljust(ENTRY_BYTES, b"\0") for address in people.addresses), distinct=True)
            elif isinstance(people, tuple):
                self._put(number, map(self._blob, people), distinct=distinct)
            self._numbers[name] = number
        return self._numbers[name]

    def _put(self, number: int, segments: Iterable[bytes], *, distinct: bool) -> None:
        """Put entries there, oldest first; of `distinct` ones, the last of each address."""
        loaded = False
        for entries in _gathered(segments):
            if not loaded:
                self._engine.rows("CREATE OR REPLACE TABLE given_entries (n BIGINT, a UHUGEINT, f UHUGEINT)")
                loaded = True
            self._engine.load(
                "INSERT INTO given_entries SELECT (SELECT count(*) FROM given_entries) + row_number() OVER (),"
                " (a0::UHUGEINT << 64) | a1, (f0::UHUGEINT << 64) | f1 FROM given",
                _columns(entries, ENTRY_BYTES),
            )
        if not loaded:
            return
        count, addresses = self._engine.rows("SELECT count(*), count(DISTINCT a) FROM given_entries")[0]
        if distinct and addresses < count:
            source = "SELECT a, arg_max(f, n) AS f FROM given_entries GROUP BY a"
        else:
            source = "SELECT a, f FROM given_entries"
        self._engine.rows(f"INSERT INTO known SELECT {number}, a, f FROM ({source})")
        self._engine.rows("DROP TABLE given_entries")


def _speakers(avoid: Avoid) -> Iterator[tuple[tuple[str, ...] | Hashes, Spoken]]:
    """Yield who speaks for people, the first reason first."""
    yield avoid.suppressed, Spoken("suppressed", "")
    for item in avoid.excluded:
        words = Spoken("exclude", item.key)
        yield item.ledger, words
        yield item.hashes, words
    for item in avoid.contacted:
        yield item.ledger, Spoken("recontact", item.key, avoid.hold)
        yield item.hashes, Spoken("list", item.key, avoid.hold)


def _gathered(segments: Iterable[bytes]) -> Iterator[bytes | memoryview]:
    """Put small segments together, and take large ones apart; raises `StateError` where one is damaged."""
    parts: list[bytes] = []
    size = 0
    for segment in segments:
        check_segment(segment)
        if size + len(segment) < _AT_ONCE:
            parts.append(segment)
            size += len(segment)
            continue
        if size:
            yield b"".join(parts)
            parts, size = [], 0
        whole = memoryview(segment)
        for start in range(0, len(segment), _AT_ONCE):
            yield whole[start : start + _AT_ONCE]
    if size:
        yield b"".join(parts)


def _columns(entries: bytes | memoryview, width: int) -> "dict[str, ndarray[Any, Any]]":
    """Return entries as columns of 64-bit numbers."""
    import numpy as np

    words = np.frombuffer(entries, dtype=">u8").reshape(-1, width // 8).astype("u8")
    names = ("a0", "a1", "f0", "f1")[: width // 8]
    return {name: np.ascontiguousarray(words[:, index]) for index, name in enumerate(names)}
