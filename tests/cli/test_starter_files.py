"""What `init` and `new` write."""

import re
import shutil

from support.world import World

LINE = re.compile(r"\A# yaml-language-server: \$schema=(\S+)\n")


def test_editors_find_the_schemas(world: World) -> None:
    shutil.rmtree(world.specs)
    assert world.cli("init").code == 0
    assert world.cli("new", "second").code == 0
    files = sorted(world.specs.rglob("*.yaml"))
    assert len(files) == 3
    for file in files:
        named = LINE.match(file.read_text())
        assert named, file
        kind = "workspace" if file.name == "workspace.yaml" else "campaign"
        assert (file.parent / named[1]).resolve() == (world.root / "schemas" / f"{kind}.schema.json").resolve()
        assert (file.parent / named[1]).is_file()
    assert sorted(path.name for path in (world.root / "schemas").iterdir()) == [
        "campaign.schema.json",
        "workspace.schema.json",
    ]


def test_schemas_that_are_there_stay(world: World) -> None:
    shutil.rmtree(world.specs)
    schema = world.root / "schemas" / "campaign.schema.json"
    schema.parent.mkdir()
    schema.write_text("{}\n")
    assert world.cli("init").code == 0
    assert schema.read_text() == "{}\n"


def test_comments_stand_in_one_column(world: World) -> None:
    shutil.rmtree(world.specs)
    assert world.cli("init").code == 0
    assert world.cli("new", "a-key-of-some-length").code == 0
    for file in (world.specs / "campaigns").iterdir():
        columns = {line.index(" # ") for line in file.read_text().splitlines() if " # " in line}
        assert len(columns) == 1, file.read_text()


def test_paths_are_relative_and_the_sandbox_comes_before_the_key(world: World) -> None:
    shutil.rmtree(world.specs)
    ended = world.cli("init")
    wrote = re.findall(r"^Wrote (\S+)$", ended.out, re.MULTILINE)
    assert ".gitignore" in wrote
    assert "schemas/campaign.schema.json" in wrote
    assert not [path for path in wrote if path.startswith("/")]
    last = ended.out.splitlines()[-1]
    assert 0 <= last.index("reconciler plan --sandbox") < last.index("LEADTERRA_API_KEY")


def test_two_files_as_written_are_not_taken_for_a_rename(world: World) -> None:
    assert world.cli("new", "first").code == 0
    world.apply()
    (world.specs / "campaigns" / "first.yaml").unlink()
    assert world.cli("new", "second").code == 0
    ended = world.cli("plan")
    assert ended.code == 0, ended.text
    assert "moved" not in ended.text


def test_an_environment_is_in_the_file_that_init_writes(world: World) -> None:
    shutil.rmtree(world.specs)
    ended = world.cli("init", "--env", "staging")
    assert ended.code == 0, ended.err
    assert "Next: reconciler plan --env staging --sandbox" in ended.out
    assert world.cli("validate", "--env", "staging").code == 0
    assert world.cli("plan", "--env", "staging").code == 0
    assert (world.root / ".github" / "workflows" / "reconciler-plan-staging.yml").is_file()


def test_a_further_environment_gets_workflows_and_is_told_the_rest(world: World) -> None:
    shutil.rmtree(world.specs)
    assert world.cli("init").code == 0
    before = {path: path.read_bytes() for path in world.specs.rglob("*.yaml")}
    ended = world.cli("init", "--env", "staging")
    assert ended.code == 0, ended.err
    assert {path: path.read_bytes() for path in world.specs.rglob("*.yaml")} == before
    assert (world.root / ".github" / "workflows" / "reconciler-apply-staging.yml").is_file()
    assert "`environments: {staging: {}}` in specs/workspace.yaml" in ended.out
    assert ended.out.rstrip().endswith("reconciler state init --env staging")
    with (world.specs / "workspace.yaml").open("a") as file:
        file.write("environments: {staging: {}}\n")
    assert world.cli("state", "init", "--env", "staging", "--auto-approve").code == 0
    assert world.cli("plan", "--env", "staging").code == 0
