"""Settling one open intent: what became of its request, by what the server shows now, and in which words it is told."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from reconciler.model.campaign import Campaign, Status, steps_digest
from reconciler.model.intents import CreateIntent, EnrollIntent, Intent, PauseIntent, ResumeIntent, UpdateIntent
from reconciler.model.live import LiveCampaign, LiveStatus
from reconciler.model.roster import Hashes
from reconciler.model.state import CampaignState, Cohort, Leftover

ENTRY, HASH = 32, 16
"""Bytes of a ledger entry, and of the hash of the address it begins with."""


@dataclass(slots=True)
class Settled:
    """What is known by now of one campaign: its entry, and the intents that say nothing more.

    `before` is its entry in the state that was read; `buried`: that of a tombstone, whose key comes back.
    """

    key: str
    campaign: Campaign | None
    before: CampaignState | None
    buried: bool = False
    entry: CampaignState | None = None
    closes: list[str] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)
    seen: LiveCampaign | None = None
    adopted: bool = False
    unsure: str | None = None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.entry = self.before

    @property
    def status(self) -> Status:
        """What its file says; a file that is gone says archived."""
        return self.campaign.status if self.campaign else Status.ARCHIVED

    @property
    def paced(self) -> bool:
        """Whether more people are enrolled into it, in waves."""
        return self.campaign is not None and self.status is Status.RUNNING and self.campaign.per_day is not None

    def close(self, operation: str, words: str = "") -> None:
        """Take an intent as settled, and tell what became of it."""
        self.closes.append(operation)
        if words:
            self.notes.append(words)

    def write(self, **changes: object) -> None:
        """Change the entry."""
        if self.entry is not None:
            self.entry = self.entry.model_copy(update=changes)


def addresses_of(segment: bytes) -> list[bytes]:
    """Return the hashes of the addresses in a ledger segment."""
    return [segment[at : at + HASH] for at in range(0, len(segment), ENTRY)]


def whose(intent: Intent) -> str:
    """Say whose run it was, and when."""
    return f"an interrupted run ({intent.by}, {intent.at:%d %b %H:%M} UTC)"


def orphan(intent: CreateIntent) -> Leftover:
    """Return the draft that this intent may have made, and that nobody can find: its name and time are all there is."""
    words = "an interrupted run may have created it; it has no leads and emails nobody"
    return Leftover(campaign=intent.campaign, id=None, name=intent.name, at=intent.at, reason=words)


def not_listed(
    item: Settled, operation: str, intent: CreateIntent, seen: LiveCampaign | None, *, gone: Callable[[], bool]
) -> None:
    """Settle a create where nobody can look: one that today's file asks for is tried again, any other is told.

    `gone`: whether somebody whom this repository enrolled is no longer on the list.
    """
    may = f'{whose(intent)} may have created "{intent.name}", and this server cannot list campaigns'
    if item.before is not None and seen is not None and seen.status is LiveStatus.UNKNOWN:
        item.notes.append(may)
    elif _asked_for(item, intent, seen, gone):
        item.notes.append(
            f"{may}: it is created again, and a draft without leads, which emails nobody, may be left over"
        )
    else:
        item.leftovers.append(orphan(intent))
        item.close(operation, f"{may}: a draft without leads, which emails nobody, may be left over")


def _asked_for(item: Settled, intent: CreateIntent, seen: LiveCampaign | None, gone: Callable[[], bool]) -> bool:
    """Whether today's file leads to the same request: then it is made again under the same `Idempotency-Key`."""
    campaign, old = item.campaign, item.before
    if campaign is None or campaign.status is Status.ARCHIVED:
        return False
    if (campaign.name, campaign.steps_digest) != (intent.name, intent.steps):
        return False
    if old is None or intent.replaces is None:
        return old is None and intent.replaces is None
    if intent.replaces != old.id or seen is None or seen.status is not LiveStatus.DRAFT:
        return False
    if (campaign.name, campaign.steps_digest) != (old.name, old.steps_digest):
        return True
    return campaign.status is Status.RUNNING and (bool(old.outside) or (bool(old.accepted) and gone()))


def not_found(item: Settled, operation: str, intent: CreateIntent) -> None:
    """Settle a create that did not come to pass."""
    item.close(operation, f'{whose(intent)} was about to create "{intent.name}", but did not get that far')


def found(item: Settled, operation: str, intent: CreateIntent, mine: LiveCampaign, seen: LiveCampaign | None) -> None:
    """Settle a create that was carried out: the draft is managed from now on, unless nothing waits for it any more."""
    created = f"{whose(intent)} created the draft {mine.id}"
    old = item.before
    if old is not None and (seen is None or seen.status is LiveStatus.UNKNOWN):
        item.notes.append(f"{created} to take the place of {old.id}, which cannot be read now")
        return
    wanted = item.status is not Status.ARCHIVED
    started = old is not None and seen is not None and seen.status not in {LiveStatus.DRAFT, LiveStatus.GONE}
    if not wanted or started or (old is not None and intent.replaces is None):
        why = f"{old.id} has been started since" if started and old is not None else "no file asks for it any more"
        item.leftovers.append(orphan(intent).model_copy(update={"id": mine.id, "reason": f"{created}, and {why}"}))
        item.close(operation, f"{created}, and {why}: it stays in Leadterra without leads, and emails nobody")
        return
    if old is not None:
        reason = f"replaced by {mine.id}"
        item.leftovers.append(Leftover(campaign=item.key, id=old.id, name=old.name, at=intent.at, reason=reason))
    item.close(operation, f"{created} before it broke off: the draft is taken over")
    _adopt(item, intent, mine)


def _adopt(item: Settled, intent: CreateIntent, mine: LiveCampaign) -> None:
    campaign = item.campaign
    if campaign is None:
        return
    item.adopted = True
    item.entry = CampaignState(
        id=mine.id,
        name=intent.name,
        file=campaign.file,
        status="draft",
        protect=campaign.protect,
        steps_digest=intent.steps,
        read_back_digest=intent.steps,
        sources=intent.sources,
    )
    item.seen = mine


def update(item: Settled, operation: str, intent: UpdateIntent, seen: LiveCampaign) -> None:
    """Take over what the server shows; where it shows nothing, or something else, the update is made again."""
    if item.entry is None:
        return
    if seen.steps is None:
        again = "" if item.status is Status.ARCHIVED or seen.status is not LiveStatus.DRAFT else "; it is written again"
        item.notes.append(f"{whose(intent)} may have changed the draft{again}")
        return
    shown = steps_digest(seen.steps)
    if shown == intent.steps and seen.name in {None, intent.name}:
        item.write(name=intent.name, steps_digest=shown, read_back_digest=shown, sources={})
        item.close(operation, f"{whose(intent)} changed the draft before it broke off")
    elif shown in {item.entry.steps_digest, item.entry.read_back_digest} and seen.name in {None, item.entry.name}:
        item.close(operation, f"{whose(intent)} was about to change the draft, but did not get that far")
    else:
        words = f"{whose(intent)} was changing the draft, and somebody else has changed it, too"
        item.notes.append(words)
        if seen.status is not LiveStatus.DRAFT:
            item.closes.append(operation)


def move(item: Settled, operation: str, intent: Intent, seen: LiveCampaign, *, stopped: bool, starting: bool) -> None:
    """Settle a start, a resume or a pause by the status, as far as the server names it or its counters show it.

    `stopped`: a stop mark stands. Then it stays open unless it certainly does not run: the plan pauses it. `starting`:
    a start or a resume of this campaign is open.
    """
    if item.entry is None or seen.status in {LiveStatus.GONE, LiveStatus.UNKNOWN}:
        return
    known = seen.status_read or (seen.status is LiveStatus.RUNNING and intent.kind == "start")
    may_run = seen.status is LiveStatus.RUNNING or (not known and (starting or item.entry.status == "running"))
    if stopped and may_run and item.status in {Status.RUNNING, Status.DRAFT}:
        return
    if known:
        item.close(operation, _became(intent, seen))
        if seen.status is LiveStatus.PAUSED:
            _found_paused(item, intent, seen)
    elif isinstance(intent, PauseIntent):
        _maybe_paused(item, operation, seen, starting=starting)
    elif isinstance(intent, ResumeIntent) and _has_run(intent, seen):
        item.close(operation, f"{whose(intent)} resumed it before it broke off")
        item.write(status="running", paused_by_us=False)
        item.seen = seen.model_copy(update={"status": LiveStatus.RUNNING})
    else:
        _maybe_started(item, intent, seen)


_DONE = {"start": "started it", "resume": "resumed it", "pause": "paused it"}
_TO_DO = {"start": "start it", "resume": "resume it", "pause": "pause it"}
_AFTERWARDS = {
    ("start", LiveStatus.RUNNING): True,
    ("start", LiveStatus.PAUSED): True,
    ("resume", LiveStatus.RUNNING): True,
    ("pause", LiveStatus.PAUSED): True,
}


def _became(intent: Intent, seen: LiveCampaign) -> str:
    if not _AFTERWARDS.get((intent.kind, seen.status)):
        return f"{whose(intent)} was about to {_TO_DO[intent.kind]}, but did not get that far"
    since = ", and it has been paused since" if (intent.kind, seen.status) == ("start", LiveStatus.PAUSED) else ""
    return f"{whose(intent)} {_DONE[intent.kind]} before it broke off{since}"


def _maybe_paused(item: Settled, operation: str, seen: LiveCampaign, *, starting: bool) -> None:
    """Settle a pause of which nothing can be read.

    Where it is to run, it counts as paused by us: it is resumed, and on a running campaign that changes nothing. Where
    it is not, the plan pauses it again.
    """
    if item.entry is None or starting:
        return
    if item.entry.status in {"draft", "paused"}:
        item.close(operation)
    elif item.status is Status.RUNNING:
        item.close(operation)
        item.write(status="paused", paused_by_us=True)
        item.seen = seen.model_copy(update={"status": LiveStatus.PAUSED})


def _maybe_started(item: Settled, intent: Intent, seen: LiveCampaign) -> None:
    """Leave a start open of which nothing can be read: where it is to run, it is made again on the same id."""
    may = f"{whose(intent)} may have {_DONE[intent.kind]}, and this server does not show whether it runs"
    if item.status is Status.RUNNING:
        item.notes.append(f"{may}: start is called again, which changes nothing if it does")
        return
    item.notes.append(may)
    words = "an interrupted run may have set it running, and its status cannot be read"
    item.seen = seen.model_copy(update={"status": LiveStatus.UNKNOWN, "problem": words})


def _found_paused(item: Settled, intent: Intent, seen: LiveCampaign) -> None:
    """Tell our own pauses from those of others: what somebody else paused is never resumed by itself (design §1)."""
    if item.entry is None:
        return
    if isinstance(intent, PauseIntent):
        item.write(status="paused", paused_by_us=True, started_at=item.entry.started_at or intent.at)
    elif isinstance(intent, ResumeIntent) and item.entry.paused_by_us and _has_run(intent, seen):
        item.write(paused_by_us=False)
        item.notes[-1] = f"{whose(intent)} resumed it, and somebody has paused it since"


def _has_run(intent: ResumeIntent, seen: LiveCampaign) -> bool:
    return seen.stats is not None and (seen.stats.sent, seen.stats.queued) != (intent.sent, intent.queued)


def enrolments(
    item: Settled,
    intents: Mapping[str, EnrollIntent],
    listed: Hashes,
    seen: LiveCampaign,
    blob: Callable[[str], bytes],
) -> dict[str, bytes]:
    """Settle what was in flight; return the ledger segments that come of it.

    New leads are sent again while they are on the list: leads are matched by address, so that nobody is enrolled twice.
    Those who left it may be in the campaign now: a draft is then replaced, since nobody can be taken out of it; in a
    started one they count as written to. Changed fields may have arrived or not, so they count as changed. So do the
    leads of a draft that is not to run today.
    """
    if item.entry is None or seen.stats is None:
        return {}
    blobs: dict[str, bytes] = {}
    told: Counter[tuple[str, str]] = Counter()
    draft = seen.status is LiveStatus.DRAFT
    added = seen.stats.total_enrolled - item.entry.expected_enrolled
    for operation, intent in intents.items():
        addresses = addresses_of(blob(intent.segment))
        left = listed.missing(addresses)
        if not intent.new:
            _doubt(item, addresses, blobs)
            item.close(operation)
            end = ": they are sent again"
        elif added <= 0 and draft:
            item.close(operation)
            end = ": none of them is in it"
        elif not draft and not left and item.paced:
            # Not settled yet: they come first in today's wave.
            end = ": they are sent again, which enrols nobody twice"
        elif not draft:
            # Its counter says nothing: others may have been taken out of it meanwhile.
            _doubt(item, left, blobs)
            again = "whoever of them is on the list is sent again, which enrols nobody twice"
            item.close(operation)
            end = f": {'they count as written to' if item.status is Status.ARCHIVED else again}"
        elif left and item.status is not Status.ARCHIVED:
            item.write(outside=item.entry.outside + added)
            added = 0
            item.close(operation)
            end = f", and {len(left):,} of them left the list since: before it starts, a new draft takes over"
        elif item.status is Status.RUNNING:
            end = ": they are sent again, which enrols nobody twice"
        else:
            taken = min(added, intent.leads)
            added -= taken
            _doubt(item, addresses, blobs)
            item.write(
                cohorts=(
                    *item.entry.cohorts,
                    Cohort(at=intent.at, sent=intent.leads, accepted=taken, tried=intent.leads),
                )
            )
            item.close(operation)
            end = ": they are in the draft, which emails nobody"
        told[f"{whose(intent)} was {'enrolling' if intent.new else 'bringing up to date'}", end] += intent.leads
    # Batches side by side have an intent each, and are told as one.
    item.notes += [f"{was} {leads:,} {'lead' if leads == 1 else 'leads'}{end}" for (was, end), leads in told.items()]
    return blobs


def doubtful(addresses: list[bytes]) -> bytes:
    """Return the ledger segment of people whose fields are not known: on the list, they count as changed."""
    return b"".join(address + bytes(ENTRY - HASH) for address in addresses)


def _doubt(item: Settled, addresses: list[bytes], blobs: dict[str, bytes]) -> None:
    if not addresses or item.entry is None:
        return
    segment = doubtful(addresses)
    name = sha256(segment).hexdigest()
    blobs[name] = segment
    item.write(ledger=(*item.entry.ledger, name))
