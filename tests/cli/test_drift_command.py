"""`drift`: what is not as the files say although nobody is changing them, and what has waited too long."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.world import World

from reconciler.model.drift import Drift
from reconciler.planning.drift import find_drift
from reconciler.reporting.markdown import marker
from reconciler.sandbox.faults import Fault

DRAFT = [{"subject": "Two", "bodyText": "two"}]


@pytest.fixture
def applied(world: World) -> World:
    """Make a world in which one runs, and two is a draft, as the files say."""
    world.leads("one")
    world.campaign("one", status="running")
    world.campaign("two", leads=None, sequenceSteps=DRAFT)
    world.apply()
    return world


def found(world: World) -> list[tuple[str, str | None, Any]]:
    told = json.loads(world.cli("drift", "--format", "json").out)
    return [(item["finding"], item["campaign"], item["told"]) for item in told["found"]]


def test_nothing_is_told_where_all_is_as_the_files_say(applied: World) -> None:
    ended = applied.cli("drift", "--markdown", "drift.md")
    assert ended.code == 0
    assert "Nothing has drifted, and nothing has waited too long." in ended.out
    text = (applied.root / "drift.md").read_text()
    assert text.startswith(marker("drift", "default", applied.place.environment_name))
    assert "as the files say" in text


def test_what_somebody_changed_in_leadterra_is_told_field_by_field(applied: World) -> None:
    applied.sandbox.edit_campaign(applied.remote("Campaign two").id, {"name": "Two (copy)"})
    assert found(applied) == [("changed", "two", ['name in Leadterra was "Campaign two", is now "Two (copy)"'])]
    ended = applied.cli("drift")
    assert ended.code == 2
    assert "Changed in Leadterra by somebody else\n  two  specs/campaigns/two.yaml:1\n" in ended.out
    ended = applied.cli("drift", "--format", "markdown")
    assert (ended.code, "– 1 changed in Leadterra\n" in ended.out) == (2, True)  # noqa: RUF001
    assert "- **`two`** `specs/campaigns/two.yaml:1`\n" in ended.out


def test_a_campaign_that_somebody_paused_is_told(applied: World) -> None:
    applied.sandbox.pause(applied.remote("Campaign one").id)
    ((finding, campaign, _),) = found(applied)
    assert (finding, campaign) == ("changed", "one")


def test_what_is_merged_and_not_applied_is_told_and_what_needs_somebody_comes_first(applied: World) -> None:
    applied.campaign("two", leads=None, name="Second", sequenceSteps=DRAFT)
    applied.campaign("one", status="draft")
    assert [item[:2] for item in found(applied)] == [("needs you", "one"), ("not applied", "two")]
    assert found(applied)[1][2] == ["an apply would do: update"]


def test_what_was_approved_long_ago_and_still_waits_is_told(applied: World) -> None:
    applied.leads("three", 2_000)
    applied.campaign("three", status="running")
    applied.workspace(policy={"maxNewRecipients": 5_000})
    assert applied.cli("apply", "--auto-approve").code == 3
    planned = applied.session().plan()
    approvals = planned.inputs.state.approvals

    def after(days: int) -> Drift:
        later = planned.plan.model_copy(update={"created_at": approvals["three"].at + timedelta(days=days, hours=1)})
        return find_drift(later, approvals, waited_days=7)

    assert after(6).found == ()
    (item,) = after(7).found
    assert (item.finding.value, item.campaign) == ("waiting", "three")
    assert item.told[0] == f"approved 7 days ago by {approvals['three'].by}"
    assert "2,000 people can never hear from you within 1 day" in " ".join(item.told)
    assert applied.cli("drift").code == 0
    # It waits since a moment ago.
    assert applied.cli("drift", "--waited", "0").code == 2


def test_what_waits_too_long_is_told_at_night_too(applied: World) -> None:
    applied.leads("three", 2_000)
    applied.campaign("three", status="running")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%a").lower()
    policy = {"maxNewRecipients": 5_000}
    applied.workspace(policy=policy)
    assert applied.cli("apply", "--auto-approve").code == 3
    # From here on it is not the time for starts, whatever else is in the way.
    applied.workspace(policy={**policy, "startWindow": {"days": [tomorrow], "from": "08:00", "to": "16:00"}})
    assert applied.cli("drift").code == 0
    ended = applied.cli("drift", "--waited", "0")
    assert (ended.code, "Has waited too long\n  three" in ended.out) == (2, True)


def test_a_start_that_nobody_has_approved_is_told(applied: World) -> None:
    applied.leads("three", 2_000)
    applied.campaign("three", status="running")
    applied.workspace(policy={"maxNewRecipients": 5_000})
    assert applied.cli("apply", "--auto-approve", "--no-send").code == 3
    assert found(applied) == [("not applied", "three", ["nobody has approved yet of what it is to send later"])]


def test_what_waits_for_its_own_time_is_as_it_should_be(applied: World) -> None:
    planned = applied.session().plan().plan
    applied.leads("three")
    applied.campaign("three", status="running", start={"notBefore": f"{planned.created_at.year + 1}-12-31"})
    assert applied.cli("apply", "--auto-approve").code == 0
    assert applied.cli("drift", "--waited", "0").code == 0


def test_what_could_not_be_read_is_told_and_makes_the_look_fail(applied: World) -> None:
    applied.sandbox.add_fault(Fault(kind="stats", action="reject", status=500, code="no"))
    ended = applied.cli("drift", "--markdown", "drift.md")
    assert ended.code == 1
    assert "– 2 need you" in (applied.root / "drift.md").read_text()  # noqa: RUF001


def test_invalid_files_are_told_under_the_same_marker(applied: World) -> None:
    applied.campaign("two", colour="red")
    ended = applied.cli("drift", "--markdown", "drift.md")
    assert ended.code == 1
    text = (applied.root / "drift.md").read_text()
    assert text.startswith(marker("drift", "default", applied.place.environment_name))
    assert "colour" in text
