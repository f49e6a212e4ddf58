"""The lists of people: counted for planning, handed out in batches for enrolment."""

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from reconciler.diagnostics import Diagnostic, SpecError, has_errors
from reconciler.leads import samples
from reconciler.leads.absent import AbsentError, changed, missing, no_folder
from reconciler.leads.addresses import normal_address
from reconciler.leads.cache import Remembered, RosterCache
from reconciler.leads.comparing import APART, BEYOND, CHANGED, NEW, OUTDATED, REFUSED, Delta, KeptHashes, Ledgers
from reconciler.leads.coverage import (
    MOST_VALUES_TOLD,
    subject_tokens,
    unfit_values,
    unknown_tokens,
    unused_fallbacks,
    used_tokens,
)
from reconciler.leads.engine import Engine
from reconciler.leads.ledger import entry_of, ledger_key_id
from reconciler.leads.lists import Asked, Fetched, ListReader, LoadedList
from reconciler.leads.reading import version_of
from reconciler.leads.refused import MOST_LINES, known_refusals, new_refusals
from reconciler.leads.shown import name_shown
from reconciler.model.base import canonical, digest
from reconciler.model.campaign import Campaign, Leads
from reconciler.model.roster import NOBODY, Apart, Avoid, FewHashes, Hashes, Lead, Roster
from reconciler.model.state import CampaignState
from reconciler.tokens import is_visible

_FORMAT = 2
"""Grows where what is kept of a list changes its meaning."""

_LIST, _FRESH = "list {}", "fresh {} {}"

_Version = tuple[tuple[int, ...], ...]


class LeadLists:
    """`LeadSource` on files. Safe for threads; a campaign's list is read once for each version of its files.

    `blob` returns a ledger segment by name. `root` only shortens the paths in messages; `cache` is a folder for what
    lists came to, so that a plan reads no unchanged list again: whatever sends reads it anew.

    A lead's request holds only the fields that are not blank, and Leadterra overwrites only fields that are in the
    request: a value that became blank since it was sent cannot be cleared there. Such a lead counts as changed once,
    and keeps the old value.
    """

    def __init__(
        self,
        *,
        ledger_key: bytes,
        blob: Callable[[str], bytes],
        batch_size: int = 500,
        root: Path,
        cache: Path | None = None,
    ) -> None:
        if not ledger_key:
            raise ValueError("the ledger key is empty")
        self._key = ledger_key
        self._batch_size = batch_size
        # What is remembered of one list may first have to be read while another is compared with it.
        self._lock = threading.RLock()
        self._engine = Engine({"address_of": normal_address, "is_visible": is_visible})
        self._reader = ListReader(self._engine, ledger_key, root.resolve())
        self._ledgers = Ledgers(self._engine, blob)
        self._cache = RosterCache(cache)
        self._loaded: dict[str, tuple[_Version, LoadedList]] = {}
        self._deltas: dict[str, Delta] = {}
        self._counted: dict[str, str] = {}

    def roster(self, campaign: Campaign, known: CampaignState | None, avoid: Avoid = NOBODY) -> Roster:
        """Count a campaign's people against its ledger, and check its tokens for each who is not to be avoided.

        What is wrong with the list is told in the roster. A list that could not be read to its end counts as not at
        hand. Raises `StateError` where the ledger cannot be read.
        """
        if campaign.leads is None:
            return Roster(source="", at_hand=True, diagnostics=unknown_tokens(campaign, None))
        paths = [Path(path) for path in campaign.leads.paths or ()]
        question = self._question(campaign, known, avoid)
        remembered = self._cache.find(campaign.key, question, paths) if paths else None
        if remembered is not None:
            return self._again(campaign, campaign.leads, known, avoid, remembered)
        sources = self._cache.look(paths)
        try:
            loaded = self._load(campaign, campaign.leads)
        except AbsentError as absent:
            return self._absent(campaign, campaign.leads, absent)
        roster = self._counts(campaign, campaign.leads, loaded, known, avoid)
        if roster.at_hand:
            self._cache.keep(campaign.key, question, sources, roster, loaded.leads)
        return roster

    def digest(self, campaign: Campaign) -> str:
        """Return the digest of a campaign's list as it is now; empty where it is not at hand, or cannot be read."""
        if campaign.leads is None:
            return ""
        try:
            return self._load(campaign, campaign.leads).digest
        except AbsentError:
            return ""

    def batches(
        self,
        campaign: Campaign,
        known: CampaignState | None,
        avoid: Avoid = NOBODY,
        *,
        most: int | None = None,
        first: tuple[str, ...] = (),
    ) -> Iterator[tuple[str, Sequence[Lead]]]:
        """Yield the leads to send, in batches of one kind: `new`, then `changed`, each in the order of the list.

        `most` is how many of the new ones: those in the segments `first`, then the first on the list; None: all.

        Raises at once: `SpecError` where the list is not at hand, has errors, or is no longer the one that the last
        `roster` of this campaign counted; `StateError` where the ledger cannot be read.
        """
        if campaign.leads is None:
            return iter(())
        try:
            loaded = self._load(campaign, campaign.leads)
        except AbsentError as absent:
            raise SpecError(missing(campaign, campaign.leads, absent)) from None
        found = _of_campaign(campaign, loaded.diagnostics)
        if has_errors(found):
            raise SpecError(*found)
        with self._lock:
            counted = self._counted.get(campaign.key, loaded.digest)
        if counted != loaded.digest:
            raise SpecError(changed(campaign, campaign.leads))
        delta = self._delta(campaign, loaded, known, avoid)
        new = delta.counts[NEW] if most is None else min(most, delta.counts[NEW])
        if not new + delta.counts[CHANGED]:
            return iter(())
        order = "kind, ord"
        if first and most is not None:
            with self._lock:
                order = f"kind, a NOT IN {self._ledgers.relation(first)}, ord"
        numbered = f"SELECT ord, a, f, kind, row_number() OVER (ORDER BY {order}) - 1 AS n FROM {delta.table}"
        # NEW comes before CHANGED: those of it that are not sent leave a gap in the numbers, which is closed.
        left_out = delta.counts[NEW] - new
        chosen = (
            f"(SELECT ord, a, f, if(kind = {NEW}, n, n - {left_out}) AS n FROM ({numbered}"
            f" WHERE kind IN ({NEW}, {CHANGED})) WHERE kind = {CHANGED} OR n < {new})"
        )
        leads = self._fetch(campaign, campaign.leads, loaded, chosen)
        return self._cut(iter(leads), {"new": new, "changed": delta.counts[CHANGED]})

    def samples(self, campaign: Campaign) -> tuple[Lead, ...]:
        """Return three people of a list as examples: a typical one, the longest, the one of whom most is missing.

        They may be one person; nobody where nobody is on the list. Raises `SpecError` where it is not at hand, or
        cannot be read to its end.
        """
        if campaign.leads is None:
            return ()
        try:
            loaded = self._load(campaign, campaign.leads)
        except AbsentError as absent:
            raise SpecError(missing(campaign, campaign.leads, absent)) from None
        if not loaded.readable:
            raise SpecError(*_of_campaign(campaign, loaded.diagnostics))
        people = loaded.people
        if campaign.leads.limit is not None:
            beyond = f"SELECT ord FROM {self._delta(campaign, loaded, None, NOBODY).table} WHERE kind = {BEYOND}"
            people = f"(SELECT * FROM {people} ANTI JOIN ({beyond}) USING (ord))"
        rows = samples.chosen(self._engine, loaded, people)
        if rows is None:
            return ()
        found = sorted(set(rows))
        numbered = f"row_number() OVER (ORDER BY ord) - 1 AS n FROM {people} WHERE ord IN ({str(found)[1:-1]})"
        leads = list(self._fetch(campaign, campaign.leads, loaded, f"(SELECT ord, a, f, {numbered})"))
        return tuple(leads[found.index(row)] for row in rows)

    def addresses(self, campaign: Campaign) -> tuple[str, ...]:
        """Return the addresses of everybody on a campaign's list; raises as `batches` does."""
        return tuple(lead.email for _, leads in self.batches(campaign, None) for lead in leads)

    def hashes(self, ledger: tuple[str, ...]) -> Hashes:
        """Return the addresses of a ledger. Raises `StateError` where it cannot be read."""
        with self._lock:
            return self._ledgers.hashes(ledger)

    def segment(self, leads: Sequence[Lead]) -> bytes:
        """Return the ledger segment of these leads: 32 bytes a lead."""
        return b"".join(lead.entry or entry_of(self._key, lead) for lead in leads)

    def refused(self, campaign: Campaign, leads: Sequence[Lead]) -> tuple[Diagnostic, ...]:
        """Tell leads that the server has just refused, by the lines of their list."""
        return new_refusals(campaign, leads)

    def check(self, campaign: Campaign) -> tuple[Diagnostic, ...]:
        """Return what is wrong with a campaign's list and tokens, without any state."""
        return self.roster(campaign, None).diagnostics

    def _counts(
        self, campaign: Campaign, leads: Leads, loaded: LoadedList, known: CampaignState | None, avoid: Avoid
    ) -> Roster:
        tokens = _about_tokens(campaign, leads, leads.fields if loaded.fields is None else loaded.fields)
        found = _of_campaign(campaign, loaded.diagnostics)
        if not loaded.readable:
            told = tokens if (leads.fields, loaded.fields) != (None, None) else ()
            return Roster(
                source=leads.source,
                at_hand=False,
                problem=f"the list {name_shown(leads.source)} could not be read",
                diagnostics=(*found, *told),
            )
        delta, name = self._delta(campaign, loaded, known, avoid), self._question(campaign, known, avoid)
        with self._lock:
            self._counted[campaign.key] = loaded.digest
        counts, left = delta.counts, sum(delta.counts[kind] for kind in (APART, BEYOND))
        return Roster(
            source=leads.source,
            at_hand=True,
            rows=loaded.rows,
            leads=loaded.leads - left,
            duplicates=loaded.duplicates,
            rejected=loaded.rejected,
            filtered=loaded.filtered,
            elsewhere=loaded.elsewhere,
            beyond=counts[BEYOND],
            new=counts[NEW],
            changed=counts[CHANGED],
            gone=delta.gone,
            refused=counts[REFUSED],
            outdated=counts[OUTDATED],
            left_out=_apart(delta, keep=False),
            contacted=_apart(delta, keep=True),
            unknown=avoid.unknown,
            blanks=self._blanks(loaded, delta),
            digest=loaded.digest,
            hashes=KeptHashes(self._engine, _LIST.format(loaded.digest), loaded.leads, lambda: loaded.people),
            fresh=KeptHashes(self._engine, _FRESH.format(loaded.digest, name), counts[NEW], lambda: _new(delta))
            if counts[NEW]
            else FewHashes(),
            diagnostics=(
                *found,
                *tokens,
                *self._unfit(campaign, loaded, delta),
                *self._refusals(campaign, loaded, delta),
            ),
        )

    def _again(
        self, campaign: Campaign, leads: Leads, known: CampaignState | None, avoid: Avoid, remembered: Remembered
    ) -> Roster:
        """Give a roster that was kept its hashes back, to be read where somebody asks for them."""
        roster = remembered.roster
        with self._lock:
            self._counted[campaign.key] = roster.digest

        def people() -> str:
            return self._load(campaign, leads).people

        def fresh() -> str:
            loaded = self._load(campaign, leads)
            return _new(self._delta(campaign, loaded, known, avoid))

        hashes = KeptHashes(self._engine, _LIST.format(roster.digest), remembered.people, people)
        name = self._question(campaign, known, avoid)
        new = KeptHashes(self._engine, _FRESH.format(roster.digest, name), roster.new, fresh)
        return roster.model_copy(update={"hashes": hashes, "fresh": new if roster.new else FewHashes()})

    def _question(self, campaign: Campaign, known: CampaignState | None, avoid: Avoid) -> str:
        """Return a digest of all that a roster depends on, but for the list's files."""
        ledgers = [list(known.ledger), list(known.refused)] if known else None
        asked = campaign.model_dump(mode="json")
        return digest([_FORMAT, ledger_key_id(self._key), asked, ledgers, _named(avoid)])

    def _cut(self, leads: Iterator[Lead], counts: dict[str, int]) -> Iterator[tuple[str, Sequence[Lead]]]:
        for kind, count in counts.items():
            for start in range(0, count, self._batch_size):
                yield kind, list(islice(leads, min(self._batch_size, count - start)))

    def _load(self, campaign: Campaign, leads: Leads) -> LoadedList:
        """Return the people of a list, read anew only where its files are others than last time."""
        if leads.paths is None:
            raise AbsentError("RECONCILER_LEADS_DIR is not set")
        if not leads.paths:
            raise no_folder(leads) or AbsentError("no file has such a name")
        asked = Asked(leads, used_tokens(campaign), subject_tokens(campaign))
        name = canonical([leads.model_dump(mode="json"), asked.tokens, sorted(asked.subjects)])
        with self._lock:
            try:
                version = tuple(version_of(Path(path)) for path in leads.paths)
                at, loaded = self._loaded.get(name, (None, None))
                if loaded is None or at != version:
                    loaded = self._reader.load(asked)
                    self._loaded[name] = (version, loaded)
            except (FileNotFoundError, NotADirectoryError):
                raise (no_folder(leads) or AbsentError("the file is not there")) from None
            except OSError as problem:
                if str(problem.filename) not in leads.paths:
                    raise
                why = (problem.strerror or type(problem).__name__).lower()
                raise AbsentError(f"the file cannot be reached: {why}") from None
        return loaded

    def _delta(self, campaign: Campaign, loaded: LoadedList, known: CampaignState | None, avoid: Avoid) -> Delta:
        """Compare a list with its ledger, once for the same question."""
        name = digest([loaded.people, self._question(campaign, known, avoid)])
        with self._lock:
            if name not in self._deltas:
                limit = campaign.leads.limit if campaign.leads else None
                self._deltas[name] = self._ledgers.compare(loaded, known, avoid, limit)
            return self._deltas[name]

    def _fetch(self, campaign: Campaign, leads: Leads, loaded: LoadedList, chosen: str) -> Fetched:
        import duckdb

        try:
            return self._reader.fetch(loaded, chosen)
        except (duckdb.Error, ValueError):
            raise SpecError(changed(campaign, leads)) from None

    def _blanks(self, loaded: LoadedList, delta: Delta) -> dict[str, int]:
        """Count, by token, the leads for which it would read as nothing, but for those that nothing is sent to."""
        if not loaded.blanks:
            return {}
        sums = ", ".join(f"count(*) FILTER (b{index})" for index in range(len(loaded.tokens)))
        unsent = f"SELECT ord FROM {delta.table} WHERE kind IN ({APART}, {REFUSED}, {BEYOND})"
        found = self._engine.rows(f"SELECT {sums} FROM {loaded.people} ANTI JOIN ({unsent}) USING (ord)")[0]
        return {token: count for token, count in sorted(zip(loaded.tokens, found, strict=True)) if count}

    def _unfit(self, campaign: Campaign, loaded: LoadedList, delta: Delta) -> tuple[Diagnostic, ...]:
        if not loaded.unfit or campaign.leads is None:
            return ()
        apart = f"SELECT ord FROM {delta.table} WHERE kind IN ({APART}, {BEYOND})"
        unfit = f"(SELECT ord, a, f, unfit FROM {loaded.people} ANTI JOIN ({apart}) USING (ord) WHERE unfit > 0)"
        total = int(self._engine.rows(f"SELECT coalesce(sum(unfit), 0) FROM {unfit}")[0][0])
        numbered = f"row_number() OVER (ORDER BY ord) - 1 AS n FROM {unfit} ORDER BY ord LIMIT {MOST_VALUES_TOLD}"
        leads = self._fetch(campaign, campaign.leads, loaded, f"(SELECT ord, a, f, {numbered})")
        return unfit_values(campaign, list(leads), total)

    def _refusals(self, campaign: Campaign, loaded: LoadedList, delta: Delta) -> tuple[Diagnostic, ...]:
        count = delta.counts[REFUSED] + delta.counts[OUTDATED]
        if not count:
            return ()
        rows = self._engine.rows(
            f"SELECT ord, line FROM {delta.table} WHERE kind IN ({REFUSED}, {OUTDATED}) ORDER BY ord LIMIT {MOST_LINES}"
        )
        lines = [loaded.part(number).line(number, line) for number, line in rows]
        return known_refusals(campaign, count, lines, place=loaded.parts[0].place)

    def _absent(self, campaign: Campaign, leads: Leads, absent: AbsentError) -> Roster:
        tokens = _about_tokens(campaign, leads, leads.fields)
        told = (missing(campaign, leads, absent),) if leads.tracked else ()
        return Roster(
            source=leads.source,
            at_hand=False,
            problem=f"the list {name_shown(leads.source)} is not at hand: {absent}",
            diagnostics=(*told, *tokens),
        )


def _new(delta: Delta) -> str:
    return f"(SELECT a FROM {delta.table} WHERE kind = {NEW})"


def _named(avoid: Avoid) -> list[object]:
    """Name all that an answer about whom to avoid depends on."""
    contacts = [
        [[item.key, list(item.ledger), item.hashes.identity] for item in items]
        for items in (avoid.excluded, avoid.contacted)
    ]
    return [list(avoid.suppressed), *contacts, avoid.hold]


def _of_campaign(campaign: Campaign, found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(item.model_copy(update={"campaign": campaign.key}) for item in found)


def _apart(delta: Delta, *, keep: bool) -> tuple[Apart, ...]:
    return tuple(
        Apart(reason=spoken.reason, key=spoken.key, leads=count)
        for spoken, count in delta.spoken
        if spoken.keep is keep
    )


def _about_tokens(campaign: Campaign, leads: Leads, fields: Sequence[str] | None) -> tuple[Diagnostic, ...]:
    """Tell tokens and fallbacks that go together with nothing; `fields` are those of the list, None: unknown."""
    every = None if fields is None else (*fields, *leads.columns, *leads.fallbacks)
    return (*unknown_tokens(campaign, every), *unused_fallbacks(campaign, fields))
