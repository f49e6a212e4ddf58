"""Who was erased gets no email by way of what Leadterra already has, whatever was under way."""

from pathlib import Path

import pytest
from execution.interrupted import SERVERS, Server, draft_with_leads, started, write
from support.killing import Moment, MortalWorld
from support.world import person

from reconciler.sandbox.faults import Fault
from reconciler.upkeep import erase

pytestmark = pytest.mark.usefixtures("quick_runs")


def address(number: int) -> str:
    return person("one", number)["email"]


def erased(world: MortalWorld, *numbers: int) -> None:
    erase(world.session(), [address(number) for number in numbers], by="test", forget_history=False)


def written_to(world: MortalWorld) -> list[str]:
    """Return who has got, or will get, a first email."""
    ids = [campaign.id for campaign in world.sandbox.campaigns()]
    return sorted(message.email for each in ids for message in world.sandbox.messages(each) if message.step == 0)


@pytest.mark.parametrize("name", SERVERS)
def test_a_draft_that_holds_them_is_replaced_before_it_starts(tmp_path: Path, name: str) -> None:
    world = SERVERS[name].world(tmp_path)
    draft_with_leads(world, 4)
    world.leads("one", 3)
    erased(world, 3)
    assert [item.kind.value for item in world.plan().actions] == ["replace", "enroll", "start"]
    world.apply()
    assert written_to(world) == [address(number) for number in range(3)]
    assert world.plan().actions == ()


@pytest.mark.parametrize("moment", [Moment.BEFORE_REQUEST, Moment.ACTED])
@pytest.mark.parametrize("name", SERVERS)
def test_an_enrolment_that_broke_off(tmp_path: Path, moment: Moment, name: str) -> None:
    """They may be in the draft, and nobody can be taken out of it: whoever is on the list today is written to."""
    world = SERVERS[name].world(tmp_path)
    world.leads("one", 4)
    write(world)
    world.dies(moment, "enroll", nth=2)
    world.leads("one", rows=[person("one", number) for number in (0, 1, 2)])
    erased(world, 3)
    while world.plan().actions:
        world.apply()
    assert written_to(world) == [address(number) for number in range(3)]
    assert world.state().operations == {}


def test_a_campaign_that_runs_goes_on_with_the_right_counts(tmp_path: Path) -> None:
    world = Server().world(tmp_path)
    started(world)
    world.leads("one", rows=[person("one", number) for number in (1, 2, 3)])
    erased(world, 0)
    world.apply()
    assert written_to(world) == [address(number) for number in range(4)]
    entry = world.state().campaigns["one"]
    assert entry.expected_enrolled == len(world.sandbox.leads(entry.id)) == 4
    assert world.plan().actions == ()


def test_who_was_refused_is_not_remembered_either(tmp_path: Path) -> None:
    """And would be asked for again: as a row that was never seen."""
    world = Server().world(tmp_path)
    started(world)
    world.leads("one", rows=[person("one", number) for number in range(3)] + [person("bad", 1)])
    world.sandbox.add_fault(Fault(kind="enroll", action="reject_leads", prefix="bad.", names="email"))
    world.apply()
    assert world.plan().actions == ()
    assert len(world.state().campaigns["one"].refused) == 1
    erase(world.session(), [person("bad", 1)["email"]], by="test", forget_history=False)
    assert world.state().campaigns["one"].refused == ()
    assert [item.kind.value for item in world.plan().actions] == ["enroll"]
