"""Records: the difference of two states makes the one of the other, also by way of a line of the journal."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store.contract import record
from store.states import STATE, walk
from support.examples import examples

from reconciler.diagnostics import StateError
from reconciler.model.journal import Delta, Growth, between
from reconciler.model.state import CampaignState
from reconciler.store.document import decode, encode
from reconciler.store.records import decode_records, encode_record, replay


@examples(150)
@given(seed=st.integers(0, 2**32))
def test_any_changes_make_the_state_they_were_made_from(seed: int) -> None:
    old, records, steps = STATE, [], []
    for number, new in enumerate(walk(random.Random(seed), 6), start=1):
        assert between(old, new).on(old, serial=number) == new.model_copy(update={"serial": number})
        records.append(record(old, new))
        old = new.model_copy(update={"serial": number})
        steps.append(old)
    lines = b"".join(map(encode_record, records))
    found = decode_records(lines, place="here")
    assert found.whole == len(lines)
    assert found.records == tuple(records)
    for begin in (STATE, *steps):
        read = decode(encode(begin), place="here")
        assert read == begin
        assert replay(read, found.records, place="here") == old


def test_a_batch_adds_to_an_entry_and_does_not_write_it_again() -> None:
    before = CampaignState(id="camp_1", name="n", file="x.yaml", status="draft", steps_digest="d", ledger=("a",))
    after = before.model_copy(update={"ledger": ("a", "b"), "refused": ("c",)})
    delta = between(STATE.with_campaign("a", before), STATE.with_campaign("a", after))
    assert delta == Delta(grown={"a": Growth(ledger=("b",), refused=("c",))})


def test_what_did_not_change_is_not_written() -> None:
    assert b'"delta":{}' in encode_record(record(STATE, STATE))


@examples(100)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_lines_cut_off_anywhere_are_whole_before(seed: int, data: st.DataObject) -> None:
    states = [STATE, *walk(random.Random(seed), 3)]
    lines = [
        encode_record(record(old, new, serial=number)) for number, (old, new) in enumerate(pairwise(states), start=1)
    ]
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole)))
    found = decode_records(whole[:cut], place="here")
    ends = [sum(map(len, lines[:count])) for count in range(len(lines) + 1)]
    assert found.whole == max(end for end in ends if end <= cut)
    assert len(found.records) == ends.index(found.whole)


def test_what_a_record_speaks_of_has_to_be_there() -> None:
    (new,) = walk(random.Random(1), 1)
    grown = record(new, new)
    grown = grown.model_copy(update={"delta": grown.delta.model_copy(update={"grown": {"nobody": {}}})})
    with pytest.raises(StateError, match="nobody"):
        replay(new, [grown], place="here")
