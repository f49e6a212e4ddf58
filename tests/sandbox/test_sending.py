"""What leaves when: rolling windows, the order, what keeps a message back. The figures are worked out by hand."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from sandbox.support import STEPS, Box, Clock, Json, Make, people

from reconciler.sandbox.engine import Sandbox
from reconciler.sandbox.options import SandboxOptions
from reconciler.sandbox.server import serve

if TYPE_CHECKING:
    from pathlib import Path

MORNING = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ONCE = STEPS[:1]


def pool(box: Box, *pools: tuple[int, int] | tuple[int, int, str]) -> None:
    """Set pools P1, P2, …: capacity, what is left of it, and the statuses of their accounts."""
    letters = {"a": "active", "w": "warming", "p": "paused"}
    body = [
        {
            "name": f"P{number}",
            "dailyCapacity": entry[0],
            "remaining": entry[1],
            "accounts": [{"status": letters[letter]} for letter in (entry[2] if len(entry) > 2 else "a")],
        }
        for number, entry in enumerate(pools, 1)
    ]
    assert box.control("POST", "pools", body).status_code == 204


def start(box: Box, count: int = 3, steps: list[Json] | None = None, first: int = 0) -> str:
    campaign = box.draft(STEPS if steps is None else steps)
    box.enroll(campaign, *people(count, first))
    assert box.post(f"/campaigns/{campaign}/start").status_code == 200
    return campaign


def sent(box: Box, campaign: str) -> dict[tuple[int, timedelta], int]:
    """Count the messages sent by step and by how long after the morning they were sent."""
    return dict(
        Counter(
            (message.step, datetime.fromisoformat(message.sent_at) - MORNING)
            for message in box.sandbox.messages(campaign)
            if message.sent_at is not None
        )
    )


def left(box: Box) -> list[int]:
    return [row.remaining for row in box.sandbox.pools()]


def test_the_worked_example(box: Box) -> None:
    campaign = start(box, 142)
    assert left(box) == [1_243, 300]
    box.sandbox.advance(timedelta())
    assert sent(box, campaign) == {(0, timedelta()): 142}
    assert left(box) == [1_101, 300]
    stats = box.get(f"/campaigns/{campaign}/stats").json()
    assert (stats["sent"], stats["delivered"], stats["bounced"], stats["queued"]) == (142, 142, 0, 142)
    box.sandbox.advance(DAY)
    assert left(box) == [1_600, 300]
    box.sandbox.advance(2 * DAY - timedelta(milliseconds=1))
    assert sent(box, campaign) == {(0, timedelta()): 142}
    box.sandbox.advance(timedelta(milliseconds=1))
    assert sent(box, campaign) == {(0, timedelta()): 142, (1, 3 * DAY): 142}
    assert left(box) == [1_458, 300]
    box.sandbox.advance(30 * DAY)
    stats = box.get(f"/campaigns/{campaign}/stats").json()
    assert (stats["sent"], stats["queued"]) == (284, 0)


def test_the_room_of_the_worked_example_is_1543(box: Box) -> None:
    campaign = start(box, 1_600, ONCE)
    box.sandbox.advance(DAY - timedelta(milliseconds=1))
    assert sent(box, campaign) == {(0, timedelta()): 1_543}
    assert left(box) == [0, 0]
    box.sandbox.advance(timedelta(milliseconds=1))
    assert sent(box, campaign) == {(0, timedelta()): 1_543, (0, DAY): 57}


def test_time_that_passes_by_itself_sends_nothing(box: Box, clock: Clock) -> None:
    campaign = start(box)
    clock.forward(5 * 86_400)
    assert box.get(f"/campaigns/{campaign}/stats").json()["sent"] == 0
    box.sandbox.advance(timedelta())
    assert sent(box, campaign) == {(0, timedelta()): 3, (1, 3 * DAY): 3}


def test_what_was_sent_comes_free_24_hours_later_to_the_millisecond(box: Box) -> None:
    pool(box, (3, 3))
    one = start(box, 2, ONCE)
    box.sandbox.advance(6 * HOUR)
    two = start(box, 4, ONCE, first=10)
    box.sandbox.advance(2 * DAY)
    # 1 of 3 is left at 6 h; 2 come free at 24 h, and the one of 6 h at 30 h.
    assert sent(box, one) == {(0, timedelta()): 2}
    assert sent(box, two) == {(0, 6 * HOUR): 1, (0, DAY): 2, (0, 30 * HOUR): 1}


def test_what_was_used_before_comes_free_24_hours_after_the_pools_were_set(box: Box) -> None:
    box.sandbox.advance(2 * HOUR)
    pool(box, (10, 4))
    assert left(box) == [4]
    campaign = start(box, 12, ONCE)
    box.sandbox.advance(DAY - timedelta(milliseconds=1))
    assert left(box) == [0]
    box.sandbox.advance(HOUR)
    # 6 are free again at 26 h, and with them the 4 that were sent at 2 h.
    assert sent(box, campaign) == {(0, 2 * HOUR): 4, (0, 26 * HOUR): 8}
    assert left(box) == [2]


def test_a_surplus_lasts_24_hours(box: Box) -> None:
    pool(box, (2, 5))
    campaign = start(box, 4, ONCE)
    box.sandbox.advance(23 * HOUR)
    assert sent(box, campaign) == {(0, timedelta()): 4}
    assert left(box) == [1]
    box.sandbox.advance(2 * HOUR)
    assert left(box) == [2]
    pool(box, (2, 5))
    box.sandbox.advance(DAY)
    assert left(box) == [2]


def test_what_was_sent_with_a_surplus_is_still_in_the_window_behind_it(box: Box) -> None:
    pool(box, (2, 5))
    box.sandbox.advance(23 * HOUR)
    campaign = start(box, 8, ONCE)
    box.sandbox.advance(3 * DAY)
    # 5 at 23 h; from 24 h on room is 2, which they fill until 47 h.
    assert sent(box, campaign) == {(0, 23 * HOUR): 5, (0, 47 * HOUR): 2, (0, 71 * HOUR): 1}


def test_pools_are_drawn_from_in_their_order(box: Box) -> None:
    pool(box, (3, 2), (5, 5))
    campaign = start(box, 4, ONCE)
    box.sandbox.advance(timedelta())
    senders = [message.sender for message in box.sandbox.messages(campaign)]
    assert senders == ["sender1@p1.example.com"] * 2 + ["sender1@p2.example.com"] * 2
    assert left(box) == [0, 3]


def test_a_late_step_moves_the_ones_behind_it(box: Box) -> None:
    pool(box, (2, 2))
    campaign = start(box, 5)
    box.sandbox.advance(10 * DAY)
    # Step one at 0, 1 and 2 days; step two 3 days behind each: 2 + 2 + 1 a day.
    assert sent(box, campaign) == {
        (0, timedelta()): 2,
        (0, DAY): 2,
        (0, 2 * DAY): 1,
        (1, 3 * DAY): 2,
        (1, 4 * DAY): 2,
        (1, 5 * DAY): 1,
    }
    last = box.sandbox.messages(campaign)[-1]
    assert (last.email, last.queued_at, last.due_at) == (
        "lead4@example.com",
        "2026-11-04T09:00:00.000Z",
        "2026-11-07T09:00:00.000Z",
    )


def test_what_was_due_first_goes_first_whatever_campaign_it_is_of(box: Box) -> None:
    pool(box, (2, 2))
    one = start(box, 3)
    box.sandbox.advance(DAY - HOUR)
    two = start(box, 2, ONCE, first=10)
    box.sandbox.advance(4 * DAY)
    # 0: 2 of one. 24 h: its third, due since 0, and one of two. 48 h: the other of two. 72 h: step two of the first
    # two of one. 96 h: step two of its third.
    assert sent(box, one) == {(0, timedelta()): 2, (0, DAY): 1, (1, 3 * DAY): 2, (1, 4 * DAY): 1}
    assert sent(box, two) == {(0, DAY): 1, (0, 2 * DAY): 1}


def test_what_was_due_first_goes_before_what_was_queued_first(box: Box) -> None:
    pool(box, (1, 0))
    one = start(box, 1, [ONCE[0] | {"delayDays": 1}])
    two = start(box, 1, ONCE, first=10)
    box.sandbox.advance(3 * DAY)
    assert (sent(box, one), sent(box, two)) == ({(0, 2 * DAY): 1}, {(0, DAY): 1})


def test_a_step_without_delay_goes_at_once_behind_all_that_was_queued(box: Box) -> None:
    pool(box, (4, 4))
    campaign = start(box, 3, [ONCE[0], ONCE[0]])
    box.sandbox.advance(timedelta())
    rows = [(message.email[:5], message.step, message.state) for message in box.sandbox.messages(campaign)]
    assert rows == [
        ("lead0", 0, "sent"),
        ("lead1", 0, "sent"),
        ("lead2", 0, "sent"),
        ("lead0", 1, "sent"),
        ("lead1", 1, "queued"),
        ("lead2", 1, "queued"),
    ]
    assert [lead.step for lead in box.sandbox.leads(campaign)] == [1, 1, 1]


def test_the_delay_of_the_first_step_counts_from_start_and_enrolment(box: Box) -> None:
    campaign = start(box, 1, [ONCE[0] | {"delayDays": 2}])
    box.sandbox.advance(HOUR)
    box.enroll(campaign, *people(1, 5))
    box.sandbox.advance(5 * DAY)
    assert sent(box, campaign) == {(0, 2 * DAY): 1, (0, 2 * DAY + HOUR): 1}


def test_a_pause_keeps_everything_back_until_it_is_over(box: Box) -> None:
    pool(box, (2, 2))
    campaign = start(box, 3)
    box.sandbox.advance(HOUR)
    box.post(f"/campaigns/{campaign}/pause")
    box.sandbox.advance(5 * DAY)
    assert sent(box, campaign) == {(0, timedelta()): 2}
    due = [message.due_at for message in box.sandbox.messages(campaign) if message.state == "queued"]
    assert due == ["2026-11-02T09:00:00.000Z", *["2026-11-05T09:00:00.000Z"] * 2]
    box.post(f"/campaigns/{campaign}/start")
    box.sandbox.advance(2 * DAY)
    back = 5 * DAY + HOUR
    assert sent(box, campaign) == {(0, timedelta()): 2, (0, back): 1, (1, back): 1, (1, back + DAY): 1}


def test_a_resume_sends_nothing_for_the_time_before_it(box: Box, clock: Clock) -> None:
    campaign = start(box, 2, ONCE)
    for _ in range(2):
        clock.forward(3_600)
        box.post(f"/campaigns/{campaign}/pause")
        clock.forward(3_600)
        box.post(f"/campaigns/{campaign}/start")
    box.sandbox.advance(DAY)
    assert sent(box, campaign) == {(0, 4 * HOUR): 2}


def test_new_room_is_not_there_before_it_is_given(box: Box, clock: Clock) -> None:
    pool(box, (0, 0))
    campaign = start(box, 2, ONCE)
    clock.forward(3_600)
    pool(box, (5, 5))
    box.sandbox.advance(timedelta())
    assert sent(box, campaign) == {(0, HOUR): 2}


def test_whoever_bounces_gets_nothing_more_from_anybody(box: Box) -> None:
    pool(box, (10, 10))
    one, two = box.draft(), box.draft()
    for campaign in (one, two):
        box.enroll(campaign, {"email": "Bounce.me@example.com"}, *people(1), {"email": "no.bounce@example.com"})
        box.post(f"/campaigns/{campaign}/start")
    box.sandbox.advance(DAY - HOUR)
    assert box.sandbox.suppression_list() == ("bounce.me@example.com",)
    assert next((m.email, m.step, m.state) for m in box.sandbox.messages(two)) == (
        "bounce.me@example.com",
        0,
        "cancelled",
    )
    stats = box.get(f"/campaigns/{one}/stats").json()
    assert (stats["sent"], stats["bounced"], stats["delivered"], stats["queued"]) == (3, 1, 2, 2)
    assert (stats["replied"], box.get(f"/campaigns/{two}/stats").json()["sent"]) == (0, 2)
    (reply,) = box.get("/replies").json()["replies"]
    assert (reply["email"], reply["classification"], reply["campaignId"]) == ("bounce.me@example.com", "bounce", one)
    assert [lead.ended for lead in box.sandbox.leads(one)] == [True, False, False]
    # A message that is not sent takes no room.
    assert left(box) == [5]
    box.sandbox.advance(10 * DAY)
    assert box.get(f"/campaigns/{one}/stats").json()["sent"] == 5


def test_a_reply_ends_the_sequence(box: Box) -> None:
    campaign = start(box, 2)
    box.sandbox.advance(DAY)
    box.sandbox.add_reply(campaign, "lead0@example.com")
    box.sandbox.advance(10 * DAY)
    assert sent(box, campaign) == {(0, timedelta()): 2, (1, 3 * DAY): 1}
    assert [lead.step for lead in box.sandbox.leads(campaign)] == [1, 1]


def test_a_suppressed_lead_gets_no_later_step(box: Box) -> None:
    campaign = start(box, 2)
    box.sandbox.advance(DAY)
    box.post("/suppression-list", {"emails": ["lead1@example.com"]})
    box.sandbox.advance(10 * DAY)
    assert sent(box, campaign) == {(0, timedelta()): 2, (1, 3 * DAY): 1}


@pytest.mark.parametrize("accounts", ["", "w", "pwp"])
def test_without_an_active_account_nothing_is_sent(box: Box, accounts: str) -> None:
    pool(box, (5, 5, accounts))
    campaign = start(box)
    box.sandbox.advance(10 * DAY)
    assert sent(box, campaign) == {}
    pool(box, (5, 5, "a"))
    box.sandbox.advance(timedelta())
    assert sent(box, campaign) == {(0, 10 * DAY): 3}


def test_active_accounts_take_turns_and_the_others_send_nothing(box: Box) -> None:
    pool(box, (100, 100, "awap"))
    campaign = start(box, 3)
    box.sandbox.advance(3 * DAY)
    first, third = "sender1@p1.example.com", "sender3@p1.example.com"
    assert [message.sender for message in box.sandbox.messages(campaign)] == [first, third] * 3


def test_a_pool_without_active_accounts_is_sent_for_by_the_others(box: Box) -> None:
    pool(box, (2, 2, "ww"), (100, 100, "wa"), (100, 100, "a"))
    campaign = start(box, 4, ONCE)
    box.sandbox.advance(timedelta())
    second, third = "sender2@p2.example.com", "sender1@p3.example.com"
    assert [message.sender for message in box.sandbox.messages(campaign)] == [second, third, second, second]
    assert left(box) == [0, 98, 100]


def test_counters_are_shifted_on_top_of_what_is_sent(box: Box) -> None:
    campaign = start(box, 3)
    box.control("POST", f"campaigns/{campaign}/counters", {"sent": 10})
    box.sandbox.advance(timedelta())
    assert box.get(f"/campaigns/{campaign}/stats").json()["sent"] == 13


def test_steps_that_somebody_takes_away_are_not_sent(box: Box) -> None:
    campaign = start(box, 2)
    box.sandbox.advance(DAY)
    box.sandbox.edit_campaign(campaign, {"sequenceSteps": ONCE})
    box.sandbox.advance(5 * DAY)
    assert sent(box, campaign) == {(0, timedelta()): 2}
    assert box.get(f"/campaigns/{campaign}/stats").json()["queued"] == 0


def test_messages_are_listed(box: Box) -> None:
    campaign = start(box, 1)
    box.sandbox.advance(timedelta())
    assert box.control("GET", f"messages?campaignId={campaign}").json()["messages"] == [
        {
            "email": "lead0@example.com",
            "step": 0,
            "state": "sent",
            "dueAt": "2026-11-02T09:00:00.000Z",
            "sentAt": "2026-11-02T09:00:00.000Z",
            "sender": "sender1@primary-outbound.example.com",
        },
        {
            "email": "lead0@example.com",
            "step": 1,
            "state": "queued",
            "dueAt": "2026-11-05T09:00:00.000Z",
            "sentAt": None,
            "sender": None,
        },
    ]
    assert box.control("GET", "messages?campaignId=camp_x").status_code == 404
    assert box.control("GET", "messages").status_code == 400


def test_where_time_passes_by_itself_every_call_sees_what_was_sent(make: Make, clock: Clock) -> None:
    box = make(sending="live")
    campaign = start(box, 2)
    clock.forward(3_600)
    assert box.get(f"/campaigns/{campaign}/stats").json()["sent"] == 2
    clock.forward(3 * 86_400)
    box.post(f"/campaigns/{campaign}/pause")
    assert sent(box, campaign) == {(0, timedelta()): 2, (1, 3 * DAY): 2}


def test_a_served_sandbox_sends_by_itself(database: Path) -> None:
    watcher = Sandbox(database)
    with serve(served(database, sending="live")) as server:
        box = httpx.Client(base_url=server.url, headers={"Authorization": "Bearer sk_test_sandbox"})
        with box:
            made = box.post("/campaigns", json={"name": "N", "sequenceSteps": ONCE}).json()["campaign"]["id"]
            box.post(f"/campaigns/{made}/leads/bulk", json={"leads": people(2)})
            box.post(f"/campaigns/{made}/start")
        deadline = time.monotonic() + 10
        while watcher.sent_count() < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
    assert [message.sent_at == message.due_at for message in watcher.messages(made)] == [True, True]


def served(database: Path, **options: Json) -> Json:
    from reconciler.sandbox.app import create_app

    return create_app(database, SandboxOptions(**options))


def test_processes_that_settle_at_once_send_each_message_once(box: Box, database: Path) -> None:
    pool(box, (5_000, 5_000))
    campaign = start(box, 1_200)
    script = (
        "import sys, pathlib; from datetime import datetime, timedelta, UTC;"
        "from reconciler.sandbox.engine import Sandbox;"
        "s = Sandbox(pathlib.Path(sys.argv[1]), clock=lambda: datetime(2026, 11, 2, 9, tzinfo=UTC));"
        "print('ready', flush=True); sys.stdin.readline();"
        "[s.advance(timedelta(hours=12)) for _ in range(4)]"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for child in children:
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda child: child.communicate("go\n", timeout=50), children))
    assert [child.returncode for child in children] == [0, 0]
    assert box.sandbox.now() == MORNING + 4 * DAY
    assert sent(box, campaign) == {(0, timedelta()): 1_200, (1, 3 * DAY): 1_200}
    assert left(box) == [5_000]


def test_many_messages_take_seconds(box: Box) -> None:
    pool(box, (5_000, 5_000))
    campaign = box.draft()
    for first in range(0, 20_000, 10_000):
        box.enroll(campaign, *people(10_000, first))
    box.post(f"/campaigns/{campaign}/start")
    before = time.process_time()
    box.sandbox.advance(10 * DAY)
    # 100,000 take 3 seconds of an idle processor; one statement a message would take minutes.
    assert time.process_time() - before < 6
    assert box.sandbox.sent_count() == 40_000
