"""Each guard passes, fails, or does not concern the case; its words carry the figures."""

from datetime import UTC, datetime
from typing import Any

import pytest
from support.plans import ACCOUNTS, EDITED, NOW, campaign, known, live, roster, stop

from reconciler.model.live import Account, Stats
from reconciler.model.plan import ActionStatus, GuardResult
from reconciler.model.workspace import Policy
from reconciler.planning.capacity import Capacity
from reconciler.planning.facts import Facts
from reconciler.planning.forecast import Lot
from reconciler.planning.guards import GUARDS, combine, evaluate
from reconciler.planning.pacing import Wave

WAITS = {"alpha": (0, 3)}
CAPACITY = Capacity(left=1543, daily=1900, kept=190, waits=WAITS)

FULL = Capacity(left=0, daily=5, waits=WAITS)


def lot(leads: int) -> tuple[Lot, ...]:
    """Make so many first emails of today."""
    return (Lot("alpha", 0, 0, leads),)


def facts(**changes: object) -> Facts:
    """Make the facts of a campaign that is created and started with ten people, and nothing in the way."""
    values: dict[str, Any] = {
        "campaign": campaign(),
        "known": None,
        "live": None,
        "roster": roster(10),
        "policy": Policy(),
        "now": NOW,
        "stop": None,
        "accounts": ACCOUNTS,
        "capacity": CAPACITY,
        "lots": lot(10),
        "waits": WAITS["alpha"],
        "expected": 10,
        "wave": Wave(10),
    }
    return Facts(**{**values, **changes})


def running(**changes: object) -> Facts:
    """Make those of an enrolment into a running campaign."""
    values: dict[str, Any] = {
        "known": known(status="running", accepted=7),
        "live": live(status="running", enrolled=7),
        "roster": roster(10, new=3),
        "lots": lot(3),
        "wave": Wave(3),
        "expected": 10,
    }
    return facts(**{**values, **changes})


def paused(*, ours: bool, **changes: object) -> Facts:
    """Make those of a resume."""
    values: dict[str, Any] = {
        "known": known(status="paused", accepted=7, paused_by_us=ours),
        "live": live(status="paused", enrolled=7),
    }
    return running(**{**values, **changes})


def draft(**changes: object) -> Facts:
    """Make those of a draft that exists and holds seven people."""
    values: dict[str, Any] = {"known": known(accepted=7), "live": live(enrolled=7), "roster": roster(10, new=3)}
    return facts(**{**values, **changes})


def verdict(guard: str, given: Facts) -> tuple[bool | None, str] | None:
    """Return what one guard says: passed and words, or None where it does not concern the case."""
    found = [(item.passed, item.detail) for item in evaluate(given) if item.id == guard]
    return found[0] if found else None


def test_guards_and_what_their_failure_means() -> None:
    """Every guard of design §5, what its failure means, and which only need another day."""
    assert {guard.id: (guard.failing.value, guard.today) for guard in GUARDS} == {
        "stop": ("held", False),
        "paused-outside": ("held", False),
        "steps": ("held", False),
        "list": ("held", False),
        "minimum-leads": ("held", False),
        "recontact": ("held", False),
        "exclude": ("held", False),
        "tokens": ("held", False),
        "enrolled": ("blocked", False),
        "never-sent": ("blocked", False),
        "budget": ("blocked", False),
        "health": ("held", False),
        "senders": ("held", True),
        "capacity": ("held", True),
        "pacing": ("scheduled", False),
        "not-before": ("scheduled", False),
        "window": ("scheduled", False),
    }


@pytest.mark.parametrize(
    ("given", "concerned"),
    [
        (facts(), {"stop", "steps", "minimum-leads", "tokens", "never-sent", "senders", "capacity"}),
        (draft(), {"stop", "steps", "minimum-leads", "tokens", "enrolled", "never-sent", "senders", "capacity"}),
        (running(), {"stop", "steps", "tokens", "enrolled", "senders", "capacity"}),
        (paused(ours=True), {"stop", "paused-outside", "steps", "tokens", "enrolled", "senders", "capacity"}),
    ],
    ids=["new", "draft", "running", "paused"],
)
def test_which_guards_concern_which_case_and_pass(given: Facts, concerned: set[str]) -> None:
    results = evaluate(given)
    assert {item.id for item in results} == concerned
    assert all(item.passed for item in results)
    assert combine(results) is ActionStatus.READY


PASSING = [
    ("stop", facts(), "not stopped"),
    ("paused-outside", paused(ours=True), "paused by this repository"),
    ("steps", facts(), "2 steps"),
    ("steps", facts(campaign=campaign(steps=EDITED[:1])), "1 step"),
    ("minimum-leads", facts(campaign=campaign(minimum_leads=10)), "10 leads, 10 wanted"),
    ("tokens", facts(roster=roster(blanks={"firstName": 0})), "no blank tokens"),
    ("enrolled", draft(), "7 enrolled, as expected"),
    ("enrolled", draft(known=known(accepted=5, outside=2)), "7 enrolled, as expected"),
    ("enrolled", running(live=live(status="running", enrolled=9)), "9 enrolled, 2 of them unknown to this repository"),
    ("never-sent", facts(), "nothing sent before"),
    (
        "never-sent",
        draft(live=live(enrolled=7, leftovers={"camp_old": Stats(total_enrolled=4, sent=0, queued=0)})),
        "no",
    ),
    ("senders", facts(), "8 active senders"),
    (
        "senders",
        facts(accounts=(Account(id="a", status="active"), Account(id="b", status="warming"))),
        "1 active sender",
    ),
    ("capacity", facts(lots=lot(1353)), "room 1,353"),
    ("not-before", facts(campaign=campaign(not_before=NOW)), "not before Mon 30 Nov 13:02"),
]


@pytest.mark.parametrize(("guard", "given", "words"), PASSING, ids=[f"{n}-{item[0]}" for n, item in enumerate(PASSING)])
def test_passing(guard: str, given: Facts, words: str) -> None:
    found = verdict(guard, given)
    assert found is not None
    assert found[0] is True
    assert found[1].startswith(words)


FAILING = [
    ("stop", facts(stop=stop()), ["ada@laptop", "wrong price", "reconciler stop --all --lift"]),
    ("stop", facts(stop=stop("alpha")), ["reconciler stop alpha --lift"]),
    ("stop", facts(stop=stop("old-key")), ["reconciler stop old-key --lift"]),
    ("paused-outside", paused(ours=False), ["somebody else paused it", "`status: paused`, then `status: running`"]),
    ("paused-outside", paused(ours=False, known=None), ["somebody else paused it"]),
    ("steps", facts(campaign=campaign(steps=())), ["0 steps"]),
    ("steps", running(frozen="its steps were edited"), ["its steps were edited"]),
    ("list", facts(roster=roster(0, at_hand=False)), ["the list leads:list.csv is not at hand"]),
    (
        "list",
        facts(roster=roster(0, at_hand=False, problem="RECONCILER_LEADS_DIR is not set")),
        ["LEADS_DIR is not set"],
    ),
    ("minimum-leads", facts(campaign=campaign(minimum_leads=1100)), ["10 leads, 1,100 wanted"]),
    ("minimum-leads", facts(expected=0, lots=()), ["0 leads, 1 wanted"]),
    (
        "minimum-leads",
        facts(expected=0, roster=roster(3, refused=3)),
        ["0 leads, 1 wanted; Leadterra refused 3 of the list: correct their rows"],
    ),
    (
        "tokens",
        facts(roster=roster(blanks={"firstName": 1, "company": 1200})),
        ["1,200 leads without company, 1 lead without firstName", "leads.fallbacks: {company: …}"],
    ),
    ("enrolled", draft(live=live(enrolled=8)), ["8 leads in it", "knows of 7", "reconciler import alpha camp_alpha"]),
    ("enrolled", draft(live=live(enrolled=6)), ["6 leads in it", "knows of 7"]),
    ("enrolled", running(live=live(status="running", enrolled=6)), ["6 leads in it", "knows of 7"]),
    ("enrolled", draft(live=live(stats=None)), ["counters could not be read"]),
    (
        "never-sent",
        draft(live=live(stats=Stats(total_enrolled=7, sent=1, queued=0))),
        ["camp_alpha has sent or queued"],
    ),
    ("never-sent", draft(live=live(enrolled=7, queued=1)), ["camp_alpha has sent or queued"]),
    (
        "never-sent",
        draft(live=live(enrolled=7, leftovers={"camp_old": Stats(total_enrolled=4, sent=4, queued=0)})),
        ["camp_old has sent or queued"],
    ),
    (
        "never-sent",
        draft(live=live(enrolled=7, leftovers={"camp_old": None})),
        ["counters of camp_old could not be read"],
    ),
    ("never-sent", draft(live=live(stats=None)), ["counters of camp_alpha could not be read"]),
    ("senders", facts(accounts=None), ["sender accounts could not be read"]),
    ("senders", facts(accounts=()), ["no sender account at all"]),
    (
        "senders",
        facts(accounts=(Account(id="a", status="warming"), Account(id="b", status="paused"))),
        ["no active sender account (2 paused or warming)"],
    ),
    ("capacity", facts(capacity=None), ["room is not known"]),
    (
        "capacity",
        facts(lots=lot(1400)),
        ["1,400 people", "room for 1,353", "(1,543 left now, 190 kept free)", "47 short"],
    ),
    ("capacity", facts(lots=lot(1), capacity=FULL), ["1 person", "room for 0 today (0 left now): 1 short"]),
    (
        "not-before",
        facts(campaign=campaign(not_before=datetime(2026, 12, 1, 8, tzinfo=UTC))),
        ["not before Tue 1 Dec 08:00"],
    ),
    (
        "not-before",
        running(campaign=campaign(not_before=datetime(2026, 12, 1, 8, tzinfo=UTC))),
        ["not before Tue 1 Dec"],
    ),
    (
        "not-before",
        paused(ours=True, campaign=campaign(not_before=datetime(2026, 12, 1, 8, tzinfo=UTC))),
        ["not before Tue 1 Dec"],
    ),
]


@pytest.mark.parametrize(("guard", "given", "words"), FAILING, ids=[f"{n}-{item[0]}" for n, item in enumerate(FAILING)])
def test_failing(guard: str, given: Facts, words: list[str]) -> None:
    found = verdict(guard, given)
    assert found is not None
    assert found[0] is False
    assert [part for part in words if part not in found[1]] == []
    failing = next(item.failing for item in GUARDS if item.id == guard)
    assert combine(item for item in evaluate(given) if item.id == guard) is failing


NOT_CONCERNED = [
    ("paused-outside", running()),
    ("paused-outside", draft()),
    ("list", facts()),
    ("minimum-leads", running(campaign=campaign(minimum_leads=5000))),
    ("minimum-leads", facts(roster=roster(0, at_hand=False))),
    ("tokens", facts(roster=roster(0, at_hand=False))),
    ("enrolled", facts()),
    ("never-sent", running()),
    ("never-sent", paused(ours=True)),
    ("not-before", facts()),
    ("window", facts()),
]


@pytest.mark.parametrize(
    ("guard", "given"), NOT_CONCERNED, ids=[f"{n}-{item[0]}" for n, item in enumerate(NOT_CONCERNED)]
)
def test_not_concerned(guard: str, given: Facts) -> None:
    assert verdict(guard, given) is None


def written(**changes: object) -> Facts:
    """Make the facts right before the call, when this run has brought the draft up to its file."""
    return draft(written=True, **changes)


def test_steps_right_before_the_call_must_read_as_they_were_written() -> None:
    """A draft that somebody edits between the write and the start is not sent."""
    assert verdict("steps", written()) == (True, "2 steps")
    assert verdict("steps", written(live=live(enrolled=7, steps=None))) == (True, "2 steps")
    found = verdict("steps", written(live=live(enrolled=7, steps=EDITED)))
    assert found is not None
    assert found[0] is False
    assert "changed in Leadterra a moment ago" in found[1]


def test_steps_that_were_never_written_are_not_as_written() -> None:
    for given in (written(known=None), written(live=None), written(campaign=campaign(steps=EDITED))):
        assert verdict("steps", given) != (True, "2 steps")


def test_steps_of_a_started_campaign_are_not_compared_again() -> None:
    assert verdict("steps", running(written=True, live=live(status="running", enrolled=7, steps=EDITED))) == (
        True,
        "2 steps",
    )


def _failing(*ids: str) -> list[GuardResult]:
    return [GuardResult(id=guard.id, passed=guard.id not in ids, detail="") for guard in GUARDS]


@pytest.mark.parametrize(
    ("ids", "status"),
    [
        ((), ActionStatus.READY),
        (("enrolled", "stop", "window", "capacity"), ActionStatus.BLOCKED),
        (("never-sent", "not-before"), ActionStatus.BLOCKED),
        (("stop", "window"), ActionStatus.HELD),
        (("tokens", "not-before", "capacity"), ActionStatus.HELD),
        (("window", "capacity"), ActionStatus.SCHEDULED),
        (("not-before", "senders"), ActionStatus.SCHEDULED),
        (("window",), ActionStatus.SCHEDULED),
        (("capacity",), ActionStatus.HELD),
        (("senders",), ActionStatus.HELD),
    ],
)
def test_what_needs_a_person_comes_first_then_what_waits_for_a_fact_then_for_its_time(
    ids: tuple[str, ...], status: ActionStatus
) -> None:
    """Today's room and senders say nothing about something that is for a later day anyway."""
    assert combine(_failing(*ids)) is status
    assert combine(reversed(_failing(*ids))) is status


def test_without_asking_the_server_its_guards_are_not_made() -> None:
    results = {
        item.id: item for item in evaluate(draft(refreshed=False, live=live(stats=None), accounts=None, capacity=None))
    }
    unmade = {name for name, item in results.items() if item.passed is None}
    assert unmade == {"enrolled", "never-sent", "senders", "capacity"}
    assert {results[name].detail for name in unmade} == {"not checked: the server was not asked"}
    assert combine(results.values()) is ActionStatus.READY


def test_without_asking_the_server_what_is_known_still_holds() -> None:
    """A stop mark, a pause by somebody else, a blank name and the clock need no server."""
    assert combine(evaluate(facts(refreshed=False, stop=stop()))) is ActionStatus.HELD
    assert combine(evaluate(facts(refreshed=False, roster=roster(blanks={"firstName": 1})))) is ActionStatus.HELD
    assert combine(evaluate(paused(ours=False, refreshed=False))) is ActionStatus.HELD
    later = campaign(not_before=datetime(2026, 12, 1, tzinfo=UTC))
    assert combine(evaluate(facts(refreshed=False, campaign=later))) is ActionStatus.SCHEDULED
