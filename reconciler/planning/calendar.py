"""The coming days of a plan, for people: what runs, what it starts, and what waits, on the day that is expected."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from reconciler.model.plan import ActionStatus, Effect, ForecastDay, Sending
from reconciler.planning.capacity import Capacity
from reconciler.planning.facts import Facts
from reconciler.planning.forecast import HORIZON, Lot, Outlook, first_fit, look_ahead, unhindered
from reconciler.planning.guards import evaluate
from reconciler.planning.openings import opening_from
from reconciler.planning.pacing import later_waves
from reconciler.planning.prospects import day_of, waves_to_come
from reconciler.planning.single import Draft, Inputs

_BY_ITSELF = frozenset({"capacity", "senders", "pacing", "not-before", "window"})
"""Guards that pass one day without anybody's doing, as far as can be seen."""

_LOOKS = 25
"""How often the days are worked out anew while what waits is placed."""

_TOLD = 10
"""Campaigns that are named."""

_STUCK = "campaigns that wait for somebody"
_NEVER = "campaigns for which there is room on none of the coming days"
OTHERS = "campaigns outside this repository (seen only in what is left today)"


@dataclass(slots=True)
class Calendar:
    """The forecast of a plan: its days, when each campaign sends, and what it cannot see."""

    days: tuple[ForecastDay, ...] = ()
    sending: dict[str, Sending] = field(default_factory=dict)
    not_counted: tuple[str, ...] = ()


def draw(drafts: list[Draft], inputs: Inputs, capacity: Capacity | None) -> Calendar:
    """Draw the days up to the last email that can be seen. Nothing is drawn where the room is not known."""
    if capacity is None or not inputs.live.refreshed:
        why = "pools or counters could not be read" if inputs.live.refreshed else "the server was not asked"
        return Calendar(not_counted=(f"nothing: {why}",))
    lots = [*capacity.taken]
    waiting: list[Facts] = []
    stuck: list[str] = []
    for made in drafts:
        facts = made.facts
        if facts is None:
            continue
        if _status(made) is ActionStatus.READY:
            lots += _later(facts, inputs.now, inputs.now)
        elif {result.id for result in evaluate(facts) if result.passed is False} <= _BY_ITSELF:
            waiting.append(facts)
        else:
            stuck.append(made.subject.key)
    placed = _expected(waiting, lots, capacity, inputs.now)
    emailing = {facts.campaign.key for facts in waiting if facts.lots or facts.wave.later}
    never = emailing - {lot.campaign for lot in placed}
    lots += placed
    outlook = look_ahead(lots, capacity.waits, capacity.room, reply_rate=capacity.reply_rate)
    zone = ZoneInfo(inputs.desired.policy.timezone)
    dates = [str((inputs.now + timedelta(days=day)).astimezone(zone).date()) for day in range(HORIZON)]
    return Calendar(
        days=tuple(_days(outlook, capacity, dates)),
        sending=_sending(lots, outlook, capacity, dates),
        not_counted=(OTHERS, *_named(_STUCK, stuck), *_named(_NEVER, never)),
    )


def _named(words: str, keys: Collection[str]) -> list[str]:
    more = f" and {len(keys) - _TOLD:,} more" if len(keys) > _TOLD else ""
    return [f"{words}: {', '.join(sorted(keys)[:_TOLD])}{more}"] if keys else []


def _status(made: Draft) -> ActionStatus:
    return next(action.status for action in made.actions if action.effect is Effect.IRREVERSIBLE)


def _later(facts: Facts, start: datetime, now: datetime) -> Iterator[Lot]:
    """Yield the waves after the one of the day on which it starts."""
    sizes = later_waves(facts.campaign, facts.wave, HORIZON)
    return waves_to_come(facts.campaign.key, facts.waits[0], sizes, start, now, facts.policy)


def _expected(waiting: Sequence[Facts], lots: Sequence[Lot], capacity: Capacity, now: datetime) -> list[Lot]:
    """Return what waits, each on the first day on which it may start and fits; nothing where it never does.

    They are placed one after the other. Of many, the days are worked out anew for some only: between these, what was
    placed on a day counts on that day alone.
    """
    placed: list[Lot] = []
    often = ceil(len(waiting) / _LOOKS)
    outlook, since = capacity.outlook, Counter[int]()
    for number, facts in enumerate(waiting):
        if number % often == 0:
            outlook = look_ahead([*lots, *placed], capacity.waits, capacity.room, reply_rate=capacity.reply_rate)
            since = Counter[int]()
        found = _placed(facts, outlook, capacity, since, now)
        for lot in found:
            since[lot.begin] += lot.leads
        placed += found
    return placed


def _placed(facts: Facts, outlook: Outlook, capacity: Capacity, since: Mapping[int, int], now: datetime) -> list[Lot]:
    policy, mine = facts.policy, facts.lots
    if facts.wave.paced and facts.started and not facts.wave.today:
        tomorrow = opening_from(policy, now + timedelta(days=1))
        return list(_later(facts, tomorrow - timedelta(days=1), now))
    earliest = opening_from(policy, max(now, facts.campaign.not_before or now))
    day = first_fit(
        outlook,
        capacity.room,
        sum(lot.leads for lot in mine),
        facts.campaign.first_step_within_days,
        wait=max((lot.begin for lot in mine), default=0),
        begin=day_of(earliest, now),
        taken=since,
    )
    if day is None:
        return []
    start = opening_from(policy, now + timedelta(days=day))
    shift = day_of(start, now)
    return [*(lot._replace(day=lot.day + shift, joins=shift) for lot in mine), *_later(facts, start, now)]


def _days(outlook: Outlook, capacity: Capacity, dates: list[str]) -> Iterator[ForecastDay]:
    for number, day in enumerate(outlook.days):
        yield ForecastDay(
            day=number,
            date=dates[number],
            capacity=capacity.room.on(number),
            due=day.due,
            sent=day.emails,
            rolled_over=day.rolled_over,
            campaigns=dict(sorted(day.sent.items())),
        )


def _sending(lots: list[Lot], outlook: Outlook, capacity: Capacity, dates: list[str]) -> dict[str, Sending]:
    ideal = unhindered(lots, capacity.waits)
    emails: dict[str, int] = {}
    spans: dict[str, list[int]] = {}
    for number, day in enumerate(outlook.days):
        for key, count in day.sent.items():
            emails[key] = emails.get(key, 0) + count
            spans.setdefault(key, []).append(number)
    found = {}
    for key in sorted(ideal):
        left, days = outlook.left.get(key, 0), spans.get(key, [])
        found[key] = Sending(
            first=dates[days[0]] if days else None,
            last=dates[days[-1]] if days and not left else None,
            emails=emails.get(key, 0) + left,
            left=left,
            lost=max(0, days[-1] - ideal[key]) if days and not left else 0,
        )
    return found
