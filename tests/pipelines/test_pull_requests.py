"""The workflows run for real: from a pull request to what is sent, and to the button that stops it."""

import json

from pipelines.conftest import SEND, Team, clean

from reconciler.reporting.markdown import marker


def start(team: Team, key: str, people: int = 3, **fields: object) -> dict[str, str]:
    """Write a campaign that is to run, with its list; return the files of specs/."""
    team.world.leads(key, people)
    team.world.campaign(key, status="running", **fields)
    return {name: text for name, text in team.files().items() if name.startswith("specs/")}


def test_from_a_pull_request_to_what_is_sent(team: Team) -> None:
    # The pull request is opened: one comment, annotations, artifacts.
    opened = team.hub.open_pull_request("spring", files=start(team, "spring"))
    (run,) = opened.runs
    clean(run)
    print(run.log)
    assert run.results == {"plan": "success", "plan / plan": "success", "plan / comment": "success"}
    (comment,) = team.comments(opened.number)
    assert comment.startswith(marker("plan", "campaigns", "default"))
    assert "**3 new people** get email" in comment
    assert "| 🟢 `spring` |" in comment
    assert run.job("plan").summary.endswith(comment)
    assert set(run.artifacts) == {f"reconciler-plan-{opened.number}", f"reconciler-preview-{opened.number}.html"}
    assert not team.statuses()

    # Another push: the same comment changes.
    team.world.campaign("spring", status="running", name="Spring Launch")
    (again,) = team.hub.push_to_pull_request(opened.number, team.files())
    clean(again)
    assert again.conclusion == "success"
    assert len(team.comments(opened.number)) == 1
    writes = [call.method for call in team.hub.calls if "comments" in call.path and call.method != "GET"]
    assert writes == ["POST"]  # the comment does not name the campaign: nothing in it has changed

    # Merged: drafts at once, email behind the environment.
    (merged,) = team.hub.merge(opened.number)
    clean(merged)
    assert merged.conclusion == "success", merged.log
    assert merged.job("safe").result == merged.job("send").result == "success"
    assert merged.job("waiting").result == "skipped"
    assert team.asked == [(SEND, "apply / send")]
    assert team.statuses() == {"Campaign draft": "draft", "Spring Launch": "running"}
    assert len(team.people("Spring Launch")) == 3
    receipt = json.loads(merged.artifacts["reconciler-receipt"].files["receipt.json"])
    assert (receipt["exitCode"], receipt["counts"]["done"]) == (0, 2)

    # Once more: nothing is done, and nobody is asked.
    (second,) = team.hub.push({"notes.txt": "nothing of it concerns campaigns\n"})
    clean(second)
    assert (second.job("safe").result, second.job("send").result) == ("success", "skipped")
    assert len(team.asked) == 1
    assert len(team.people("Spring Launch")) == 3
