"""The one path that every command uses: load → read → plan → apply."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from reconciler import wiring
from reconciler.diagnostics import Diagnostic, Interrupted, SpecError, StateError, has_errors
from reconciler.execution import preflight, transitions
from reconciler.execution.executor import Executor, Run
from reconciler.execution.gathering import ledgers, read_steps, to_read
from reconciler.execution.reading import Reader, from_state, read_live
from reconciler.execution.recovery import Recovery, orphans, recover
from reconciler.execution.watching import read_replies
from reconciler.leads.roster import LeadLists
from reconciler.loading.lineage import lost
from reconciler.loading.loader import Loaded, load
from reconciler.model.live import Live, Replies
from reconciler.model.plan import ActionStatus, Plan
from reconciler.model.report import ActionResult, Moved, Report
from reconciler.model.roster import Avoid
from reconciler.model.state import Binding, State
from reconciler.model.workspace import Budget, Desired
from reconciler.planning.approval import moved_since_all, not_reviewed, not_touched, tell_unreviewed, with_pauses
from reconciler.planning.approvals import not_approved, unapproved
from reconciler.planning.contacts import Lists, read_lists
from reconciler.planning.identity import Subject, settle
from reconciler.planning.planner import make_plan
from reconciler.planning.single import Inputs
from reconciler.planning.targets import choose
from reconciler.planning.withholding import without_sending
from reconciler.ports import EventSink, LeadSource, Lease, StateStore, update_state
from reconciler.settings import Settings
from reconciler.store import planfile
from reconciler.wiring import Place


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with what it was made from.

    With an approval it is the plan of what that covers; `moved` and `untouched` tell of the campaigns left out.
    """

    plan: Plan
    inputs: Inputs
    avoid: Mapping[str, Avoid]
    binding: Binding | None
    known_keys: Mapping[str, str]
    leads: LeadSource
    recovery: Recovery
    moved: Mapping[str, tuple[Moved, ...]]
    untouched: tuple[ActionResult, ...]


class Session:
    """One run of one command, at one place. Everything is read when it is first needed.

    `told` gets lines that may come in crowds, of requests that are tried again; `said` those that must be seen, of a
    lock that is waited for or taken over.
    """

    def __init__(
        self,
        place: Place,
        settings: Settings,
        cancelled: threading.Event | None = None,
        told: Callable[[str], None] | None = None,
        said: Callable[[str], None] | None = None,
    ) -> None:
        self.place = place
        self.settings = settings
        self._told = told
        self._said = said or told or _nobody
        self.cancelled = cancelled or threading.Event()

    @cached_property
    def clock(self) -> Callable[[], datetime]:
        """What tells the time of this place."""
        return wiring.clock(self.place)

    @cached_property
    def loaded(self) -> Loaded:
        """The files, with everything that is wrong with them."""
        return load(
            self.place.specs,
            environment=self.place.environment,
            leads_dir=self.settings.leads_dir,
            version=wiring.program_version(),
        )

    @property
    def desired(self) -> Desired:
        """What the files want; raises `SpecError` with everything that is wrong, in the lists too."""
        if self.loaded.desired is None:
            raise SpecError(*self.validate())
        return self.loaded.desired

    @cached_property
    def store(self) -> StateStore:
        """The state's store; the sandbox makes its own state by itself."""
        store = wiring.open_store(self.place, self.settings)
        if self.place.sandbox:
            try:
                store.read()
            except StateError as problem:
                if problem.diagnostics[0].code != "state-missing":
                    raise
                store.create(wiring.new_state(self.place, self.settings), by="the sandbox")
        return store

    def read_state(self) -> State:
        """Read the state, and refuse one that does not belong to these files."""
        if self.place.sandbox:
            return self.store.read()
        desired = self.desired
        try:
            state = self.store.read()
        except StateError as problem:
            if problem.diagnostics[0].code == "state-missing" and desired.lineage is not None:
                raise StateError(lost(desired.lineage, self.place.environment)) from problem
            raise
        preflight.check_lineage(state, desired)
        return state

    def validate(self) -> tuple[Diagnostic, ...]:
        """Check files, templates, lists and tokens, offline; return all that was found."""
        found = list(self.loaded.diagnostics)
        leads = self.open_leads()
        for campaign in self.loaded.campaigns:
            found += leads.check(campaign)
        return tuple(sorted(set(found), key=lambda item: item.order))

    def open_leads(self) -> LeadLists:
        """Open the lists without any state: nothing is known of who was written to."""
        return wiring.open_leads(self.place, b"\0" * 32, _no_blobs, self.loaded.root)

    def plan(
        self,
        *,
        refresh: bool = True,
        targets: Sequence[str] = (),
        allow: Mapping[Budget, int] = {},
        approved: Plan | None = None,
        approved_only: bool = False,
        reviewed: Sequence[Plan] | None = None,
        may_send: bool = True,
    ) -> Planned:
        """Read what is there and plan. Sends nothing but GET, and writes nothing. `allow` lifts budgets (`--allow`).

        `approved` is a saved plan: its targets are taken, and what it does not cover is left out. With `approved_only`,
        what none of the state's approvals covers is; with `reviewed`, what none of those plans covers, and that is
        told. Where it may not send, nothing that sends email is ready.
        """
        desired = self.desired
        state = self.read_state()
        if approved is not None:
            targets = approved.targets
        chosen = choose(targets, desired, state, approved=approved is not None)
        subjects = settle(desired, state, chosen)
        key = wiring.ledger_key(state, self.settings)
        unstored: dict[str, bytes] = {}

        def blob(name: str) -> bytes:
            return unstored.get(name) or self.store.get_blob(name)

        leads = wiring.open_leads(self.place, key, blob, self.loaded.root)
        now = self.clock()
        lists = self._lists(subjects, state, leads, now)
        binding, live, replies = self._read(state, subjects, desired, refresh=refresh)
        hashes = {name: roster.hashes if roster.at_hand else None for name, roster in lists.rosters.items()}
        everyone = (*subjects, *(orphans(state, desired) if chosen is None else ()))
        recovery = recover(state, live, everyone, hashes, self.store.get_blob)
        if recovery.settled:
            unstored.update(recovery.blobs)
            state, live = recovery.on(state), recovery.live(live)
            subjects = settle(desired, state, chosen, recovery.adopted)
            lists = self._lists(subjects, state, leads, now)
        inputs = Inputs(
            desired=desired,
            state=state,
            live=live,
            rosters=lists.rosters,
            steps=read_steps(subjects, state, self.store.get_blob),
            ledgers=ledgers(settle(desired, state, None), leads),
            now=now,
            tool=wiring.tool_name(),
            targets=chosen,
            found=recovery.adopted,
            unsure=recovery.unsure,
            interrupted=recovery.notes,
            allow=allow,
            replies=replies,
        )
        plan = self._make_plan(inputs, targets)
        moved: dict[str, tuple[Moved, ...]] = {}
        untouched: tuple[ActionResult, ...] = ()
        told: tuple[Diagnostic, ...] = ()
        if approved is not None:
            moved = moved_since_all((approved,), plan, state.approvals)
            untouched = not_touched(approved, plan, moved)
        elif reviewed is not None:
            moved = not_reviewed(reviewed, plan, state.approvals)
            told = tell_unreviewed(moved, plan)
        left_out = frozenset(moved)
        if approved_only:
            left_out = frozenset(unapproved(plan, state.approvals))
            untouched = not_approved(plan, sorted(left_out))
        if left_out:
            # Planned anew, so that what is left out takes no room from the others.
            inputs = replace(inputs, targets=frozenset(item.key for item in subjects) - left_out)
            plan = with_pauses(self._make_plan(inputs, targets), plan, left_out)
        if told:
            found = tuple(sorted({*plan.diagnostics, *told}, key=lambda item: item.order))
            plan = plan.model_copy(update={"diagnostics": found})
        if not may_send:
            plan = without_sending(plan)
        known_keys = {item.key: item.known_key for item in subjects}
        return Planned(plan, inputs, lists.avoid, binding, known_keys, leads, recovery, moved, untouched)

    def _make_plan(self, inputs: Inputs, targets: Sequence[str]) -> Plan:
        plan = make_plan(inputs)
        found = tuple(sorted({*plan.diagnostics, *self.loaded.diagnostics}, key=lambda item: item.order))
        # The name of the state's environment: a plan of the sandbox must not look like a real one.
        return plan.model_copy(
            update={"diagnostics": found, "environment": self.place.environment_name, "targets": tuple(targets)}
        )

    def sealed(self, plan: Plan) -> str:
        """Write a plan as the text of its file, sealed with the ledger key of this state."""
        return planfile.encode(plan, wiring.ledger_key(self.read_state(), self.settings))

    def approval(self, path: Path) -> Plan:
        """Read a saved plan; raises `StateError` for one that is damaged, edited, newer, or of another state."""
        state = self.read_state()
        key = wiring.ledger_key(state, self.settings)
        return planfile.read_plan(path, lineage=state.lineage, environment=self.place.environment_name, key=key)

    def _read(
        self, state: State, subjects: Sequence[Subject], desired: Desired, *, refresh: bool
    ) -> tuple[Binding | None, Live, dict[str, Replies]]:
        """Ask the server what is there, and how paced campaigns went; without `refresh`, take what was last written."""
        wanted = to_read(state, subjects)
        if not refresh:
            return None, from_state(state, wanted), {}
        address, kind = wiring.server_address(self.place, self.settings)
        preflight.check_binding(state, address, kind, Live(campaigns={}))
        with self.api_for(allow_writes=False, desired=desired) as api:
            live = read_live(Reader(api, state.capabilities), api, state, wanted)
            paced = [item.known_key for item in subjects if item.campaign and item.campaign.per_day is not None]
            replies = read_replies(api, live, paced)
        known = {key: found for key, found in replies.items() if isinstance(found, Replies)}
        return preflight.check_binding(state, address, kind, live), live, known

    def apply(
        self,
        *,
        targets: Sequence[str],
        approve: Callable[[Plan], bool],
        sink: EventSink,
        owner: str,
        allow: Mapping[Budget, int] = {},
        approved: Plan | None = None,
        approved_only: bool = False,
        asks: bool = False,
        may_send: bool = True,
    ) -> tuple[Plan, Report | None]:
        """Plan, ask, and carry the plan out; the report is None where approval was refused.

        Nobody is asked where nothing is ready to be done; then nothing is approved either, where `approve` `asks`. With
        a saved plan, `approved`, only what that covers is done, and the report tells what moved in the rest; with
        `approved_only`, only what was approved before. A run that may not send approves of nothing that would.
        """
        self.read_state()
        with self.lease(owner) as lease:
            planned = self.plan(
                targets=targets, allow=allow, approved=approved, approved_only=approved_only, may_send=may_send
            )
            plan, inputs = planned.plan, planned.inputs
            if self.cancelled.is_set():
                raise Interrupted
            ready = any(action.status is ActionStatus.READY for action in plan.actions)
            if ready and not approve(plan):
                return plan, None
            unwritable = self._refresh(planned, owner, lease)
            with self.api_for(allow_writes=True, desired=inputs.desired, lease=lease) as api:
                executor = Executor(
                    api=api,
                    store=self.store,
                    lease=lease,
                    by=owner,
                    leads=planned.leads,
                    sink=sink,
                    clock=self.clock,
                    cancelled=self.cancelled,
                )
                run = Run(
                    plan,
                    inputs.desired,
                    inputs.live,
                    inputs.rosters,
                    planned.avoid,
                    planned.known_keys,
                    inputs.budgets,
                    inputs.known,
                    inputs.steps,
                    # What was made without a look at the server was not seen by anybody as it is.
                    approves=may_send and not approved_only and (ready or not asks) and inputs.live.pools is not None,
                )
                report = executor.run(run, unwritable)
        report = report.model_copy(update={"results": (*report.results, *planned.untouched)})
        if approved is not None:
            found = tuple(item for items in planned.moved.values() for item in items)
            report = report.model_copy(update={"approved": approved.digest, "moved": found})
        if executor.bugs:
            raise BugError(plan, report) from executor.bugs[0]
        return plan, report

    def lease(self, owner: str) -> Lease:
        """Return the lease of the state, not yet taken; a wait for it ends with Ctrl-C."""
        return self.store.lease(owner=owner, told=self._said, sleep=self.cancelled.wait)

    def _refresh(self, planned: Planned, owner: str, lease: Lease) -> tuple[Diagnostic, ...]:
        """Write down what was read, and what became of interrupted runs; return why that was not possible."""
        inputs, recovery = planned.inputs, planned.recovery
        touched = tuple(item for item in inputs.desired.campaigns if item.key not in planned.moved)

        def transition(state: State) -> State:
            return transitions.refreshed(
                recovery.on(state),
                base=inputs.state,
                desired=inputs.desired.model_copy(update={"campaigns": touched}),
                live=inputs.live,
                sources=planned.known_keys,
                binding=planned.binding,
                at=inputs.now,
            )

        adopted = ", ".join(sorted(recovery.adopted))
        try:
            for content in recovery.blobs.values():
                self.store.put_blob(content)
            what = f"took over what an interrupted run created: {adopted}" if adopted else ""
            update_state(self.store, transition, by=owner, at=inputs.now, what=what, fence=lease.fence)
        except StateError as problem:
            return tuple(problem.diagnostics)
        return ()

    def open_api(self, *, allow_writes: bool) -> wiring.OpenApi:
        """Open the client without any files: for what must work when they are broken."""
        return wiring.open_api(
            self.place, self.settings, allow_writes=allow_writes, cancelled=self.cancelled, told=self._told
        )

    def api_for(self, *, allow_writes: bool, desired: Desired, lease: Lease | None = None) -> wiring.OpenApi:
        """Open the client for these files; with a lease, nothing is sent once that cannot be shown to last."""
        return wiring.open_api(
            self.place,
            self.settings,
            allow_writes=allow_writes,
            requests_per_second=desired.policy.requests_per_second,
            cancelled=self.cancelled,
            told=self._told,
            may_send=None if lease is None else lease.check,
        )

    def _lists(self, subjects: Sequence[Subject], state: State, leads: LeadSource, now: datetime) -> Lists:
        """Read the lists; raises `SpecError` with everything that is wrong in any of them."""
        everyone = settle(self.desired, state, None)
        lists = read_lists(subjects, everyone, state, self.desired, now, leads.roster)
        found = {*self.loaded.diagnostics, *(item for roster in lists.rosters.values() for item in roster.diagnostics)}
        if has_errors(found):
            raise SpecError(*sorted(found, key=lambda item: item.order))
        return lists


class BugError(Exception):
    """Something that should never happen did, in the middle of an apply. Its report tells what was done."""

    def __init__(self, plan: Plan, report: Report) -> None:
        super().__init__("an error of this program")
        self.plan = plan
        self.report = report


def _nobody(_words: str) -> None:
    """Tell nobody."""


def _no_blobs(_name: str) -> bytes:
    raise AssertionError("without a state there is no ledger")
