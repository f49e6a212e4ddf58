"""Traps for a process of the program, set in the fork before it begins; the program itself has no part in them.

It can be made to die by SIGKILL at the n-th boundary (before and after every durable write and every request that
changes something), at one of a name, or after so many seconds, to be suspended, or to meet a full disk or a remote that
is away.
"""

import errno
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from coverage import Coverage

from reconciler.leads.roster import LeadLists
from reconciler.leadterra import pace, transport
from reconciler.leadterra.client import LeadterraClient
from reconciler.leadterra.transport import Transport
from reconciler.planning import segments
from reconciler.store import blobs, files, git, gitrepo, gitrun, history, local, locallease


class Boundaries:
    """Counts the moments at which a process may die, and dies at the chosen one."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._at: int | None = order.get("kill_at")
        self._on: str | None = order.get("kill_on")
        self._sleep: str | None = order.get("sleep")
        self._report: str | None = order.get("report")
        self._lock = threading.Lock()
        self.seen = 0

    def pass_one(self, name: str) -> None:
        with self._lock:
            self.seen += 1
            if self._report is not None:
                with open(self._report, "a", encoding="utf-8") as file:  # noqa: PTH123 - plain and quick
                    file.write(f"{name}\n")
            if self.seen == self._at or (self._on is not None and re.fullmatch(self._on, name)):
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(60)
            if self._sleep is not None and re.fullmatch(self._sleep, name):
                self._sleep = None
                # Sent to the process it would reach another thread first, and this one would run on for a while.
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


def surrounded(function: Callable[..., Any], name: str, boundaries: Boundaries) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **options: Any) -> Any:
        boundaries.pass_one(f"before {name}")
        result = function(*arguments, **options)
        boundaries.pass_one(f"after {name}")
        return result

    return wrapped


def wait_for_nothing_late(seconds: float = 0.0) -> None:
    """Wait only so long for requests of runs that are over: unless it is told to, no server of the tests acts late."""
    for module, store in ((local, local.LocalStore), (git, git.GitStore)):
        module.TIMES = module.TIMES._replace(longest_request=seconds)  # type: ignore[attr-defined]
        store.__init__.__kwdefaults__["times"] = module.TIMES  # type: ignore[attr-defined]


def set_traps(order: dict[str, Any]) -> None:
    """Set what the order asks for. Such a process is not measured: it would only take twice as long."""
    wait_for_nothing_late(order.get("longest_request", 0.0))
    measuring = Coverage.current()
    if order and measuring is not None:
        measuring.stop()
    boundaries = Boundaries(order)
    append = surrounded(files.append_durably, "append", boundaries)
    replace = surrounded(files.replace_durably, "replace", boundaries)
    full = order.get("full_disk_at")
    if full is not None:
        append, replace = filling(append, replace, full, order.get("full_disk_times", 3))
    local.append_durably = append
    history.append_durably = append
    local.replace_durably = locallease.replace_durably = blobs.replace_durably = replace
    exchange = Transport._exchange

    def writing(self: Any, call: Any) -> Any:
        if call.method == "GET":
            return exchange(self, call)
        boundaries.pass_one(f"before {call.label}")
        try:
            return exchange(self, call)
        finally:
            boundaries.pass_one(f"after {call.label}")

    Transport._exchange = writing
    if "batch" in order:
        LeadLists.__init__.__kwdefaults__["batch_size"] = order["batch"]
    if "segments" in order:
        segments.MOST_SEGMENTS = order["segments"]
    if "beat" in order:
        # A request may only leave where the lease outlives its time-out.
        LeadterraClient.__init__.__kwdefaults__["timeout"] = order["expiry"] * 0.7
        times = local.TIMES._replace(beat=order["beat"], expiry=order["expiry"], poll=0.05, longest_request=0.1)
        local.LocalStore.__init__.__kwdefaults__["times"] = times
    if order.get("hurry"):
        transport._FIRST_WAIT = 0.005
        pace._LONGEST_INTERVAL = 0.05
    git_traps(order, boundaries)
    if "kill_after" in order:
        timer = threading.Timer(order["kill_after"], lambda: os.kill(os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()


def git_traps(order: dict[str, Any], boundaries: Boundaries) -> None:
    push = surrounded(gitrepo.Repository._push, "push", boundaries)
    if "away_at" in order:
        push = away(push, order["away_at"], order["away_times"])
    gitrepo.Repository._push = push
    if "beat" in order:
        times = git.TIMES._replace(beat=order["beat"], expiry=order["expiry"], poll=0.05, longest_request=0.1)
        git.GitStore.__init__.__kwdefaults__["times"] = times
    git.GitStore.__init__.__kwdefaults__["pauses"] = (0.01, 0.02)


def away(push: Callable[..., Any], at: int, times: int) -> Callable[..., Any]:
    """Let some pushes in a row find no remote: half of them before it has moved the ref, half of them after."""
    lock, seen = threading.Lock(), 0

    def pushing(self: Any, *arguments: Any) -> Any:
        nonlocal seen
        with lock:
            seen += 1
            number = seen
        if not at <= number < at + times:
            return push(self, *arguments)
        if number % 2:
            push(self, *arguments)
        return gitrun.Done(code=128, out=b"", err=b"fatal: unable to access: Could not resolve host")

    return pushing


def filling(append: Callable[..., Any], replace: Callable[..., Any], at: int, times: int) -> tuple[Any, Any]:
    """Let some durable writes in a row find no space left."""
    lock, seen = threading.Lock(), 0

    def meet() -> None:
        nonlocal seen
        with lock:
            seen += 1
            if at <= seen < at + times:
                raise OSError(errno.ENOSPC, "No space left on device")

    def appending(*arguments: Any, **options: Any) -> Any:
        meet()
        return append(*arguments, **options)

    def replacing(*arguments: Any, **options: Any) -> Any:
        meet()
        return replace(*arguments, **options)

    return appending, replacing
