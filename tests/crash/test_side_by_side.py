"""Two at once: an apply beside an apply, a holder that sleeps through its end, a stop in the middle (design §6)."""

import os
import re
import signal
import time
from collections.abc import Iterator

import pytest
from support.scene import check_server, read_state
from support.stage import BACKENDS, LONG, Stage, staged

from reconciler.sandbox.faults import Fault

QUICK = {"beat": 60.0, "expiry": 2.0}
"""Nothing shows signs of life by itself: a thread suspended in the middle of that keeps everybody from writing."""

pytestmark = [*LONG, pytest.mark.sample(2)]


@pytest.fixture(scope="module", params=BACKENDS)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("side"), "all", request.param) as made:
        yield made


def slow(stage: Stage, kind: str, seconds: float) -> None:
    stage.world.sandbox.add_fault(Fault(kind=kind, action="slow", nth=1, seconds=seconds))  # type: ignore[arg-type]


def wait_for(stage: Stage, kind: str) -> None:
    """Wait until a request of this kind has come in."""
    until = time.monotonic() + 20
    before = len(stage.world.sandbox.requests())
    while kind not in [request.kind for request in stage.world.sandbox.requests()[before:]]:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_two_applies_at_once(stage: Stage) -> None:
    """One is refused by the name of the other, and the outcome is that of one."""
    stage.restore()
    slow(stage, "create", 1.5)
    first = stage.start()
    wait_for(stage, "create")
    second = stage.apply()
    ended = first.wait()
    assert (ended.code, second.code) == (0, 1), second.text
    assert re.search(rf"Another apply is running: \S+@\S+, process {first.pid}", second.text)
    assert "reconciler state unlock" in second.text
    stage.finish(plan=True, runs=1)


@pytest.mark.parametrize("moment", ["before POST .*/start", "after POST /campaigns", "after POST .*/bulk"])
def test_a_holder_that_sleeps_through_its_end_neither_writes_nor_calls(stage: Stage, moment: str) -> None:
    """Suspended in the middle, it is taken over with a word; when it wakes up, it does nothing more.

    One campaign only: a thread that is suspended in the middle of a write keeps everybody from writing.
    """
    stage.restore()
    asleep = stage.start("apply", "--auto-approve", "--target", "fresh", sleep=moment, **QUICK)
    until = time.monotonic() + 20
    while not _is_stopped(asleep.pid):
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(QUICK["expiry"] + 0.6)
    taken_over = stage.apply(**QUICK)
    assert re.search(rf"process {asleep.pid}.*, who has shown no sign of life for \d+ s", taken_over.err)
    stage.finish(**QUICK)
    serial, writes = read_state(stage.world).serial, stage.world.writes()
    os.kill(asleep.pid, signal.SIGCONT)
    ended = asleep.wait()
    assert ended.code == 1, ended.text
    assert "the lock was taken over or ended by somebody else" in ended.text
    assert (read_state(stage.world).serial, stage.world.writes()) == (serial, writes)
    stage.finish(plan=True, runs=1)


def test_taking_over_is_told(stage: Stage) -> None:
    stage.restore()
    stage.apply(kill_at=len(stage.names) // 2)
    ended = stage.apply()
    assert re.search(r"Took the lock over from \S+@\S+, process \d+.*, whose process has ended", ended.err)


def test_a_lock_that_was_ended_by_hand_ends_its_run(stage: Stage) -> None:
    stage.restore()
    slow(stage, "enroll", 4)
    running = stage.start()
    wait_for(stage, "enroll")
    unlocked = stage.start("state", "unlock", "--auto-approve").wait()
    assert f"process {running.pid}" in unlocked.out
    ended = running.wait()
    assert ended.code == 1
    assert "the lock was taken over or ended by somebody else" in ended.text
    stage.finish(plan=True)


def test_a_stop_is_seen_before_the_next_call_that_cannot_be_undone(stage: Stage) -> None:
    """It needs no lock; nothing starts, resumes or enrols after its mark, and all of it goes on after the lift."""
    stage.restore()
    slow(stage, "enroll", 4)
    running = stage.start()
    wait_for(stage, "enroll")
    stopped = stage.start("stop", "--all", "--reason", "wrong price").wait()
    assert stopped.code == 0, stopped.text
    marked = len(stage.world.sandbox.requests())
    ended = running.wait()
    assert ended.code in {1, 3}, ended.text
    assert "wrong price" in ended.text
    later = [request.kind for request in stage.world.sandbox.requests()[marked:] if request.method != "GET"]
    assert not {"start", "enroll"} & set(later)
    assert not [item for item in stage.world.sandbox.campaigns() if item.status == "running"]
    check_server(stage.world)
    lifted = stage.start("stop", "--all", "--lift").wait()
    assert lifted.code == 0, lifted.text
    stage.finish(plan=True)


def _is_stopped(pid: int) -> bool:
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - a kernel's file
        return file.read().rpartition(")")[2].split()[0] == "T"
