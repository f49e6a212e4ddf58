"""Addresses that are given to a command, one a line: from files, or from standard input."""

import sys
from collections.abc import Iterable
from pathlib import Path

from reconciler.diagnostics import Diagnostic, error

STANDARD_INPUT = Path("-")


def read_people(files: Iterable[Path]) -> tuple[dict[str, None], list[Diagnostic]]:
    """Return the distinct addresses of files in their normal form, in order, and all that is wrong with any of them."""
    from reconciler.leads.plainlist import read_addresses

    found: dict[str, None] = {}
    problems: list[Diagnostic] = []
    for path in files:
        data = _bytes_of(path)
        if isinstance(data, Diagnostic):
            problems.append(data)
            continue
        addresses, told = read_addresses(data, place="standard input" if path == STANDARD_INPUT else str(path))
        found |= dict.fromkeys(addresses)
        problems += told
    return found, problems


def people_words(count: int) -> str:
    """Count people in words."""
    return f"{count:,} {'person' if count == 1 else 'people'}"


def _bytes_of(path: Path) -> bytes | Diagnostic:
    from reconciler.leads.addresses import masked
    from reconciler.leads.plainlist import LARGEST_LIST

    try:
        if path == STANDARD_INPUT:
            data = sys.stdin.buffer.read(LARGEST_LIST + 1)
        else:
            with path.open("rb") as stream:
                data = stream.read(LARGEST_LIST + 1)
    except OSError as problem:
        if "@" in path.name and not path.exists():
            # Somebody's address, which is shown nowhere.
            words = f"{masked(path.name)} is no file; addresses are not given as arguments, which shells remember"
            return error("address-list", words, hint="Give them on standard input, or in a file, one a line.")
        words = f"{path} could not be read: {problem.strerror or type(problem).__name__}"
        return error("address-list", words, hint="Nothing was done.")
    if len(data) > LARGEST_LIST:
        return error("address-list", f"{path} is larger than {LARGEST_LIST // 1024**2} MB", hint="Cut it into parts.")
    return data
