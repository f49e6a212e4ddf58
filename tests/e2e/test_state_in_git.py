"""The state in git, seen from outside: few pushes, a history that tells, nothing of it in the clone."""

from pathlib import Path

from support.scene import REF, git, make_world


def test_an_apply_takes_few_pushes_however_many_campaigns(tmp_path: Path) -> None:
    """The intents of a wave share a push, and so do its outcomes: for 80 requests a dozen, more on a busy machine."""
    world = make_world(tmp_path, "all", "git")
    try:
        for number in range(40):
            world.campaign(f"draft-{number:02}", status="draft", leads=None, sequenceSteps=[step(number)])
        assert world.cli("state", "init").code == 0
        ended = world.cli("apply", "--auto-approve")
        assert ended.code == 0, ended.text
        remote = str(tmp_path / "remote.git")
        pushes = int(git("-C", remote, "rev-list", "--count", REF))
        assert pushes <= 40
        subjects = git("-C", remote, "log", "--format=%B", REF)
        assert all(f"draft-{number:02} created as camp_" in subjects for number in range(40))
        assert git("-C", remote, "fsck", "--strict") == ""
        assert git("-C", str(world.root), "status", "--porcelain", "--untracked-files=no") == ""
        assert git("-C", str(world.root), "branch", "--list") == ""
        told = world.cli("history", "draft-07").out
        assert "draft-07 created as camp_" in told
        assert "draft-08" not in told
    finally:
        world.close()


def step(number: int) -> dict[str, object]:
    return {"subject": f"Draft {number}", "bodyText": f"Text {number}"}
