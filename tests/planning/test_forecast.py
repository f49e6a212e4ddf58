"""The queue of coming days: arithmetic worked out by hand, and against a program that sends lead by lead."""

import time
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from reconciler.planning.forecast import HORIZON, Lot, Outlook, Room, first_fit, look_ahead, unhindered

GUIDE = Room(today=1543, daily=1900)
WAITS = {"a": (0, 3), "b": (0, 1, 1), "c": (0,), "d": (2, 0)}


def sent(outlook: Outlook) -> list[int]:
    return [day.emails for day in outlook.days]


def test_the_guide() -> None:
    """142 leads, room for 1,543: 142 of 1,543 on day 0, and 142 on day 3, when step two is due."""
    outlook = look_ahead([Lot("a", 0, 0, 142)], WAITS, GUIDE)
    assert sent(outlook) == [142, 0, 0, 142]
    assert [day.rolled_over for day in outlook.days] == [0, 0, 0, 0]
    assert outlook.reached == (0,)
    assert not outlook.left


def test_what_does_not_fit_goes_the_next_day_and_moves_the_later_steps() -> None:
    """250 leads, 100 a day: 100, 100, 50; step two of each three days after its own step one.

    Day 3: the 100 of day 0. Day 4: the 100 of day 1. Day 5: the 50 of day 2.
    """
    outlook = look_ahead([Lot("a", 0, 0, 250)], WAITS, Room(100, 100))
    assert sent(outlook) == [100, 100, 50, 100, 100, 50]
    assert [day.due for day in outlook.days] == [250, 150, 50, 100, 100, 50]
    assert [day.rolled_over for day in outlook.days] == [150, 50, 0, 0, 0, 0]
    assert outlook.reached == (2,)


def test_what_is_due_longest_goes_first() -> None:
    """30 a day. Of b, 50 are due on day 0; of c, 20 on day 1.

    Day 0: 30 of b. Day 1: 20 of b, due since day 0, then 10 of c, queued before the 30 second emails of b that became
    due on day 1. Day 2: the other 10 of c, then 20 of those 30. Day 3: 10 of those 30, then 20 second emails of day 1,
    due on day 2.
    """
    outlook = look_ahead([Lot("b", 0, 0, 50), Lot("c", 0, 1, 20)], WAITS, Room(30, 30))
    assert [dict(day.sent) for day in outlook.days[:4]] == [
        {"b": 30},
        {"b": 20, "c": 10},
        {"c": 10, "b": 20},
        {"b": 30},
    ]
    assert sum(sent(outlook)) == 50 * 3 + 20
    assert outlook.reached == (1, 2)


def test_follow_ups_compete_with_new_leads() -> None:
    """60 leads a day for three days with 100 of room: on day 3 the 60 second emails leave room for 40 new ones."""
    lots = [Lot("a", 0, day, 60) for day in range(4)]
    outlook = look_ahead(lots, WAITS, Room(100, 100))
    assert sent(outlook) == [60, 60, 60, 100, 80, 60, 60]
    assert outlook.days[3].rolled_over == 20


def test_a_step_without_a_wait_goes_out_the_same_day_while_there_is_room() -> None:
    """d: step one two days after the start, step two at once. 70 leads, 100 a day: 70 and 30, then the other 40."""
    outlook = look_ahead([Lot("d", 0, 2, 70)], WAITS, Room(5, 100))
    assert sent(outlook) == [0, 0, 100, 40]
    assert (outlook.days[2].ahead, outlook.days[2].due) == (70, 140)


def test_later_steps_of_those_who_reply_fall_away() -> None:
    """100 leads, 10 % reply to each step: 100, 90, 81. Whatever the parts they go out in, at least so many."""
    whole = look_ahead([Lot("b", 0, 0, 100)], WAITS, Room(1000, 1000), reply_rate=0.1)
    assert sent(whole) == [100, 90, 81]
    parts = look_ahead([Lot("b", 0, 0, 100)], WAITS, Room(7, 7), reply_rate=0.1)
    assert sum(sent(parts)) == 271


@pytest.mark.parametrize("room", [Room(0, 0), Room(10, 0)])
def test_without_room_nothing_ends_and_nothing_loops(room: Room) -> None:
    outlook = look_ahead([Lot("a", 0, 0, 25)], WAITS, room)
    assert len(outlook.days) == HORIZON
    assert sum(sent(outlook)) == room.today
    assert outlook.reached == (None,)
    assert outlook.left == {"a": 50 - room.today}


def test_more_than_a_year_holds_is_told_as_left() -> None:
    """One a day: 366 of 1,000 first emails, and 997 a lead behind each day from the fourth on wait for their second."""
    outlook = look_ahead([Lot("c", 0, 0, 1000)], WAITS, Room(1, 1))
    assert (sum(sent(outlook)), dict(outlook.left)) == (366, {"c": 634})


def test_nothing_to_send_is_no_day() -> None:
    assert look_ahead([], WAITS, GUIDE).days == ()
    nobody = look_ahead([Lot("a", 0, 0, 0), Lot("a", 2, 0, 9)], WAITS, GUIDE)
    assert (nobody.days, nobody.reached) == ((), (0, 0))


def test_the_last_email_with_room_without_end() -> None:
    assert unhindered([Lot("a", 0, 2, 5), Lot("a", 1, 9, 1), Lot("b", 0, 0, 1), Lot("c", 0, 4, 0)], WAITS) == {
        "a": 9,
        "b": 2,
    }


def test_a_large_repository_takes_no_time() -> None:
    """500 campaigns of ten steps, over half a year."""
    waits = {f"c{number}": (0, *[(number + step) % 20 + 1 for step in range(9)]) for number in range(500)}
    lots = [Lot(key, 0, number % 60, 400) for number, key in enumerate(waits)]
    began = time.process_time()
    outlook = look_ahead(lots, waits, Room(9_000, 12_000), days=180)
    took = time.process_time() - began
    assert len(outlook.days) == 180
    assert took < 0.5


campaigns = st.dictionaries(
    st.sampled_from("abcd"), st.tuples(st.integers(0, 3), st.lists(st.integers(0, 3), max_size=3)), min_size=1
).map(lambda found: {key: (first, *rest) for key, (first, rest) in found.items()})


@st.composite
def situations(draw: st.DrawFn) -> tuple[dict[str, tuple[int, ...]], list[Lot], Room]:
    waits = draw(campaigns)
    lots = draw(
        st.lists(
            st.builds(
                Lot,
                st.sampled_from(sorted(waits)),
                st.integers(0, 3),
                st.integers(-2, 8),
                st.integers(0, 12),
                st.integers(0, 5),
            ),
            max_size=6,
        )
    )
    return waits, lots, Room(draw(st.integers(0, 15)), draw(st.integers(1, 15)))


def lead_by_lead(
    waits: dict[str, tuple[int, ...]], lots: list[Lot], room: Room, joins: tuple[int, int] = (-1, 0)
) -> tuple[list[dict[str, int]], list[int]]:
    """Send one email after the other: of those that are due the oldest, of equal ones the one queued first.

    On the day of `joins`, so many more are queued.
    """
    queue: list[tuple[int, str, int]] = []
    days: list[dict[str, int]] = []
    waiting: list[int] = []
    last = max(
        [joins[0], *(lot.joins for lot in lots if lot.leads and lot.step < len(waits[lot.campaign]))], default=-1
    )
    while queue or len(days) <= last:
        day = len(days)
        for lot in lots:
            if lot.joins == day and lot.step < len(waits[lot.campaign]):
                queue += [(lot.day, lot.campaign, lot.step)] * lot.leads
        queue += [(day, "new", 0)] * (joins[1] if day == joins[0] else 0)
        gone: defaultdict[str, int] = defaultdict(int)
        for _ in range(room.on(day)):
            due = [number for number, item in enumerate(queue) if item[0] <= day]
            if not due:
                break
            _, key, step = queue.pop(min(due, key=lambda number: (queue[number][0], number)))
            gone[key] += 1
            if step + 1 < len(waits[key]):
                queue.append((day + waits[key][step + 1], key, step + 1))
        days.append(dict(gone))
        waiting.append(sum(item[0] <= day for item in queue))
    return days, waiting


@examples(300)
@given(situations())
def test_it_is_what_sending_lead_by_lead_comes_to(
    situation: tuple[dict[str, tuple[int, ...]], list[Lot], Room],
) -> None:
    waits, lots, room = situation
    outlook = look_ahead(lots, waits, room)
    days, waiting = lead_by_lead(waits, lots, room)
    assert [dict(day.sent) for day in outlook.days] == days
    assert [day.rolled_over for day in outlook.days] == waiting
    assert not outlook.left


@examples(200)
@given(situations(), st.integers(1, 30), st.integers(1, 4))
def test_the_first_day_that_fits(
    situation: tuple[dict[str, tuple[int, ...]], list[Lot], Room], leads: int, within: int
) -> None:
    """Whoever starts on that day is served in time, behind all that waits by then; a day earlier, somebody is not."""
    waits, lots, room = situation
    waits = {**waits, "new": (0,)}
    first = first_fit(look_ahead(lots, waits, room), room, leads, within)
    if first is None:
        assert leads > within * room.daily
        return
    for day in range(first + 1):
        days, _ = lead_by_lead(waits, lots, room, joins=(day, leads))
        in_time = sum(found.get("new", 0) for found in days[: day + within]) == leads
        assert in_time is (day == first)
