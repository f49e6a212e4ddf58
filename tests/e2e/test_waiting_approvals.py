"""Approvals that wait: what was approved of and could not be done is done later, by itself; nothing else is."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cli.process import at_terminal
from support.daily import APPROVED, Daily
from support.world import STEPS

EDITED = ({**STEPS[0], "subject": "Edited {{firstName}}"}, STEPS[1])


@pytest.fixture
def daily(tmp_path: Path) -> Daily:
    return Daily(tmp_path)


def test_what_was_approved_and_waited_is_started_without_asking(daily: Daily) -> None:
    daily.wanted("one", 80)
    daily.pools(100, 50)
    daily.apply(expect=3)
    assert list(daily.state().approvals) == ["one"]
    daily.apply(*APPROVED, expect=3)
    assert daily.count("one") == ("draft", 0, 0)
    daily.later("+1d")
    daily.apply(*APPROVED)
    assert daily.count("one") == ("running", 80, 0)
    assert daily.state().approvals == {}
    daily.unchanged()


def edit_subject(daily: Daily) -> None:
    daily.wanted("one", 40, sequenceSteps=[*EDITED])


def other_people(daily: Daily) -> None:
    daily.leads("one", rows=[{"email": f"other.{n}@example.com", "firstName": "Ada"} for n in range(40)])


@pytest.mark.parametrize("change", [edit_subject, other_people])
def test_what_changed_since_is_left_alone_and_the_rest_goes_on(daily: Daily, change: Callable[[Daily], None]) -> None:
    daily.wanted("one", 40)
    daily.wanted("two", 40)
    daily.pools(100, 0)
    daily.apply(expect=3)
    assert list(daily.state().approvals) == ["one", "two"]
    daily.later("+1d")
    change(daily)
    told = daily.apply(*APPROVED, expect=3)
    assert "nobody has approved this; run `reconciler apply` without --approved-only" in told
    assert (daily.count("one"), daily.count("two")) == (("draft", 0, 0), ("running", 40, 0))
    daily.apply()
    assert daily.count("one")[0] == "running"
    assert daily.state().approvals == {}
    daily.unchanged()


def test_a_saved_plan_approves_of_what_waits_in_it(daily: Daily) -> None:
    daily.wanted("one", 80)
    daily.pools(100, 50)
    daily.run("plan", "--out", "plan.json")
    daily.run("apply", "plan.json", expect=3)
    daily.later("+1d")
    daily.apply(*APPROVED)
    assert daily.count("one") == ("running", 80, 0)
    daily.run("apply", "plan.json")
    daily.unchanged()


def test_new_people_for_a_running_campaign_wait_for_room_too(daily: Daily) -> None:
    daily.wanted("one", 10)
    daily.apply()
    daily.later("+1d")
    daily.leads("one", 90)
    daily.pools(100, 50)
    assert "80 people are to hear from you within 1 day" in daily.apply(expect=3)
    assert daily.count("one") == ("running", 10, 10)
    daily.later("+1d")
    daily.apply(*APPROVED)
    assert daily.count("one") == ("running", 90, 10)
    daily.unchanged()


def test_a_resume_waits_for_room_and_the_stop_mark_holds_what_is_approved(daily: Daily) -> None:
    daily.wanted("one", 80)
    daily.apply()
    daily.campaign("one", status="paused")
    daily.apply()
    daily.pools(100, 50)
    daily.campaign("one", status="running")
    assert "30 short" in daily.apply(expect=3)
    daily.later("+1d")
    daily.run("stop", "one", "--reason", "wrong price")
    daily.apply(*APPROVED, expect=3)
    assert daily.count("one") == ("paused", 80, 0)
    daily.run("stop", "one", "--lift")
    daily.apply(*APPROVED)
    assert daily.count("one") == ("running", 80, 0)
    daily.unchanged()
    daily.apply(*APPROVED)


def test_a_new_campaign_is_not_made_without_an_approval(daily: Daily) -> None:
    daily.wanted("one", 3)
    told = daily.apply(*APPROVED, expect=3)
    assert "nobody has approved this" in told
    assert daily.sandbox.campaigns() == ()


def test_a_pause_needs_no_approval(daily: Daily) -> None:
    daily.wanted("one", 3)
    daily.apply()
    daily.campaign("one", status="paused")
    daily.apply(*APPROVED)
    assert daily.count("one") == ("paused", 3, 0)


def test_nobody_was_asked_and_nothing_is_approved(daily: Daily) -> None:
    """The draft is there already, its start waits: there is nothing to ask for."""
    daily.leads("one", 80)
    daily.campaign("one")
    daily.apply()
    daily.campaign("one", status="running")
    daily.pools(100, 50)
    ended = at_terminal(daily, "apply", "--sandbox")
    assert ended.code == 3, ended.text
    assert "Type" not in ended.out
    assert daily.state().approvals == {}
    daily.later("+1d")
    assert "nobody has approved this" in daily.apply(*APPROVED, expect=3)
    assert daily.count("one") == ("draft", 0, 0)


def test_whoever_is_asked_approves_of_what_waits_too(daily: Daily) -> None:
    daily.wanted("one", 40)
    daily.wanted("two", 80)
    daily.pools(100, 50)
    asked = "to email 40 people, and 80 more when their time comes:"
    ended = at_terminal(daily, "apply", "--sandbox", until=asked, answer=b"40\r")
    assert ended.code == 3, ended.text
    assert list(daily.state().approvals) == ["two"]
    daily.later("+1d")
    daily.apply(*APPROVED)
    assert daily.count("two") == ("running", 80, 0)
