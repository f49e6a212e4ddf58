"""Waves: who is enrolled today, what waits for tomorrow, and how the waves before went."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.plans import NOW, STARTED, campaign, desired, failed, inputs, known, live, outline, roster, the

from reconciler.model.campaign import Campaign
from reconciler.model.live import Replies, Reply, Stats
from reconciler.model.plan import ActionStatus, Kind, Plan
from reconciler.model.state import Cohort
from reconciler.planning.pacing import Wave, later_waves, wave
from reconciler.planning.planner import make_plan

YESTERDAY = NOW - timedelta(days=1)


def paced(first: int | None = 25, daily: int = 100, **changes: object) -> Campaign:
    return campaign(per_day=daily, first_wave=first, **changes)


def enrolled(*batches: tuple[datetime, int, int], **changes: Any) -> Any:
    """Make a running campaign into which so many new people of the list went, and were accepted, at these times."""
    cohorts = tuple(Cohort(at=at, sent=tried, accepted=accepted, tried=tried) for at, tried, accepted in batches)
    return known(status="running", cohorts=cohorts, **changes)


@pytest.mark.parametrize(
    ("batches", "new", "found"),
    [
        ((), 300, Wave(25, 275, paced=True)),
        ((), 20, Wave(20, 0, paced=True)),
        (((NOW, 10, 10),), 290, Wave(15, 275, paced=True)),
        (((NOW, 25, 25),), 275, Wave(0, 275, paced=True)),
        (((YESTERDAY, 25, 25),), 275, Wave(100, 175, paced=True, earlier=True)),
        (((YESTERDAY, 25, 25), (NOW, 60, 60)), 215, Wave(40, 175, paced=True, earlier=True)),
        # Five of yesterday's were suppressed: sent and not accepted, and so a part of that wave.
        (((YESTERDAY, 25, 20), (NOW, 100, 95)), 175, Wave(0, 175, paced=True, earlier=True)),
        # All of today's are suppressed, or were refused: they were its wave.
        (((YESTERDAY, 25, 25), (NOW, 100, 0)), 175, Wave(0, 175, paced=True, earlier=True)),
    ],
)
def test_who_is_enrolled_today(batches: tuple[tuple[datetime, int, int], ...], new: int, found: Wave) -> None:
    assert wave(paced(), enrolled(*batches), new, NOW, "UTC") == found


def test_corrections_are_no_wave() -> None:
    entry = known(status="running", cohorts=(Cohort(at=NOW, sent=25, accepted=0),))
    assert wave(paced(), entry, 275, NOW, "UTC").today == 25


def test_until_it_is_started_the_first_wave_is_all_there_is() -> None:
    """Its start was refused for two days: nobody more is enrolled, and the next wave goes the day after the start."""
    cohorts = (Cohort(at=YESTERDAY - timedelta(days=1), sent=25, accepted=25, tried=25),)
    assert wave(paced(), known(cohorts=cohorts), 275, NOW, "UTC") == Wave(0, 275, paced=True)
    just_started = known(status="running", cohorts=cohorts, started_at=NOW)
    assert wave(paced(), just_started, 275, NOW, "UTC").today == 0
    assert wave(paced(), just_started, 275, NOW + timedelta(days=1), "UTC").today == 100


def test_without_pacing_all_go_at_once() -> None:
    assert wave(campaign(), enrolled((NOW, 5, 5)), 300, NOW, "UTC") == Wave(300)


def test_the_first_wave_is_as_large_as_the_others_unless_told() -> None:
    assert wave(paced(first=None), None, 300, NOW, "UTC").today == 100


def test_a_day_is_one_of_the_time_zone() -> None:
    """23:30 and 00:30 in Berlin are two days there, and one in Greenwich."""
    before, after = datetime(2026, 11, 29, 22, 30, tzinfo=UTC), datetime(2026, 11, 29, 23, 30, tzinfo=UTC)
    entry = enrolled((before, 25, 25))
    assert wave(paced(), entry, 200, after, "Europe/Berlin").today == 100
    assert wave(paced(), entry, 200, after, "UTC").today == 0


def test_the_waves_after_it() -> None:
    assert list(later_waves(paced(), Wave(25, 275, paced=True), 10)) == [100, 100, 75]
    assert list(later_waves(paced(), Wave(25, 1_000_000, paced=True), 2)) == [100, 100, 999_800]
    assert list(later_waves(campaign(), Wave(25), 10)) == []


def a_day_later(people: int = 300, **changes: Any) -> Plan:
    """Plan the second wave: 25 people got the first email yesterday."""
    entry = enrolled((YESTERDAY, 25, 25), started_at=YESTERDAY)
    counters = {"total_enrolled": 25, "sent": 25, "queued": 25}
    if "counters" in changes:
        counters |= {"total_enrolled": 100} | changes.pop("counters")
    there = live(status="running", stats=Stats(**counters))
    replies = changes.pop("replies", ())
    read = {} if replies is None else {"alpha": Replies(found=tuple(replies))}
    return make_plan(
        inputs(changes.pop("wanted", paced()), entry, there, roster(people, new=people - 25), replies=read, **changes)
    )


def test_a_paced_start_and_all_that_follows() -> None:
    """25 today, then 100, 100 and 75 a day; each gets the second email three days after the first."""
    plan = make_plan(inputs(paced(minimum_leads=200), rosters=roster(300)))
    assert outline(plan) == [("create", "ready"), ("enroll", "ready"), ("start", "ready")]
    assert (plan.summary.new_recipients, plan.campaigns[0].people.later) == (25, 275)
    assert [day.sent for day in plan.forecast] == [25, 100, 100, 100, 100, 100, 75]
    assert the(plan, Kind.ENROLL).reason == "25 new leads, 275 more in later waves"


def test_the_next_wave_goes_into_the_running_campaign() -> None:
    plan = a_day_later()
    assert outline(plan) == [("enroll", "ready")]
    assert (plan.summary.new_recipients, plan.campaigns[0].people.later) == (100, 175)
    assert [day.sent for day in plan.forecast] == [100, 100, 100, 100, 100, 75][:6]
    told = {item.id: item.detail for item in the(plan, Kind.ENROLL).guards}
    assert told["pacing"] == "a wave of 100 people today"
    assert told["health"] == "0 bounced and 0 unsubscribed of 25 reached"


def test_one_wave_a_day() -> None:
    """What was enrolled today waits for tomorrow, and nothing is wrong with that."""
    entry = enrolled((NOW - timedelta(hours=1), 25, 25), started_at=NOW)
    plan = make_plan(inputs(paced(), entry, live(status="running", enrolled=25, queued=25), roster(300, new=275)))
    assert outline(plan) == [("enroll", "scheduled")]
    assert the(plan, Kind.ENROLL).reason == "today's wave is enrolled; the next one, of 100 people, is for Tue 1 Dec"
    assert plan.summary.new_recipients == 0
    assert [day.sent for day in plan.forecast][1:4] == [100, 100, 100]


def test_corrections_need_no_wave() -> None:
    entry = enrolled((NOW - timedelta(hours=1), 25, 25), started_at=NOW)
    there = live(status="running", enrolled=25, queued=25)
    plan = make_plan(inputs(paced(), entry, there, roster(300, new=275, changed=4)))
    assert outline(plan) == [("enroll", "ready")]
    assert the(plan, Kind.ENROLL).reason == "4 with changed fields, 275 more in later waves"
    assert plan.summary.new_recipients == 0


def test_a_draft_whose_first_wave_is_in_starts_with_it() -> None:
    entry = known(cohorts=(Cohort(at=NOW, sent=25, accepted=25, tried=25),))
    plan = make_plan(inputs(paced(), entry, live(enrolled=25), roster(300, new=275)))
    assert outline(plan) == [("start", "ready")]
    assert plan.summary.new_recipients == 25


def test_a_resume_does_not_wait_for_a_wave() -> None:
    cohorts = (Cohort(at=NOW - timedelta(hours=1), sent=25, accepted=25, tried=25),)
    entry = known(status="paused", paused_by_us=True, cohorts=cohorts, started_at=STARTED)
    plan = make_plan(inputs(paced(), entry, live(status="paused", enrolled=25, queued=25), roster(300, new=275)))
    assert outline(plan) == [("resume", "ready")]


def test_only_todays_wave_needs_room_and_budget() -> None:
    wanted = desired(paced(first=None), max_new_recipients=100)
    assert outline(make_plan(inputs(wanted, rosters=roster(3000))))[-1] == ("start", "ready")


UNSUBSCRIBED = Reply(id="rpl_1", classification="unsubscribe")


@pytest.mark.parametrize(
    ("counters", "replies", "words"),
    [
        ({"sent": 100, "bounced": 3}, (), "3 people bounced of 100 reached (3.0 %, at most 2 %)"),
        ({"sent": 100}, (UNSUBSCRIBED, UNSUBSCRIBED), "2 people unsubscribed of 100 reached (2.0 %, at most 1 %)"),
        # 100 people, and each had four emails: everybody counts once.
        ({"sent": 400, "bounced": 6}, (), "6 people bounced of 100 reached (6.0 %, at most 2 %)"),
        ({}, None, "how the earlier waves went is not known"),
        ({"sent": 0}, None, "the earlier waves have not gone out yet"),
    ],
)
def test_bad_health_holds_the_next_wave(counters: dict[str, int], replies: Any, words: str) -> None:
    plan = a_day_later(counters=counters, replies=replies)
    assert outline(plan) == [("enroll", "held")]
    assert failed(the(plan, Kind.ENROLL)) == {"health"}
    assert words in the(plan, Kind.ENROLL).reason


@pytest.mark.parametrize(
    ("counters", "replies"),
    [
        ({"sent": 100, "bounced": 2}, ()),
        ({"sent": 100}, (UNSUBSCRIBED,)),
        ({"sent": 100}, [Reply(id=f"rpl_{number}", classification="not_interested") for number in range(50)]),
    ],
)
def test_what_is_within_the_limits_lets_it_go(counters: dict[str, int], replies: Any) -> None:
    assert outline(a_day_later(counters=counters, replies=replies)) == [("enroll", "ready")]


def test_the_limits_are_the_policys() -> None:
    wanted = desired(paced(), max_bounce_rate=5, max_unsubscribe_rate=0)
    assert outline(a_day_later(wanted=wanted, counters={"sent": 100, "bounced": 5})) == [("enroll", "ready")]
    held = a_day_later(wanted=wanted, counters={"sent": 100}, replies=(UNSUBSCRIBED,))
    assert the(held, Kind.ENROLL).status is ActionStatus.HELD


def test_health_is_not_asked_for_where_there_are_no_waves() -> None:
    plan = a_day_later(wanted=campaign(), counters={"sent": 100, "bounced": 90}, replies=None)
    assert outline(plan) == [("enroll", "ready")]
    assert "health" not in {item.id for item in the(plan, Kind.ENROLL).guards}
