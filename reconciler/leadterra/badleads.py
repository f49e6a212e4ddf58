"""Which leads of an enrolment an answer of 422 names: by address, or by a position in the request.

Documented is only "an `errors` array, one entry per bad lead" (leadterra-api.md). An entry that names its lead in no
way that is read here, or a lead that was not sent, names nobody.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from reconciler.model.roster import Lead

_PATH = re.compile(r"(?:\$\.?|/)?(?:(?:body|data)[./])?leads(?:\[(\d{1,9})\]|[./](\d{1,9}))(?:[./\[].*)?", re.DOTALL)
_PATHS = ("field", "path", "pointer", "loc", "property", "param")
_FIRST = {"index": 0, "row": 1}
"""What these count from. Should a server count otherwise, the rest of the leads is refused, too: whoever leaves the
named ones out finds that out."""


class Named(NamedTuple):
    """Positions in the request of the leads that are named, and those of them that are named by address.

    `entries` counts the entries, `naming` those that name a lead.
    """

    positions: frozenset[int] = frozenset()
    by_address: frozenset[int] = frozenset()
    entries: int = 0
    naming: int = 0


def named_leads(data: Any, leads: Sequence[Lead]) -> Named:  # noqa: ANN401 - any JSON value
    """Read the entries of `errors`, wherever an envelope or a wrapper has them."""
    addresses: dict[str, int] = {lead.email.casefold(): position for position, lead in enumerate(leads)}
    entries = _entries(data)
    by_address: set[int] = set()
    by_position: set[int] = set()
    naming = 0
    for entry in entries:
        parts = _parts(entry)
        found = {addresses[word] for part in parts for word in _addresses(part) if word in addresses}
        hints = {hint for part in parts for hint in _hints(part)}
        if len(found) == 1:
            by_address |= found
        elif not found and len(hints) == 1 and hints <= set(range(len(leads))):
            by_position |= hints
        else:
            continue
        naming += 1
    return Named(frozenset(by_address | by_position), frozenset(by_address), len(entries), naming)


def _entries(data: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    if not isinstance(data, dict):
        return []
    for place in (data, *(data.get(name) for name in ("error", "result", "data"))):
        found = place.get("errors") if isinstance(place, dict) else None
        if isinstance(found, list):
            return found
    return []


def _parts(entry: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    """Return an entry, and the objects in it that may say which lead it is about."""
    inner = [entry.get(name) for name in ("lead", "source")] if isinstance(entry, dict) else []
    return [entry, *inner]


def _addresses(part: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    address = part.get("email") if isinstance(part, dict) else part
    if isinstance(address, str):
        yield address.strip().casefold()


def _hints(part: Any) -> Iterator[int]:  # noqa: ANN401 - any JSON value
    """Yield what an entry says about the position of its lead, as often as it does."""
    if not isinstance(part, dict):
        yield from _of_path(part)
        return
    for name, first in _FIRST.items():
        value = part.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            yield value - first
    for name in _PATHS:
        yield from _of_path(part.get(name))


def _of_path(path: Any) -> Iterator[int]:  # noqa: ANN401 - any JSON value
    """Read `leads[3].email`, `leads.3.email`, `/leads/3/email` and `["body", "leads", 3, "email"]`."""
    if isinstance(path, list):
        for before, after in pairwise(path):
            if before == "leads" and isinstance(after, int) and not isinstance(after, bool):
                yield after
    elif isinstance(path, str) and (match := _PATH.fullmatch(path.strip())):
        yield int(match[1] or match[2])
