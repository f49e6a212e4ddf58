"""One campaign's actions, in order: each is checked, called, and written down before the next one begins."""

import uuid
from collections import Counter
from functools import partial
from typing import assert_never

from reconciler.diagnostics import ApiError, CallMissingError, Interrupted, ReconcilerError, StateError
from reconciler.execution import transitions
from reconciler.execution.tools import NotReadyError, Tools
from reconciler.model.campaign import Campaign
from reconciler.model.live import Enrolment, LiveCampaign, LiveStatus, Started
from reconciler.model.plan import Action, ActionStatus, Kind
from reconciler.model.report import ActionResult, Outcome
from reconciler.model.roster import Roster
from reconciler.model.state import CampaignState, Cohort, Leftover, dump_steps

_WAITING = {
    ActionStatus.HELD: Outcome.HELD,
    ActionStatus.BLOCKED: Outcome.BLOCKED,
    ActionStatus.SCHEDULED: Outcome.SCHEDULED,
}


class CampaignRun:
    """Carries out the actions of one campaign. One thread at a time uses it.

    `results` holds what became of the actions so far, whatever happens to the run.
    """

    def __init__(
        self, tools: Tools, *, key: str, known_key: str, campaign: Campaign | None, roster: Roster, planned: LiveStatus
    ) -> None:
        self._tools = tools
        self._key = known_key
        self._final_key = key
        self._campaign = campaign
        self._roster = roster
        self._planned = planned
        self._enrolled = False
        self._called = ""
        self.results: list[ActionResult] = []

    def execute(self, actions: tuple[Action, ...]) -> None:
        """Do what is ready, in order. Once something did not work out, the rest is left for the next run."""
        results = self.results
        broken: str | None = None
        for action in actions:
            if action.status is not ActionStatus.READY:
                results.append(_result(action, _WAITING[action.status], action.reason))
                continue
            if broken is None and self._tools.cancelled.is_set():
                broken = "the run was interrupted"
            if broken is None and self._tools.halted.is_set():
                broken = "the state could not be written, so nothing more was done"
            # Nothing stands in the way of a pause (design §1).
            if broken is not None and action.kind is not Kind.PAUSE:
                results.append(_result(action, Outcome.NOT_ATTEMPTED, broken))
                continue
            self._tools.sink.action_started(action)
            result = self._attempt(action)
            self._tools.sink.action_finished(action, result)
            results.append(result)
            if broken is None and result.outcome is not Outcome.DONE:
                broken = f"{action.kind.value} came first and is {result.outcome.value}"

    def _attempt(self, action: Action) -> ActionResult:
        self._called = ""
        try:
            return self._do(action)
        except NotReadyError as refusal:
            return self._ended(action, refusal.outcome, str(refusal))
        except Interrupted:
            # Raised before a request that was not sent; a lost answer is an ApiError.
            return self._ended(action, Outcome.NOT_ATTEMPTED, "the run was interrupted")
        except ApiError as failure:
            return self._ended(action, _outcome(failure), str(failure))
        except StateError as failure:
            words = f"it could not be written down: {failure}"
            return self._ended(action, Outcome.UNKNOWN if self._called else Outcome.FAILED, words)
        except ReconcilerError as failure:
            return self._ended(action, Outcome.FAILED, str(failure))

    def _ended(self, action: Action, outcome: Outcome, words: str) -> ActionResult:
        """Report an action that did not come to its end, with what was carried out before that."""
        return _result(action, outcome, f"{words}; before that: {self._called}" if self._called else words)

    def _do(self, action: Action) -> ActionResult:  # noqa: C901, PLR0911 - one line a kind
        match action.kind:
            case Kind.MOVE:
                return self._move(action)
            case Kind.ADOPT:
                campaign = self._wanted
                self._tools.change(lambda state: transitions.adopted(state, self._key, campaign))
                return _result(action, Outcome.DONE, "managed again")
            case Kind.CREATE:
                return self._create(action)
            case Kind.UPDATE:
                return self._update(action)
            case Kind.REPLACE:
                return self._replace(action)
            case Kind.ENROLL:
                return self._enroll(action)
            case Kind.START | Kind.RESUME:
                return self._start(action)
            case Kind.PAUSE:
                return self._pause(action)
            case Kind.FORGET:
                self._tools.change(lambda state: transitions.forgotten(state, self._key, self._tools.clock()))
                return _result(action, Outcome.DONE, "no longer managed; it stays in Leadterra")
            case Kind.SUPPRESS:
                raise AssertionError("no plan suppresses yet")
            case _:
                assert_never(action.kind)

    def _move(self, action: Action) -> ActionResult:
        old, new = self._key, self._final_key
        self._tools.change(lambda state: transitions.moved(state, old, new))
        self._key = new
        return _result(action, Outcome.DONE, f"was {old}")

    def _create(self, action: Action) -> ActionResult:
        entry = self._new_draft()
        self._tools.change(lambda state: transitions.created(state, self._key, entry))
        self._read_back(entry.id)
        return _result(action, Outcome.DONE, f"draft {entry.id}")

    def _replace(self, action: Action) -> ActionResult:
        old = self._known()
        live = self._tools.reader.campaign(old)
        if live.status is not LiveStatus.DRAFT:
            words = live.problem or f"it was a draft when this was planned and is {live.status.value} now"
            raise NotReadyError(Outcome.HELD, words)
        entry = self._new_draft()
        left = Leftover(
            campaign=self._key, id=old.id, name=old.name, at=self._tools.clock(), reason=f"replaced by {entry.id}"
        )
        self._tools.change(lambda state: transitions.created(state, self._key, entry, instead_of=left))
        self._read_back(entry.id)
        self._roster = self._tools.leads.roster(self._wanted, entry) if self._wanted.leads else self._roster
        words = f"new draft {entry.id}; the old one, {old.id}, cannot be deleted by API and stays in Leadterra"
        return _result(action, Outcome.DONE, words).model_copy(update={"kind": Kind.REPLACE})

    def _update(self, action: Action) -> ActionResult:
        campaign, reader = self._wanted, self._tools.reader
        if reader.capabilities.patch_campaign is False:
            return self._replace(action)
        self._tools.keep(dump_steps(campaign.steps))
        known = self._known()
        try:
            self._tools.api.update(known.id, campaign.name, campaign.steps)
        except CallMissingError:
            reader.learn(patch_campaign=False)
            self._tools.change(lambda state: state.model_copy(update={"capabilities": reader.capabilities}))
            return self._replace(action)
        self._called = "the draft was changed"
        reader.learn(patch_campaign=True)
        self._tools.change(
            lambda state: transitions.updated(
                state.model_copy(update={"capabilities": reader.capabilities}),
                self._key,
                campaign,
            )
        )
        self._read_back(known.id)
        return _result(action, Outcome.DONE, "as its file says")

    def _new_draft(self) -> CampaignState:
        """Create a draft. Where the answer is lost it may exist, and nobody knows its id: that is kept in mind."""
        campaign = self._wanted
        digest = self._tools.keep(dump_steps(campaign.steps))
        at = self._tools.clock()
        try:
            remote = self._tools.api.create(campaign.name, campaign.steps, operation=str(uuid.uuid4()))
        except ApiError as failure:
            if failure.sent:
                self._called = "a draft may have been created"
                lost = Leftover(
                    campaign=self._key, id=None, name=campaign.name, at=at, reason="the answer to its creation was lost"
                )
                self._tools.change(lambda state: transitions.create_lost(state, lost))
            raise
        self._called = f"the draft {remote.id} was created"
        return CampaignState(
            id=remote.id,
            name=campaign.name,
            file=campaign.file,
            status="draft",
            protect=campaign.protect,
            steps_digest=digest,
            read_back_digest=None,
            sources=campaign.sources,
        )

    def _read_back(self, campaign_id: str) -> None:
        """Keep the steps as the server shows them after a write that is written down already.

        Without it they are compared with what was sent.
        """
        try:
            shown = self._tools.reader.show(campaign_id)
        except (ApiError, Interrupted):
            return
        if shown is not None and shown.steps is not None:
            digest = self._tools.keep(dump_steps(shown.steps))
            self._tools.change(lambda state: transitions.read_back(state, self._key, digest))

    def _enroll(self, action: Action) -> ActionResult:
        """Enrol in batches, each written down before the next; then compare with what the server counts."""
        campaign = self._wanted
        self._check(before_enrolling=True)
        known = self._known()
        roster = self._tools.leads.roster(campaign, known)
        total, sent, accepted = roster.new + roster.changed, 0, Counter[str]()
        for kind, leads in self._tools.leads.batches(campaign, known):
            self._stop_if_told()
            answer = self._tools.api.enroll(known.id, leads)
            sent += len(leads)
            accepted[kind] += answer.accepted
            self._called = f"{accepted.total():,} of {total:,} leads were enrolled"
            taken = self._taken(answer) if kind == "new" else 0
            segment = self._tools.keep(self._tools.leads.segment(leads))
            cohort = Cohort(at=self._tools.clock(), sent=len(leads), accepted=taken)
            self._tools.change(partial(transitions.enrolled, key=self._key, segment=segment, cohort=cohort))
            self._tools.sink.leads_enrolled(campaign.key, sent, total)
        self._enrolled = True
        parts = [f"{accepted['new']:,} enrolled"] if roster.new else []
        parts += [f"{accepted['changed']:,} brought up to date"] if roster.changed else []
        left_out = sent - accepted.total()
        parts += [f"{left_out:,} on the suppression list"] if left_out else []
        words = ", ".join(parts)
        try:
            self._verify()
        except Interrupted:
            # All of it is written down; the checks before a start compare the counters, too.
            words += "; the run was interrupted before the counters were compared"
        return _result(action, Outcome.DONE, words)

    def _taken(self, answer: Enrolment) -> int:
        """Count how many people a batch of new leads added.

        Leads that the server calls known are ours where a first try was carried out and its answer lost, and not ours
        where somebody else had enrolled them: the counters tell. Where these cannot be read, all are taken for ours:
        the batch has to be written down, and a wrong count is found before the start.
        """
        if not answer.updated:
            return answer.enrolled
        known = self._known()
        try:
            added = self._tools.api.stats(known.id).total_enrolled - known.expected_enrolled
        except (ApiError, Interrupted):
            return answer.accepted
        return min(max(added, answer.enrolled), answer.accepted)

    def _verify(self) -> None:
        known = self._known()
        stats = self._tools.api.stats(known.id)
        if stats.total_enrolled < known.expected_enrolled or (
            self._planned is LiveStatus.DRAFT and stats.total_enrolled != known.expected_enrolled
        ):
            raise NotReadyError(
                Outcome.BLOCKED,
                f"Leadterra counts {stats.total_enrolled:,} leads in it after the enrolment, expected were "
                f"{known.expected_enrolled:,}; look in Leadterra who was added or removed, then run again",
            )

    def _start(self, action: Action) -> ActionResult:
        if self._planned is LiveStatus.DRAFT and self._roster.new and not self._enrolled:
            raise NotReadyError(Outcome.HELD, "the new draft has no leads yet; run again, so that they are planned")
        live = self._check(before_enrolling=False)
        self._stop_if_told()
        try:
            answer: Started = self._tools.api.start(live.id)
        except ApiError as failure:
            if failure.sent:
                self._called = "start was called"
                self._pause_if_stopped(live.id)
            raise
        self._called = "start was called"
        try:
            if answer.status not in {None, "running"}:
                raise NotReadyError(Outcome.UNKNOWN, f"start was answered with the status {answer.status}, not running")
            self._tools.change(lambda newest: transitions.started(newest, self._key, self._tools.clock()))
        finally:
            self._pause_if_stopped(live.id)
        return _result(action, Outcome.DONE, "running").model_copy(
            update={"leads_enrolled": answer.leads_enrolled, "queued_messages": answer.queued_messages}
        )

    def _pause_if_stopped(self, campaign_id: str) -> None:
        """Pause at once what was stopped while it was being started; ours to resume."""
        mark = self._tools.keeper.fresh().stop_for(self._key)
        if mark is None:
            return
        words = f"stopped by {mark.by} while it was being started"
        try:
            answer = self._tools.api.pause(campaign_id)
        except (ApiError, Interrupted) as failure:
            told = f"{words}, and MAY BE SENDING, since it could not be paused: {failure}"
            raise NotReadyError(Outcome.UNKNOWN, told) from failure
        if answer.status not in transitions.PAUSED:
            told = f"{words}, and MAY BE SENDING: pause was answered with the status {answer.status}"
            raise NotReadyError(Outcome.UNKNOWN, told)
        self._tools.change(lambda newest: transitions.paused(newest, self._key, answer.status))
        raise NotReadyError(Outcome.HELD, f"{words}, and paused again at once: {mark.reason}")

    def _pause(self, action: Action) -> ActionResult:
        answer = self._tools.api.pause(self._known().id)
        if answer.status not in transitions.PAUSED:
            raise NotReadyError(Outcome.UNKNOWN, f"pause was answered with the status {answer.status}, not paused")
        self._called = "it was paused"
        self._tools.change(lambda state: transitions.paused(state, self._key, answer.status))
        return _result(action, Outcome.DONE, "paused")

    def _check(self, *, before_enrolling: bool) -> LiveCampaign:
        """Make every check on facts of this moment, the list included."""
        if self._tools.leads.roster(self._wanted, self._known()).digest != self._roster.digest:
            words = "the list changed since this was planned; run again to see who is on it now"
            raise NotReadyError(Outcome.HELD, words)
        verdict = self._tools.checks.check(
            self._wanted,
            self._tools.keeper.fresh(),
            self._roster,
            planned=self._planned,
            before_enrolling=before_enrolling or not self._enrolled,
        )
        if verdict.status is not ActionStatus.READY:
            raise NotReadyError(_WAITING[verdict.status], verdict.words)
        return verdict.live

    def _stop_if_told(self) -> None:
        """Look for a stop mark or an interrupt right before a call that cannot be undone."""
        mark = self._tools.keeper.fresh().stop_for(self._key)
        if mark is not None:
            raise NotReadyError(Outcome.HELD, f"stopped by {mark.by}: {mark.reason}")
        if self._tools.cancelled.is_set():
            raise NotReadyError(Outcome.NOT_ATTEMPTED, "the run was interrupted")
        if self._tools.halted.is_set():
            raise NotReadyError(Outcome.NOT_ATTEMPTED, "the state could not be written, so nothing more was done")

    @property
    def _wanted(self) -> Campaign:
        if self._campaign is None:
            raise AssertionError(f"{self._key} has no file, and its plan wants one")
        return self._campaign

    def _known(self) -> CampaignState:
        return self._tools.keeper.latest.campaigns[self._key]


def _outcome(failure: ApiError) -> Outcome:
    """Tell failed from unknown: what may have been carried out is unknown."""
    return Outcome.UNKNOWN if failure.sent else Outcome.FAILED


def _result(action: Action, outcome: Outcome, detail: str) -> ActionResult:
    return ActionResult(campaign=action.campaign, kind=action.kind, outcome=outcome, detail=detail)
