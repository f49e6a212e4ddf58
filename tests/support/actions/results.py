"""What a test sees of a run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Command:
    """A workflow command that stood in a log: `::error file=a,line=1::text`."""

    name: str
    properties: Mapping[str, str]
    message: str


@dataclass(frozen=True)
class StepResult:
    """One step; `outcome` before `continue-on-error`, `conclusion` after it.

    `log` is what a reader of the run sees. The log, the commands and the summary of a composite action are those of
    its steps, which are in `steps`.
    """

    name: str
    id: str | None
    outcome: str
    conclusion: str
    code: int | None = None
    log: str = ""
    commands: tuple[Command, ...] = ()
    summary: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    steps: tuple["StepResult", ...] = ()


@dataclass(frozen=True)
class JobResult:
    """One job: `success`, `failure` or `skipped`; `name` is `caller / called` for one of a called workflow."""

    name: str
    result: str
    outputs: Mapping[str, str]
    steps: tuple[StepResult, ...] = ()
    permissions: Mapping[str, str] = field(default_factory=dict)
    environment: str = ""

    @property
    def log(self) -> str:
        return "".join(step.log for step in self.steps)

    @property
    def summary(self) -> str:
        return "".join(step.summary for step in self.steps)

    @property
    def commands(self) -> tuple[Command, ...]:
        return tuple(command for step in self.steps for command in step.commands)

    def step(self, name: str) -> StepResult:
        """Return the one step of this id or name, also one inside a composite action."""
        (found,) = [step for step in _flat(self.steps) if name in (step.id, step.name)]
        return found


@dataclass(frozen=True)
class Leak:
    """A secret or a masked value where it can be read, or could be but for GitHub's stars."""

    job: str
    where: str
    value: str
    line: str


@dataclass(frozen=True)
class Artifact:
    """An uploaded artifact; one not `archived` is a single file under its own name."""

    id: int
    name: str
    files: Mapping[str, bytes]
    archived: bool
    retention_days: int
    run: int
    created_at: str = ""


@dataclass(frozen=True)
class Run:
    """One run of a workflow of the user's repository; `workflow` is the file's name, `sha` is GITHUB_SHA."""

    id: int
    workflow: str
    event: str
    conclusion: str
    sha: str
    jobs: Mapping[str, JobResult]
    artifacts: Mapping[str, Artifact]
    leaks: tuple[Leak, ...]
    groups: Mapping[str, Any]

    def job(self, name: str) -> JobResult:
        """Return the one job of this name; without one, that whose name ends with it (`caller / called`)."""
        if name in self.jobs:
            return self.jobs[name]
        (found,) = [job for key, job in self.jobs.items() if key.endswith(f" / {name}")]
        return found

    @property
    def log(self) -> str:
        return "".join(job.log for job in self.jobs.values())

    @property
    def results(self) -> dict[str, str]:
        return {name: job.result for name, job in self.jobs.items()}


def _flat(steps: tuple[StepResult, ...]) -> Iterator[StepResult]:
    for step in steps:
        yield step
        yield from _flat(step.steps)
