"""What an interrupted run left: each open intent is held against what the server shows now (design §6).

Nothing is called here. What can be told is made part of the state, what cannot stays open, and the planner asserts it
anew from today's files, behind all guards.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from reconciler.diagnostics import Diagnostic, note
from reconciler.execution import settling
from reconciler.execution.settling import Settled, whose
from reconciler.model.campaign import Status
from reconciler.model.intents import CreateIntent, EnrollIntent, Intent, UpdateIntent
from reconciler.model.live import Live, LiveCampaign
from reconciler.model.roster import FewHashes, Hashes
from reconciler.model.state import CampaignState, State
from reconciler.model.workspace import Desired
from reconciler.planning.identity import Subject


@dataclass(frozen=True, slots=True)
class Recovery:
    """What all open intents come to. `blobs` are ledger segments that `state` names, and that are not stored yet."""

    settled: tuple[Settled, ...] = ()
    blobs: Mapping[str, bytes] = field(default_factory=dict)

    def on(self, state: State) -> State:
        """Write it down, but for campaigns that somebody has changed since (a stop, say): the next run looks again."""
        for item in self.settled:
            if _entry(state, item) != item.before:
                continue
            state = state.without(item.closes)
            if item.leftovers:
                state = state.model_copy(update={"leftovers": (*state.leftovers, *item.leftovers)})
            if item.entry is None or item.entry == item.before:
                continue
            if item.buried and not item.adopted:
                buried = state.tombstones[item.key].model_copy(update={"campaign": item.entry})
                state = state.model_copy(update={"tombstones": {**state.tombstones, item.key: buried}})
            else:
                state = state.with_campaign(item.key, item.entry)
        return state

    def live(self, live: Live) -> Live:
        """Return what was read, with what an open intent makes unknown, and with what was found."""
        found = {item.key: item.seen for item in self.settled if item.seen is not None}
        return live.model_copy(update={"campaigns": {**live.campaigns, **found}}) if found else live

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the campaigns that had open intents."""
        return frozenset(item.key for item in self.settled)

    @property
    def adopted(self) -> frozenset[str]:
        """Keys of drafts that an interrupted run created, and that are managed from now on."""
        return frozenset(item.key for item in self.settled if item.adopted)

    @property
    def unsure(self) -> dict[str, str]:
        """Keys for which nothing can be planned, and why."""
        return {item.key: item.unsure for item in self.settled if item.unsure is not None}

    @property
    def notes(self) -> tuple[Diagnostic, ...]:
        """What has to be told, in words."""
        return tuple(
            note("interrupted", f"{item.key}: {words}", campaign=item.key)
            for item in self.settled
            for words in item.notes
        )


def _entry(state: State, item: Settled) -> CampaignState | None:
    if not item.buried:
        return state.campaigns.get(item.key)
    there = state.tombstones.get(item.key)
    return None if there is None or item.key in state.campaigns else there.campaign


def recover(
    state: State,
    live: Live,
    subjects: tuple[Subject, ...],
    hashes: Mapping[str, Hashes | None],
    blob: Callable[[str], bytes],
) -> Recovery:
    """Settle the open intents of these campaigns.

    `hashes` are the address hashes of today's lists, by final key; None where a list is not at hand. `blob` returns a
    ledger segment of the state.
    """
    concerned = [(subject, state.open_for(subject.known_key)) for subject in subjects]
    concerned = [(subject, intents) for subject, intents in concerned if intents]
    mine = _shared_out(live, [intents for _, intents in concerned])
    settled: list[Settled] = []
    blobs: dict[str, bytes] = {}
    for subject, intents in concerned:
        buried = subject.known is not None and subject.known_key not in state.campaigns
        item = Settled(subject.known_key, subject.campaign, subject.known, buried=buried)
        seen = live.campaigns.get(subject.known_key)
        for operation, intent in intents.items():
            if isinstance(intent, CreateIntent):
                _created(item, operation, intent, live, mine, partial(_left, item, hashes.get(subject.key), blob))
        rest = {name: intent for name, intent in intents.items() if not isinstance(intent, CreateIntent)}
        for operation, intent in rest.items():
            if item.entry is None or intent.id != item.entry.id:
                item.close(operation)
        if seen is not None:
            rest = {name: intent for name, intent in rest.items() if name not in item.closes}
            stopped = state.stop_for(subject.known_key) is not None or state.stop_for(subject.key) is not None
            _settle(item, rest, seen, stopped=stopped)
            listed = _listed(item, hashes.get(subject.key))
            enrolments = {name: intent for name, intent in rest.items() if isinstance(intent, EnrollIntent)}
            if listed is not None:
                blobs |= settling.enrolments(item, enrolments, listed, seen, blob)
        settled.append(item)
    return Recovery(tuple(settled), blobs)


def _shared_out(live: Live, intents: list[dict[str, Intent]]) -> dict[str, LiveCampaign]:
    """Give each create the oldest draft that may be its own, the older create first: no two get the same one."""
    creates = {name: item for one in intents for name, item in one.items() if isinstance(item, CreateIntent)}
    given: dict[str, LiveCampaign] = {}
    taken: set[str] = set()
    for name in sorted(creates, key=lambda name: (creates[name].at, name)):
        free = [draft for draft in live.drafts.get(name) or () if draft.id not in taken]
        if free:
            given[name] = free[0]
            taken.add(free[0].id)
    return given


def _created(
    item: Settled,
    operation: str,
    intent: CreateIntent,
    live: Live,
    mine: Mapping[str, LiveCampaign],
    gone: Callable[[], bool],
) -> None:
    """Settle a create: adopt the oldest draft that must be its own; where none is there, it was not made."""
    seen = live.campaigns.get(item.key)
    if not live.refreshed:
        item.notes.append(f'{whose(intent)} may have created "{intent.name}"; Leadterra was not asked')
    elif operation not in live.drafts:
        settling.not_listed(item, operation, intent, seen, gone=gone)
    elif live.drafts[operation] is None:
        item.unsure = f'{whose(intent)} may have created "{intent.name}", and the campaigns could not be listed'
    elif operation not in mine:
        settling.not_found(item, operation, intent)
    else:
        settling.found(item, operation, intent, mine[operation], seen)
        owned = {draft.id for draft in mine.values()}
        for other in live.drafts[operation] or ():
            if other.id not in owned:
                words = f"{other.id} looks the same as {mine[operation].id}; it has no leads, and is left alone"
                item.notes.append(words)


def _left(item: Settled, hashes: Hashes | None, blob: Callable[[str], bytes]) -> bool:
    """Whether somebody of the ledger is not on the list; not where the list is not at hand."""
    if item.before is None or hashes is None:
        return False
    return any(hashes.missing(settling.addresses_of(blob(name))) for name in item.before.ledger)


def _settle(item: Settled, intents: Mapping[str, Intent], seen: LiveCampaign, *, stopped: bool) -> None:
    for operation, intent in intents.items():
        if isinstance(intent, UpdateIntent):
            settling.update(item, operation, intent, seen)
        elif not isinstance(intent, EnrollIntent):
            open_ones = [other.kind for name, other in intents.items() if name not in item.closes]
            starting = not {"start", "resume"}.isdisjoint(open_ones)
            settling.move(item, operation, intent, seen, stopped=stopped, starting=starting)


def _listed(item: Settled, hashes: Hashes | None) -> Hashes | None:
    """Return whom the list asks for: nobody where the campaign is to go. None: the list is not at hand."""
    return FewHashes() if item.status is Status.ARCHIVED else hashes


def orphans(state: State, desired: Desired) -> tuple[Subject, ...]:
    """Return the keys that intents to create speak of, and that neither file nor state has: their files went away."""
    known = {campaign.key for campaign in desired.campaigns} | state.campaigns.keys()
    keys = {intent.campaign for intent in state.operations.values() if intent.kind == "create"}
    return tuple(Subject(key, None, None, key) for key in sorted(keys - known))
