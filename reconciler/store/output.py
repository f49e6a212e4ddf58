"""Files that a person asked for, plans and receipts: there as a whole or not at all."""

import contextlib
import os
import secrets
from pathlib import Path

from reconciler.diagnostics import ReconcilerError, error

_MODE = 0o666
"""Less what the umask takes away: nothing in these files is secret."""


def write_output(path: Path, text: str, *, what: str) -> None:
    """Put a file in place atomically; whoever reads meanwhile finds the old one or the new one.

    Raises `ReconcilerError` (`output-file`) that names `what` could not be written, where, and why; then the old file
    is untouched. A link is followed, and what is no file (a pipe, a device) is refused.
    """
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise ReconcilerError(
                error("output-file", f"{what} was not written: {path} is not a file", hint="name a file")
            )
        _replace(target, text.encode())
    except (OSError, RuntimeError) as problem:
        reason = (getattr(problem, "strerror", None) or type(problem).__name__).lower()
        words = f"{what} could not be written to {path}: {reason}"
        hint = "check that its folder is there, its permissions and free space"
        raise ReconcilerError(error("output-file", words, hint=hint)) from problem


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".reconciler-{secrets.token_hex(8)}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    try:
        with open(handle, "wb") as stream:  # noqa: PTH123 - it is a descriptor, for the sake of its mode
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
