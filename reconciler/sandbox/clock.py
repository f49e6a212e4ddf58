"""The virtual clock: the time given to the sandbox plus what it was moved by, shared by all on one file."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from reconciler.sandbox.records import milliseconds

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

DAY = 86_400_000
"""24 hours in milliseconds."""

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_AMOUNT = r"([0-9]{1,9})([dhms])"
# Keeps the clock within what a date can hold, with the longest delay of a step behind it.
LONGEST = timedelta(days=3_650)


def create(db: sqlite3.Connection, given: datetime) -> None:
    """Let the clock of a fresh file show the time that is given to the sandbox."""
    db.execute("INSERT INTO clock VALUES (1, 0, ?)", (milliseconds(given),))


def now(db: sqlite3.Connection, given: datetime) -> int:
    """Return the sandbox's time in milliseconds since 1970: never before a moment it has dealt with already."""
    moved, settled = db.execute("SELECT moved, settled FROM clock").fetchone()
    return max(milliseconds(given) + int(moved), int(settled))


def move(db: sqlite3.Connection, given: datetime, to: int) -> None:
    """Let the clock show ``to``, which is not before what it shows, while ``given`` is the time that is given."""
    db.execute("UPDATE clock SET moved = ?", (to - milliseconds(given),))


def settled(db: sqlite3.Connection) -> int:
    """Return the moment up to which everything has been sent that could be."""
    return int(db.execute("SELECT settled FROM clock").fetchone()[0])


def settle(db: sqlite3.Connection, moment: int) -> None:
    """Keep that nothing is to be sent before ``moment`` any more."""
    db.execute("UPDATE clock SET settled = MAX(settled, ?)", (moment,))


def duration(text: str) -> timedelta:
    """Read ``3d``, ``2h``, ``30m``, ``45s`` and sums like ``1d12h``, with or without ``+`` before them.

    Raises ValueError for anything else, and for more than ten years.
    """
    if not re.fullmatch(rf"\+?({_AMOUNT})+", text):
        raise ValueError("write it like 3d, 2h, 30m, 45s, or a sum of these such as 1d12h")
    length = sum((timedelta(**{_UNITS[unit]: int(count)}) for count, unit in re.findall(_AMOUNT, text)), timedelta())
    if length > LONGEST:
        raise ValueError(f"the clock moves by at most {LONGEST.days} days at once")
    return length
