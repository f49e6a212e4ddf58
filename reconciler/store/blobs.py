"""Immutable blobs, named by the SHA-256 of their content."""

import hashlib
import os
import re
import threading
import time
from pathlib import Path

from reconciler.diagnostics import StateError, error
from reconciler.store.files import make_private_folder, replace_durably, told_as_state_error, unreadable

_NAME = re.compile(r"[0-9a-f]{64}")
_ABANDONED = 3600.0
_HINT = "Restore the state as a whole from a backup."


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
        raise StateError(error("blob-missing", f"The blob {name} of the state is not in {place}.", hint=_HINT))
    if blob_name(content) != name:
        raise StateError(error("blob-damaged", f"The blob {name} in {place} is not what was stored.", hint=_HINT))
    return content


class LocalBlobs:
    """Blobs as files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def holds(self, name: str, content: bytes) -> bool:
        """Whether the blob is there, whole."""
        try:
            return (self._folder / name).read_bytes() == content
        except OSError:
            return False

    def write(self, name: str, content: bytes) -> None:
        """Store a blob durably; raises `StateError` (`state-write`). Neither threads nor processes wait for another."""
        by_way_of = f"{name}.{os.getpid()}.{threading.get_ident()}.tmp"
        with told_as_state_error("A blob of the state", self._folder):
            try:
                replace_durably(self._folder / name, content, by_way_of=by_way_of)
            except FileNotFoundError:
                make_private_folder(self._folder.parent)
                make_private_folder(self._folder)
                replace_durably(self._folder / name, content, by_way_of=by_way_of)

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
