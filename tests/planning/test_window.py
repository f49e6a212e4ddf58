"""Start window and `notBefore`: in the policy's time zone, over midnight and over a change of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plans import NOW, campaign, desired, inputs, known, live, roster, the

from reconciler.model.plan import GuardResult, Kind
from reconciler.model.workspace import Policy, StartWindow
from reconciler.planning.facts import Facts
from reconciler.planning.guards import evaluate
from reconciler.planning.openings import next_opening, when
from reconciler.planning.pacing import Wave
from reconciler.planning.planner import make_plan

BERLIN = ZoneInfo("Europe/Berlin")
WORKDAYS = (0, 1, 2, 3, 4)
OFFICE = StartWindow(days=WORKDAYS, from_=time(8), to=time(16))


def facts(
    now: datetime, window: StartWindow | None = OFFICE, zone: str = "Europe/Berlin", not_before: datetime | None = None
) -> Facts:
    return Facts(
        campaign=campaign(not_before=not_before),
        known=None,
        live=None,
        roster=roster(),
        policy=Policy(timezone=zone, start_window=window),
        now=now.astimezone(UTC),
        stop=None,
        accounts=(),
        capacity=None,
        lots=(),
        waits=(0,),
        expected=10,
        wave=Wave(10),
    )


def guard(name: str, given_facts: Facts) -> GuardResult:
    (found,) = (item for item in evaluate(given_facts) if item.id == name)
    return found


def opening(given_facts: Facts) -> datetime | None:
    return next_opening(given_facts.policy, given_facts.now)


def berlin(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BERLIN)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("now", "inside"),
    [
        (berlin(2026, 11, 30, 7, 59, 59), False),
        (berlin(2026, 11, 30, 8, 0), True),
        (berlin(2026, 11, 30, 15, 59), True),
        (berlin(2026, 11, 30, 16, 0, 59), True),
        (berlin(2026, 11, 30, 16, 1), False),
        (berlin(2026, 12, 5, 12, 0), False),
        (berlin(2026, 12, 6, 12, 0), False),
        (berlin(2026, 12, 4, 12, 0), True),
    ],
)
def test_both_ends_belong_to_the_window(now: datetime, *, inside: bool) -> None:
    assert guard("window", facts(now)).passed is inside


@pytest.mark.parametrize(("zone", "inside"), [("Europe/Berlin", True), ("UTC", False), ("America/New_York", False)])
def test_the_window_is_in_the_policys_time_zone(zone: str, *, inside: bool) -> None:
    """07:30 in Greenwich is 08:30 in Berlin, in winter."""
    assert guard("window", facts(datetime(2026, 11, 30, 7, 30, tzinfo=UTC), zone=zone)).passed is inside


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (datetime(2026, 3, 27, 6, 30, tzinfo=UTC), False),
        (datetime(2026, 3, 30, 6, 30, tzinfo=UTC), True),
        (datetime(2026, 10, 23, 6, 30, tzinfo=UTC), True),
        (datetime(2026, 10, 26, 6, 30, tzinfo=UTC), False),
    ],
    ids=["before summer time", "summer time", "last day of summer time", "winter again"],
)
def test_a_window_follows_the_clocks(moment: datetime, *, inside: bool) -> None:
    """The same moment in Greenwich is 07:30 in Berlin's winter and 08:30 in its summer."""
    assert guard("window", facts(moment)).passed is inside


def test_the_day_of_the_window_is_the_local_one() -> None:
    """Sunday 23:30 in Greenwich is Monday 00:30 in Berlin."""
    monday = StartWindow(days=(0,), from_=time(0), to=time(23, 59))
    assert guard("window", facts(datetime(2026, 11, 29, 22, 59, 59, tzinfo=UTC), monday)).passed is False
    assert guard("window", facts(datetime(2026, 11, 29, 23, 0, tzinfo=UTC), monday)).passed is True
    assert guard("window", facts(datetime(2026, 11, 30, 22, 59, 59, tzinfo=UTC), monday)).passed is True
    assert guard("window", facts(datetime(2026, 11, 30, 23, 0, tzinfo=UTC), monday)).passed is False


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (berlin(2026, 11, 30, 7, 0), berlin(2026, 11, 30, 8, 0)),
        (berlin(2026, 11, 30, 16, 30), berlin(2026, 12, 1, 8, 0)),
        (berlin(2026, 12, 4, 16, 30), berlin(2026, 12, 7, 8, 0)),
        (berlin(2026, 12, 5, 0, 0), berlin(2026, 12, 7, 8, 0)),
        (berlin(2026, 3, 27, 17, 0), berlin(2026, 3, 30, 8, 0)),
        (berlin(2026, 10, 23, 17, 0), berlin(2026, 10, 26, 8, 0)),
        (berlin(2026, 12, 31, 17, 0), berlin(2027, 1, 1, 8, 0)),
    ],
    ids=["today", "tomorrow", "after the weekend", "midnight", "over summer time", "over winter time", "new year"],
)
def test_next_opening(now: datetime, opens: datetime) -> None:
    found = opening(facts(now))
    assert found is not None
    assert (found, found.utcoffset()) == (opens, opens.utcoffset())
    assert guard("window", facts(now)).detail == f"outside the start window; it opens {when(opens)}"


def test_a_window_of_one_day_opens_a_week_later() -> None:
    monday = StartWindow(days=(0,), from_=time(8), to=time(9))
    assert opening(facts(berlin(2026, 11, 30, 10, 0), monday)) == berlin(2026, 12, 7, 8, 0)


def test_without_a_window_nothing_opens() -> None:
    assert opening(facts(NOW, None)) is None


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - the zone is laid over it
    days=st.sets(st.integers(0, 6), min_size=1),
    ends=st.tuples(st.times(), st.times()).map(sorted),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Auckland"]),
)
def test_the_opening_lies_ahead_and_inside_the_window(
    now: datetime, days: set[int], ends: list[time], zone: str
) -> None:
    first, last = (item.replace(second=0, microsecond=0) for item in ends)
    window = StartWindow(days=tuple(sorted(days)), from_=first, to=last)
    moment = now.replace(tzinfo=UTC)
    found = opening(facts(moment, window, zone))
    assert found is not None
    assert window.contains(found)
    assert timedelta(0) < found.replace(tzinfo=None) - moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert found - moment <= timedelta(days=8)


@pytest.mark.parametrize(
    ("now", "passed"),
    [
        (berlin(2026, 12, 1, 8, 59, 59), False),
        (berlin(2026, 12, 1, 9, 0), True),
        (datetime(2026, 12, 1, 8, 0, tzinfo=UTC), True),
        (datetime(2026, 12, 1, 7, 59, 59, tzinfo=UTC), False),
    ],
)
def test_not_before_is_a_moment_and_told_in_the_policys_zone(now: datetime, *, passed: bool) -> None:
    found = guard("not-before", facts(now, not_before=berlin(2026, 12, 1, 9, 0)))
    assert (found.passed, found.detail) == (passed, "not before Tue 1 Dec 09:00")
    abroad = guard("not-before", facts(now, zone="America/New_York", not_before=berlin(2026, 12, 1, 9, 0)))
    assert (abroad.passed, abroad.detail) == (passed, "not before Tue 1 Dec 03:00")


def test_not_before_in_the_night_of_a_change_of_the_clocks() -> None:
    """03:00 on 29 March 2026 follows 01:59 in Berlin."""
    first = berlin(2026, 3, 29, 3, 0)
    assert guard("not-before", facts(datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), not_before=first)).passed is False
    assert guard("not-before", facts(datetime(2026, 3, 29, 1, 0, tzinfo=UTC), not_before=first)).passed is True


def test_a_start_outside_its_window_is_scheduled_and_the_draft_is_made_meanwhile() -> None:
    wanted = desired(campaign(), timezone="Europe/Berlin", start_window=OFFICE)
    plan = make_plan(inputs(wanted, now=berlin(2026, 12, 5, 12, 0)))
    assert [(action.kind.value, action.status.value) for action in plan.actions] == [
        ("create", "ready"),
        ("enroll", "scheduled"),
        ("start", "scheduled"),
    ]
    assert the(plan, Kind.START).reason == "outside the start window; it opens Mon 7 Dec 08:00"
    assert (plan.summary.scheduled, plan.summary.new_recipients) == (1, 0)


def test_an_enrolment_into_a_running_campaign_waits_for_the_window_too() -> None:
    wanted = desired(campaign(), start_window=StartWindow(days=(6,), from_=time(8), to=time(9)))
    plan = make_plan(
        inputs(wanted, known(status="running", accepted=7), live(status="running", enrolled=7), roster(10, new=3))
    )
    assert [(action.kind.value, action.status.value) for action in plan.actions] == [("enroll", "scheduled")]
