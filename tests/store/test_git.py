"""The state in a ref of a remote: the contract of every backend, and what is git's own."""

from pathlib import Path

import pytest
from store.contract import StoreContract
from store.gitworld import GitBackend


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of the machine, and nobody who could be the author of a commit."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{name}_NAME", raising=False)
        monkeypatch.delenv(f"GIT_{name}_EMAIL", raising=False)


@pytest.fixture
def backend(tmp_path: Path) -> GitBackend:
    return GitBackend(tmp_path / "git")


class TestGitStore(StoreContract):
    """The contract, on a ref."""
