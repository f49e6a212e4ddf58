"""Which failed attempt may be followed by another, and when (design §6)."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.leadterra.answers import Answer, Call, NotJson
from reconciler.leadterra.pace import Pace

if TYPE_CHECKING:
    import stamina

_TOO_MANY = 429
_UNAVAILABLE = 503
_LONG_WAIT = 1.0
_TRANSIENT = frozenset({_TOO_MANY, 500, 502, _UNAVAILABLE, 504})
_HELP = "Check the network, a proxy or firewall in between, and LEADTERRA_BASE_URL; then run the same command again."


@dataclass(eq=False)
class AttemptFailed(Exception):  # noqa: N818 - a report to the retry loop, which never leaves this room
    """An attempt that may be worth another. It holds no request: requests carry leads and the key.

    `carried_out` is False where it is certain that the server did not do what it was asked.
    """

    code: str
    what: str
    carried_out: bool
    status: int | None = None
    retry_after: float | None = None
    hint: str = _HELP
    hopeless: bool = False


class Tries:
    """The attempts of one call: whether another is allowed, and when.

    stamina counts the attempts and grows the waits, but sleeps them in one piece that nothing can interrupt: it is
    told to sleep 0 seconds, and the wait is made before the next attempt.
    """

    def __init__(self, call: Call, pace: Pace, max_wait: float, told: Callable[[str], None]) -> None:
        self._call = call
        self._told = told
        self._pace = pace
        self._wait_left = max_wait
        self._max_wait = max_wait
        self._wait = 0.0
        self._backoff = 0.0
        self.made = 0
        self.waited_long = False
        self.may_be_carried_out = False
        self.last_failure = ""
        self.refused_wait: float | None = None

    def begin(self, attempt: "stamina.Attempt") -> None:
        """Wait until the attempt may be made, and tell why it is made again."""
        if self.made:
            self._told(f"{self._call.label}: {self.last_failure}; trying again in {max(self._wait, 1):.0f} s")
        began = time.monotonic()
        self._pace.wait(self._wait, urgent=self._call.urgent)
        self.waited_long = time.monotonic() - began > _LONG_WAIT
        self._wait_left -= self._wait
        self._backoff = attempt.next_wait
        self.made += 1

    def judge(self, failure: Exception) -> bool | float:
        """Decide for stamina: False gives up; a number is how long it sleeps."""
        if not isinstance(failure, AttemptFailed):
            return False
        self.may_be_carried_out |= failure.carried_out
        self.last_failure = failure.what
        wait = self._backoff + random.uniform(0, self._backoff)  # noqa: S311 - spreads clients, hides nothing
        wait = min(wait, self._wait_left) if failure.retry_after is None else failure.retry_after
        if failure.status == _TOO_MANY:
            self._pace.too_fast(min(wait, self._max_wait))
        if failure.hopeless or self._call.hurried or (failure.carried_out and not self._call.repeatable):
            return False
        if wait > self._wait_left:
            self.refused_wait = wait
            return False
        self._wait = wait
        return 0.0


def worth_another(answer: Answer, wait: float | None) -> AttemptFailed | None:
    """Tell an answer that may be another one next time.

    429 and 503 are taken for "not carried out", as design §6 has it; after the others of them nobody knows.
    """
    status = answer.status
    if status == _TOO_MANY:
        hint = "Lower policy.requestsPerSecond, or run the same command again later."
        return AttemptFailed("api-rate-limited", "too many requests (429)", False, status, wait, hint)  # noqa: FBT003
    if status in _TRANSIENT:
        what = f"the server has a problem ({status})"
        hint = "Run the same command again in some minutes."
        return AttemptFailed("api-unavailable", what, status != _UNAVAILABLE, status, wait, hint)
    if answer.data is NotJson.BROKEN and status < 300:  # noqa: PLR2004 - success, as HTTP defines it
        what = "the answer is broken JSON, as if it had been cut short"
        return AttemptFailed("api-lost-answer", what, carried_out=True, status=status)
    return None
