"""What messages may quote of a list: names of columns and fields, bounded and free of control characters."""

from collections.abc import Sequence

_MOST_NAMES = 12
_LONGEST_NAME = 40
_MARKS = frozenset(" _-.")


def name_shown(name: str) -> str:
    """Return one name that stands in a spec, in backquotes."""
    plain = "".join(char if char.isprintable() else "?" for char in name)
    return f"`{plain[: _LONGEST_NAME - 1]}…`" if len(plain) > _LONGEST_NAME else f"`{plain}`"


def is_column_name(name: str) -> bool:
    """Whether this looks like the name of a column: up to 40 letters, digits, spaces, `_`, `-` and `.`."""
    return 0 < len(name) <= _LONGEST_NAME and all(char.isalnum() or char in _MARKS for char in name)


def names_shown(names: Sequence[str]) -> str:
    """Return names in backquotes, parted by commas; of many only the first ones.

    What does not look like the name of a column is not shown: where a list has no header, or the file is no list at
    all, it may be a person's, or a secret.
    """
    shown = ", ".join(f"`{name}`" if is_column_name(name) else "`…`" for name in names[:_MOST_NAMES])
    return shown + (f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else "") or "none"
