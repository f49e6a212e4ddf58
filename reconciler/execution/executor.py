"""The whole run: pauses first, then the campaigns side by side; a report that says what became of every action."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from reconciler.diagnostics import Diagnostic, StateError
from reconciler.execution.campaign import carry_out
from reconciler.execution.checks import Checks, Load
from reconciler.execution.drafts import read_back
from reconciler.execution.keeper import Keeper
from reconciler.execution.reading import Reader
from reconciler.execution.tools import Tools
from reconciler.execution.work import Work
from reconciler.model.campaign import Campaign, SequenceStep
from reconciler.model.live import Capabilities, Live, LiveStatus
from reconciler.model.plan import Action, ActionStatus, Effect, Kind, Plan
from reconciler.model.report import ActionResult, Outcome, Report
from reconciler.model.roster import NOBODY, Avoid, Roster
from reconciler.model.state import CampaignState
from reconciler.model.workspace import Desired
from reconciler.planning.approvals import given, needed, withdrawn
from reconciler.planning.budgets import Budgets
from reconciler.planning.capacity import Promise
from reconciler.planning.forecast import Lot
from reconciler.planning.prospects import waits_of
from reconciler.ports import CampaignApi, EventSink, LeadSource, Lease, StateStore


@dataclass(frozen=True, slots=True)
class Run:
    """What a plan was made from, as far as its execution needs it. `known_keys`: key of the file → key of the state.

    `avoid` says whom a campaign must not newly write to. `known` is what the state has of each campaign, and `steps`
    are the rendered steps by their digest. `approves`: whoever runs it approves of what waits in the plan, too.
    """

    plan: Plan
    desired: Desired
    live: Live
    rosters: Mapping[str, Roster]
    avoid: Mapping[str, Avoid]
    known_keys: Mapping[str, str]
    budgets: Budgets
    known: Mapping[str, CampaignState]
    steps: Mapping[str, tuple[SequenceStep, ...]]
    approves: bool = True

    def turn(self, key: str) -> tuple[int, str]:
        """Return by what campaigns are ordered: the higher priority first, then the key."""
        campaign = self.desired.campaign(key)
        return -campaign.priority if campaign else 0, key

    def most(self, key: str) -> int | None:
        """Return how many new people the plan showed for today, where they go out in waves."""
        people = {item.key: item.people for item in self.plan.campaigns}[key]
        campaign = self.desired.campaign(key)
        return people.new - people.later if campaign is not None and campaign.per_day is not None else None

    def expected(self) -> dict[str, Promise]:
        """Return what the plan lets through, in the order in which the room is given away."""
        found = {}
        for planned in sorted(self.plan.campaigns, key=lambda item: self.turn(item.key)):
            campaign = self.desired.campaign(planned.key)
            ready = [item for item in self.plan.of(planned.key) if item.status is ActionStatus.READY]
            if campaign is not None and any(item.effect is Effect.IRREVERSIBLE for item in ready):
                lot = Lot(planned.key, 0, planned.steps[0].delay_days if planned.steps else 0, planned.people.receive)
                found[planned.key] = Promise((lot,), campaign.first_step_within_days)
        return found

    def loads(self) -> dict[str, Load]:
        """Return what is managed and was read, by the keys that the files have for it."""
        names = {known_key: key for key, known_key in self.known_keys.items()}
        found = {}
        for key, live in self.live.campaigns.items():
            if key in self.known:
                known = self.known[key]
                waits = waits_of(self.steps.get(known.steps_digest, ()))
                found[names.get(key, key)] = Load(key, known, live, waits)
        return found


@dataclass(slots=True)
class Executor:
    """Carries out a plan, and nothing else. `bugs` holds what should never have happened, for the caller to raise.

    `by` is who the journal names.
    """

    api: CampaignApi
    store: StateStore
    lease: Lease
    by: str
    leads: LeadSource
    sink: EventSink
    clock: Callable[[], datetime]
    cancelled: threading.Event
    bugs: list[Exception] = field(default_factory=list)

    def run(self, run: Run, unwritable: tuple[Diagnostic, ...] = ()) -> Report:
        """Do everything that is ready. One campaign's failure stops that campaign only.

        `unwritable` says why the state cannot be written: then there are pauses only.
        """
        began = self.clock()
        reader = Reader(self.api, run.live.capabilities)
        keeper = Keeper(self.store, by=self.by, clock=self.clock, fence=self.lease.fence)
        tools = Tools(
            api=self.api,
            reader=reader,
            store=self.store,
            keeper=keeper,
            leads=self.leads,
            sink=self.sink,
            checks=Checks(
                self.api,
                reader,
                run.desired.policy,
                self.clock,
                run.loads(),
                read_at=run.plan.created_at,
                budgets=run.budgets,
                expected=run.expected(),
            ),
            clock=self.clock,
            timezone=run.desired.policy.timezone,
            by=self.by,
            cancelled=self.cancelled,
            halted=threading.Event(),
        )
        before = keeper.latest
        if run.approves:
            # Written down with the first thing that is done.
            keeper.soon(partial(given, plan=run.plan, at=began, by=self.by))
        if unwritable:
            tools.halted.set()
        actions: dict[str, tuple[Action, ...]] = {}
        for action in run.plan.actions:
            actions[action.campaign] = (*actions.get(action.campaign, ()), action)
        keys = list(actions)
        pausing = {key for key in keys if any(_pauses(action) for action in actions[key])}
        wanted = {campaign.key: campaign for campaign in run.desired.campaigns}

        def run_one(key: str) -> list[ActionResult]:
            try:
                return self._campaign(tools, run, key, wanted.get(key), actions[key])
            finally:
                tools.checks.ended(key)

        results: dict[str, list[ActionResult]] = {}
        with ThreadPoolExecutor(self.store.wave, thread_name_prefix="apply") as threads:
            for part in ([key for key in keys if key in pausing], sorted(set(keys) - pausing, key=run.turn)):
                results.update(zip(part, threads.map(run_one, part), strict=True))
        ended = tuple(result for key in keys for result in results[key])
        if run.approves and self.cancelled.is_set():
            keeper.soon(partial(withdrawn, plan=run.plan, before=before))
        else:
            keeper.soon(partial(needed, plan=run.plan, results=ended))
        with suppress(StateError):
            read_back(tools)
        keeper.flush()
        return Report(
            plan_digest=run.plan.digest,
            started_at=began,
            finished_at=self.clock(),
            interrupted=self.cancelled.is_set(),
            results=ended,
            diagnostics=(
                *(unwritable or _halts(tools.halts) or _remember(keeper, reader.capabilities, run.live.capabilities)),
                *sorted(tools.told, key=lambda item: item.order),
            ),
        )

    def _campaign(
        self, tools: Tools, run: Run, key: str, campaign: Campaign | None, actions: tuple[Action, ...]
    ) -> list[ActionResult]:
        known_key = run.known_keys.get(key, key)
        live = run.live.campaigns.get(known_key)
        work = Work(
            tools,
            key=known_key,
            final_key=key,
            campaign=campaign,
            roster=run.rosters.get(key, Roster(source="", at_hand=True)),
            planned=live.status if live else LiveStatus.DRAFT,
            avoid=run.avoid.get(key, NOBODY),
            most=run.most(key),
        )
        try:
            carry_out(work, actions)
        except Exception as bug:  # noqa: BLE001 - the other campaigns go on, and the caller raises it at the end
            self.bugs.append(bug)
            words = "an error of this program; what it did is in the next plan"
            work.results += [
                ActionResult(campaign=key, kind=action.kind, outcome=Outcome.UNKNOWN, detail=words)
                for action in actions[len(work.results) :]
            ]
        return work.results


def _halts(problems: list[StateError]) -> tuple[Diagnostic, ...]:
    """Tell once why the run did not go on."""
    return tuple(dict.fromkeys(item for problem in problems for item in problem.diagnostics))


def _remember(keeper: Keeper, learned: Capabilities, before: Capabilities) -> tuple[Diagnostic, ...]:
    """Write down what the run learned about the server; without it the next run learns it again."""
    if learned == before:
        return ()
    try:
        keeper.change(lambda state: state.model_copy(update={"capabilities": learned}), what="")
    except StateError as problem:
        return tuple(problem.diagnostics)
    return ()


def _pauses(action: Action) -> bool:
    return action.kind is Kind.PAUSE and action.status is ActionStatus.READY
