"""What somebody else does meanwhile, and what a stop command does."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from support.world import World

from reconciler.diagnostics import Diagnostic
from reconciler.execution import stopping
from reconciler.execution.stopping import EVERYTHING, mark, pause_all, targets
from reconciler.model.report import Report
from reconciler.sandbox.records import AccountStatus, PoolSpec

if TYPE_CHECKING:
    from reconciler.sandbox.records import Received

AT = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def name(key: str) -> str:
    return f"Campaign {key}"


def remote_id(world: World, key: str = "one") -> str:
    return str(world.remote(name(key)).id)


def drafted(world: World, *keys: str, leads: int = 3) -> None:
    """Make drafts without leads, and let their files say running."""
    for key in keys:
        world.leads(key, leads)
        world.campaign(key)
    world.apply()
    for key in keys:
        world.campaign(key, status="running")


def running(world: World, *keys: str, leads: int = 3) -> None:
    for key in keys:
        world.leads(key, leads)
        world.campaign(key, status="running")
    world.apply()


def enroll_stranger(world: World, key: str = "one") -> None:
    world.sandbox.enroll(remote_id(world, key), {"leads": [{"email": "stranger@example.org", "firstName": "S"}]})


def pools(world: World, left: int, *, accounts: tuple[AccountStatus, ...] = ("active",)) -> None:
    world.sandbox.set_pools([PoolSpec("Primary Outbound", 10_000, left, accounts)])


def leave_mark(world: World, *scopes: str) -> None:
    mark(world.session().store, scopes or (EVERYTHING,), reason="wrong price", by="ada@host", at=AT)


def stop(world: World, *keys: str) -> tuple[list[Diagnostic], list[str]]:
    """Mark and pause, as the command does."""
    session, told = world.session(), list[str]()
    state = mark(session.store, keys or (EVERYTHING,), reason="wrong price", by="ada@host", at=AT)
    chosen = targets(state, keys or (EVERYTHING,))
    with session.open_api(allow_writes=True) as api:
        return pause_all(session.store, api, chosen, told.append, by="ada@host", clock=lambda: AT), told


def lift(world: World, *scopes: str) -> tuple[str, ...]:
    """Take marks away, as the command does."""
    return stopping.lift(world.session().store, scopes or (EVERYTHING,), by="ada@host", at=AT)


def since(world: World, before: int) -> "list[Received]":
    """Return the requests after the first `before`."""
    return list(world.sandbox.requests()[before:])


def seen(world: World) -> int:
    return len(world.sandbox.requests())


def queued(world: World) -> int:
    """Return how many emails the whole server has been told to send."""
    return sum(len(world.sandbox.messages(item.id)) for item in world.sandbox.campaigns())


def detail(report: Report, kind: str, key: str = "one") -> str:
    (found,) = [item.detail for item in report.results if item.campaign == key and item.kind.value == kind]
    return found
