from io import StringIO
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from reporting.runs import result
from reporting.situations import action

from reconciler.model.plan import Kind
from reconciler.model.report import Outcome
from reconciler.reporting.progress import ProgressSink

if TYPE_CHECKING:
    from reconciler.ports import EventSink


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Broken(StringIO):
    def __init__(self, problem: Exception) -> None:
        super().__init__()
        self.problem = problem

    def write(self, text: str, /) -> int:
        raise self.problem


def test_what_is_told() -> None:
    stream = StringIO()
    sink: EventSink = ProgressSink(stream, clock=Clock())
    enroll, start = action("vp-sales-q3", Kind.ENROLL), action("vp-sales-q3", Kind.START)
    sink.action_started(enroll)
    sink.leads_enrolled("vp-sales-q3", 500, 1400)
    sink.action_finished(enroll, result("vp-sales-q3", Kind.ENROLL))
    sink.action_started(start)
    sink.action_finished(start, result("vp-sales-q3", Kind.START, Outcome.FAILED, "503\n::error::x"))
    assert stream.getvalue() == (
        "  vp-sales-q3: enrolling\n"
        "  vp-sales-q3: enrolling 500 of 1,400\n"
        "  vp-sales-q3: enrolled\n"
        "  vp-sales-q3: starting\n"
        "  vp-sales-q3: failed - 503⏎::error::x\n"
    )


@pytest.mark.parametrize(
    ("kind", "detail", "told"),
    [
        (Kind.PAUSE, "paused", "paused"),
        (Kind.START, "running", "started"),
        (Kind.FORGET, "no longer managed; it stays in Leadterra", "no longer managed (stays in Leadterra)"),
        (Kind.ENROLL, "142 enrolled", "142 enrolled"),
        (Kind.CREATE, "draft camp_x", "created - draft camp_x"),
        (Kind.MOVE, "", "new key"),
    ],
)
def test_what_was_done_is_told_once(kind: Kind, detail: str, told: str) -> None:
    stream = StringIO()
    ProgressSink(stream, clock=Clock()).action_finished(action("a", kind), result("a", kind, detail=detail))
    assert stream.getvalue() == f"  a: {told}\n"


def test_batches_are_told_every_two_seconds_and_at_the_end() -> None:
    stream, clock = StringIO(), Clock()
    sink = ProgressSink(stream, clock=clock)
    for batch in range(1, 11):
        clock.now += 0.5
        sink.leads_enrolled("a", batch * 10, 100)
    sink.leads_enrolled("b", 10, 100)
    told = [line.removeprefix("  ").partition(" of 100")[0] for line in stream.getvalue().splitlines()]
    assert told == ["a: enrolling 10", "a: enrolling 50", "a: enrolling 90", "a: enrolling 100", "b: enrolling 10"]


def test_rate_and_time_left_since_the_enrolment_began() -> None:
    stream, clock = StringIO(), Clock()
    sink = ProgressSink(stream, clock=clock)
    sink.action_started(action("fintech", Kind.ENROLL))
    for done in range(500, 100_500, 500):
        clock.now += 0.4
        sink.leads_enrolled("fintech", done, 100_000)
    lines = stream.getvalue().splitlines()
    assert lines[1] == "  fintech: enrolling 500 of 100,000", "one quick batch says little"
    assert lines[2] == "  fintech: enrolling 3,000 of 100,000 (1,250 a second, about 1 min left)"
    assert lines[-1] == "  fintech: enrolling 100,000 of 100,000 (1,250 a second)"


def test_each_campaign_has_its_own_rate() -> None:
    stream, clock = StringIO(), Clock()
    sink = ProgressSink(stream, clock=clock)
    for key, leads in (("a", 100), ("b", 6000)):
        sink.action_started(action(key, Kind.ENROLL))
        clock.now += 10
        sink.leads_enrolled(key, leads, leads * 100)
    assert "enrolling 100 of 10,000 (10 a second, about 16 min left)" in stream.getvalue()
    assert "enrolling 6,000 of 600,000 (600 a second" in stream.getvalue()


def test_the_next_enrolment_has_a_rate_of_its_own() -> None:
    stream, clock = StringIO(), Clock()
    sink = ProgressSink(stream, clock=clock)
    for leads in (1000, 20):
        sink.action_started(action("a", Kind.ENROLL))
        clock.now += 2
        sink.leads_enrolled("a", leads, leads * 10)
        sink.action_finished(action("a", Kind.ENROLL), result("a", Kind.ENROLL, Outcome.FAILED))
    assert "(500 a second" in stream.getvalue()
    assert "(10 a second" in stream.getvalue()


def test_the_next_enrolment_of_a_campaign_is_told_at_once() -> None:
    stream = StringIO()
    sink = ProgressSink(stream, clock=Clock())
    sink.leads_enrolled("a", 10, 100)
    sink.action_finished(action("a", Kind.ENROLL), result("a", Kind.ENROLL))
    sink.leads_enrolled("a", 20, 100)
    assert "20 of 100" in stream.getvalue()


@pytest.mark.parametrize("problem", [BrokenPipeError(), ValueError("closed"), OSError("full")])
def test_a_broken_stream_ends_nothing(problem: Exception) -> None:
    sink = ProgressSink(Broken(problem), clock=Clock())
    sink.action_started(action("a", Kind.PAUSE))
    sink.leads_enrolled("a", 1, 1)


def test_lines_of_several_threads_stay_whole() -> None:
    stream = StringIO()
    sink = ProgressSink(stream, clock=Clock())
    threads = [
        Thread(target=lambda key=key: [sink.leads_enrolled(key, done, done) for done in range(200)])
        for key in ("a", "b", "c")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = sorted(f"  {key}: enrolling {done} of {done}" for key in ("a", "b", "c") for done in range(200))
    assert sorted(stream.getvalue().splitlines()) == expected
