"""How fast an enrolment goes and how long it still takes, measured and in words; whoever asks brings the time."""

from collections import deque
from itertools import pairwise

_WINDOW = 60.0
_SHORTEST = 1.0
_FEW = 10


class Speed:
    """The rate of one enrolment over its last minute, since servers count requests by the minute.

    Times are seconds of a clock that never runs backwards; `done` is how many leads were enrolled when it was made.
    """

    def __init__(self, now: float, done: int = 0) -> None:
        self._seen = deque([(now, done)])

    def add(self, now: float, done: int) -> None:
        """Note how many leads are enrolled by now."""
        self._seen.append((now, done))
        # What is left reaches back a minute or more, however slow the batches come.
        while len(self._seen) > 2 and self._seen[1][0] <= now - _WINDOW:  # noqa: PLR2004 - a rate needs two
            self._seen.popleft()

    def rate(self, now: float) -> float | None:
        """Return leads a second; None before there is enough to tell.

        Between two batches it stays as it was; one that is later than any before it makes it sink.
        """
        (began, before), (ended, done) = self._seen[0], self._seen[-1]
        span = max(ended, now - self._longest_wait()) - began
        return (done - before) / span if span >= _SHORTEST and done > before else None

    def left(self, now: float, total: int) -> float | None:
        """Return how many seconds the rest takes at this rate; None where nobody can tell, or nothing is left."""
        rate, (ended, done) = self.rate(now), self._seen[-1]
        if rate is None or done >= total:
            return None
        return max(0.0, (total - done) / rate - min(now - ended, self._longest_wait()))

    def _longest_wait(self) -> float:
        return max((after - before for (before, _), (after, _) in pairwise(self._seen)), default=0.0)


def rate_words(rate: float) -> str:
    """Say a rate in whole numbers of a unit that fits: `1,240 a second`, `90 a minute`, `20 an hour`."""
    if round(rate) >= _FEW:
        return f"{round(rate):,} a second"
    if round(rate * 60) >= _FEW:
        return f"{round(rate * 60):,} a minute"
    return f"{max(1, round(rate * 3600)):,} an hour"


def time_left_words(seconds: float) -> str:
    """Say how long it still takes, as exactly as an estimate is: `about 1 min left`, `about 2 h 10 min left`."""
    tens, minutes = 10 * round(seconds / 10), round(seconds / 60)
    if tens < 60:  # noqa: PLR2004 - seconds of a minute
        return f"about {tens} s left" if tens else "a few seconds left"
    if minutes < 60:  # noqa: PLR2004 - minutes of an hour
        return f"about {max(1, minutes)} min left"
    hours, rest = divmod(10 * round(seconds / 600), 60)
    if hours < 10:  # noqa: PLR2004 - from then on the minutes say nothing
        return f"about {hours} h {rest} min left" if rest else f"about {hours} h left"
    if hours < 48:  # noqa: PLR2004 - two days
        return f"about {round(seconds / 3600)} h left"
    return f"about {round(seconds / 86400):,} days left"
