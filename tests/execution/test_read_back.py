"""Drafts that are written are read back: what the server makes of a text is not taken for somebody's edit."""

from collections import Counter
from collections.abc import Callable

import pytest
from execution.acts import name, remote_id
from support.world import World, actions

from reconciler.execution.reading import MANY
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.options import SandboxOptions

ALL = SandboxOptions()


def write(world: World, count: int, status: str = "draft") -> None:
    for number in range(count):
        world.campaign(f"c{number}", status=status, sequenceSteps=[{"subject": f"S{number}", "bodyText": f"T{number}"}])


def looked_up(world: World) -> Counter[str]:
    return Counter(kind for kind in world.kinds() if kind in {"get", "list"})


def known(world: World) -> list[bool]:
    return [entry.read_back_digest is not None for entry in world.state().campaigns.values()]


def sound(world: World, count: int) -> None:
    """All of it is known, the next plan is empty, and somebody's edit is told from what the server made of a text."""
    assert known(world) == [True] * count
    assert world.plan().actions == ()
    theirs = {"sequenceSteps": [{"subject": "Theirs", "bodyHtml": "<p>T1</p>"}]}
    world.sandbox.edit_campaign(remote_id(world, "c1"), theirs)
    assert actions(world.plan()) == [("c1", "update", "ready")]


def test_many_are_looked_up_in_one_list(make_world: Callable[..., World]) -> None:
    world = make_world(ALL)
    write(world, MANY)
    world.apply()
    assert looked_up(world) == {"list": 1}
    assert world.state().capabilities.list_campaigns is True
    sound(world, MANY)


def test_few_are_asked_for_one_by_one(make_world: Callable[..., World]) -> None:
    world = make_world(ALL)
    write(world, MANY - 1)
    world.apply()
    assert looked_up(world) == {"get": MANY - 1}
    sound(world, MANY - 1)


@pytest.mark.parametrize("action", ["error500", "html", "half"])
def test_where_the_list_cannot_be_read_each_is_asked_for(make_world: Callable[..., World], action: str) -> None:
    world = make_world(ALL)
    world.sandbox.add_fault(Fault(kind="list", action=action))  # type: ignore[arg-type]
    write(world, MANY)
    world.apply()
    assert looked_up(world)["get"] == MANY
    assert world.state().capabilities.list_campaigns is None
    sound(world, MANY)


def test_a_server_without_a_list_is_asked_for_it_once(make_world: Callable[..., World]) -> None:
    world = make_world(SandboxOptions(undocumented_calls=frozenset({"get", "patch"})))
    write(world, MANY)
    world.apply()
    assert looked_up(world) == {"list": 1, "get": MANY}
    assert world.state().capabilities.list_campaigns is False
    sound(world, MANY)
    assert looked_up(world)["list"] == 1


def test_one_that_cannot_be_read_is_compared_with_what_was_sent(make_world: Callable[..., World]) -> None:
    world = make_world(ALL)
    world.sandbox.add_fault(Fault(kind="get", action="reject", nth=2, status=400))
    write(world, 3)
    report = world.apply()
    assert [item.outcome.value for item in report.results] == ["done"] * 3
    assert sorted(known(world)) == [False, True, True]
    assert world.plan().actions == ()


def test_what_is_to_start_is_read_back_before_its_start(make_world: Callable[..., World]) -> None:
    world = make_world(ALL)
    world.leads("one", 2)
    world.campaign("one", status="running")
    world.apply()
    kinds = world.kinds()
    assert "get" in kinds[kinds.index("create") : kinds.index("start")]
    assert world.remote(name("one")).status == "running"
