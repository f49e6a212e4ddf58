"""The journal: what changed from one serial of the state to the next, small enough to be written at every step.

A store keeps a whole document and the records since; both together are the state. Pure.
"""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import AwareDatetime

from reconciler.model.base import Frozen
from reconciler.model.intents import Intent
from reconciler.model.live import Capabilities
from reconciler.model.state import Approval, Binding, CampaignState, Cohort, Leftover, State, Stop, Tombstone

_T = TypeVar("_T")


class Growth(Frozen):
    """What an enrolment adds to a campaign: the entry itself is not written again with every batch."""

    ledger: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    cohorts: tuple[Cohort, ...] = ()


class Small(Frozen):
    """The parts that are small and written whole."""

    binding: Binding | None
    capabilities: Capabilities
    stops: tuple[Stop, ...]
    suppressed: tuple[str, ...]


class Delta(Frozen):
    """The difference of two states of one lineage. None takes an entry out; what is not named stays."""

    campaigns: dict[str, CampaignState | None] = {}
    grown: dict[str, Growth] = {}
    tombstones: dict[str, Tombstone | None] = {}
    operations: dict[str, Intent | None] = {}
    approvals: dict[str, Approval | None] = {}
    leftovers: tuple[Leftover, ...] | None = None
    more_leftovers: tuple[Leftover, ...] = ()
    small: Small | None = None

    @property
    def blobs(self) -> frozenset[str]:
        """Names of the blobs that it makes part of the state, some of which may have been before."""
        owners = [owner for part in (self.campaigns, self.tombstones, self.operations) for owner in part.values()]
        found = [owner.blobs for owner in owners if owner is not None]
        grown = [name for growth in self.grown.values() for name in (*growth.ledger, *growth.refused)]
        return frozenset(grown).union(() if self.small is None else self.small.suppressed, *found)

    def on(self, state: State, *, serial: int) -> State:
        """Return the state with this difference made, under its new serial."""
        update: dict[str, object] = {"serial": serial}
        if self.campaigns or self.grown:
            update["campaigns"] = _merged({**state.campaigns, **_grown(state, self.grown)}, self.campaigns)
        if self.tombstones:
            update["tombstones"] = _merged(state.tombstones, self.tombstones)
        if self.operations:
            update["operations"] = _merged(state.operations, self.operations)
        if self.approvals:
            update["approvals"] = _merged(state.approvals, self.approvals)
        if self.leftovers is not None or self.more_leftovers:
            before = state.leftovers if self.leftovers is None else self.leftovers
            update["leftovers"] = (*before, *self.more_leftovers)
        if self.small is not None:
            update |= {name: getattr(self.small, name) for name in Small.model_fields}
        return state.model_copy(update=update)


class Record(Frozen):
    """One entry of the journal: the difference that made `serial` of the serial before, who made it, and in words what.

    `what` is for people (`reconciler history`) and holds keys and counts, never an address.
    """

    lineage: str
    serial: int
    at: AwareDatetime
    by: str
    what: tuple[str, ...] = ()
    delta: Delta = Delta()


class Happening(Frozen):
    """A record as history tells it: who did what, and when."""

    serial: int
    at: AwareDatetime
    by: str
    what: tuple[str, ...] = ()


def between(old: State, new: State) -> Delta:
    """Return what makes `new` of `old`, serials aside. Both have one lineage; `new` was made of `old` by copying.

    Entries are compared by identity first, so that the cost lies in what changed.
    """
    campaigns: dict[str, CampaignState | None] = {}
    grown: dict[str, Growth] = {}
    for key, entry in _changed(old.campaigns, new.campaigns).items():
        growth = _growth(old.campaigns.get(key), entry)
        if growth is None:
            campaigns[key] = entry
        else:
            grown[key] = growth
    extended = old.leftovers and new.leftovers[: len(old.leftovers)] == old.leftovers
    small = [Small(**{name: getattr(state, name) for name in Small.model_fields}) for state in (old, new)]
    return Delta(
        campaigns=campaigns,
        grown=grown,
        tombstones=_changed(old.tombstones, new.tombstones),
        operations=_changed(old.operations, new.operations),
        approvals=_changed(old.approvals, new.approvals),
        leftovers=None if extended or old.leftovers == new.leftovers else new.leftovers,
        more_leftovers=new.leftovers[len(old.leftovers) :] if extended else (),
        small=None if small[0] == small[1] else small[1],
    )


def _changed(old: Mapping[str, _T], new: Mapping[str, _T]) -> dict[str, _T | None]:
    if old is new:
        return {}
    changed: dict[str, _T | None] = {}
    for key, entry in new.items():
        before = old.get(key)
        if before is not entry and before != entry:
            changed[key] = entry
    changed.update({key: None for key in old if key not in new})
    return changed


def _merged(entries: Mapping[str, _T], changes: Mapping[str, _T | None]) -> dict[str, _T]:
    merged = dict(entries)
    for key, entry in changes.items():
        if entry is None:
            merged.pop(key, None)
        else:
            merged[key] = entry
    return merged


def _growth(old: CampaignState | None, new: CampaignState | None) -> Growth | None:
    """Return what an enrolment added, where nothing else differs."""
    if old is None or new is None or not old.ledger:
        return None
    before = {name: getattr(old, name) for name in Growth.model_fields}
    after = {name: getattr(new, name) for name in Growth.model_fields}
    if any(after[name][: len(entries)] != entries for name, entries in before.items()):
        return None
    if new.model_copy(update=before) != old:
        return None
    return Growth(**{name: after[name][len(entries) :] for name, entries in before.items()})


def _grown(state: State, grown: Mapping[str, Growth]) -> dict[str, CampaignState]:
    return {key: _with(state.campaigns[key], growth) for key, growth in grown.items()}


def _with(entry: CampaignState, growth: Growth) -> CampaignState:
    return entry.model_copy(
        update={name: (*getattr(entry, name), *getattr(growth, name)) for name in Growth.model_fields}
    )
