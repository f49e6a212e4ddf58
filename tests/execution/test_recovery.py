"""Killed at any moment of anything, then run again: what is on the server is as if nothing had happened (design §6)."""

from pathlib import Path

import pytest
from execution.interrupted import CASES, SERVERS, interrupted, sent_again, sound, until_done
from support.killing import Moment

pytestmark = [pytest.mark.usefixtures("quick_runs"), pytest.mark.sample(3)]

WITHOUT_REQUEST = {"forget": {Moment.BEFORE_INTENT, Moment.ACTED}}


ROWS = [
    (server, case, moment)
    for server, kind in SERVERS.items()
    for case, wanted in CASES.items()
    for moment in Moment
    if moment in WITHOUT_REQUEST.get(case, {moment}) and (wanted.request == "create" or not kind.forgetful)
]


@pytest.mark.parametrize(
    ("server", "case", "moment"),
    ROWS,
    ids=[f"{server}, {case}, {moment.name.lower()}" for server, case, moment in ROWS],
)
def test_whatever_dies_when_the_same_command_finishes_it(
    tmp_path: Path, server: str, case: str, moment: Moment
) -> None:
    world, wanted = SERVERS[server].world(tmp_path), CASES[case]
    wanted.before(world)
    wanted.wanted(world)
    world.dies(moment, wanted.request, wanted.nth)
    until_done(world)
    sound(world, SERVERS[server], people={"one": wanted.leads})
    sendings = 2 if case == "changed fields" else 1
    assert sum(count for times, count in sent_again(world).items() if times > sendings) <= wanted.in_flight
    entry = world.state().campaigns.get("one")
    assert (entry.status if entry else "forgotten") == wanted.ends
    assert interrupted(world.plan()) == []
