"""What reaches people, or keeps from reaching them: enrolments, starts, resumes and pauses."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from reconciler.diagnostics import ApiError, Interrupted, LeaseLostError, StateError
from reconciler.execution import transitions
from reconciler.execution.tools import NotReadyError
from reconciler.execution.work import Work, result
from reconciler.model.intents import EnrollIntent, PauseIntent, ResumeIntent, StartIntent
from reconciler.model.live import Enrolment, LiveCampaign, LiveStatus, RemoteCampaign, Started
from reconciler.model.plan import Action, ActionStatus
from reconciler.model.report import ActionResult, Outcome
from reconciler.model.roster import Lead
from reconciler.model.state import Cohort, State

WAITING = {
    ActionStatus.HELD: Outcome.HELD,
    ActionStatus.BLOCKED: Outcome.BLOCKED,
    ActionStatus.SCHEDULED: Outcome.SCHEDULED,
}


def enroll(work: Work, action: Action) -> ActionResult:
    """Enrol in batches, each written down before the next; then compare with what the server counts."""
    campaign, tools = work.wanted, work.tools
    _check(work, before_enrolling=True)
    known = work.known()
    roster = tools.leads.roster(campaign, known, work.avoid)
    total, sent, accepted = roster.new + roster.changed, 0, Counter[str]()
    for kind, leads in tools.leads.batches(campaign, known, work.avoid):
        tools.go_on()
        segment = tools.keep(tools.leads.segment(leads))
        intent = EnrollIntent(
            campaign=work.key,
            at=tools.clock(),
            by=tools.by,
            id=known.id,
            segment=segment,
            leads=len(leads),
            new=kind == "new",
        )
        operation, answer = tools.ask(intent, partial(_send, work, known.id, leads), stoppable=True)
        sent += len(leads)
        accepted[kind] += answer.accepted
        work.called = f"{accepted.total():,} of {total:,} leads were enrolled"
        taken = _taken(work, answer) if kind == "new" else 0
        cohort = Cohort(at=tools.clock(), sent=len(leads), accepted=taken)
        tools.change(
            partial(transitions.enrolled, key=work.key, segment=segment, cohort=cohort, operation=operation),
            what=f"{work.key}: {answer.accepted:,} leads enrolled",
        )
        tools.sink.leads_enrolled(campaign.key, sent, total)
    tools.change(partial(transitions.all_enrolled, key=work.key))
    work.enrolled = True
    parts = [f"{accepted['new']:,} enrolled"] if roster.new else []
    parts += [f"{accepted['changed']:,} brought up to date"] if roster.changed else []
    left_out = sent - accepted.total()
    parts += [f"{left_out:,} on the suppression list"] if left_out else []
    words = ", ".join(parts)
    try:
        _verify(work)
    except Interrupted:
        # All of it is written down; the checks before a start compare the counters, too.
        words += "; the run was interrupted before the counters were compared"
    return result(action, Outcome.DONE, words)


def _send(work: Work, campaign_id: str, leads: Sequence[Lead], _operation: str) -> Enrolment:
    return work.tools.api.enroll(campaign_id, leads, again=work.tools.unless_stopped(work.key))


def _taken(work: Work, answer: Enrolment) -> int:
    """Count how many people a batch of new leads added.

    Leads that the server calls known are ours where a first try was carried out and its answer lost, and not ours
    where somebody else had enrolled them: the counters tell. Where these cannot be read, all are taken for ours:
    the batch has to be written down, and a wrong count is found before the start.
    """
    if not answer.updated:
        return answer.enrolled
    known = work.known()
    try:
        added = work.tools.api.stats(known.id).total_enrolled - known.expected_enrolled
    except (ApiError, Interrupted):
        return answer.accepted
    return min(max(added, answer.enrolled), answer.accepted)


def _verify(work: Work) -> None:
    known = work.known()
    stats = work.tools.api.stats(known.id)
    if stats.total_enrolled < known.expected_enrolled or (
        work.planned is LiveStatus.DRAFT and stats.total_enrolled != known.expected_enrolled
    ):
        raise NotReadyError(
            Outcome.BLOCKED,
            f"Leadterra counts {stats.total_enrolled:,} leads in it after the enrolment, expected were "
            f"{known.expected_enrolled:,}; look in Leadterra who was added or removed, then run again",
        )


def start(work: Work, action: Action) -> ActionResult:
    """Start or resume, after every check has been made once more.

    A start that may have been made before is made again on the same id: on a running campaign it changes nothing.
    """
    tools = work.tools
    if work.planned is LiveStatus.DRAFT and work.roster.new and not work.enrolled:
        raise NotReadyError(Outcome.HELD, "the new draft has no leads yet; run again, so that they are planned")
    live = _check(work, before_enrolling=False)
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


def _check(work: Work, *, before_enrolling: bool) -> LiveCampaign:
    """Make every check on facts of this moment, the list included."""
    tools = work.tools
    if tools.leads.roster(work.wanted, work.known()).digest != work.roster.digest:
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
    return verdict.live
