"""What all jobs of a hub stand on, and the room that each has for itself."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.actions.logs import JobLog, StepLog
from support.actions.records import Records
from support.actions.values import Refused

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


class ActionFailed(Exception):  # noqa: N818 - what happened, as the reader of a log sees it
    """An action says that it failed: the step fails with this message."""


@dataclass(frozen=True)
class Install:
    """A `pip install` of a step: its arguments as given."""

    arguments: tuple[str, ...]
    folder: str


@dataclass
class Ground:
    """The settings of a user's repository, the project, and where everything is."""

    folder: Path
    project: Path
    repository: str
    url: str
    records: Records
    secrets: Mapping[str, str]
    variables: Mapping[str, str]
    environments: Mapping[str, Mapping[str, str]]
    process: Mapping[str, str]
    approve: Callable[[str, str], bool]
    step_seconds: float

    @property
    def remote(self) -> Path:
        return self.folder / "remotes" / self.repository

    @property
    def tools(self) -> Path:
        """The folder with `gh`."""
        return self.folder / "tools"

    @property
    def installs(self) -> Path:
        """The file in which the stand-in of pip writes what it was asked, a line of JSON each."""
        return self.folder / "installs.jsonl"


@dataclass
class Room:
    """One job while it runs: an empty workspace, an empty home, a token."""

    ground: Ground
    folder: Path
    run: int
    token: str
    log: JobLog
    contexts: dict[str, Any]
    variables: Mapping[str, str]
    # The repository and the commit that the job's workflow came from.
    source: tuple[str, str]
    env: dict[str, str] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)
    failed: bool = False
    summaries: list[str] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        for folder in (self.workspace, self.temp, self.home):
            folder.mkdir(parents=True)

    @property
    def workspace(self) -> Path:
        name = self.ground.repository.rpartition("/")[2]
        return self.folder / "work" / name / name

    @property
    def temp(self) -> Path:
        return self.folder / "temp"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def number(self) -> int:
        self._count += 1
        return self._count

    def inside(self, given: str) -> Path:
        """Return a path of the workspace, which must not be left."""
        path = Path(os.path.normpath(self.workspace / given))
        if not path.is_relative_to(self.workspace):
            raise ActionFailed(f"Repository path '{path}' is not under '{self.workspace}'")
        return path

    def environ(self, env: Mapping[str, str], own: Mapping[str, str] = {}) -> dict[str, str]:
        """Return the environment of a process: nothing of this one's but what measures coverage.

        `env` is what files set, `own` are the runner's variables for this step, which no file can set.
        """
        path = ":".join([*reversed(self.path), str(self.ground.tools), SYSTEM_PATH])
        return {
            **{name: value for name, value in os.environ.items() if name.startswith(("COV", "LANG"))},
            "GIT_CONFIG_NOSYSTEM": "1",
            **self.ground.process,
            **env,
            **self.variables,
            **own,
            "HOME": str(self.home),
            "PATH": env.get("PATH", path),
        }

    def call(self, arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> tuple[int, str]:
        """Run a process and return its exit code and what it said, on both streams, in order."""
        with subprocess.Popen(
            arguments,
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            try:
                said, _ = process.communicate(timeout=self.ground.step_seconds)
            except subprocess.TimeoutExpired as late:
                os.killpg(process.pid, signal.SIGKILL)
                said, _ = process.communicate()
                raise Refused(f"{late}; it said: {said.decode(errors='replace')}") from late
        return process.returncode, said.decode(errors="replace")


@dataclass(frozen=True)
class Used:
    """One use of an action that the player does itself."""

    room: Room
    inputs: Mapping[str, str]
    log: StepLog
