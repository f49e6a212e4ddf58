"""What the README shows is what the program prints."""

import re
import shutil

from support.world import REPOSITORY, World

_DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) +\d+ +[A-Z][a-z]{2}")


def _plain(line: str) -> str:
    return " ".join(_DATE.sub("DATE", line).split())


def test_the_example_of_the_readme_is_what_the_demo_prints(world: World) -> None:
    """In its order; dates and spaces aside, and without the lines and ends that `…` stands for."""
    shutil.rmtree(world.specs)
    shutil.copytree(REPOSITORY / "specs", world.specs)
    printed = [_plain(line) for line in world.cli("apply", "--sandbox", "--auto-approve").out.splitlines()]
    readme = (REPOSITORY / "README.md").read_text()
    example = readme[readme.index("    142 people get") : readme.index("Now change a word")]
    shown = [_plain(line) for line in example.splitlines() if line.strip() not in {"", "…"}]
    assert len(shown) > 7
    rest = iter(printed)
    for line in shown:
        wanted = line.removesuffix("…").rstrip()
        assert any(found.startswith(wanted) if line.endswith("…") else found == wanted for found in rest), line


def test_what_to_do_first_comes_before_the_key() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    use = readme[readme.index("**Use it**") :]
    assert use.index("reconciler plan --sandbox") < use.index("LEADTERRA_API_KEY")
