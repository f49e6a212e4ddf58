"""The state as the tree of a commit: the document, the records since, the blobs, and who holds the lease."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from reconciler.diagnostics import StateError, error
from reconciler.model.journal import Record
from reconciler.model.state import State
from reconciler.store.document import decode, encode
from reconciler.store.gitrepo import Entry, Repository
from reconciler.store.lease import Held, dump_held, load_held
from reconciler.store.lease import damaged as damaged_lock
from reconciler.store.records import damaged, decode_records, encode_record, replay

DOCUMENT = "state.json"
JOURNAL = "journal/"
BLOBS = "blobs/"
LEASE = "lease.json"
SMALLEST_COMPACTION = 64 * 1024
_RECORD = re.compile(r"journal/([0-9]{12})")


@dataclass(frozen=True, slots=True)
class View:
    """What one commit holds. `journal` are the records that the document does not hold yet, by serial."""

    head: str
    document: Entry
    journal: Mapping[int, Entry]
    state: State
    lease: bytes | None = None

    @property
    def weight(self) -> int:
        """Bytes of the journal."""
        return sum(entry.size for entry in self.journal.values())

    def held(self, place: str) -> Held:
        """Return who holds the lease; raises `StateError` (`lock-damaged`)."""
        if self.lease is None:
            return Held()
        held = load_held(self.lease)
        if held is None:
            raise damaged_lock(
                place, "Make sure that no reconciler is running, then put the commit before it back into that ref."
            )
        return held


@dataclass(frozen=True, slots=True)
class Change:
    """What the next commit changes, and what is seen once it is there (its name aside)."""

    message: str
    next: View
    files: dict[str, bytes] = field(default_factory=dict)
    gone: tuple[str, ...] = ()


def first(repository: Repository, state: State, message: str) -> Change:
    """Make the first commit of a state."""
    data = encode(state)
    return Change(message, View("", _entry(repository, data), {}, state), {DOCUMENT: data})


def with_record(repository: Repository, view: View, record: Record, message: str) -> Change:
    """Add a record to the journal; where that has become larger than the document, fold it in instead."""
    line = encode_record(record)
    state = record.delta.on(view.state, serial=record.serial)
    if view.weight + len(line) > max(SMALLEST_COMPACTION, view.document.size):
        return _folded(repository, Change(message, replace(view, state=state)))
    path = f"{JOURNAL}{record.serial:012}"
    journal = {**view.journal, record.serial: _entry(repository, line)}
    return Change(message, replace(view, journal=journal, state=state), {path: line})


def with_lease(repository: Repository, view: View, held: Held, message: str, blobs: Collection[str]) -> Change:
    """Write who holds the lease; where nobody does any more, fold the journal in as well.

    Then those `blobs` (by their paths) go, too, of which the state does not speak any more. No holder is left that
    could have stored one already and be about to write of it.
    """
    data = dump_held(held)
    change = Change(message, replace(view, lease=data), {LEASE: data})
    if held.owner is not None or not view.journal:
        return change
    folded = _folded(repository, change)
    kept = {blob_path(name) for name in view.state.blobs()}
    return replace(folded, gone=(*folded.gone, *sorted(path for path in blobs if path not in kept)))


def blob_path(name: str) -> str:
    """Return where a blob is kept."""
    return f"{BLOBS}{name[:2]}/{name}"


def look(repository: Repository, head: str, known: View | None) -> View:
    """Read what a commit holds; what is known already is not read again.

    Raises `StateError`: `state-damaged`, `journal-damaged`, `state-newer`, or `state-git`.
    """
    place = repository.name
    tree = repository.tree(head, DOCUMENT, LEASE, JOURNAL)
    document = tree.get(DOCUMENT)
    if document is None:
        words = f"What is in {place} is no state: it has no {DOCUMENT}."
        hint = "Nothing was changed. Name another ref as `state.ref` in workspace.yaml, or restore it from a backup."
        raise StateError(error("state-damaged", words, hint=hint))
    journal = {int(match[1]): entry for path, entry in tree.items() if (match := _RECORD.fullmatch(path))}
    begun = known if known is not None and _goes_on(known, document, journal) else None
    new = {serial: entry for serial, entry in journal.items() if begun is None or serial not in begun.journal}
    wanted = [entry.oid for entry in new.values()]
    wanted += [document.oid] if begun is None else []
    wanted += [tree[LEASE].oid] if LEASE in tree else []
    contents = repository.contents(wanted)
    state = begun.state if begun is not None else decode(contents.get(document.oid, b""), place=place)
    records = [_record(contents.get(new[serial].oid, b""), serial, place) for serial in sorted(new)]
    state = replay(state, records, place=place)
    return View(head, document, journal, state, contents[tree[LEASE].oid] if LEASE in tree else None)


def _goes_on(known: View, document: Entry, journal: Mapping[int, Entry]) -> bool:
    """Whether there is nothing but more records."""
    return known.document == document and all(journal.get(serial) == entry for serial, entry in known.journal.items())


def _record(data: bytes, serial: int, place: str) -> Record:
    found = decode_records(data, place=place)
    if len(found.records) != 1 or found.whole != len(data) or found.records[0].serial != serial:
        raise damaged(place, f"record {serial} is not what was written")
    return found.records[0]


def _folded(repository: Repository, change: Change) -> Change:
    data = encode(change.next.state)
    view = replace(change.next, document=_entry(repository, data), journal={})
    gone = tuple(f"{JOURNAL}{serial:012}" for serial in change.next.journal)
    return Change(change.message, view, {**change.files, DOCUMENT: data}, gone)


def _entry(repository: Repository, content: bytes) -> Entry:
    return Entry(repository.oid(content), len(content))
