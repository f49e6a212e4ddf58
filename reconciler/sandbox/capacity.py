"""What pools may still send, instant by instant, and which account sends next."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.sandbox.clock import DAY

if TYPE_CHECKING:
    import sqlite3


@dataclass(slots=True)
class _Source:
    """A pool while it is drawn from: ``used`` holds instants and counts, oldest first, and ``total`` their sum."""

    pool_id: str
    capacity: int
    turn: int
    senders: tuple[str, ...]
    used: deque[tuple[int, int]]
    total: int

    def room(self, at: int) -> int:
        """Return what may be sent at an instant, which must not lie before that of an earlier call."""
        while self.used and self.used[0][0] <= at - DAY:
            self.total -= self.used.popleft()[1]
        return max(0, self.capacity - self.total)

    def take(self, at: int, count: int) -> list[tuple[str, str]]:
        """Count messages as sent, and return pool and sender of each."""
        if self.used and self.used[-1][0] == at:
            self.used[-1] = (at, self.used[-1][1] + count)
        else:
            self.used.append((at, count))
        self.total += count
        first, self.turn = self.turn, (self.turn + count) % len(self.senders)
        return [(self.pool_id, self.senders[(first + n) % len(self.senders)]) for n in range(count)]


class Capacity:
    """The pools of the workspace, drawn from in their order; what was sent over 24 hours ago counts no more.

    Each message goes to an active account of its pool in turn; where the pool has none, to any active one of the
    workspace ("The platform picks a healthy account by itself", leadterra-api.md).
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        members: dict[str, list[str]] = {}
        for row in db.execute(
            "SELECT a.pool_id, a.email FROM accounts a JOIN pools p ON p.id = a.pool_id WHERE a.status = 'active'"
            " ORDER BY p.position, a.position"
        ):
            members.setdefault(row["pool_id"], []).append(row["email"])
        everyone = tuple(email for emails in members.values() for email in emails)
        used: dict[str, deque[tuple[int, int]]] = {}
        for pool_id, at, count in db.execute("SELECT pool_id, at, count FROM usage ORDER BY at"):
            used.setdefault(pool_id, deque()).append((at, count))
        self._sources = [
            _Source(
                pool_id=row["id"],
                capacity=row["daily_capacity"],
                turn=row["turn"],
                senders=tuple(members.get(row["id"], ())) or everyone,
                used=used.get(row["id"], deque()),
                total=sum(count for _, count in used.get(row["id"], ())),
            )
            for row in db.execute("SELECT * FROM pools ORDER BY position")
        ]
        self.can_send = bool(everyone)

    def room(self, at: int) -> int:
        """Return how many messages may be sent at an instant; instants must not go back."""
        return sum(source.room(at) for source in self._sources)

    def next_change(self) -> int | None:
        """Return the next instant at which messages of before count no more, or None where there are none."""
        return min((source.used[0][0] + DAY for source in self._sources if source.used), default=None)

    def take(self, at: int, count: int) -> list[tuple[str, str]]:
        """Count messages as sent, which there must be room for; return pool and sender of each."""
        taken: list[tuple[str, str]] = []
        for source in self._sources:
            share = min(source.room(at), count - len(taken))
            if share:
                taken += source.take(at, share)
        return taken

    def keep(self, db: sqlite3.Connection) -> None:
        """Store what has been taken."""
        for source in self._sources:
            db.execute("UPDATE pools SET turn = ? WHERE id = ?", (source.turn, source.pool_id))
            db.execute("DELETE FROM usage WHERE pool_id = ?", (source.pool_id,))
            rows = [(source.pool_id, at, count) for at, count in source.used]
            db.executemany("INSERT INTO usage VALUES (?, ?, ?)", rows)
