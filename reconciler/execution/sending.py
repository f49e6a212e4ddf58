"""What sets a campaign sending, or keeps it from that: starts, resumes and pauses."""

from contextlib import suppress

from reconciler.diagnostics import ApiError, Interrupted, LeaseLostError, StateError
from reconciler.execution import transitions
from reconciler.execution.rechecking import recheck
from reconciler.execution.tools import NotReadyError
from reconciler.execution.work import Work, result
from reconciler.model.intents import PauseIntent, ResumeIntent, StartIntent
from reconciler.model.live import LiveStatus, RemoteCampaign, Started
from reconciler.model.plan import Action
from reconciler.model.report import ActionResult, Outcome
from reconciler.model.state import State
from reconciler.planning.pacing import wave


def start(work: Work, action: Action) -> ActionResult:
    """Start or resume, after every check has been made once more.

    A start that may have been made before is made again on the same id: on a running campaign it changes nothing.
    """
    tools = work.tools
    if work.planned is LiveStatus.DRAFT and not work.enrolled and _to_enroll(work):
        raise NotReadyError(Outcome.HELD, "the new draft has no leads yet; run again, so that they are planned")
    live = recheck(work, before_enrolling=False).live
    tools.go_on()
    common = {"campaign": work.key, "at": tools.clock(), "by": tools.by, "id": live.id}
    intent: StartIntent | ResumeIntent = StartIntent(**common)
    if work.planned is not LiveStatus.DRAFT:
        stats = live.stats
        intent = ResumeIntent(**common, sent=stats.sent if stats else 0, queued=stats.queued if stats else 0)
    unless_stopped = tools.unless_stopped(work.key)
    try:
        _, answer = tools.ask(intent, lambda _operation: tools.api.start(live.id, again=unless_stopped), stoppable=True)
    except ApiError as failure:
        if not failure.sent:
            raise
        work.called = "start was called"
        if not _runs(work):
            _pause_if_stopped(work, tools.keeper.fresh(), live.id)
            raise
        answer = Started(status="running")
    work.called = "start was called"
    _started(work, answer, live.id, intent.kind)
    return result(action, Outcome.DONE, "running").model_copy(
        update={"leads_enrolled": answer.leads_enrolled, "queued_messages": answer.queued_messages}
    )


def _to_enroll(work: Work) -> int:
    """Count who is to be enrolled today, before a start."""
    tools = work.tools
    return wave(work.wanted, work.known(), work.roster.new, tools.clock(), tools.timezone).today


def _runs(work: Work) -> bool:
    """Look up a start whose answer was lost; where the run is told to end meanwhile, that is not known."""
    try:
        return work.tools.reader.campaign(work.known()).status is LiveStatus.RUNNING
    except Interrupted:
        return False


def _started(work: Work, answer: Started, campaign_id: str, kind: str) -> None:
    """Write the start down. The state that comes back has every stop mark that was set before."""
    tools = work.tools
    state = tools.keeper.latest
    try:
        if answer.status not in {None, "running"}:
            state = tools.keeper.fresh()
            raise NotReadyError(Outcome.UNKNOWN, f"start was answered with the status {answer.status}, not running")
        at, done = tools.clock(), "started" if kind == "start" else "resumed"
        state = tools.change(lambda newest: transitions.started(newest, work.key, at), what=f"{work.key} {done}")
    except StateError:
        with suppress(StateError):
            state = tools.keeper.fresh()
        raise
    finally:
        _pause_if_stopped(work, state, campaign_id)


def _pause_if_stopped(work: Work, state: State, campaign_id: str) -> None:
    """Pause at once what was stopped while it was being started; ours to resume."""
    mark = state.stop_for(work.key)
    if mark is None:
        return
    words = f"stopped by {mark.by} while it was being started"
    try:
        answer = _paused(work, campaign_id)
    except (ApiError, Interrupted) as failure:
        told = f"{words}, and MAY BE SENDING, since it could not be paused: {failure}"
        raise NotReadyError(Outcome.UNKNOWN, told) from failure
    if answer.status not in transitions.PAUSED:
        told = f"{words}, and MAY BE SENDING: pause was answered with the status {answer.status}"
        raise NotReadyError(Outcome.UNKNOWN, told)
    work.tools.change(
        lambda newest: transitions.paused(newest, work.key, answer.status), what=f"{work.key} paused: {mark.reason}"
    )
    raise NotReadyError(Outcome.HELD, f"{words}, and paused again at once: {mark.reason}")


def pause(work: Work, action: Action) -> ActionResult:
    """Pause, whatever stands in the way of anything else."""
    tools, known = work.tools, work.known()
    answer = _paused(work, known.id)
    if answer.status not in transitions.PAUSED:
        raise NotReadyError(Outcome.UNKNOWN, f"pause was answered with the status {answer.status}, not paused")
    work.called = "it was paused"
    tools.change(lambda state: transitions.paused(state, work.key, answer.status), what=f"{work.key} paused")
    return result(action, Outcome.DONE, "paused")


def _paused(work: Work, campaign_id: str) -> RemoteCampaign:
    """Call pause, as ours. That its intent could not be written does not stand in its way (design §1)."""
    tools = work.tools

    def request(_operation: str) -> RemoteCampaign:
        return tools.api.pause(campaign_id)

    try:
        intent = PauseIntent(campaign=work.key, at=tools.clock(), by=tools.by, id=campaign_id)
        return tools.ask(intent, request)[1]
    except LeaseLostError:
        raise
    except StateError:
        return request("")
