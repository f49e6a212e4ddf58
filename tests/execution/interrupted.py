"""What runs are interrupted in, on which servers, and what must be so once everything has come to rest."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.examples import SOAK
from support.killing import Moment, MortalWorld
from support.world import STEPS, actions, person

from reconciler.model.plan import Plan
from reconciler.model.report import Report
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.options import UNDOCUMENTED, SandboxOptions

BATCH = 2
"""Leads in a batch, so that few make several."""

EDITED = (dict(STEPS[0], subject="Good morning {{firstName}}"), dict(STEPS[1]))
AGAIN = (dict(STEPS[0], subject="Good evening {{firstName}}"), dict(STEPS[1]))


@dataclass(frozen=True)
class Server:
    """A kind of server: which undocumented calls exist, whether counters carry a status, and what else it knows."""

    calls: frozenset[str] = UNDOCUMENTED
    status: bool = True
    forgetful: bool = False

    def world(self, root: Path, *, port: bool = False) -> MortalWorld:
        options = SandboxOptions(undocumented_calls=self.calls, stats_status=self.status)
        return MortalWorld(root, options, forgetful=self.forgetful, port=port)

    @property
    def lists(self) -> bool:
        return "list" in self.calls


SERVERS = {
    "all calls": Server(),
    "documented only": Server(calls=frozenset()),
    "no status": Server(calls=frozenset(), status=False),
    "no idempotency": Server(calls=frozenset(), forgetful=True),
}


@dataclass(frozen=True)
class Case:
    """One thing a run can be interrupted in: what is there before, what the files say then, and which request it is.

    `in_flight` leads may be sent again: those of the batches beside it, too.
    """

    request: str
    before: Callable[[MortalWorld], None]
    wanted: Callable[[MortalWorld], None]
    nth: int = 1
    leads: int = 3
    in_flight: int = BATCH
    ends: str = "running"


def write(world: MortalWorld, status: str = "running", **fields: object) -> None:
    world.campaign("one", status=status, **fields)


def nothing(world: MortalWorld) -> None:
    world.leads("one")
    world.session()


def draft(world: MortalWorld) -> None:
    """Make a draft without leads."""
    world.leads("one")
    write(world, "draft")
    world.apply()


def draft_with_leads(world: MortalWorld, leads: int = 4) -> None:
    """Make a draft whose leads are in, since its start was refused."""
    world.leads("one", leads)
    write(world)
    world.sandbox.add_fault(Fault(kind="start", action="reject"))
    world.apply()
    world.sandbox.clear_faults()


def started(world: MortalWorld) -> None:
    world.leads("one")
    write(world)
    world.apply()


def paused(world: MortalWorld) -> None:
    started(world)
    write(world, "paused")
    world.apply()


def running_file(world: MortalWorld) -> None:
    write(world)


def edited(world: MortalWorld) -> None:
    write(world, sequenceSteps=[*EDITED])


def one_less(world: MortalWorld) -> None:
    """Somebody of a draft left the list: a new draft has to take over."""
    world.leads("one", 3)


def more(world: MortalWorld) -> None:
    world.leads("one", 5)


def with_more(world: MortalWorld) -> None:
    more(world)
    write(world)


def other_fields(world: MortalWorld) -> None:
    world.leads("one", rows=[person("one", number) | {"company": "Another"} for number in range(3)])


def no_file(world: MortalWorld) -> None:
    world.campaign("other", leads=None, sequenceSteps=[{"subject": "Other", "bodyText": "Other."}])
    (world.specs / "campaigns" / "one.yaml").unlink()


CASES = {
    "create": Case("create", nothing, running_file),
    "update": Case("update", draft, edited),
    "new draft": Case("create", draft_with_leads, one_less),
    "first batch": Case("enroll", draft, running_file),
    "middle batch": Case("enroll", draft, with_more, nth=2, leads=5, in_flight=3),
    "enrolment into a running campaign": Case("enroll", started, more, leads=5),
    "changed fields": Case("enroll", started, other_fields),
    "start": Case("start", draft, running_file),
    "resume": Case("start", paused, running_file),
    "pause": Case("pause", started, lambda world: write(world, "paused"), ends="paused"),
    "forget": Case("forget", started, no_file, ends="forgotten"),
}


def interrupted(notes: Plan) -> list[str]:
    """Return what a plan tells of an interrupted run."""
    return [item.message for item in notes.diagnostics if item.code == "interrupted"]


def until_done(world: MortalWorld, most: int = 4) -> list[Report]:
    """Apply until nothing is left to do; return the reports."""
    reports = []
    for _ in range(most):
        report = world.apply()
        reports.append(report)
        if not world.plan().actions:
            return reports
    raise AssertionError(
        f"it does not come to rest: {actions(world.plan())}, {[item.detail for item in report.results]}"
    )


def sound(world: MortalWorld, server: Server, *, people: dict[str, int], changed: bool = False, tries: int = 1) -> None:
    """Judge the end of everything (design §7): `people` are the keys that run or ran, and how many are on their list.

    Each started once; everybody of its list is in it, and nobody of it is in another campaign that sends; at most the
    batch in flight was sent twice; nothing is planned and nothing is open; what lies about is inert, and told. Where
    the files `changed`, a server that cannot list keeps the draft that was asked for before; one that does not know
    `Idempotency-Key` makes one with each of `tries`.
    """
    state, there = world.state(), {item.id: item for item in world.sandbox.campaigns()}
    assert world.plan().actions == ()
    assert state.operations == {}
    managed = {key: entry.id for key, entry in state.campaigns.items()}
    managed |= {key: buried.campaign.id for key, buried in state.tombstones.items() if key not in managed}
    for key, count in people.items():
        mine = there[managed[key]]
        assert (mine.starts, mine.status == "draft") == (1, False)
        leads = world.sandbox.leads(mine.id)
        assert {lead.email for lead in leads} >= {person(key, number)["email"] for number in range(count)}
        assert len(leads) == len(world.sandbox.messages(mine.id))
    sending = Counter(
        lead.email for item in there.values() if item.starts or item.resumes for lead in world.sandbox.leads(item.id)
    )
    assert {email for email, times in sending.items() if times > 1} == set()
    lying = [item for item in there.values() if item.id not in managed.values()]
    assert [item.id for item in lying if item.starts or world.sandbox.messages(item.id)] == []
    told = {item.id for item in state.leftovers}
    unknown = [item for item in lying if item.id not in told]
    assert [item.id for item in unknown if world.sandbox.leads(item.id)] == []
    assert len(unknown) <= (0 if server.lists or not (server.forgetful or changed) else tries)
    if unknown:
        assert {item.name for item in unknown} <= {item.name for item in state.leftovers if item.id is None}


def sent_again(world: MortalWorld) -> Counter[int]:
    """Count the leads of all campaigns that start or run by how often they were sent."""
    return Counter(
        lead.times_enrolled
        for item in world.sandbox.campaigns()
        for lead in world.sandbox.leads(item.id)
        if item.starts or item.resumes
    )


BEFORE_AND_AFTER = pytest.mark.parametrize(
    "moment", [Moment.BEFORE_REQUEST, Moment.ACTED], ids=["not carried out", "carried out"]
)
READING = pytest.mark.parametrize("server", ["all calls", "documented only"])
EVERYWHERE = pytest.mark.parametrize("server", ["all calls", "no status", *(["documented only"] if SOAK else [])])
"""A server that tells all, and one that tells least; with `make soak` what lies between, too."""


def die(root: Path, server: str, case: str, moment: Moment, *, port: bool = False) -> MortalWorld:
    """Leave what a run leaves that is killed in this."""
    world, wanted = SERVERS[server].world(root, port=port), CASES[case]
    wanted.before(world)
    wanted.wanted(world)
    world.dies(moment, wanted.request, wanted.nth)
    return world


def subjects(world: MortalWorld) -> dict[str, str]:
    """Return the subject of the first email of each campaign that was started."""
    return {item.id: item.steps[0].subject for item in world.sandbox.campaigns() if item.starts}


def statuses(world: MortalWorld) -> list[str]:
    return sorted(item.status for item in world.sandbox.campaigns())


def errors(plan: Plan) -> list[str]:
    return [item.code for item in plan.diagnostics if item.severity == "error"]
