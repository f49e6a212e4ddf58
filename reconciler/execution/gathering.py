"""What a plan needs of the state beside the document: which campaigns to read, their steps, and old ledgers."""

from collections.abc import Callable, Sequence

from reconciler.model.campaign import SequenceStep
from reconciler.model.roster import Hashes
from reconciler.model.state import CampaignState, State, load_steps
from reconciler.planning.identity import Subject
from reconciler.ports import LeadSource


def to_read(state: State, subjects: Sequence[Subject]) -> dict[str, CampaignState]:
    """Choose what to read: every managed campaign, since they share the room, and those that come back."""
    returning = {item.known_key: item.known for item in subjects if item.known is not None}
    return {**state.campaigns, **returning}


def read_steps(
    subjects: Sequence[Subject], state: State, blob: Callable[[str], bytes]
) -> dict[str, tuple[SequenceStep, ...]]:
    """Read the blobs of steps that differ, and those that are sent; equal digests need no look at the text."""
    steps = {item.campaign.steps_digest: item.campaign.steps for item in subjects if item.campaign is not None}
    wanted = [known.steps_digest for known in to_read(state, subjects).values() if known.status != "draft"]
    for item in subjects:
        if item.known is not None and item.campaign is not None:
            wanted += [item.known.steps_digest, item.known.read_back_digest or item.known.steps_digest]
    for digest in wanted:
        if digest not in steps:
            steps[digest] = load_steps(blob(digest))
    return steps


def ledgers(subjects: Sequence[Subject], leads: LeadSource) -> dict[str, Hashes]:
    """Return the address hashes of vanished campaigns, where a new one could be the same under another key."""
    if not any(item.known is None for item in subjects):
        return {}
    return {
        item.key: leads.hashes(item.known.ledger)
        for item in subjects
        if item.campaign is None and item.known is not None
    }
