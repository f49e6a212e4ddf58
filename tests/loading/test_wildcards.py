"""Patterns of lists: which files they mean, and that they lead nowhere else."""

import os
from collections.abc import Callable
from pathlib import Path
from pathlib import PurePosixPath as Name

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loading.repository import Repository
from support.examples import examples

from reconciler.loading import wildcards
from reconciler.loading.confine import RefusedPathError
from reconciler.loading.wildcards import matches

FILES = [
    "a.csv",
    "b.csv.gz",
    "list[1].csv",
    "q3/a.csv",
    "q3/b.csv",
    "q3/east/c.jsonl",
    "q3/.hidden.csv",
    ".q4/a.csv",
    "q5.csv/a.csv",
]


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of lists."""
    root = tmp_path_factory.mktemp("lists")
    for name in FILES:
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_text("email\n")
    return root


def leads(source: str) -> str:
    return f"key: a\nname: A\nleads:\n  source: '{source}'\n"


def paths(repo: Repository, folder: Path, source: str) -> list[str] | None:
    """Return the files that a source means, relative to the folder of lists or to the repository."""
    repo.campaign(leads(source))
    found = repo.only(leads_dir=folder).leads
    assert found is not None
    root = folder if source.startswith("leads:") else repo.root
    return None if found.paths is None else [Path(path).relative_to(root).as_posix() for path in found.paths]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.csv", ["a.csv", "list[1].csv"]),
        ("?.csv*", ["a.csv", "b.csv.gz"]),
        ("[ac].csv", ["a.csv"]),
        ("[!a]*.gz", ["b.csv.gz"]),
        ("q3/*.csv", ["q3/a.csv", "q3/b.csv"]),
        ("q3/../q3/./*.csv", ["q3/a.csv", "q3/b.csv"]),
        ("*/a.csv", ["q3/a.csv", "q5.csv/a.csv"]),
        ("*/./a.csv", ["q3/a.csv", "q5.csv/a.csv"]),
        ("**/*.csv", ["a.csv", "list[1].csv", "q3/a.csv", "q3/b.csv", "q5.csv/a.csv"]),
        ("q3/**", ["q3/a.csv", "q3/b.csv", "q3/east/c.jsonl"]),
        ("**/**/c.jsonl", ["q3/east/c.jsonl"]),
        ("**/east/**/*.jsonl", ["q3/east/c.jsonl"]),
        ("*.CSV", []),
        ("q9/*.csv", []),
        ("a.csv/*.csv", []),
        ("list[1].csv", ["list[1].csv"]),
        ("list[[]1].csv", ["list[1].csv"]),
        ("list[2].csv", []),
        ("x" * 400 + "*.csv", []),
    ],
)
def test_what_a_pattern_matches(repo: Repository, folder: Path, pattern: str, names: list[str]) -> None:
    """In order of their names, folders and hidden files left out, and a file that is called so is just that file."""
    assert paths(repo, folder, f"leads:{pattern}") == names


def test_a_pattern_in_the_repository_is_relative_to_its_file(repo: Repository, folder: Path) -> None:
    for name in ("specs/leads/b.csv", "specs/leads/a.csv", "specs/campaigns/c.csv"):
        repo.write(name, "email\n")
    assert paths(repo, folder, "../leads/*.csv") == ["specs/leads/a.csv", "specs/leads/b.csv"]
    assert paths(repo, folder, "*.csv") == ["specs/campaigns/c.csv"]
    assert paths(repo, folder, "../leads/missing.csv") == ["specs/leads/missing.csv"]


def test_a_name_in_a_folder_that_looks_like_a_pattern_is_one_file(repo: Repository) -> None:
    """Wildcards are what stands in the source, not in the folder of the campaign's file."""
    repo.write("specs/campaigns/[ab]/list.csv", "email\n")
    repo.write("specs/campaigns/a/list.csv", "email\n")
    for source, names in (("list.csv", ["[ab]/list.csv"]), ("l*.csv", ["[ab]/list.csv"]), ("x.csv", ["[ab]/x.csv"])):
        repo.campaign(leads(source), "[ab]/a")
        found = repo.only().leads
        assert found is not None
        assert found.paths == tuple(str(repo.root / "specs/campaigns" / name) for name in names)


def test_without_a_folder_of_lists_a_pattern_is_still_checked(repo: Repository) -> None:
    repo.campaign(leads("leads:*.csv"))
    found = repo.only().leads
    assert found is not None
    assert found.paths is None
    repo.campaign(leads("leads:../*.csv"))
    assert repo.problem().code == "leads-source"


def _link(name: str, to: str) -> Callable[[Path], None]:
    return lambda root: (root / name).symlink_to(to)


@pytest.mark.parametrize(
    ("pattern", "prepare", "words"),
    [
        (
            "*.csv",
            _link("out.csv", "../outside/secret.csv"),
            "it matches `out.csv`: the path leaves the folder of lists",
        ),
        ("o*/*.csv", _link("out", "../outside"), "it matches `out`: the path leaves the folder of lists"),
        ("out/*.csv", _link("out", "../outside"), "the path leaves the folder of lists by a symbolic link"),
        ("*.csv", _link("x.csv", ".q4/a.csv"), "it matches `x.csv`: no file or folder whose name begins with a dot"),
        ("*.csv", _link("x.csv", "README"), "it matches `x.csv`: the name of a list ends in"),
        ("*", lambda root: (root / "README").write_text(""), "it matches `README`: the name of a list ends in"),
        ("q3/*", lambda root: (root / "q3/a.csv~").write_text(""), "it matches `q3/a.csv~`: the name of a list"),
        ("*.csv", lambda root: (root / "a\x1b[31m.csv").write_text(""), "it matches `a?[31m.csv`, whose name holds"),
        (".*.csv", None, "begins with a dot"),
        ("*/.hidden.csv", None, "begins with a dot"),
        ("../*.csv", None, "the path leaves the folder of lists"),
        ("*/../*.csv", None, "`..` cannot follow a `*`"),
        ("*/../a.csv", None, "`..` cannot follow a `*`"),
        ("*/../../*.csv", None, "the path leaves the folder of lists"),
        ("/etc/*.csv", None, "the path is absolute"),
        ("x" * 300 + "/*.csv", None, "cannot be looked into: file name too long"),
        ("**.csv", None, "`**` stands for whole folders"),
        ("a**/x.csv", None, "`**` stands for whole folders"),
    ],
)
def test_what_a_pattern_may_not_match_is_refused_by_name(
    repo: Repository, folder: Path, pattern: str, prepare: Callable[[Path], object] | None, words: str
) -> None:
    """It is not passed over: a link, or a name with a typo, would leave people out without a word."""
    outside = folder.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secret.csv").write_text("email\n")
    if prepare:
        prepare(folder)
    repo.campaign(leads(f"leads:{pattern}"))
    found = repo.problem(leads_dir=folder)
    assert (found.code, found.place) == ("leads-source", "specs/campaigns/a.yaml:4:11")
    assert words in found.message
    assert "secret" not in found.message
    assert "\x1b" not in found.message


def test_a_name_that_is_no_text_is_refused(repo: Repository, folder: Path) -> None:
    (folder / os.fsdecode(b"M\xfcller.csv")).write_text("email\n")
    repo.campaign(leads("leads:*.csv"))
    assert "it matches `M?ller.csv`" in repo.problem(leads_dir=folder).message


def test_links_inside_are_followed_but_not_in_circles(repo: Repository, folder: Path) -> None:
    (folder / "q3/loop").symlink_to("../q3")
    (folder / "self.csv").symlink_to("self.csv")
    (folder / "link.csv").symlink_to("q3/a.csv")
    assert paths(repo, folder, "leads:link*.csv") == ["link.csv"]
    assert paths(repo, folder, "leads:*/loop/a.csv") == ["q3/loop/a.csv"]
    assert paths(repo, folder, "leads:q3/**/a.csv") == ["q3/a.csv"]
    assert paths(repo, folder, "leads:s*.csv") == ["self.csv"]


def test_too_many_files_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(folder.resolve())
    monkeypatch.setattr(wildcards, "MOST_FILES", 2)
    assert matches(root, "", "q3/*.csv") == ["q3/a.csv", "q3/b.csv"]
    with pytest.raises(RefusedPathError, match="more than 2 files"):
        matches(root, "", "q3/**")
    monkeypatch.setattr(wildcards, "MOST_LOOKED_AT", 8)
    with pytest.raises(RefusedPathError, match="more than 8 files and folders would have to be looked at"):
        matches(root, "", "**/nothing.csv")


def test_a_folder_is_not_looked_into_once_for_each_way_that_leads_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wildcards, "MOST_LOOKED_AT", 1_000)
    assert matches(str(folder.resolve()), "", "**/" * 20 + "c.jsonl") == ["q3/east/c.jsonl"]


NAMES = st.sampled_from(["a", "b", "a.csv", "ab.csv", "b.csv"])
PARTS = st.sampled_from(["*", "a*", "?.csv", "[ab]", "*.csv", "a", "**", "*b*"])


@examples(100)
@given(
    files=st.sets(st.lists(NAMES, min_size=1, max_size=3).map("/".join), max_size=6),
    parts=st.lists(PARTS, min_size=1, max_size=4).filter(
        lambda parts: parts[-1] != "**" and len(set("".join(parts))) > 1
    ),
)
def test_patterns_match_what_pathlib_matches(
    tmp_path_factory: pytest.TempPathFactory, files: set[str], parts: list[str]
) -> None:
    """Where there are no links and no hidden names, both say the same."""
    root = tmp_path_factory.mktemp("tree")
    for file in files:
        if not any((root / parent).is_file() for parent in Name(file).parents) and not (root / file).exists():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text("")
    pattern = "/".join(parts)
    expected = {path.relative_to(root).as_posix() for path in root.glob(pattern) if path.is_file()}
    assert matches(str(root), "", pattern) == sorted(expected)
