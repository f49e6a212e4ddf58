"""The state in a folder: the contract of every backend, and what is a folder's own."""

from pathlib import Path

import pytest
from store.contract import STATE, StoreContract

from reconciler.store.lease import Times
from reconciler.store.local import TIMES, LocalStore


class LocalBackend:
    quick = Times(beat=0.1, expiry=0.8, poll=0.05, longest_request=0.2)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code = (
            "opened(__import__('functools').partial(__import__('reconciler.store.local', fromlist=['x']).LocalStore, "
            f"__import__('pathlib').Path({str(folder)!r})), times=None)"
        )

    def open(self, times: Times | None = None) -> LocalStore:
        return LocalStore(self.folder, times=times or TIMES)

    def snapshot(self) -> object:
        return [(self.folder / name).read_bytes() for name in ("state.json", "journal.jsonl", "history.jsonl")]

    def document(self) -> bytes:
        return (self.folder / "state.json").read_bytes()

    def journal(self) -> bytes:
        return (self.folder / "journal.jsonl").read_bytes()

    def plant_document(self, content: bytes) -> None:
        (self.folder / "state.json").write_bytes(content)

    def plant_record(self, serial: int, content: bytes) -> None:
        (self.folder / "journal.jsonl").write_bytes(content)

    def plant_blob(self, name: str, content: bytes) -> None:
        (self.folder / "blobs" / name).write_bytes(content)

    def plant_lease(self, content: bytes) -> None:
        (self.folder / "lease.json").write_bytes(content)


@pytest.fixture
def backend(tmp_path: Path) -> LocalBackend:
    return LocalBackend(tmp_path / "repository" / ".reconciler" / "production")


@pytest.fixture
def store(backend: LocalBackend) -> LocalStore:
    store = backend.open()
    store.create(STATE, by="ada")
    return store


class TestLocalStore(StoreContract):
    """The contract, on a folder."""
