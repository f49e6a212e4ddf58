"""Who is who, settled before anything is compared: renames, returning keys, vanished files, look-alikes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.model.campaign import Campaign, Status
from reconciler.model.plan import Kind
from reconciler.model.roster import FewHashes, Hashes
from reconciler.model.state import CampaignState, State
from reconciler.model.workspace import Desired


@dataclass(frozen=True, slots=True)
class Subject:
    """One campaign to plan for: what the files want of it, and what the state knows of it.

    `known_key` is the key under which state and live have it; `via` are the steps that bring it under `key`. `problem`
    is a sentence: then every action for it is blocked, and it is left as it is. `found`: it is a draft that an
    interrupted run created.
    """

    key: str
    campaign: Campaign | None
    known: CampaignState | None
    known_key: str
    via: tuple[Kind, ...] = ()
    problem: str | None = None
    already_moved: bool = False
    found: bool = False


@dataclass(frozen=True, slots=True)
class Resemblance:
    """What two campaigns are compared by: rosters' address hashes by new key, ledgers' by vanished key."""

    rosters: Mapping[str, Hashes]
    ledgers: Mapping[str, Hashes]


def settle(
    desired: Desired, state: State, targets: frozenset[str] | None, found: frozenset[str] = frozenset()
) -> tuple[Subject, ...]:
    """Match files with what the state knows, by key. `targets` limits the plan to some keys; None: all.

    `found` are keys of drafts that an interrupted run created, and that are managed from now on.
    """
    moved = {item.moved_from for item in desired.campaigns if item.moved_from is not None}
    subjects = [_wanted(campaign, state) for campaign in desired.campaigns]
    wanted = {campaign.key for campaign in desired.campaigns}
    subjects += [
        _vanished(key, known) for key, known in state.campaigns.items() if key not in wanted and key not in moved
    ]
    subjects = [_adopting(item) if item.known_key in found else item for item in subjects]
    chosen = (item for item in subjects if targets is None or item.key in targets)
    return tuple(sorted(chosen, key=lambda item: item.key))


def _adopting(subject: Subject) -> Subject:
    return replace(subject, via=(*subject.via, Kind.ADOPT), found=True)


def _wanted(campaign: Campaign, state: State) -> Subject:
    key, old = campaign.key, campaign.moved_from
    subject = Subject(key=key, campaign=campaign, known=state.campaigns.get(key), known_key=key)
    if subject.known is not None:
        if old is not None and old in state.campaigns:
            return replace(
                subject,
                problem=f"both {key} and {old}, which it says it was moved from, are managed: remove `moved`, "
                f"or stop managing one of them with `reconciler state rm`",
            )
        return replace(subject, already_moved=old is not None)
    if old is not None and old in state.campaigns:
        return replace(subject, known=state.campaigns[old], known_key=old, via=(Kind.MOVE,))
    buried = next((name for name in (key, old) if name is not None and name in state.tombstones), None)
    if buried is None or campaign.status is Status.ARCHIVED:
        return subject
    via = (Kind.ADOPT,) if buried == key else (Kind.MOVE, Kind.ADOPT)
    return replace(subject, known=state.tombstones[buried].campaign, known_key=buried, via=via)


def _vanished(key: str, known: CampaignState) -> Subject:
    problem = None
    if known.protect:
        problem = (
            f"its file {known.file} is gone, and it is protected; bring the file back, "
            "or write `protect: false` and apply before the file goes"
        )
    return Subject(key=key, campaign=None, known=known, known_key=key, problem=problem)


def find_renames(
    subjects: tuple[Subject, ...], alike: Resemblance, *, everyone: tuple[Subject, ...]
) -> tuple[Subject, ...]:
    """Mark a vanished key and a new one that look like one campaign: starting it anew would write to people twice.

    They look alike where their steps are equal, or where half of the smaller list of people is on the other one. A new
    key is compared with `everyone`, so that leaving the vanished one out of the plan does not let it through.
    """
    problems: dict[str, str] = {}
    vanished = [item for item in everyone if item.campaign is None and item.known is not None]
    newcomers = [item for item in subjects if item.known is None and item.campaign is not None]
    for new in newcomers:
        for old in vanished:
            if _look_alike(new, old, alike):
                words = f"looks like a rename of {old.key}: add `moved: {{from: {old.key}}}` to keep the live campaign"
                problems.setdefault(new.key, f"{words}; or let {old.key} go in a plan of its own first")
                problems.setdefault(old.key, f"its file is gone, and {new.key} {words}")
    return tuple(replace(item, problem=item.problem or problems.get(item.key)) for item in subjects)


def _look_alike(new: Subject, old: Subject, alike: Resemblance) -> bool:
    if new.campaign is None or old.known is None or new.campaign.status is Status.ARCHIVED:
        return False
    if new.campaign.steps and new.campaign.steps_digest == old.known.steps_digest:
        return True
    there, here = alike.ledgers.get(old.key, FewHashes()), alike.rosters.get(new.key, FewHashes())
    smaller = min(len(there), len(here))
    return smaller > 0 and there.common(here) * 2 >= smaller
