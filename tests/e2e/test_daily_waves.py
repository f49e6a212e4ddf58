"""Campaigns that go out in waves, one a day: what each day adds, what holds the next one, and what a kill leaves."""

from pathlib import Path

import pytest
from support.daily import APPROVED, Daily
from support.forge import KILLED, Forge
from support.world import person

PACED = {"firstWave": 25, "perDay": 100}


@pytest.fixture
def daily(tmp_path: Path) -> Daily:
    made = Daily(tmp_path)
    made.policy()
    return made


def paced(daily: Daily, leads: int = 300) -> None:
    daily.wanted("one", leads, start=PACED)


def enrolled(daily: Daily) -> int:
    return daily.count("one")[1]


def test_day_by_day(daily: Daily) -> None:
    """300 people: 25, then 100, 100 and the last 75; nobody is asked again."""
    paced(daily)
    plan = daily.told("plan")
    assert [day["sent"] for day in plan["forecast"]] == [25, 100, 100, 100, 100, 100, 75]
    assert plan["summary"]["newRecipients"] == 25
    assert "275 more in later waves" in daily.apply()
    assert daily.count("one") == ("running", 25, 0)
    for there in (125, 225, 300):
        daily.unchanged()
        told = daily.apply(*APPROVED)
        assert "today's wave is enrolled; the next one, of " in told
        daily.later()
        daily.apply(*APPROVED)
        assert enrolled(daily) == there
    assert daily.state().approvals == {}
    daily.unchanged()
    daily.later("+6d")
    assert daily.count("one") == ("running", 300, 600)


def test_twice_a_day_is_once(daily: Daily) -> None:
    paced(daily)
    daily.apply()
    for _ in range(2):
        told = daily.apply()
        assert "today's wave is enrolled; the next one, of 100 people, is for" in told
    assert enrolled(daily) == 25
    assert daily.told("plan")["summary"]["scheduled"] == 1


def test_a_saved_plan_approves_of_all_its_waves(daily: Daily) -> None:
    """Applied again it does what is left of it for the day: nothing at first, then a wave."""
    paced(daily)
    daily.run("plan", "--out", "plan.json")
    daily.run("apply", "plan.json")
    daily.run("apply", "plan.json")
    assert enrolled(daily) == 25
    daily.later()
    daily.run("apply", "plan.json")
    assert enrolled(daily) == 125
    daily.later()
    daily.apply(*APPROVED)
    assert enrolled(daily) == 225


def test_each_wave_waits_for_room(daily: Daily) -> None:
    """The second wave is of 100, and somebody else has used the room up."""
    paced(daily)
    daily.apply()
    daily.later()
    daily.pools(1_000, 60)
    assert "there is room for 60 today (60 left now): 40 short" in daily.apply(*APPROVED, expect=3)
    assert enrolled(daily) == 25
    daily.later()
    daily.apply(*APPROVED)
    assert enrolled(daily) == 125


def test_a_list_that_grows_later_needs_an_approval_again(daily: Daily) -> None:
    """Nobody approved of the new ones; once somebody has, they come in waves as the others do."""
    paced(daily, 100)
    daily.apply()
    daily.later()
    paced(daily, 160)
    assert "nobody has approved this" in daily.apply(*APPROVED, expect=3)
    assert enrolled(daily) == 25
    daily.apply()
    assert enrolled(daily) == 125
    daily.later()
    daily.apply(*APPROVED)
    assert enrolled(daily) == 160
    daily.unchanged()


def test_who_comes_later_fills_the_wave_of_the_day_up_first(daily: Daily) -> None:
    paced(daily, 20)
    daily.apply()
    paced(daily, 40)
    daily.apply()
    assert enrolled(daily) == 25
    daily.later()
    daily.apply()
    assert enrolled(daily) == 40
    daily.unchanged()


@pytest.mark.parametrize("death", [8, 24])
def test_killed_in_the_middle_of_a_wave(daily: Daily, tmp_path: Path, death: int) -> None:
    """The next run of the day fills that wave up, and no more; batches are of ten."""
    paced(daily)
    daily.apply()
    daily.later()
    forge = Forge(tmp_path / "runs")
    dead = forge.run(daily, "apply", "--sandbox", *APPROVED, batch=10, kill_at=death)
    assert dead.code == KILLED, dead.text
    assert 25 < enrolled(daily) < 125
    for _ in range(2):
        daily.apply(*APPROVED)
        assert enrolled(daily) == 125
    assert daily.state().operations == {}
    daily.later()
    daily.apply(*APPROVED)
    assert enrolled(daily) == 225


def test_killed_in_the_first_wave(daily: Daily, tmp_path: Path) -> None:
    """Some of its 25 people are in the draft, which is not started."""
    paced(daily)
    dead = Forge(tmp_path / "runs").run(
        daily, "apply", "--sandbox", "--auto-approve", batch=10, kill_on="after POST .*/leads/bulk"
    )
    assert dead.code == KILLED, dead.text
    assert daily.count("one") == ("draft", 10, 0)
    daily.apply()
    assert daily.count("one") == ("running", 25, 0)
    daily.later()
    daily.apply(*APPROVED)
    assert enrolled(daily) == 125


# How the earlier ones went


def test_bounces_hold_the_next_wave(daily: Daily) -> None:
    """Two of 25 are 8 percent, and two may be; nobody else is written to until somebody has looked."""
    rows = [person("one", number) for number in range(300)]
    for number in (3, 4):
        rows[number]["email"] = f"bounce.{rows[number]['email']}"
    daily.leads("one", rows=rows)
    daily.campaign("one", status="running", start=PACED)
    daily.apply()
    daily.later()
    told = daily.apply(*APPROVED, expect=3)
    assert "the earlier waves went badly: 2 people bounced of 25 reached (8.0 %, at most 2 %)" in told
    assert enrolled(daily) == 25
    daily.policy(health={"maxBounceRate": 8})
    daily.apply(*APPROVED)
    assert enrolled(daily) == 125
    daily.unchanged()


def test_people_who_want_no_more_hold_the_next_wave(daily: Daily) -> None:
    paced(daily)
    daily.apply()
    daily.later()
    one, two = (person("one", number)["email"] for number in range(2))
    campaign = daily.remote("Campaign one").id
    daily.sandbox.add_reply(campaign, one, classification="unsubscribe")
    daily.sandbox.add_reply(campaign, two, classification="not_interested")
    told = daily.apply(*APPROVED, expect=3)
    assert "1 person unsubscribed of 25 reached (4.0 %, at most 1 %)" in told
    assert "bounced" not in told
    assert enrolled(daily) == 25
    daily.policy(health={"maxUnsubscribeRate": 4})
    daily.apply(*APPROVED)
    assert enrolled(daily) == 125
