"""The record of an apply: completed with what only the command knows, and written as a receipt whatever happens."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.commands.common import command_line, show_diagnostics, verdict
from reconciler.commands.exits import BUG, FAILED, INTERRUPTED
from reconciler.diagnostics import Diagnostic, ReconcilerError, Severity, error
from reconciler.model.report import ActionResult, Outcome, Report
from reconciler.model.state import State
from reconciler.reporting.jsonout import report_json
from reconciler.reporting.nextsteps import next_steps
from reconciler.settings import Settings
from reconciler.store.output import write_output
from reconciler.wiring import Place, clock, open_store, tool_name

if TYPE_CHECKING:
    from reconciler.model.plan import Plan


class Record:
    """What an apply has come to so far. `again` is its own command; `saved` the file of the plan that approves it.

    `plan` is set as soon as there is one, `begun` once it may have been carried out in part, `report` at the end.
    Only `with_state` is the state's serial looked up, before and after: that may take a call to a remote.
    """

    def __init__(
        self,
        place: Place,
        settings: Settings,
        receipt: Path | None,
        *,
        again: str,
        saved: str | None,
        with_state: bool = True,
    ) -> None:
        self.plan: Plan | None = None
        self.begun = False
        self.report: Report | None = None
        self._place = place
        self._receipt = receipt
        self._again = again
        self._saved = saved
        self._clock = clock(place)
        self._started = self._clock()
        self._settings = settings if with_state else None
        self._before = self._state()

    def run(self, apply: Callable[[], int]) -> int:
        """Run an apply and return its exit code, at least 1 where its receipt cannot be written."""
        # Whoever finds a receipt after the run was killed must not take that of an earlier run for it.
        with suppress(ReconcilerError):
            self._write(self._unfinished())
        try:
            code = apply()
        except BaseException as problem:
            self._end(problem)
            raise
        return code if self._end(None) else max(code, FAILED)

    def completed(self, report: Report, code: int) -> Report:
        """Fill in where it was, how it ended, its plan's errors, and what to run next; keep it for the receipt."""
        before, after = self._before, self._state()
        errors = [item for item in (self.plan.diagnostics if self.plan else ()) if item.severity is Severity.ERROR]
        known = after or before
        report = report.model_copy(
            update={
                "tool": tool_name(),
                "workspace": self.plan.workspace if self.plan else None,
                "environment": self._place.environment_name,
                "lineage": known.lineage if known else None,
                "serial_before": before.serial if before else None,
                "serial_after": after.serial if after else None,
                "plan_digest": self.plan.digest if self.plan else None,
                "exit_code": code,
                "diagnostics": tuple(dict.fromkeys((*errors, *report.diagnostics))),
                "counts": {outcome: report.count(outcome) for outcome in Outcome},
            }
        )
        steps = next_steps(
            report, self.plan, again=self._again, command=partial(command_line, self._place), saved=self._saved
        )
        self.report = report.model_copy(update={"next": steps})
        return self.report

    def not_done(self, why: str, code: int, diagnostics: tuple[Diagnostic, ...] = ()) -> Report:
        """Complete the report of a run that ended without one.

        Nothing of the plan was attempted, unless it was begun: then nobody here knows.
        """
        outcome = Outcome.UNKNOWN if self.begun else Outcome.NOT_ATTEMPTED
        results = tuple(
            ActionResult(campaign=action.campaign, kind=action.kind, outcome=outcome, detail=why)
            for action in (self.plan.actions if self.plan else ())
        )
        report = Report(
            started_at=self._started,
            finished_at=self._clock(),
            interrupted=code == INTERRUPTED,
            results=results,
            diagnostics=diagnostics,
        )
        return self.completed(report, code)

    def _end(self, problem: BaseException | None) -> bool:
        """Write the receipt, and say on stderr where that is not possible."""
        if problem is not None:
            code, found = verdict(problem)
            if self.report is None:
                self.not_done(_WHY.get(code, "the run ended before it came to this"), code, found)
            elif self.report.exit_code != code:
                self.completed(self.report, code)
        if self.report is None:
            raise AssertionError("an apply ended without a report")
        try:
            self._write(self.report)
        except ReconcilerError as failure:
            show_diagnostics(failure.diagnostics)
            return False
        return True

    def _state(self) -> State | None:
        """Return the state as it is now; None where it cannot be read. Makes none."""
        if self._settings is None:
            return None
        try:
            return open_store(self._place, self._settings).read()
        except ReconcilerError:
            return None

    def _write(self, report: Report) -> None:
        if self._receipt is not None:
            write_output(self._receipt, report_json(report), what="the receipt")

    def _unfinished(self) -> Report:
        words = "this run has not ended, or was killed before it could write what it did"
        plan = command_line(self._place, "plan")
        return Report(
            tool=tool_name(),
            environment=self._place.environment_name,
            lineage=self._before.lineage if self._before else None,
            serial_before=self._before.serial if self._before else None,
            started_at=self._started,
            finished_at=self._started,
            diagnostics=(error("unfinished", words),),
            next=(f"`{plan}` shows where things stand; `{self._again}` finishes the rest.",),
        )


_WHY = {INTERRUPTED: "the run was interrupted", BUG: "an error of this program; what it did is in the next plan"}
