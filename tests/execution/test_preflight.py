"""A state that does not belong to these files, this server or this key is refused before anything is read or done."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest
from execution.acts import drafted, pools, seen
from pydantic import SecretStr
from support.world import Recorder, World

from reconciler.diagnostics import StateError
from reconciler.session import Session
from reconciler.settings import Settings
from reconciler.upkeep import create_state
from reconciler.wiring import Place


def refusal(world: World, *, settings: Settings | None = None, place: Place | None = None) -> str:
    """Apply with other settings; return the code of the refusal, and make sure that nothing was touched."""
    place = place or world.place
    document = place.folder / "state.json"
    before, requests = document.read_bytes(), world.writes()
    with pytest.raises(StateError) as caught:
        Session(place, settings or world.settings).apply(
            targets=(), approve=lambda _plan: True, sink=Recorder(), owner="test"
        )
    assert document.read_bytes() == before
    assert world.writes() == requests
    return caught.value.diagnostics[0].code


@pytest.fixture
def ready(world: World) -> World:
    drafted(world, "one")
    return world


def test_another_lineage(ready: World) -> None:
    requests = seen(ready)
    ready.workspace(state={"lineage": "another"})
    assert refusal(ready) == "state-lineage"
    assert seen(ready) == requests


def test_another_environment(ready: World) -> None:
    """A state that was copied into the folder of another environment does not become its state."""
    ready.workspace(state={"lineage": ready.state().lineage}, environments={"production": {}})
    place = replace(ready.place, environment="production")
    shutil.copytree(ready.place.folder, place.folder)
    assert refusal(ready, place=place) == "state-environment"


def test_another_server(ready: World, make_world: Callable[..., World]) -> None:
    """It is not even asked: the key would go to it."""
    other = make_world(name="other")
    settings = ready.settings.model_copy(update={"base_url": other.settings.base_url})
    assert refusal(ready, settings=settings) == "state-binding"
    assert other.kinds() == []


def test_another_kind_of_key(ready: World) -> None:
    requests = seen(ready)
    settings = ready.settings.model_copy(update={"api_key": SecretStr("sk_live_other")})
    assert refusal(ready, settings=settings) == "state-binding"
    assert seen(ready) == requests


def test_none_of_the_known_pools(ready: World) -> None:
    from reconciler.sandbox.records import PoolSpec

    ready.sandbox.set_pools([PoolSpec("Somebody else's", 100, 100, ("active",))])
    assert refusal(ready) == "state-binding"


def test_one_known_pool_is_enough(ready: World) -> None:
    pools(ready, 100)
    assert ready.apply().results != ()
    binding = ready.state().binding
    assert binding is not None
    assert len(binding.pools) == 1


def test_no_state_is_not_an_empty_state(ready: World) -> None:
    """A lineage that is committed and whose state is gone is an error, for apply and for `state init` alike."""
    shutil.rmtree(ready.place.folder)
    session = Session(ready.place, ready.settings)
    with pytest.raises(StateError) as caught:
        session.apply(targets=(), approve=lambda _plan: True, sink=Recorder(), owner="test")
    assert caught.value.diagnostics[0].code == "state-lost"
    with pytest.raises(StateError) as lost:
        create_state(Session(ready.place, ready.settings), by="test")
    assert lost.value.diagnostics[0].code == "state-lost"
    assert not ready.place.folder.exists()


def test_a_second_state_is_refused(ready: World) -> None:
    with pytest.raises(StateError) as caught:
        create_state(ready.session(), by="test")
    assert caught.value.diagnostics[0].code == "state-exists"


def test_a_plan_binds_nothing(world: World) -> None:
    """`plan` writes nothing: the first apply does."""
    world.leads("one")
    world.campaign("one", status="running")
    document = world.session().place.folder / "state.json"
    before = document.read_bytes()
    world.plan()
    assert document.read_bytes() == before
    assert json.loads(before)["binding"] is None
    world.apply()
    assert world.state().binding is not None
