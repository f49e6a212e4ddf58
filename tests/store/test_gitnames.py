"""Names that come from workspace.yaml, where a stranger may have written them."""

import itertools
import re
import subprocess
from pathlib import Path

import pytest

from reconciler.model.workspace import ENVIRONMENT_PATTERN
from reconciler.store.gitnames import default_ref, environment_ref, find_remote, is_ref_name, is_remote_name, seen_ref


@pytest.mark.parametrize(
    ("name", "ref"),
    [
        ("acme", "refs/reconciler/acme"),
        ("ACME Corp / Sales", "refs/reconciler/ACME-Corp-Sales"),
        ("../../heads/main", "refs/reconciler/heads-main"),
        ("a.lock", "refs/reconciler/a-lock"),
        ("--delete", "refs/reconciler/delete"),
        ("x" * 300, "refs/reconciler/" + "x" * 80),
    ],
)
def test_a_workspace_has_a_ref(name: str, ref: str) -> None:
    assert default_ref(name) == ref


def test_names_in_other_letters_have_refs_of_their_own() -> None:
    refs = {default_ref("日本"), default_ref("Ωμέγα"), default_ref("default")}
    assert len(refs) == 3
    assert all(is_ref_name(ref) for ref in refs)


def test_no_two_environments_share_a_ref_and_git_allows_each() -> None:
    parts = ("a", "..", ".", ".lock", "B", "-", "_")
    names = {"".join(chosen) for count in (1, 2, 3) for chosen in itertools.product(parts, repeat=count)}
    names = {name for name in names if re.fullmatch(ENVIRONMENT_PATTERN, name)}
    refs = {environment_ref("refs/reconciler/x", name) for name in (None, *names)}
    assert len(refs) == len(names) + 1
    for ref in refs:
        subprocess.run(["git", "check-ref-format", ref], check=True)
        subprocess.run(["git", "check-ref-format", seen_ref("origin", ref)], check=True)


@pytest.mark.parametrize(
    "name",
    [
        "", "-x", "--upload-pack=x", "../x", "a/b", "https://h/x", "h:x", "ext::sh", "a b", ".", "..", "a..b",
        "a.lock", "x\n",
    ],
)  # fmt: skip
def test_what_could_be_a_path_an_option_or_an_address_is_no_remote(name: str) -> None:
    assert not is_remote_name(name)
    assert is_remote_name("origin")
    assert is_remote_name("up.stream-2_x")


@pytest.mark.parametrize(
    "ref",
    [
        "", "main", "refs/x", "heads/main/x", "refs/x/", "refs//x/y", "refs/x/../y", "refs/x/a..b", "refs/x/y.lock",
        "refs/x/y.", "refs/x/-y", "refs/x/.y", "refs/x/y@z", "refs/x/y:z", "refs/x/y z", "refs/x/y\n", "+refs/x/y",
        "refs/x/" + "y" * 300,
    ],
)  # fmt: skip
def test_what_is_no_ref_of_a_state(ref: str) -> None:
    assert not is_ref_name(ref)
    assert is_ref_name("refs/reconciler/production")


def test_the_remote_of_a_clone(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    assert find_remote(tmp_path, "origin") is None
    git("init", "--quiet")
    assert find_remote(tmp_path, "origin") is None
    git("remote", "add", "up", "x")
    assert find_remote(tmp_path, "origin") == "up"
    git("remote", "add", "other", "y")
    assert find_remote(tmp_path, "origin") is None
    assert find_remote(tmp_path, "other") == "other"
    git("remote", "add", "origin", "z")
    assert find_remote(tmp_path, "origin") == "origin"
