"""The rooms of the package import downwards only (design §2), and the contracts that say so can fail."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.world import REPOSITORY

CONTRACTS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def lint(folder: Path) -> tuple[int, str]:
    """Hold the package below a folder to the contracts of its pyproject.toml."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Copy the package and its contracts, to break them."""
    shutil.copytree(REPOSITORY / "reconciler", tmp_path / "reconciler", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_is_kept() -> None:
    code, told = lint(REPOSITORY)
    assert code == 0, told
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken" in told


OFFENCES = {
    "rooms": ("planning/diff.py", "import reconciler.session"),
    "the core is pure": ("tokens.py", "import pathlib"),
    "the sandbox shares nothing with the client it tests": ("sandbox/engine.py", "import reconciler.model.live"),
    "deepdiff has one user": ("reporting/text.py", "import deepdiff"),
}


def test_every_contract_can_be_broken(copied: Path) -> None:
    """One offence against each of them, all in one run."""
    assert set(OFFENCES) == {contract["name"] for contract in CONTRACTS}
    for name, offence in OFFENCES.values():
        with (copied / "reconciler" / name).open("a") as file:
            file.write(f"\n{offence}\n")
    code, told = lint(copied)
    assert code == 1
    assert f"Contracts: 0 kept, {len(CONTRACTS)} broken" in told


def test_a_new_room_needs_its_place(copied: Path) -> None:
    (copied / "reconciler" / "attic").mkdir()
    (copied / "reconciler" / "attic" / "__init__.py").write_text("")
    code, told = lint(copied)
    assert code != 0
    assert "attic" in told
