"""What each outcome makes of the state: pure functions, so that they can be applied again to a newer document."""

from collections.abc import Mapping
from datetime import datetime

from reconciler.model.campaign import Campaign, Status
from reconciler.model.live import Live, LiveCampaign, LiveStatus
from reconciler.model.state import Binding, CampaignState, Cohort, Leftover, State, Tombstone
from reconciler.model.workspace import Desired

PAUSED = frozenset({None, "paused", "draft"})
"""What `pause` answers where nothing is sending: pausing a draft changes nothing (leadterra-api.md, "Behaviour")."""


def refreshed(
    state: State,
    *,
    base: State,
    desired: Desired,
    live: Live,
    sources: Mapping[str, str],
    binding: Binding | None,
    at: datetime,
) -> State:
    """Write down what was read: binding, capabilities, statuses, whose pause it is, `protect`.

    `base` is the state that was read from: what somebody wrote down since (a stop, say) is newer than what was read.
    `sources` maps keys of the files to the keys under which the state has them. A pause that somebody else made becomes
    ours where the file says paused, too (design §5, "paused elsewhere").
    """
    wanted = {sources.get(campaign.key, campaign.key): campaign for campaign in desired.campaigns}
    campaigns = {}
    for key, known in state.campaigns.items():
        unchanged = known == base.campaigns.get(key)
        entry = _observed(known, live.campaigns.get(key), at) if unchanged else known
        campaigns[key] = _as_filed(entry, wanted[key]) if key in wanted else entry
    return state.model_copy(
        update={"binding": binding, "capabilities": live.capabilities, "campaigns": campaigns},
    )


def _as_filed(entry: CampaignState, campaign: Campaign) -> CampaignState:
    """Take over what the file says and no call carries; equal steps may come from other sources by now."""
    update: dict[str, object] = {"protect": campaign.protect, "file": campaign.file}
    if campaign.status is Status.PAUSED and entry.status == "paused":
        update["paused_by_us"] = True
    if campaign.steps_digest == entry.steps_digest:
        update["sources"] = campaign.sources
    return entry.model_copy(update=update)


def _observed(known: CampaignState, seen: LiveCampaign | None, at: datetime) -> CampaignState:
    """Take over a status that the server named, or that its counters show.

    One that was started by somebody else counts as started now.
    """
    if seen is None or seen.status in {LiveStatus.UNKNOWN, LiveStatus.GONE}:
        return known
    if seen.id != known.id or seen.status.value == known.status:
        return known
    started_at = known.started_at if seen.status is LiveStatus.DRAFT else known.started_at or at
    return known.model_copy(
        update={"status": seen.status.value, "paused_by_us": False, "started_at": started_at},
    )


def created(state: State, key: str, entry: CampaignState, *, instead_of: Leftover | None = None) -> State:
    """Start managing a new draft; the one whose place it takes is kept in mind."""
    if instead_of is not None:
        state = state.model_copy(update={"leftovers": (*state.leftovers, instead_of)})
    return state.with_campaign(key, entry)


def create_lost(state: State, orphan: Leftover) -> State:
    """Keep in mind that a draft may exist whose id nobody knows."""
    return state.model_copy(update={"leftovers": (*state.leftovers, orphan)})


def updated(state: State, key: str, campaign: Campaign) -> State:
    """Write down that a draft is as its file says; how the server shows it is not known yet."""
    entry = state.campaigns[key]
    return state.with_campaign(
        key,
        entry.model_copy(
            update={
                "name": campaign.name,
                "steps_digest": campaign.steps_digest,
                "read_back_digest": None,
                "sources": dict(campaign.sources),
            }
        ),
    )


def read_back(state: State, key: str, digest: str) -> State:
    """Write down how the server shows the steps that were last written."""
    return state.with_campaign(key, state.campaigns[key].model_copy(update={"read_back_digest": digest}))


def enrolled(state: State, key: str, segment: str, cohort: Cohort) -> State:
    """Add one batch to the ledger."""
    entry = state.campaigns[key]
    return state.with_campaign(
        key,
        entry.model_copy(update={"ledger": (*entry.ledger, segment), "cohorts": (*entry.cohorts, cohort)}),
    )


def started(state: State, key: str, at: datetime) -> State:
    """Write down that it is running, and since when."""
    entry = state.campaigns[key]
    return state.with_campaign(
        key,
        entry.model_copy(
            update={"status": "running", "paused_by_us": False, "started_at": entry.started_at or at},
        ),
    )


def paused(state: State, key: str, answered: str | None) -> State:
    """Write down that we paused it; `answered` is the status in the answer, since pausing a draft changes nothing."""
    entry = state.campaigns.get(key)
    if entry is None or answered == "draft" or (answered is None and entry.started_at is None):
        return state
    return state.with_campaign(key, entry.model_copy(update={"status": "paused", "paused_by_us": True}))


def moved(state: State, old: str, new: str) -> State:
    """Give a campaign, its tombstone, its leftovers and its stop mark the new key."""
    if old in state.campaigns:
        state = state.with_campaign(new, state.campaigns[old]).with_campaign(old, None)
    elif old in state.tombstones:
        buried, there = state.tombstones[old], state.tombstones.get(new)
        if there is not None:
            earlier = (*there.earlier, there.campaign, *buried.earlier)
            buried = buried.model_copy(update={"earlier": earlier})
        state = _with_tombstone(_with_tombstone(state, old, None), new, buried)
    leftovers = tuple(
        item.model_copy(update={"campaign": new}) if item.campaign == old else item for item in state.leftovers
    )
    stops = tuple(item.model_copy(update={"scope": new}) if item.scope == old else item for item in state.stops)
    return state.model_copy(update={"leftovers": leftovers, "stops": stops})


def adopted(state: State, key: str, campaign: Campaign) -> State:
    """Manage a forgotten campaign again, as its new file has it."""
    buried = state.tombstones[key]
    entry = buried.campaign.model_copy(update={"protect": campaign.protect, "file": campaign.file})
    return _with_tombstone(state, key, buried.rest).with_campaign(key, entry)


def imported(state: State, key: str, entry: CampaignState) -> State:
    """Manage a campaign as it is now; a tombstone of it has given its ledger to the entry."""
    for name, item in state.tombstones.items():
        if item.campaign.id == entry.id:
            state = _with_tombstone(state, name, item.rest)
    return state.with_campaign(key, entry)


def forgotten(state: State, key: str, at: datetime) -> State:
    """Stop managing a campaign; its tombstone keeps id and ledger, and those of former campaigns of this key."""
    entry, there = state.campaigns[key], state.tombstones.get(key)
    buried = Tombstone(at=at, campaign=entry) if there is None else there.below(at, entry)
    return _with_tombstone(state, key, buried).with_campaign(key, None)


def _with_tombstone(state: State, key: str, tombstone: Tombstone | None) -> State:
    rest = {name: item for name, item in state.tombstones.items() if name != key}
    if tombstone is not None:
        rest[key] = tombstone
    return state.model_copy(update={"tombstones": dict(sorted(rest.items()))})


def removed(state: State, key: str) -> State:
    """Forget a campaign altogether: entry, tombstone and leftovers."""
    tombstones = {name: item for name, item in state.tombstones.items() if name != key}
    leftovers = tuple(item for item in state.leftovers if item.campaign != key)
    return state.model_copy(update={"tombstones": tombstones, "leftovers": leftovers}).with_campaign(key, None)
