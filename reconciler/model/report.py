"""What an apply did, did not do, and why."""

from enum import StrEnum

from pydantic import AwareDatetime

from reconciler.diagnostics import Diagnostic
from reconciler.model.base import Frozen
from reconciler.model.plan import Kind


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


class Report(Frozen):
    """The whole run: every action of the plan is in it exactly once."""

    plan_digest: str
    started_at: AwareDatetime
    finished_at: AwareDatetime
    interrupted: bool = False
    results: tuple[ActionResult, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    def count(self, outcome: Outcome) -> int:
        """How many actions ended this way."""
        return sum(result.outcome is outcome for result in self.results)
