"""People taken out of a state: nothing of them is left in what it names, and all else is as it was."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from reconciler.diagnostics import StateError
from reconciler.leads.erasing import Eraser, Found
from reconciler.model.intents import EnrollIntent, Intent, PauseIntent
from reconciler.model.state import CampaignState, Cohort, State, Tombstone

NOW = datetime(2026, 11, 30, tzinfo=UTC)
EMPTY = State(lineage="a", ledger_key_id="b")


def person(number: int) -> bytes:
    """Return the hash of a person's address."""
    return sha256(b"%d" % number).digest()[:16]


def entry(number: int, fields: int = 0) -> bytes:
    return person(number) + bytes([fields]) * 16


class Blobs(dict[str, bytes]):
    """Blobs by name."""

    def put(self, content: bytes) -> str:
        name = sha256(content).hexdigest()
        self[name] = content
        return name

    def segments(self, *segments: tuple[int, ...]) -> tuple[str, ...]:
        """Put segments of these people; whoever is in a later one has other fields there."""
        return tuple(self.put(b"".join(entry(number, at) for number in segment)) for at, segment in enumerate(segments))

    def of(self, names: tuple[str, ...]) -> list[bytes]:
        """Return the entries of segments."""
        text = b"".join(self[name] for name in names)
        return [text[at : at + 32] for at in range(0, len(text), 32)]


def campaign(status: str = "running", **fields: object) -> CampaignState:
    described = {"id": "camp_1", "name": "n", "file": "f", "status": status, "steps_digest": "s", **fields}
    return CampaignState.model_validate(described)


def enrolling(segment: str, leads: int) -> EnrollIntent:
    return EnrollIntent(campaign="a", at=NOW, by="ada", id="camp_1", segment=segment, leads=leads, new=True)


def erased(state: State, blobs: Blobs, *numbers: int) -> tuple[State, Found]:
    eraser = Eraser(frozenset(map(person, numbers)), blobs.__getitem__, blobs.put)
    return eraser.on(state), eraser.search(state)


def test_everywhere_at_once() -> None:
    """Ledgers and refusals of what is managed, was, and was before that; and whom was suppressed."""
    blobs = Blobs()
    cohorts = (Cohort(at=NOW, sent=3, accepted=3),)
    one = campaign(ledger=blobs.segments((1, 2, 3), (2, 4)), refused=blobs.segments((5, 1)), cohorts=cohorts)
    two, three = campaign(ledger=blobs.segments((1, 2))), campaign(ledger=blobs.segments((7,), (1,)))
    other = campaign(ledger=blobs.segments((6,)))
    state = EMPTY.model_copy(
        update={
            "campaigns": {"one": one, "other": other},
            "tombstones": {"two": Tombstone(at=NOW, campaign=two, earlier=(three,))},
            "suppressed": blobs.segments((8, 1), (2,)),
        }
    )
    after, found = erased(state, blobs, 1, 2, 99)
    assert found == Found(people=2, entries=7, campaigns=3, suppressed=2)
    got = after.campaigns["one"]
    assert blobs.of(got.ledger) == [entry(3), entry(4, 1)]
    assert blobs.of(got.refused) == [entry(5)]
    assert (got.cohorts, got.expected_enrolled) == (cohorts, 3)
    assert after.campaigns["other"] is other
    assert after.tombstones["two"].campaign.ledger == ()
    assert blobs.of(after.tombstones["two"].earlier[0].ledger) == [entry(7)]
    assert blobs.of(after.suppressed) == [entry(8)]
    again, nothing = erased(after, blobs, 1, 2, 99)
    assert (again, nothing) == (after, Found())


def test_a_draft_still_holds_somebody_who_is_on_no_list() -> None:
    """Leadterra has the person in it, and would write to them at the start: a new draft has to take over."""
    blobs = Blobs()
    segments = blobs.segments((1, 2), (1,))
    state = EMPTY.model_copy(update={"campaigns": {"d": campaign("draft", ledger=segments)}})
    after, found = erased(state, blobs, 1)
    first, second, last = blobs.of(after.campaigns["d"].ledger)
    assert second == entry(2)
    assert first == last, "a person counts once"
    assert first[:16] != person(1)
    assert first[16:] == bytes(16)
    assert found == Found(people=1, entries=2, campaigns=1)
    elsewhere = Blobs(blobs)
    another, _ = erased(state, elsewhere, 1)
    assert elsewhere.of(another.campaigns["d"].ledger)[0] != first, "it is random: nobody can tell who it was"


def test_an_enrolment_under_way_keeps_its_number() -> None:
    blobs = Blobs()
    (segment,) = blobs.segments((1, 2))
    pause = PauseIntent(campaign="a", at=NOW, by="ada", id="camp_1")
    intents: dict[str, Intent] = {"x": enrolling(segment, 2), "y": pause}
    after, found = erased(EMPTY.model_copy(update={"operations": intents}), blobs, 1)
    intent = after.operations["x"]
    assert isinstance(intent, EnrollIntent)
    nobody, second = blobs.of((intent.segment,))
    assert (nobody[:16] != person(1), second, intent.leads) == (True, entry(2), 2)
    assert after.operations["y"] is pause
    assert found == Found(people=1, open_entries=1)


def test_a_segment_that_two_campaigns_share_may_go_two_ways() -> None:
    """The same batch makes the same blob, in a draft as in a campaign that runs."""
    blobs = Blobs()
    names = blobs.segments((1, 2))
    campaigns = {"d": campaign("draft", ledger=names), "r": campaign(ledger=names)}
    after, _ = erased(EMPTY.model_copy(update={"campaigns": campaigns}), blobs, 1)
    assert len(blobs.of(after.campaigns["d"].ledger)) == 2
    assert blobs.of(after.campaigns["r"].ledger) == [entry(2)]


def test_a_damaged_ledger_is_told_and_left() -> None:
    blobs = Blobs()
    state = EMPTY.model_copy(update={"suppressed": (blobs.put(bytes(33)),)})
    with pytest.raises(StateError) as caught:
        erased(state, blobs, 1)
    assert caught.value.diagnostics[0].code == "ledger-damaged"


def any_state(dice: random.Random, blobs: Blobs) -> State:
    def segments() -> tuple[str, ...]:
        return blobs.segments(
            *(tuple(dice.sample(range(12), dice.randint(1, 5))) for _ in range(dice.choice((0, 1, 3))))
        )

    def any_campaign() -> CampaignState:
        return campaign(dice.choice(("draft", "running", "paused")), ledger=segments(), refused=segments())

    tombstones = {
        key: Tombstone(
            at=NOW, campaign=any_campaign(), earlier=tuple(any_campaign() for _ in range(dice.randint(0, 2)))
        )
        for key in "tu"[: dice.randint(0, 2)]
    }
    return EMPTY.model_copy(
        update={
            "campaigns": {key: any_campaign() for key in "abc"[: dice.randint(0, 3)]},
            "tombstones": tombstones,
            "operations": {name: enrolling(name, 2) for name in segments()},
            "suppressed": segments(),
        }
    )


def parts(state: State) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yield the segments of each part of a state, and whether an entry of nobody has to take a person's place there."""
    buried = [entry for item in state.tombstones.values() for entry in item.entries]
    for item in (*state.campaigns.values(), *buried):
        yield item.ledger, item.status == "draft"
        yield item.refused, False
    for intent in state.operations.values():
        assert isinstance(intent, EnrollIntent)
        yield (intent.segment,), True
    yield state.suppressed, False


@examples(200)
@given(seed=st.integers(0, 2**32), people=st.sets(st.integers(0, 15), min_size=1, max_size=6))
def test_nothing_of_them_is_left_and_all_else_is_in_its_order(seed: int, people: set[int]) -> None:
    blobs = Blobs()
    before = any_state(random.Random(seed), blobs)
    after, found = erased(before, blobs, *people)
    hashes = set(map(person, people))
    named = {name: blobs[name] for name in after.blobs if name in blobs}
    assert not any(hash_ in content for hash_ in hashes for content in named.values())
    removed, known = 0, set()
    for (old, keeps), (new, _) in zip(parts(before), parts(after), strict=True):
        others = [item for item in blobs.of(old) if item[:16] not in hashes]
        mine = [item for item in blobs.of(old) if item[:16] in hashes]
        known |= {item[:16] for item in mine}
        removed += len(mine)
        assert [item for item in blobs.of(new) if item in others] == others
        assert len(blobs.of(new)) == len(others) + keeps * len(mine)
    assert found.entries + found.open_entries + found.suppressed >= len(known) == found.people
    assert removed == found.entries + found.open_entries + sum(
        item[:16] in hashes for item in blobs.of(before.suppressed)
    )
    assert erased(after, blobs, *people) == (after, Found())
    assert (after == before) == (not known)
