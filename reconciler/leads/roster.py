"""The lists of people, from CSV files: counted for planning, handed out in batches for enrolment."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from reconciler.diagnostics import Diagnostic, SourceRange, SpecError, error, has_errors
from reconciler.leads.coverage import count_blanks, unfit_values, unknown_tokens
from reconciler.leads.csvfile import Table, read_table
from reconciler.leads.ledger import (
    HASH_BYTES,
    Delta,
    Spoken,
    compare,
    entry_of,
    read_entries,
    read_segments,
    roster_digest,
)
from reconciler.leads.people import People, gather
from reconciler.leads.refused import known_refusals, new_refusals
from reconciler.leads.shown import name_shown
from reconciler.model.base import canonical
from reconciler.model.campaign import Campaign, Leads
from reconciler.model.roster import NOBODY, Apart, Avoid, Lead, Roster
from reconciler.model.state import CampaignState
from reconciler.ports import chunks

_Version = tuple[int, ...]
_People = tuple[str, ...] | frozenset[bytes]
"""Ledger segments by name, or the address hashes of a list."""


class _Loaded(NamedTuple):
    people: People
    entries: tuple[bytes, ...]
    digest: str


class _AbsentError(Exception):
    """The list is not here; its text says why, in words."""


class CsvLeads:
    """`LeadSource` on CSV files. Safe for threads; a list is read once for each version of its file.

    `blob` returns a ledger segment by name. `root` only shortens the paths in messages. A lead's request holds only
    the fields that are not blank, and Leadterra overwrites only fields that are in the request: a value that became
    blank since it was sent cannot be cleared there. Such a lead counts as changed once, and keeps the old value.
    """

    def __init__(self, *, ledger_key: bytes, blob: Callable[[str], bytes], batch_size: int = 500, root: Path) -> None:
        if not ledger_key:
            raise ValueError("the ledger key is empty")
        self._key = ledger_key
        self._blob = blob
        self._batch_size = batch_size
        self._root = root.resolve()
        self._lock = threading.Lock()
        self._tables: dict[str, tuple[_Version, Table]] = {}
        self._loaded: dict[str, tuple[_Version, _Loaded]] = {}
        self._counted: dict[str, str] = {}
        self._numbers: dict[_People, int] = {}
        self._owners: dict[bytes, tuple[int, ...]] = {}

    def roster(self, campaign: Campaign, known: CampaignState | None, avoid: Avoid = NOBODY) -> Roster:
        """Count a campaign's people against its ledger, and check its tokens for each who is not to be avoided.

        What is wrong with the list is told in the roster. A list that could not be read to its end counts as not at
        hand. Raises `StateError` where the ledger cannot be read.
        """
        if campaign.leads is None:
            return Roster(source="", at_hand=True, diagnostics=unknown_tokens(campaign, None))
        try:
            loaded = self._load(campaign.leads)
        except _AbsentError as absent:
            return self._absent(campaign, campaign.leads, str(absent))
        people = loaded.people
        fields = _promised_fields(campaign.leads) if people.fields is None else people.fields
        found = tuple(item.model_copy(update={"campaign": campaign.key}) for item in people.diagnostics)
        if not people.readable:
            tokens = unknown_tokens(campaign, fields) if fields is not None else ()
            return Roster(
                source=campaign.leads.source,
                at_hand=False,
                problem=f"the list {name_shown(campaign.leads.source)} could not be read",
                diagnostics=(*found, *tokens),
            )
        delta = self._delta(loaded, known, avoid)
        wanted = [lead for index, lead in enumerate(people.leads) if index not in delta.apart]
        with self._lock:
            self._counted[campaign.key] = loaded.digest
        place = self._place(campaign.leads)
        unsent = {*delta.apart, *delta.refused}
        sent = [lead for index, lead in enumerate(people.leads) if index not in unsent]
        refused = [people.leads[index] for index in sorted((*delta.refused, *delta.outdated))]
        return Roster(
            source=campaign.leads.source,
            at_hand=True,
            rows=people.rows,
            leads=len(wanted),
            duplicates=people.duplicates,
            rejected=people.rejected,
            new=len(delta.new),
            changed=len(delta.changed),
            gone=delta.gone,
            refused=len(delta.refused),
            outdated=len(delta.outdated),
            left_out=_apart(delta, keep=False),
            contacted=_apart(delta, keep=True),
            unknown=avoid.unknown,
            blanks=count_blanks(campaign, fields or (), sent),
            digest=loaded.digest,
            hashes=frozenset(entry[:HASH_BYTES] for entry in loaded.entries),
            fresh=frozenset(loaded.entries[index][:HASH_BYTES] for index in delta.new),
            diagnostics=(
                *found,
                *unknown_tokens(campaign, fields),
                *unfit_values(campaign, wanted, place=place),
                *known_refusals(campaign, refused, place=place),
            ),
        )

    def batches(
        self, campaign: Campaign, known: CampaignState | None, avoid: Avoid = NOBODY
    ) -> Iterator[tuple[str, Sequence[Lead]]]:
        """Yield the leads to send, in batches of one kind: `new`, then `changed`, each in the order of the list.

        Raises at once: `SpecError` where the list is not at hand, has errors, or is no longer the one that the last
        `roster` of this campaign counted; `StateError` where the ledger cannot be read.
        """
        if campaign.leads is None:
            return iter(())
        try:
            loaded = self._load(campaign.leads)
        except _AbsentError as absent:
            raise SpecError(_missing(campaign, campaign.leads, str(absent))) from None
        found = [item.model_copy(update={"campaign": campaign.key}) for item in loaded.people.diagnostics]
        if has_errors(found):
            raise SpecError(*found)
        with self._lock:
            counted = self._counted.get(campaign.key, loaded.digest)
        if counted != loaded.digest:
            raise SpecError(_changed(campaign, campaign.leads))
        delta = self._delta(loaded, known, avoid)
        return self._cut(loaded.people.leads, delta)

    def addresses(self, campaign: Campaign) -> tuple[str, ...]:
        """Return the addresses of everybody on a campaign's list; raises as `batches` does."""
        return tuple(lead.email for _, leads in self.batches(campaign, None) for lead in leads)

    def segment(self, leads: Sequence[Lead]) -> bytes:
        """Return the ledger segment of these leads: 32 bytes a lead."""
        return b"".join(entry_of(self._key, lead) for lead in leads)

    def refused(self, campaign: Campaign, leads: Sequence[Lead]) -> tuple[Diagnostic, ...]:
        """Tell leads that the server has just refused, by the lines of their list."""
        place = self._place(campaign.leads) if campaign.leads else ""
        return new_refusals(campaign, leads, place=place)

    def check(self, campaign: Campaign) -> tuple[Diagnostic, ...]:
        """Return what is wrong with a campaign's list and tokens, without any state."""
        return self.roster(campaign, None).diagnostics

    def _cut(self, leads: Sequence[Lead], delta: Delta) -> Iterator[tuple[str, Sequence[Lead]]]:
        for kind, indexes in (("new", delta.new), ("changed", delta.changed)):
            for part in chunks(indexes, self._batch_size):
                yield kind, [leads[index] for index in part]

    def _delta(self, loaded: _Loaded, known: CampaignState | None, avoid: Avoid) -> Delta:
        segments = (self._blob(name) for name in known.ledger) if known else ()
        spoken: list[tuple[_People, Spoken]] = [(avoid.suppressed, Spoken("suppressed", ""))]
        for item in avoid.excluded:
            words = Spoken("exclude", item.key)
            spoken += [(item.ledger, words), (item.hashes, words)]
        for item in avoid.contacted:
            spoken.append((item.ledger, Spoken("recontact", item.key, avoid.hold)))
            spoken.append((item.hashes, Spoken("list", item.key, avoid.hold)))
        with self._lock:
            order: dict[int, Spoken] = {}
            for part, words in spoken:
                if part:
                    order.setdefault(self._number(part), words)
        ranks = {number: rank for rank, number in enumerate(order)}

        def who(address: bytes) -> Spoken | None:
            mine = [number for number in self._owners.get(address, ()) if number in order]
            return order[min(mine, key=ranks.__getitem__)] if mine else None

        refused = frozenset(read_entries(self._blob(name) for name in known.refused) if known else ())
        return compare(loaded.entries, read_segments(segments), who, refused=refused)

    def _number(self, part: _People) -> int:
        """Return the number of a ledger or a list, and keep in mind whom it speaks for: neither ever changes."""
        if part not in self._numbers:
            self._numbers[part] = number = len(self._numbers)
            people = part if isinstance(part, frozenset) else read_segments(self._blob(name) for name in part)
            for address in people:
                self._owners[address] = (*self._owners.get(address, ()), number)
        return self._numbers[part]

    def _load(self, leads: Leads) -> _Loaded:
        """Return the people of a list, read anew only where its file is another than last time."""
        if leads.path is None:
            raise _AbsentError("RECONCILER_LEADS_DIR is not set")
        told = [leads.source, leads.file, leads.line, leads.examples_only]
        key = canonical([leads.path, *told, leads.columns, leads.fallbacks])
        path = Path(leads.path)
        with self._lock:
            try:
                found = path.stat()
                version = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
                at, loaded = self._loaded.get(key, (None, None))
                if loaded is None or at != version:
                    loaded = self._make(self._table(path, version), leads)
                    self._loaded[key] = (version, loaded)
            except (FileNotFoundError, NotADirectoryError):
                raise _AbsentError("the file is not there") from None
        return loaded

    def _table(self, path: Path, version: _Version) -> Table:
        at, table = self._tables.get(str(path), (None, None))
        if table is None or at != version:
            table = read_table(path)
            self._tables[str(path)] = (version, table)
        return table

    def _make(self, table: Table, leads: Leads) -> _Loaded:
        people = gather(table, leads, place=self._place(leads))
        entries = tuple(entry_of(self._key, lead) for lead in people.leads)
        return _Loaded(people, entries, roster_digest(self._key, entries))

    def _place(self, leads: Leads) -> str:
        path = Path(leads.path or "").resolve()
        return path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else leads.source

    def _absent(self, campaign: Campaign, leads: Leads, why: str) -> Roster:
        tokens = unknown_tokens(campaign, _promised_fields(leads))
        missing = (_missing(campaign, leads, why),) if leads.tracked else ()
        return Roster(
            source=leads.source,
            at_hand=False,
            problem=f"the list {name_shown(leads.source)} is not at hand: {why}",
            diagnostics=(*missing, *tokens),
        )


def _apart(delta: Delta, *, keep: bool) -> tuple[Apart, ...]:
    return tuple(
        Apart(reason=spoken.reason, key=spoken.key, leads=count)
        for spoken, count in delta.counts
        if spoken.keep is keep
    )


def _promised_fields(leads: Leads) -> tuple[str, ...] | None:
    return None if leads.fields is None else (*leads.fields, *leads.columns, *leads.fallbacks)


def _missing(campaign: Campaign, leads: Leads, why: str) -> Diagnostic:
    return error(
        "lead-list-missing",
        f"The list {name_shown(leads.source)} is not at hand: {why}.",
        hint="Put the file back, or correct `leads.source`."
        if leads.tracked
        else "Put the file into the folder that RECONCILER_LEADS_DIR names.",
        at=SourceRange(file=leads.file, line=leads.line),
        campaign=campaign.key,
    )


def _changed(campaign: Campaign, leads: Leads) -> Diagnostic:
    return error(
        "lead-list-changed",
        f"The list {name_shown(leads.source)} was changed after it was checked; nobody of it was enrolled.",
        hint="Run again: the new list is checked first.",
        at=SourceRange(file=leads.file, line=leads.line),
        campaign=campaign.key,
    )
