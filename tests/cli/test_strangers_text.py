"""Text of strangers, from files and from the server, acts on no terminal and on no pipeline."""

import re

import pytest
from support.world import Ended, World

from reconciler.sandbox.records import PoolSpec

HOSTILE = "Hi\x1b[2J\x07 \u202eevil\u2066\n::error::fake\n##[group]fake\r\x9b31m::set-output name=a::b"
YAML_NAME = '"Hi\\e[2J\\a \\u202Eevil\\u2066\\n::error::fake\\n##[group]fake\\r\\x9b31m"'

CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
COMMANDS = re.compile(r"^\s*::|##\[", re.MULTILINE)


def assert_harmless(ended: Ended) -> None:
    assert not CONTROLS.search(ended.text), ended.text
    assert not COMMANDS.search(ended.text), ended.text
    assert "Traceback" not in ended.text


@pytest.fixture
def hostile(world: World) -> World:
    """Write a campaign whose every text is hostile."""
    world.leads("one", rows=[{"email": "ada@example.com", "firstName": f"{HOSTILE}"}])
    (world.specs / "campaigns" / "one.yaml").write_text(
        f"key: one\nname: {YAML_NAME}\nowner: {YAML_NAME}\nstatus: running\nlabels: {{team: {YAML_NAME}}}\n"
        f"sequenceSteps:\n  - subject: {YAML_NAME}\n    bodyText: {YAML_NAME}\nleads: {{source: leads:one.csv}}\n"
    )
    world.session()
    return world


def test_from_files(hostile: World) -> None:
    for command in (("validate",), ("plan",), ("plan", "--format", "json"), ("apply", "--auto-approve")):
        assert_harmless(hostile.cli(*command))


def test_from_keys_and_file_names(world: World) -> None:
    (world.specs / "campaigns" / "::error::x\x1b[2J.yaml").write_text(f"{YAML_NAME}: 1\nkey: {YAML_NAME}\n")
    world.leads("one", rows=[{"email": HOSTILE, HOSTILE: "x"}])
    world.campaign("one")
    for command in (("validate",), ("validate", "--format", "json"), ("plan",)):
        ended = world.cli(*command)
        assert ended.code == 1
        assert_harmless(ended)


def test_from_arguments(world: World) -> None:
    world.campaign("one", leads=None)
    world.apply()
    for command in (
        ("stop", "one", HOSTILE, "--reason", HOSTILE),
        ("plan",),
        ("state", "list"),
        ("doctor",),
        ("status",),
        ("status", "--format", "markdown"),
        ("status", HOSTILE),
        ("forecast", "--target", HOSTILE),
        ("stop", "one", HOSTILE, "--lift"),
        ("state", "show", HOSTILE),
        ("new", HOSTILE),
        ("import", HOSTILE, HOSTILE),
        ("plan", "--target", HOSTILE),
        ("plan", "--env", HOSTILE),
        ("plan", "--specs", HOSTILE),
        (HOSTILE,),
        ("plan", f"--{HOSTILE}"),
        ("plan", "--format", HOSTILE),
    ):
        assert_harmless(world.cli(*command))


def test_from_the_server(world: World) -> None:
    world.leads("one")
    world.campaign("one")
    world.apply()
    made = world.remote("Campaign one")
    world.sandbox.edit_campaign(
        made.id, {"name": HOSTILE, "sequenceSteps": [{"subject": HOSTILE, "bodyHtml": HOSTILE, "delayDays": 0}]}
    )
    drift = world.cli("plan")
    assert "name" in drift.out
    assert_harmless(drift)
    for command in (("plan", "--format", "json"), ("import", "one", made.id), ("state", "list")):
        assert_harmless(world.cli(*command))


def test_from_pools_and_replies(world: World) -> None:
    world.leads("one")
    world.campaign("one", status="running")
    world.apply()
    world.sandbox.set_pools(
        [
            PoolSpec(name, daily_capacity=100, remaining=50, accounts=("active",))
            for name in ("Primary Outbound", HOSTILE)
        ]
    )
    made = world.remote("Campaign one").id
    world.sandbox.set_counters(made, {"sent": 3})
    world.sandbox.add_reply(made, "one.00000@example.com", classification=HOSTILE, snippet=HOSTILE)
    for form in ("text", "json", "markdown"):
        ended = world.cli("status", "--format", form)
        assert ended.code == 0, ended.text
        assert "evil" in ended.out
        assert "unclassified" in ended.out
        assert_harmless(ended)
