"""The one line of workspace.yaml that the program writes."""

from pathlib import Path

import pytest
import yaml

from reconciler.diagnostics import SpecError
from reconciler.loading.lineage import Kept, read_kept, read_lineage, with_lineage, write_workspace
from reconciler.model.workspace import StateFile


def put(folder: Path, text: str) -> Path:
    path = folder / "workspace.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment\n",
        "workspace: acme # mine\npolicy: {timezone: UTC}\n",
        "state:\n  backend: local # here\nworkspace: acme\n",
        "state: {backend: local}\nworkspace: acme\n",
        "state: {}\n",
        "state:\nworkspace: acme\n",
        "workspace: acme\nstate:",
        "workspace: acme\nstate:    # nothing yet\n",
    ],
)
def test_the_lineage_is_added_and_everything_else_stays(tmp_path: Path, text: str) -> None:
    path = put(tmp_path, text)
    before = yaml.safe_load(text) or {}
    write_workspace(path, with_lineage(path, "L1"))
    after = yaml.safe_load(path.read_text())
    assert after == {**before, "state": {**(before.get("state") or {}), "lineage": "L1"}}
    assert read_lineage(path) == "L1"
    assert {line.split("#")[1] for line in text.splitlines() if "#" in line} <= {
        line.split("#")[1] for line in path.read_text().splitlines() if "#" in line
    }


BROKEN = ["state: local\n", "state: [a]\n", "state: {backend: local\n", "\tx: 1\n"]


@pytest.mark.parametrize("text", BROKEN)
def test_what_cannot_be_done_safely_is_refused_and_nothing_is_written(tmp_path: Path, text: str) -> None:
    path = put(tmp_path, text)
    with pytest.raises(SpecError):
        with_lineage(path, "L1")
    assert path.read_text() == text


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.yaml"
    target.write_text("workspace: x\n")
    path = tmp_path / "workspace.yaml"
    path.symlink_to(target)
    with pytest.raises(SpecError, match="link"):
        with_lineage(path, "L1")


def test_no_file_is_no_lineage_and_a_broken_one_is_an_error(tmp_path: Path) -> None:
    assert read_lineage(tmp_path / "workspace.yaml") is None
    with pytest.raises(SpecError, match="not known whether there was a state"):
        read_lineage(put(tmp_path, "state: [\n" + "[" * 5000))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ("default", "local", "origin", None, False)),
        ("workspace: acme\n", ("acme", "local", "origin", None, False)),
        ("state: {lineage: x}\n", ("default", "local", "origin", None, True)),
        ("state: {backend: git}\n", ("default", "git", "origin", None, True)),
        (
            "workspace: 'A b'\nstate:\n  backend: git\n  remote: up\n  ref: refs/x/y\n",
            ("A b", "git", "up", "refs/x/y", True),
        ),
        ("policy: 7\nnonsense: [1]\nstate: {backend: git, x-y: 1}\n", ("default", "git", "origin", None, True)),
        ("policy: {\nworkspace: acme\nstate:\n  backend: git # ours\n", ("acme", "git", "origin", None, True)),
        ("\tx: 1\n", ("default", "local", "origin", None, False)),
        ("policy: [\nstate:\n  lineage: x\n", ("default", "local", "origin", None, True)),
    ],
)
def test_where_the_state_is_is_read_also_from_a_broken_file(
    tmp_path: Path, text: str, kept: tuple[str, str, str, str | None, bool]
) -> None:
    found = read_kept(put(tmp_path, text))
    assert (found.workspace, found.state.backend, found.state.remote, found.state.ref, found.settled) == kept


def test_without_a_file_the_state_is_where_the_defaults_say(tmp_path: Path) -> None:
    assert read_kept(tmp_path / "workspace.yaml") == Kept("default", StateFile(), settled=False)


@pytest.mark.parametrize(
    "state", ["{backend: gti}", "{backend: git, remote: 'https://h/x'}", "{backend: git, ref: main}", "{remote: -x}"]
)
def test_a_place_that_cannot_be_is_refused(tmp_path: Path, state: str) -> None:
    with pytest.raises(SpecError, match="not known where the state is"):
        read_kept(put(tmp_path, f"state: {state}\n"))


@pytest.mark.parametrize(
    "text", ["", "state: {}\n", "state:\n", "state: {x-y: 1}\n", "state:\n  x-y: 1\nworkspace: w\n"]
)
def test_more_is_written_beside_the_lineage(tmp_path: Path, text: str) -> None:
    path = put(tmp_path, text)
    before = (yaml.safe_load(text) or {}).get("state") or {}
    write_workspace(path, with_lineage(path, "L1", backend="git", remote="up"))
    assert yaml.safe_load(path.read_text())["state"] == {**before, "backend": "git", "remote": "up", "lineage": "L1"}
