"""A person is written to once: whom other campaigns speak for, by their ledgers and by their lists (design §1, 3, 5).

Every campaign that this repository enrolled somebody in counts, also one that is no longer managed. Of campaigns that
are to run, who is on the lists of two is left to the one whose key comes first, whichever of them is ready.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from reconciler.diagnostics import Diagnostic, SourceRange, error
from reconciler.model.campaign import Campaign, Status
from reconciler.model.roster import NOBODY, Avoid, Contact, Roster
from reconciler.model.state import CampaignState, State
from reconciler.model.workspace import Desired
from reconciler.planning.identity import Subject

Read = Callable[[Campaign, CampaignState | None, Avoid], Roster]


def rosters(
    subjects: Iterable[Subject],
    everyone: Iterable[Subject],
    state: State,
    desired: Desired,
    now: datetime,
    read: Read,
) -> tuple[dict[str, Roster], dict[str, Roster]]:
    """Read the lists of these campaigns, and of those that speak for somebody on them; return both by key.

    `everyone` are the campaigns of all files. What is wrong with a list that is not asked for is not told.
    """
    wanted = {item.key: item for item in subjects if item.campaign is not None}
    there = {item.key: item for item in everyone if item.campaign is not None}
    lists: dict[str, Roster] = {}
    excluded = {key for item in wanted.values() for key in _excludes(item.campaign)}
    for key in sorted(there):
        item = there[key]
        campaign = item.campaign
        if campaign is None or not (key in wanted or key in excluded or _comes_first(campaign, wanted, desired)):
            continue
        for other in _excludes(campaign):
            if other not in lists and other in there:
                lists[other] = _plain(there[other], read)
        lists[key] = read(campaign, item.known, avoid(campaign, item.known_key, state, desired, now, lists))
    found = {
        key: lists[key].model_copy(
            update={"diagnostics": (*lists[key].diagnostics, *_unknown_keys(item.campaign, state, desired))}
        )
        for key, item in wanted.items()
    }
    return found, lists


def _plain(subject: Subject, read: Read) -> Roster:
    if subject.campaign is None:
        raise AssertionError(f"{subject.key} has no file")
    return read(subject.campaign, subject.known, NOBODY)


def _excludes(campaign: Campaign | None) -> tuple[str, ...]:
    return campaign.leads.exclude if campaign is not None and campaign.leads is not None else ()


def _comes_first(campaign: Campaign, wanted: Iterable[str], desired: Desired) -> bool:
    """Whether its list speaks for people on a list that is asked for."""
    return (
        desired.policy.recontact != "allow"
        and campaign.status is Status.RUNNING
        and campaign.key < max(wanted, default="")
    )


def avoid(
    campaign: Campaign, known_key: str, state: State, desired: Desired, now: datetime, lists: Mapping[str, Roster]
) -> Avoid:
    """Say whom a campaign must not newly write to, as the state knows it now.

    `lists` are the rosters of other campaigns, as they were planned: those whose keys come first speak for their new
    people, and excluded ones for everybody on them.
    """
    own = {campaign.key, known_key}
    excluded = [
        Contact(key=key, ledger=_ever(key, state), hashes=lists[key].hashes if key in lists else frozenset())
        for key in dict.fromkeys(_excludes(campaign))
        if key not in own
    ]
    unknown = [key for key in _excludes(campaign) if key in lists and not lists[key].at_hand]
    contacted: list[Contact] = []
    if desired.policy.recontact != "allow":
        since = now - timedelta(days=desired.policy.recontact_days)
        contacted += _in_ledgers(own, known_key, state, desired, now, since)
        for other in desired.campaigns:
            if other.key < campaign.key and other.status is Status.RUNNING and other.key in lists:
                contacted.append(Contact(key=other.key, hashes=lists[other.key].fresh))
    return Avoid(
        suppressed=state.suppressed,
        contacted=tuple(contacted),
        excluded=tuple(excluded),
        hold=desired.policy.recontact == "hold",
        unknown=tuple(unknown),
    )


def _ever(key: str, state: State) -> tuple[str, ...]:
    """Return the ledger segments of all that ever had this key."""
    entries = [state.campaigns[key]] if key in state.campaigns else []
    if key in state.tombstones:
        entries += [state.tombstones[key].campaign, *state.tombstones[key].earlier]
    return tuple(dict.fromkeys(name for entry in entries for name in entry.ledger))


def _in_ledgers(
    own: set[str], known_key: str, state: State, desired: Desired, now: datetime, since: datetime
) -> list[Contact]:
    delays = {item.key: sum(step.delay_days for step in item.steps) for item in desired.campaigns}
    found = [
        Contact(key=key, ledger=entry.ledger)
        for key, entry in sorted(state.campaigns.items())
        if key not in own and entry.ledger and _last(entry, delays.get(key), now) >= since
    ]
    for key, tombstone in sorted(state.tombstones.items()):
        # The campaign of its own key comes back with its ledger, unless another has the key now.
        mine = key == known_key and key not in state.campaigns
        entries = [*tombstone.earlier, *([] if mine else [tombstone.campaign])]
        ledger = tuple(dict.fromkeys(name for entry in entries for name in entry.ledger))
        if ledger and tombstone.at >= since:
            found.append(Contact(key=key, ledger=ledger))
    return found


def _last(entry: CampaignState, delays: int | None, now: datetime) -> datetime:
    """Return a time after which a campaign has certainly sent nothing.

    One that is not running any more has sent its last step when everybody's waits were over; where its file is gone,
    and before a first start, that is not known.
    """
    if entry.status != "paused" or entry.started_at is None or delays is None:
        return now
    return min(now, max([entry.started_at, *(cohort.at for cohort in entry.cohorts)]) + timedelta(days=delays))


def _unknown_keys(campaign: Campaign | None, state: State, desired: Desired) -> tuple[Diagnostic, ...]:
    """Tell excluded keys that neither a file nor the state has: whom they mean, nobody knows."""
    if campaign is None or campaign.leads is None:
        return ()
    keys = {item.key for item in desired.campaigns} | state.campaigns.keys() | state.tombstones.keys()
    at = SourceRange(file=campaign.leads.file, line=campaign.leads.line)
    told = []
    for key in campaign.leads.exclude:
        if key == campaign.key:
            words, hint = f"{key} excludes itself.", "Take its key out of `leads.exclude`."
        elif key not in keys:
            near = difflib.get_close_matches(key, sorted(keys), n=1)
            words = f"`leads.exclude` names {key}, and there is no campaign of that key."
            hint = f"Did you mean {near[0]}?" if near else "Write the key of another campaign, or take it out."
        else:
            continue
        told.append(error("leads-exclude", words, hint=hint, at=at, campaign=campaign.key))
    return tuple(told)
