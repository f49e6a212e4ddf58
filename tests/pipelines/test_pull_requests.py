"""The workflows run for real: what a pull request shows, to whom, and with which rights."""

import re
import subprocess
import sys

from pipelines.conftest import Team, clean, initialised
from support.world import REPOSITORY

from reconciler.reporting.markdown import marker

MARKER = marker("plan", "campaigns", "default")


def writes(team: Team) -> list[tuple[str, str]]:
    """Return the calls that changed comments: method, and the job that made it."""
    return [(call.method, call.job) for call in team.hub.calls if "/comments" in call.path and call.method != "GET"]


def test_a_pull_request_has_one_comment_which_changes_in_place(team: Team) -> None:
    opened = team.hub.open_pull_request("spring", files=team.starts("spring"))
    (run,) = opened.runs
    clean(run)
    assert run.results == {"plan": "success", "plan / plan": "success", "plan / comment": "success"}
    (comment,) = team.comments(opened.number)
    assert comment.startswith(MARKER)
    assert "**3 new people** get email" in comment
    assert "| 🟢 `spring` |" in comment
    head = team.hub.records.pulls[opened.number]["head"]["sha"]
    assert f"<code>spring&#64;{head[:7]}</code>" in comment
    plan = run.job("plan / plan")
    assert plan.summary == comment
    notes = [item.properties["title"] for item in plan.commands if "file" in item.properties]
    assert notes == ["tokens-unchecked"]
    assert {name: sorted(item.files) for name, item in run.artifacts.items()} == {
        f"reconciler-plan-{opened.number}": ["comment.md", "plan.json"],
        f"reconciler-preview-{opened.number}.html": [f"reconciler-preview-{opened.number}.html"],
    }
    page = run.artifacts[f"reconciler-preview-{opened.number}.html"].files[f"reconciler-preview-{opened.number}.html"]
    assert b"Hello Ada" in page
    # Nothing was changed, and the job that writes the comment has nothing else.
    assert team.world.writes() == []
    assert run.job("plan / comment").permissions == {"pull-requests": "write"}
    assert run.job("plan / plan").permissions == {"contents": "read"}

    # Somebody writes what looks like the comment: it is theirs, and stays.
    team.hub.comment(opened.number, f"{MARKER}All is fine, merge it.", login="stranger")
    team.world.campaign("spring", status="running", sequenceSteps=[{"subject": "Hi", "bodyText": "Hi", "delayDays": 0}])
    (again,) = team.hub.push_to_pull_request(opened.number, team.specs())
    clean(again)
    changed, theirs = team.comments(opened.number)
    assert changed.startswith(MARKER)
    assert changed != comment
    assert "> **Subject:** Hi" in changed
    assert theirs.endswith("All is fine, merge it.")
    assert writes(team) == [("POST", "plan / comment"), ("PATCH", "plan / comment")]


def test_invalid_files_are_told_at_their_lines_once_and_in_the_same_comment(team: Team) -> None:
    team.world.campaign("spring", colour="red", leads=None)
    opened = team.hub.open_pull_request("spring", files=team.specs())
    (run,) = opened.runs
    clean(run)
    assert run.results == {"plan": "failure", "plan / plan": "failure", "plan / comment": "success"}
    errors = [item for item in run.job("plan / plan").commands if item.name == "error" and "file" in item.properties]
    (told,) = errors
    assert (told.properties["file"], told.properties["title"]) == ("specs/campaigns/spring.yaml", "unknown-key")
    (comment,) = team.comments(opened.number)
    assert comment.startswith(MARKER)
    assert "colour" in comment
    # The page is there all the same: lint errors are shown in it.
    assert f"reconciler-preview-{opened.number}.html" in run.artifacts
    team.world.campaign("spring", leads=None)
    (again,) = team.hub.push_to_pull_request(opened.number, team.specs())
    assert again.conclusion == "success"
    (comment,) = team.comments(opened.number)
    assert "colour" not in comment


def test_a_fork_gets_what_can_be_said_without_a_key_and_no_comment(team: Team) -> None:
    hostile = "## ok @acme <!-- reconciler:plan campaigns/default --> ::error::fake"
    team.world.campaign("spring", leads=None, name=hostile)
    before = len(team.world.kinds())
    opened = team.hub.open_pull_request("spring", fork=True, files=team.specs())
    (run,) = opened.runs
    clean(run)
    assert run.results == {"plan": "success", "plan / plan": "success", "plan / comment": "skipped"}
    assert team.comments(opened.number) == []
    assert len(team.world.kinds()) == before
    assert run.artifacts == {}
    plan = run.job("plan / plan")
    assert [step.outcome for step in plan.steps] == ["success", "success", "success", *["skipped"] * 4]
    assert plan.summary.startswith(marker("validate", "campaigns", "default"))
    assert "2 campaigns valid" in plan.summary
    assert not [item for item in plan.commands if item.name == "error"]
    # A key that somebody gives away by mistake is used for nothing.
    assert team.world.options.key not in run.log


def test_without_a_key_the_state_is_what_is_planned_from(team: Team) -> None:
    assert team.hub.dispatch("reconciler-apply.yml").conclusion == "success"
    team.set("plan", "    with:\n", "    with:\n      refresh: false\n")
    path = team.world.root / ".github" / "workflows" / "reconciler-plan.yml"
    path.write_text(re.sub(r"    secrets:\n(      .*\n)+", "", path.read_text()))
    before = len(team.world.kinds())
    team.world.campaign("draft", leads=None, name="Another Name")
    opened = team.hub.open_pull_request("name", files=team.files())
    (run,) = opened.runs
    clean(run)
    assert run.conclusion == "success", run.log
    assert len(team.world.kinds()) == before
    (comment,) = team.comments(opened.number)
    assert "| 🟡 `draft` |" in comment
    assert "is updated: name" in comment


def test_the_first_pull_request_brings_all_of_it(newcomer: Team) -> None:
    """As docs/pipelines.md has it: from an empty repository to the first reviewed campaign."""
    initialised(newcomer)
    opened = newcomer.hub.open_pull_request("first-campaign", files=newcomer.files())
    (run,) = opened.runs
    clean(run)
    assert run.conclusion == "success", run.log
    (comment,) = newcomer.comments(opened.number)
    assert "| 🟡 `first-campaign` | is created |" in comment
    (merged,) = newcomer.hub.merge(opened.number)
    clean(merged)
    assert merged.conclusion == "success", merged.log
    assert newcomer.statuses() == {"First Campaign": "draft"}
    assert newcomer.asked == []


def test_a_comment_of_an_older_commit_does_not_take_the_place_of_a_newer_one(team: Team) -> None:
    opened = team.hub.open_pull_request("spring", files=team.starts("spring"))
    before = team.comments(opened.number)
    text = team.world.root / "late.md"
    text.write_text(f"{MARKER}An older plan.\n")
    head = team.hub.records.pulls[opened.number]["head"]["sha"]
    for commit, after in (("0" * 40, before), (head, [text.read_text()])):
        words = ("comment", "--number", str(opened.number), "--file", str(text), "--head", commit)
        done = subprocess.run(
            [sys.executable, REPOSITORY / ".github" / "actions" / "reconciler" / "pipeline.py", *words],
            env={
                "PATH": f"{team.hub.ground.tools}:/usr/bin:/bin",
                # As the job writes it: somebody else's token would find nothing of its own.
                "GH_TOKEN": team.hub.token(pull_requests="write"),
                "GITHUB_REPOSITORY": "acme/campaigns",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        assert team.comments(opened.number) == after, done.stdout
