"""What an interrupted run left: each open intent is held against what the server shows now (design §6).

Nothing is called here. What can be told is made part of the state, what cannot stays open, and the planner asserts it
anew from today's files, behind all guards.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from reconciler.diagnostics import Diagnostic, note
from reconciler.model.campaign import Campaign, Status, steps_digest
from reconciler.model.intents import CreateIntent, EnrollIntent, Intent, PauseIntent, ResumeIntent, UpdateIntent
from reconciler.model.live import Live, LiveCampaign, LiveStatus
from reconciler.model.state import CampaignState, Leftover, State
from reconciler.model.workspace import Desired
from reconciler.planning.identity import Subject

ENTRY, HASH = 32, 16
"""Bytes of a ledger entry, and of the hash of the address it begins with."""


@dataclass(slots=True)
class Settled:
    """What is known by now of one campaign: its entry, and the intents that say nothing more."""

    key: str
    entry: CampaignState | None
    closes: list[str] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)
    seen: LiveCampaign | None = None
    adopted: bool = False
    unsure: str | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What all open intents come to. `blobs` are ledger segments that `state` names, and that are not stored yet."""

    base: State
    settled: tuple[Settled, ...] = ()
    blobs: Mapping[str, bytes] = field(default_factory=dict)

    def on(self, state: State) -> State:
        """Write it down, but for campaigns that somebody has changed since (a stop, say): the next run looks again."""
        for item in self.settled:
            if state.campaigns.get(item.key) != self.base.campaigns.get(item.key):
                continue
            state = state.without(item.closes)
            if item.leftovers:
                state = state.model_copy(update={"leftovers": (*state.leftovers, *item.leftovers)})
            if item.entry is not None and item.entry != state.campaigns.get(item.key):
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


def recover(
    state: State,
    live: Live,
    subjects: tuple[Subject, ...],
    hashes: Mapping[str, frozenset[bytes] | None],
    blob: Callable[[str], bytes],
) -> Recovery:
    """Settle the open intents of these campaigns.

    `hashes` are the address hashes of today's lists, by final key; None where a list is not at hand. `blob` returns a
    ledger segment of the state.
    """
    settled: list[Settled] = []
    blobs: dict[str, bytes] = {}
    for subject in subjects:
        intents = state.open_for(subject.known_key)
        if not intents:
            continue
        item = Settled(subject.known_key, subject.known)
        seen = live.campaigns.get(subject.known_key)
        for operation, intent in intents.items():
            if isinstance(intent, CreateIntent):
                _created(item, operation, intent, subject, live)
            elif item.entry is None or intent.id != item.entry.id:
                item.closes.append(operation)
            elif seen is None:
                continue
            elif isinstance(intent, UpdateIntent):
                _updated(item, operation, intent, seen)
            elif isinstance(intent, EnrollIntent):
                continue
            else:
                _moved_on(item, operation, intent, subject.campaign, seen, stopped=state.stop_for(item.key) is not None)
        enrolments = {name: intent for name, intent in intents.items() if isinstance(intent, EnrollIntent)}
        open_ones = {name: intent for name, intent in enrolments.items() if name not in item.closes}
        listed = hashes.get(subject.key)
        if open_ones and seen is not None and listed is not None and not item.adopted:
            blobs |= _enrolled(item, open_ones, listed, seen, blob)
        settled.append(item)
    return Recovery(state, tuple(settled), blobs)


def orphans(state: State, desired: Desired) -> tuple[Subject, ...]:
    """Return the keys that intents to create speak of, and that neither file nor state has: their files went away."""
    known = {campaign.key for campaign in desired.campaigns} | state.campaigns.keys()
    keys = {intent.campaign for intent in state.operations.values() if intent.kind == "create"}
    return tuple(Subject(key, None, None, key) for key in sorted(keys - known))


def whose(intent: Intent) -> str:
    """Say whose run it was, and when."""
    return f"an interrupted run ({intent.by}, {intent.at:%d %b %H:%M} UTC)"


def _created(item: Settled, operation: str, intent: CreateIntent, subject: Subject, live: Live) -> None:
    """Adopt the oldest draft that must be its own; where none is there, it was not created (design §6)."""
    if not live.refreshed:
        item.notes.append(f'{whose(intent)} may have created "{intent.name}"; the server was not asked')
        return
    if operation not in live.drafts:
        if subject.campaign is None or subject.campaign.status is Status.ARCHIVED:
            item.closes.append(operation)
            item.leftovers.append(orphan(intent))
        words = "this server cannot list campaigns, so a draft without leads may be left over; it emails nobody"
        item.notes.append(f'{whose(intent)} may have created "{intent.name}": {words}')
        return
    found = live.drafts[operation]
    if found is None:
        item.unsure = f'{whose(intent)} may have created "{intent.name}", and the campaigns could not be listed'
        return
    item.closes.append(operation)
    if not found:
        item.notes.append(f'{whose(intent)} was about to create "{intent.name}"; it is not there')
        return
    mine, *others = found
    for other in others:
        item.notes.append(f"{other.id} looks the same as {mine.id}; it has no leads, and is left alone")
    if subject.campaign is None and subject.known is None:
        item.leftovers.append(orphan(intent).model_copy(update={"id": mine.id}))
        return
    if intent.replaces is not None and subject.known is not None:
        item.leftovers.append(
            Leftover(
                campaign=item.key,
                id=subject.known.id,
                name=subject.known.name,
                at=intent.at,
                reason=f"replaced by {mine.id}",
            )
        )
    _adopt(item, intent, mine, subject.campaign)


def _adopt(item: Settled, intent: CreateIntent, mine: LiveCampaign, campaign: Campaign | None) -> None:
    before = item.entry
    item.adopted = True
    item.entry = CampaignState(
        id=mine.id,
        name=intent.name,
        file=campaign.file if campaign else before.file if before else "",
        status="draft",
        protect=campaign.protect if campaign else before.protect if before else False,
        steps_digest=intent.steps,
        read_back_digest=intent.steps,
        sources=intent.sources,
    )
    item.seen = mine
    item.notes.append(f"{whose(intent)} created {mine.id}; it is managed from now on")


def orphan(intent: CreateIntent) -> Leftover:
    """Return the draft that this intent may have made, and that nobody can find: its name and time are all there is."""
    return Leftover(
        campaign=intent.campaign,
        id=None,
        name=intent.name,
        at=intent.at,
        reason="an interrupted run may have created it; it has no leads and emails nobody",
    )


def _updated(item: Settled, operation: str, intent: UpdateIntent, seen: LiveCampaign) -> None:
    """Take over what the server shows; where it shows nothing, or something else, the update is made again."""
    if item.entry is None:
        return
    if seen.steps is None:
        item.notes.append(f"{whose(intent)} may have changed the draft; it is written again")
        return
    shown = steps_digest(seen.steps)
    if shown == intent.steps and seen.name in {None, intent.name}:
        written = {"name": intent.name, "steps_digest": shown, "read_back_digest": shown, "sources": {}}
        item.entry = item.entry.model_copy(update=written)
        item.closes.append(operation)
    elif shown in {item.entry.steps_digest, item.entry.read_back_digest} and seen.name in {None, item.entry.name}:
        item.closes.append(operation)


def _moved_on(
    item: Settled, operation: str, intent: Intent, campaign: Campaign | None, seen: LiveCampaign, *, stopped: bool
) -> None:
    """Settle a start, a resume or a pause by the status, as far as the server names it or its counters show it."""
    if item.entry is None or seen.status in {LiveStatus.GONE, LiveStatus.UNKNOWN}:
        return
    if seen.status_read or (seen.status is LiveStatus.RUNNING and intent.kind == "start"):
        if seen.status is LiveStatus.RUNNING and intent.kind != "pause" and stopped:
            return
        item.closes.append(operation)
        if seen.status is LiveStatus.PAUSED:
            _found_paused(item, intent, seen)
        return
    wanted = campaign.status if campaign else Status.ARCHIVED
    if isinstance(intent, PauseIntent):
        if item.entry.status == "draft":
            item.closes.append(operation)
        elif wanted is Status.RUNNING:
            # It may be paused: then it is ours to resume, and on a running campaign that changes nothing.
            item.closes.append(operation)
            item.entry = item.entry.model_copy(update={"status": "paused", "paused_by_us": True})
            item.seen = seen.model_copy(update={"status": LiveStatus.PAUSED})
        return
    item.notes.append(f"whether {whose(intent)} {_DONE[intent.kind]} it cannot be read here")
    if wanted is not Status.RUNNING:
        words = "an interrupted run may have set it running, and its status cannot be read"
        item.seen = seen.model_copy(update={"status": LiveStatus.UNKNOWN, "problem": words})


_DONE = {"start": "started", "resume": "resumed"}


def _found_paused(item: Settled, intent: Intent, seen: LiveCampaign) -> None:
    """Tell our own pauses from those of others: what somebody else paused is never resumed by itself (design §1)."""
    if item.entry is None:
        return
    if isinstance(intent, PauseIntent):
        began = item.entry.started_at or intent.at
        paused = {"status": "paused", "paused_by_us": True, "started_at": began}
        item.entry = item.entry.model_copy(update=paused)
    elif isinstance(intent, ResumeIntent) and item.entry.paused_by_us and _has_run(intent, seen):
        item.entry = item.entry.model_copy(update={"paused_by_us": False})
        item.notes.append(f"{whose(intent)} resumed it, and somebody has paused it since")


def _has_run(intent: ResumeIntent, seen: LiveCampaign) -> bool:
    return seen.stats is None or (seen.stats.sent, seen.stats.queued) != (intent.sent, intent.queued)


def _enrolled(
    item: Settled,
    intents: Mapping[str, EnrollIntent],
    listed: frozenset[bytes],
    seen: LiveCampaign,
    blob: Callable[[str], bytes],
) -> dict[str, bytes]:
    """Settle what was in flight; return the ledger segments that come of it.

    New leads are sent again while they are on the list: leads are matched by address, so that nobody is enrolled twice.
    Those who left it may be in the campaign now: a draft is then replaced, since nobody can be taken out of it; in a
    started one they count as written to. Changed fields may have arrived or not, so they count as changed.
    """
    if item.entry is None or seen.stats is None:
        return {}
    blobs: dict[str, bytes] = {}
    started = seen.status is not LiveStatus.DRAFT
    added = seen.stats.total_enrolled - item.entry.expected_enrolled
    for operation, intent in intents.items():
        entries = blob(intent.segment)
        addresses = [entries[at : at + HASH] for at in range(0, len(entries), ENTRY)]
        left = [address for address in addresses if address not in listed]
        if not intent.new:
            _doubt(item, addresses, blobs)
        elif started:
            _doubt(item, left if added > 0 else [], blobs)
        elif added > 0 and left:
            item.entry = item.entry.model_copy(update={"outside": item.entry.outside + added})
            added = 0
        elif added > 0:
            item.notes.append(f"{whose(intent)} was enrolling {intent.leads:,} leads; they are planned anew")
            continue
        item.closes.append(operation)
    return blobs


def _doubt(item: Settled, addresses: list[bytes], blobs: dict[str, bytes]) -> None:
    """Add people to the ledger whose fields are not known: on the list, they count as changed."""
    if not addresses or item.entry is None:
        return
    segment = b"".join(address + bytes(ENTRY - HASH) for address in addresses)
    name = sha256(segment).hexdigest()
    blobs[name] = segment
    item.entry = item.entry.model_copy(update={"ledger": (*item.entry.ledger, name)})
