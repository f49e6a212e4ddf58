"""`reconciler sandbox`: one database for the embedded and the served sandbox, and a clock that can be moved."""

import json
import re
import socket
from datetime import UTC, datetime, timedelta

import pytest
from cli.process import running
from support.world import World

from reconciler.sandbox.engine import Sandbox

NOW = re.compile(r"It is now \w{3} \d{1,2} \w{3} \d{2}:\d{2} UTC")


@pytest.fixture
def started(world: World) -> World:
    """Start a campaign of five in the sandbox."""
    world.campaign("one", status="running")
    world.leads("one", 5)
    applied = world.cli("apply", "--sandbox", "--auto-approve")
    assert applied.code == 0, applied.text
    return world


def test_moving_the_clock_sends_what_falls_due_until_then(started: World) -> None:
    shown = started.cli("sandbox", "clock")
    assert (shown.code, shown.err) == (0, "")
    assert NOW.fullmatch(shown.out.removesuffix(".\n")), shown.out
    tomorrow = started.cli("sandbox", "clock", "+1d")
    assert re.fullmatch(rf"{NOW.pattern}; 5 messages were sent\.\n", tomorrow.out), tomorrow.out
    assert tomorrow.out[:13] != shown.out[:13]
    assert started.cli("sandbox", "clock", "1d").out.endswith("; 0 messages were sent.\n")
    assert started.cli("sandbox", "clock", "1d12h").out.endswith("; 5 messages were sent.\n")
    assert started.cli("plan", "--sandbox", "--detailed-exitcode").code == 0


def test_one_message_is_one_message(world: World) -> None:
    world.campaign("one", status="running")
    world.leads("one", 1)
    world.cli("apply", "--sandbox", "--auto-approve")
    assert world.cli("sandbox", "clock", "1s").out.endswith("; 1 message was sent.\n")


@pytest.mark.parametrize("words", ["3x", "+", "3651d"])
def test_what_is_no_time_moves_nothing(started: World, words: str) -> None:
    before = started.cli("sandbox", "clock").out
    ended = started.cli("sandbox", "clock", words)
    assert (ended.code, ended.out) == (1, "")
    assert "days" in ended.err or "like 3d" in ended.err
    assert started.cli("sandbox", "clock").out[:14] == before[:14]


def test_a_plan_goes_by_the_clock_of_the_sandbox(world: World) -> None:
    after = datetime.now(UTC) + timedelta(hours=36)
    world.campaign("one", status="running", start={"notBefore": after.strftime("%Y-%m-%dT%H:%M")})
    world.leads("one", 5)
    waits = world.cli("apply", "--sandbox", "--auto-approve")
    assert waits.code == 0, waits.text
    world.cli("sandbox", "clock", "+1d")
    early = world.cli("plan", "--sandbox")
    assert f"{datetime.now(UTC) + timedelta(days=1):%a} {(datetime.now(UTC) + timedelta(days=1)).day}" in early.out
    assert "too early" in early.out
    world.cli("sandbox", "clock", "+13h")
    due = world.cli("apply", "--sandbox", "--auto-approve")
    assert "leadsEnrolled 5" in due.out, due.text
    sandbox = Sandbox(world.place.sandbox_database)
    (campaign,) = sandbox.campaigns()
    assert campaign.started_at is not None
    assert datetime.fromisoformat(campaign.started_at) > after
    newest = json.loads(world.cli("history", "--sandbox", "--format", "json").out)["history"][0]
    assert newest["what"] == ["one started"]
    assert datetime.fromisoformat(newest["at"]) > after


def test_it_is_found_beside_the_specs_or_where_it_is_named(started: World) -> None:
    assert started.cli("sandbox", "clock", "1s", "--specs", "nowhere/specs").out.endswith("; 0 messages were sent.\n")
    assert started.cli("sandbox", "--specs", "specs", "clock", "1s").out.endswith("; 5 messages were sent.\n")
    assert started.cli("sandbox", "clock", "3d", "--database", "other.sqlite3").out.endswith(
        "; 0 messages were sent.\n"
    )
    assert started.cli("sandbox", "--database", "other.sqlite3", "clock").code == 0
    assert (started.root / "other.sqlite3").exists()
    file = str(started.place.sandbox_database)
    assert started.cli("sandbox", "--database", file, "clock", "4d").out.endswith("; 5 messages were sent.\n")


def test_the_served_sandbox_is_the_embedded_one_and_sends_by_itself(started: World) -> None:
    sandbox = Sandbox(started.place.sandbox_database)
    assert sandbox.sent_count() == 0
    with running(started, "sandbox", "--port", "0") as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.stderr.readline()
        shown = started.cli("sandbox", "clock", "+3d").out
        assert sandbox.sent_count() == 10, shown


def test_an_smtp_server_that_is_away_is_told(started: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    ended = started.cli("sandbox", "clock", "1h", "--smtp", address)
    assert ended.code == 0
    assert ended.err == f"5 emails are not with {address} yet; what hands over next tries again.\n"
    wrong = started.cli("sandbox", "--smtp", "localhost")
    assert wrong.code == 1
    assert "localhost:1025" in wrong.err
