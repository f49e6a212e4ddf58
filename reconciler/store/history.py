"""What happened, as the local backend keeps it when the journal is folded into the document."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from reconciler.model.journal import Happening, Record
from reconciler.store.files import append_durably, unreadable


class LocalHistory:
    """A file of lines that only grows. A line that a crash cut off, or wrote twice, does no harm."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, happenings: Iterable[Happening]) -> None:
        """Add what these tell; those without words tell nothing. Raises `OSError`. Writers take turns."""
        lines = dump_happenings(item for item in happenings if item.what)
        if lines:
            append_durably(self._path, lines, at=self._bytes().rfind(b"\n") + 1)

    def told(self, recent: Iterable[Happening]) -> list[Happening]:
        """Tell everything, newest first; `recent` is what has not been added yet, or only just.

        Raises `StateError` (`state-unreadable`) where the operating system refuses.
        """
        found = dict.fromkeys(recent)
        try:
            found |= dict.fromkeys(load_happenings(self._bytes()))
        except OSError as problem:
            raise unreadable("history", self._path, problem) from problem
        return sorted(found, key=lambda item: (item.serial, item.at), reverse=True)

    def _bytes(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""


def dump_happenings(happenings: Iterable[Happening]) -> bytes:
    """Write them as lines."""
    return b"".join(item.model_dump_json().encode() + b"\n" for item in happenings)


def load_happenings(data: bytes) -> list[Happening]:
    """Read such lines; what is none is passed over."""
    found = []
    for line in data.splitlines():
        with suppress(ValidationError):
            found.append(Happening.model_validate_json(line))
    return found


def happenings(records: Iterable[Record]) -> list[Happening]:
    """Return what records tell people."""
    return [Happening(serial=record.serial, at=record.at, by=record.by, what=record.what) for record in records]
