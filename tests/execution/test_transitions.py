"""Transitions are pure: they do what they say to one campaign, and nothing to any other."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.execution import transitions
from reconciler.model.campaign import Campaign, SequenceStep, Status
from reconciler.model.intents import (
    CreateIntent,
    EnrollIntent,
    Intent,
    PauseIntent,
    ResumeIntent,
    StartIntent,
    UpdateIntent,
)
from reconciler.model.live import Capabilities, Live, LiveCampaign, LiveStatus
from reconciler.model.state import Binding, CampaignState, Cohort, Leftover, State, Stop, Tombstone
from reconciler.model.workspace import Desired, Policy

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
BEFORE = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
BINDING = Binding(address="http://localhost/v1", key_kind="sk_test")
KEYS = ("a", "b", "c", "d")


def entry(key: str = "a", status: str = "draft", **changes: Any) -> CampaignState:
    values: dict[str, Any] = {
        "id": f"camp_{key}",
        "name": key.upper(),
        "file": f"{key}.yaml",
        "status": status,
        "started_at": None if status == "draft" else BEFORE,
        "steps_digest": "d",
        **changes,
    }
    return CampaignState(**values)


def campaign(key: str = "a", status: Status = Status.RUNNING, **changes: Any) -> Campaign:
    return Campaign(**{"key": key, "name": key.upper(), "status": status, "file": f"new/{key}.yaml", **changes})


entries = st.builds(
    entry,
    key=st.sampled_from(KEYS),
    status=st.sampled_from(["draft", "running", "paused"]),
    protect=st.booleans(),
    ledger=st.lists(st.text("0123456789abcdef", min_size=4, max_size=4), max_size=3).map(tuple),
    refused=st.lists(st.text("0123456789abcdef", min_size=4, max_size=4), max_size=3).map(tuple),
)
leftovers = st.builds(
    Leftover,
    campaign=st.sampled_from(KEYS),
    id=st.sampled_from(["camp_1", "camp_2"]) | st.none(),
    name=st.just("Old"),
    at=st.just(BEFORE),
    reason=st.just("replaced"),
)
states = st.builds(
    State,
    lineage=st.just("l"),
    serial=st.integers(0, 9),
    ledgerKeyId=st.just("k"),  # hypothesis asks the signature, which has the alias
    campaigns=st.dictionaries(st.sampled_from(KEYS), entries),
    tombstones=st.dictionaries(st.sampled_from(KEYS), st.builds(Tombstone, at=st.just(BEFORE), campaign=entries)),
    leftovers=st.lists(leftovers, max_size=3).map(tuple),
    stops=st.lists(
        st.builds(
            Stop, scope=st.sampled_from([*KEYS, "*"]), reason=st.just("why"), at=st.just(BEFORE), by=st.just("ada@host")
        ),
        max_size=2,
    ).map(tuple),
)


def rest(state: State, *keys: str) -> State:
    """Return what a state has besides these keys."""
    return state.model_copy(
        update={
            "campaigns": {key: item for key, item in state.campaigns.items() if key not in keys},
            "tombstones": {key: item for key, item in state.tombstones.items() if key not in keys},
            "leftovers": tuple(item for item in state.leftovers if item.campaign not in keys),
            "stops": tuple(item for item in state.stops if item.scope not in keys),
        }
    )


@given(states, st.sampled_from(KEYS))
def test_moving_there_and_back_changes_nothing(state: State, old: str) -> None:
    moved = transitions.moved(state, old, "new")
    assert rest(moved, old, "new") == rest(state, old, "new")
    assert moved.campaigns.get("new") == state.campaigns.get(old)
    assert old not in moved.campaigns
    assert (moved.stop_for("new") is None) is (state.stop_for(old) is None)
    assert moved.leftover_ids("new") == state.leftover_ids(old)
    assert transitions.moved(moved, "new", old) == state


@given(states, st.sampled_from(KEYS))
def test_forgetting_and_adopting_give_the_campaign_back(state: State, key: str) -> None:
    if key not in state.campaigns:
        state = state.with_campaign(key, entry(key))
    forgotten = transitions.forgotten(state, key, AT)
    assert key not in forgotten.campaigns
    buried = (state.tombstones[key].campaign,) if key in state.tombstones else ()
    assert forgotten.tombstones[key] == Tombstone(at=AT, campaign=state.campaigns[key], earlier=buried)
    assert rest(forgotten, key) == rest(state, key)
    adopted = transitions.adopted(forgotten, key, campaign(key, protect=True))
    expected = state.campaigns[key].model_copy(update={"protect": True, "file": f"new/{key}.yaml"})
    assert adopted.campaigns[key] == expected
    assert [item.campaign for item in adopted.tombstones.values() if item == adopted.tombstones.get(key)] == [*buried]
    assert rest(adopted, key) == rest(state, key)


@given(states, st.sampled_from(KEYS))
def test_removing_leaves_nothing_of_it_and_all_of_the_others(state: State, key: str) -> None:
    removed = transitions.removed(state, key)
    assert key not in {*removed.campaigns, *removed.tombstones}
    assert removed.leftover_ids(key) == ()
    assert {item.campaign for item in removed.leftovers} <= set(KEYS) - {key}
    assert rest(removed, key) == rest(state, key)
    assert removed.stops == state.stops


@given(states, st.sampled_from(KEYS))
def test_what_happens_to_one_campaign_touches_no_other(state: State, key: str) -> None:
    if key not in state.campaigns:
        state = state.with_campaign(key, entry(key))
    cohort = Cohort(at=AT, sent=3, accepted=2)
    lost = Leftover(campaign=key, id=None, name="N", at=AT, reason="lost")
    for changed in (
        transitions.created(state, key, entry("new"), "op", leaving=(lost,)),
        transitions.updated(state, key, campaign(key), state.capabilities),
        transitions.read_back(state, {key: "digest"}),
        transitions.enrolled(state, key, ("segment",), cohort, frozenset({"op"})),
        transitions.refused(state, key, "segment", Cohort(at=AT, sent=0, accepted=0, tried=3)),
        transitions.started(state, key, AT),
        transitions.paused(state, key, "paused"),
        transitions.imported(state.model_copy(update={"tombstones": {}}), key, entry("new")).model_copy(
            update={"tombstones": state.tombstones}
        ),
    ):
        assert rest(changed, key) == rest(state, key)
        assert changed.serial == state.serial


def test_who_was_refused_is_remembered_until_a_new_draft_takes_over() -> None:
    state = State(lineage="l", ledger_key_id="k", campaigns={"a": entry(refused=("one",))})
    state = transitions.refused(state, "a", "two", Cohort(at=AT, sent=0, accepted=0, tried=4))
    state = transitions.refused(state, "a", "two", Cohort(at=AT, sent=0, accepted=0))
    assert state.campaigns["a"].refused == ("one", "two", "two")
    assert [cohort.tried for cohort in state.campaigns["a"].cohorts] == [4]
    state = state.with_campaign("a", state.campaigns["a"].model_copy(update={"refused": ("one", "two")}))
    back = transitions.adopted(transitions.forgotten(state, "a", AT), "a", campaign())
    assert back.campaigns["a"].refused == ("one", "two")
    assert transitions.created(state, "a", entry("new"), "op").campaigns["a"].refused == ()


def test_enrolling_adds_up() -> None:
    state = State(lineage="l", ledger_key_id="k", campaigns={"a": entry(outside=5)})
    for number in (3, 4):
        cohort = Cohort(at=AT, sent=number, accepted=number)
        state = transitions.enrolled(state, "a", (f"segment{number}",), cohort, frozenset({"op"}))
    assert state.campaigns["a"].ledger == ("segment3", "segment4")
    assert state.campaigns["a"].expected_enrolled == 12


def test_the_newest_segments_become_one() -> None:
    """Where they are not the newest any more, nothing changes; what the cohorts say in all stays."""
    cohorts = tuple(Cohort(at=AT + timedelta(minutes=8 * number), sent=2, accepted=1) for number in range(4))
    names = ("one", "two", "three")
    known = entry(ledger=names, refused=names, cohorts=cohorts, outside=5)
    state = State(lineage="l", ledger_key_id="k", campaigns={"a": known})
    for kind in ("ledger", "refused"):
        merged = transitions.merged(state, "a", kind, ("two", "three"), "new").campaigns["a"]
        assert getattr(merged, kind) == ("one", "new")
        assert merged.expected_enrolled == known.expected_enrolled
        assert len(merged.cohorts) == 2
        assert transitions.merged(state, "a", kind, ("one", "two"), "new") is state


def test_the_first_start_is_kept() -> None:
    state = State(lineage="l", ledger_key_id="k", campaigns={"a": entry(), "b": entry("b", "paused")})
    state = transitions.started(transitions.started(state, "a", AT), "b", AT)
    assert (state.campaigns["a"].started_at, state.campaigns["b"].started_at) == (AT, BEFORE)
    assert {item.status for item in state.campaigns.values()} == {"running"}


@pytest.mark.parametrize(
    ("status", "answered", "ours"),
    [
        ("running", "paused", True),
        ("running", None, True),
        ("draft", "draft", False),
        ("draft", None, False),
        ("draft", "paused", True),  # somebody had started it
    ],
)
def test_a_pause_is_ours_only_where_it_paused(status: str, answered: str | None, *, ours: bool) -> None:
    state = State(lineage="l", ledger_key_id="k", campaigns={"a": entry(status=status)})
    after = transitions.paused(state, "a", answered).campaigns["a"]
    assert after.paused_by_us is ours
    assert after.status == ("paused" if ours else status)
    assert transitions.paused(state, "unknown", answered) == state


def refreshed(
    state: State, live: dict[str, LiveCampaign], *wanted: Campaign, base: State | None = None, **sources: str
) -> State:
    return transitions.refreshed(
        state,
        base=base or state,
        desired=Desired(workspace="w", environment="default", lineage=None, policy=Policy(), campaigns=wanted),
        live=Live(campaigns=live, capabilities=Capabilities(get_campaign=True)),
        sources=sources,
        binding=BINDING,
        at=AT,
    )


def seen(status: LiveStatus, key: str = "a", *, said: bool = True) -> LiveCampaign:
    return LiveCampaign(id=f"camp_{key}", status=status, status_read=said)


@pytest.mark.parametrize(
    ("known", "live", "after"),
    [
        (entry(), seen(LiveStatus.RUNNING), ("running", False, AT)),
        (entry(), seen(LiveStatus.RUNNING, said=False), ("running", False, AT)),  # its counters say so
        (entry(), seen(LiveStatus.PAUSED), ("paused", False, AT)),
        (entry(status="running"), seen(LiveStatus.PAUSED), ("paused", False, BEFORE)),
        (entry(status="paused", paused_by_us=True), seen(LiveStatus.PAUSED), ("paused", True, BEFORE)),
        (entry(status="paused", paused_by_us=True), seen(LiveStatus.RUNNING), ("running", False, BEFORE)),
        (entry(status="running"), seen(LiveStatus.UNKNOWN), ("running", False, BEFORE)),
        (entry(status="running"), seen(LiveStatus.GONE), ("running", False, BEFORE)),
        (entry(status="running"), seen(LiveStatus.PAUSED, "other"), ("running", False, BEFORE)),
    ],
)
def test_a_status_is_taken_over_where_it_was_read(
    known: CampaignState, live: LiveCampaign, after: tuple[str, bool, datetime]
) -> None:
    state = State(lineage="l", ledger_key_id="k", campaigns={"a": known})
    now = refreshed(state, {"a": live}).campaigns["a"]
    assert (now.status, now.paused_by_us, now.started_at) == after


def test_what_was_written_since_the_reading_is_newer() -> None:
    base = State(lineage="l", ledger_key_id="k", campaigns={"a": entry(status="running")})
    stopped = transitions.paused(base, "a", "paused")
    now = refreshed(stopped, {"a": seen(LiveStatus.RUNNING)}, base=base).campaigns["a"]
    assert (now.status, now.paused_by_us) == ("paused", True)


def test_a_pause_becomes_ours_where_the_file_says_paused() -> None:
    state = State(lineage="l", ledger_key_id="k", campaigns={"a": entry(status="running")})
    live = {"a": seen(LiveStatus.PAUSED)}
    assert refreshed(state, live, campaign(status=Status.PAUSED)).campaigns["a"].paused_by_us
    assert not refreshed(state, live, campaign(status=Status.RUNNING)).campaigns["a"].paused_by_us


def test_equal_steps_may_come_from_other_sources_by_now() -> None:
    """Or else a later change of a shared template would look like an edit of the campaign's own file."""
    steps = (SequenceStep(subject="S", body_html="B"),)
    wanted = campaign("a", steps=steps, sources={".": "new"})
    same = entry(sources={".": "old"}, steps_digest=wanted.steps_digest)
    other = entry(sources={".": "old"}, steps_digest="something else")
    for known, after in ((same, {".": "new"}), (other, {".": "old"})):
        state = State(lineage="l", ledger_key_id="k", campaigns={"a": known})
        assert refreshed(state, {}, wanted).campaigns["a"].sources == after


def test_protect_file_binding_and_capabilities_are_written_down() -> None:
    """Under the key that the state has, where the file gives it another."""
    state = State(lineage="l", ledger_key_id="k", campaigns={"old": entry(), "b": entry("b", protect=True)})
    wanted = campaign("a", protect=True, steps=(SequenceStep(subject="S", body_html="B"),))
    now = refreshed(state, {}, wanted, a="old")
    assert (now.campaigns["old"].protect, now.campaigns["old"].file) == (True, "new/a.yaml")
    assert now.campaigns["b"] == state.campaigns["b"]
    assert now.binding == BINDING
    assert now.capabilities.get_campaign


def opened(state: State, **intents: Intent) -> State:
    for operation, intent in intents.items():
        state = state.intending(operation, intent)
    return state


def open_state(**changes: Any) -> State:
    """Return a campaign with one intent of each kind."""
    common = {"campaign": "a", "at": AT, "by": "ada"}
    state = State(lineage="l", ledger_key_id="k", campaigns={"a": entry(), "b": entry("b")}, **changes)
    return opened(
        state,
        create=CreateIntent(**common, name="A", steps="d"),
        update=UpdateIntent(**common, id="camp_a", name="A", steps="d"),
        enroll=EnrollIntent(**common, id="camp_a", segment="s", leads=2, new=True),
        start=StartIntent(**common, id="camp_a"),
        resume=ResumeIntent(**common, id="camp_a", sent=0, queued=0),
        pause=PauseIntent(**common, id="camp_a"),
        other=PauseIntent(**{**common, "campaign": "b"}, id="camp_b"),
    )


COHORT = Cohort(at=AT, sent=1, accepted=1)
STOP = Stop(scope="*", reason="why", at=BEFORE, by="ada@host")


@pytest.mark.parametrize(
    ("outcome", "closed"),
    [
        (lambda s: transitions.updated(s, "a", campaign(), s.capabilities), {"update"}),
        (lambda s: transitions.enrolled(s, "a", ("s",), COHORT, frozenset({"enroll"})), {"enroll"}),
        (lambda s: transitions.all_enrolled(s, "a"), {"enroll"}),
        (lambda s: transitions.started(s, "a", AT), {"start", "resume", "pause"}),
        (lambda s: transitions.started(s.model_copy(update={"stops": (STOP,)}), "a", AT), set()),
        (lambda s: transitions.paused(s, "a", "paused"), {"start", "resume", "pause"}),
        (lambda s: transitions.stopped(s, "a", "paused"), {"pause"}),
        (lambda s: transitions.not_stopped(s, "a"), {"pause"}),
        # A new draft in place of the one that all of it was about.
        (
            lambda s: transitions.created(s, "a", entry("new"), "create"),
            {"create", "update", "enroll", "start", "resume", "pause"},
        ),
        # What concerns its text and its people stays open, should the key return.
        (lambda s: transitions.forgotten(s, "a", AT), {"start", "resume", "pause"}),
        (
            lambda s: transitions.imported(s, "a", entry("new")),
            {"create", "update", "enroll", "start", "resume", "pause"},
        ),
        (lambda s: transitions.removed(s, "a"), {"create", "update", "enroll", "start", "resume", "pause"}),
        (lambda s: transitions.moved(s, "a", "new"), set()),
    ],
)
def test_an_outcome_closes_what_it_settles_and_nothing_else(
    outcome: Callable[[State], State], closed: set[str]
) -> None:
    before = open_state()
    after = outcome(before)
    assert before.operations.keys() - after.operations.keys() == closed
    assert after.operations["other"] == before.operations["other"]


def test_what_is_open_moves_with_its_key() -> None:
    after = transitions.moved(open_state(), "a", "new")
    assert {intent.campaign for intent in after.operations.values()} == {"new", "b"}


@pytest.mark.parametrize(("answered", "status"), [("draft", "draft"), (None, "paused"), ("paused", "paused")])
def test_a_pause_after_a_start_that_may_have_come(answered: str | None, status: str) -> None:
    """Without a status in the answer, a campaign whose start is open is not taken for a draft."""
    state = transitions.paused(open_state(), "a", answered)
    assert (state.campaigns["a"].status, state.campaigns["a"].paused_by_us) == (status, status == "paused")
    assert state.campaigns["a"].started_at == (None if status == "draft" else AT)
