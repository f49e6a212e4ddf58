"""One file, many users of it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from sandbox.support import Box, Clock, Json, Make, people

from reconciler.sandbox.app import create_app
from reconciler.sandbox.engine import Sandbox
from reconciler.sandbox.errors import ApiError
from reconciler.sandbox.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def together(*calls: Callable[[], Json]) -> list[Json]:
    barrier = threading.Barrier(len(calls))

    def at_once(call: Callable[[], Json]) -> Json:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(at_once, calls))


def test_two_applications_see_the_same(make: Make) -> None:
    one, two = make(shape="guide"), make(shape="reference")
    campaign = one.started(4)
    assert two.get(f"/campaigns/{campaign}/stats").json()["queued"] == 4
    two.post(f"/campaigns/{campaign}/pause")
    assert one.get(f"/campaigns/{campaign}").json()["campaign"]["status"] == "paused"
    assert len(one.sandbox.requests()) == 6


def test_a_file_opened_again_keeps_everything(make: Make, database: Path, clock: Clock) -> None:
    campaign = make().started(2)
    pools = make().sandbox.pools()
    again = create_app(database, clock=clock).extensions["sandbox"]
    assert again.pools() == pools
    assert len(again.messages(campaign)) == 2


def test_two_files_are_two_workspaces(tmp_path: Path) -> None:
    one, two = Sandbox(tmp_path / "one.sqlite"), Sandbox(tmp_path / "deep" / "two.sqlite")
    assert not {pool.id for pool in one.pools()} & {pool.id for pool in two.pools()}


def test_a_file_made_by_several_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    made = together(*[lambda: Sandbox(path).pools()] * 8)
    assert [len(pools) for pools in made] == [2] * 8
    assert len(set(made)) == 1


def test_a_file_of_another_version_is_refused(database: Path) -> None:
    db = sqlite3.connect(database)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(sqlite3.DatabaseError, match="another version"):
        Sandbox(database)


def test_threads_that_enrol_the_same_leads(box: Box) -> None:
    campaign = box.draft()
    box.enroll(campaign, *people(1))
    box.post(f"/campaigns/{campaign}/start")
    with serve(box.app) as server:

        def enrol() -> Json:
            with httpx.Client(base_url=server.url, headers=dict(box.client.headers)) as client:
                answer = client.post(f"/campaigns/{campaign}/leads/bulk", json={"leads": people(300)})
            return answer.json()["result"]

        results = together(*[enrol] * 4)
    assert sum(result["enrolled"] for result in results) == 299
    assert sum(result["updated"] for result in results) == 4 * 300 - 299
    messages = box.sandbox.messages(campaign)
    assert len(messages) == len({message.email for message in messages}) == 300


def test_threads_that_start_the_same_campaign(make: Make) -> None:
    boxes = [make() for _ in range(4)]
    campaign = boxes[0].draft()
    boxes[0].enroll(campaign, *people(50))
    answers = together(*[lambda box=box: box.post(f"/campaigns/{campaign}/start").json() for box in boxes])
    assert [answer["campaign"]["queuedMessages"] for answer in answers] == [50] * 4
    assert boxes[0].sandbox.campaign(campaign).starts == 1


def test_threads_with_one_idempotency_key(make: Make) -> None:
    boxes = [make() for _ in range(6)]
    headers = {"Idempotency-Key": "op-1"}
    answers = together(*[lambda box=box: box.post("/campaigns", {"name": "N"}, headers=headers) for box in boxes])
    assert len({answer.json()["campaign"]["id"] for answer in answers}) == 1
    assert len(boxes[0].sandbox.campaigns()) == 1


def test_a_refused_enrolment_is_undone_whole(box: Box) -> None:
    campaign = box.started(1)
    before = box.sandbox.leads(campaign)
    box.enroll(campaign, {"email": "lead0@example.com", "firstName": "Changed"}, {"email": "bad"})
    assert box.sandbox.leads(campaign) == before


def test_another_process_sees_the_same(box: Box, database: Path) -> None:
    script = (
        "import sys, pathlib; from reconciler.sandbox.engine import Sandbox;"
        "s = Sandbox(pathlib.Path(sys.argv[1])); print(s.create({'name': 'Theirs'}).id)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(database)], capture_output=True, text=True, check=True, timeout=30
    )
    assert box.get(f"/campaigns/{done.stdout.strip()}").json()["campaign"]["name"] == "Theirs"


@pytest.mark.parametrize("killed", [True, False])
def test_a_process_that_dies_has_carried_out_what_it_has_logged(box: Box, database: Path, *, killed: bool) -> None:
    script = (
        "import os, sys, pathlib; from reconciler.sandbox.engine import Sandbox;"
        "s = Sandbox(pathlib.Path(sys.argv[1])); e = s.exchange('create', 'POST', '/v1/campaigns', None);"
        "now = e.__enter__(); s.create({'name': 'N'}); now.carried_out = True;"
        "'killed' in sys.argv or e.__exit__(None, None, None); os._exit(0)"
    )
    arguments = [str(database), "killed" if killed else "answers"]
    subprocess.run([sys.executable, "-c", script, *arguments], check=True, timeout=30)
    assert [row.carried_out for row in box.sandbox.requests()] == ([] if killed else [True])
    assert len(box.sandbox.campaigns()) == (0 if killed else 1)


def test_a_refusal_undoes_no_more_than_itself(box: Box) -> None:
    def refuse() -> None:
        with box.sandbox._database.write() as db:
            db.execute("DELETE FROM campaigns")
            raise ApiError(400, "invalid_request", "No.")

    with box.sandbox.exchange("create", "POST", "/v1/campaigns", None):
        box.sandbox.create({"name": "Kept"})
        with pytest.raises(ApiError):
            refuse()
    assert [campaign.name for campaign in box.sandbox.campaigns()] == ["Kept"]
    assert len(box.sandbox.requests()) == 1


def test_the_package_is_light_and_keeps_to_itself() -> None:
    script = (
        "import sys, reconciler.sandbox, reconciler.sandbox.options; assert 'flask' not in sys.modules;"
        "import reconciler.sandbox.engine; assert not {'flask', 'werkzeug'} & set(sys.modules);"
        "import reconciler.sandbox.server, reconciler.sandbox.app;"
        "print(*(m for m in sys.modules if m.startswith('reconciler.') and not m.startswith('reconciler.sandbox')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == ""


def test_what_fails_half_way_is_undone(box: Box) -> None:
    before = box.sandbox.pools()

    def fail() -> None:
        with box.sandbox._database.write() as db:
            db.execute("DELETE FROM pools")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert box.sandbox.pools() == before


def test_a_campaign_lead_and_step_have_one_message(box: Box) -> None:
    box.started(1)
    names = "campaign_id, lead_id, step, state, queued_at, due_at"
    repeat = f"INSERT INTO messages ({names}) SELECT {names} FROM messages"
    with pytest.raises(sqlite3.IntegrityError), box.sandbox._database.write() as db:
        db.execute(repeat)


def test_a_clock_must_know_its_zone(database: Path) -> None:
    Sandbox(database)
    sandbox = Sandbox(database, clock=lambda: datetime(2026, 11, 2))  # noqa: DTZ001  # the mistake itself
    with pytest.raises(ValueError, match="time zone"):
        sandbox.create({"name": "N"})
