"""Taking people out of a state for good: out of every ledger that it names. Pure but for the blobs it reads and puts.

Leadterra still counts whoever it has enrolled, so cohorts stay as they are. An entry goes, and nothing takes its place,
but for two cases. A draft is replaced before it starts where it holds people who are not on its list (nobody can be
taken out of it by API), and an enrolment that was interrupted is settled by whom it was about. There an entry of nobody
takes the place: random, so that it is on no list.
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from reconciler.leads.ledger import ENTRY_BYTES, HASH_BYTES, read_entries
from reconciler.model.intents import EnrollIntent, Intent
from reconciler.model.state import CampaignState, State


class Found(NamedTuple):
    """What a state holds of people: how many it knows at all, and their entries by where they are.

    `campaigns` counts those with entries, whether they are managed still or not; `open_entries` are of enrolments of
    which no outcome is known.
    """

    people: int = 0
    entries: int = 0
    campaigns: int = 0
    open_entries: int = 0
    suppressed: int = 0


@dataclass(slots=True)
class Eraser:
    """Takes people, by the hashes of their addresses, out of states. Segments it has seen are not read again."""

    people: frozenset[bytes]
    blob: Callable[[str], bytes]
    put: Callable[[bytes], str]
    _entries: dict[str, tuple[bytes, ...]] = field(default_factory=dict, init=False)
    _nobody: dict[bytes, bytes] = field(default_factory=dict, init=False)

    def search(self, state: State) -> Found:
        """Count what a state holds of them. Raises `StateError` where a ledger cannot be read."""
        everywhere = [(*entry.ledger, *entry.refused) for entry in _campaigns(state)]
        written = [found for names in everywhere if (found := self._of(names))]
        under_way = self._of(intent.segment for intent in state.operations.values() if isinstance(intent, EnrollIntent))
        suppressed = {entry[:HASH_BYTES] for entry in self._of(state.suppressed)}
        known = {entry[:HASH_BYTES] for found in (*written, under_way) for entry in found} | suppressed
        return Found(len(known), sum(map(len, written)), len(written), len(under_way), len(suppressed))

    def on(self, state: State) -> State:
        """Return the state without them; its new segments are put. Raises `StateError` where a ledger is damaged."""
        return state.model_copy(
            update={
                "campaigns": {key: self._entry(entry) for key, entry in state.campaigns.items()},
                "tombstones": {
                    key: item.model_copy(
                        update={
                            "campaign": self._entry(item.campaign),
                            "earlier": tuple(self._entry(entry) for entry in item.earlier),
                        }
                    )
                    for key, item in state.tombstones.items()
                },
                "operations": {name: self._intent(intent) for name, intent in state.operations.items()},
                "suppressed": self._segments(state.suppressed),
            }
        )

    def _entry(self, entry: CampaignState) -> CampaignState:
        ledger = self._segments(entry.ledger, nobody=entry.status == "draft")
        refused = self._segments(entry.refused)
        if (ledger, refused) == (entry.ledger, entry.refused):
            return entry
        return entry.model_copy(update={"ledger": ledger, "refused": refused})

    def _intent(self, intent: Intent) -> Intent:
        if not isinstance(intent, EnrollIntent):
            return intent
        (segment,) = self._segments((intent.segment,), nobody=True)
        return intent if segment == intent.segment else intent.model_copy(update={"segment": segment})

    def _segments(self, names: Iterable[str], *, nobody: bool = False) -> tuple[str, ...]:
        """Return the names of these segments without them; one that nothing is left of goes."""
        segments = []
        for name in names:
            if not self._of((name,)):
                segments.append(name)
                continue
            left = [
                self._entry_of_nobody(entry[:HASH_BYTES]) if entry[:HASH_BYTES] in self.people else entry
                for entry in read_entries((self.blob(name),))
                if nobody or entry[:HASH_BYTES] not in self.people
            ]
            if left:
                segments.append(self.put(b"".join(left)))
        return tuple(segments)

    def _entry_of_nobody(self, address: bytes) -> bytes:
        """Return what stands for a person: the same each time, so that a person counts once, and of no meaning."""
        if address not in self._nobody:
            self._nobody[address] = secrets.token_bytes(HASH_BYTES) + bytes(ENTRY_BYTES - HASH_BYTES)
        return self._nobody[address]

    def _of(self, names: Iterable[str]) -> list[bytes]:
        """Return their entries in these segments."""
        found: list[bytes] = []
        for name in names:
            if name not in self._entries:
                entries = read_entries((self.blob(name),))
                self._entries[name] = tuple(entry for entry in entries if entry[:HASH_BYTES] in self.people)
            found += self._entries[name]
        return found


def _campaigns(state: State) -> Iterable[CampaignState]:
    yield from state.campaigns.values()
    for item in state.tombstones.values():
        yield from item.entries
