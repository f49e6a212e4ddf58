"""Files that a person asked for, plans and receipts: there as a whole or not at all."""

import secrets
from pathlib import Path

from reconciler.diagnostics import ReconcilerError, error
from reconciler.store.files import replace_durably

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
        replace_durably(target, text.encode(), by_way_of=f".reconciler-{secrets.token_hex(8)}.tmp", mode=_MODE)
    except (OSError, RuntimeError) as problem:
        reason = (getattr(problem, "strerror", None) or type(problem).__name__).lower()
        words = f"{what} could not be written to {path}: {reason}"
        hint = "check that its folder is there, its permissions and free space"
        raise ReconcilerError(error("output-file", words, hint=hint)) from problem
