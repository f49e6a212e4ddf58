"""The checks of one campaign once more, right before a call that reaches people."""

from reconciler.execution.checks import Verdict
from reconciler.execution.tools import NotReadyError
from reconciler.execution.work import Work
from reconciler.model.plan import ActionStatus
from reconciler.model.report import Outcome

WAITING = {
    ActionStatus.HELD: Outcome.HELD,
    ActionStatus.BLOCKED: Outcome.BLOCKED,
    ActionStatus.SCHEDULED: Outcome.SCHEDULED,
}


def recheck(work: Work, *, before_enrolling: bool) -> Verdict:
    """Make every check on facts of this moment, the list included; return what they let through."""
    tools = work.tools
    if tools.leads.digest(work.wanted) != work.roster.digest:
        words = "the list changed since this was planned; run again to see who is on it now"
        raise NotReadyError(Outcome.HELD, words)
    verdict = tools.checks.check(
        work.wanted,
        tools.keeper.latest,
        work.roster,
        planned=work.planned,
        before_enrolling=before_enrolling or not work.enrolled,
    )
    if verdict.status is not ActionStatus.READY:
        raise NotReadyError(WAITING[verdict.status], verdict.words)
    return verdict
