"""Where a path that a stranger wrote may lead: inside the repository, and to nothing hidden in it.

Standard library only: the template worker uses it, too.
"""

import os
import posixpath


class RefusedPathError(ValueError):
    """A path leads where no spec may read. The message says why, and names nothing outside the repository."""


def resolve(root: str, folder: str, path: str) -> str:
    """Return the name, relative to `root` and with `/`, of the file that `path` means when read from `folder`.

    `root` is absolute and free of links; `folder` is relative to it. The path is checked as written and again with all
    links followed. The file need not exist. Raises `RefusedPathError`.
    """
    if "\0" in path:
        raise RefusedPathError("the path holds a NUL character")
    if posixpath.isabs(path) or os.path.isabs(path):  # noqa: PTH117 - texts, not Path objects, for speed
        raise RefusedPathError("the path is absolute; paths are relative to the file they stand in")
    name = posixpath.normpath(posixpath.join(folder, path))
    if name == ".." or name.startswith("../"):
        raise RefusedPathError("the path leaves the repository")
    _not_hidden(name)
    real = real_name(root, name)
    if real is None:
        raise RefusedPathError("the path leaves the repository by a symbolic link")
    _not_hidden(real)
    return name


def real_name(root: str, name: str) -> str | None:
    """Return a name with all links followed, relative to `root` and with `/`; None where that leaves `root`."""
    try:
        real = os.path.realpath(os.path.join(root, name))  # noqa: PTH118 - as above
    except (OSError, ValueError):
        return None
    if real == root:
        return "."
    prefix = root if root.endswith(os.sep) else root + os.sep
    return real[len(prefix) :].replace(os.sep, "/") if real.startswith(prefix) else None


def _not_hidden(name: str) -> None:
    """Refuse names that begin with a dot: there git, this program and others keep their settings and their secrets."""
    if name != "." and any(part.startswith(".") for part in name.split("/")):
        raise RefusedPathError("no file or folder whose name begins with a dot may be used")
