"""Running git: argument lists only, nothing asked at a terminal, a limit on the time, and nothing of it shown raw."""

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from reconciler.diagnostics import StateError, error
from reconciler.store.gitaccess import Setting

LOCAL = 120.0
NETWORK = 60.0
FETCH = 300.0
"""Seconds for a call that stays on this machine, for one to the remote, and for one that may bring a lot."""

_DROPPED = (
    # Where git is to look is decided here, also when this runs in a hook of another repository.
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_QUARANTINE_PATH",
    "GIT_IMPLICIT_WORK_TREE", "GIT_REPLACE_REF_BASE",
    # Helpers of git have no use for these.
    "LEADTERRA_API_KEY", "RECONCILER_LEDGER_KEY", "RECONCILER_GIT_TOKEN",
)  # fmt: skip
_SET = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_OPTIONAL_LOCKS": "0"}
_SETTINGS = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false",
    "push.gpgSign=false", "push.followTags=false", "push.recurseSubmodules=no", "fetch.prune=false",
)  # fmt: skip
_TOLD = 3
_LONGEST = 300


class Done(NamedTuple):
    """How a call ended. `code` is None where it took too long and was ended."""

    code: int | None
    out: bytes
    err: bytes

    @property
    def ok(self) -> bool:
        """Whether it did what was asked."""
        return self.code == 0

    @property
    def why(self) -> str:
        """Say why not, in git's words, without addresses: they may hold a password."""
        if self.code is None:
            return "it took too long"
        lines = [line.strip() for line in self.err.decode(errors="replace").splitlines()]
        said = [match[1] for line in lines if (match := re.match(r"(?:fatal|error|remote|ERROR): ?(.*\S)", line))]
        text = "; ".join(said[:_TOLD] or [line for line in lines if line][-1:]) or f"git ended with {self.code}"
        text = re.sub(r"\S*(?:://|@)\S*", "…", text)
        return "".join(char if char.isprintable() else " " for char in text)[:_LONGEST].rstrip(" .")


class Git:
    """The program, in one folder. It runs in a session of its own, so that Ctrl-C at the terminal does not end it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, *arguments: str, given: bytes = b"", seconds: float = LOCAL, secret: Sequence[Setting] = ()) -> Done:
        """Run it. Raises `StateError` (`state-git`) where there is no such program.

        `secret` are settings that no list of processes shows.
        """
        environment = {name: value for name, value in os.environ.items() if name not in _DROPPED}
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        try:
            process = subprocess.Popen(  # noqa: S603 - arguments that come from files are checked names
                ["git", *settings, *arguments],  # noqa: S607 - git is where the user has it
                cwd=self._folder,
                env=environment | _SET | _in_environment(secret, environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as problem:
            words = f"git could not be run: {problem.strerror or type(problem).__name__}."
            hint = "Install git; the state of this workspace is kept in its repository."
            raise StateError(error("state-git", words, hint=hint)) from problem
        with process:
            try:
                out, err = process.communicate(given, timeout=seconds)
            except subprocess.TimeoutExpired:
                _end(process)
                return Done(None, b"", b"")
            except BaseException:
                _end(process)
                raise
        return Done(process.returncode, out, err)


def _in_environment(settings: Sequence[Setting], environment: Mapping[str, str]) -> dict[str, str]:
    """Write settings as variables (git-config, `GIT_CONFIG_COUNT`), behind those that are there already."""
    if not settings:
        return {}
    first = int(environment.get("GIT_CONFIG_COUNT") or 0)
    variables = {"GIT_CONFIG_COUNT": str(first + len(settings))}
    for number, (name, value) in enumerate(settings, first):
        variables |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End it with what it has started: the helpers that hold the connection, and its pipes."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
