"""The port: rosters, batches and segments of campaigns with lists at hand, missing, broken and changing."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from leads.makers import KEY, SPEC, Ledger, found, make_campaign, make_source, sent, write_list

from reconciler.diagnostics import SpecError, StateError
from reconciler.leads.ledger import address_hash, entry_of
from reconciler.leads.lists import Asked, ListReader, LoadedList
from reconciler.leads.roster import LeadLists
from reconciler.model.campaign import Campaign, Status
from reconciler.model.roster import Apart, Avoid, Contact, Lead, Roster


def rows(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"email": f"{name}@example.com", "firstName": value} for name, value in pairs]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_list(tmp_path / "list.csv", rows(("ada", "Ada"), ("bob", "Bob"), ("cy", "Cy")))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Count how often a list is read."""
    seen: list[Path] = []
    load = ListReader.load

    def counting(reader: ListReader, asked: Asked) -> LoadedList:
        seen.extend(map(Path, asked.leads.paths or ()))
        return load(reader, asked)

    monkeypatch.setattr(ListReader, "load", counting)
    return seen


def test_a_first_list_is_all_new(path: Path) -> None:
    roster = make_source(path.parent).roster(make_campaign(path), None)
    assert (roster.source, roster.at_hand, roster.problem) == ("leads:list.csv", True, None)
    assert (roster.rows, roster.leads, roster.new, roster.changed, roster.gone) == (3, 3, 3, 0, 0)
    there = [address_hash(KEY, f"{name}@example.com") for name in ("ada", "dee", "bob", "cy")]
    assert roster.hashes.missing(there) == [there[1]]
    assert len(roster.hashes) == len(roster.fresh) == 3


def test_a_campaign_without_leads_has_an_empty_roster(tmp_path: Path) -> None:
    source = make_source(tmp_path)
    campaign = Campaign(key="k", name="n", status=Status.DRAFT, file=SPEC)
    assert source.roster(campaign, None) == Roster(source="", at_hand=True)
    assert list(source.batches(campaign, None)) == []


def test_the_ledger_tells_new_changed_and_gone_apart(path: Path) -> None:
    ledger = Ledger()
    source, campaign = make_source(path.parent, ledger), make_campaign(path)
    for _, leads in source.batches(campaign, None):
        ledger.add(source.segment(leads))
    assert source.roster(campaign, ledger.state).new == 0
    assert sent(source, campaign, ledger.state) == []

    write_list(path, rows(("bob", "Robert"), ("dee", "Dee"), ("ada", "Ada")))
    roster = source.roster(campaign, ledger.state)
    assert (roster.leads, roster.new, roster.changed, roster.gone) == (3, 1, 1, 1)
    assert sent(source, campaign, ledger.state) == [("new", ["dee@example.com"]), ("changed", ["bob@example.com"])]

    for _, leads in source.batches(campaign, ledger.state):
        ledger.add(source.segment(leads))
    assert sent(source, campaign, ledger.state) == []


def test_batches_are_of_one_kind_and_bounded(path: Path) -> None:
    ledger = Ledger()
    source, campaign = make_source(path.parent, ledger, batch_size=2), make_campaign(path)
    ledger.add(*(source.segment(leads) for _, leads in source.batches(campaign, None)))
    assert [len(blob) for blob in ledger.blobs.values()] == [64, 32]
    write_list(path, rows(*((name, "X") for name in ("n1", "ada", "n2", "bob", "n3", "cy"))))
    assert [(kind, len(leads)) for kind, leads in sent(source, campaign, ledger.state)] == [
        ("new", 2),
        ("new", 1),
        ("changed", 2),
        ("changed", 1),
    ]


def test_who_was_refused_is_left_out_of_everything_that_counts_who_is_sent(path: Path) -> None:
    """The row is told in a note; as soon as it is another, it is new."""
    ledger = Ledger()
    write_list(path, rows(("ada", "Ada"), ("bob", ""), ("cy", "Cy")))
    source, campaign = make_source(path.parent, ledger), make_campaign(path, body="<p>{{firstName}}</p>")
    ((_, leads),) = source.batches(campaign, None)
    ledger.blobs["refused"] = source.segment(leads[1:2])
    known = ledger.state.model_copy(update={"ledger": (), "refused": ("refused",)})
    roster = source.roster(campaign, known)
    assert (roster.leads, roster.new, roster.changed, roster.refused, roster.outdated) == (3, 2, 0, 1, 0)
    assert roster.blanks == {}
    assert roster.digest == source.roster(campaign, None).digest
    (told,) = roster.diagnostics
    assert (told.code, told.severity, told.place) == ("leads-refused", "note", "list.csv")
    assert told.message == "1 person of the list was refused by Leadterra and is left out: line 3."
    assert sent(source, campaign, known) == [("new", ["ada@example.com", "cy@example.com"])]

    write_list(path, rows(("ada", "Ada"), ("bob", "Bob"), ("cy", "Cy")))
    roster = source.roster(campaign, known)
    assert (roster.new, roster.refused, roster.diagnostics) == (3, 0, ())


def test_refused_leads_are_told_by_line_the_first_few_one_by_one(path: Path) -> None:
    source, campaign = make_source(path.parent), make_campaign(path)
    told = source.refused(campaign, [Lead(f"ada{line}@example.com", {}, line, "list.csv") for line in range(30, 2, -1)])
    assert found(told) == [("lead-refused", f"list.csv:{line}") for line in range(3, 9)]
    assert told[0].message == "Leadterra did not accept a***@***, who was left out."
    assert told[0].campaign == campaign.key
    assert told[5].message == (
        "And 23 more that Leadterra did not accept: lines 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 and 13 more."
    )
    assert source.refused(campaign, []) == ()


def test_a_value_that_became_blank_is_changed_but_not_sent(path: Path) -> None:
    ledger = Ledger()
    source, campaign = make_source(path.parent, ledger), make_campaign(path)
    ledger.add(*(source.segment(leads) for _, leads in source.batches(campaign, None)))
    write_list(path, rows(("ada", ""), ("bob", "Bob"), ("cy", "Cy")))
    ((kind, (lead,)),) = source.batches(campaign, ledger.state)
    assert (kind, lead.fields) == ("changed", {})


def test_a_damaged_ledger_is_never_taken_for_an_empty_one(path: Path) -> None:
    ledger = Ledger()
    ledger.add(b"x" * 33)
    source, campaign = make_source(path.parent, ledger), make_campaign(path)
    with pytest.raises(StateError):
        source.roster(campaign, ledger.state)
    with pytest.raises(StateError):
        source.batches(campaign, ledger.state)


def test_a_list_is_read_once_for_each_way_of_reading_it(path: Path, reads: list[Path]) -> None:
    source = make_source(path.parent)
    campaigns = [
        make_campaign(path, key="one"),
        make_campaign(path, key="two", fallbacks={"firstName": "there"}, line=20),
    ]

    def ask(campaign: Campaign) -> int:
        count = source.roster(campaign, None).leads
        assert sum(len(leads) for _, leads in sent(source, campaign)) == count
        return count

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, campaigns * 8)) == [3] * 16
    assert reads == [path, path]


def test_a_list_that_changed_is_read_again(path: Path, reads: list[Path]) -> None:
    source, campaign = make_source(path.parent), make_campaign(path)
    before = source.roster(campaign, None)
    size = path.stat().st_size
    write_list(path, rows(("eva", "Ada"), ("bob", "Bob"), ("cy", "Cy")))
    os.utime(path, ns=(1, 1))
    assert path.stat().st_size == size
    after = source.roster(campaign, None)
    assert before.digest != after.digest
    assert before.hashes.common(after.hashes) == 2
    assert len(reads) == 2


def test_a_list_that_changed_since_it_was_counted_is_not_sent(path: Path) -> None:
    source, campaign = make_source(path.parent), make_campaign(path)
    source.roster(campaign, None)
    write_list(path, rows(("ada", "Ada"), ("bob", "Bob"), ("cy", "")))
    with pytest.raises(SpecError) as caught:
        source.batches(campaign, None)
    assert [item.code for item in caught.value.diagnostics] == ["lead-list-changed"]
    source.roster(campaign, None)
    assert len(sent(source, campaign)) == 1


def test_the_digest_covers_people_and_fields_but_no_order(path: Path) -> None:
    def digest(*pairs: tuple[str, str], key: bytes = KEY) -> str:
        write_list(path, rows(*pairs))
        source = LeadLists(ledger_key=key, blob=Ledger().blob, root=path.parent)
        return source.roster(make_campaign(path), None).digest

    one = digest(("ada", "Ada"), ("bob", "Bob"))
    assert one == digest(("bob", "Bob"), ("ada", "Ada"), ("ada", "again"))
    others = {
        digest(("ada", "Ada")),
        digest(("ada", "Ada"), ("bob", "Rob")),
        digest(("ada", "Bob"), ("bob", "Ada")),
        digest(("ada", "Ada"), ("bob", "Bob"), key=KEY[::-1]),
    }
    assert one not in others
    assert len(others) == 4


@pytest.mark.parametrize(
    ("name", "why"), [("self.csv", "too many levels of symbolic links"), ("x" * 300 + ".csv", "file name too long")]
)
def test_a_list_that_cannot_be_reached_holds_its_campaign_only(tmp_path: Path, name: str, why: str) -> None:
    """Others go on: the system's refusal ends no command, and tells nobody where the lists are."""
    path = tmp_path / name
    (tmp_path / "self.csv").symlink_to("self.csv")
    source = make_source(tmp_path / "elsewhere")
    roster = source.roster(make_campaign(path), None)
    assert not roster.at_hand
    assert roster.problem == f"the list `leads:list.csv` is not at hand: the file cannot be reached: {why}"
    (told,) = source.roster(make_campaign(path, tracked=True), None).diagnostics
    assert (told.code, why in told.message) == ("lead-list-missing", True)
    with pytest.raises(SpecError):
        list(source.batches(make_campaign(path), None))
    assert str(tmp_path) not in repr(roster)


def test_without_a_folder_of_lists_the_list_is_not_at_hand(tmp_path: Path) -> None:
    source, campaign = make_source(tmp_path), make_campaign(None)
    roster = source.roster(campaign, None)
    assert (roster.at_hand, roster.diagnostics) == (False, ())
    assert roster.problem == "the list `leads:list.csv` is not at hand: RECONCILER_LEADS_DIR is not set"
    with pytest.raises(SpecError) as caught:
        source.batches(campaign, None)
    assert found(tuple(caught.value.diagnostics)) == [("lead-list-missing", f"{SPEC}:9")]


@pytest.mark.parametrize("name", ["missing.csv", "list.csv/below"])
def test_a_missing_list_is_an_error_only_where_git_tracks_it(path: Path, name: str) -> None:
    source = make_source(path.parent)
    roster = source.roster(make_campaign(path.parent / name), None)
    assert (roster.at_hand, roster.diagnostics) == (False, ())
    assert str(roster.problem).endswith("the file is not there")
    tracked = source.roster(make_campaign(path.parent / name, tracked=True), None)
    assert tracked.at_hand is False
    assert found(tracked.diagnostics) == [("lead-list-missing", f"{SPEC}:9")]


def test_a_list_that_went_away_is_not_answered_from_memory(path: Path) -> None:
    source, campaign = make_source(path.parent), make_campaign(path)
    assert source.roster(campaign, None).at_hand
    path.unlink()
    assert not source.roster(campaign, None).at_hand
    with pytest.raises(SpecError):
        source.batches(campaign, None)


@pytest.mark.parametrize("text", ["", 'email\n"ada', "name\nAda\n", "email\nada@example.com,\n", "email\nada\n"])
def test_nobody_of_a_list_with_errors_is_sent(path: Path, text: str) -> None:
    path.write_text(text)
    source, campaign = make_source(path.parent), make_campaign(path)
    roster = source.roster(campaign, None)
    assert roster.diagnostics
    assert not roster.at_hand or roster.rejected
    with pytest.raises(SpecError) as caught:
        source.batches(campaign, None)
    assert tuple(caught.value.diagnostics) == roster.diagnostics


def test_an_unreadable_list_is_an_error_whether_tracked_or_not(tmp_path: Path) -> None:
    roster = make_source(tmp_path).roster(make_campaign(tmp_path), None)
    assert roster.at_hand is False
    assert [item.code for item in roster.diagnostics] == ["lead-list-unreadable"]
    assert roster.problem == "the list `leads:list.csv` could not be read"


def test_paths_outside_the_repository_are_not_shown(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    (root / "specs").mkdir(parents=True)
    for folder, place in ((root / "specs", "specs/list.csv"), (tmp_path, "leads:list.csv")):
        (folder / "list.csv").write_text("email\nada\n")
        roster = make_source(root).roster(make_campaign(folder / "list.csv"), None)
        assert found(roster.diagnostics) == [("lead-address", f"{place}:2")]
        assert str(tmp_path) not in repr(roster)


def test_the_same_list_under_two_campaigns_is_told_under_each(path: Path) -> None:
    path.write_text("email\nada\n")
    source = make_source(path.parent)
    for key in ("one", "two", "one"):
        assert [item.campaign for item in source.check(make_campaign(path, key=key))] == [key]


def test_an_empty_ledger_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ledger key"):
        LeadLists(ledger_key=b"", blob=Ledger().blob, root=tmp_path)


@pytest.mark.parametrize(
    ("address", "real"),
    [
        ("ada@example.com", False),
        ("ada@mail.example.org", False),
        ("ada@myexample.com", True),
        ("ada@example.com.evil.io", True),
    ],
)
def test_real_people_on_a_list_in_git_are_told_by_their_line(tmp_path: Path, address: str, *, real: bool) -> None:
    """Reserved domains belong to nobody (RFC 2606); the same list outside git may hold anybody."""
    path = tmp_path / "list.csv"
    path.write_text(f"email\nbob@example.net\n{address}\n")
    source = make_source(tmp_path)
    tracked = source.roster(make_campaign(path, tracked=True, examples_only=True), None)
    assert found(tracked.diagnostics) == ([("leads-in-git", "list.csv:3")] if real else [])
    assert address not in repr(tracked.diagnostics)
    assert found(source.roster(make_campaign(path), None).diagnostics) == []


def test_what_is_remembered_of_a_list_is_read_where_another_is_compared_with_it(path: Path, reads: list[Path]) -> None:
    """An unchanged list is not read again; who is on it is, as soon as another one must avoid them."""
    first = make_campaign(path, key="one")
    made = make_source(path.parent, cache=path.parent / "cache").roster(first, None)
    other = write_list(path.parent / "other.csv", rows(("dee", "Dee"), ("ada", "Ada")))
    source = make_source(path.parent, cache=path.parent / "cache")
    again = source.roster(first, None)
    assert again == made.model_copy(update={"hashes": again.hashes, "fresh": again.fresh})
    assert reads == [path]
    avoid = Avoid(contacted=(Contact(key="one", hashes=again.fresh),))
    roster = source.roster(make_campaign(other, key="two"), None, avoid)
    assert (roster.new, roster.left_out) == (1, (Apart(reason="list", key="one", leads=1),))
    assert reads == [path, other, path]
    assert again.hashes.common(roster.hashes) == 1


def settled(path: Path) -> Path:
    """Make a file old enough for its time to tell something."""
    os.utime(path, (1, 1))
    return path


def test_an_unchanged_list_is_known_by_its_time_or_else_by_its_content(path: Path, reads: list[Path]) -> None:
    campaign, cache = make_campaign(settled(path)), path.parent / "cache"
    made = make_source(path.parent, cache=cache).roster(campaign, None)

    def again() -> Roster:
        return make_source(path.parent, cache=cache).roster(campaign, None)

    assert again().digest == made.digest
    os.utime(path, (2, 2))
    assert again().digest == made.digest
    path.write_bytes(path.read_bytes())
    assert again().digest == made.digest
    assert reads == [path]
    text = path.read_text()
    path.write_text(text.replace("Ada", "Eva"))
    assert again().digest != made.digest
    assert reads == [path, path]
    path.write_text(text)
    settled(path)
    assert again().digest == made.digest
    assert reads == [path] * 3


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff", b'{"question": 1}'])
def test_a_damaged_cache_is_only_forgotten(path: Path, damage: bytes) -> None:
    cache = path.parent / "cache"
    made = make_source(path.parent, cache=cache).roster(make_campaign(path), None)
    (kept,) = cache.iterdir()
    assert "ada@" not in kept.read_text()
    kept.write_bytes(damage)
    again = make_source(path.parent, cache=cache).roster(make_campaign(path), None)
    assert again == made.model_copy(update={"hashes": again.hashes, "fresh": again.fresh})


def test_another_question_is_answered_anew(path: Path, reads: list[Path]) -> None:
    ledger, cache = Ledger(), path.parent / "cache"
    source = make_source(path.parent, ledger, cache=cache)
    assert source.roster(make_campaign(path), None).new == 3
    ((_, leads),) = source.batches(make_campaign(path), None)
    ledger.add(source.segment(leads))
    again = make_source(path.parent, ledger, cache=cache)
    assert again.roster(make_campaign(path), ledger.state).new == 0
    assert again.roster(make_campaign(path, where="firstName = 'Ada'"), None).new == 1
    assert make_source(path.parent, cache=cache, key=KEY[::-1]).roster(make_campaign(path), None).new == 3
    assert len(reads) == 4


def test_a_lead_brings_the_entry_that_its_address_and_fields_have(path: Path) -> None:
    source, campaign = make_source(path.parent), make_campaign(path)
    ((_, leads),) = source.batches(campaign, None)
    assert [lead.entry for lead in leads] == [entry_of(KEY, lead) for lead in leads]
    assert source.segment(leads) == b"".join(lead.entry for lead in leads)


def test_a_list_that_changes_between_its_reading_and_the_cache_is_read_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read must never be kept under the name of what came later."""
    campaign, cache = make_campaign(path), path.parent / "cache"
    load = ListReader.load

    def changing(reader: ListReader, asked: Asked) -> LoadedList:
        loaded = load(reader, asked)
        write_list(path, rows(("dee", "Dee")))
        return loaded

    with monkeypatch.context() as patched:
        patched.setattr(ListReader, "load", changing)
        assert make_source(path.parent, cache=cache).roster(campaign, None).leads == 3
    assert make_source(path.parent, cache=cache).roster(campaign, None).leads == 1
