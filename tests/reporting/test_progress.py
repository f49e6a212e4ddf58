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
    told = [line.removeprefix("  ").removesuffix(" of 100") for line in stream.getvalue().splitlines()]
    assert told == ["a: enrolling 10", "a: enrolling 50", "a: enrolling 90", "a: enrolling 100", "b: enrolling 10"]


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
