"""The people of one campaign, as counts and keyed hashes. Leads themselves pass from the list to the server only."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ConfigDict, Field, SkipValidation

from reconciler.diagnostics import Diagnostic
from reconciler.model.base import Frozen


@dataclass(frozen=True, slots=True)
class Lead:
    """One person: address and fields, as sent, where that stands, and its ledger entry. Its `repr` shows nothing of it.

    Never logged, stored or printed.
    """

    email: str
    fields: dict[str, str]
    line: int
    file: str = field(default="", compare=False)
    entry: bytes = field(default=b"", compare=False)

    def __repr__(self) -> str:
        """Keep addresses out of messages whoever formats them."""
        return f"Lead(line={self.line})"


class Hashes(ABC):
    """Keyed hashes of distinct addresses, wherever they are kept; it may be millions of them."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """What tells these hashes apart from others; equal ones may differ in it."""

    @abstractmethod
    def __len__(self) -> int:
        """How many there are."""

    @abstractmethod
    def missing(self, addresses: Sequence[bytes]) -> list[bytes]:
        """Return those of some addresses that are not among these, in their order."""

    @abstractmethod
    def common(self, other: "Hashes") -> int:
        """Count the addresses that are among both."""


@dataclass(frozen=True, slots=True)
class FewHashes(Hashes):
    """Hashes in memory; none by default."""

    addresses: frozenset[bytes] = frozenset()

    @property
    def identity(self) -> str:
        """All of them."""
        return "".join(sorted(address.hex() for address in self.addresses))

    def __len__(self) -> int:
        return len(self.addresses)

    def missing(self, addresses: Sequence[bytes]) -> list[bytes]:
        """Return those of some addresses that are not among these, in their order."""
        return [address for address in addresses if address not in self.addresses]

    def common(self, other: Hashes) -> int:
        """Count the addresses that are among both."""
        return len(self.addresses) - len(other.missing(sorted(self.addresses)))


@dataclass(frozen=True, slots=True)
class Contact:
    """People who are spoken for under another key: ledger segments by name, and hashes of addresses of a list."""

    key: str
    ledger: tuple[str, ...] = ()
    hashes: Hashes = FewHashes()


@dataclass(frozen=True, slots=True)
class Avoid:
    """Whom a campaign must not newly write to, by ledger segments; whoever is in its own ledger stays in it.

    To those `suppressed` nothing more is sent, changed details neither. `contacted` were written to under another key,
    or are about to be; with `hold` they are counted, not left out. `excluded` are left out by name (`leads.exclude`).
    `unknown` are excluded keys whose list is not at hand.
    """

    suppressed: tuple[str, ...] = ()
    contacted: tuple[Contact, ...] = ()
    excluded: tuple[Contact, ...] = ()
    hold: bool = False
    unknown: tuple[str, ...] = ()


NOBODY = Avoid()


class Apart(Frozen):
    """How many of a list are spoken for, and by which key.

    `recontact`: they were written to under it; `list`: they are on its list, and it comes first; `exclude`: it is
    excluded. `suppressed`: they are on the suppression list; there is no key.
    """

    reason: Literal["suppressed", "recontact", "list", "exclude"]
    key: str
    leads: int


class Roster(Frozen):
    """What planning knows about a list; its hashes are not part of what is written of it.

    `at_hand` is False where the list is not here (`RECONCILER_LEADS_DIR` unset or file missing): then the counts say
    nothing. `leads` counts valid, distinct addresses out of `rows`, less those `left_out` and those `beyond` the
    campaign's limit. `filtered` are rows that its condition leaves out; `elsewhere` counts people in other parts.
    `new`, `changed` and `gone` compare with the campaign's ledger. `refused` counts leads that are not in it since the
    server did not accept them, `outdated` such that are, and whose new details it did not accept; neither is sent again
    as it is. `contacted` counts people among the new ones who were written to under another key. `blanks` counts, by
    token, the leads for which it would read as nothing, but for those that nothing is sent to. `hashes` are those of
    all addresses, and `fresh` those of the new ones; `digest` covers addresses and fields. `unknown` are keys that are
    excluded, and whose lists are not at hand.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    source: str
    at_hand: bool
    problem: str | None = None
    rows: int = 0
    leads: int = 0
    duplicates: int = 0
    rejected: int = 0
    filtered: int = 0
    elsewhere: int = 0
    beyond: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    refused: int = 0
    outdated: int = 0
    left_out: tuple[Apart, ...] = ()
    contacted: tuple[Apart, ...] = ()
    unknown: tuple[str, ...] = ()
    blanks: dict[str, int] = {}
    digest: str = ""
    hashes: SkipValidation[Hashes] = Field(default=FewHashes(), exclude=True)
    fresh: SkipValidation[Hashes] = Field(default=FewHashes(), exclude=True)
    diagnostics: tuple[Diagnostic, ...] = ()
