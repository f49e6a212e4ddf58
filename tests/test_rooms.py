"""The rooms of the package import downwards only (design §2), and the contracts that say so can fail."""

import itertools
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


IMPURE = (
    "email_validator", "packaging", "csv", "ctypes", "fileinput", "getpass", "glob", "http", "importlib",
    "multiprocessing", "pickle", "queue", "secrets", "select", "signal", "smtplib", "ssl", "uuid", "webbrowser",
)  # fmt: skip
OFFENCES = {
    "rooms": [("planning.diff", "reconciler.session")],
    "the core is pure": [
        ("diagnostics", "sys"),
        ("model.plan", "time"),
        ("planning.single", "random"),
        ("tokens", "pathlib"),
        *(("ports", name) for name in IMPURE),
    ],
    "the sandbox shares nothing with the client it tests": [("sandbox.engine", "reconciler.model.live")],
    "deepdiff has one user": [
        (module, "deepdiff")
        for module in (
            "__main__", "cli", "diagnostics", "model.plan", "planning", "planning.guards", "planning.planner", "ports",
            "reporting.text", "tokens",
        )
    ],
    "lists alone are in DuckDB": [("planning.contacts", "duckdb"), ("upkeep", "numpy"), ("leadterra.client", "numpy")],
    "the client alone speaks HTTP": [
        *((module, "httpx") for module in ("__main__", "leads", "planning.planner", "sandbox.server", "session")),
        *((module, "stamina") for module in ("execution.campaign", "store.local", "wiring")),
    ],
}  # fmt: skip


def test_every_contract_can_be_broken(copied: Path) -> None:
    """Offences against each of them, all in one run, and every one of them is told below its contract's name."""
    assert list(OFFENCES) == [contract["name"] for contract in CONTRACTS]
    for module, imported in itertools.chain(*OFFENCES.values()):
        path = copied / "reconciler" / module.replace(".", "/")
        with (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).open("a") as file:
            file.write(f"\nimport {imported}\n")
    code, told = lint(copied)
    assert code == 1
    assert f"Contracts: 0 kept, {len(CONTRACTS)} broken" in told
    for name, offences in OFFENCES.items():
        below = told.partition(f"\n{name}\n{'-' * len(name)}\n")[2]
        for module, imported in offences:
            assert f"reconciler.{module} -> {imported} (l." in below


def test_a_new_room_needs_its_place(copied: Path) -> None:
    (copied / "reconciler" / "attic").mkdir()
    (copied / "reconciler" / "attic" / "__init__.py").write_text("")
    code, told = lint(copied)
    assert code != 0
    assert "attic" in told
