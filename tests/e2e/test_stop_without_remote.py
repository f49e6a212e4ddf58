"""An emergency stop pauses what was last seen, also while the remote that has the state is away."""

from pathlib import Path

from support.scene import make_world, read_state


def test_a_stop_while_the_remote_is_away(tmp_path: Path) -> None:
    world = make_world(tmp_path, "all", "git")
    try:
        world.leads("one", 3)
        world.campaign("one", status="running")
        assert world.cli("state", "init").code == 0
        assert world.cli("apply", "--auto-approve").code == 0
        (tmp_path / "remote.git").rename(tmp_path / "away.git")
        ended = world.cli("stop", "--all", "--reason", "wrong price")
        assert ended.code == 1
        assert world.remote("Campaign one").status == "paused"
        assert "no mark could be left" in ended.err
        assert "Pausing what was managed when the state was last seen here." in ended.err
        (tmp_path / "away.git").rename(tmp_path / "remote.git")
        again = world.cli("stop", "--all", "--reason", "wrong price")
        assert again.code == 0, again.text
        assert [mark.scope for mark in read_state(world).stops] == ["*"]
    finally:
        world.close()
