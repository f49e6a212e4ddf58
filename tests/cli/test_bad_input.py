"""What goes wrong in files, lists, keys, servers and states: told with its place, exit 1, and nothing is sent."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli.mess import FILES, HANGING, LISTS, Bad, write_files, write_lists
from support.world import Ended, World

from reconciler.sandbox.faults import Fault

COMMANDS = (("validate",), ("plan",), ("apply", "--auto-approve"))


def assert_told(ended: Ended, world: World, *, code: int = 1) -> None:
    """Hold an ending to what every one of them promises."""
    assert ended.code == code, ended.text
    assert "Traceback" not in ended.text
    assert world.options.key not in ended.text
    assert not re.search(r"[\w.]+@example\.(com|org|net)", ended.text), "an address"
    assert "PRIVATE WORDS" not in ended.text


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("mess") / "world")
    yield world
    world.close()


@pytest.fixture(scope="module")
def messy_files(shared: World) -> dict[str, Ended]:
    """Run the commands over all broken files at once, with a state, so that nothing but the files is in the way."""
    write_files(shared.root)
    assert shared.cli("state", "init").code == 0
    ended = {command[0]: shared.cli(*command) for command in COMMANDS[1:]}
    ended["json"] = shared.cli("validate", "--format", "json")
    for path in (shared.specs / "campaigns").iterdir():
        path.unlink()
    return ended


@pytest.fixture(scope="module")
def messy_lists(shared: World, messy_files: dict[str, Ended]) -> dict[str, Ended]:
    """Run them over all broken lists at once."""
    write_lists(shared.root)
    return {command[0]: shared.cli(*command) for command in COMMANDS}


@pytest.mark.parametrize("bad", FILES, ids=lambda bad: bad.name)
def test_a_broken_file_is_told_with_its_place(bad: Bad, messy_files: dict[str, Ended], shared: World) -> None:
    assert_told(messy_files["json"], shared)
    found = [item for item in json.loads(messy_files["json"].out)["diagnostics"] if item["file"] == bad.path]
    told = [item for item in found if bad.words.casefold() in item["message"].casefold() + (item["hint"] or "")]
    assert told, found
    assert told[0]["severity"] == "error"
    assert (told[0]["line"], told[0]["column"]) == (bad.line, bad.column)


@pytest.mark.parametrize("command", [command[0] for command in COMMANDS[1:]])
def test_every_command_tells_all_broken_files_at_once_and_asks_no_server(
    command: str, messy_files: dict[str, Ended], shared: World
) -> None:
    ended = messy_files[command]
    assert_told(ended, shared)
    assert ended.out == ""
    assert [bad.path for bad in FILES if bad.path not in ended.err] == []
    assert "first-twin.yaml:1" in ended.err
    assert shared.kinds() == []


def test_templates_without_end_are_ended(world: World) -> None:
    write_files(world.root, HANGING)
    world.session()
    ended = world.cli("apply", "--auto-approve")
    assert_told(ended, world)
    for bad in HANGING:
        assert f"error: {bad.name}: This text cannot be rendered: it takes longer than {bad.words}" in ended.err
        assert f"{bad.path}:{bad.line}:{bad.column}" in ended.err
    assert world.kinds() == []


@pytest.mark.parametrize("command", [command[0] for command in COMMANDS])
def test_every_command_tells_all_broken_lists_at_once_and_asks_no_server(
    command: str, messy_lists: dict[str, Ended], shared: World
) -> None:
    ended = messy_lists[command]
    assert_told(ended, shared)
    for key, _, line, words in LISTS:
        place = f"lists/{key}.csv" + (f":{line}" if line else "")
        told = re.search(rf"error: {key}: (.*)\n  {re.escape(place)}", ended.err)
        assert told, (key, ended.err)
        assert words in told[1]
    assert "note: fine: 1 row repeats an address" in ended.err
    assert "warning: latin-1: The list was read as Windows-1252" in ended.err
    assert re.search(r"error: .*\{\{shoeSize\}\}.*\n  specs/campaigns/no-such-field\.yaml:4", ended.err)
    assert shared.kinds() == []


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        pytest.param(lambda world: (world.specs / "campaigns").rmdir(), "There is no campaign", id="no-campaigns"),
        pytest.param(lambda world: None, "There is no campaign", id="empty"),
        pytest.param(lambda world: world.specs.rename(world.root / "elsewhere"), "There is no folder", id="no-specs"),
    ],
)
def test_nothing_wanted_is_never_remove_everything(
    world: World, prepare: Callable[[World], object], words: str
) -> None:
    world.campaign("one")
    world.apply()
    (world.specs / "campaigns" / "one.yaml").unlink()
    sent = world.kinds()
    prepare(world)
    for command in COMMANDS[1:]:
        ended = world.cli(*command)
        assert_told(ended, world)
        assert words in ended.err
    assert world.kinds() == sent


@pytest.fixture
def wanting(world: World) -> World:
    """Give a world in which one campaign is to be started, and the state is fresh."""
    world.leads("one")
    world.campaign("one", status="running")
    world.session()
    return world


def unchanged(world: World) -> str:
    return (world.root / ".reconciler" / "default" / "state.json").read_text()


def test_no_key(wanting: World) -> None:
    for command in COMMANDS[1:]:
        ended = wanting.cli(*command, env={"LEADTERRA_API_KEY": None})
        assert_told(ended, wanting)
        assert "LEADTERRA_API_KEY is not set" in ended.err
        assert "--sandbox" in ended.err
    assert wanting.kinds() == []


@pytest.mark.parametrize("command", COMMANDS[1:], ids=lambda command: command[0])
def test_a_wrong_key(wanting: World, command: tuple[str, ...]) -> None:
    """Nothing is sent, and the state is not bound to what was never seen: the right key must work afterwards."""
    before = unchanged(wanting)
    ended = wanting.cli(*command, env={"LEADTERRA_API_KEY": "sk_live_wrong"})
    assert_told(ended, wanting)
    assert "the API key was refused (401)" in ended.text
    assert "sk_live_wrong" not in ended.text
    assert wanting.writes() == []
    assert unchanged(wanting) == before


def test_nobody_listening(wanting: World) -> None:
    """One command, since it takes the client some seconds to give up."""
    wanting.server.close()
    before = unchanged(wanting)
    ended = wanting.cli("apply", "--auto-approve")
    assert_told(ended, wanting)
    assert "could not be reached" in ended.text or "no connection" in ended.text.casefold()
    assert wanting.writes() == []
    assert unchanged(wanting) == before


@pytest.mark.parametrize("command", COMMANDS[1:], ids=lambda command: command[0])
def test_a_page_instead_of_json(wanting: World, command: tuple[str, ...]) -> None:
    before = unchanged(wanting)
    wanting.sandbox.add_fault(Fault(kind="pools", action="html", status=404))
    ended = wanting.cli(*command)
    assert_told(ended, wanting)
    assert "GET /sender-pools" in ended.text
    assert "<html" not in ended.text.casefold()
    assert wanting.writes() == []
    assert unchanged(wanting) == before


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ftp://127.0.0.1/v1", "https://"),
        ("http://example.com/v1", "not https"),
        ("https://user:word@example.com/v1", "address"),
        ("nonsense", "address"),
    ],
)
def test_an_address_no_key_is_sent_to(wanting: World, address: str, words: str) -> None:
    ended = wanting.cli("plan", env={"LEADTERRA_BASE_URL": address})
    assert_told(ended, wanting)
    assert words in ended.err
    assert ":word@" not in ended.text


@pytest.mark.parametrize("command", COMMANDS[1:], ids=lambda command: command[0])
def test_no_state(world: World, command: tuple[str, ...]) -> None:
    world.leads("one")
    world.campaign("one", status="running")
    ended = world.cli(*command)
    assert_told(ended, world)
    assert "There is no state" in ended.err
    assert "state init" in ended.err
    assert world.kinds() == []
    assert not (world.root / ".reconciler").exists()


@pytest.mark.parametrize("command", [*COMMANDS[1:], ("state", "init")], ids=" ".join)
def test_a_committed_lineage_without_its_state_is_no_first_run(world: World, command: tuple[str, ...]) -> None:
    """Nobody is told to make a new state: it would not know who was written to."""
    world.leads("one")
    world.campaign("one", status="running")
    world.workspace(state={"lineage": "11111111-1111-1111-1111-111111111111"})
    ended = world.cli(*command)
    assert_told(ended, world)
    assert "11111111" in ended.err
    assert "For a first run" not in ended.err
    assert world.kinds() == []
    assert not (world.root / ".reconciler").exists()


DAMAGED = {
    "empty": "",
    "cut": '{"version": 1, "lineage": "x", "ser',
    "list": "[]",
    "text": "no JSON",
    "other": '{"version": 1}',
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_state_is_left_as_it_is(wanting: World, text: str) -> None:
    path = wanting.root / ".reconciler" / "default" / "state.json"
    path.write_text(text)
    ended = wanting.cli("apply", "--auto-approve")
    assert_told(ended, wanting)
    assert "state.json" in ended.err
    assert wanting.kinds() == []
    assert path.read_text() == text


def test_a_newer_state(wanting: World) -> None:
    path = wanting.root / ".reconciler" / "default" / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2, "whatever": []}))
    ended = wanting.cli("apply", "--auto-approve")
    assert_told(ended, wanting)
    assert "version 2" in ended.err
    assert wanting.kinds() == []


def test_a_state_of_another_server(wanting: World, make_world: Callable[..., World]) -> None:
    """Another address, another kind of key, or a server with none of the known pools."""
    assert wanting.apply().results
    other = make_world(name="other")
    sent = wanting.kinds()
    for env in ({"LEADTERRA_BASE_URL": other.server.url}, {"LEADTERRA_API_KEY": "sk_live_another"}):
        for command in COMMANDS[1:]:
            ended = wanting.cli(*command, env=env)
            assert_told(ended, wanting)
            assert "is this another workspace?" in ended.err.replace("\n  ", " ")
    assert other.kinds() == []
    assert wanting.kinds() == sent

    path = wanting.root / ".reconciler" / "default" / "state.json"
    state = json.loads(path.read_text())
    state["binding"]["pools"] = ["pool_elsewhere"]
    path.write_text(json.dumps(state))
    writes = wanting.writes()
    ended = wanting.cli("apply", "--auto-approve")
    assert_told(ended, wanting)
    assert "none of the sender pools" in ended.err
    assert wanting.writes() == writes


def test_a_blank_first_name_holds_the_start(wanting: World) -> None:
    rows = [{"email": "ada@example.com", "firstName": "Ada"}, {"email": "bob@example.com", "firstName": " "}]
    wanting.leads("one", rows=rows)
    plan = wanting.cli("plan")
    assert_told(plan, wanting, code=0)
    assert "one waits" in plan.out
    assert "1 lead without firstName" in plan.out
    assert wanting.cli("plan", "--detailed-exitcode").code == 2
    ended = wanting.cli("apply", "--auto-approve")
    assert_told(ended, wanting, code=3)
    assert "1 lead without firstName" in ended.out
    assert wanting.writes() == ["create"]
    assert wanting.cli("apply", "--auto-approve").code == 3
    assert wanting.writes() == ["create"]


def test_a_mistyped_command_or_option_suggests_the_right_one(tmp_path: Path, world: World) -> None:
    for arguments, words in ((["pln"], "Did you mean plan?"), (["plan", "--targt", "x"], "--target")):
        ended = world.cli(*arguments)
        assert_told(ended, world)
        assert words in ended.err
        assert ended.out == ""
