"""What an apply did, did not do, and why."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from reconciler.diagnostics import Diagnostic
from reconciler.model.base import Frozen
from reconciler.model.plan import Kind

REPORT_FORMAT_VERSION: Literal[1] = 1


class Outcome(StrEnum):
    """What became of an action. `unknown`: the request left, and no answer tells whether it was carried out."""

    DONE = "done"
    FAILED = "failed"
    HELD = "held"
    BLOCKED = "blocked"
    SCHEDULED = "scheduled"
    NOT_ATTEMPTED = "not attempted"
    UNKNOWN = "unknown"


class ActionResult(Frozen):
    """One line of the report. `detail` is words and counts, never an address."""

    campaign: str
    kind: Kind
    outcome: Outcome
    detail: str = ""
    leads_enrolled: int | None = None
    queued_messages: int | None = None


class Moved(Frozen):
    """One thing that is not as it was when the plan was approved.

    `path` is that of a change, or else `actions`, `desired`, `live`, `people`, `people.leads`, `people.new` or
    `problem`. `origin`: changed in git, or on the server. Values are null where only digests tell that it changed.
    """

    campaign: str
    path: str = Field(examples=["sequenceSteps[0].subject"])
    before: Any = None
    after: Any = None
    origin: Literal["git", "drift"] = "git"


class Report(Frozen):
    """The whole run: every action of the plan is in it exactly once. As a file it is the receipt of an apply."""

    format_version: Literal[1] = REPORT_FORMAT_VERSION
    tool: str = ""
    workspace: str | None = Field(default=None, description="Null where it ended before there was a plan.")
    environment: str = ""
    lineage: str | None = Field(default=None, description="Of the state; null where that could not be read.")
    serial_before: int | None = Field(default=None, description="Serial of the state before the run.")
    serial_after: int | None = Field(default=None, description="Serial of the state after it.")
    plan_digest: str | None = Field(
        default=None, description="Digest of the plan that was carried out; null where there was none."
    )
    approved: str | None = Field(default=None, description="Digest of the saved plan that approved it.")
    started_at: AwareDatetime
    finished_at: AwareDatetime
    interrupted: bool = False
    exit_code: int | None = Field(default=None, description="Null: the run has not ended, or was killed.")
    counts: dict[Outcome, int] = Field(default={}, description="Actions by outcome.")
    results: tuple[ActionResult, ...] = ()
    moved: tuple[Moved, ...] = Field(
        default=(), description="What kept a saved plan from covering campaigns: these were not touched."
    )
    diagnostics: tuple[Diagnostic, ...] = ()
    next: tuple[str, ...] = Field(default=(), description="What to run next, in words; empty: nothing is left.")

    def count(self, outcome: Outcome) -> int:
        """How many actions ended this way."""
        return sum(result.outcome is outcome for result in self.results)
