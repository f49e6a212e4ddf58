import subprocess

import pytest
from leads.makers import make_source
from loading.repository import Repository

from reconciler.diagnostics import SourceRange, SpecError

HEAD = "name: A\nsequenceSteps: [{subject: S, bodyTemplate: ../templates/%s.j2}]\n"


@pytest.fixture
def both(repo: Repository) -> Repository:
    """Two campaigns with a template each, and a footer that both include."""
    repo.write("specs/templates/a.j2", "a [[% include 'foot.j2' %]]")
    repo.write("specs/templates/b.j2", "b [[% include 'foot.j2' %]]")
    repo.write("specs/templates/foot.j2", "foot")
    repo.campaign("key: a\n" + HEAD % "a", "a")
    repo.campaign("key: b\n" + HEAD % "b", "b")
    return repo


def changed(repo: Repository, before: dict[str, str], key: str = "a") -> set[str]:
    campaign = repo.desired().campaign(key)
    assert campaign is not None
    after = campaign.sources
    return {name for name in before | after if before.get(name) != after.get(name)}


def test_every_file_that_makes_the_emails_is_a_source(both: Repository) -> None:
    first, second = both.desired().campaigns
    assert sorted(first.sources) == [".", "specs/templates/a.j2", "specs/templates/foot.j2"]
    assert first.own_sources == (".", "specs/templates/a.j2")
    assert second.own_sources == (".", "specs/templates/b.j2")


def test_what_changed_is_named(both: Repository) -> None:
    before = both.desired().campaigns[0].sources
    both.write("specs/templates/foot.j2", "other foot")
    assert changed(both, before) == {"specs/templates/foot.j2"}
    both.write("specs/templates/foot.j2", "foot")
    assert changed(both, before) == set()
    both.workspace("defaults: {variables: {x: y}}")
    assert changed(both, before) == {"workspace"}
    both.campaign("key: a\nname: Another\nowner: me\n" + (HEAD % "a").removeprefix("name: A\n"), "a")
    assert changed(both, before) == {"workspace"}
    both.campaign("key: a\nvariables: {z: z}\n" + HEAD % "a", "a")
    assert changed(both, before) == {"workspace", "."}


def test_a_body_that_two_campaigns_use_belongs_to_neither(both: Repository) -> None:
    both.campaign("key: b\n" + HEAD % "a", "b")
    assert [item.own_sources for item in both.desired().campaigns] == [(".",), (".",)]


@pytest.fixture
def in_git(repo: Repository) -> Repository:
    (repo.root / ".git").rmdir()
    subprocess.run(["git", "init", "-q", str(repo.root)], check=True)
    repo.write("specs/leads/in.csv", "email\n")
    repo.write("specs/leads/out.csv", "email\n")
    subprocess.run(["git", "-C", str(repo.root), "add", "specs/leads/in.csv"], check=True)
    return repo


def leads(source: str) -> str:
    return f"key: a\nname: A\nleads:\n  source: {source}\n"


@pytest.mark.parametrize(("name", "tracked"), [("in", True), ("out", False), ("missing", False)])
def test_whether_git_tracks_a_list_is_known(in_git: Repository, name: str, tracked: bool) -> None:  # noqa: FBT001
    in_git.campaign(leads(f"../leads/{name}.csv"))
    found = in_git.only().leads
    assert found is not None
    assert (found.paths, found.tracked) == ((str(in_git.root / f"specs/leads/{name}.csv"),), tracked)
    assert (found.file, found.line) == ("specs/campaigns/a.yaml", 3)


@pytest.mark.parametrize(("policy", "only"), [("", True), ("policy: {leadsInGit: allow}\n", False)])
def test_a_list_in_git_holds_examples_only_unless_the_policy_allows_more(
    in_git: Repository,
    policy: str,
    only: bool,  # noqa: FBT001
) -> None:
    in_git.workspace(f"workspace: acme\n{policy}")
    in_git.campaign(leads("../leads/in.csv"))
    found = in_git.only().leads
    assert found is not None
    assert found.examples_only is only


def test_lists_outside_come_from_their_own_folder(repo: Repository, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("lists")
    repo.campaign(leads("leads:deep/x.csv"))
    found = repo.only(leads_dir=folder).leads
    assert found is not None
    assert (found.paths, found.tracked, found.source) == ((str(folder / "deep/x.csv"),), False, "leads:deep/x.csv")
    assert found.folder == str(folder)
    repo.campaign(leads("../leads/x.csv"))
    inside = repo.only(leads_dir=folder).leads
    assert inside is not None
    assert inside.folder is None


@pytest.mark.parametrize("source", ["leads:x.csv", "leads:deep/x.csv", "leads:*.csv", "leads:deep/*.csv"])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing", "the folder that RECONCILER_LEADS_DIR names is not there"),
        ("file", "what RECONCILER_LEADS_DIR names is no folder"),
    ],
)
def test_a_folder_of_lists_that_is_none_is_told(
    repo: Repository, tmp_path_factory: pytest.TempPathFactory, source: str, name: str, why: str
) -> None:
    """And not that a file is missing, which somebody would look for; its path is not shown."""
    folder = tmp_path_factory.mktemp("place") / name
    (folder.parent / "file").write_text("email\n")
    repo.campaign(leads(f'"{source}"'))
    campaign, lists = repo.only(leads_dir=folder), make_source(repo.root)
    assert lists.roster(campaign, None).problem == f"the list `{source}` is not at hand: {why}"
    with pytest.raises(SpecError) as caught:
        lists.batches(campaign, None)
    (told,) = caught.value.diagnostics
    assert (told.code, told.hint) == ("lead-list-missing", "Make the folder, or correct RECONCILER_LEADS_DIR.")
    assert str(folder.parent) not in repr(told)


def test_the_place_of_a_condition_is_known_in_the_file_that_it_comes_from(repo: Repository) -> None:
    repo.campaign(leads("leads:x.csv") + "  where: a = 'b'\n")
    repo.campaign(leads("leads:x.csv").replace("key: a", "key: b"), "b")
    repo.workspace("workspace: acme\ndefaults:\n  leads:\n    where: a = 'c'\n")
    own, shared = (found.leads.where_at for found in repo.desired().campaigns if found.leads)
    assert own == SourceRange(file="specs/campaigns/a.yaml", line=5, column=10)
    assert shared == SourceRange(file="specs/workspace.yaml", line=4, column=12)


@pytest.mark.parametrize(
    "source",
    [
        "leads:../x.csv",
        "leads:/etc/passwd",
        "leads:link.csv",
        "'leads:'",
        "../../../x.csv",
        "/etc/passwd",
        "../../.git/config",
        "link.csv",
        "https://example.com/x.csv",
        '"a\\0b"',
    ],
)
def test_lists_stay_in_their_folders(repo: Repository, tmp_path_factory: pytest.TempPathFactory, source: str) -> None:
    folder = tmp_path_factory.mktemp("lists")
    outside = tmp_path_factory.mktemp("outside") / "x.csv"
    outside.write_text("email\n")
    (folder / "link.csv").symlink_to(outside)
    (repo.root / "specs/campaigns/link.csv").symlink_to(outside)
    repo.campaign(leads(source))
    found = repo.problem(leads_dir=folder)
    assert (found.code, found.place, found.campaign) == ("leads-source", "specs/campaigns/a.yaml:4:11", "a")
    assert "leads:NAME.csv" in (found.hint or "")
    assert str(outside) not in found.message


HIDDEN = ["../../.env", "../../.lists/in.csv", ".in.csv", "../leads/hidden.csv", "leads:.env", "leads:.x/in.csv"]


@pytest.mark.parametrize("source", HIDDEN)
def test_no_list_comes_from_what_is_hidden(
    repo: Repository, tmp_path_factory: pytest.TempPathFactory, source: str
) -> None:
    repo.write(".env.csv", "API_KEY=sk_live_made_up\n")
    repo.write("specs/leads/in.csv", "email\n")
    (repo.root / "specs/campaigns/.in.csv").symlink_to("../leads/in.csv")
    (repo.root / "specs/leads/hidden.csv").symlink_to("../../.env.csv")
    repo.campaign(leads(source))
    found = repo.problem(leads_dir=tmp_path_factory.mktemp("lists"))
    assert (found.code, found.place) == ("leads-source", "specs/campaigns/a.yaml:4:11")
    assert "name begins with a dot" in found.message


@pytest.mark.parametrize(
    "source",
    [
        "../secrets.yaml",
        "../../README",
        "../link.csv",
        "leads:x.json",
        "leads:csv",
        "leads:x/csv",
        "leads:x.gz",
        "leads:x.parquet.gz",
        "leads:x.csv.gz.gz",
        "leads:x.csv~",
    ],
)
def test_a_list_is_called_like_one(repo: Repository, tmp_path_factory: pytest.TempPathFactory, source: str) -> None:
    repo.write("specs/secrets.yaml", "secret")
    (repo.root / "specs/link.csv").symlink_to("secrets.yaml")
    repo.campaign(leads(source))
    found = repo.problem(leads_dir=tmp_path_factory.mktemp("lists"))
    assert (found.code, found.place) == ("leads-source", "specs/campaigns/a.yaml:4:11")
    assert "ends in .csv, .tsv, .txt" in found.message


@pytest.mark.parametrize(
    "name",
    ["x.csv", "x.CSV", "x.tsv", "x.Txt", "x.2026.csv", "x.csv.gz", "x.jsonl", "x.ndjson", "x.NDJSON.GZ", "x.parquet"],
)
def test_names_of_lists_that_are_read(repo: Repository, name: str) -> None:
    for source in (f"../leads/{name}", f"leads:{name}"):
        repo.campaign(leads(source))
        assert repo.only().leads is not None


def test_no_program_that_the_repositorys_settings_name_is_run(in_git: Repository) -> None:
    """Git would ask it which files changed; to load the repository of a stranger runs nothing of theirs."""
    trace = in_git.root / "it-ran"
    program = in_git.write("watcher.sh", f"#!/bin/sh\ntouch '{trace}'\n")
    program.chmod(0o755)
    git = ["git", "-C", str(in_git.root)]
    subprocess.run([*git, "config", "core.fsmonitor", str(program)], check=True)
    subprocess.run([*git, "ls-files"], check=True, capture_output=True)
    assert trace.exists(), "this git runs no such program: the test proves nothing"
    trace.unlink()
    in_git.campaign(leads("../leads/in.csv"))
    found = in_git.only().leads
    assert found is not None
    assert found.tracked
    assert not trace.exists()
