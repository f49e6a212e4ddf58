"""What a started campaign still has to send, by its enrolments and counters: cases worked out by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.plans import known

from reconciler.model.live import Stats
from reconciler.model.state import Cohort
from reconciler.planning.forecast import Lot
from reconciler.planning.standing import Standing, standing

NOW = datetime(2026, 11, 30, 13, 0, tzinfo=UTC)
DAY = timedelta(days=1)
WAITS = (0, 3, 4)


def stands(
    cohorts: Sequence[tuple[float, int]], *, sent: int, queued: int | None = None, paused: bool = False, **counters: int
) -> Standing:
    """Let so many people have been enrolled so many days ago, and started at once."""
    people = sum(count for _, count in cohorts)
    entry = known(
        status="running",
        started_at=NOW - 30 * DAY,
        cohorts=tuple(Cohort(at=NOW - days * DAY, sent=count, accepted=count) for days, count in cohorts),
    )
    values = {"total_enrolled": people, "sent": sent, "queued": people if queued is None else queued, **counters}
    return standing("alpha", entry, Stats(**values), WAITS, NOW, paused=paused)


def lots(found: Standing) -> list[tuple[int, int, int]]:
    return [(lot.step, lot.day, lot.leads) for lot in found.lots]


def test_the_second_step_is_due_three_days_after_the_first() -> None:
    """Enrolled a day and a bit ago, all sent: step two is due in 1.75 days, which is in the second window from now."""
    found = stands([(1.25, 142)], sent=142)
    assert lots(found) == [(1, 1, 142)]
    assert found.recent == 0


def test_what_went_out_in_the_last_day_is_counted() -> None:
    """Half a day ago 40 people got step one, and those of three and a half days ago their second."""
    assert stands([(3.5, 60), (0.5, 40)], sent=160).recent == 100


def test_what_should_have_gone_and_did_not_is_overdue_in_its_order() -> None:
    """Of 100 people of yesterday 70 were sent to: 30 wait since a day. The others are due in two days."""
    assert lots(stands([(1, 100)], sent=70)) == [(0, -1, 30), (1, 2, 70)]


def test_the_oldest_are_taken_to_have_been_sent_first() -> None:
    """60 people of 4.5 days ago, 40 of two days ago. 130 emails: 60 first ones, 40 first ones, 30 second ones."""
    assert lots(stands([(4.5, 60), (2, 40)], sent=130)) == [(1, -2, 30), (1, 1, 40), (2, 2, 30)]


def test_nobody_begins_before_the_start() -> None:
    """A draft's people were enrolled long before it was started, six hours ago."""
    entry = known(
        status="running",
        started_at=NOW - timedelta(hours=6),
        cohorts=(Cohort(at=NOW - 9 * DAY, sent=10, accepted=10),),
    )
    found = standing("alpha", entry, Stats(total_enrolled=10, sent=10, queued=10), WAITS, NOW)
    assert lots(found) == [(1, 2, 10)]


def test_whoever_is_not_known_here_is_due_now() -> None:
    """50 people of an imported campaign, 60 emails sent: ten of them have got two."""
    entry = known(status="running", outside=50)
    found = standing("alpha", entry, Stats(total_enrolled=50, sent=60, queued=50), WAITS, NOW)
    assert lots(found) == [(1, 0, 40), (2, 0, 10)]


@pytest.mark.parametrize("counter", ["replied", "bounced"])
def test_as_many_as_have_replied_or_bounced_get_no_more(counter: str) -> None:
    """Seven of those that have got step one; the safe bound is that they would have been due last."""
    assert lots(stands([(2.5, 50), (1, 50)], sent=100, queued=93, **{counter: 7})) == [(1, 0, 50), (1, 2, 43)]


def test_a_reply_ends_nothing_for_those_who_have_got_nothing() -> None:
    assert lots(stands([(0, 10)], sent=0, replied=4)) == [(0, 0, 10)]


def test_no_more_is_overdue_than_is_queued() -> None:
    """All 60 should have got step two; 20 emails are queued, so the other 40 wait for nothing."""
    assert lots(stands([(9, 60)], sent=60, queued=20)) == [(1, -6, 20)]


def test_a_paused_campaign_queues_no_new_people() -> None:
    """Three were enrolled after it was paused: the server queues them when it is resumed."""
    assert lots(stands([(9, 7), (0, 3)], sent=7, queued=7, paused=True)) == [(1, -6, 7), (0, 0, 3)]


def test_what_is_queued_beyond_that_counts_as_due() -> None:
    assert lots(stands([(1, 10)], sent=10, queued=25)) == [(1, 2, 10), (2, 0, 15)]


def test_all_is_sent() -> None:
    assert stands([(20, 30)], sent=90, queued=0) == Standing((), 0)


@examples(200)
@given(
    cohorts=st.lists(st.tuples(st.floats(0, 12), st.integers(1, 40)), max_size=5),
    sent=st.integers(0, 300),
    ended=st.integers(0, 30),
)
def test_nothing_is_lost_and_nothing_is_sent_twice(cohorts: list[tuple[float, int]], sent: int, ended: int) -> None:
    """What has been sent and what is still to come are each step for each person, but for those who ended."""
    people = sum(count for _, count in cohorts)
    sent = min(sent, people * len(WAITS))
    found = stands(cohorts, sent=sent, queued=people, replied=ended)
    to_come = sum(lot.leads * (len(WAITS) - lot.step) for lot in explained(found, people))
    gone = people * len(WAITS) - sent - to_come
    assert 0 <= gone <= ended * (len(WAITS) - 1)
    assert all(lot.leads > 0 and 0 <= lot.step < len(WAITS) for lot in found.lots)


def explained(found: Standing, people: int) -> tuple[Lot, ...]:
    """Leave out what is queued and not explained, where there is such a lot: the last."""
    before, last = found.lots[:-1], found.lots[-1:]
    for lot in last:
        if (lot.step, lot.day) == (len(WAITS) - 1, 0) and sum(item.leads for item in found.lots) == people:
            return before
    return found.lots
