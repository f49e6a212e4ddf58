"""How fast an enrolment goes, by a clock that is turned by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.reporting.speed import Speed, rate_words, time_left_words


def test_batches_of_one_pace() -> None:
    speed = Speed(100.0)
    for batch in range(1, 5):
        speed.add(100.0 + batch, batch * 500)
    assert speed.rate(104.0) == pytest.approx(500)
    assert speed.left(104.0, 10_000) == pytest.approx(16)


def test_nothing_is_said_of_no_time_and_of_no_leads() -> None:
    speed = Speed(100.0)
    assert (speed.rate(100.0), speed.rate(200.0)) == (None, None)
    speed.add(100.0, 500)
    assert speed.rate(100.0) is None
    speed.add(100.9, 1000)
    assert (speed.rate(100.9), speed.left(100.9, 2000)) == (None, None)
    speed.add(101.0, 1500)
    assert speed.rate(101.0) == pytest.approx(1500)


def test_nothing_is_left_at_the_end() -> None:
    speed = Speed(0.0)
    speed.add(2.0, 1000)
    assert speed.left(2.0, 1000) is None


def test_only_the_last_minute_counts() -> None:
    speed = Speed(0.0)
    for second in range(1, 101):
        speed.add(second, second * 1000)
    for second in range(1, 61):
        speed.add(100 + second, 100_000 + second * 10)
    assert speed.rate(160.0) == pytest.approx(10)


def test_batches_that_take_longer_than_a_minute_have_a_rate() -> None:
    speed = Speed(0.0)
    for batch in range(1, 6):
        speed.add(batch * 90.0, batch * 450)
    assert speed.rate(450.0) == pytest.approx(5)


def test_between_two_batches_the_rate_stays_and_the_time_passes() -> None:
    speed = Speed(0.0)
    for batch in range(1, 4):
        speed.add(batch * 10.0, batch * 100)
    assert [speed.rate(now) for now in (30.0, 35.0, 40.0)] == [pytest.approx(10)] * 3
    assert [speed.left(now, 600) for now in (30.0, 35.0, 40.0)] == [pytest.approx(left) for left in (30, 25, 20)]


def test_a_batch_that_is_late_slows_it_down() -> None:
    speed = Speed(0.0)
    for batch in range(1, 4):
        speed.add(batch * 10.0, batch * 100)
    assert speed.rate(70.0) == pytest.approx(300 / 60)
    assert speed.left(70.0, 600) == pytest.approx(300 / 5 - 10)


@given(
    steps=st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 10**9)), max_size=50),
    later=st.floats(0, 1e6),
    total=st.integers(0, 10**12),
)
def test_whatever_comes_there_are_words(steps: list[tuple[float, int]], later: float, total: int) -> None:
    now, done, speed = 0.0, 0, Speed(0.0)
    for wait, leads in steps:
        now, done = now + wait, done + leads
        speed.add(now, done)
    rate, left = speed.rate(now + later), speed.left(now + later, total)
    assert rate is None or (rate > 0 and rate_words(rate))
    assert left is None or (left >= 0 and done < total and time_left_words(left).endswith(" left"))


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (1240.4, "1,240 a second"),
        (9.5, "10 a second"),
        (9.4, "564 a minute"),
        (1.5, "90 a minute"),
        (0.165, "10 a minute"),
        (0.15, "540 an hour"),
        (1 / 3600, "1 an hour"),
        (1e-9, "1 an hour"),
    ],
)
def test_rates_in_words(rate: float, words: str) -> None:
    assert rate_words(rate) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a few seconds left"),
        (4.9, "a few seconds left"),
        (5.1, "about 10 s left"),
        (54.9, "about 50 s left"),
        (55.1, "about 1 min left"),
        (89, "about 1 min left"),
        (91, "about 2 min left"),
        (59 * 60, "about 59 min left"),
        (59.6 * 60, "about 1 h left"),
        (66 * 60, "about 1 h 10 min left"),
        (9 * 3600 + 50 * 60, "about 9 h 50 min left"),
        (9 * 3600 + 56 * 60, "about 10 h left"),
        (12.6 * 3600, "about 13 h left"),
        (47 * 3600, "about 47 h left"),
        (50 * 3600, "about 2 days left"),
        (1000 * 86400, "about 1,000 days left"),
    ],
)
def test_the_time_left_in_words(seconds: float, words: str) -> None:
    assert time_left_words(seconds) == words
