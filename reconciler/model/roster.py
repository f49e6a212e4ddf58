"""The people of one campaign, as counts and keyed hashes. Leads themselves pass from the list to the server only."""

from dataclasses import dataclass

from reconciler.diagnostics import Diagnostic
from reconciler.model.base import Frozen


@dataclass(frozen=True, slots=True)
class Lead:
    """One person: address and fields, as sent. Never logged, stored or printed; its `repr` shows nothing."""

    email: str
    fields: dict[str, str]
    line: int

    def __repr__(self) -> str:
        """Keep addresses out of messages whoever formats them."""
        return f"Lead(line={self.line})"


class Roster(Frozen):
    """What planning knows about a list.

    `at_hand` is False where the list is not here (`RECONCILER_LEADS_DIR` unset or file missing): then the counts say
    nothing. `leads` counts valid, distinct addresses out of `rows`. `new`, `changed` and `gone` compare with the
    campaign's ledger. `refused` counts leads that are not in it since the server did not accept them, `outdated` such
    that are, and whose new details it did not accept; neither is sent again as it is. `blanks` counts, by token, the
    leads for which it would read as nothing, but for those refused. `hashes` are the keyed
    hashes of the addresses, in no meaningful order; `digest` covers addresses and fields.
    """

    source: str
    at_hand: bool
    problem: str | None = None
    rows: int = 0
    leads: int = 0
    duplicates: int = 0
    rejected: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    refused: int = 0
    outdated: int = 0
    blanks: dict[str, int] = {}
    digest: str = ""
    hashes: frozenset[bytes] = frozenset()
    diagnostics: tuple[Diagnostic, ...] = ()
