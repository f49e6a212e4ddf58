"""Blobs as files, beside somebody who tidies up."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.diagnostics import StateError
from reconciler.store import blobs
from reconciler.store.blobs import LocalBlobs


@pytest.mark.parametrize(("takes", "written"), [(3, True), (1000, False)])
def test_a_blob_that_a_sweep_takes_while_it_is_begun_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes: int, *, written: bool
) -> None:
    """However often that happens in a row, within reason: then it is told."""
    write, tries = blobs.replace_durably, iter(range(10_000))

    def swept(path: Path, content: bytes, **named: Any) -> None:
        if next(tries) < takes:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        write(path, content, **named)

    monkeypatch.setattr(blobs, "replace_durably", swept)
    store = LocalBlobs(tmp_path / "blobs")
    if written:
        assert store.read(store.put(b"content")) == b"content"
    else:
        with pytest.raises(StateError, match="could not be written"):
            store.put(b"content")
