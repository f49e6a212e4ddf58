import hashlib
import hmac
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from reconciler.diagnostics import StateError
from reconciler.leads.ledger import (
    ENTRY_BYTES,
    HASH_BYTES,
    Spoken,
    address_hash,
    compare,
    entry_of,
    ledger_key_id,
    new_ledger_key,
    read_segments,
    roster_digest,
)
from reconciler.model.roster import Lead

KEY = bytes(range(32))


def test_an_entry_is_two_keyed_hashes_of_sixteen_bytes() -> None:
    lead = Lead("ada@example.com", {"b": "ü", "a": "1"}, 2)
    expected = [
        hmac.new(KEY, text.encode(), hashlib.sha256).digest()[:16] for text in ("ada@example.com", '{"a":"1","b":"ü"}')
    ]
    assert entry_of(KEY, lead) == b"".join(expected)
    assert len(entry_of(KEY, lead)) == ENTRY_BYTES
    assert address_hash(KEY, lead.email) == expected[0]


@pytest.mark.parametrize("size", [1, 32, 63, 64, 65, 200])
def test_hashes_are_those_of_hmac_whatever_the_key(size: int) -> None:
    key = bytes(range(size))
    assert address_hash(key, "ada@example.com") == hmac.digest(key, b"ada@example.com", "sha256")[:16]


def test_another_key_makes_other_hashes() -> None:
    lead = Lead("ada@example.com", {}, 2)
    ours, theirs = entry_of(KEY, lead), entry_of(KEY[::-1], lead)
    assert ours[:16] != theirs[:16]
    assert ours[16:] != theirs[16:]
    assert roster_digest(KEY, [ours]) != roster_digest(KEY[::-1], [ours])


def test_a_key_is_random_and_its_id_gives_nothing_away() -> None:
    key, other = new_ledger_key(), new_ledger_key()
    assert len(key) == 32
    assert key != other
    assert ledger_key_id(key) == ledger_key_id(bytes(key)) != ledger_key_id(other)
    assert len(ledger_key_id(key)) == 16
    assert ledger_key_id(key) not in key.hex()


@pytest.mark.parametrize("size", [1, 16, 31, 33])
def test_a_segment_that_is_cut_off_is_refused(size: int) -> None:
    with pytest.raises(StateError) as caught:
        read_segments([bytes(32), bytes(size)])
    assert caught.value.diagnostics[0].code == "ledger-damaged"


_LISTS = st.dictionaries(st.integers(0, 12), st.integers(0, 2), max_size=10)


def entry(person: int, fields: int) -> bytes:
    return bytes([person]) * 16 + bytes([fields]) * 16


@given(history=st.lists(_LISTS, max_size=4), today=_LISTS)
def test_the_delta_is_set_arithmetic(history: list[dict[int, int]], today: dict[int, int]) -> None:
    known: dict[int, int] = {}
    for enrolment in history:
        known |= enrolment
    people = list(today)
    delta = compare(
        [entry(person, today[person]) for person in people],
        read_segments(b"".join(entry(*pair) for pair in enrolment.items()) for enrolment in history),
    )
    assert {people[index] for index in delta.new} == today.keys() - known.keys()
    assert {people[index] for index in delta.changed} == {
        person for person in today.keys() & known.keys() if today[person] != known[person]
    }
    assert delta.gone == len(known.keys() - today.keys())


@given(known=_LISTS, today=_LISTS, refused=st.sets(st.tuples(st.integers(0, 12), st.integers(0, 2))))
def test_what_was_refused_is_left_out_exactly_as_it_was(
    known: dict[int, int], today: dict[int, int], refused: set[tuple[int, int]]
) -> None:
    people = list(today)
    entries = [entry(person, today[person]) for person in people]
    ledger = read_segments([b"".join(entry(*pair) for pair in known.items())])
    plain, delta = (
        compare(entries, ledger),
        compare(entries, ledger, refused=frozenset(entry(*pair) for pair in refused)),
    )
    out = {index for index, person in enumerate(people) if (person, today[person]) in refused}
    assert (set(delta.new), set(delta.refused)) == (set(plain.new) - out, set(plain.new) & out)
    assert (set(delta.changed), set(delta.outdated)) == (set(plain.changed) - out, set(plain.changed) & out)
    assert delta.gone == plain.gone


@pytest.mark.parametrize("keep", [True, False])
def test_who_is_left_out_for_another_campaign_counts_as_that_and_not_as_refused(*, keep: bool) -> None:
    """Where others would hold them back, those who are refused are not sent anyway, and hold nobody."""
    spoken = Spoken("recontact", "other", keep)
    entries = [entry(1, 0), entry(2, 0)]
    delta = compare(entries, {}, lambda _address: spoken, refused=frozenset(entries[:1]))
    if keep:
        assert (delta.new, delta.refused, delta.apart, delta.counts) == ((1,), (0,), frozenset(), ((spoken, 1),))
    else:
        assert (delta.new, delta.refused, delta.apart, delta.counts) == ((), (), {0, 1}, ((spoken, 2),))


@given(entries=st.lists(st.binary(min_size=32, max_size=32), unique=True, max_size=8), data=st.data())
def test_the_digest_covers_every_entry_and_no_order(entries: list[bytes], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(entries))
    assert roster_digest(KEY, shuffled) == roster_digest(KEY, entries)
    if entries:
        assert roster_digest(KEY, entries[1:]) != roster_digest(KEY, entries)


_ADDRESS = st.integers(0, 12).map(lambda number: bytes([number]) * HASH_BYTES)
_PEOPLE = st.frozensets(_ADDRESS, max_size=10)


@examples(200)
@given(
    listed=_PEOPLE,
    known=_PEOPLE,
    changed=_PEOPLE,
    others=st.lists(st.tuples(_PEOPLE, st.booleans()), max_size=4),
)
def test_who_is_spoken_for_is_set_arithmetic(
    listed: frozenset[bytes],
    known: frozenset[bytes],
    changed: frozenset[bytes],
    others: list[tuple[frozenset[bytes], bool]],
) -> None:
    """Each new person counts for the first who speaks for them; nobody in the own ledger counts for anybody."""
    entries = [address + b"f" * HASH_BYTES for address in sorted(listed)]
    ledger = {address: (b"g" if address in changed else b"f") * HASH_BYTES for address in known}
    spoken = [(people, Spoken("recontact", str(number), keep)) for number, (people, keep) in enumerate(others)]
    delta = compare(entries, ledger, lambda address: next((it for people, it in spoken if address in people), None))
    left, out, counts = set(listed - known), set[bytes](), {}
    for hashes, other in spoken:
        mine = left & hashes
        left -= mine
        out |= set() if other.keep else mine
        if mine:
            counts[other.key] = len(mine)

    def people(indexes: Iterable[int]) -> set[bytes]:
        return {entries[index][:HASH_BYTES] for index in indexes}

    assert people(delta.new) == listed - known - out
    assert people(delta.apart) == out
    assert people(delta.changed) == listed & known & changed
    assert delta.gone == len(known - listed)
    assert {other.key: count for other, count in delta.counts} == counts
