"""The workflows as they are written: actionlint, shellcheck and zizmor find nothing in them, and could."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.world import REPOSITORY, World

from reconciler.loading.pipelines import Pipelines, workflow_texts

TOOLS = Path(sys.executable).parent
OURS = REPOSITORY / ".github"
SOURCE = f"acme/reconciler@{'0123456789' * 4}"
WRITTEN = Pipelines(SOURCE, "marketing/specs", "staging", "main")


def run(folder: Path, *words: str | Path) -> tuple[int, str]:
    """Run a tool of this environment; actionlint finds shellcheck on the PATH."""
    done = subprocess.run(
        [TOOLS / words[0], *words[1:]],
        cwd=folder,
        env={"PATH": f"{TOOLS}:/usr/bin:/bin", "HOME": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def lint(folder: Path) -> str:
    """Return what the linters find below a folder with a `.github`."""
    files = sorted((folder / ".github" / "workflows").glob("*.yml"))
    assert files
    scripts = sorted((folder / ".github").rglob("*.sh"))
    found = [run(folder, "actionlint", "-no-color", *files), run(folder, "zizmor", "--offline", "--quiet", ".github")]
    found += [run(folder, "shellcheck", *scripts)] if scripts else []
    return "\n".join(told for code, told in found if code)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(OURS, tmp_path / ".github")
    return tmp_path


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Write the workflows of two workspaces, as `init` does."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for pipelines in (WRITTEN, WRITTEN._replace(environment=None, specs="specs")):
        for name, text in workflow_texts(pipelines).items():
            (folder / name).write_text(text)
    return tmp_path


def test_nothing_is_found_in_ours(copied: Path) -> None:
    assert lint(copied) == ""
    assert run(copied, "zizmor", "--offline", "--quiet", "--persona", "pedantic", ".github")[0] == 0


def test_nothing_is_found_in_what_init_writes(written: Path) -> None:
    assert len(list((written / ".github" / "workflows").iterdir())) == 10
    assert lint(written) == ""


@pytest.mark.parametrize(
    ("file", "before", "after", "told"),
    [
        ("workflows/plan.yml", "inputs.refresh }}", "inputs.refesh }}", "refesh"),
        ("workflows/plan.yml", "@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0", "@v7", "unpinned-uses"),
        ("workflows/plan.yml", '"$RUNNER_TEMP/plan"', "$RUNNER_TEMP/plan", "SC2086"),
        ("workflows/stop.yml", '--reason "$REASON"', "--reason ${{ inputs.reason }}", "template-injection"),
        ("workflows/apply.yml", "          persist-credentials: false\n", "", "artipacked"),
        ("workflows/plan.yml", "\non:\n", "\non:\n  pull_request_target:\n", "dangerous-triggers"),
        ("actions/reconciler/apply.sh", '"$folder"', "$folder", "SC2086"),
    ],
)
def test_the_linters_find_what_is_wrong(copied: Path, file: str, before: str, after: str, told: str) -> None:
    path = copied / ".github" / file
    text = path.read_text()
    assert before in text
    # The right indentation of a single key is not the point here.
    path.write_text(text.replace(before, after).replace("        with:\n\n", "\n"))
    assert told in lint(copied)


def steps(text: str) -> list[dict[str, Any]]:
    document = yaml.safe_load(text)
    jobs = document["jobs"].values() if "jobs" in document else [document["runs"]]
    return [step for job in jobs for step in job.get("steps", [])]


def test_every_action_is_pinned_by_commit_or_comes_from_the_same_commit() -> None:
    for path in OURS.rglob("*.yml"):
        for step in steps(path.read_text()):
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}|\$/\.github/actions/[a-z]+", step["uses"]), path


def test_a_key_is_given_to_single_steps_only_and_validate_gets_none() -> None:
    for path in (OURS / "workflows").glob("*.yml"):
        document = yaml.safe_load(path.read_text())
        for job in document["jobs"].values():
            assert "LEADTERRA_API_KEY" not in str(job.get("env", {}))
            assert "permissions" in job or document["permissions"] == {"contents": "read"}
    (validate,) = (
        item for item in steps((OURS / "workflows" / "plan.yml").read_text()) if item.get("id") == "validate"
    )
    assert "secrets" not in str(validate)


def test_the_files_of_a_user_are_short(written: Path) -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in (written / ".github" / "workflows").iterdir()}
    assert lengths["reconciler-plan.yml"] <= 13
    assert max(lengths.values()) <= 24


def test_init_writes_them_at_the_root_of_the_repository(world: World) -> None:
    shutil.rmtree(world.specs)
    subprocess.run(["git", "init", "--quiet", "--initial-branch=trunk"], cwd=world.root, check=True)
    mine = world.root / ".github" / "workflows" / "reconciler-drift-marketing.yml"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine\n")
    folder = world.root / "marketing"
    folder.mkdir()
    ended = world.cli("init", "--specs", "marketing/specs", "--workflows", SOURCE)
    assert ended.code == 0, ended.err
    assert mine.read_text() == "mine\n"
    plan = yaml.safe_load((mine.parent / "reconciler-plan-marketing.yml").read_text())["jobs"]["plan"]
    assert plan["uses"] == SOURCE.replace("@", "/.github/workflows/plan.yml@")
    assert plan["with"] == {"specs": "marketing/specs", "name": "reconciler-marketing"}
    assert "branches: [trunk]" in (mine.parent / "reconciler-apply-marketing.yml").read_text()
    assert "The workflows take what is on the branch trunk." in ended.out
    # Another workspace has workflows of its own.
    assert world.cli("init", "--workflows", SOURCE).code == 0
    assert (mine.parent / "reconciler-plan.yml").is_file()
    for wrong in ("acme/reconciler", "https://github.com/acme/reconciler@v1", "acme/reconciler@v1 # x", "a/b@"):
        refused = world.cli("init", "--workflows", wrong)
        assert (refused.code, "acme/reconciler@v1.2.0" in refused.err) == (1, True), wrong


def test_init_names_the_version_of_the_program_by_default(world: World) -> None:
    shutil.rmtree(world.specs)
    assert world.cli("init").code == 0
    text = (world.root / ".github" / "workflows" / "reconciler-plan.yml").read_text()
    assert re.search(r"uses: campaign-reconciler/reconciler/\.github/workflows/plan\.yml@v\d+\.\d+\.\d+\n", text)


def test_the_hook_of_pre_commit_runs(world: World) -> None:
    (hook,) = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
    assert re.search(hook["files"], "specs/campaigns/one.yaml")
    program, *words = hook["entry"].split()
    world.campaign("one", leads=None)
    done = subprocess.run(
        [TOOLS / program, *words], cwd=world.root, env={**os.environ, "CI": "true"}, capture_output=True, check=False
    )
    assert done.returncode == 0
    world.campaign("one", leads=None, colour="red")
    done = subprocess.run([TOOLS / program, *words], cwd=world.root, capture_output=True, check=False)
    assert done.returncode == 1
