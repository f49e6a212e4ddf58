"""What each outcome makes of the state: pure functions, so that they can be applied again to a newer document."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from reconciler.model.campaign import Campaign, Status
from reconciler.model.live import Capabilities, Live, LiveCampaign, LiveStatus
from reconciler.model.state import Binding, CampaignState, Cohort, Leftover, State, Tombstone
from reconciler.model.workspace import Desired
from reconciler.planning.segments import by_quarter

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
        entry = _as_filed(entry, wanted[key]) if key in wanted else entry
        campaigns[key] = known if entry == known else entry
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


def created(
    state: State, key: str, entry: CampaignState, operation: str, *, leaving: tuple[Leftover, ...] = ()
) -> State:
    """Start managing a new draft; what it leaves behind (the one whose place it takes, say) is kept in mind.

    What was open for that one does not matter any more: nobody will start it.
    """
    if leaving:
        state = state.model_copy(update={"leftovers": (*state.leftovers, *leaving)})
    if key in state.campaigns:
        state = state.without(state.open_for(key))
    return state.without([operation]).with_campaign(key, entry)


def updated(state: State, key: str, campaign: Campaign, capabilities: Capabilities) -> State:
    """Write down that a draft is as its file says; how the server shows it is not known yet."""
    entry = state.campaigns[key]
    changed = {
        "name": campaign.name,
        "steps_digest": campaign.steps_digest,
        "read_back_digest": None,
        "sources": dict(campaign.sources),
    }
    state = _closed(state, key, "update").model_copy(update={"capabilities": capabilities})
    return state.with_campaign(key, entry.model_copy(update=changed))


def suppressed(state: State, segment: str) -> State:
    """Write down who is on the suppression list from here on."""
    return state.model_copy(update={"suppressed": tuple(dict.fromkeys((*state.suppressed, segment)))})


def read_back(state: State, digests: Mapping[str, str]) -> State:
    """Write down how the server shows the steps that were last written, by key."""
    entries = {
        key: entry.model_copy(update={"read_back_digest": digests[key]})
        for key, entry in state.campaigns.items()
        if key in digests and entry.read_back_digest != digests[key]
    }
    return state.model_copy(update={"campaigns": {**state.campaigns, **entries}}) if entries else state


def enrolled(state: State, key: str, segments: tuple[str, ...], cohort: Cohort, operations: frozenset[str]) -> State:
    """Add batches to the ledger, with what they came to in all."""
    entry = state.campaigns[key]
    return state.without(operations).with_campaign(
        key,
        entry.model_copy(update={"ledger": (*entry.ledger, *segments), "cohorts": (*entry.cohorts, cohort)}),
    )


def refused(state: State, key: str, segment: str, cohort: Cohort) -> State:
    """Remember leads that the server did not accept, so that they are not sent again as they are."""
    entry = state.campaigns[key]
    cohorts = (*entry.cohorts, cohort) if cohort.tried else entry.cohorts
    return state.with_campaign(key, entry.model_copy(update={"refused": (*entry.refused, segment), "cohorts": cohorts}))


def merged(state: State, key: str, kind: Literal["ledger", "refused"], old: tuple[str, ...], new: str) -> State:
    """Let one segment stand for the newest ones, `old`; cohorts of a quarter of an hour are added up on the way."""
    entry = state.campaigns[key]
    names: tuple[str, ...] = getattr(entry, kind)
    if names[-len(old) :] != old:
        return state
    update = {kind: (*names[: -len(old)], new), "cohorts": by_quarter(entry.cohorts)}
    return state.with_campaign(key, entry.model_copy(update=update))


def all_enrolled(state: State, key: str) -> State:
    """Close what an interrupted enrolment left open: whoever of it is on the list was sent again."""
    return _closed(state, key, "enroll")


def started(state: State, key: str, at: datetime) -> State:
    """Write down that it is running, and since when.

    Under a stop mark its intents stay open until it is paused: should this run not live to do it, the next one does.
    """
    entry = state.campaigns[key]
    settled = state if state.stop_for(key) else _closed(state, key, "start", "resume", "pause")
    if key in settled.approvals:
        approval = settled.approvals[key].model_copy(update={"started": True})
        settled = settled.model_copy(update={"approvals": {**settled.approvals, key: approval}})
    return settled.with_campaign(
        key,
        entry.model_copy(
            update={"status": "running", "paused_by_us": False, "started_at": entry.started_at or at},
        ),
    )


def paused(state: State, key: str, answered: str | None) -> State:
    """Write down that we paused it; `answered` is the status in the answer, since pausing a draft changes nothing.

    An answer without a status is no word about a draft, unless it certainly is one: one whose start is open is not.
    """
    if key not in state.campaigns:
        return state
    return _closed(_at_rest(state, key, answered), key, "start", "resume", "pause")


def stopped(state: State, key: str, answered: str | None) -> State:
    """Write down the pause of an emergency stop. A start that was under way meanwhile may have come after it."""
    if key not in state.campaigns:
        return state
    return _closed(_at_rest(state, key, answered), key, "pause")


def not_stopped(state: State, key: str) -> State:
    """Write down that a stop found nothing to pause: it is somebody else's pause."""
    return _closed(state, key, "pause")


def _at_rest(state: State, key: str, answered: str | None) -> State:
    entry = state.campaigns[key]
    starts = [intent.at for intent in state.open_for(key).values() if intent.kind == "start"]
    began = entry.started_at or (starts[0] if starts else None)
    if answered == "draft" or (answered is None and began is None):
        return state
    update = {"status": "paused", "paused_by_us": True, "started_at": began}
    return state.with_campaign(key, entry.model_copy(update=update))


def _closed(state: State, key: str, *kinds: str) -> State:
    """Close the open intents of these kinds: what they left unknown has been written anew."""
    return state.without(operation for operation, intent in state.open_for(key).items() if intent.kind in kinds)


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
    state = _unapproved(state, old)
    stops = tuple(item.model_copy(update={"scope": new}) if item.scope == old else item for item in state.stops)
    operations = {
        operation: intent.model_copy(update={"campaign": new}) if intent.campaign == old else intent
        for operation, intent in state.operations.items()
    }
    return state.model_copy(update={"leftovers": leftovers, "stops": stops, "operations": operations})


def adopted(state: State, key: str, campaign: Campaign) -> State:
    """Manage a forgotten campaign again, as its new file has it."""
    buried = state.tombstones[key]
    entry = buried.campaign.model_copy(update={"protect": campaign.protect, "file": campaign.file})
    return _with_tombstone(state, key, buried.rest).with_campaign(key, entry)


def imported(state: State, key: str, entry: CampaignState) -> State:
    """Manage a campaign as it is now; a tombstone of it has given its ledger to the entry."""
    state = _unapproved(state.without(state.open_for(key)), key)
    for name, item in state.tombstones.items():
        if item.campaign.id == entry.id:
            state = _with_tombstone(state, name, item.rest)
    return state.with_campaign(key, entry)


def forgotten(state: State, key: str, at: datetime) -> State:
    """Stop managing a campaign; its tombstone keeps id and ledger, and those of former campaigns of this key.

    What is open about its text or its people stays open, should the key return.
    """
    state = _unapproved(_closed(state, key, "start", "resume", "pause"), key)
    entry, there = state.campaigns[key], state.tombstones.get(key)
    buried = Tombstone(at=at, campaign=entry) if there is None else there.below(at, entry)
    return _with_tombstone(state, key, buried).with_campaign(key, None)


def _unapproved(state: State, key: str) -> State:
    """Let go of an approval: it was of the campaign that had this key."""
    if key not in state.approvals:
        return state
    return state.model_copy(update={"approvals": {name: it for name, it in state.approvals.items() if name != key}})


def _with_tombstone(state: State, key: str, tombstone: Tombstone | None) -> State:
    rest = {name: item for name, item in state.tombstones.items() if name != key}
    if tombstone is not None:
        rest[key] = tombstone
    return state.model_copy(update={"tombstones": rest})


def removed(state: State, key: str) -> State:
    """Forget a campaign altogether: entry, tombstone, leftovers, approval and open intents."""
    state = _unapproved(state.without(state.open_for(key)), key)
    tombstones = {name: item for name, item in state.tombstones.items() if name != key}
    leftovers = tuple(item for item in state.leftovers if item.campaign != key)
    return state.model_copy(update={"tombstones": tombstones, "leftovers": leftovers}).with_campaign(key, None)
