"""`suppress`: for good, asked once, only hashes kept, and no list brings anybody back."""

import json

import pytest
from cli.process import at_terminal
from support.world import World, person

from reconciler.sandbox.faults import Fault


@pytest.fixture
def ready(world: World) -> World:
    """Make a world with a state, and a campaign that is to run."""
    world.leads("one", 4)
    world.campaign("one", status="running")
    world.session()
    return world


def address(number: int, key: str = "one") -> str:
    return person(key, number)["email"]


def suppressed(world: World) -> list[str]:
    return sorted(world.sandbox.suppression_list())


def suppress(world: World, *numbers: int, key: str = "one") -> None:
    text = "".join(f"{address(number, key)}\n" for number in numbers)
    ended = world.cli("suppress", "--auto-approve", stdin=text)
    assert ended.code == 0, ended.text


def test_addresses_from_standard_input(ready: World) -> None:
    text = f"\ufeffEmail\n# who asked\n\n  {address(0).upper()}  \n{address(1)}\n{address(1)}\n"
    ended = ready.cli("suppress", "--auto-approve", stdin=text)
    assert (ended.code, ended.out) == (0, "2 people on the suppression list. It cannot be undone by API.\n")
    assert suppressed(ready) == [address(0), address(1)]
    again = ready.cli("suppress", "--auto-approve", stdin=f"{address(1)}\n{address(2)}\n")
    assert "2 people on the suppression list, 1 of them known here before." in again.out
    assert suppressed(ready) == [address(0), address(1), address(2)]
    told = ready.cli("history").out
    assert "suppressed 2 addresses" in told
    assert "suppressed 1 address" in told


def test_no_list_brings_them_back(ready: World) -> None:
    """Neither as new people nor with changed details; whoever is in a campaign stays counted in it."""
    suppress(ready, 0)
    plan = json.loads(ready.cli("plan", "--format", "json").out)
    assert plan["campaigns"][0]["people"]["leftOut"] == [{"reason": "suppressed", "key": "", "leads": 1}]
    assert plan["summary"]["newRecipients"] == 3
    assert "left out  1 person on the suppression list" in ready.cli("plan").out
    ready.apply()
    campaign = ready.remote("Campaign one")
    assert sorted(lead.email for lead in ready.sandbox.leads(campaign.id)) == [address(1), address(2), address(3)]
    suppress(ready, 1)
    ready.leads("one", rows=[{**person("one", number), "company": "Renamed"} for number in range(4)])
    ready.apply()
    sent = [request.leads for request in ready.sandbox.requests() if request.kind == "enroll"]
    assert sent == [3, 2]
    assert ready.plan().actions == ()


def test_only_hashes_are_kept(ready: World) -> None:
    suppress(ready, 0, 1)
    kept = b"".join(path.read_bytes() for path in (ready.root / ".reconciler").rglob("*") if path.is_file())
    assert len(kept) > 0
    for number in range(2):
        assert address(number).encode() not in kept


def test_files_and_the_list_of_a_campaign(ready: World) -> None:
    (ready.root / "gone.txt").write_text(f"{address(7)}\n")
    ended = ready.cli("suppress", "gone.txt", "--campaign", "one", "--auto-approve")
    assert ended.code == 0, ended.text
    assert suppressed(ready) == sorted(address(number) for number in (0, 1, 2, 3, 7))


def test_it_is_asked_once_with_the_number(ready: World) -> None:
    (ready.root / "gone.txt").write_text(f"{address(0)}\n{address(1)}\n")
    question = "Type 2 to keep 2 people from every campaign, for good:"
    no = at_terminal(ready, "suppress", "gone.txt", until=question, answer=b"yes\n")
    assert no.code == 1
    assert "Nothing was done." in no.out
    assert suppressed(ready) == []
    assert ready.state().suppressed == ()
    yes = at_terminal(ready, "suppress", "gone.txt", until=question, answer=b"2\n")
    assert yes.code == 0, yes.out
    assert suppressed(ready) == [address(0), address(1)]


def test_where_nobody_can_be_asked_nothing_is_done(ready: World) -> None:
    ended = ready.cli("suppress", stdin=f"{address(0)}\n")
    assert ended.code == 1
    assert "--auto-approve" in ended.err
    assert suppressed(ready) == []


def test_what_is_no_address_is_told_all_at_once_and_nothing_is_done(ready: World) -> None:
    (ready.root / "a.txt").write_text(f"{address(0)}\nzachary at example.com\n")
    (ready.root / "b.txt").write_bytes(b"\xff\xfe")
    ended = ready.cli("suppress", "a.txt", "b.txt", "c.txt", "--auto-approve")
    assert ended.code == 1
    assert "a.txt:2" in ended.err
    assert "This is no text in UTF-8." in ended.err
    assert "c.txt could not be read: No such file or directory" in ended.err
    assert "zachary" not in ended.text
    assert suppressed(ready) == []


@pytest.mark.parametrize("command", [("suppress",), ("state", "erase")])
def test_an_address_as_an_argument_is_not_repeated(ready: World, command: tuple[str, ...]) -> None:
    ended = ready.cli(*command, address(0), "--auto-approve")
    assert ended.code == 1
    assert "o***@*** is no file" in ended.err
    assert "on standard input, or in a file" in ended.err
    assert "example.com" not in ended.text


def test_the_lines_that_are_only_counted_come_last(ready: World) -> None:
    ended = ready.cli("suppress", "--auto-approve", stdin="".join(f"nobody{number}\n" for number in range(7)))
    assert "And 2 more lines hold no address that can be used.\n  standard input:6\n" in ended.err
    assert ended.err.index("standard input:5") < ended.err.index("And 2 more")


def test_nobody_to_suppress_is_an_error(ready: World) -> None:
    ended = ready.cli("suppress", "--auto-approve", stdin="\n# nobody\n")
    assert ended.code == 1
    assert "there is no address to suppress" in ended.err


def test_a_thousand_a_call(ready: World) -> None:
    suppress(ready, *range(2_001))
    assert ready.writes().count("suppress") == 3
    assert len(suppressed(ready)) == 2_001


def test_where_a_call_fails_the_hashes_are_kept_and_the_rest_can_be_done(ready: World) -> None:
    ready.sandbox.add_fault(Fault(kind="suppress", action="reject", nth=2, status=400))
    text = "".join(f"{address(number)}\n" for number in range(1_500))
    ended = ready.cli("suppress", "--auto-approve", stdin=text)
    assert ended.code == 1
    assert "1,000 of 1,500 addresses are on Leadterra's suppression list" in ended.err
    assert address(0) not in ended.text
    assert ready.plan().summary.new_recipients == 0
    assert ready.cli("suppress", "--auto-approve", stdin=text).code == 0
    assert len(suppressed(ready)) == 1_500


def test_it_needs_no_valid_files_and_no_lock(ready: World) -> None:
    (ready.specs / "campaigns" / "one.yaml").write_bytes(b"\xff{{[")
    store = ready.session().store
    with store.lease(owner="somebody", told=print, sleep=lambda _seconds: False):
        suppress(ready, 0)
    assert suppressed(ready) == [address(0)]


def test_another_servers_key_suppresses_nobody(ready: World) -> None:
    """Whom to keep email from is known only here: the state must belong to the server that is asked."""
    ready.apply()
    ended = ready.cli("suppress", "--auto-approve", stdin=f"{address(0)}\n", env={"LEADTERRA_API_KEY": "sk_live_other"})
    assert ended.code == 1
    assert ready.state().suppressed == ()


def test_a_campaign_that_is_not_there(ready: World) -> None:
    ended = ready.cli("suppress", "--campaign", "on", "--auto-approve")
    assert ended.code == 1
    assert "there is no campaign on" in ended.err
    assert "one" in ended.err
