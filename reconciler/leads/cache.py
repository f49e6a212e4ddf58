"""What lists came to last time, so that an unchanged list is not read again. Safe to delete, and to lose.

One small file a campaign: counts, findings and digests, as the plan shows them; no address and no hash of one.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from reconciler.model.base import Frozen
from reconciler.model.roster import Roster

_SETTLED_NS = 2_000_000_000
"""A file that was changed less than two seconds before it was read may have been changed again within the same tick of
the clock of its file system (FAT has the coarsest)."""


class _Source(Frozen):
    """A file as it was: its size, its time (None: too young to tell anything), its digest."""

    size: int
    time: int | None
    digest: str


class _Kept(Frozen):
    question: str
    sources: tuple[_Source, ...]
    people: int
    roster: Roster


class Remembered(NamedTuple):
    """A roster without its hashes, and how many distinct people are on the list."""

    roster: Roster
    people: int


class RosterCache:
    """Rosters in a folder; without one, nothing is kept. Errors of the file system only make it forget."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def find(self, key: str, question: str, paths: Sequence[Path]) -> Remembered | None:
        """Return what a campaign's list came to, where the same was asked and its files are the same."""
        if self._folder is None:
            return None
        try:
            kept = _Kept.model_validate_json(self._file(key).read_bytes())
            if kept.question != question or len(kept.sources) != len(paths):
                return None
            sources = [_unchanged(path, source) for path, source in zip(paths, kept.sources, strict=True)]
        except (OSError, ValidationError, ValueError):
            return None
        if None in sources:
            return None
        now = tuple(source for source in sources if source is not None)
        if now != kept.sources:
            self._write(key, kept.model_copy(update={"sources": now}))
        return Remembered(kept.roster, kept.people)

    def look(self, paths: Sequence[Path]) -> tuple[_Source, ...]:
        """Look at the files of a list before it is read: should they change meanwhile, it is read again next time."""
        if self._folder is None:
            return ()
        with contextlib.suppress(OSError):
            return tuple(_source(path) for path in paths)
        return ()

    def keep(self, key: str, question: str, sources: tuple[_Source, ...], roster: Roster, people: int) -> None:
        """Keep what a list came to that has been read after a look at its files."""
        if sources:
            self._write(key, _Kept(question=question, sources=sources, people=people, roster=roster))

    def _file(self, key: str) -> Path:
        return Path(self._folder or "") / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

    def _write(self, key: str, kept: _Kept) -> None:
        path = self._file(key)
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(json.dumps(kept.model_dump(mode="json")))
            Path(name).replace(path)


def _unchanged(path: Path, known: _Source) -> _Source | None:
    """Return a file as it is, where it is what it was; its content is looked at only where its time tells nothing."""
    found = path.stat()
    if found.st_size != known.size:
        return None
    if known.time is not None and found.st_mtime_ns == known.time:
        return known
    now = _source(path)
    return now if now.digest == known.digest else None


def _source(path: Path) -> _Source:
    began = time.time_ns()
    with path.open("rb") as stream:
        found = os.fstat(stream.fileno())
        digest = hashlib.file_digest(stream, "blake2b").hexdigest()
    settled = found.st_mtime_ns < began - _SETTLED_NS
    return _Source(size=found.st_size, time=found.st_mtime_ns if settled else None, digest=digest)
