"""Taking over a campaign that exists: what is read is kept, what cannot be read is taken to be as written, and told."""

from datetime import datetime

from reconciler.diagnostics import ReconcilerError, error
from reconciler.model.campaign import Campaign, SequenceStep, steps_digest
from reconciler.model.live import LiveCampaign, LiveStatus
from reconciler.model.state import CampaignState, State

Imported = tuple[CampaignState, tuple[SequenceStep, ...], tuple[str, ...]]


def check_free(state: State, key: str, campaign_id: str) -> None:
    """Refuse a campaign, or a key, that is managed otherwise; raises `ReconcilerError`."""
    other = next((name for name, item in state.campaigns.items() if item.id == campaign_id and name != key), None)
    if other is not None:
        raise ReconcilerError(error("import-taken", f"{campaign_id} is managed already, as {other}"))
    before = state.campaigns.get(key)
    if before is not None and before.id != campaign_id:
        words = f"{key} is managed already, as {before.id}"
        raise ReconcilerError(error("import-taken", words, hint=f"first `reconciler state rm {key}`"))


def entry_of(state: State, campaign: Campaign, campaign_id: str) -> CampaignState:
    """Return what is known of a campaign; one that was managed before keeps the memory of who was written to."""
    if campaign.key in state.campaigns:
        return state.campaigns[campaign.key]
    for buried in state.tombstones.values():
        if buried.campaign.id == campaign_id:
            return buried.campaign
    return CampaignState(
        id=campaign_id,
        name=campaign.name,
        file=campaign.file,
        status="draft",
        steps_digest=campaign.steps_digest,
    )


def take_over(campaign: Campaign, entry: CampaignState, seen: LiveCampaign, now: datetime) -> Imported:
    """Make the entry of a campaign as it is now; return it with its steps and what has to be told.

    A campaign that is managed already keeps its ledger: its counters are taken as they are. Raises `ReconcilerError`
    where it could not be read.
    """
    if seen.stats is None or seen.status in {LiveStatus.UNKNOWN, LiveStatus.GONE}:
        words = seen.problem or f"Leadterra knows no campaign {entry.id}"
        raise ReconcilerError(error("import-unread", f"{entry.id} was not imported: {words}"))
    told = [] if seen.status_read else [f"its status cannot be read; its counters say {seen.status.value}"]
    if seen.steps is None:
        told.append("its steps cannot be read back; they are taken to be as the file has them")
    steps = campaign.steps if seen.steps is None else seen.steps
    outside = seen.stats.total_enrolled - entry.accepted
    if outside > 0:
        told.append(f"{outside:,} of its leads are not in our records (another tool, or an apply that was cut off)")
    if outside < 0:
        told.append(f"{-outside:,} of the leads enrolled from here are no longer in it")
    imported = entry.model_copy(
        update={
            "name": seen.name or campaign.name,
            "file": campaign.file,
            "protect": campaign.protect,
            "status": seen.status.value,
            "paused_by_us": entry.paused_by_us and seen.status is LiveStatus.PAUSED,
            "started_at": entry.started_at or (None if seen.status is LiveStatus.DRAFT else now),
            "steps_digest": steps_digest(steps),
            "read_back_digest": None if seen.steps is None else steps_digest(steps),
            "sources": campaign.sources if steps_digest(steps) == campaign.steps_digest else {},
            "outside": outside,
        }
    )
    return imported, steps, tuple(told)
