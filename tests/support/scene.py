"""One workspace with something of everything to do, a picture of how it must end, and what must never be."""

import shutil
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.model.state import State
from reconciler.sandbox.options import SandboxOptions
from reconciler.session import Session
from support.forge import Forge
from support.world import STEPS, Ended, World, person

ALL_CALLS = SandboxOptions()
DOCUMENTED = SandboxOptions(undocumented_calls=frozenset(), stats_status=False)
PROFILES = {"all": ALL_CALLS, "documented": DOCUMENTED}
BATCH = 3
SEGMENTS = 2
"""From more than so many on, the segments of a ledger are merged."""

REF = "refs/reconciler/acme"
EDITED = ({**STEPS[0], "subject": "Edited {{firstName}}"}, STEPS[1])

FRESH = ({**STEPS[0], "subject": "Fresh {{firstName}}"}, STEPS[1])


def make_world(folder: Path, profile: str, backend: str) -> World:
    """Make a workspace; with git, in a clone of a bare repository."""
    world = World(folder / "world", PROFILES[profile])
    if backend == "git":
        for arguments in (
            ("init", "-q", "--bare", str(folder / "remote.git")),
            ("init", "-q", str(world.root)),
            ("-C", str(world.root), "remote", "add", "origin", str(folder / "remote.git")),
        ):
            subprocess.run(["git", *arguments], check=True)
    world.workspace(workspace="acme", state={"backend": backend})
    return world


def read_state(world: World) -> State:
    return Session(world.place, world.settings).store.read()


def prepare(world: World, forge: Forge) -> None:
    """Bring a workspace to the point where every kind of action is to come: its apply is the one that dies."""
    world.leads("sending", 4)
    for key in ("sending", "pausing", "resuming", "growing", "leaving"):
        world.campaign(key, status="running")
        world.leads(key, 4)
    for key in ("edited", "replaced"):
        world.campaign(key, status="draft")
        world.leads(key, 5)
    done(forge.run(world, "state", "init"))
    done(forge.run(world, "apply", "--auto-approve"))
    world.campaign("resuming", status="paused")
    done(forge.run(world, "apply", "--auto-approve"))
    world.campaign("resuming", status="running")
    world.campaign("pausing", status="paused")
    world.campaign("edited", status="running", sequenceSteps=list(EDITED))
    world.campaign("replaced", status="draft", sequenceSteps=list(EDITED))
    world.leads("growing", 8)
    (world.specs / "campaigns" / "leaving.yaml").unlink()
    world.campaign("fresh", status="running", sequenceSteps=list(FRESH))
    world.leads("fresh", 13)
    world.campaign("idea", status="draft", sequenceSteps=list(FRESH))
    world.leads("idea", 2)


def done(ended: Ended) -> Ended:
    assert ended.code == 0, ended.text
    return ended


@dataclass
class Snapshot:
    """A workspace and its server as they were, to begin from again and again."""

    world: World
    folder: Path
    head: str = ""

    @property
    def _remote(self) -> Path:
        return self.world.root.parent / "remote.git"

    def take(self) -> None:
        self.folder.mkdir()
        if self._remote.exists():
            self.head = git("-C", str(self._remote), "rev-parse", REF)
        else:
            shutil.copytree(self.world.root / ".reconciler", self.folder / "state")
        copy(self.world.root / "server.sqlite3", self.folder / "server.sqlite3")

    def restore(self) -> None:
        if self.head:
            git("-C", str(self._remote), "update-ref", REF, self.head)
            git("-C", str(self.world.root), "update-ref", f"refs/reconciler-seen/origin/{REF[5:]}", self.head)
        else:
            shutil.rmtree(self.world.root / ".reconciler", ignore_errors=True)
            shutil.copytree(self.folder / "state", self.world.root / ".reconciler")
        self.world.sandbox.clear_faults()
        copy(self.folder / "server.sqlite3", self.world.root / "server.sqlite3")


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def copy(source: Path, target: Path) -> None:
    """Copy a database whole, whoever has it open."""
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target, timeout=30)) as written:
        read.backup(written)


def picture(world: World, state: State) -> dict[str, Any]:
    """Return what the server has of each managed campaign, or of one that was: status, people, text, messages."""
    seen: dict[str, Any] = {}
    entries = {**{key: item.campaign for key, item in state.tombstones.items()}, **state.campaigns}
    for key, entry in sorted(entries.items()):
        campaign = world.sandbox.campaign(entry.id)
        people = sorted(lead.email for lead in world.sandbox.leads(entry.id))
        first = Counter(message.email for message in world.sandbox.messages(entry.id) if message.step == 0)
        seen[key] = {
            "managed": key in state.campaigns,
            "status": campaign.status,
            "starts": campaign.starts,
            "people": people,
            "known": entry.expected_enrolled,
            "subjects": [step.subject for step in campaign.steps],
            "first": sorted(first.values()),
        }
    return seen


def check_server(world: World) -> None:
    """Check what must hold at any moment, whatever died."""
    where: dict[str, list[str]] = {}
    for campaign in world.sandbox.campaigns():
        assert campaign.starts <= 1, f"{campaign.name} was started {campaign.starts} times"
        if campaign.status != "draft":
            for lead in world.sandbox.leads(campaign.id):
                where.setdefault(lead.email, []).append(campaign.id)
        steps = Counter((message.email, message.step) for message in world.sandbox.messages(campaign.id))
        assert all(count == 1 for count in steps.values()), f"{campaign.name} sends a step twice"
    twice = {email: ids for email, ids in where.items() if len(ids) > 1}
    assert not twice, f"{len(twice)} people are in two campaigns that run"


def check_end(world: World, state: State, *, lists: bool) -> None:
    """Check what must hold once a run has ended well: nothing is open, and what nobody manages is inert."""
    check_server(world)
    assert not state.operations
    managed = {entry.id for entry in state.campaigns.values()}
    managed |= {item.campaign.id for item in state.tombstones.values()}
    told = {item.id for item in state.leftovers}
    for campaign in world.sandbox.campaigns():
        if campaign.id in managed:
            continue
        assert campaign.status == "draft", f"{campaign.name} runs, and nobody manages it"
        if campaign.id not in told:
            assert not world.sandbox.leads(campaign.id), f"an orphan of {campaign.name} has leads"
            assert not lists, f"an orphan of {campaign.name} was not found on a server that lists campaigns"


def expected(key: str, count: int) -> list[str]:
    return [person(key, number)["email"] for number in range(count)]
