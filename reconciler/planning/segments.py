"""Which segments of a ledger are merged, and what comes of it. Pure.

A ledger grows by a segment with each batch. Segments are immutable and merged rarely: what is added to a large ledger
is written, not the ledger again.
"""

from collections.abc import Iterable, Sequence
from struct import iter_unpack
from typing import Literal

from reconciler.model.state import Cohort

MOST_SEGMENTS = 256
"""From more than so many on, segments are merged."""

HASH, ENTRY = 16, 32
"""Bytes of the hash of an address, and of the ledger entry that begins with it."""

_AT_ONCE = 128 * 1024
_MOST_PASSES = 16


def are_many(count: int) -> bool:
    """Whether so many segments are to be merged."""
    return count > MOST_SEGMENTS


def merge_from(sizes: Sequence[int]) -> int | None:
    """Return the first of the newest segments that are to become one; None where there are few enough.

    `sizes` are theirs, oldest first. A segment stays as it is where it outweighs all that is newer, and so do those
    before it: so few are left that each is more than twice the next but one, and whatever is written again ends up in a
    segment of twice the size at least. An entry is written again so often at most as the ledger doubles, and once more.
    """
    if not are_many(len(sizes)):
        return None
    newer = 0
    first = len(sizes) - 1
    for index in range(len(sizes) - 1, -1, -1):
        if sizes[index] <= newer:
            first = index
        newer += sizes[index]
    return first if first < len(sizes) - 1 else None


def merged(segments: Sequence[bytes], kind: Literal["ledger", "refused"]) -> bytes:
    """Return one segment with what these say, oldest first. Each has whole entries.

    In a ledger the last entry of an address counts, and the others are left out. Of who was refused, every entry is
    kept: each is a row that is not to be sent again.
    """
    entries = b"".join(segments)
    if kind == "refused":
        return b"".join(dict.fromkeys(entries[at : at + ENTRY] for at in range(0, len(entries), ENTRY)))
    # A share of the addresses at a time, told by their first byte: all of them as objects take ten times the memory.
    passes = min(_MOST_PASSES, len(entries) // ENTRY // _AT_ONCE + 1)
    return b"".join(_last(entries, share, passes) for share in range(passes))


def _last(entries: bytes, share: int, passes: int) -> bytes:
    pairs = iter_unpack(f"{HASH}s{ENTRY - HASH}s", entries)
    if passes > 1:
        pairs = (pair for pair in pairs if pair[0][0] % passes == share)
    last: dict[bytes, bytes] = dict(pairs)
    return b"".join(part for pair in last.items() for part in pair)


def by_quarter(cohorts: Iterable[Cohort]) -> tuple[Cohort, ...]:
    """Add up cohorts of the same quarter of an hour: what they say in all stays the same.

    No time zone begins its days within one.
    """
    found: list[Cohort] = []
    for cohort in cohorts:
        if found and _quarter(found[-1]) == _quarter(cohort):
            last = found[-1]
            sent, accepted, tried = (
                last.sent + cohort.sent,
                last.accepted + cohort.accepted,
                last.tried + cohort.tried,
            )
            found[-1] = Cohort(at=last.at, sent=sent, accepted=accepted, tried=tried)
        else:
            found.append(cohort)
    return tuple(found)


def _quarter(cohort: Cohort) -> int:
    return int(cohort.at.timestamp()) // 900
