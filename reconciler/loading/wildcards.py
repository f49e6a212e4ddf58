"""Files that a pattern with `*`, `?`, `[…]` and `**` matches, looked for inside of a folder only."""

import os
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from reconciler.loading.confine import RefusedPathError, resolve
from reconciler.loading.words import clipped

MOST_FILES = 1_000
"""A pattern that matches more files is refused."""

MOST_LOOKED_AT = 100_000
"""Names. A pattern for which more have to be looked at is refused."""

_WILD = re.compile(r"[*?\[]")
_FOLDERS = "**"


def is_pattern(path: str) -> bool:
    """Whether a path stands for any number of files."""
    return _WILD.search(path) is not None


def matches(root: str, folder: str, pattern: str) -> list[str]:
    """Return the names, relative to `root` and with `/`, of the files that a pattern matches from `folder`, sorted.

    `root` and `folder` are as for `confine.resolve`. `**` stands for any folders, also none, but for no links to
    folders. Folders are no files, and a name that begins with a dot is matched by nothing. What matches by way of a
    link that leads out is not passed over: raises `RefusedPathError`.
    """
    plain = _WILD.split(pattern)[0].rpartition("/")[0]
    parts = [part for part in pattern[len(plain) :].split("/") if part not in {"", "."}]
    if ".." in parts:
        raise RefusedPathError("`..` cannot follow a `*`")
    if any(_FOLDERS in part and part != _FOLDERS for part in parts):
        raise RefusedPathError("`**` stands for whole folders, as in `**/*.csv`")
    if parts[-1] == _FOLDERS:
        parts.append("*")
    return sorted(_Walk(root, parts).files(resolve(root, folder, plain or ".")))


class _Walk:
    """One search: whatever is reached twice is looked at once, and how much is looked at is bounded."""

    def __init__(self, root: str, parts: list[str]) -> None:
        self._root = root
        self._parts = parts
        self._looked_at = 0

    def files(self, base: str) -> set[str]:
        found: set[str] = set()
        todo, seen = [(base, 0)], {(base, 0)}
        while todo:
            folder, depth = todo.pop()
            for name, next_depth in self._step(folder, depth):
                if next_depth == len(self._parts):
                    found.add(name)
                elif (name, next_depth) not in seen:
                    seen.add((name, next_depth))
                    todo.append((name, next_depth))
            if len(found) > MOST_FILES:
                raise RefusedPathError(f"it matches more than {MOST_FILES:,} files")
        return found

    def _step(self, folder: str, depth: int) -> Iterator[tuple[str, int]]:
        """Yield what matches the part at `depth` in a folder, and which part is next for it."""
        part, is_last = self._parts[depth], depth + 1 == len(self._parts)
        if part == _FOLDERS:
            yield folder, depth + 1
        for entry in self._entries(folder):
            name = entry.name if folder == "." else f"{folder}/{entry.name}"
            if part == _FOLDERS:
                if entry.is_dir(follow_symlinks=False):
                    yield name, depth
            elif fnmatchcase(entry.name, part):
                self._confine(name)
                if os.path.isdir(self._path(name)) is not is_last:  # noqa: PTH112 - as in `confine`
                    yield name, depth + 1

    def _entries(self, folder: str) -> list["os.DirEntry[str]"]:
        try:
            with os.scandir(self._path(folder)) as entries:
                found = []
                for entry in entries:
                    self._looked_at += 1
                    if self._looked_at > MOST_LOOKED_AT:
                        words = f"more than {MOST_LOOKED_AT:,} files and folders would have to be looked at for it"
                        raise RefusedPathError(words)
                    if not entry.name.startswith("."):
                        found.append(entry)
                return found
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as problem:
            why = (problem.strerror or type(problem).__name__).lower()
            raise RefusedPathError(f"the folder `{clipped(folder)}` cannot be looked into: {why}") from None

    def _path(self, name: str) -> str:
        return os.path.join(self._root, name)  # noqa: PTH118 - as in `confine`

    def _confine(self, name: str) -> None:
        """Refuse a match that a link leads out of `root`, before anything behind the link is looked at."""
        if not name.isprintable():
            shown = "".join(char if char.isprintable() else "?" for char in name)
            raise RefusedPathError(f"it matches `{clipped(shown)}`, whose name holds what cannot be shown")
        try:
            resolve(self._root, "", name)
        except RefusedPathError as problem:
            raise RefusedPathError(f"it matches `{clipped(name)}`: {problem}") from None
