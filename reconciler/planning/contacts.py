"""A person is written to once: whom other campaigns speak for, by their ledgers and by their lists (design §1, 3, 5).

Every campaign that this repository enrolled somebody in counts, also one that is no longer managed. Of campaigns that
are to run, who is on the lists of two is left to the one whose key comes first, whichever of them is ready.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.diagnostics import Diagnostic, SourceRange, error
from reconciler.model.campaign import Campaign, Status
from reconciler.model.roster import NOBODY, Avoid, Contact, FewHashes, Roster
from reconciler.model.state import CampaignState, State
from reconciler.model.workspace import Desired, Policy
from reconciler.planning.identity import Subject

Read = Callable[[Campaign, CampaignState | None, Avoid], Roster]


@dataclass(frozen=True, slots=True)
class Lists:
    """What the lists of campaigns come to, by key, and whom each of them must not newly write to.

    Nobody else enrols while an apply runs, and its own enrolments reach only people whom no other campaign of the plan
    writes to: what is to be avoided stays as it was planned.
    """

    rosters: Mapping[str, Roster]
    avoid: Mapping[str, Avoid]


def read_lists(
    subjects: Iterable[Subject],
    everyone: Iterable[Subject],
    state: State,
    desired: Desired,
    now: datetime,
    read: Read,
) -> Lists:
    """Read the lists of these campaigns, and those of others that speak for somebody on them.

    `everyone` are the campaigns of all files. What is wrong with a list that is not asked for is not told.
    """
    wanted = {item.key: item for item in subjects if item.campaign is not None}
    there = {item.key: item for item in everyone if item.campaign is not None}
    excluded = {key for item in wanted.values() for key in _excludes(item.campaign)}
    ledgers = _in_ledgers(state, desired.policy, now)
    lists: dict[str, Roster] = {}
    avoided: dict[str, Avoid] = {}
    for key in sorted(there):
        item = there[key]
        campaign = item.campaign
        if campaign is None or not (key in wanted or key in excluded or _comes_first(campaign, wanted, desired)):
            continue
        if campaign.leads is not None:
            for other in campaign.leads.exclude:
                if other not in lists and other in there:
                    lists[other] = _plain(there[other], read)
            avoided[key] = _avoid(campaign, item, state, desired, ledgers, lists)
        lists[key] = read(campaign, item.known, avoided.get(key, NOBODY))
    found = {
        key: lists[key].model_copy(
            update={"diagnostics": (*lists[key].diagnostics, *_unknown_keys(item.campaign, state, desired))}
        )
        for key, item in wanted.items()
    }
    return Lists(found, {key: avoid for key, avoid in avoided.items() if key in wanted})


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


def _avoid(
    campaign: Campaign,
    subject: Subject,
    state: State,
    desired: Desired,
    ledgers: Iterable[tuple[str, bool, Contact]],
    lists: Mapping[str, Roster],
) -> Avoid:
    """Say whom a campaign must not newly write to.

    Of `lists`, those whose keys come first speak for their new people, and excluded ones for everybody on them.
    """
    own, excludes = {campaign.key, subject.known_key}, _excludes(campaign)
    excluded = [
        Contact(key=key, ledger=_ever(key, state), hashes=lists[key].hashes if key in lists else FewHashes())
        for key in dict.fromkeys(excludes)
        if key not in own
    ]
    contacted: list[Contact] = []
    if desired.policy.recontact != "allow":
        contacted += [contact for key, buried, contact in ledgers if key not in own or buried]
        contacted += [
            Contact(key=other.key, hashes=lists[other.key].fresh)
            for other in desired.campaigns
            if other.key < campaign.key and other.status is Status.RUNNING and other.key in lists
        ]
    return Avoid(
        suppressed=state.suppressed,
        contacted=tuple(contacted),
        excluded=tuple(excluded),
        hold=desired.policy.recontact == "hold",
        unknown=tuple(key for key in excludes if key in lists and not lists[key].at_hand),
    )


def _ever(key: str, state: State) -> tuple[str, ...]:
    """Return the ledger segments of all that ever had this key."""
    entries = [state.campaigns[key]] if key in state.campaigns else []
    if key in state.tombstones:
        entries += [state.tombstones[key].campaign, *state.tombstones[key].earlier]
    return tuple(dict.fromkeys(name for entry in entries for name in entry.ledger))


def _in_ledgers(state: State, policy: Policy, now: datetime) -> list[tuple[str, bool, Contact]]:
    """Return the ledgers of all that write to people, or did so not long ago, with their keys.

    A managed campaign always does: one that is paused may be resumed any day. One that was let go sent nothing after
    that. True: it counts for its own key as well, since another campaign has, or had, that key now.
    """
    since = now - timedelta(days=policy.recontact_days)
    found = [
        (key, False, Contact(key=key, ledger=entry.ledger))
        for key, entry in sorted(state.campaigns.items())
        if entry.ledger
    ]
    for key, tombstone in sorted(state.tombstones.items()):
        if tombstone.at < since:
            continue
        # Where nobody has the key by now, its campaign may come back with its ledger.
        for entry, buried in (
            (tombstone.campaign, key in state.campaigns),
            *((item, True) for item in tombstone.earlier),
        ):
            if entry.ledger:
                found.append((key, buried, Contact(key=key, ledger=entry.ledger)))
    return found


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
