"""The coming days, as a queue of lots: leads of one campaign that are due for one step on one day (design §5).

The rules are those of leadterra-api.md ("Behaviour"): a step is due `delayDays` after the step before it was really
sent, capacity is shared by all campaigns of the workspace, and a step is sent once. Where it says nothing: what is due
longest goes first, of one day what was queued first; what does not fit goes the next day, and the later steps of those
leads move with it.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

HORIZON = 366
"""Days that are looked at. What is not sent by then is told as such."""


class Lot(NamedTuple):
    """Leads of a campaign that get `step` next (0: the first), due on `day`: 24-hour windows, counted from now.

    What is overdue has a day before 0. `joins` is the day on which they are enrolled, behind all that is queued then.
    """

    campaign: str
    step: int
    day: int
    leads: int
    joins: int = 0

    @property
    def begin(self) -> int:
        """The first day on which they can be served."""
        return max(self.day, self.joins, 0)


class Room(NamedTuple):
    """Emails that can go out: what is left in the first 24 hours, and a day after that."""

    today: int
    daily: int

    def on(self, day: int) -> int:
        """Return the room of one day."""
        return self.daily if day else self.today

    def until(self, day: int) -> int:
        """Return the room of all days before this one."""
        return self.today + self.daily * (day - 1) if day > 0 else 0


class Day(NamedTuple):
    """One day. `due` counts what was rolled over to it, too, and `ahead` what of that waited when it began."""

    ahead: int
    due: int
    sent: Mapping[str, int]

    @property
    def emails(self) -> int:
        """How many emails go out."""
        return sum(self.sent.values())

    @property
    def rolled_over(self) -> int:
        """How many emails have to wait for the next day."""
        return self.due - self.emails


IDLE = Day(0, 0, {})


@dataclass(frozen=True, slots=True)
class Outlook:
    """What comes of lots. `days` end with the last one on which something is due, at most `HORIZON`.

    `reached` tells for each lot, in the order they were given, the day on which the last of its leads got the step
    they were due for; None: not within these days. `left` counts emails that are never sent, by campaign.
    """

    days: tuple[Day, ...]
    reached: tuple[int | None, ...]
    left: Mapping[str, int]

    def on(self, day: int) -> Day:
        """Return one day; behind the last one nothing is due."""
        return self.days[day] if day < len(self.days) else IDLE


class _Piece(NamedTuple):
    """Leads in the queue, in the order in which they are served. `lot` is -1 for a later step."""

    day: int
    number: int
    campaign: str
    step: int
    leads: int
    lot: int


class _Queue:
    def __init__(self, waits: Mapping[str, Sequence[int]], reply_rate: float) -> None:
        self._waits = waits
        self._rate = reply_rate
        self._pieces: list[_Piece] = []
        self._number = 0
        self._arrivals: defaultdict[int, int] = defaultdict(int)
        self._sent: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._followed: defaultdict[tuple[str, int], int] = defaultdict(int)

    def put(self, day: int, campaign: str, step: int, leads: int, lot: int = -1, begin: int = 0) -> None:
        if leads > 0 and step < len(self._waits[campaign]):
            heapq.heappush(self._pieces, _Piece(day, self._number, campaign, step, leads, lot))
            self._number += 1
            self._arrivals[max(day, begin)] += leads

    def next_due(self) -> int | None:
        return self._pieces[0].day if self._pieces else None

    def arrived(self, day: int) -> int:
        return self._arrivals[day]

    def serve(self, day: int, room: int) -> Iterable[tuple[_Piece, int]]:
        """Send what is due, as far as there is room; yield what was sent of each piece."""
        while room > 0 and self._pieces and self._pieces[0].day <= day:
            piece = heapq.heappop(self._pieces)
            sent = min(room, piece.leads)
            room -= sent
            if sent < piece.leads:
                heapq.heappush(self._pieces, piece._replace(leads=piece.leads - sent))
            self._follow(piece, sent, day)
            yield piece, sent

    def _follow(self, piece: _Piece, sent: int, day: int) -> None:
        """Queue the next step of those who have not replied: at least so many of all that got this one."""
        step, waits, place = piece.step + 1, self._waits[piece.campaign], (piece.campaign, piece.step)
        if step >= len(waits):
            return
        self._sent[place] += sent
        leads = ceil(round(self._sent[place] * (1 - self._rate), 6)) - self._followed[place]
        self._followed[place] += leads
        self.put(day + waits[step], piece.campaign, step, leads)

    def rest(self) -> dict[str, int]:
        """Count the emails that are still to come, later steps included."""
        left: defaultdict[str, int] = defaultdict(int)
        for piece in self._pieces:
            left[piece.campaign] += piece.leads * (len(self._waits[piece.campaign]) - piece.step)
        return dict(left)


def look_ahead(
    lots: Sequence[Lot],
    waits: Mapping[str, Sequence[int]],
    room: Room,
    *,
    days: int = HORIZON,
    reply_rate: float = 0.0,
) -> Outlook:
    """Send day by day until nothing is left, or for so many days.

    `waits` are the `delayDays` of each campaign's steps; a lot beyond the last step has nothing to get. `reply_rate`
    is the share of those that got a step who reply to it, and get no later one; 0 is the safe bound.
    """
    queue = _Queue(waits, reply_rate)
    waiting = [lot.leads if lot.step < len(waits[lot.campaign]) else 0 for lot in lots]
    joining = deque(sorted((item for item in enumerate(lots) if waiting[item[0]]), key=lambda item: item[1].joins))
    reached: list[int | None] = [None if leads > 0 else 0 for leads in waiting]
    found: list[Day] = []
    rolled = 0
    while len(found) < days:
        day = len(found)
        while joining and joining[0][1].joins <= day:
            number, lot = joining.popleft()
            queue.put(lot.day, lot.campaign, lot.step, lot.leads, number, lot.begin)
        coming = [item for item in (queue.next_due(), joining[0][1].joins if joining else None) if item is not None]
        if not coming:
            break
        if min(coming) > day:
            found += [IDLE] * (min(*coming, days) - day)
            continue
        ahead = rolled + queue.arrived(day)
        sent: defaultdict[str, int] = defaultdict(int)
        for piece, leads in queue.serve(day, room.on(day)):
            sent[piece.campaign] += leads
            if piece.lot >= 0:
                waiting[piece.lot] -= leads
                if not waiting[piece.lot]:
                    reached[piece.lot] = day
        # Steps without a wait have arrived meanwhile.
        found.append(Day(ahead, rolled + queue.arrived(day), dict(sent)))
        rolled = found[-1].rolled_over
    for number, lot in joining:
        queue.put(lot.day, lot.campaign, lot.step, lot.leads, number)
    return Outlook(tuple(found), tuple(reached), queue.rest())


def unhindered(lots: Iterable[Lot], waits: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Return the day of each campaign's last email, were there room without end."""
    last: dict[str, int] = {}
    for lot in lots:
        if lot.leads > 0 and lot.step < len(waits[lot.campaign]):
            end = lot.begin + sum(waits[lot.campaign][lot.step + 1 :])
            last[lot.campaign] = max(end, last.get(lot.campaign, 0))
    return last


def first_fit(
    outlook: Outlook,
    room: Room,
    leads: int,
    within: int,
    *,
    wait: int = 0,
    begin: int = 0,
    taken: Mapping[int, int] = {},
) -> int | None:
    """Return the first day, from `begin` on, on which so many leads can start and all get step one in time.

    That is within so many days from when it is due, `wait` days after the start. `outlook` is without them; what waits
    there by then goes first, and so does what is `taken` of a day. None: on none of the days looked at.
    """
    for start in range(begin, HORIZON):
        due = start + wait
        if outlook.on(due).ahead + taken.get(due, 0) + leads <= room.until(due + within) - room.until(due):
            return start
    return None
