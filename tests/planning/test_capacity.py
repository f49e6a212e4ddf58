"""Whether a start fits, in whose place, and what is said where it does not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.plans import (
    NOW,
    campaign,
    desired,
    failed,
    inputs,
    known,
    live,
    outline,
    roster,
    state,
    the,
)

from reconciler.model.live import Account, Pool
from reconciler.model.plan import ActionStatus, Kind, Plan
from reconciler.planning.capacity import Capacity, Fit, fit
from reconciler.planning.forecast import Lot
from reconciler.planning.planner import make_plan

WAITS = {"new": (0, 3), "other": (0, 2), "earlier": (0,)}


def room(left: int, daily: int, *lots: Lot) -> Capacity:
    return Capacity(left, daily, lots=lots, waits=WAITS)


def starts(leads: int) -> tuple[Lot, ...]:
    return (Lot("new", 0, 0, leads),)


def pool(daily: int, left: int | None = None) -> tuple[Pool, ...]:
    return (Pool(id="p", name="P", daily_capacity=daily, remaining=daily if left is None else left),)


@pytest.mark.parametrize(
    ("leads", "within", "found"),
    [
        # 100 left today, 200 a day after that: 100 today; 300 in two days, 500 in three.
        (100, 1, Fit(fits=True, day=0)),
        (101, 1, Fit(fits=False, short=1, first=1)),
        (300, 2, Fit(fits=True, day=1)),
        (301, 2, Fit(fits=False, short=1, first=1)),
        (201, 1, Fit(fits=False, short=101, first=None, never=True)),
        (0, 1, Fit(fits=True)),
    ],
)
def test_everybody_gets_step_one_in_time(leads: int, within: int, found: Fit) -> None:
    assert fit(room(100, 200), starts(leads), within) == found


def test_follow_ups_that_were_due_before_go_first() -> None:
    """200 a day. 150 emails of others are due tomorrow: 250 new people fill today, and 50 of tomorrow are left."""
    busy = room(200, 200, Lot("other", 1, 1, 150))
    assert fit(busy, starts(250), 2).fits
    assert fit(room(200, 200, Lot("other", 1, -1, 150)), starts(251), 2) == Fit(fits=False, short=1, first=1)


def test_nobody_who_was_let_through_is_pushed_too_late() -> None:
    """Tomorrow's wave of 100 was promised for tomorrow; 150 people of today would take 50 of its places."""
    capacity = room(100, 100).promising((Lot("earlier", 0, 1, 100, joins=1),), 1)
    assert fit(capacity, starts(100), 2).fits
    found = fit(capacity, starts(150), 2)
    assert (found.fits, found.late, found.first) == (False, "earlier", 2)


def test_the_words_of_a_start_that_waits() -> None:
    """1,400 people within a day: 1,543 left less 190; 47 short, and all fit tomorrow into 1,710."""
    wanted = desired(campaign(), headroom=10, max_new_recipients=2000, timezone="Europe/Berlin")
    found = the(make_plan(inputs(wanted, rosters=roster(1400))), Kind.START)
    assert found.reason == (
        "1,400 people are to hear from you within 1 day; there is room for 1,353 today (1,543 left now, 190 kept "
        "free): 47 short; there is room for it Tue 1 Dec 14:02. For today: 47 fewer leads, or `start.perDay: 700`, "
        "or senders for 47 more emails"
    )


def test_accounts_that_do_not_send_are_named() -> None:
    accounts = (
        Account(id="sa_1", status="active", name="Ada"),
        Account(id="sa_2", status="warming", name="Warm-Up 1"),
        Account(id="sa_3", status="paused"),
    )
    plan = make_plan(inputs(campaign(), rosters=roster(20), pools=pool(15), accounts=accounts))
    assert "(warming: Warm-Up 1; paused: sa_3)" in the(plan, Kind.START).reason


@pytest.mark.parametrize(
    ("within", "pools", "words"),
    [
        (
            2,
            pool(400),
            "1,000 people can never hear from you within 2 days: the senders have room for 400 emails a day",
        ),
        (2, pool(400), "which takes 3 days; what would do: `start.firstStepWithinDays: 3`, or `start.perDay: 400`, or"),
        (1, pool(2), "which takes 500 days; what would do: `start.perDay: 2`, or more senders"),
        (1, pool(0), "1,000 people are to hear from you, and the senders have room for nobody on any day"),
        (1, (), "the senders have room for nobody on any day"),
    ],
)
def test_what_never_fits_is_told_as_such(within: int, pools: tuple[Pool, ...], words: str) -> None:
    plan = make_plan(inputs(campaign(first_step_within_days=within), rosters=roster(1000), pools=pools))
    assert failed(the(plan, Kind.START)) == {"capacity"}
    assert words in the(plan, Kind.START).reason


def test_the_higher_priority_gets_the_room_then_the_key() -> None:
    wanted = desired(campaign("a"), campaign("b", priority=5), campaign("c"), max_new_recipients=5000)
    plan = make_plan(inputs(wanted, rosters=dict.fromkeys("abc", roster(60)), pools=pool(130)))
    assert [the(plan, Kind.START, key).status.value for key in "abc"] == ["ready", "ready", "held"]
    plan = make_plan(inputs(wanted, rosters=dict.fromkeys("abc", roster(60)), pools=pool(70)))
    assert [the(plan, Kind.START, key).status.value for key in "abc"] == ["held", "ready", "held"]


def test_five_days_are_the_default() -> None:
    wanted = campaign(first_step_within_days=type(campaign()).model_fields["first_step_within_days"].default)
    assert outline(make_plan(inputs(wanted, rosters=roster(500), pools=pool(100))))[-1] == ("start", "ready")
    assert outline(make_plan(inputs(wanted, rosters=roster(501), pools=pool(100))))[-1] == ("start", "held")


def days(plan: Plan) -> list[tuple[int, int, int, int, int]]:
    return [(day.day, day.capacity, day.due, day.sent, day.rolled_over) for day in plan.forecast]


def test_the_guide_in_the_plan() -> None:
    """142 of 1,543 today, and 142 of 1,900 three days later."""
    plan = make_plan(inputs(campaign(), rosters=roster(142)))
    assert days(plan) == [(0, 1543, 142, 142, 0), (1, 1900, 0, 0, 0), (2, 1900, 0, 0, 0), (3, 1900, 142, 142, 0)]
    assert [day.date for day in plan.forecast] == ["2026-11-30", "2026-12-01", "2026-12-02", "2026-12-03"]
    sending = plan.campaigns[0].sending
    assert sending is not None
    assert (sending.first, sending.last, sending.emails, sending.left, sending.lost) == (
        "2026-11-30",
        "2026-12-03",
        284,
        0,
        0,
    )
    assert plan.not_counted == ("campaigns outside this repository (seen only in what is left today)",)


def test_what_waits_for_room_is_drawn_on_its_day() -> None:
    """60 today of 100; the other 60 would make 120: tomorrow. Step two of both three days later."""
    wanted = desired(campaign("a"), campaign("b"))
    plan = make_plan(inputs(wanted, rosters=dict.fromkeys("ab", roster(60)), pools=pool(100)))
    assert [dict(day.campaigns) for day in plan.forecast] == [{"a": 60}, {"b": 60}, {}, {"a": 60}, {"b": 60}]


def test_what_waits_for_its_time_is_drawn_on_its_day() -> None:
    later = campaign(not_before=NOW + timedelta(days=2, hours=1))
    plan = make_plan(inputs(later, rosters=roster(10)))
    assert the(plan, Kind.START).status is ActionStatus.SCHEDULED
    assert [day.day for day in plan.forecast if day.sent] == [2, 5]


def test_what_waits_for_somebody_is_not_drawn_and_named() -> None:
    plan = make_plan(inputs(campaign(), rosters=roster(10, blanks={"company": 1})))
    assert plan.forecast == ()
    assert "campaigns that wait for somebody: alpha" in plan.not_counted


def test_what_never_fits_is_not_drawn_and_named() -> None:
    plan = make_plan(inputs(campaign(), rosters=roster(10), pools=pool(0)))
    assert "campaigns for which there is room on none of the coming days: alpha" in plan.not_counted


def test_who_only_gets_new_details_lacks_no_room() -> None:
    """It waits for its time, and sets no email free."""
    waits = campaign(not_before=NOW + timedelta(days=2))
    entry, there = known(status="running", accepted=5), live(status="running", enrolled=5, queued=5)
    plan = make_plan(inputs(waits, entry, there, roster(5, new=0, changed=2)))
    assert outline(plan) == [("enroll", "scheduled")]
    assert len(plan.not_counted) == 1


def test_lost_days_and_what_is_left() -> None:
    """250 people, 100 a day: the last first email goes on day 2, the last of all on day 5 instead of day 3."""
    plan = make_plan(inputs(campaign(first_step_within_days=3), rosters=roster(250), pools=pool(100)))
    sending = plan.campaigns[0].sending
    assert sending is not None
    assert (sending.last, sending.lost) == ("2026-12-05", 2)


def test_running_campaigns_are_in_it_by_their_counters() -> None:
    """Started a week ago with 50 people, who have got step one only; the sandbox of the vendor would send it now."""
    managed = state({"beta": known("beta", "running", accepted=50)})
    there = {"beta": live("beta", "running", enrolled=50, queued=50)}
    plan = make_plan(inputs(desired(campaign("beta")), managed, there, {"beta": roster(50, new=0)}))
    assert [dict(day.campaigns) for day in plan.forecast] == [{"beta": 50}]
    assert plan.campaigns[0].sending is not None


@pytest.mark.parametrize("changes", [{"pools": None}, {"refreshed": False}])
def test_without_figures_nothing_is_drawn(changes: dict[str, object]) -> None:
    plan = make_plan(inputs(campaign(), rosters=roster(10), **changes))
    assert plan.forecast == ()
    assert plan.not_counted[0].startswith("nothing: ")


def test_days_are_those_of_the_time_zone() -> None:
    """23:30 in Greenwich is the next day in Berlin."""
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    plan = make_plan(inputs(desired(campaign(), timezone="Europe/Berlin"), rosters=roster(1), now=late))
    assert plan.forecast[0].date == "2026-12-01"


@examples(200)
@given(
    others=st.lists(
        st.builds(Lot, st.sampled_from(["other", "earlier"]), st.just(0), st.integers(-2, 4), st.integers(1, 30)),
        max_size=4,
    ),
    leads=st.integers(1, 60),
    within=st.integers(1, 4),
    left=st.integers(0, 40),
    daily=st.integers(0, 40),
)
def test_it_says_what_sending_it_all_comes_to(
    others: list[Lot], leads: int, within: int, left: int, daily: int
) -> None:
    """Who starts now, and who starts on a later day, whether the days are worked out one by one or not."""
    capacity = Capacity(left, daily, lots=tuple(others), waits=WAITS)
    for lot in (Lot("new", 0, 0, leads), Lot("new", 0, 2, leads)):
        reached = capacity.ahead([lot], days=lot.day + within).reached[-1]
        found = fit(capacity, [lot], within)
        assert (found.fits, found.day) == (reached is not None, reached)
