"""Room and time through the command line: what waits, who gets the room, and what is told where there is none."""

import shutil
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from support.daily import APPROVED, Daily, rows, words
from support.world import REPOSITORY, Ended, World

from reconciler.sandbox.options import SandboxOptions
from reconciler.sandbox.records import PoolSpec


@pytest.fixture
def daily(tmp_path: Path) -> Daily:
    return Daily(tmp_path)


def weekday(daily: Daily, days: int) -> str:
    day = daily.sandbox.now() + timedelta(days=days)
    return f"{day:%a} {day.day} {day:%b}"


# Held today, started tomorrow


def test_a_start_without_room_today_is_made_by_the_same_command_tomorrow(daily: Daily) -> None:
    """80 people, 50 emails left of 100 a day: 30 short."""
    daily.wanted("one", 80)
    daily.pools(100, 50)
    told = daily.apply(expect=3)
    assert "80 people are to hear from you within 1 day; there is room for 50 today (50 left now): 30 short" in told
    assert f"there is room for it {weekday(daily, 1)}" in told
    assert "For today: 30 fewer leads, or `start.perDay: 40`, or senders for 30 more emails" in told
    assert daily.count("one") == ("draft", 0, 0)
    days = daily.told("forecast")
    assert rows(days)[:2] == [(50, 0, 0, 0), (100, 80, 80, 0)]

    daily.later("+1d")
    assert "leadsEnrolled 80" in daily.apply()
    assert daily.count("one") == ("running", 80, 0)
    daily.unchanged()


def test_what_would_make_it_fit_names_the_senders_that_do_not_send(daily: Daily) -> None:
    daily.wanted("one", 80)
    daily.pools(100, 50, "active", "warming", "paused")
    assert "senders for 30 more emails (warming: Pool 2; paused: Pool 3)" in daily.apply(expect=3)


# One room, several who want it


def test_one_run_gives_the_last_room_away_once(daily: Daily) -> None:
    daily.wanted("one", 60)
    daily.wanted("two", 60)
    daily.pools(100)
    told = daily.apply(expect=3)
    assert (daily.count("one"), daily.count("two")) == (("running", 60, 0), ("draft", 0, 0))
    assert "(100 left now, 60 for other campaigns of this run): 20 short" in told
    daily.later("+1d")
    daily.apply(*APPROVED)
    assert daily.count("two") == ("running", 60, 0)


def test_the_higher_priority_gets_it(daily: Daily) -> None:
    daily.wanted("one", 60)
    daily.wanted("two", 60, start={"priority": 10})
    daily.pools(100)
    daily.apply(expect=3)
    assert (daily.count("one"), daily.count("two")) == (("draft", 0, 0), ("running", 60, 0))


def test_two_applies_at_once_never_both_get_it(daily: Daily) -> None:
    """Each looks at one campaign only; whichever comes second finds the other one's emails queued."""
    for key in ("one", "two"):
        daily.wanted(key, 60)
    daily.pools(100, 0)
    daily.apply(expect=3)
    daily.pools(100)
    ended: dict[str, Ended] = {}

    def run(key: str) -> None:
        ended[key] = daily.run("apply", "--auto-approve", "--target", key, expect=None)

    threads = [threading.Thread(target=run, args=(key,)) for key in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = sorted(item.code for item in ended.values())
    assert codes in ([0, 3], [0, 1]), [item.text for item in ended.values()]
    assert sorted([daily.count("one")[0], daily.count("two")[0]]) == ["draft", "running"]
    daily.apply(expect=3)
    assert sorted([daily.count("one")[0], daily.count("two")[0]]) == ["draft", "running"]


def test_of_another_repository_only_what_it_has_sent_is_seen(make_world: Callable[..., World]) -> None:
    """Two repositories on one workspace: the pools tell what is left, and that is all they know of each other."""
    first = make_world(SandboxOptions(sending="live"))
    second = make_world(name="second")
    first.sandbox.set_pools([PoolSpec("Pool", 100, 100, ("active",))])
    for world, key in ((first, "one"), (second, "two")):
        world.leads(key, 60)
        world.campaign(key, status="running")
        address = {"LEADTERRA_BASE_URL": first.server.url}
        assert world.cli("state", "init", "--auto-approve", env=address).code == 0
    assert first.cli("apply", "--auto-approve").code == 0
    held = second.cli("apply", "--auto-approve", env={"LEADTERRA_BASE_URL": first.server.url})
    assert held.code == 3, held.text
    assert "(40 left now): 20 short" in words(held)


# Its own file, and the policy, say when


def test_not_before(daily: Daily) -> None:
    daily.policy()
    at = daily.local(timedelta(days=2, hours=1))
    daily.wanted("one", 60, start={"notBefore": at.strftime("%Y-%m-%dT%H:%M")})
    told = daily.apply()
    assert f"not before {at:%a} {at.day} {at:%b} {at:%H:%M}" in told
    plan = daily.told("plan")
    assert [day["sent"] for day in plan["forecast"]][:3] == [0, 0, 60]
    assert plan["summary"]["scheduled"] == 1
    daily.unchanged()
    daily.later("+2d")
    daily.apply(*APPROVED)
    assert daily.count("one") == ("draft", 0, 0)
    daily.later("+2h")
    daily.apply(*APPROVED)
    assert daily.count("one") == ("running", 60, 0)


def test_the_start_window(daily: Daily) -> None:
    opens = daily.local(timedelta(days=3))
    daily.policy(startWindow={"days": [f"{opens:%a}".lower()], "from": "08:00", "to": "16:00"})
    daily.wanted("one", 60)
    told = daily.apply()
    assert f"outside the start window; it opens {opens:%a} {opens.day} {opens:%b} 08:00" in told
    # It opens in less than three times 24 hours from noon.
    assert [day["sent"] for day in daily.told("plan")["forecast"]][:3] == [0, 0, 60]
    daily.later("+2d")
    daily.apply(*APPROVED)
    assert daily.count("one") == ("draft", 0, 0)
    daily.later("+1d")
    daily.apply(*APPROVED)
    assert daily.count("one") == ("running", 60, 0)
    daily.unchanged()


def test_this_repositorys_share(daily: Daily) -> None:
    """50 a day of the thousand that the pools have; what went out in the last 24 hours is taken of it."""
    daily.policy(dailyCapacity=50)
    daily.wanted("one", 40)
    daily.apply()
    daily.wanted("two", 20)
    assert "(50 left now, 40 queued already): 10 short" in daily.apply(expect=3)
    daily.later("+1h")
    assert daily.count("one") == ("running", 40, 40)
    assert "there is room for 10 today (10 left now): 10 short" in daily.apply(expect=3)
    daily.later("+1d")
    daily.apply(*APPROVED)
    assert daily.count("two") == ("running", 20, 0)


def test_what_is_kept_free(daily: Daily) -> None:
    daily.policy(headroom=10)
    daily.pools(100)
    daily.wanted("one", 91)
    told = daily.apply(expect=1 + 2)
    assert "can never hear from you within 1 day: the senders have room for 90 emails a day" in told
    daily.leads("one", 90)
    daily.apply()
    assert daily.count("one") == ("running", 90, 0)


def test_within_so_many_days(daily: Daily) -> None:
    """Ninety on two days of fifty; the last of them on the second."""
    daily.pools(50)
    daily.wanted("one", 90, start={"firstStepWithinDays": 2})
    assert "the last of 90 people are reached" in daily.apply() + words(daily.run("plan", "--verbose", expect=None))
    assert rows(daily.told("forecast"))[:2] == [(50, 90, 50, 40), (50, 40, 40, 0)]
    assert daily.later("+1h").endswith("; 50 messages were sent.\n")
    assert daily.later("+1d").endswith("; 40 messages were sent.\n")


# None at all


NOBODY = "the senders have room for nobody on any day"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("pools", "told"),
    [
        ([], "no sender account at all"),
        ([PoolSpec("Pool", 0, 0, ("active",))], NOBODY),
        ([PoolSpec("Pool", 100, 100, ())], "no sender account at all"),
        ([PoolSpec("Pool", 100, 100, ("paused", "paused"))], f"{NOBODY} (paused: Pool 1, Pool 2)"),
    ],
    ids=["no pool", "no capacity", "no account", "all paused"],
)
def test_no_room_on_any_day(daily: Daily, pools: list[PoolSpec], told: str) -> None:
    daily.wanted("one", 60)
    daily.sandbox.set_pools(pools)
    assert told in daily.apply(expect=3)
    assert daily.count("one") == ("draft", 0, 0)
    assert daily.told("forecast")["notCounted"][1:] == [
        "campaigns for which there is room on none of the coming days: one"
    ]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("start", [{"firstStepWithinDays": 366}, {"perDay": 2}])
def test_more_people_than_a_years_room(daily: Daily, start: dict[str, int]) -> None:
    """One email a day, 400 people of two emails."""
    daily.pools(1)
    daily.wanted("one", 400, start=start)
    told = daily.apply(expect=3)
    assert "can never hear from you within" in told
    daily.run("forecast")


@pytest.mark.timeout(20)
def test_a_campaign_that_runs_and_whose_senders_are_gone(daily: Daily) -> None:
    daily.wanted("one", 60)
    daily.apply()
    daily.pools(0, 0, "paused")
    daily.unchanged()
    days = daily.told("forecast")
    assert rows(days)[0] == (0, 60, 0, 60)
    assert days["campaigns"]["one"]["left"] == 120
    daily.run("status")


# The guide, and a campaign in the middle of its sequence


def test_the_guide_from_the_forecast_to_the_last_email(daily: Daily) -> None:
    """142 of 1,543 on day 0, and 142 on day 3, as the guide counts it: without anything that is kept free."""
    shutil.rmtree(daily.specs)
    shutil.copytree(REPOSITORY / "specs", daily.specs)
    settings = daily.specs / "workspace.yaml"
    settings.write_text(settings.read_text().replace("  headroom: 10 ", "  headroom: 0 "))
    daily.place.sandbox_database.unlink()
    daily.sandbox = type(daily.sandbox)(daily.place.sandbox_database)
    found = daily.told("forecast")
    assert [(day["due"], day["sent"]) for day in found["forecast"]] == [(142, 142), (0, 0), (0, 0), (142, 142)]
    assert [day["capacity"] for day in found["forecast"]] == [1_543, 1_900, 1_900, 1_900]
    daily.apply()
    assert rows(daily.told("forecast")) == rows(found)
    assert daily.later("+3d").endswith("; 284 messages were sent.\n")
    assert daily.sandbox.sent_count() == 284
    assert daily.told("forecast")["forecast"] == []


def test_in_the_middle_of_a_sequence(daily: Daily) -> None:
    """A day after the start the first emails are out, and the second are due in two days."""
    daily.wanted("one", 60)
    daily.apply()
    daily.later("+1d")
    found = daily.told("forecast")
    assert [day["sent"] for day in found["forecast"]] in ([0, 0, 60], [0, 60])
    (campaign,) = daily.told("status")["campaigns"]
    assert (campaign["enrolled"], campaign["sent"], campaign["queued"]) == (60, 60, 60)
    assert campaign["next"]["emails"] == 60
    shown = daily.run("status").out
    assert f"{daily.sandbox.now():%a} {daily.sandbox.now().day} {daily.sandbox.now():%b}" in shown.splitlines()[0]
