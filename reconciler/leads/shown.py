"""What messages may quote of a list: names of columns and fields, bounded and free of control characters."""

from collections.abc import Sequence

_MOST_NAMES = 12
_LONGEST_NAME = 40


def name_shown(name: str) -> str:
    """Return one name in backquotes."""
    plain = "".join(char if char.isprintable() else "?" for char in name)
    return f"`{plain[: _LONGEST_NAME - 1]}…`" if len(plain) > _LONGEST_NAME else f"`{plain}`"


def names_shown(names: Sequence[str]) -> str:
    """Return names in backquotes, parted by commas; of many only the first ones.

    A name with an @ is not shown: where a list has no header, it may be a person's.
    """
    shown = ", ".join("(a name with an @)" if "@" in name else name_shown(name) for name in names[:_MOST_NAMES])
    return shown + (f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else "") or "none"
