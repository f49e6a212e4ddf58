"""The one line of workspace.yaml that the program writes."""

from pathlib import Path

import pytest
import yaml

from reconciler.diagnostics import SpecError
from reconciler.loading.lineage import read_lineage, with_lineage, write_workspace


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
