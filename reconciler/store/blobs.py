"""Immutable blobs, named by the SHA-256 of their content."""

import hashlib
import os
import re
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from reconciler.diagnostics import StateError, error
from reconciler.store.files import make_private_folder, replace_durably, sync_folder, told_as_state_error, unreadable

_NAME = re.compile(r"[0-9a-f]{64}")
_ATTEMPTS = 20
"""To write a blob beside a sweep, which removes what it finds begun."""

_ABANDONED = 3600.0
_KEPT = re.compile(r"([0-9a-f]{64})(\..+\.tmp)?")
_HINT = "Restore the state as a whole from a backup."
_GONE = f"Run again: somebody may have erased people from the state meanwhile. If it stays missing: {_HINT.lower()}"


def blob_name(content: bytes) -> str:
    """Return the name of a content."""
    return hashlib.sha256(content).hexdigest()


def check_name(name: str) -> None:
    """Raise `StateError` (`blob-missing`) for what can be no blob's name: it opens nothing."""
    if not _NAME.fullmatch(name):
        words = "The state names a blob that cannot exist: no SHA-256."
        raise StateError(error("blob-missing", words, hint=_HINT))


def checked(name: str, content: bytes | None, *, place: str) -> bytes:
    """Return the content read for a name (None: there is none); raises `blob-missing` or `blob-damaged`."""
    if content is None:
        raise StateError(error("blob-missing", f"The blob {name} of the state is not in {place}.", hint=_GONE))
    if blob_name(content) != name:
        raise StateError(error("blob-damaged", f"The blob {name} in {place} is not what was stored.", hint=_HINT))
    return content


class LocalBlobs:
    """Blobs as files of a folder.

    What was put is kept in mind until a record names it: until then nobody knows that it is needed, and a sweep by
    another process may remove it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._put: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        """Store a blob and return its name; one that is there and whole is not written again.

        Neither threads nor processes wait for another. Raises `StateError` (`state-write`).
        """
        name = blob_name(content)
        self._put[name] = content
        if not self._holds(name, content):
            self._write(name, content)
        return name

    def put_again(self, names: Iterable[str]) -> None:
        """Store those of these that were put from here and removed since. To be asked under the lock of writers."""
        for name in names:
            content = self._put.get(name)
            if content is not None and not (self._folder / name).exists():
                self._write(name, content)

    def named(self, names: Iterable[str]) -> None:
        """Keep these in mind no longer: the state names them."""
        for name in names:
            self._put.pop(name, None)

    def sweep(self, keep: frozenset[str]) -> int:
        """Remove all others, and what was begun of any; return how many. To be asked under the lock of writers.

        Who is in the middle of writing one notices, and begins again. Raises `OSError`.
        """
        if not self._folder.is_dir():
            return 0
        wanted = keep.union(self._put)
        found = [(path, match) for path in self._folder.iterdir() if (match := _KEPT.fullmatch(path.name))]
        gone = [path for path, match in found if match[2] or match[1] not in wanted]
        for path in gone:
            path.unlink(missing_ok=True)
        if gone:
            sync_folder(self._folder)
        return len(gone)

    def _holds(self, name: str, content: bytes) -> bool:
        try:
            return (self._folder / name).read_bytes() == content
        except OSError:
            return False

    def _write(self, name: str, content: bytes) -> None:
        by_way_of = f"{name}.{os.getpid()}.{threading.get_ident()}.tmp"
        with told_as_state_error("A blob of the state", self._folder):
            for attempt in range(_ATTEMPTS):
                try:
                    replace_durably(self._folder / name, content, by_way_of=by_way_of)
                except FileNotFoundError:
                    # The folder is not there yet, or a sweep took what was begun.
                    if attempt == _ATTEMPTS - 1:
                        raise
                    make_private_folder(self._folder.parent)
                    make_private_folder(self._folder)
                else:
                    break

    def tidy(self) -> None:
        """Remove what processes that died have left behind; raises `OSError`."""
        for path in self._folder.glob("*.tmp"):
            if time.time() - path.stat().st_mtime > _ABANDONED:
                path.unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        """Return a blob. Raises `StateError`: `blob-missing`, `blob-damaged`, or `state-unreadable`."""
        check_name(name)
        try:
            content = (self._folder / name).read_bytes()
        except FileNotFoundError:
            content = None
        except OSError as problem:
            raise unreadable("blob", self._folder / name, problem) from problem
        return checked(name, content, place=str(self._folder))
