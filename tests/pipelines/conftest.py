"""A team's repository on a played GitHub, its workflows as `init` writes them, and a sandbox that they reach."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from support.actions.hub import Hub
from support.actions.results import Run
from support.world import World

from reconciler.model.state import State
from reconciler.session import Session
from reconciler.wiring import Place

KEY_NAME = "LEADTERRA_API_KEY"
SEND = "reconciler-send"


@dataclass
class Team:
    """The repository, a developer's clone with the sandbox's server, and what the reviewers of an environment say."""

    hub: Hub
    world: World
    asked: list[tuple[str, str]] = field(default_factory=list)
    refuses: bool = False

    def approve(self, environment: str, job: str) -> bool:
        self.asked.append((environment, job))
        return not self.refuses

    def files(self) -> dict[str, str]:
        """Return all that the developer has below specs/ and .github/."""
        root = self.world.root
        paths = [path for folder in ("specs", ".github") for path in sorted((root / folder).rglob("*"))]
        return {str(path.relative_to(root)): path.read_text() for path in paths if path.is_file()}

    def specs(self) -> dict[str, str]:
        """Return all that the developer has below specs/."""
        return {name: text for name, text in self.files().items() if name.startswith("specs/")}

    def starts(self, key: str, people: int = 3, **fields: object) -> dict[str, str]:
        """Write a campaign that is to run, with its list; return the files below specs/."""
        self.world.leads(key, people)
        self.world.campaign(key, status="running", **fields)
        return self.specs()

    def policy(self, **fields: object) -> None:
        """Write into the policy of workspace.yaml, beside what `init` wrote."""
        path = self.world.specs / "workspace.yaml"
        document = yaml.safe_load(path.read_text())
        document["policy"] |= fields
        path.write_text(yaml.safe_dump(document))

    def state(self) -> State:
        """Read the state as it is in the repository."""
        folder = self.world.root
        return Session(Place(folder / "specs", None, sandbox=False), self.world.settings).store.read()

    def set(self, workflow: str, before: str, after: str) -> None:
        """Change a workflow's file, as its owner would."""
        path = self.world.root / ".github" / "workflows" / f"reconciler-{workflow}.yml"
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))

    def statuses(self) -> dict[str, str]:
        """Return the status of each campaign in Leadterra, by name."""
        return {item.name: item.status for item in self.world.sandbox.campaigns()}

    def people(self, name: str) -> list[str]:
        return sorted(message.email for message in self.world.sandbox.messages(self.world.remote(name).id))

    def comments(self, number: int) -> list[str]:
        return [item["body"] for item in self.hub.comments(number)]


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Team]:
    """Make a repository that has nothing yet."""
    with Hub(tmp_path / "hub") as hub:
        team = Team(hub, World(hub.clone()))
        hub.ground.approve = team.approve
        try:
            yield team
        finally:
            team.world.close()


@pytest.fixture
def team(newcomer: Team) -> Team:
    """Make a repository whose main has the workflows and one draft; nothing has run yet."""
    _set_up(newcomer)
    return newcomer


def _set_up(team: Team) -> None:
    initialised(team)
    (team.world.specs / "campaigns" / "first-campaign.yaml").unlink()
    team.world.campaign("draft", leads=None)
    team.hub.commit(team.files(), message="Campaigns as code")


def initialised(team: Team) -> None:
    """Do what a new user does: `init`, and the inputs by which the workflows reach the sandbox and the lists."""
    hub, world = team.hub, team.world
    hub.ground.secrets = {KEY_NAME: world.options.key}
    ended = world.cli("init")
    assert ended.code == 0, ended.err
    assert "refs/reconciler/" in ended.out
    lists = world.root / "lists"
    given = f'      base-url: {world.server.url}\n      fetch-leads: cp -r "{lists}/." "$RECONCILER_LEADS_DIR"\n'
    for workflow in ("plan", "apply", "drift"):
        team.set(workflow, "    secrets:\n", f"    with:\n{given}    secrets:\n")
    team.set("stop", "    with:\n", f"    with:\n      base-url: {world.server.url}\n")
    team.set("suppress", "    secrets:\n", f"    with:\n      base-url: {world.server.url}\n    secrets:\n")


def clean(*runs: Run) -> None:
    """Hold runs to what every one must keep to: no secret and no address where it can be read."""
    for run in runs:
        assert not run.leaks, run.leaks
        assert not re.search(r"[\w.]+@example\.(com|org|net)", run.log), run.log
        for artifact in run.artifacts.values():
            for name, content in artifact.files.items():
                assert b"@example." not in content, (artifact.name, name)


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
