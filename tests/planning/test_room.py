"""Today's room: what pools have left, less headroom, less what is due already, given away by priority and key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plans import (
    ACCOUNTS,
    EDITED,
    NOW,
    POOLS,
    campaign,
    desired,
    failed,
    inputs,
    known,
    live,
    outline,
    roster,
    state,
    the,
)

from reconciler.model.live import Account, LiveCampaign, Pool
from reconciler.model.plan import Kind
from reconciler.model.workspace import Policy
from reconciler.planning.capacity import Capacity, capacity_of
from reconciler.planning.forecast import Lot
from reconciler.planning.planner import make_plan
from reconciler.planning.prospects import stands

WAITS = {"other": (0, 3), "mine": (0,)}


def room(pools: tuple[Pool, ...] = POOLS, *, recent: int = 0, **policy: float) -> Capacity:
    return capacity_of(pools, ACCOUNTS, Policy(**policy), recent=recent)


def test_the_worked_figures() -> None:
    """1,243 and 300 are left; 10 % of 1,900 is kept free: there is room for 1,353, and for 1,710 a day after that."""
    found = room(headroom=10)
    assert (found.left, found.kept, found.free) == (1543, 190, 1353)
    assert found.room.daily == 1710
    assert found.words() == "1,543 left now, 190 kept free"


def test_everything_that_is_spoken_for_is_taken_off_and_told() -> None:
    """What is due on a later day takes nothing of today."""
    found = Capacity(1543, 1900, kept=190, lots=(Lot("other", 0, 0, 1000), Lot("other", 1, 2, 70)), waits=WAITS)
    found = found.promising((Lot("mine", 0, 0, 100),), 1)
    assert found.free == 253
    assert found.words() == "1,543 left now, 190 kept free, 1,000 queued already, 100 for other campaigns of this run"
    assert room().words() == "1,543 left now"


def test_room_is_never_below_nothing() -> None:
    assert Capacity(left=10, daily=10, kept=190, lots=(Lot("other", 0, 0, 5),), waits=WAITS).free == 0
    assert room((), headroom=50).free == 0


@pytest.mark.parametrize(
    ("capacity", "headroom", "kept"), [(5, 10, 1), (10, 10, 1), (11, 10, 2), (200, 0.5, 1), (9, 100, 9)]
)
def test_headroom_is_rounded_up(capacity: int, headroom: float, kept: int) -> None:
    """Kept free means kept free: half an email is a whole one."""
    pool = Pool(id="p", name="P", daily_capacity=capacity, remaining=capacity)
    assert room((pool,), headroom=headroom).kept == kept


@pytest.mark.parametrize(
    ("share", "recent", "left", "daily"),
    [(800, 0, 800, 800), (800, 150, 650, 800), (800, 900, 0, 800), (5000, 0, 1543, 1900)],
)
def test_a_share_bounds_the_room_and_what_went_out_lately_is_taken_off_it(
    share: int, recent: int, left: int, daily: int
) -> None:
    found = room(daily_capacity=share, recent=recent)
    assert (found.left, found.daily) == (left, daily)


def test_without_an_active_sender_nothing_goes_out() -> None:
    """A paused or warming account does not send, whatever the pools report."""
    idle = (Account(id="a", status="paused"), Account(id="b", status="warming"))
    assert capacity_of(POOLS, idle, Policy(), recent=0).room == (0, 0)
    assert capacity_of(POOLS, None, Policy(), recent=0).left == 1543


@given(
    pools=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)), max_size=5),
    headroom=st.integers(0, 100),
    taken=st.tuples(st.integers(0, 5_000), st.integers(0, 5_000)),
)
def test_room_is_what_the_arithmetic_says(pools: list[tuple[int, int]], headroom: int, taken: tuple[int, int]) -> None:
    made = tuple(
        Pool(id=f"p{index}", name="P", daily_capacity=daily, remaining=left)
        for index, (daily, left) in enumerate(pools)
    )
    policy = Policy(headroom=headroom)
    found = capacity_of(made, ACCOUNTS, policy, recent=0).promising((Lot("mine", 0, 0, taken[0]),), 1)
    found = found.promising((Lot("other", 0, 0, taken[1]),), 1)
    kept, rest = divmod(sum(daily for daily, _ in pools) * headroom, 100)
    assert found.kept == kept + (rest > 0)
    assert found.free == max(0, max(0, sum(left for _, left in pools) - found.kept) - sum(taken))


@pytest.mark.parametrize(("people", "status"), [(1353, "ready"), (1354, "held")])
def test_the_last_one_that_fits(people: int, status: str) -> None:
    plan = make_plan(inputs(desired(campaign(), headroom=10, max_new_recipients=1353), rosters=roster(people)))
    assert outline(plan) == [("create", "ready"), ("enroll", status), ("start", status)]
    assert plan.summary.new_recipients == (people if status == "ready" else 0)
    if status == "held":
        assert the(plan, Kind.START).reason == (
            "1,354 people are to hear from you within 1 day; there is room for 1,353 today (1,543 left now, 190 kept "
            "free): 1 short; there is room for it Tue 1 Dec 13:02. For today: 1 fewer lead, or `start.perDay: 677`, or "
            "senders for 1 more emails"
        )


def test_room_is_shared_out_in_the_order_of_keys() -> None:
    """The second start finds what the first one left, and a smaller one behind it still fits."""
    wanted = desired(
        campaign("c-small"), campaign("a-first"), campaign("b-second"), headroom=10, max_new_recipients=1353
    )
    rosters = {"a-first": roster(800), "b-second": roster(600), "c-small": roster(553)}
    plan = make_plan(inputs(wanted, rosters=rosters))
    assert [the(plan, Kind.START, key).status.value for key in rosters] == ["ready", "held", "ready"]
    assert "room for 553 today (1,543 left now, 190 kept free, 800 for other campaigns of this run): 47 short" in (
        the(plan, Kind.START, "b-second").reason
    )
    assert plan.summary.new_recipients == 1353


def test_what_is_held_takes_no_room() -> None:
    wanted = desired(campaign("a-blank"), campaign("b-next"), max_new_recipients=1500)
    plan = make_plan(inputs(wanted, rosters={"a-blank": roster(1000, blanks={"firstName": 1}), "b-next": roster(1500)}))
    assert (the(plan, Kind.START, "a-blank").status.value, the(plan, Kind.START, "b-next").status.value) == (
        "held",
        "ready",
    )


def running_beside(queued: int) -> dict[str, LiveCampaign]:
    return {
        "beta": live("beta", "running", enrolled=900, queued=queued),
        "gone": live("gone", "gone", stats=None),
        "idle": live("idle", "paused", enrolled=50, queued=999),
    }


OTHERS = state(
    {
        "beta": known("beta", "running", accepted=900),
        "gone": known("gone", "running"),
        "idle": known("idle", "paused", accepted=50),
    }
)


@pytest.mark.parametrize(("queued", "status"), [(543, "ready"), (544, "held")])
def test_mail_that_is_queued_already_counts(queued: int, status: str) -> None:
    """Pools are taken not to know of it; a paused campaign's queue does not go out."""
    plan = make_plan(inputs(desired(campaign(steps=EDITED)), OTHERS, running_beside(queued), {"alpha": roster(1000)}))
    assert the(plan, Kind.START).status.value == status
    if status == "held":
        assert "room for 999 today (1,543 left now, 544 queued already): 1 short" in the(plan, Kind.START).reason


@pytest.mark.parametrize(
    "unread",
    [live("beta", "running", stats=None), live("beta", "unknown", stats=None)],
    ids=["counters unread", "status unread"],
)
def test_a_campaign_that_could_not_be_read_makes_the_room_unknown(unread: LiveCampaign) -> None:
    managed = state({"beta": known("beta", "running", accepted=900)})
    plan = make_plan(
        inputs(
            desired(campaign(), campaign("beta")),
            managed,
            {"beta": unread},
            {"alpha": roster(1), "beta": roster(900, new=0)},
        )
    )
    assert outline(plan) == [("create", "ready"), ("enroll", "held"), ("start", "held")]
    assert failed(the(plan, Kind.START)) == {"capacity"}
    assert plan.summary.new_recipients == 0


def test_the_queue_of_an_unread_draft_or_paused_campaign_does_not_matter() -> None:
    entry = known(accepted=5)
    for there in (live(stats=None), live(status="paused", stats=None), live(status="gone", stats=None)):
        assert stands("alpha", entry, there, (0, 3), NOW) == ((), 0)
    assert stands("alpha", entry, live(status="running", stats=None), (0, 3), NOW) is None


@pytest.mark.parametrize("missing", [{"pools": None}, {"accounts": None}])
def test_pools_or_accounts_that_could_not_be_read_hold_every_start(missing: dict[str, None]) -> None:
    plan = make_plan(inputs(campaign(), problems=("GET sender-pools: 503",), **missing))
    assert the(plan, Kind.START).status.value == "held"
    assert [item.message for item in plan.diagnostics] == ["GET sender-pools: 503"]


def test_a_resume_needs_room_for_its_queue_and_for_the_new() -> None:
    """60 wait in the queue, 3 are new: 63 emails."""
    entry, there = known(status="paused", accepted=60, paused_by_us=True), live(status="paused", enrolled=60, queued=60)
    for left, status in ((63, "ready"), (62, "held")):
        pool = Pool(id="p", name="P", daily_capacity=63, remaining=left)
        plan = make_plan(inputs(campaign(), entry, there, roster(63, new=3), pools=(pool,)))
        assert outline(plan) == [("enroll", status), ("resume", status)]
        assert plan.summary.new_recipients == (3 if status == "ready" else 0)


def test_a_draft_that_holds_people_already_starts_with_them_and_the_new() -> None:
    plan = make_plan(inputs(campaign(), known(accepted=7), live(enrolled=7), roster(10, new=3)))
    assert outline(plan) == [("enroll", "ready"), ("start", "ready")]
    assert plan.summary.new_recipients == 10
    assert the(plan, Kind.ENROLL).guards[2].detail == "10 leads, 1 wanted"


def test_what_every_earlier_start_took_is_gone() -> None:
    keys = ("a", "b", "c")
    plan = make_plan(inputs(desired(*map(campaign, keys), headroom=10), rosters=dict.fromkeys(keys, roster(500))))
    assert [the(plan, Kind.START, key).status.value for key in keys] == ["ready", "ready", "held"]
    assert (
        "room for 353 today (1,543 left now, 190 kept free, 1,000 for other campaigns"
        in the(plan, Kind.START, "c").reason
    )


def test_the_queue_of_the_running_campaign_itself_counts_once() -> None:
    """40 wait and 3 are new: 43 emails, of which the queue is taken off the room."""
    entry, there = known(status="running", accepted=60), live(status="running", enrolled=60, queued=40)
    for left, status in ((43, "ready"), (42, "held")):
        pool = Pool(id="p", name="P", daily_capacity=63, remaining=left)
        plan = make_plan(inputs(campaign(), entry, there, roster(63, new=3), pools=(pool,)))
        assert outline(plan) == [("enroll", status)]
