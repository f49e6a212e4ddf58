"""Time that passes by itself: a thread that sends what falls due."""

from __future__ import annotations

import logging
import sqlite3
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.sandbox.engine import Sandbox

_EVERY = 1.0
_PATIENCE = 5.0
_LOG = logging.getLogger(__name__)


class Live:
    """Settles every second, and hands over what was sent, until it is closed."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-live", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        told = ""
        while not self._stop.wait(_EVERY):
            words = ""
            try:
                self._sandbox.settle()
                self._sandbox.hand_over()
            except (OSError, sqlite3.Error) as problem:
                # Nothing is lost: it is tried again every second, and told once.
                words = f"the sandbox cannot hand over what was sent, and tries again: {problem}"
            if words and words != told:
                _LOG.warning(words)
            told = words

    def close(self) -> None:
        """Stop; an email or a webhook under way is waited for, for some seconds."""
        self._stop.set()
        self._thread.join(_PATIENCE)
