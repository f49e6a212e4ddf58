"""`forecast`: what it writes where, in each form, for the days it is asked for. It changes nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from cli.process import at_terminal
from reporting.forecasts import NOT_COUNTED, week
from support.world import World

from reconciler.cli import run
from reconciler.model.plan import Plan, Sending
from reconciler.sandbox.faults import Fault
from reconciler.session import Session

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def foreseen(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process, with a campaign that starts and the days of `week`."""
    world.leads("one")
    world.campaign("one", status="running")
    world.session()
    made = Session._make_plan

    def with_forecast(session: Session, *arguments: Any) -> Plan:
        plan = made(session, *arguments)
        sending = Sending(first="2026-11-30", last="2026-12-03", emails=6, lost=2)
        campaigns = tuple(item.model_copy(update={"sending": sending}) for item in plan.campaigns)
        return plan.model_copy(update={"forecast": week(), "not_counted": NOT_COUNTED, "campaigns": campaigns})

    monkeypatch.setattr(Session, "_make_plan", with_forecast)
    monkeypatch.delenv("CI", raising=False)
    for name, value in world.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(world.root)

    def ended(*arguments: str) -> tuple[int, str, str]:
        code = run(["forecast", *arguments])
        return code, *capsys.readouterr()

    return ended


def test_it_draws_a_chart_and_changes_nothing(world: World, foreseen: Run) -> None:
    code, out, err = foreseen()
    assert (code, err) == (0, "")
    assert "Tue 1 Dec" in out
    assert "FULL, 212 roll over" in out
    assert "2 days later than with room enough" in out
    assert "Not counted" in out
    assert "\x1b" not in out
    assert world.writes() == []


def test_json(foreseen: Run) -> None:
    code, out, _ = foreseen("--format", "json")
    told = json.loads(out)
    assert code == 0
    assert [item["date"] for item in told["forecast"]] == [item.date for item in week()]
    assert told["forecast"][1]["campaigns"] == {"cfo-pricing": 212, "de-hr": 1498}
    assert told["campaigns"] == {
        "one": {"first": "2026-11-30", "last": "2026-12-03", "emails": 6, "left": 0, "lost": 2}
    }
    assert told["notCounted"] == [*NOT_COUNTED]


@pytest.mark.parametrize(("days", "shown"), [("1", 1), ("5", 5), ("9", 9), ("366", 366)])
def test_as_many_days_as_wanted(foreseen: Run, days: str, shown: int) -> None:
    _, out, _ = foreseen("--format", "json", "--days", days)
    assert len(json.loads(out)["forecast"]) == shown


@pytest.mark.parametrize("days", ["0", "367", "x"])
def test_no_other_number_of_days(foreseen: Run, days: str) -> None:
    code, out, err = foreseen("--days", days)
    assert (code, out) == (1, "")
    assert "--days" in err


def test_markdown_and_a_picture(foreseen: Run) -> None:
    assert foreseen("--format", "markdown")[1].startswith("**Mailbox load**  Mon ")
    picture = ET.fromstring(foreseen("--format", "svg")[1])  # noqa: S314 - our own document
    assert picture.findtext("{http://www.w3.org/2000/svg}title") == "Emails a day: default, default"


def test_into_a_file(world: World, foreseen: Run) -> None:
    code, out, err = foreseen("--format", "svg", "--out", "load.svg")
    assert (code, out, err) == (0, "", "")
    assert ET.parse(world.root / "load.svg").getroot().attrib["role"] == "img"  # noqa: S314 - as above
    code, _, err = foreseen("--out", str(Path("missing") / "load.txt"))
    assert code == 1
    assert "the forecast could not be written" in err


def test_a_file_is_not_coloured_also_at_a_terminal(world: World) -> None:
    world.campaign("one", leads=None)
    world.session()
    ended = at_terminal(world, "forecast", "--out", "load.txt")
    assert ended.code == 0, ended.text
    text = (world.root / "load.txt").read_text()
    assert "default" in text
    assert "\x1b" not in text
    assert "\x1b" in at_terminal(world, "forecast").out


def test_what_stops_a_plan_stops_it(world: World, foreseen: Run) -> None:
    world.campaign("one", colour="red")
    code, out, err = foreseen()
    assert (code, out) == (1, "")
    assert "colour" in err


def test_what_could_not_be_read_is_told(world: World, foreseen: Run) -> None:
    world.apply()
    world.sandbox.add_fault(Fault(kind="stats", action="reject", status=400))
    code, out, err = foreseen()
    assert code == 0
    assert "Tue 1 Dec" in out
    assert "could not be read" in err


def test_without_anything_to_send(world: World) -> None:
    world.campaign("one", leads=None)
    world.apply()
    ended = world.cli("forecast")
    assert ended.code == 0
    assert "Nothing is to be sent" in ended.out
    assert json.loads(world.cli("forecast", "--format", "json", "--days", "7").out)["forecast"] == []
