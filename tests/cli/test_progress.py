"""Progress of an apply that enrols many, at a terminal of its own and in a pipeline's log, as people see it."""

import json
import re

import pytest
from cli.process import at_terminal
from support.screen import Screen, moments
from support.world import Ended, World

from reconciler.sandbox.faults import Fault

BATCH = {"batch": 4}
ENDING = "Ending: what is under way is finished first."


@pytest.fixture
def wanting(world: World) -> World:
    """Make a world in which two campaigns are enrolled slowly, in 15 batches each: one, and then four at once."""
    for key in ("fintech", "sales"):
        world.leads(key, 60)
        world.campaign(key, status="running")
    world.session()
    world.sandbox.add_fault(Fault(kind="enroll", action="slow", seconds=0.3))
    return world


def seen(ended: Ended, columns: int = 80) -> list[str]:
    screen = Screen(columns)
    screen.feed(ended.out)
    return screen.text.splitlines()


def bars(shown: str) -> list[str]:
    return re.findall(r"(?m)^  (\w+) +.*\d of 60\b", shown)


def test_a_bar_for_each_campaign_and_the_lines_above_it(wanting: World) -> None:
    wanting.sandbox.clear_faults()
    wanting.sandbox.add_fault(Fault(kind="enroll", action="error503", nth=5, times=1, retry_after=0))
    wanting.sandbox.add_fault(Fault(kind="enroll", action="slow", seconds=0.3))
    ended = at_terminal(wanting, "apply", "--auto-approve", traps=BATCH)
    assert ended.code == 0
    shown = list(moments(ended.out, 80))
    assert any(bars(moment) in (["fintech", "sales"], ["sales", "fintech"]) for moment in shown)
    assert any("a second" in moment or "a minute" in moment for moment in shown)
    lines = seen(ended)
    told = lines[lines.index(next(line for line in lines if line.startswith("Doing this plan"))) :]
    for key in ("fintech", "sales"):
        own = [re.sub("camp_.*", "camp_x", line) for line in told if line.startswith(f"  {key}: ")]
        assert own == [
            f"  {key}: {words}"
            for words in ("creating the draft", "created - draft camp_x", "60 enrolled", "starting", "started")
        ]
    (retried,) = [number for number, line in enumerate(told) if line.startswith("POST ")]
    assert "".join(told[retried : retried + 2]).partition("sales: ")[0].startswith("POST /campaigns/camp_")
    assert "trying again in 1 s" in "".join(told[retried : retried + 2])
    assert not bars("\n".join(lines)), "they are gone"
    assert "\x1b[?25l" not in ended.out, "the cursor is never hidden"


def test_nothing_is_drawn_before_the_approval(wanting: World) -> None:
    question = "Type 120 to email 120 people:"
    ended = at_terminal(wanting, "apply", "--no-color", until=question, answer=b"120\n", traps=BATCH)
    assert ended.code == 0
    before, _, after = ended.out.partition(question)
    assert "\x1b" not in before
    assert "\x1b[2K" in after
    assert not re.search(r"\x1b\[[\d;]*m", after), "no colour"


def test_json_stands_alone_on_stdout(wanting: World) -> None:
    ended = at_terminal(
        wanting, "apply", "--auto-approve", "--format", "json", columns=400, env={"NO_COLOR": "1"}, traps=BATCH
    )
    assert ended.code == 0
    assert any(bars(moment) for moment in moments(ended.out, 400))
    assert not re.search(r"\x1b\[[\d;]*m", ended.out)
    shown = "\n".join(seen(ended, 400))
    assert json.loads(shown[shown.index("\n{") :])["exitCode"] == 0


@pytest.mark.parametrize("env", [{"CI": "true"}, {"TERM": "dumb"}], ids=["CI", "dumb"])
def test_lines_where_bars_have_no_place(wanting: World, env: dict[str, str]) -> None:
    ended = at_terminal(wanting, "apply", "--auto-approve", "--sandbox", "--no-color", env=env)
    assert ended.code == 0
    assert "\x1b" not in ended.out
    assert "fintech: enrolling 60 of 60" in ended.out


def test_lines_in_a_log_tell_rate_and_time_left(wanting: World) -> None:
    wanting.sandbox.clear_faults()
    wanting.sandbox.add_fault(Fault(kind="enroll", action="slow", seconds=0.8))
    ended = at_terminal(wanting, "apply", "--auto-approve", env={"TERM": "dumb"}, traps={"batch": 3})
    assert ended.code == 0
    lines = [line for line in ended.out.splitlines() if line.startswith("  sales: enrolling ")]
    assert re.fullmatch(r"  sales: enrolling [1-5]\d of 60 \(\d+ a (second|minute), (a few|about).* left\)", lines[1])
    assert re.fullmatch(r"  sales: enrolling 60 of 60 \(\d+ a (second|minute)\)", lines[-1])
    assert len(lines) < 6


def test_ctrl_c_takes_the_bars_away_and_is_told(wanting: World) -> None:
    """The batch under way takes long enough for the bars to be drawn again below what is told."""
    wanting.sandbox.clear_faults()
    wanting.sandbox.add_fault(Fault(kind="enroll", action="slow", seconds=2.5))
    ended = at_terminal(wanting, "apply", "--auto-approve", until="━", answer=b"\x03", again=False, traps=BATCH)
    assert ended.code == 130
    shown = list(moments(ended.out, 80))
    assert any("━" in moment.partition(ENDING)[2] for moment in shown), "above the bars"
    lines = seen(ended)
    assert lines.count(ENDING) == 1
    assert not bars("\n".join(lines))
    assert "^C" not in "".join(lines)
    assert any("before that: " in line for line in lines)
    assert "\x1b[?25l" not in ended.out
    wanting.sandbox.clear_faults()
    assert wanting.cli("apply", "--auto-approve").code == 0


def test_a_second_ctrl_c_leaves_the_terminal_at_a_new_line(wanting: World) -> None:
    wanting.sandbox.clear_faults()
    wanting.sandbox.add_fault(Fault(kind="enroll", action="slow", seconds=0.2, times=4))
    wanting.sandbox.add_fault(Fault(kind="enroll", action="slow", seconds=20))
    ended = at_terminal(wanting, "apply", "--auto-approve", until="━", answer=b"\x03", traps=BATCH)
    assert ended.code == 130
    assert ENDING in seen(ended)
    assert ended.out.endswith("\n")
    assert "\x1b[?25l" not in ended.out


BUG = """
import reconciler.execution.transitions as transitions

calls, enrolled = [], transitions.enrolled

def broken(*arguments, **options):
    calls.append(1)
    if len(calls) == 2:
        raise KeyError("a bug")
    return enrolled(*arguments, **options)

transitions.enrolled = broken
"""


def test_a_bug_leaves_no_bars(world: World) -> None:
    world.leads("one", 900)
    world.campaign("one", status="running")
    world.session()
    world.sandbox.add_fault(Fault(kind="enroll", action="slow", seconds=1))
    (world.root / "sitecustomize.py").write_text(BUG)
    ended = at_terminal(
        world, "apply", "--auto-approve", env={"PYTHONPATH": str(world.root), "TMPDIR": str(world.root)}
    )
    assert ended.code == 70
    assert any("500 of 900" in moment for moment in moments(ended.out, 80))
    lines = seen(ended)
    assert not any("500 of 900" in line for line in lines)
    assert any(line.startswith("This is an error of reconciler itself") for line in lines)
