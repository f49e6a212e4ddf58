"""The bars at the foot of a terminal, as a person sees them, by a clock that is turned by hand."""

import gc
import os
import re
import sys
from collections.abc import Iterator
from io import StringIO
from threading import Thread

import click
import pytest
from reporting.runs import result
from reporting.situations import action
from reporting.test_progress import Broken, Clock
from support.screen import Screen, moments

from reconciler.model.plan import Kind
from reconciler.model.report import Outcome
from reconciler.reporting import barview
from reconciler.reporting.bars import Bars
from reconciler.reporting.progress import ProgressSink


class Terminal:
    """A stderr that is a terminal of 80 columns, and what is drawn on it."""

    def __init__(self, stream: StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stream = stream
        self._monkeypatch = monkeypatch
        self.clock = Clock()
        self.bars = Bars(stream, clock=self.clock, color=False)
        self.sink = ProgressSink(stream, clock=self.clock, bars=self.bars)

    @property
    def shown(self) -> list[str]:
        screen = Screen(int(os.environ["COLUMNS"]))
        screen.feed(self.stream.getvalue())
        return screen.text.splitlines()

    def begin(self, *keys: str) -> None:
        # Not before the test itself runs: pytest sets stderr then.
        if self.bars._thread is None:
            self._monkeypatch.setattr(sys, "stderr", self.stream)
        for key in keys:
            self.sink.action_started(action(key, Kind.ENROLL))

    def later(self, seconds: float) -> None:
        self.clock.now += seconds
        self.bars.refresh()

    def finish(self, key: str, outcome: Outcome = Outcome.DONE, detail: str = "") -> None:
        self.sink.action_finished(action(key, Kind.ENROLL), result(key, Kind.ENROLL, outcome, detail))


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    made = Terminal(StringIO(), monkeypatch)
    yield made
    made.sink.close()


def test_a_bar_with_figures_rate_and_time_left(terminal: Terminal) -> None:
    terminal.begin("fintech-intro")
    terminal.later(0.6)
    assert [line.split() for line in terminal.shown] == [["fintech-intro", "enrolling"]]
    for done in range(500, 13_000, 500):
        terminal.clock.now += 0.4
        terminal.sink.leads_enrolled("fintech-intro", done, 100_000)
    terminal.later(0.1)
    (line,) = terminal.shown
    assert " ".join(line.split()) == "fintech-intro ━ 12,500 of 100,000 1,179 a second about 1 min left"


def test_bars_go_and_the_line_stays(terminal: Terminal) -> None:
    terminal.begin("a", "b")
    terminal.later(1)
    terminal.sink.leads_enrolled("a", 100, 100)
    terminal.sink.leads_enrolled("b", 50, 100)
    terminal.finish("a", detail="100 enrolled")
    assert [line.split()[0] for line in terminal.shown] == ["a:", "b"]
    assert terminal.shown[0] == "  a: 100 enrolled"
    assert "50 of 100" in terminal.shown[1]
    terminal.finish("b", Outcome.FAILED, "503\x1b[2J[bold]x[/bold]:smile:")
    assert terminal.shown == ["  a: 100 enrolled", "  b: failed - 503\\x1b[2J[bold]x[/bold]:smile:"]


def test_bars_that_come_again_leave_the_lines(terminal: Terminal) -> None:
    terminal.begin("a", "b")
    terminal.later(1)
    terminal.bars.end("a")
    terminal.finish("b")
    terminal.sink.action_started(action("b", Kind.START))
    terminal.begin("c")
    terminal.later(1)
    assert terminal.shown[:2] == ["  b: enrolled", "  b: starting"]
    assert [line.split()[0] for line in terminal.shown[2:]] == ["c"]


def test_what_is_quick_gets_no_bar(terminal: Terminal) -> None:
    terminal.begin("a")
    terminal.later(0.4)
    terminal.sink.leads_enrolled("a", 3, 3)
    terminal.finish("a", detail="3 enrolled")
    assert terminal.stream.getvalue() == "  a: 3 enrolled\n"


def test_other_actions_are_told_in_lines_above(terminal: Terminal) -> None:
    terminal.begin("a")
    terminal.later(1)
    terminal.sink.action_started(action("b", Kind.PAUSE))
    terminal.sink.action_finished(action("b", Kind.PAUSE), result("b", Kind.PAUSE, detail="paused"))
    assert terminal.shown[:2] == ["  b: pausing", "  b: paused"]
    assert terminal.shown[2].split()[0] == "a"


def test_what_anybody_writes_to_stderr_stands_whole_above(terminal: Terminal) -> None:
    terminal.begin("a")
    terminal.later(1)
    long = "x" * 200
    click.echo("one, half", err=True, nl=False)
    assert "half" not in "".join(terminal.shown)
    click.echo(f" and the other\ntwo\n{long}", err=True)
    assert terminal.shown[:2] == ["one, half and the other", "two"]
    assert "".join(terminal.shown[2:5]) == long
    assert terminal.shown[5].split()[0] == "a"
    assert len(terminal.shown) == 6


def test_an_unfinished_line_is_not_lost(terminal: Terminal) -> None:
    terminal.begin("a")
    terminal.later(1)
    before = sys.stderr
    print("half", end="", file=before)
    terminal.sink.close()
    print(" and after", file=before)
    assert terminal.shown == ["half and after"]


def test_an_announcement_waits_for_no_lock_and_comes_soon(terminal: Terminal) -> None:
    terminal.begin("a")
    terminal.later(1)
    with terminal.bars._lock:
        waits_for_nothing = Thread(target=terminal.bars.announce, args=["Ending."])
        waits_for_nothing.start()
        waits_for_nothing.join(5)
        assert not waits_for_nothing.is_alive()
    terminal.bars.refresh()
    assert [line.split()[0] for line in terminal.shown] == ["Ending.", "a"]
    terminal.bars.announce("Again.")
    terminal.sink.close()
    assert terminal.shown == ["Ending.", "Again."]


def test_many_campaigns_have_room_for_some(terminal: Terminal) -> None:
    terminal.begin(*(f"c{number}" for number in range(11)))
    terminal.later(1)
    assert [line.split()[0] for line in terminal.shown] == [*(f"c{number}" for number in range(8)), "and"]
    assert terminal.shown[-1] == "  and 3 more"
    for number in range(4):
        terminal.finish(f"c{number}")
    assert len(terminal.shown) == 4 + 7
    assert "more" not in terminal.shown[-1]


@pytest.mark.parametrize("columns", [200, 80, 70, 50, 40, 30, 12])
def test_a_bar_is_one_line_however_narrow_it_is(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    key = "a-campaign-with-a-long-name-for-all-of-emea"
    terminal.begin(key, "b")
    terminal.clock.now += 20
    terminal.sink.leads_enrolled(key, 12_500, 100_000)
    terminal.later(0)
    shown = terminal.shown
    assert len(shown) == 2
    assert columns < 20 or all(len(line) <= columns - len("^C") for line in shown), "what is typed has room"
    assert ("12,500 of 100,000" in shown[0]) == (columns > 20)
    assert ("about 2 min left" in shown[0]) == (columns > 50)
    assert ("625 a second" in shown[0]) == (columns >= 80)
    assert ("━" in shown[0]) == (columns >= 70)


def test_no_colour_and_no_hidden_cursor(terminal: Terminal) -> None:
    terminal.begin("a")
    terminal.later(1)
    assert not re.search(r"\x1b\[[\d;]*m", terminal.stream.getvalue())
    coloured = StringIO()
    bars = Bars(coloured, clock=terminal.clock, color=True)
    bars.begin("b")
    terminal.clock.now += 1
    bars.refresh()
    bars.close()
    assert "\x1b[90m" in coloured.getvalue()
    assert "\x1b[?25l" not in terminal.stream.getvalue() + coloured.getvalue()


@pytest.mark.parametrize("problem", [BrokenPipeError(), ValueError("closed"), OSError("full")])
def test_a_broken_terminal_ends_nothing(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> None:
    terminal = Terminal(Broken(problem), monkeypatch)
    terminal.begin("a")
    terminal.later(1)
    terminal.sink.leads_enrolled("a", 1, 2)
    terminal.bars.announce("Ending.")
    terminal.finish("a")
    terminal.sink.close()


def test_where_drawing_fails_there_are_lines(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("rich")

    terminal.begin("a")
    terminal.later(1)
    monkeypatch.setattr(barview.BarView, "draw", broken)
    terminal.sink.leads_enrolled("a", 10, 100)
    terminal.later(1)
    terminal.sink.leads_enrolled("a", 20, 100)
    terminal.begin("b")
    terminal.finish("a")
    terminal.finish("b")
    assert [line for line in terminal.shown if ":" in line] == [
        "  a: enrolling 20 of 100 (10 a second, about 10 s left)",
        "  b: enrolling",
        "  a: enrolled",
        "  b: enrolled",
    ]


def test_lines_and_bars_of_several_threads_stay_whole(terminal: Terminal) -> None:
    keys = [f"c{number}" for number in range(4)]

    def enrol(key: str) -> None:
        terminal.begin(key)
        terminal.later(1)
        for done in range(1, 51):
            terminal.clock.now += 0.01
            terminal.sink.leads_enrolled(key, done, 50)
            click.echo(f"{key}: {done}", err=True)
        terminal.finish(key, detail="50 enrolled")

    threads = [Thread(target=enrol, args=[key]) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [
        line for key in keys for line in (*(f"{key}: {done}" for done in range(1, 51)), f"  {key}: 50 enrolled")
    ]
    assert sorted(terminal.shown) == sorted(expected)
    for shown in list(moments(terminal.stream.getvalue(), 80))[::20]:
        lines = shown.splitlines()
        told = [line for line in lines if ":" in line]
        assert lines[: len(told)] == told, "bars are below"
        assert set(told) <= set(expected)


def test_stderr_is_the_same_again_and_nothing_runs_on(terminal: Terminal) -> None:
    terminal.begin("a")
    stands_in = sys.stderr
    assert stands_in is not terminal.stream
    thread = terminal.bars._thread
    assert thread is not None
    terminal.sink.close()
    assert sys.stderr is terminal.stream
    assert not thread.is_alive()
    print("late", file=stands_in)
    del stands_in
    gc.collect()
    terminal.sink.close()
    assert terminal.shown == ["late"]
