"""Whole worlds for the planner's properties: files, state, server and people that fit together."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import time

from hypothesis import strategies as st

from reconciler.model.campaign import Campaign, SequenceStep, steps_digest
from reconciler.model.live import Account, Capabilities, Live, LiveCampaign, Pool, Stats
from reconciler.model.roster import FewHashes, Roster
from reconciler.model.state import CampaignState, State, Tombstone
from reconciler.model.workspace import Desired, StartWindow
from reconciler.planning.identity import Subject, settle
from reconciler.planning.lifecycle import STARTED_ROWS, Column, Row
from reconciler.planning.single import Inputs
from support.plans import (
    ACCOUNTS,
    EDITED,
    NOW,
    POOLS,
    STARTED,
    STEPS,
    campaign,
    desired,
    known,
    live,
    roster,
    stop,
)

KEYS = ("alpha", "beta", "delta", "gamma")
PEOPLE = 6
"""So many could be on each list. Person n of the list of key k is k * PEOPLE + n."""

Person = int
People = frozenset[Person]


def address(person: Person) -> str:
    """Return an address that must never be seen in a plan."""
    return f"person{person}@example.com"


def hashed(person: Person) -> bytes:
    """Return the hash of it that stands in a ledger."""
    return hashlib.sha256(address(person).encode()).digest()[:16]


@dataclass(frozen=True)
class World:
    """Everything there is. `there` and `ledgers` are by id, `lists`, `absent` and `blank` by key of the files.

    `written` counts first emails by key and person.
    """

    desired: Desired
    state: State
    there: dict[str, LiveCampaign]
    ledgers: dict[str, People]
    lists: dict[str, People]
    absent: frozenset[str] = frozenset()
    blank: frozenset[str] = frozenset()
    pools: tuple[Pool, ...] | None = POOLS
    accounts: tuple[Account, ...] | None = ACCOUNTS
    patch: bool | None = True
    targets: frozenset[str] | None = None
    refreshed: bool = True
    written: Counter[tuple[str, Person]] = field(default_factory=Counter)

    def subjects(self) -> tuple[Subject, ...]:
        """Return who is who."""
        return settle(self.desired, self.state, self.targets)

    def inputs(self) -> Inputs:
        """Read the world as the session does."""
        everyone = settle(self.desired, self.state, None)
        entries = {**self.state.campaigns, **{item.known_key: item.known for item in everyone if item.known}}
        texts = [item.steps for item in self.desired.campaigns] + [STEPS, EDITED, *map(text_of, KEYS)]
        return Inputs(
            desired=self.desired,
            state=self.state,
            live=Live(
                campaigns={key: self.there[entry.id] for key, entry in entries.items()},
                pools=self.pools,
                accounts=self.accounts,
                capabilities=Capabilities(get_campaign=True, patch_campaign=self.patch),
                refreshed=self.refreshed,
            ),
            rosters={item.key: self._roster(item.campaign, item.known) for item in everyone if item.campaign},
            steps={steps_digest(text): text for text in texts},
            ledgers={
                item.key: FewHashes(frozenset(map(hashed, self.ledgers[item.known.id])))
                for item in everyone
                if item.campaign is None and item.known is not None
            },
            now=NOW,
            tool="reconciler 0.1.0",
            targets=self.targets,
        )

    def _roster(self, wanted: Campaign, entry: CampaignState | None) -> Roster:
        if wanted.key in self.absent:
            return roster(0, at_hand=False, problem="the list is not at hand")
        here, ledger = self.lists[wanted.key], self.ledgers[entry.id] if entry else frozenset()
        return roster(
            len(here),
            new=len(here - ledger),
            gone=len(ledger - here),
            digest=f"people {sorted(here)}",
            hashes=FewHashes(frozenset(map(hashed, here))),
            blanks={"firstName": 1} if wanted.key in self.blank else {},
        )


def text_of(key: str) -> tuple[SequenceStep, ...]:
    """Return steps that no other campaign has."""
    return (STEPS[0].model_copy(update={"subject": f"For {key}"}), STEPS[1])


_LIVE = {
    Row.DRAFT: "draft",
    Row.RUNNING: "running",
    Row.PAUSED_BY_US: "paused",
    Row.PAUSED_ELSEWHERE: "paused",
    Row.UNKNOWN: "unknown",
    Row.GONE: "gone",
}
_COUNTERS = st.sampled_from(
    [None, Stats(total_enrolled=3, sent=0, queued=0), Stats(total_enrolled=0, sent=2, queued=1)]
)


@st.composite
def worlds(draw: st.DrawFn, *, calm: bool = False) -> World:
    """Draw a world. A calm one has nothing that a person must look at and nothing to wait for.

    In the others a campaign in three may be anything, and half of them have trouble with what all campaigns share.
    """
    wanted: list[Campaign] = []
    entries: dict[str, CampaignState] = {}
    buried: dict[str, CampaignState] = {}
    there: dict[str, LiveCampaign] = {}
    ledgers: dict[str, People] = {}
    lists: dict[str, People] = {}
    free = [key for key in KEYS if draw(st.booleans())] or [KEYS[0]]
    for key in free:
        smooth = calm or draw(st.integers(0, 2)) > 0
        row = draw(st.sampled_from([Row.ABSENT, Row.DRAFT, Row.RUNNING, Row.PAUSED_BY_US] if smooth else list(Row)))
        column = draw(st.sampled_from(list(Column)))
        if smooth and row in STARTED_ROWS and column is Column.DRAFT:
            column = Column.RUNNING
        first = KEYS.index(key) * PEOPLE if smooth or draw(st.booleans()) else 0
        everybody = range(first, first + PEOPLE)
        lists[key] = frozenset(draw(st.sets(st.sampled_from(everybody), min_size=1 if smooth else 0)))
        text = text_of(key) if smooth else draw(st.sampled_from([text_of(key), STEPS]))
        if row is not Row.ABSENT:
            held = frozenset(draw(st.sets(st.sampled_from(everybody))))
            entry = known(
                key,
                "draft"
                if row is Row.DRAFT
                else "paused"
                if row in {Row.PAUSED_BY_US, Row.PAUSED_ELSEWHERE}
                else "running",
                accepted=len(held),
                paused_by_us=row is Row.PAUSED_BY_US,
                steps_digest=steps_digest(text),
                read_back_digest=steps_digest(text),
                protect=not smooth and draw(st.integers(0, 5)) == 0,
            )
            name, shown = entry.name, text
            if row is Row.DRAFT:
                name = draw(st.sampled_from([entry.name, "Bob's copy"]))
                shown = draw(st.sampled_from([text, EDITED]))
            reading = live(key, _LIVE[row], enrolled=len(held), name=name, steps=shown)
            if row in {Row.UNKNOWN, Row.GONE}:
                reading = reading.model_copy(update={"stats": None, "steps": None})
            elif not smooth and draw(st.integers(0, 4)) == 0:
                reading = reading.model_copy(update={"stats": draw(_COUNTERS)})
            there[entry.id], ledgers[entry.id] = reading, held
            returns = column is not Column.FILE_GONE and draw(st.integers(0, 4)) == 0
            if returns and not (calm and column is Column.ARCHIVED):
                buried[key] = entry
            else:
                entries[key] = entry
        if column is not Column.FILE_GONE:
            edited = (row not in STARTED_ROWS or not smooth) and draw(st.integers(0, 2)) == 0
            names = [key.title()] if smooth and row in STARTED_ROWS else [key.title(), "Renamed"]
            steps = (text[0], EDITED[1]) if edited else text
            wanted.append(campaign(key, column.value, steps=steps, name=draw(st.sampled_from(names))))
    return _trouble(
        draw,
        World(
            _moves(draw, wanted, entries, lists),
            State(
                lineage="4f0c",
                serial=1,
                ledger_key_id="k1",
                campaigns=entries,
                tombstones={key: Tombstone(at=STARTED, campaign=entry) for key, entry in buried.items()},
            ),
            there,
            ledgers,
            lists,
            patch=draw(st.sampled_from([True, False])),
        ),
        calm=calm,
    )


def _moves(
    draw: st.DrawFn, wanted: list[Campaign], entries: dict[str, CampaignState], lists: dict[str, People]
) -> Desired:
    """Give some campaigns a new key, as `moved` does; their files are all else they had."""
    moved = []
    for item in wanted:
        if item.key in entries and draw(st.integers(0, 5)) == 0:
            new = f"{item.key}-2"
            lists[new] = lists[item.key]
            moved.append(item.model_copy(update={"key": new, "moved_from": item.key}))
        else:
            moved.append(item)
    return desired(*moved, max_forgets=len(KEYS))


def _trouble(draw: st.DrawFn, world: World, *, calm: bool) -> World:
    started = Counter(
        (key, person)
        for key, entry in world.state.campaigns.items()
        if entry.status != "draft"
        for person in world.ledgers[entry.id]
    )
    renamed = {item.moved_from: item.key for item in world.desired.campaigns if item.moved_from}
    started = Counter((renamed.get(key, key), person) for key, person in started)
    buried = {
        (key, person)
        for key, tombstone in world.state.tombstones.items()
        if tombstone.campaign.status != "draft"
        for person in world.ledgers[tombstone.campaign.id]
    }
    world = replace(world, written=started + Counter(buried))
    if calm or draw(st.booleans()):
        return world
    keys = [item.key for item in world.desired.campaigns]
    some = st.frozensets(st.sampled_from(keys), max_size=1) if keys else st.just(frozenset())
    policy = world.desired.policy
    if draw(st.integers(0, 5)) == 0:
        closed = StartWindow(days=(6,), from_=time(8), to=time(9))
        policy = policy.model_copy(update={"start_window": closed})
    stops = (stop(draw(st.sampled_from(["*", *KEYS]))),) if draw(st.integers(0, 5)) == 0 else ()
    small = (POOLS[0].model_copy(update={"remaining": draw(st.integers(0, 12))}),)
    return replace(
        world,
        desired=world.desired.model_copy(update={"policy": policy}),
        state=world.state.model_copy(update={"stops": stops}),
        absent=draw(some),
        blank=draw(some),
        pools=draw(st.sampled_from([POOLS, POOLS, small, None])),
        accounts=draw(st.sampled_from([ACCOUNTS, ACCOUNTS, ACCOUNTS, (), None])),
        patch=draw(st.sampled_from([True, False, None])),
        targets=draw(st.sampled_from([None, None, frozenset(keys[:1])])),
        refreshed=draw(st.integers(0, 7)) > 0,
    )
