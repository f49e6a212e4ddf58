"""What an interrupted run left is told by the next plan, in words for people who did not see it (issue 3)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from execution.interrupted import EDITED, Server
from support.killing import Moment, MortalWorld
from support.world import STEPS, person

from reconciler.sandbox.options import UNDOCUMENTED

pytestmark = [pytest.mark.usefixtures("quick_runs"), pytest.mark.sample(2)]

RUN = r"an interrupted run \(ada@laptop, process 1, \d\d \w{3} \d\d:\d\d UTC\) "
DONE, NOT_DONE = Moment.ACTED, Moment.BEFORE_REQUEST


@pytest.fixture
def worlds() -> Iterator[list[MortalWorld]]:
    made: list[MortalWorld] = []
    yield made
    for world in made:
        world.close()


class Script:
    """Lets one campaign after another be interrupted, each alone, in one world."""

    def __init__(self, world: MortalWorld) -> None:
        self.world = world

    def file(self, key: str, status: str = "running", **fields: object) -> None:
        steps = [dict(step, subject=f"{key}: {step['subject']}") for step in STEPS]
        self.world.campaign(key, status=status, **{"sequenceSteps": steps, **fields})

    def there(self, key: str, status: str) -> None:
        self.world.leads(key)
        self.file(key, status)
        self.world.apply(key)

    def dies(self, key: str, moment: Moment, request: str) -> None:
        self.world.dies(moment, request, target=key)


def interrupt_everything(script: Script) -> None:
    world = script.world
    for key, moment in (("create", DONE), ("no-create", NOT_DONE)):
        world.leads(key)
        script.file(key)
        script.dies(key, moment, "create")
    for key, moment in (("update", DONE), ("no-update", NOT_DONE)):
        script.there(key, "draft")
        script.file(key, sequenceSteps=[*EDITED])
        script.dies(key, moment, "update")
    for request in ("enroll", "start"):
        for key, moment in ((request, DONE), (f"no-{request}", NOT_DONE)):
            script.there(key, "draft")
            script.file(key)
            script.dies(key, moment, request)
    script.there("details", "running")
    world.leads(
        "details",
        rows=[person("details", 0) | {"company": "Another"}, *(person("details", number) for number in (1, 2))],
    )
    script.dies("details", DONE, "enroll")
    for key, moment in (("resume", DONE), ("no-resume", NOT_DONE)):
        script.there(key, "running")
        script.file(key, "paused")
        world.apply(key)
        script.file(key)
        script.dies(key, moment, "start")
    for key, moment in (("pause", DONE), ("no-pause", NOT_DONE)):
        script.there(key, "running")
        script.file(key, "paused")
        script.dies(key, moment, "pause")


WORDS = {
    "create": r"created the draft camp_\w+ before it broke off: the draft is taken over",
    "no-create": r'was about to create "Campaign no-create", but did not get that far',
    "update": r"changed the draft before it broke off",
    "no-update": r"was about to change the draft, but did not get that far",
    "enroll": r"was enrolling 2 leads: they are sent again, which enrols nobody twice",
    "no-enroll": r"was enrolling 2 leads: none of them is in it",
    "details": r"was bringing up to date 1 lead: they are sent again",
    "start": r"started it before it broke off",
    "no-start": r"was about to start it, but did not get that far",
    "resume": r"resumed it before it broke off",
    "no-resume": r"was about to resume it, but did not get that far",
    "pause": r"paused it before it broke off",
    "no-pause": r"was about to pause it, but did not get that far",
}
UNREADABLE = {
    "create": r'may have created "Campaign create", and this server cannot list campaigns: it is created again, and a '
    r"draft without leads, which emails nobody, may be left over",
    "update": r"may have changed the draft; it is written again",
    "enroll": WORDS["enroll"],
    "no-start": r"may have started it, and this server does not show whether it runs: start is called again, which "
    r"changes nothing if it does",
    "no-resume": r"may have resumed it, and this server does not show whether it runs: start is called again, which "
    r"changes nothing if it does",
}


@pytest.mark.parametrize(
    ("server", "words"),
    [(Server(), WORDS), (Server(calls=UNDOCUMENTED - {"get", "list"}, status=False), UNREADABLE)],
    ids=["all calls", "unreadable"],
)
def test_the_next_plan_tells_what_was_left(
    tmp_path: Path, worlds: list[MortalWorld], server: Server, words: dict[str, str]
) -> None:
    world = server.world(tmp_path, port=True)
    worlds.append(world)
    interrupt_everything(Script(world))
    ended = world.cli("plan")
    assert ended.code == 0
    told = " ".join(ended.out.split())
    for key, expected in words.items():
        assert re.search(f"{key}: {RUN}{expected}", told), f"{key}: {expected}\n{ended.out}"


def test_what_was_started_late_under_a_stop_is_told_as_such(tmp_path: Path, worlds: list[MortalWorld]) -> None:
    world = Server().world(tmp_path, port=True)
    worlds.append(world)
    script = Script(world)
    script.there("one", "draft")
    script.file("one")
    script.dies("one", DONE, "start")
    world.stop_dies(2, "one")
    told = " ".join(world.cli("plan").out.split())
    assert "one is PAUSED" in told
    assert "it is stopped, and what was interrupted may have left it running" in told


def test_a_list_of_campaigns_that_cannot_be_read_is_told_as_an_error(tmp_path: Path, worlds: list[MortalWorld]) -> None:
    from reconciler.sandbox.faults import Fault

    world = Server().world(tmp_path, port=True)
    worlds.append(world)
    script = Script(world)
    world.leads("one")
    script.file("one")
    script.dies("one", DONE, "create")
    world.sandbox.add_fault(Fault(kind="list", action="reject"))
    ended = world.cli("plan")
    assert ended.code == 1
    told = " ".join(ended.out.split())
    words = 'may have created "Campaign one", and the campaigns could not be listed; nothing is planned for it until'
    assert re.search(f"one: {RUN}{words}", told), ended.out
