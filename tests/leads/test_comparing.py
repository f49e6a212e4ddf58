"""A list against ledgers, in DuckDB: as a naive reference in Python has it, whatever is known and spoken for."""

import itertools
from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from reconciler.diagnostics import StateError
from reconciler.leads import comparing
from reconciler.leads.comparing import APART, BEYOND, CHANGED, NEW, OUTDATED, REFUSED, KeptHashes, Ledgers, Spoken
from reconciler.leads.engine import Engine
from reconciler.leads.ledger import ENTRY_BYTES
from reconciler.leads.lists import LoadedList
from reconciler.model.roster import Avoid, Contact, FewHashes
from reconciler.model.state import CampaignState

People = dict[int, int]
"""A list or a ledger: fields by person, each a small number."""


def entry(person: int, fields: int) -> bytes:
    return bytes([person]) * 16 + bytes([fields]) * 16


class Case(NamedTuple):
    """A list, what is known of it, and whom others speak for."""

    today: People
    history: list[People]
    refused: set[tuple[int, int]]
    suppressed: set[int]
    excluded: set[int]
    contacted: list[set[int]]
    hold: bool
    limit: int | None


_PERSON = st.integers(0, 9)
_LIST = st.dictionaries(_PERSON, st.integers(0, 2), max_size=10)
_SOME = st.sets(_PERSON, max_size=6)
CASES = st.builds(
    Case,
    today=_LIST,
    history=st.lists(_LIST, max_size=3),
    refused=st.sets(st.tuples(_PERSON, st.integers(0, 2)), max_size=6),
    suppressed=_SOME,
    excluded=_SOME,
    contacted=st.lists(_SOME, max_size=3),
    hold=st.booleans(),
    limit=st.none() | st.integers(1, 12),
)


def loaded(engine: Engine, today: People) -> LoadedList:
    """Put a list into an engine."""
    table = "list"
    engine.rows(f"CREATE TABLE {table} (ord BIGINT, line BIGINT, a UHUGEINT, f UHUGEINT)")
    for order, (person, fields) in enumerate(today.items()):
        a, f = (int.from_bytes(bytes([number]) * 16) for number in (person, fields))
        engine.rows(f"INSERT INTO {table} VALUES ({order}, NULL, {a}::UHUGEINT, {f}::UHUGEINT)")
    return LoadedList(readable=True, people=table, leads=len(today))


def compared(case: Case) -> tuple[dict[int, int], list[int], int, dict[Spoken, int]]:
    """Return the kind of each person of the delta, its counts, who is gone, and who speaks for how many."""
    blobs: dict[str, bytes] = {}

    def put(people: list[tuple[int, int]]) -> tuple[str, ...]:
        name = f"blob{len(blobs)}"
        blobs[name] = b"".join(itertools.starmap(entry, people))
        return (name,) if people else ()

    known = CampaignState(
        id="camp_1",
        name="n",
        file="f",
        status="draft",
        steps_digest="0",
        ledger=tuple(name for ledger in case.history for name in put(list(ledger.items()))),
        refused=put(sorted(case.refused)),
    )
    engine = Engine({})
    ledgers = Ledgers(engine, blobs.__getitem__)
    avoid = Avoid(
        suppressed=put([(person, 9) for person in sorted(case.suppressed)]),
        excluded=(Contact(key="x", hashes=few(case.excluded)),),
        contacted=tuple(
            Contact(key=str(number), ledger=put([(person, 9) for person in sorted(people)]))
            for number, people in enumerate(case.contacted)
        ),
        hold=case.hold,
    )
    delta = ledgers.compare(loaded(engine, case.today), known, avoid, case.limit)
    rows = engine.rows(f"SELECT (a & 255::UHUGEINT)::INTEGER, kind FROM {delta.table} WHERE kind IS NOT NULL")
    return dict(rows), list(delta.counts), delta.gone, dict(delta.spoken)


def few(people: set[int]) -> FewHashes:
    return FewHashes(frozenset(bytes([person]) * 16 for person in people))


def naive(case: Case) -> tuple[dict[int, int], list[int], int, dict[Spoken, int]]:
    known: People = {}
    for enrolment in case.history:
        known |= enrolment
    speakers = [(case.suppressed, Spoken("suppressed", "")), (case.excluded, Spoken("exclude", "x"))]
    speakers += [(people, Spoken("recontact", str(n), case.hold)) for n, people in enumerate(case.contacted)]
    kinds: dict[int, int] = {}
    spoken: Counter[Spoken] = Counter()
    left = None if case.limit is None else max(0, case.limit - len(known))
    for person, fields in case.today.items():
        words = next((words for people, words in speakers if person in people), None)
        denied = (person, fields) in case.refused
        if person in known:
            if known[person] != fields and (words is None or words.reason != "suppressed"):
                kinds[person] = OUTDATED if denied else CHANGED
        elif words is not None and not words.keep:
            kinds[person] = APART
            spoken[words] += 1
        elif denied:
            kinds[person] = REFUSED
        elif left == 0:
            kinds[person] = BEYOND
        else:
            left = None if left is None else left - 1
            kinds[person] = NEW
            if words is not None:
                spoken[words] += 1
    counts = Counter(kinds.values())
    return kinds, [counts[kind] for kind in range(6)], len(known.keys() - case.today.keys()), dict(spoken)


@examples(80)
@given(case=CASES)
def test_a_list_is_compared_as_a_naive_count_has_it(case: Case) -> None:
    assert compared(case) == naive(case)


@pytest.mark.parametrize("size", [1, 31, 33])
def test_a_damaged_segment_is_an_error_each_time(size: int) -> None:
    ledgers = Ledgers(Engine({}), lambda _name: bytes(size))
    for _ in range(2):
        with pytest.raises(StateError, match="ledger segment"):
            ledgers.hashes(("one",))


@examples(30)
@given(one=_SOME, two=_SOME, asked=st.lists(_PERSON, max_size=6))
def test_hashes_in_memory_and_in_the_engine_answer_alike(one: set[int], two: set[int], asked: list[int]) -> None:
    engine = Engine({})
    blobs = {"one": b"".join(entry(person, 0) for person in one), "two": b"".join(entry(person, 1) for person in two)}
    ledgers = Ledgers(engine, blobs.__getitem__)
    kept = [ledgers.hashes(("one",)), ledgers.hashes(("two",))]
    addresses = [bytes([person]) * 16 for person in asked]
    for first in (kept[0], few(one)):
        assert len(first) == len(one)
        assert first.missing(addresses) == [item for item in addresses if item[0] not in one]
        for second in (kept[1], few(two)):
            assert first.common(second) == second.common(first) == len(one & two)


def test_hashes_show_nothing_of_themselves() -> None:
    shown = repr(KeptHashes(Engine({}), "secret", 3, lambda: "nothing"))
    assert shown == "KeptHashes(3)"


@given(sizes=st.lists(st.integers(0, 9), max_size=6))
def test_ledgers_are_handed_over_in_parts_of_a_bounded_size(sizes: list[int]) -> None:
    """Small segments together, large ones apart, entries whole and in their order."""
    segments = [bytes([number]) * ENTRY_BYTES * size for number, size in enumerate(sizes)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "_AT_ONCE", 4 * ENTRY_BYTES)
        parts = [bytes(part) for part in comparing._gathered(segments)]
    assert b"".join(parts) == b"".join(segments)
    assert all(0 < len(part) <= 4 * ENTRY_BYTES and len(part) % ENTRY_BYTES == 0 for part in parts)
