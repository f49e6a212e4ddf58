"""The forecast against the sandbox, which shares no code with it: day by day, campaign by campaign, exactly."""

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from support.examples import examples

from reconciler.planning.forecast import Lot, Room, look_ahead
from reconciler.sandbox.engine import Sandbox
from reconciler.sandbox.records import PoolSpec, moment_of

LONG = 40
"""Days that are compared."""
MORNING = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Wave:
    """So many leads are enrolled on a day; the first of a campaign starts it."""

    campaign: int
    day: int
    leads: int


@dataclass
class World:
    """Campaigns by the waits of their steps, waves, pools, and pauses (campaign, from, to) before the forecast."""

    waits: list[tuple[int, ...]]
    pools: list[tuple[int, int]]
    waves: list[Wave]
    pauses: list[tuple[int, int, int]]
    look: int
    ids: dict[int, str] = field(default_factory=dict)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    waits = draw(
        st.lists(
            st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple),
            min_size=1,
            max_size=3,
        )
    )
    numbers = st.integers(0, len(waits) - 1)
    daily = st.integers(0, 12)
    pools = draw(st.lists(st.tuples(daily, daily).map(lambda two: (max(two), min(two))), min_size=1, max_size=3))
    waves = draw(st.lists(st.builds(Wave, numbers, st.integers(0, 6), st.integers(1, 14)), min_size=1, max_size=6))
    pauses = draw(st.lists(st.tuples(numbers, st.integers(0, 4), st.integers(1, 4)), max_size=3))
    return World(waits, pools, waves, pauses, look=draw(st.integers(0, 6)))


def act(sandbox: Sandbox, world: World, day: int, *, pausing: bool) -> None:
    """Do what is to be done on a day: resumes, pauses, waves; the campaigns in their order."""
    for campaign, first, length in world.pauses if pausing else ():
        if campaign in world.ids and sandbox.campaign(world.ids[campaign]).status != "draft":
            if first <= day < first + length:
                sandbox.pause(world.ids[campaign])
            elif day == first + length:
                sandbox.start(world.ids[campaign])
    for number, wave in enumerate(world.waves):
        if wave.day != day:
            continue
        body = {"leads": [{"email": f"w{number}p{lead}@example.com"} for lead in range(wave.leads)]}
        if wave.campaign not in world.ids:
            steps = [
                {"subject": f"S{step}", "bodyHtml": "<p>b</p>", "delayDays": wait}
                for step, wait in enumerate(world.waits[wave.campaign])
            ]
            world.ids[wave.campaign] = sandbox.create({"name": str(wave.campaign), "sequenceSteps": steps}).id
            sandbox.enroll(world.ids[wave.campaign], body)
            sandbox.start(world.ids[wave.campaign])
        else:
            sandbox.enroll(world.ids[wave.campaign], body)


def queue(sandbox: Sandbox, world: World, now: datetime) -> list[Lot]:
    """Return what is queued in the campaigns that run, a lot a message, the oldest first."""
    names = {name: campaign for campaign, name in world.ids.items() if sandbox.campaign(name).status == "running"}
    with sandbox._database.read() as db:
        rows = db.execute(
            "SELECT campaign_id, step, due_at FROM messages WHERE state = 'queued' ORDER BY due_at, id"
        ).fetchall()
    return [
        Lot(str(names[row["campaign_id"]]), row["step"], (moment_of(row["due_at"]) - now) // DAY, 1)
        for row in rows
        if row["campaign_id"] in names
    ]


def sent(sandbox: Sandbox, world: World, now: datetime) -> list[dict[str, int]]:
    """Count what was sent on each day from now on, by campaign."""
    days: list[Counter[str]] = [Counter() for _ in range(LONG)]
    for campaign, name in world.ids.items():
        for message in sandbox.messages(name):
            at = datetime.fromisoformat(message.sent_at) if message.sent_at else None
            if at is not None and at >= now:
                days[(at - now) // DAY][str(campaign)] += 1
    return [dict(sorted(day.items())) for day in days]


@examples(200, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def test_day_by_day_they_are_equal(world: World) -> None:
    """History first, with pauses; then the forecast of what waits and of waves to come, against what is sent.

    Everything is done at the same time of each day: there the windows of the forecast begin.
    """
    time = [MORNING]
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Path(folder) / "sandbox.sqlite3", clock=lambda: time[0])
        pools = [PoolSpec(f"P{n}", daily, left, ("active",)) for n, (daily, left) in enumerate(world.pools)]
        sandbox.set_pools(pools)
        for day in range(world.look):
            time[0] = MORNING + day * DAY
            act(sandbox, world, day, pausing=True)
            sandbox.settle()
        now = time[0] = MORNING + world.look * DAY
        paused = {number for number, name in world.ids.items() if sandbox.campaign(name).status == "paused"}
        room = Room(sum(pool.remaining for pool in sandbox.pools()), sum(daily for daily, _ in world.pools))
        lots = queue(sandbox, world, now)
        for wave in sorted(world.waves, key=lambda wave: wave.day):
            joins = wave.day - world.look
            if joins >= 0 and wave.campaign not in paused:
                wait = world.waits[wave.campaign][0]
                lots.append(Lot(str(wave.campaign), 0, joins + wait, wave.leads, joins))
        waits = {str(number): found for number, found in enumerate(world.waits)}
        outlook = look_ahead(lots, waits, room, days=LONG)
        for day in range(world.look, world.look + LONG):
            time[0] = MORNING + day * DAY
            act(sandbox, world, day, pausing=False)
            sandbox.settle()
        expected = [dict(sorted(outlook.on(day).sent.items())) for day in range(LONG)]
        assert sent(sandbox, world, now) == expected
