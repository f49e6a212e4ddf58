"""Addresses alone, one a line: what `suppress` is given."""

from reconciler.diagnostics import Diagnostic, SourceRange, error
from reconciler.leads.addresses import masked, normal_address, what_is_wrong
from reconciler.leads.rejects import MOST_ROWS_TOLD

LARGEST_LIST = 64 * 1024 * 1024
"""Bytes: more than a million addresses."""

_HEADINGS = {"email", "e-mail", "address"}


def read_addresses(data: bytes, *, place: str) -> tuple[tuple[str, ...], tuple[Diagnostic, ...]]:
    """Return the distinct addresses of a text in their normal form, and what is wrong with it.

    Empty lines, lines that begin with `#`, and a first line that only says `email` are passed over. `place` is its name
    in messages, which quote no address.
    """
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        hint = "Save it as UTF-8, with one address a line."
        return (), (error("address-list", "This is no text in UTF-8.", hint=hint, at=SourceRange(file=place)),)
    found: dict[str, None] = {}
    bad: list[Diagnostic] = []
    for number, line in enumerate(lines, 1):
        written = line.strip()
        if not written or written.startswith("#") or (number == 1 and written.strip('"').lower() in _HEADINGS):
            continue
        address = normal_address(written)
        if address is not None:
            found[address] = None
            continue
        at = SourceRange(file=place, line=number)
        words = f"The address {masked(written)} cannot be used: {what_is_wrong(written)}."
        bad.append(error("address", words, hint="Write one address a line, and nothing else.", at=at))
    told = bad[:MOST_ROWS_TOLD]
    if len(bad) > MOST_ROWS_TOLD:
        more = f"And {len(bad) - MOST_ROWS_TOLD:,} more lines hold no address that can be used."
        told.append(error("address", more, at=SourceRange(file=place, line=bad[MOST_ROWS_TOLD].line)))
    return tuple(found), tuple(told)
