"""One campaign's actions, in order: each is checked, called, and written down before the next one begins."""

from typing import assert_never

from reconciler.diagnostics import ApiError, Interrupted, LeaseLostError, ReconcilerError, StateError
from reconciler.execution import drafts, enrolling, sending, transitions
from reconciler.execution.rechecking import WAITING
from reconciler.execution.tools import UNWRITABLE, NotReadyError
from reconciler.execution.work import Work, result
from reconciler.model.plan import Action, ActionStatus, Kind
from reconciler.model.report import ActionResult, Outcome


def carry_out(work: Work, actions: tuple[Action, ...]) -> None:
    """Do what is ready, in order. Once something did not work out, the rest is left for the next run.

    `work.results` holds what became of the actions so far, whatever happens to the run.
    """
    results, tools = work.results, work.tools
    broken: str | None = None
    for action in actions:
        if action.status is not ActionStatus.READY:
            results.append(result(action, WAITING[action.status], action.reason))
            continue
        if broken is None and tools.cancelled.is_set():
            broken = "the run was interrupted"
        if broken is None and tools.halted.is_set():
            broken = UNWRITABLE
        # Nothing stands in the way of a pause (design §1).
        if broken is not None and action.kind is not Kind.PAUSE:
            results.append(result(action, Outcome.NOT_ATTEMPTED, broken))
            continue
        tools.sink.action_started(action)
        ended = _attempt(work, action)
        tools.sink.action_finished(action, ended)
        results.append(ended)
        if broken is None and ended.outcome is not Outcome.DONE:
            broken = f"{action.kind.value} came first and is {ended.outcome.value}"


def _attempt(work: Work, action: Action) -> ActionResult:  # noqa: PLR0911 - one line a failure
    work.called = ""
    try:
        return _do(work, action)
    except NotReadyError as refusal:
        return _ended(work, action, refusal.outcome, str(refusal))
    except Interrupted:
        # Raised before a request that was not sent; a lost answer is an ApiError.
        return _ended(work, action, Outcome.NOT_ATTEMPTED, "the run was interrupted")
    except ApiError as failure:
        return _ended(work, action, _outcome(failure), str(failure))
    except LeaseLostError as failure:
        work.tools.halt(failure)
        return _ended(work, action, Outcome.UNKNOWN if work.called else Outcome.NOT_ATTEMPTED, str(failure))
    except StateError as failure:
        words = f"it could not be written down: {failure}"
        return _ended(work, action, Outcome.UNKNOWN if work.called else Outcome.FAILED, words)
    except ReconcilerError as failure:
        return _ended(work, action, Outcome.FAILED, str(failure))


def _ended(work: Work, action: Action, outcome: Outcome, words: str) -> ActionResult:
    """Report an action that did not come to its end, with what was carried out before that."""
    return result(action, outcome, f"{words}; before that: {work.called}" if work.called else words)


def _do(work: Work, action: Action) -> ActionResult:  # noqa: C901, PLR0911 - one line a kind
    match action.kind:
        case Kind.MOVE:
            return _move(work, action)
        case Kind.ADOPT:
            return _adopt(work, action)
        case Kind.CREATE:
            return drafts.create(work, action)
        case Kind.UPDATE:
            return drafts.update(work, action)
        case Kind.REPLACE:
            return drafts.replace(work, action)
        case Kind.ENROLL:
            return enrolling.enroll(work, action)
        case Kind.START | Kind.RESUME:
            return sending.start(work, action)
        case Kind.PAUSE:
            return sending.pause(work, action)
        case Kind.FORGET:
            at = work.tools.clock()
            work.tools.change(
                lambda state: transitions.forgotten(state, work.key, at), what=f"{work.key} is no longer managed"
            )
            return result(action, Outcome.DONE, "no longer managed; it stays in Leadterra")
        case Kind.SUPPRESS:
            raise AssertionError("no plan suppresses yet")
        case _:
            assert_never(action.kind)


def _move(work: Work, action: Action) -> ActionResult:
    old, new = work.key, work.final_key
    work.tools.change(lambda state: transitions.moved(state, old, new), what=f"{old} is {new} now")
    work.key = new
    return result(action, Outcome.DONE, f"was {old}")


def _adopt(work: Work, action: Action) -> ActionResult:
    """Manage a campaign again. What an interrupted run created is managed already, since what was read is written."""
    campaign = work.wanted
    if work.key in work.tools.keeper.latest.campaigns:
        return result(action, Outcome.DONE, f"draft {work.known().id}, which an interrupted run created")
    work.tools.change(lambda state: transitions.adopted(state, work.key, campaign), what=f"{work.key} is managed again")
    return result(action, Outcome.DONE, "managed again")


def _outcome(failure: ApiError) -> Outcome:
    """Tell failed from unknown: what may have been carried out is unknown."""
    return Outcome.UNKNOWN if failure.sent else Outcome.FAILED
