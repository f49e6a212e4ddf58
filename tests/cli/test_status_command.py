"""`status`: what the server counts, what people replied, what comes next. It writes nothing and shows no address."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from reporting.forecasts import day
from support.world import STEPS, World, person

from reconciler.cli import run
from reconciler.model.plan import Plan, Sending
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.options import SandboxOptions, Shape
from reconciler.session import Session

CLASSES = ("interested", "interested", "not_interested", "out_of_office", "referral")


@pytest.fixture
def running(world: World) -> World:
    """Make one campaign that runs, has sent to everybody and got replies, and a draft."""
    return fill(world)


def fill(world: World, replies: tuple[str, ...] = CLASSES) -> World:
    world.leads("one", max(20, len(replies)))
    world.campaign("one", status="running")
    world.campaign("two", leads=None)
    world.workspace(workspace="acme", policy={"timezone": "Europe/Berlin"})
    world.apply()
    remote = world.remote("Campaign one")
    world.sandbox.set_counters(remote.id, {"sent": 20})
    for number, classification in enumerate(replies):
        world.sandbox.add_reply(
            remote.id, person("one", number)["email"], classification=classification, snippet=f"I am Name{number}"
        )
    return world


def told(world: World, *arguments: str, code: int = 0) -> dict[str, Any]:
    ended = world.cli("status", "--format", "json", *arguments)
    assert ended.code == code, ended.text
    document: dict[str, Any] = json.loads(ended.out)
    return document


def test_counters_replies_pools_and_accounts(running: World) -> None:
    before = len(running.writes())
    document = told(running)
    one, two = document["campaigns"]
    assert (one["key"], one["status"], one["enrolled"], one["sent"], one["replied"]) == ("one", "running", 20, 20, 5)
    assert one["replyRate"] == 0.25
    assert one["queued"] == 15
    assert one["replies"] == {"interested": 2, "not_interested": 1, "out_of_office": 1, "referral": 1}
    assert one["lastReplyAt"]
    assert (two["key"], two["status"], two["sent"], two["replies"]) == ("two", "draft", 0, {})
    assert [(pool["name"], pool["remaining"]) for pool in document["pools"]] == [
        ("Primary Outbound", 1243),
        ("Warm-Up Pool", 300),
    ]
    assert document["accounts"] == {"active": 8, "warming": 3}
    assert (document["unread"], document["notes"]) == ([], [])
    assert len(running.writes()) == before


def test_as_text_and_as_markdown_without_an_address(running: World) -> None:
    for form in ("text", "markdown", "json"):
        ended = running.cli("status", "--format", form)
        assert (ended.code, ended.err) == (0, "")
        assert "not" in ended.out
        for private in ("@", "example.com", "I am Name"):
            assert private not in ended.out
    text = running.cli("status").out
    assert "replies  2 interested, 1 not interested, 1 out of office, 1 referral" in text
    assert "5 (25.0%)" in text


def test_a_campaign_that_has_sent_nothing_is_not_asked_for_replies(running: World) -> None:
    running.cli("status")
    assert running.kinds().count("replies") == 1


def test_only_some(running: World) -> None:
    assert [item["key"] for item in told(running, "two")["campaigns"]] == ["two"]
    assert "replies" not in running.kinds()
    ended = running.cli("status", "tow", "one")
    assert (ended.code, ended.out) == (1, "")
    assert "tow is not managed here" in ended.err
    assert "did you mean two?" in ended.err


@pytest.mark.parametrize("shape", ["guide", "quickstart", "reference", "concepts"])
def test_many_replies_from_every_kind_of_server(make_world: Callable[..., World], shape: Shape) -> None:
    world = fill(make_world(SandboxOptions(shape=shape)), ("interested",) * 120)
    (one,) = told(world, "one")["campaigns"]
    assert one["replies"] == {"interested": 120}
    assert one["repliesComplete"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("stats", "one: GET /campaigns/"),
        ("replies", "one: its replies could not be read: GET /replies"),
        ("pools", "GET /sender-pools"),
        ("accounts", "GET /sender-accounts"),
    ],
)
def test_what_could_not_be_read_is_told_and_the_rest_is_shown(running: World, kind: Any, said: str) -> None:
    running.sandbox.add_fault(Fault(kind=kind, action="reject", status=400))
    document = told(running, code=1)
    assert any(words.startswith(said) for words in document["unread"])
    one = document["campaigns"][0]
    assert (one["sent"] is None) is (kind == "stats")
    assert (one["replies"] is None) is (kind in {"stats", "replies"})
    assert (document["pools"] is None) is (kind == "pools")
    assert (document["accounts"] is None) is (kind == "accounts")
    text = running.cli("status")
    assert text.code == 1
    assert "Not read" in text.out


def test_without_valid_files_only_the_next_sends_are_missing(running: World) -> None:
    running.campaign("two", colour="red")
    document = told(running)
    assert [item["status"] for item in document["campaigns"]] == ["running", "draft"]
    assert document["campaigns"][0]["replies"]["interested"] == 2
    assert document["pools"]
    assert document["notes"] == [
        "when they send next is not known: the files are not valid (`reconciler validate` tells why)"
    ]
    (running.specs / "workspace.yaml").write_text("{")
    assert told(running)["campaigns"][0]["sent"] == 20


def test_without_the_ledger_key_only_the_next_sends_are_missing(world: World) -> None:
    world.leads("one")
    world.campaign("one", status="running")
    key = {"RECONCILER_LEDGER_KEY": "made up"}
    assert world.cli("state", "init", env=key).code == 0
    assert world.cli("apply", "--auto-approve", env=key).code == 0
    assert told(world)["campaigns"][0]["enrolled"] == 3
    assert "RECONCILER_LEDGER_KEY" in told(world)["notes"][0]


def test_another_server_is_refused_with_and_without_valid_files(running: World, make_world: Any) -> None:
    other = make_world(name="other")
    for _ in range(2):
        ended = running.cli("status", env={"LEADTERRA_BASE_URL": other.server.url})
        assert (ended.code, ended.out) == (1, "")
        assert "this state belongs to" in ended.err
        running.campaign("two", colour="red")
    assert other.kinds() == []


def test_without_a_key_or_a_state(running: World) -> None:
    ended = running.cli("status", env={"LEADTERRA_API_KEY": None})
    assert (ended.code, ended.out) == (1, "")
    assert "LEADTERRA_API_KEY is not set" in ended.err
    (running.root / ".reconciler" / "default" / "state.json").rename(running.root / "away.json")
    assert running.cli("status").code == 1


def test_stops_and_drafts_that_were_replaced(make_world: Callable[..., World]) -> None:
    world = fill(make_world(SandboxOptions(undocumented_calls=frozenset())))
    world.campaign("two", leads=None, sequenceSteps=[{**STEPS[0], "subject": "New"}])
    world.apply()
    assert world.cli("stop", "one", "--reason", "wrong price").code == 0
    document = told(world)
    one, two = document["campaigns"]
    assert (one["status"], one["pausedByUs"]) == ("paused", True)
    assert [(item["sent"], item["queued"]) for item in two["leftovers"]] == [(0, 0)]
    assert [(mark["scope"], mark["reason"]) for mark in document["stops"]] == [("one", "wrong price")]
    assert told(world, "two")["stops"] == []
    text = world.cli("status").out
    assert "1 older draft in Leadterra: camp_" in text
    assert "wrong price" in text
    leftover = two["leftovers"][0]["id"]
    world.sandbox.set_counters(leftover, {"sent": 2})
    assert "(2 SENT, 0 QUEUED)" in world.cli("status", "two").out


def test_a_campaign_that_is_gone(running: World) -> None:
    running.sandbox.delete_campaign(running.remote("Campaign two").id)
    assert [(item["status"], item["sent"]) for item in told(running, "two")["campaigns"]] == [("gone", None)]


def test_a_status_that_no_answer_holds_is_marked(make_world: Callable[..., World]) -> None:
    world = fill(make_world(SandboxOptions(undocumented_calls=frozenset(), stats_status=False)))
    assert "running?" in world.cli("status").out
    assert not told(world)["campaigns"][0]["statusRead"]


def test_next_sends_are_those_of_the_forecast(
    running: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Session._make_plan

    def with_forecast(session: Session, *arguments: Any) -> Plan:
        plan = made(session, *arguments)
        days = (day(0, 1353, {"other": 5}), day(1, 1710, {"one": 0, "other": 5}), day(2, 1710, {"other": 5, "one": 15}))
        sending = Sending(first="2026-12-02", last="2026-12-04", emails=20, lost=1)
        campaigns = tuple(
            item.model_copy(update={"sending": sending if item.key == "one" else None}) for item in plan.campaigns
        )
        return plan.model_copy(update={"forecast": days, "campaigns": campaigns})

    monkeypatch.setattr(Session, "_make_plan", with_forecast)
    monkeypatch.delenv("CI", raising=False)
    for name, value in running.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(running.root)
    assert run(["status", "--format", "json"]) == 0
    one, two = json.loads(capsys.readouterr().out)["campaigns"]
    assert one["next"] == {"date": "2026-12-02", "emails": 15}
    assert one["sending"]["last"] == "2026-12-04"
    assert (two["next"], two["sending"]) == (None, None)
    monkeypatch.setenv("COLUMNS", "120")
    assert run(["status"]) == 0
    expected = "next     Wed 2 Dec: 15 emails; the last on Fri 4 Dec; 1 day later than with room enough"
    assert expected in capsys.readouterr().out


def test_nothing_managed_in_a_sandbox_of_its_own(world: World) -> None:
    world.campaign("one", leads=None)
    ended = world.cli("status", "--sandbox")
    assert ended.code == 0
    assert "Nothing is managed yet." in ended.out
    assert "Primary Outbound" in ended.out
