"""Files that a person asked for are there as a whole or not at all."""

import os
from pathlib import Path

import pytest

from reconciler.diagnostics import ReconcilerError
from reconciler.store.output import write_output


def refused(path: Path) -> str:
    with pytest.raises(ReconcilerError) as caught:
        write_output(path, "new", what="the plan")
    (found,) = caught.value.diagnostics
    assert found.code == "output-file"
    assert "the plan" in found.message
    assert str(path) in found.message
    return found.message


def test_a_file_is_made_or_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    umask = os.umask(0o027)
    try:
        write_output(path, "old", what="the plan")
    finally:
        os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o640
    write_output(path, "neu …", what="the plan")
    assert path.read_text(encoding="utf-8") == "neu …"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "no space left on device" in refused(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "is not a file" in refused(pipe)
    assert "is not a file" in refused(tmp_path)
    assert pipe.is_fifo()
    assert "no such file or directory" in refused(tmp_path / "nowhere" / "plan.json")


def test_a_link_is_followed(tmp_path: Path) -> None:
    path, link = tmp_path / "plan.json", tmp_path / "link.json"
    link.symlink_to(path)
    write_output(link, "new", what="the plan")
    assert link.is_symlink()
    assert path.read_text() == "new"
    round_and_round = tmp_path / "round"
    round_and_round.symlink_to(round_and_round)
    refused(round_and_round)


def test_a_long_name(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 127)
    write_output(path, "new", what="the plan")
    assert list(tmp_path.iterdir()) == [path]
