"""Ledgers grow by small segments, which are merged rarely: nothing is lost, and little is written twice."""

import math
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from reconciler.leads.ledger import ENTRY_BYTES, HASH_BYTES, read_entries, read_segments
from reconciler.model.state import Cohort
from reconciler.planning import segments
from reconciler.planning.segments import ENTRY, HASH, MOST_SEGMENTS, are_many, by_quarter, merge_from, merged

BATCH = 500
AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


class Ledger:
    """The sizes of a ledger's segments, in entries, as enrolments make them, and how many were written in all."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = list(sizes)
        self.written = 0
        self.added = 0

    def enroll(self, leads: int, batch: int = BATCH) -> None:
        """Add leads in batches, and merge at the end."""
        parts = [min(batch, leads - done) for done in range(0, leads, batch)]
        self.sizes += parts
        self.written += leads
        self.added += leads
        first = merge_from([size * ENTRY for size in self.sizes])
        if first is not None:
            self.sizes[first:] = [sum(self.sizes[first:])]
            self.written += self.sizes[-1]


def test_the_layout_is_that_of_the_ledger() -> None:
    assert (HASH, ENTRY) == (HASH_BYTES, ENTRY_BYTES)


@pytest.mark.parametrize("count", [0, 1, 2, MOST_SEGMENTS])
def test_few_are_left_alone(count: int) -> None:
    assert not are_many(count)
    assert merge_from([ENTRY] * count) is None


def test_many_of_a_size_become_one() -> None:
    assert merge_from([BATCH * ENTRY] * (MOST_SEGMENTS + 1)) == 0


def test_what_outweighs_all_that_is_newer_stays() -> None:
    """Whatever stands before it stays, too, where it outweighs the rest; else it would be written again for little."""
    small = [ENTRY] * MOST_SEGMENTS
    assert merge_from([10**6 * ENTRY, *small]) == 1
    assert merge_from([10**6 * ENTRY, 10**3 * ENTRY, *small]) == 2
    assert merge_from([10**3 * ENTRY, 10**6 * ENTRY, *small]) == 0


def test_ten_thousand_more_in_a_ledger_of_a_million_write_about_ten_thousand_entries() -> None:
    ledger = Ledger()
    ledger.enroll(10**6)
    assert ledger.sizes == [10**6]
    for number in range(1, 13):
        before = ledger.written
        ledger.enroll(10_000)
        assert ledger.written - before == 10_000
        assert len(ledger.sizes) == 1 + 20 * number
    before = ledger.written
    ledger.enroll(10_000)
    assert ledger.written - before == 10_000 + 13 * 10_000, "once in a while, what came since is brought together"
    assert ledger.sizes == [10**6, 130_000]
    assert ledger.written - 2 * 10**6 <= 2 * 13 * 10_000


def bound(total: int, smallest: int) -> float:
    """Return how often an entry may be written: at first, when it is first merged, and once each time that doubles."""
    return 2 + math.log2(max(2, total / smallest))


@examples(200)
@given(st.integers(0, 2**32), st.integers(1, 400), st.sampled_from([1, 7, 300, 2_000, 60_000]))
def test_over_many_enrolments_the_cost_stays_bounded(seed: int, count: int, most: int) -> None:
    dice = random.Random(seed)
    ledger = Ledger()
    for _ in range(count):
        merged_before = ledger.written - ledger.added
        ledger.enroll(dice.choice([1, dice.randint(1, most), most]))
        if ledger.written - ledger.added > merged_before:
            assert len(ledger.sizes) <= math.log2(ledger.added) + 1
            assert all(older > newer for older, newer in pairwise(ledger.sizes))
        assert len(ledger.sizes) <= MOST_SEGMENTS
    assert sum(ledger.sizes) == ledger.added
    assert ledger.written <= ledger.added * bound(ledger.added, MOST_SEGMENTS)


@pytest.mark.parametrize(("leads", "days", "times"), [(1, 5_000, 7), (500, 4_000, 7), (10_000, 1_000, 6)])
def test_the_same_number_a_day_for_years(leads: int, days: int, times: int) -> None:
    ledger = Ledger()
    for _ in range(days):
        ledger.enroll(leads)
    assert ledger.written <= times * ledger.added


people = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 3)).map(lambda pair: bytes([pair[0]]) * HASH + bytes([pair[1]]) * HASH),
    max_size=6,
).map(b"".join)


@given(st.lists(people, min_size=2, max_size=6), st.integers(0, 4), st.integers(1, 4))
def test_a_merged_ledger_says_the_same(parts: list[bytes], first: int, passes: int) -> None:
    """Whichever of the newest are merged: the last entry of an address counts, and it is there once."""
    first = min(first, len(parts) - 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "_AT_ONCE", max(1, len(b"".join(parts)) // ENTRY // passes))
        new = merged(parts[first:], "ledger")
    assert read_segments([*parts[:first], new]) == read_segments(parts)
    assert len(new) // ENTRY == len(read_segments(parts[first:]))


@given(st.lists(people, min_size=2, max_size=6))
def test_every_row_that_was_refused_is_kept(parts: list[bytes]) -> None:
    new = merged(parts, "refused")
    assert set(read_entries([new])) == set(read_entries(parts))
    assert len(new) // ENTRY == len(set(read_entries(parts)))


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 9), st.integers(0, 9))))
def test_cohorts_of_an_hour_are_added_up(given_: list[tuple[int, int, int]]) -> None:
    minutes = sorted(minute for minute, _, _ in given_)
    cohorts = [
        Cohort(at=AT + timedelta(minutes=minute), sent=sent, accepted=accepted, tried=sent)
        for minute, (_, sent, accepted) in zip(minutes, given_, strict=True)
    ]
    found = by_quarter(cohorts)
    assert sum(item.sent for item in found) == sum(item.sent for item in cohorts)
    assert sum(item.accepted for item in found) == sum(item.accepted for item in cohorts)
    assert sum(item.tried for item in found) == sum(item.tried for item in cohorts)
    quarters = [item.at.replace(minute=item.at.minute // 15 * 15) for item in found]
    assert quarters == sorted({item.at.replace(minute=item.at.minute // 15 * 15) for item in cohorts})
