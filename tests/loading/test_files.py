import os
from pathlib import Path

import pytest
from loading.repository import STEP, Repository

from reconciler.loading.loader import load


def test_no_specs_folder(tmp_path: Path) -> None:
    (found,) = load(tmp_path / "specs", version="0.1.0").diagnostics
    assert (found.code, found.file) == ("no-specs", "specs")
    assert "reconciler init" in (found.hint or "")


@pytest.mark.parametrize("folder", [".", "campaigns", "campaigns/deeper"])
def test_empty_specs_never_mean_that_everything_goes(tmp_path: Path, folder: str) -> None:
    (tmp_path / "specs" / folder).mkdir(parents=True)
    loaded = load(tmp_path / "specs", version="0.1.0")
    assert loaded.desired is None
    assert [(item.code, item.file) for item in loaded.diagnostics] == [("no-campaigns", "specs/campaigns")]


@pytest.mark.parametrize(
    ("content", "code", "line", "column"),
    [
        (b"", "not-a-mapping", 1, 1),
        (b"# nothing\n", "not-a-mapping", 1, 1),
        (b"- a\n", "not-a-mapping", 1, 1),
        (b"just text", "not-a-mapping", 1, 1),
        (b"key: a\nname: caf\xe9\n", "file-encoding", 2, 10),
        (b"key: a\n" + b"#" * 5_000_000, "file-too-large", None, None),
        (b"key: a\nname: b\x00c", "yaml-syntax", 2, 8),
    ],
)
def test_bad_content(repo: Repository, content: bytes, code: str, line: int | None, column: int | None) -> None:
    repo.campaign(content)
    found = repo.problem()
    assert (found.code, found.file, found.line, found.column) == (code, "specs/campaigns/a.yaml", line, column)


def test_a_byte_order_mark_and_windows_line_ends_are_fine(repo: Repository) -> None:
    repo.campaign(b"\xef\xbb\xbfkey: a\r\nname: A\r\nstatus: draft\r\n")
    campaign = repo.only()
    assert (campaign.key, campaign.line) == ("a", 3)


def test_all_folders_and_both_endings_are_read_and_backups_are_not(repo: Repository) -> None:
    repo.campaign("key: a\nname: A")
    repo.write("specs/campaigns/deep/er/b.yml", "key: b\nname: B")
    repo.write("specs/campaigns/C.YAML", "key: c\nname: C")
    for name in (".hidden.yaml", "a.yaml~", "#a.yaml#", ".#a.yaml", "a.yaml.bak", "notes.md", ".git/x.yaml"):
        repo.write(f"specs/campaigns/{name}", "{")
    assert [item.key for item in repo.desired().campaigns] == ["a", "b", "c"]


def test_links_may_not_leave_the_repository(repo: Repository, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "x.yaml").write_text("key: x\nname: X")
    (repo.root / ".git" / "y.yaml").write_text("key: y\nname: Y")
    campaigns = repo.root / "specs" / "campaigns"
    (campaigns / "out.yaml").symlink_to(outside / "x.yaml")
    (campaigns / "git.yaml").symlink_to("../../.git/y.yaml")
    (campaigns / "folder").symlink_to(outside)
    (campaigns / "loop.yaml").symlink_to("loop.yaml")
    (repo.root / "specs" / "workspace.yaml").symlink_to(outside / "x.yaml")
    assert [(item.file, item.code) for item in repo.problems()] == [
        ("specs/campaigns/folder", "file-link"),
        ("specs/campaigns/git.yaml", "file-outside"),
        ("specs/campaigns/loop.yaml", "file-unreadable"),
        ("specs/campaigns/out.yaml", "file-outside"),
        ("specs/workspace.yaml", "file-outside"),
    ]


def test_a_link_inside_the_repository_is_fine(repo: Repository) -> None:
    repo.write("elsewhere/a.yaml", "key: a\nname: A")
    (repo.root / "specs" / "campaigns" / "a.yaml").symlink_to("../../elsewhere/a.yaml")
    assert repo.only().file == "specs/campaigns/a.yaml"


def test_specs_or_campaigns_cannot_be_a_link_elsewhere(
    repo: Repository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "campaigns").mkdir()
    (outside / "campaigns" / "x.yaml").write_text("key: x\nname: X")
    (repo.root / "linked").symlink_to(outside)
    assert [item.code for item in load(repo.root / "linked", version="0.1.0").diagnostics] == ["file-outside"]
    (repo.root / "specs" / "campaigns").rmdir()
    (repo.root / "specs" / "campaigns").symlink_to(outside / "campaigns")
    assert repo.problem().code == "file-link"


def test_a_pipe_is_not_waited_for(repo: Repository) -> None:
    os.mkfifo(repo.root / "specs" / "campaigns" / "p.yaml")
    assert repo.problem().code == "file-kind"


def test_a_file_name_that_is_no_text(repo: Repository) -> None:
    with open(os.fsencode(repo.root / "specs" / "campaigns") + b"/\xff.yaml", "wb") as stream:  # noqa: PTH123
        stream.write(b"key: a\nname: A")
    assert repo.problem().code == "file-name"


def test_workspace_yml_is_not_silently_ignored(repo: Repository) -> None:
    repo.write("specs/workspace.yml", "workspace: acme")
    repo.campaign("key: a\nname: A")
    found = repo.problem()
    assert (found.code, found.file) == ("file-name", "specs/workspace.yml")


def test_without_git_the_folder_that_holds_specs_is_the_root(tmp_path: Path) -> None:
    (tmp_path / "in" / "specs" / "campaigns").mkdir(parents=True)
    (tmp_path / "in" / "specs" / "campaigns" / "a.yaml").write_text("key: a\nname: A")
    loaded = load(tmp_path / "in" / "specs", version="0.1.0")
    assert loaded.root == tmp_path / "in"
    assert loaded.desired is not None
    assert loaded.desired.campaigns[0].file == "specs/campaigns/a.yaml"


def test_with_git_files_are_named_from_its_root(repo: Repository) -> None:
    repo.write("deep/specs/campaigns/a.yaml", "key: a\nname: A")
    loaded = load(repo.root / "deep" / "specs", version="0.1.0")
    assert loaded.root == repo.root
    assert loaded.desired is not None
    assert loaded.desired.campaigns[0].file == "deep/specs/campaigns/a.yaml"


def test_specs_may_be_the_repository_itself(repo: Repository) -> None:
    repo.write(
        "campaigns/deep/a.yaml", "key: a\nname: A\nsequenceSteps: [{subject: s, bodyTemplate: ../../templates/t.j2}]"
    )
    repo.write("templates/t.j2", "[[% include 'u.j2' %]]")
    repo.write("templates/u.j2", "u")
    desired = load(repo.root, version="0.1.0").desired
    assert desired is not None
    assert desired.campaigns[0].file == "campaigns/deep/a.yaml"
    assert desired.campaigns[0].steps[0].body_html == "u"


def test_the_problems_of_all_files_are_told_at_once_and_in_order(repo: Repository) -> None:
    repo.workspace("wrkspace: acme\npolicy: {timezone: Europe/Berln}\n")
    repo.campaign("key: a\nnam: A\nsequenceSteps:\n  - subject: x\n    delayDays: -1\n", "a")
    repo.campaign("key: b\nname: [", "b")
    repo.campaign(f"key: c\nname: C\nstatus: running\n{STEP}", "c")
    repo.campaign('key: d\nname: D\nsequenceSteps: [{subject: "[[ x ]]", bodyText: y}]', "d")
    assert [(item.place, item.code) for item in repo.problems()] == [
        ("specs/campaigns/a.yaml:1:1", "missing-key"),
        ("specs/campaigns/a.yaml:2:1", "unknown-key"),
        ("specs/campaigns/a.yaml:5:16", "wrong-value"),
        ("specs/campaigns/b.yaml:2:7", "yaml-syntax"),
        ("specs/campaigns/c.yaml:3:9", "no-leads"),
        ("specs/campaigns/d.yaml:3:27", "template-undefined"),
        ("specs/workspace.yaml:1:1", "unknown-key"),
        ("specs/workspace.yaml:2:20", "unknown-timezone"),
    ]
