import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.diagnostics import StateError
from reconciler.leads.ledger import (
    ENTRY_BYTES,
    HASH_BYTES,
    address_hash,
    entry_of,
    hmac_pads,
    ledger_key_id,
    list_digest,
    message_of,
    new_ledger_key,
    read_segments,
)
from reconciler.model.roster import Lead

KEY = bytes(range(32))


def test_an_entry_is_two_keyed_hashes_of_sixteen_bytes() -> None:
    lead = Lead("ada@example.com", {"b": "ü", "a": "1"}, 2)
    expected = [
        hmac.new(KEY, text.encode(), hashlib.sha256).digest()[:16]
        for text in ("ada@example.com", "ada@example.com\x1fa=1\x1fb=ü")
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
    assert list_digest(KEY, [1, 2]) != list_digest(KEY[::-1], [1, 2])


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


_VALUES = st.dictionaries(st.sampled_from(["a", "b", "ab"]), st.text("ab=\x1f", min_size=1, max_size=4), max_size=3)


@given(one=_VALUES, two=_VALUES)
def test_no_two_leads_look_the_same(one: dict[str, str], two: dict[str, str]) -> None:
    leads = [Lead("ada@example.com", fields, 2) for fields in (one, two)]
    assert (message_of(leads[0]) == message_of(leads[1])) == (one == two)


def test_equal_fields_of_two_people_look_different() -> None:
    ada, bob = (entry_of(KEY, Lead(f"{name}@example.com", {"city": "Bern"}, 2)) for name in ("ada", "bob"))
    assert ada[HASH_BYTES:] != bob[HASH_BYTES:]


@pytest.mark.parametrize("key", [b"k", KEY, bytes(64)])
def test_the_pads_make_an_hmac(key: bytes) -> None:
    """RFC 2104: H(K xor opad, H(K xor ipad, text))."""
    inner, outer = hmac_pads(key)
    made = hashlib.sha256(outer + hashlib.sha256(inner + b"text").digest()).digest()
    assert made == hmac.digest(key, b"text", "sha256")
