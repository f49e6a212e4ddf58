"""One enrolment that meets everything: a messy list, suppressions, bad leads, SIGKILL, a list that changes meanwhile.

3,000 people in batches of 100; the numbers in the checks are counted by hand from `people`.
"""

import json
import os
import re
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from support.forge import KILLED, Forge
from support.scene import done, make_world, read_state
from support.world import Ended, World, person

from reconciler.sandbox.faults import Fault, Naming
from reconciler.sandbox.records import Lead, PoolSpec

BATCH = 100
PEOPLE = 3_000
APPLY = ("apply", "--auto-approve")
SUPPRESSED = range(7, PEOPLE, 300)
"""Put on the suppression list by this repository: they are never sent."""
DASHBOARD = range(8, PEOPLE, 300)
"""Put there by somebody else: the server passes over them without a word."""
REFUSED = range(9, PEOPLE, 300)
"""Refused by the server; they stand on lines 12, 312, 612 and so on."""
GONE = range(2_980, PEOPLE)
CHANGED = (*range(20, 25), *range(2_900, 2_905))
"""The first five were enrolled before the kill, the others were not."""


def people() -> list[dict[str, str]]:
    rows = [person("one", number) for number in range(PEOPLE)]
    for number in REFUSED:
        rows[number]["email"] = f"bad.{rows[number]['email']}"
    return rows


def mess(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Put a row that is no lead on line 2, so that person 0 is on line 3, and ten repeated addresses at the end."""
    return [
        {**rows[0], "email": "zachary at example.com"},
        *rows,
        *({**row, "email": row["email"].upper()} for row in rows[::300]),
    ]


def addresses(numbers: Iterable[int]) -> list[str]:
    return [person("one", number)["email"] for number in numbers]


class Watch:
    """Stands before the server: keeps whom each enrolment names, and kills a client that sends a certain person."""

    def __init__(self, world: World) -> None:
        self._app = world.app.wsgi_app
        world.app.wsgi_app = self  # type: ignore[method-assign]
        self._idle = threading.Condition()
        self._under_way = 0
        self.named: list[list[str]] = []
        self._victim: tuple[int, str] | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        with self._counted():
            if environ["PATH_INFO"].endswith("/leads/bulk"):
                body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
                environ["wsgi.input"] = BytesIO(body)
                self._enrolment([lead["email"] for lead in json.loads(body)["leads"]])
            return list(self._app(environ, start_response))

    def _enrolment(self, emails: list[str]) -> None:
        self.named.append(emails)
        if self._victim is not None and self._victim[1] in emails:
            os.kill(self._victim[0], signal.SIGKILL)
            self._victim = None

    def kill(self, pid: int, email: str) -> None:
        """Let this process die when it sends this person."""
        self._victim = pid, email

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._idle:
            self._under_way += 1
        try:
            yield
        finally:
            with self._idle:
                self._under_way -= 1
                self._idle.notify_all()

    def settle(self) -> None:
        """Wait until the server is done with what a dead client asked for."""
        with self._idle:
            assert self._idle.wait_for(lambda: self._under_way == 0, 20)


class Scene:
    """One campaign whose list is about to be enrolled, on a server that accepts no lead of `REFUSED`.

    A campaign that has `begun` runs with 40 other people, who are on the list, too. `texts` are all that was printed.
    """

    def __init__(self, folder: Path, backend: str, *, begun: bool) -> None:
        world = make_world(folder, "all", backend)
        world.workspace(workspace="acme", state={"backend": backend}, policy={"maxNewRecipients": 5_000})
        world.sandbox.set_pools([PoolSpec("Large", 10_000, 10_000, ("active",))])
        world.campaign("one", status="running", leads={"source": "leads:one.csv", "onInvalid": "skip"})
        self.world, self.watch, self._forge = world, Watch(world), Forge(folder / "runs")
        self.texts: list[str] = []
        self.before = [person("early", number) for number in range(40 if begun else 0)]
        self.run("state", "init")
        if begun:
            world.leads("one", rows=self.before)
            self.run(*APPLY)

    def run(self, *arguments: str) -> str:
        """Return what a command that ends well prints, on one line."""
        return self._said(done(self._forge.run(self.world, *arguments, batch=BATCH)))

    def suppress(self) -> None:
        text = "\n".join(addresses(SUPPRESSED))
        self._said(done(self.world.cli("suppress", "--auto-approve", stdin=text)))
        self.world.sandbox.suppress({"emails": addresses(DASHBOARD)})

    def killed(self, at: int) -> None:
        """Apply, and die while the server receives this person. It names bad leads by their address."""
        self.world.leads("one", rows=mess(people()) + self.before)
        self._refuse("email")
        child = self._forge.start(self.world, *APPLY, batch=BATCH)
        self.watch.kill(child.pid, addresses([at])[0])
        ended = child.wait()
        assert ended.code == KILLED, ended.text
        self._said(ended)
        self.watch.settle()

    def change(self) -> list[str]:
        """Let people leave, come and change, and the server name no bad lead any more; return who came."""
        rows = people()
        added = [person("late", number) for number in range(25)]
        for number, new in zip(GONE, added, strict=False):
            rows[number] = new
        for number in CHANGED:
            rows[number]["company"] = "Renamed"
        self.world.leads("one", rows=mess([*rows, *added[len(GONE) :]]) + self.before[:35])
        self._refuse("nothing")
        return [row["email"] for row in added]

    def _refuse(self, names: Naming) -> None:
        self.world.sandbox.clear_faults()
        self.world.sandbox.add_fault(Fault(kind="enroll", action="reject_leads", names=names))

    def _said(self, ended: Ended) -> str:
        self.texts.append(ended.text)
        return " ".join(ended.text.split())


@pytest.fixture(params=[("git", False), ("local", True)], ids=["a draft", "a running campaign"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """Make a draft with its state in git, and a running campaign with its state in a folder."""
    backend, begun = request.param
    made = Scene(tmp_path, backend, begun=begun)
    yield made
    made.world.close()


def test_everything_in_one_enrolment(scene: Scene) -> None:
    """After the second run everybody is enrolled once, nobody who must not be, and there is nothing left to do.

    Only people who were not sent yet leave the list: with others, a new draft would take over.
    """
    scene.suppress()
    # Batches: one alone, then four side by side. Person 1450 is in the 15th, the second of its wave.
    scene.killed(at=1_450)
    added = scene.change()
    again = scene.run(*APPLY)
    planned = scene.run("plan", "--detailed-exitcode")

    world = scene.world
    campaign = world.remote("Campaign one")
    leads = world.sandbox.leads(campaign.id)
    out = {*SUPPRESSED, *DASHBOARD, *REFUSED, *GONE}
    should = [*addresses(number for number in range(PEOPLE) if number not in out), *added]
    # 3,000 less 10 suppressed here, 10 there, 10 refused and 20 gone, and 25 more.
    assert len(should) == 2_975
    should += [row["email"] for row in scene.before]
    queued = [message.email for message in world.sandbox.messages(campaign.id)]
    assert sorted(lead.email for lead in leads) == sorted(queued) == sorted(should)
    assert (campaign.status, campaign.starts) == ("running", 1)
    state = read_state(world)
    assert (state.operations, state.campaigns["one"].expected_enrolled) == ({}, len(should))
    renamed = [lead.email for lead in leads if lead.fields["company"] == "Renamed"]
    assert sorted(renamed) == addresses(CHANGED)

    check_repeated(leads)
    assert not {email for emails in scene.watch.named for email in emails} & set(addresses([*SUPPRESSED, *GONE]))
    check_told(again, planned)
    assert not re.search(r"example\.com|(?:one|early|late)\.\d{5}|zachary", "\n".join(scene.texts), re.IGNORECASE)


def check_repeated(leads: Sequence[Lead]) -> None:
    """Check who was sent twice: four batches at most, and who changed.

    The 14th to the 17th batch were under way, and the 15th was carried out without an answer.
    """
    assert {lead.times_enrolled for lead in leads} == {1, 2}
    twice = {lead.email for lead in leads if lead.times_enrolled == 2}
    assert twice <= {*addresses(range(1_305, 1_706)), *addresses(CHANGED[:5])}
    assert twice >= {*addresses(range(1_405, 1_505)), *addresses(CHANGED[:5])}


def check_told(again: str, planned: str) -> None:
    """Check the words: five leads were refused before the kill and are remembered, the others were found by halves."""
    on_the_way = [int(found) for found in re.findall(r"was enrolling (\d+) leads?", again)]
    # Told by the minute: where one ends in the middle of a wave, there are two lines. Of these 400 person 1509 is
    # refused by name; that answer may have come before the kill or not.
    assert sum(on_the_way) in {400 - 1, 400}
    assert "left out: lines 12, 312, 612, 912, 1212. lists/one.csv" in again
    refused = re.findall(r"did not accept b\*\*\*@\*\*\*, who was left out. lists/one.csv:(\d+)", again)
    assert refused == ["1512", "1812", "2112", "2412", "2712"]
    assert "left out: lines 12, 312, 612, 912, 1212, 1512, 1812, 2112, 2412, 2712. lists/one.csv" in planned
    assert "z*** cannot be used: it has no @. lists/one.csv:2" in planned
