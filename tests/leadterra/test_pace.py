import threading
from datetime import UTC, datetime
from time import monotonic

import pytest
from leadterra.fakes import FakeTime, client, reply

from reconciler.diagnostics import Interrupted
from reconciler.leadterra.pace import Pace, retry_after


def test_without_a_rate_nobody_waits() -> None:
    time = FakeTime()
    pace = Pace(None, time, clock=time.clock)
    for _ in range(100):
        pace.wait()
    assert time.waits == []


@pytest.mark.parametrize("rate", [0.1, 4, 1000])
def test_a_rate_is_kept(rate: float) -> None:
    time = FakeTime()
    api, _ = client(reply(data=[]), time=time, rate=rate)
    for _ in range(11):
        api.sender_pools()
    assert sum(time.waits) == pytest.approx(10 / rate)


def test_threads_share_one_rate() -> None:
    """Each thread gets a slot of its own, and the slots are an interval apart."""
    time = FakeTime()
    time.wait = lambda timeout=None: bool(time.waits.append(timeout))  # type: ignore[method-assign,func-returns-value]
    pace = Pace(10, time, clock=time.clock)
    threads = [threading.Thread(target=pace.wait) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(time.waits) == pytest.approx([number / 10 for number in range(1, 20)])


def test_after_a_429_everybody_waits_and_goes_slower() -> None:
    time = FakeTime()
    pace = Pace(None, time, clock=time.clock)
    pace.too_fast(7)
    pace.too_fast(3)
    pace.wait()
    assert sum(time.waits) == 7
    pace.wait()
    assert sum(time.waits) == pytest.approx(7.1)


def test_whoever_waits_already_waits_longer_after_a_429() -> None:
    time = FakeTime()
    pace = Pace(1, time, clock=time.clock)
    pace.wait()
    plain = time.wait

    def during(timeout: float | None = None) -> bool:
        time.wait = plain  # type: ignore[method-assign]
        pace.too_fast(9)
        return plain(timeout)

    time.wait = during  # type: ignore[method-assign]
    pace.wait()
    assert time.clock() - 1000 >= 9


def test_the_slowing_down_ends_but_a_429_never_speeds_up() -> None:
    time = FakeTime()
    pace = Pace(0.2, time, clock=time.clock)
    pace.wait()
    for _ in range(10):
        pace.too_fast(0)
    pace.wait()
    assert sum(time.waits) >= 5
    time.waits.clear()
    free = Pace(None, time, clock=time.clock)
    free.too_fast(0)
    for _ in range(100):
        free.went_well()
    free.wait()
    free.wait()
    assert time.waits == []


def test_the_hold_reaches_the_calls_of_other_threads() -> None:
    time = FakeTime()
    api, script = client(reply(429, {}, retry_after="5"), reply(data=[]), time=time, attempts=1)
    with pytest.raises(Exception, match="429"):
        api.sender_pools()
    api.sender_pools()
    assert sum(time.waits) == 5
    assert len(script.requests) == 2


def test_a_wait_for_a_slot_can_be_interrupted() -> None:
    cancelled = threading.Event()
    pace = Pace(0.001, cancelled)
    pace.wait()
    cancelled.set()
    with pytest.raises(Interrupted):
        pace.wait()


def test_what_is_urgent_waits_for_its_slot_whatever_happens() -> None:
    """A run that is told to end still finishes its pauses."""
    cancelled = threading.Event()
    pace = Pace(10, cancelled)
    pace.wait()
    cancelled.set()
    began = monotonic()
    pace.wait(urgent=True)
    assert monotonic() - began >= 0.09


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("12", 12),
        (" 12 ", 12),
        ("٣", None),
        ("Mon, 30 Nov 2026 12:00:30 GMT", 30),
        ("Mon, 30 Nov 2026 13:00:30 +0100", 30),
        ("Mon, 30 Nov 2026 12:00:30 -0000", 30),
        ("Mon, 30 Nov 2026 11:00:00 GMT", 0),
        ("tomorrow", None),
    ],
)
def test_reading_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, datetime(2026, 11, 30, 12, 0, tzinfo=UTC)) == seconds
