"""From any prefix of any journal, recovery completes to the same end (issue 3)."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from execution.acts import name
from execution.interrupted import SERVERS, Server, sound, until_done
from hypothesis import HealthCheck, Phase, given, note
from hypothesis import strategies as st
from support.examples import examples
from support.killing import Fate, MortalWorld
from support.world import person

pytestmark = pytest.mark.usefixtures("quick_runs")

KEYS = ("a", "b", "c")


@dataclass(frozen=True)
class Wish:
    """What a file says: a status, one of a few texts, and how many people are on its list."""

    status: str
    text: int
    people: int

    def write(self, world: MortalWorld, key: str) -> None:
        world.leads(key, rows=[person(key, number) for number in range(self.people)])
        steps = [{"subject": f"{key} {self.text}", "bodyText": f"Text {key}.", "delayDays": 0}]
        world.campaign(key, status=self.status, sequenceSteps=steps)


@dataclass(frozen=True)
class Story:
    """One campaign: what its file said when everything was at rest, if it was there, and what it says now."""

    before: Wish | None
    now: Wish

    @property
    def enrolled(self) -> int:
        """How many people are in it in the end; none, where it never runs. What is paused gets nobody new."""
        if self.now.status == "running":
            return self.now.people
        return self.before.people if self.before and self.now.status == "paused" else 0


def wishes(statuses: tuple[str, ...], people: st.SearchStrategy[int]) -> st.SearchStrategy[Wish]:
    return st.builds(Wish, status=st.sampled_from(statuses), text=st.integers(0, 1), people=people)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Draw what can be done without a person: steps of a started campaign stay, and nobody leaves its list."""
    before = draw(st.none() | wishes(("draft", "running"), st.integers(1, 5)))
    if before is None or before.status == "draft":
        return Story(before, draw(wishes(("draft", "running"), st.integers(1, 5))))
    grown = st.integers(before.people, 5)
    return Story(before, Wish(draw(st.sampled_from(["running", "paused"])), before.text, draw(grown)))


def make(root: Path, server: Server, campaigns: Mapping[str, Story]) -> MortalWorld:
    world = server.world(root)
    for key, story in campaigns.items():
        if story.before is not None:
            story.before.write(world, key)
    if any(story.before for story in campaigns.values()):
        until_done(world)
    for key, story in campaigns.items():
        story.now.write(world, key)
    return world


def end(world: MortalWorld) -> dict[str, tuple[object, ...]]:
    """Return all that matters in the end: what runs, how often it was started, whom it has, and what they read."""
    ended: dict[str, tuple[object, ...]] = {}
    there = {item.id: item for item in world.sandbox.campaigns()}
    for key, entry in world.state().campaigns.items():
        mine = there[entry.id]
        leads = {lead.email for lead in world.sandbox.leads(mine.id)}
        messages = sorted((message.email, message.step) for message in world.sandbox.messages(mine.id))
        ended[key] = (mine.status, mine.starts, leads, mine.steps[0].subject, messages, entry.status)
    return ended


# To shrink an example takes minutes, since each is a dozen runs; they are small already.
@examples(
    30,
    least=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(
    server=st.sampled_from(sorted(SERVERS)),
    campaigns=st.dictionaries(st.sampled_from(KEYS), stories(), min_size=1),
    deaths=st.lists(st.integers(1, 24), min_size=1, max_size=3),
)
def test_whatever_is_cut_wherever_it_ends_as_if_it_had_not_been(
    server: str, campaigns: Mapping[str, Story], deaths: list[int]
) -> None:
    """Runs are cut one after another, at a record or a request of any campaign, in whatever order threads are."""
    with tempfile.TemporaryDirectory() as folder:
        calm = make(Path(folder) / "calm", SERVERS[server], campaigns)
        until_done(calm)
        world = make(Path(folder) / "cut", SERVERS[server], campaigns)
        for death in deaths:
            fate = Fate(boundary=death)
            world.applied(fate)
            note(f"died after {fate.passed}" if fate.dead else "lived")
        until_done(world)
        assert end(world) == end(calm)
        people = {key: story.enrolled for key, story in campaigns.items() if story.enrolled}
        sound(world, SERVERS[server], people=people, tries=len(deaths) * len(campaigns))
        assert {name(key) for key in campaigns} == {item.name for item in world.sandbox.campaigns()}
