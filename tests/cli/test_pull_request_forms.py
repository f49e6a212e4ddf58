"""`--format markdown` and `--format github`: what a pipeline reads on stdout, with the exit codes of every form."""

import re

import pytest
from support.world import Ended, World

from reconciler.reporting.budget import SMALLEST
from reconciler.reporting.markdown import marker

HOSTILE = '"Hi\\n::error::fake ##[group]x </details> <!-- reconciler:plan x/y --> @acme #1 | ![x](http://x.example)"'


@pytest.fixture
def drafted(world: World) -> World:
    """Make a world with a running campaign, a draft to be made, and one that needs somebody."""
    world.workspace(workspace="acme")
    for key in ("one", "three"):
        world.leads(key)
        world.campaign(key, status="running")
    world.apply()
    world.campaign("three", status="draft")
    world.campaign("two", leads=None)
    return world


def commands(ended: Ended) -> list[str]:
    return re.findall(r"^::\S+ .*", ended.out, re.MULTILINE)


def test_a_comment_on_the_plan(drafted: World) -> None:
    ended = drafted.cli("plan", "--format", "markdown")
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.startswith(marker("plan", "acme", drafted.place.environment_name))
    assert "❌ needs you: 1" in ended.out
    assert "| 🟡 `two` | is created |" in ended.out
    assert "> **Subject:** Hello Ada\n>\n> Hi Ada,\n>\n> first.\n" in ended.out
    assert "| `one` | running | 3 |" in ended.out


def test_a_comment_within_fewer_bytes(drafted: World) -> None:
    for number in range(60):
        drafted.campaign(f"more-{number}", leads=None)
    link = "https://example.com/runs/1"
    ended = drafted.cli("plan", "--format", "markdown", "--max-bytes", f"{SMALLEST}", "--link", link)
    assert len(ended.out.encode()) <= SMALLEST
    assert f"*Left out, as there is no room for it: the technical plan.* – [see all of it]({link})" in ended.out  # noqa: RUF001
    for wrong in (("--max-bytes", "100"), ("--link", "javascript:alert(1)"), ("--link", "https://x.example/) @acme")):
        refused = drafted.cli("plan", "--format", "markdown", *wrong)
        assert (refused.code, refused.out) == (1, "")
        assert wrong[0] in refused.err


def test_annotations_of_a_plan_then_the_plan_as_text(drafted: World) -> None:
    ended = drafted.cli("plan", "--format", "github")
    assert ended.code == 1
    told = commands(ended)
    assert ended.out.split("\n")[: len(told)] == told
    assert re.match(r"::error file=specs/campaigns/three\.yaml,line=\d+,title=three needs you::", told[0])
    assert "✗ three needs you" in ended.out
    assert drafted.cli("plan", "--format", "github", "--target", "two", "--detailed-exitcode").code == 2


@pytest.mark.parametrize("command", ["validate", "plan", "apply"])
def test_invalid_files_are_annotated_at_their_lines(drafted: World, command: str) -> None:
    drafted.campaign("two", colour="red")
    ended = drafted.cli(command, "--format", "github")
    assert ended.code == 1
    (told,) = commands(ended)
    assert re.match(r"::error file=specs/campaigns/two\.yaml,line=1,col=\d+,title=unknown-key::", told)
    assert "specs/campaigns/two.yaml" in ended.err


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_invalid_files_are_a_comment_of_their_own_under_the_same_marker(drafted: World, command: str) -> None:
    drafted.campaign("two", colour="red")
    ended = drafted.cli(command, "--format", "markdown")
    assert ended.code == 1
    what = "plan" if command == "plan" else "apply"
    assert ended.out.startswith(marker(what, "acme", drafted.place.environment_name))
    assert "❌ needs you: 1" in ended.out
    assert "colour" in ended.out


def test_valid_files_have_no_annotation(world: World) -> None:
    world.leads("one")
    world.campaign("one")
    ended = world.cli("validate", "--format", "github")
    assert (ended.code, ended.out) == (0, "1 campaign is valid.\n")


def test_an_apply_reports_as_markdown_and_shows_the_plan_to_whoever_is_asked_only(drafted: World) -> None:
    ended = drafted.cli("apply", "--auto-approve", "--format", "markdown")
    assert ended.code == 1
    assert ended.out.startswith(marker("apply", "acme", drafted.place.environment_name))
    assert "| ✅ `two` | created" in ended.out
    assert ended.out.count("<!--") == 1


def test_an_apply_annotates_what_it_could_not_do(drafted: World) -> None:
    ended = drafted.cli("apply", "--auto-approve", "--format", "github")
    assert ended.code == 1
    assert [told.partition("::")[2].partition(" ")[0] for told in commands(ended)] == ["error"]
    assert "✓ two" in ended.out


def test_texts_of_strangers_act_on_nothing(world: World) -> None:
    path = world.campaign("one", leads=None, name="NAME", owner="NAME", labels={"team": "NAME"})
    subject = HOSTILE.replace("\\n", " ")
    text = re.sub("(?<=subject: ).*", lambda _: subject, path.read_text())
    path.write_text(text.replace("NAME", HOSTILE))
    world.session()
    shown = world.cli("plan", "--format", "markdown")
    assert shown.code == 0
    assert (shown.out.count("<!--"), shown.out.count("</details>")) == (1, shown.out.count("<details>"))
    assert not re.search(r"@acme|#1\b|!\[|\]\(", shown.out)
    for command in (("plan", "--format", "github"), ("apply", "--auto-approve", "--format", "github")):
        assert not [told for told in commands(world.cli(*command)) if not told.startswith("::notice file=specs/")]
