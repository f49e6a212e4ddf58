"""`state unlock` and `state rebind`: what is done on purpose, and asked about."""

from collections.abc import Callable

import pytest
from cli.process import at_terminal
from support.world import World

from reconciler.sandbox.options import SandboxOptions


@pytest.fixture
def drafted(world: World) -> World:
    world.campaign("one")
    world.apply()
    return world


def test_a_lock_that_nobody_holds(drafted: World) -> None:
    ended = drafted.cli("state", "unlock")
    assert (ended.code, ended.out) == (0, "Nobody holds the lock.\n")


def test_unlock_names_the_holder_and_asks(drafted: World) -> None:
    with drafted.session().lease("ada@laptop, process 12"):
        asked = at_terminal(drafted, "state", "unlock", until="Type unlock", answer=b"no\r")
        assert asked.code == 1
        assert "ada@laptop, process 12" in asked.text
        assert "Nothing was changed." in asked.text
        assert "ada@laptop" in drafted.cli("doctor").out
        refused = drafted.cli("state", "unlock")
        assert refused.code == 1
        assert "--auto-approve" in refused.err
        ended = drafted.cli("state", "unlock", "--auto-approve")
        assert (ended.code, ended.out) == (0, "Ended the lock of ada@laptop, process 12.\n")
        assert drafted.cli("apply", "--auto-approve").code == 0
    assert "ended the lock of ada@laptop, process 12" in drafted.cli("history").out


def test_rebind_moves_the_state_to_another_address_on_purpose(drafted: World, make_world: Callable[..., World]) -> None:
    """Another address is refused, is told what to do, and is taken after the question; the campaigns stay known."""
    other = make_world(name="other")
    elsewhere = {"LEADTERRA_BASE_URL": other.server.url}
    refused = drafted.cli("plan", env=elsewhere)
    assert refused.code == 1
    assert "reconciler state rebind" in " ".join(refused.err.split())
    asked = at_terminal(drafted, "state", "rebind", until="Type rebind", answer=b"no\r", env=elsewhere)
    assert asked.code == 1
    assert drafted.server.url in asked.text
    assert other.server.url in asked.text
    before = drafted.state()
    assert before.binding is not None
    assert before.binding.address == drafted.server.url
    ended = drafted.cli("state", "rebind", "--auto-approve", env=elsewhere)
    assert ended.code == 0, ended.text
    after = drafted.state()
    assert after.binding is not None
    assert after.binding.address == other.server.url
    assert after.binding.pools == tuple(sorted(pool.id for pool in other.sandbox.pools()))
    assert after.campaigns == before.campaigns
    assert after.capabilities.get_campaign is None
    # Its campaigns are not on that server: that is an error, and nothing is created.
    planned = drafted.cli("plan", env=elsewhere)
    assert planned.code == 1
    assert "Leadterra no longer knows it" in " ".join(planned.text.split())
    again = drafted.cli("state", "rebind", env=elsewhere)
    assert (again.code, again.out.startswith("The state is bound to")) == (0, True)


def test_rebind_needs_a_server_that_answers(make_world: Callable[..., World]) -> None:
    world = make_world(SandboxOptions(key="sk_test_other"))
    world.campaign("one")
    world.apply()
    before = world.state()
    ended = world.cli("state", "rebind", "--auto-approve", env={"LEADTERRA_API_KEY": "sk_live_wrong"})
    assert ended.code == 1
    assert "sk_live_wrong" not in ended.text
    assert world.state() == before
