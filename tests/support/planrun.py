"""A pure apply: what an executor with a faultless server makes of a world."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, assert_never

from reconciler.model.campaign import Campaign, Status
from reconciler.model.live import LiveCampaign, LiveStatus
from reconciler.model.plan import Kind, Plan
from reconciler.model.state import CampaignState, Cohort, State, Tombstone
from reconciler.model.workspace import Desired
from support.plans import NOW, known, live, ready
from support.planworlds import People, Person, World


def carry_out(world: World, plan: Plan) -> World:
    """Apply the ready actions of a plan, as an executor with a faultless server would."""
    former = {item.key: item.known_key for item in world.subjects()}
    run = _Run(world.state, dict(world.there), dict(world.ledgers), Counter(world.written))
    run.take_over(world.desired, former)
    for action in ready(plan):
        run.do(action.kind, action.campaign, former[action.campaign], world)
    return replace(world, state=run.state, there=run.there, ledgers=run.ledgers, written=run.written)


@dataclass
class _Run:
    state: State
    there: dict[str, LiveCampaign]
    ledgers: dict[str, People]
    written: Counter[tuple[str, Person]]

    def take_over(self, wanted: Desired, former: dict[str, str]) -> None:
        """Make a pause by somebody else ours where the file says paused, too; remember who is protected."""
        for item in wanted.campaigns:
            key = former.get(item.key, item.key)
            entry = self.state.campaigns.get(key)
            if entry:
                ours = entry.paused_by_us or (item.status is Status.PAUSED and entry.status == "paused")
                self._enter(key, entry, protect=item.protect, paused_by_us=ours)

    def do(self, kind: Kind, key: str, former: str, world: World) -> None:
        wanted = world.desired.campaign(key)
        match kind:
            case Kind.MOVE:
                self._move(former, key)
            case Kind.ADOPT:
                entry = self.state.tombstones[key].campaign
                self._bury(key, None)
                self._enter(key, entry)
            case Kind.CREATE | Kind.REPLACE:
                assert wanted
                self._create(wanted)
            case Kind.UPDATE:
                assert wanted
                self._update(wanted, world.patch)
            case Kind.ENROLL:
                self._enroll(key, world.lists[key])
            case Kind.START | Kind.RESUME:
                self._start(key)
            case Kind.PAUSE:
                self._pause(key)
            case Kind.FORGET:
                self._bury(key, Tombstone(at=NOW, campaign=self.state.campaigns[key]))
                self.state = self.state.with_campaign(key, None)
            case Kind.SUPPRESS:
                raise AssertionError("no plan suppresses yet")
            case _:
                assert_never(kind)

    def _enter(self, key: str, entry: CampaignState, **changes: object) -> None:
        self.state = self.state.with_campaign(key, entry.model_copy(update=changes))

    def _bury(self, key: str, tombstone: Tombstone | None) -> None:
        rest = {name: item for name, item in self.state.tombstones.items() if name != key}
        tombstones = rest if tombstone is None else {**rest, key: tombstone}
        self.state = self.state.model_copy(update={"tombstones": tombstones})

    def _show(self, campaign_id: str, **changes: object) -> None:
        self.there[campaign_id] = self.there[campaign_id].model_copy(update=changes)

    def _move(self, old: str, new: str) -> None:
        if old in self.state.campaigns:
            self._enter(new, self.state.campaigns[old])
            self.state = self.state.with_campaign(old, None)
        else:
            self._bury(new, self.state.tombstones[old])
            self._bury(old, None)

    def _create(self, wanted: Campaign) -> None:
        old = self.state.campaigns.get(wanted.key)
        entry = known(wanted.key, id=f"new_{len(self.there)}", **_text(wanted))
        there = live(wanted.key, id=entry.id, name=wanted.name, steps=wanted.steps)
        if old:
            there = there.model_copy(update={"leftovers": {old.id: self.there[old.id].stats}})
        self.there[entry.id], self.ledgers[entry.id] = there, frozenset()
        self._enter(wanted.key, entry)

    def _update(self, wanted: Campaign, patch: bool | None) -> None:  # noqa: FBT001 - as the world has it
        if patch is False:
            self._create(wanted)
            return
        entry = self.state.campaigns[wanted.key]
        self._show(entry.id, name=wanted.name, steps=wanted.steps)
        self._enter(wanted.key, entry, **_text(wanted))

    def _enroll(self, key: str, people: People) -> None:
        entry = self.state.campaigns[key]
        new = people - self.ledgers[entry.id]
        stats = self.there[entry.id].stats
        assert stats
        running = self.there[entry.id].status is LiveStatus.RUNNING
        update = {"total_enrolled": stats.total_enrolled + len(new), "queued": stats.queued + len(new) * running}
        self._show(entry.id, stats=stats.model_copy(update=update))
        self.ledgers[entry.id] |= people
        cohort = Cohort(at=NOW, sent=len(people), accepted=len(new))
        self._enter(key, entry, cohorts=(*entry.cohorts, cohort))
        if running:
            self.written.update((key, person) for person in new)

    def _start(self, key: str) -> None:
        entry = self.state.campaigns[key]
        there = self.there[entry.id]
        assert there.status in {LiveStatus.DRAFT, LiveStatus.PAUSED}
        assert there.stats
        before = set() if entry.started_at is None else {person for name, person in self.written if name == key}
        fresh = self.ledgers[entry.id] - before
        self.written.update((key, person) for person in fresh)
        queued = there.stats.queued + len(fresh)
        self._show(entry.id, status=LiveStatus.RUNNING, stats=there.stats.model_copy(update={"queued": queued}))
        self._enter(key, entry, status="running", paused_by_us=False, started_at=NOW)

    def _pause(self, key: str) -> None:
        entry = self.state.campaigns[key]
        if self.there[entry.id].status is LiveStatus.RUNNING:
            self._show(entry.id, status=LiveStatus.PAUSED)
        self._enter(key, entry, status="paused", paused_by_us=True)


def _text(wanted: Campaign) -> dict[str, Any]:
    return {
        "name": wanted.name,
        "steps_digest": wanted.steps_digest,
        "read_back_digest": wanted.steps_digest,
        "sources": wanted.sources,
    }
