"""What happened, as the local backend keeps it when the journal is folded into the document."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from reconciler.model.journal import Happening, Record
from reconciler.store.files import append_durably


class LocalHistory:
    """A file of lines that only grows. A line that a crash cut off, or wrote twice, does no harm."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, records: Sequence[Record]) -> None:
        """Add what these records tell; those without words tell nothing. Raises `OSError`."""
        known = self._lines()
        lines = [happening(record).model_dump_json().encode() + b"\n" for record in records if record.what]
        if lines:
            append_durably(self._path, b"".join(lines), at=known)

    def told(self, recent: Sequence[Record]) -> Iterator[Happening]:
        """Tell everything, newest first; `recent` is what has not been added yet."""
        found: dict[int, Happening] = {}
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            lines = []
        for line in lines:
            try:
                item = Happening.model_validate_json(line)
            except (ValidationError, json.JSONDecodeError):
                continue
            found[item.serial] = item
        found |= {record.serial: happening(record) for record in recent}
        return iter(sorted(found.values(), key=lambda item: item.serial, reverse=True))

    def _lines(self) -> int:
        """Return where the last whole line ends."""
        try:
            return self._path.read_bytes().rfind(b"\n") + 1
        except FileNotFoundError:
            return 0


def happening(record: Record) -> Happening:
    """Return what a record tells people."""
    return Happening(serial=record.serial, at=record.at, by=record.by, what=record.what)
