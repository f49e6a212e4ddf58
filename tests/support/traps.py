"""Traps for a process of the program, set in the fork before it begins; the program itself has no part in them.

It can be made to die by SIGKILL at the n-th boundary (before and after every durable write and every request that
changes something), after so many seconds, or to meet a full disk or a remote that is away.
"""

import errno
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from reconciler.leads.roster import CsvLeads
from reconciler.leadterra.transport import Transport
from reconciler.store import files, history, local, locallease


class Boundaries:
    """Counts the moments at which a process may die, and dies at the chosen one."""

    def __init__(self, at: int | None, report: str | None) -> None:
        self._at = at
        self._report = report
        self._lock = threading.Lock()
        self.seen = 0

    def pass_one(self, name: str) -> None:
        with self._lock:
            self.seen += 1
            if self._report is not None:
                with open(self._report, "a", encoding="utf-8") as file:  # noqa: PTH123 - plain and quick
                    file.write(f"{name}\n")
            if self.seen == self._at:
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(60)


def surrounded(function: Callable[..., Any], name: str, boundaries: Boundaries) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **options: Any) -> Any:
        boundaries.pass_one(f"before {name}")
        result = function(*arguments, **options)
        boundaries.pass_one(f"after {name}")
        return result

    return wrapped


def set_traps(order: dict[str, Any]) -> None:
    boundaries = Boundaries(order.get("kill_at"), order.get("report"))
    append = surrounded(files.append_durably, "append", boundaries)
    replace = surrounded(files.replace_durably, "replace", boundaries)
    full = order.get("full_disk_at")
    if full is not None:
        append, replace = filling(append, replace, full, order.get("full_disk_times", 3))
    local.append_durably = append
    history.append_durably = append
    local.replace_durably = locallease.replace_durably = replace
    exchange = Transport._exchange

    def writing(self: Any, call: Any) -> Any:
        if call.method == "GET":
            return exchange(self, call)
        boundaries.pass_one(f"before {call.label}")
        answer = exchange(self, call)
        boundaries.pass_one(f"after {call.label}")
        return answer

    Transport._exchange = writing
    if "batch" in order:
        CsvLeads.__init__.__kwdefaults__["batch_size"] = order["batch"]
    if "beat" in order:
        times = local.TIMES._replace(beat=order["beat"], expiry=order["expiry"], poll=0.05, longest_request=0.1)
        local.LocalStore.__init__.__kwdefaults__["times"] = times
    git_traps(order, boundaries)
    if "kill_after" in order:
        timer = threading.Timer(order["kill_after"], lambda: os.kill(os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()


def git_traps(order: dict[str, Any], boundaries: Boundaries) -> None:
    try:
        from reconciler.store import git
    except ImportError:
        return
    git.GitStore._push = surrounded(git.GitStore._push, "push", boundaries)
    if "git_expiry" in order:
        times = git.TIMES._replace(beat=0.5, expiry=order["git_expiry"], poll=0.05, longest_request=0.1)
        git.GitStore.__init__.__kwdefaults__["times"] = times


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
