"""Files that are there as a whole or not at all, also after a crash."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from reconciler.diagnostics import StateError, error

FILE_MODE = 0o600
FOLDER_MODE = 0o700


@contextlib.contextmanager
def told_as_state_error(what: str, folder: Path, *, act: str = "written to") -> Iterator[None]:
    """Turn an `OSError` (full disk, no permission, …) into a `StateError` (`state-write`) that names what it hit."""
    try:
        yield
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
        raise StateError(
            error(
                "state-write",
                f"{what} could not be {act} {folder}: {reason}.",
                hint="Check free space and permissions of that folder, then run again.",
            )
        ) from problem


def unreadable(what: str, path: Path, problem: OSError) -> StateError:
    """Make the error of a file that the operating system does not let be read."""
    return StateError(
        error(
            "state-unreadable",
            f"The {what} in {path} could not be read: {problem.strerror or type(problem).__name__}.",
            hint="Check the permissions of that file, then run again.",
        )
    )


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter; one that is there already gets the same mode."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o777 != FOLDER_MODE:
        folder.chmod(FOLDER_MODE)


def replace_durably(path: Path, content: bytes, *, by_way_of: str | None = None, mode: int = FILE_MODE) -> None:
    """Put a file in place atomically and durably, by default readable by its owner only.

    Whoever reads meanwhile, or after a crash at any point, finds the old content or the new one. Writers of one path
    must not run side by side unless each comes `by_way_of` a name of its own: they share the temporary file, so that a
    crash leaves at most one behind, which the next write takes over. Raises `OSError`; then the old file is untouched
    and no temporary one is left.
    """
    temporary = path.with_name(by_way_of or f"{path.name}.tmp")
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        try:
            temporary.unlink(missing_ok=True)
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with open(handle, "wb") as stream:  # noqa: PTH123 - it is a descriptor, for the sake of its mode
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        os.fsync(folder)
    finally:
        os.close(folder)


def append_durably(path: Path, content: bytes, *, at: int) -> int:
    """Write at an offset of a file, durably, and cut off whatever stood behind it; return the file's inode.

    A file that is not there is made. Raises `OSError`; then the file ends at the offset again, durably as far as that
    is possible: what was cut off in the middle is no whole line, and is not read as one.
    """
    fresh = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, FILE_MODE)
    try:
        try:
            if os.fstat(handle).st_size > at:
                os.ftruncate(handle, at)
            written = 0
            while written < len(content):
                written += os.pwrite(handle, content[written:], at + written)
            os.fsync(handle)
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, at)
                os.fsync(handle)
            raise
        inode = os.fstat(handle).st_ino
    finally:
        os.close(handle)
    if fresh:
        sync_folder(path.parent)
    return inode


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises `OSError`."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
