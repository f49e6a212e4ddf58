"""What becomes of a merge: what was reviewed is done, once; what waits, on schedule; what moved is left alone."""

import json
import threading
import time
from dataclasses import replace
from datetime import timedelta

from pipelines.conftest import SEND, Team, clean

from reconciler.session import Session
from reconciler.wiring import Place


def test_from_a_merge_to_what_is_sent_and_the_button_that_stops_it(team: Team) -> None:
    opened = team.hub.open_pull_request("spring", files=team.starts("spring"))
    (merged,) = team.hub.merge(opened.number)
    clean(merged)
    assert merged.results == {
        "apply": "success",
        "apply / safe": "success",
        "apply / send": "success",
        "apply / waiting": "skipped",
    }
    assert team.asked == [(SEND, "apply / send")]
    assert team.statuses() == {"Campaign draft": "draft", "Campaign spring": "running"}
    assert len(team.people("Campaign spring")) == 3
    safe = merged.job("apply / safe")
    assert "it sends email, and this run may not (--no-send)" in safe.summary.replace("&#45;", "-")
    receipt = json.loads(merged.artifacts["reconciler-receipt"].files["receipt.json"])
    assert (receipt["exitCode"], receipt["counts"]["done"]) == (0, 2)
    # What sends no email was done before anybody was asked.
    kinds = team.world.kinds()
    assert kinds.index("create") < kinds.index("enroll") < kinds.index("start")

    # Once more: nothing is done, and nobody is asked.
    count = len(team.world.writes())
    (second,) = team.hub.push({"notes.txt": "nothing of it concerns campaigns\n"})
    clean(second)
    assert (second.job("apply / safe").result, second.job("apply / send").result) == ("success", "skipped")
    assert (len(team.asked), len(team.world.writes())) == (1, count)

    # The button.
    reason = "wrong price; $(touch /tmp/never) `x` ${{ github.token }}"
    stopped = team.hub.dispatch("reconciler-stop.yml", {"campaigns": "spring", "reason": reason})
    clean(stopped)
    assert stopped.conclusion == "success", stopped.log
    assert team.statuses()["Campaign spring"] == "paused"
    assert "1 campaign is paused." in stopped.job("stop / stop").summary
    assert "Marked: nothing starts" in stopped.job("stop / stop").summary
    assert team.state().stops[0].reason == reason
    # While the mark is there nothing resumes it, also by hand.
    held = team.hub.dispatch("reconciler-apply.yml")
    clean(held)
    assert held.conclusion == "success", held.log
    assert team.statuses()["Campaign spring"] == "paused"
    lifted = team.hub.dispatch("reconciler-stop.yml", {"campaigns": "spring", "reason": "all is well", "lift": True})
    assert lifted.conclusion == "success", lifted.log
    resumed = team.hub.dispatch("reconciler-apply.yml")
    clean(resumed)
    assert team.statuses()["Campaign spring"] == "running"
    assert len(team.people("Campaign spring")) == 3


def test_what_has_no_room_is_approved_once_and_started_by_the_schedule(team: Team) -> None:
    team.policy(maxNewRecipients=5_000)
    older = team.hub.open_pull_request("older", files={"older.txt": "nothing of it concerns campaigns\n"})
    opened = team.hub.open_pull_request("crowd", files=team.starts("crowd", 1_600))
    assert "| ⏳ `crowd` |" in team.comments(opened.number)[0]
    (merged,) = team.hub.merge(opened.number)
    clean(merged)
    assert merged.conclusion == "success", merged.log
    assert team.asked == [(SEND, "apply / send")]
    assert "notice" in [item.name for item in merged.job("apply / send").commands]
    assert team.statuses()["Campaign crowd"] == "draft"
    (early,) = team.hub.schedule("reconciler-apply.yml")
    clean(early)
    assert (early.conclusion, early.job("apply / safe").result) == ("success", "skipped")
    assert team.statuses()["Campaign crowd"] == "draft"
    # What was approved and waits is nothing that a push, or an older pull request, would have to have shown.
    (pushed,) = team.hub.push({"notes.txt": "nothing of it concerns campaigns\n"})
    assert pushed.conclusion == "success", pushed.log
    (pushed,) = team.hub.merge(older.number)
    assert pushed.conclusion == "success", pushed.log
    # The next day has room, and nobody is asked again.
    team.world.sandbox.advance(timedelta(days=1))
    (started,) = team.hub.schedule("reconciler-apply.yml")
    clean(started)
    assert started.conclusion == "success", started.log
    assert team.statuses()["Campaign crowd"] == "running"
    assert len(team.people("Campaign crowd")) == 1_600
    assert len(team.asked) == 1
    (later,) = team.hub.schedule("reconciler-apply.yml")
    assert later.conclusion == "success"
    assert len(team.people("Campaign crowd")) == 1_600


def test_what_moved_since_the_review_is_left_alone_and_told_and_the_rest_is_done(team: Team) -> None:
    team.hub.push(team.specs())
    by_hand = team.hub.dispatch("reconciler-apply.yml")
    assert by_hand.conclusion == "success", by_hand.log
    team.world.campaign("draft", leads=None, name="A Better Name")
    opened = team.hub.open_pull_request("two", files=team.starts("spring"))
    # After the review somebody edits the draft in Leadterra.
    team.world.sandbox.edit_campaign(team.world.remote("Campaign draft").id, {"name": "Edited by somebody"})
    (merged,) = team.hub.merge(opened.number)
    clean(merged)
    assert merged.results["apply / safe"] == "failure"
    assert merged.results["apply / send"] == "failure"
    errors = {item.properties.get("title"): item for item in merged.job("apply / safe").step("plan").commands}
    told = errors["moved-since-review"]
    assert told.properties["file"] == "specs/campaigns/draft.yaml"
    assert "Edited by somebody" in told.message
    assert set(team.statuses()) == {"Edited by somebody", "Campaign spring"}
    assert team.statuses()["Campaign spring"] == "running"
    # By hand, the plan of the run itself is what is reviewed.
    after = team.hub.dispatch("reconciler-apply.yml")
    clean(after)
    assert after.conclusion == "success", after.log
    assert set(team.statuses()) == {"A Better Name", "Campaign spring"}


def test_what_no_pull_request_has_shown_is_not_done_and_neither_is_an_empty_folder(team: Team) -> None:
    (pushed,) = team.hub.push(team.starts("spring"))
    clean(pushed)
    assert pushed.results["apply / safe"] == "failure"
    assert "spring is not as it was reviewed: not in the approved plan" in pushed.log
    assert team.world.writes() == []
    assert team.asked == []
    # Neither is it where something else needs somebody.
    assert team.hub.dispatch("reconciler-apply.yml").conclusion == "success"
    count = len(team.world.writes())
    team.world.campaign("spring", status="running", sequenceSteps=[{"subject": "Hi", "bodyText": "Hi", "delayDays": 0}])
    team.world.campaign("summer", leads=None)
    (pushed,) = team.hub.push(team.specs())
    assert pushed.results["apply / safe"] == "failure"
    assert len(team.world.writes()) == count
    # A pause needs no review.
    team.world.campaign("spring", status="paused")
    (pushed,) = team.hub.push(team.specs())
    assert pushed.results["apply / safe"] == "failure"
    assert team.statuses()["Campaign spring"] == "paused"
    count = len(team.world.writes())
    # Neither is a workflow that is called with a word that it does not know less strict.
    team.set("apply", "    with:\n", "    with:\n      review: pull-requests\n")
    (pushed,) = team.hub.push(team.files())
    assert pushed.results["apply / safe"] == "failure"
    assert len(team.world.writes()) == count
    gone = dict.fromkeys(name for name in team.specs() if name.startswith("specs/campaigns/"))
    opened = team.hub.open_pull_request("gone", files=gone)
    assert opened.runs[0].conclusion == "failure"
    (merged,) = team.hub.merge(opened.number)
    assert merged.results["apply / safe"] == "failure"
    assert merged.results["apply / send"] == "skipped"
    assert len(team.world.writes()) == count


def test_what_the_reviewers_refuse_is_not_sent_and_a_later_merge_asks_again(team: Team) -> None:
    team.refuses = True
    opened = team.hub.open_pull_request("spring", files=team.starts("spring"))
    (merged,) = team.hub.merge(opened.number)
    assert merged.results["apply / send"] == "failure"
    assert team.statuses() == {"Campaign draft": "draft", "Campaign spring": "draft"}
    team.refuses = False
    team.world.campaign("draft", leads=None, name="A Better Name")
    opened = team.hub.open_pull_request("name", files=team.specs())
    (merged,) = team.hub.merge(opened.number)
    clean(merged)
    assert merged.conclusion == "success", merged.log
    assert team.statuses() == {"A Better Name": "draft", "Campaign spring": "running"}
    assert len(team.people("Campaign spring")) == 3


def test_an_approval_that_comes_late_sends_nothing_that_was_decided_against(team: Team) -> None:
    opened = team.hub.open_pull_request("spring", files=team.starts("spring"))

    def late(_environment: str, _job: str) -> bool:
        team.world.campaign("spring", status="draft")
        team.hub.commit(team.specs(), message="Not now")
        return True

    team.hub.ground.approve = late
    (merged,) = team.hub.merge(opened.number)
    clean(merged)
    assert merged.results["apply / send"] == "failure"
    assert "spring" in merged.job("apply / send").summary
    assert team.statuses()["Campaign spring"] == "draft"


def test_what_was_decided_against_while_a_scheduled_run_waited_its_turn_is_not_sent(team: Team) -> None:
    team.policy(maxNewRecipients=5_000)
    team.set("apply", "    with:\n", "    with:\n      key-environment: reconciler-key\n")
    team.hub.ground.environments = {"reconciler-key": dict(team.hub.ground.secrets), SEND: {}}
    team.starts("crowd", 1_600)
    team.hub.commit(team.files(), message="A crowd")
    assert team.hub.dispatch("reconciler-apply.yml").conclusion == "success"
    assert list(team.state().approvals) == ["crowd"]
    team.world.sandbox.advance(timedelta(days=1))

    def meanwhile(_environment: str, _job: str) -> bool:
        team.world.campaign("crowd", status="draft")
        team.hub.commit(team.specs(), message="Not now")
        return True

    team.hub.ground.approve = meanwhile
    (run,) = team.hub.schedule("reconciler-apply.yml")
    clean(run)
    assert run.conclusion == "success", run.log
    assert team.statuses()["Campaign crowd"] == "draft"
    assert team.people("Campaign crowd") == []


def test_a_plan_that_somebody_replaced_covers_nothing_and_stops_nothing_else(team: Team) -> None:
    first = team.hub.open_pull_request("spring", files=team.starts("spring"))
    summer = team.world.campaign("summer", leads=None)
    second = team.hub.open_pull_request("summer", files={"specs/campaigns/summer.yaml": summer.read_text()})
    name = f"reconciler-plan-{first.number}"
    records = team.hub.records
    (key,) = (key for key, item in records.artifacts.items() if item.name == name)
    forged = {**records.artifacts[key].files, "plan.json": b'{"formatVersion": 1, "campaigns": []}'}
    records.artifacts[key] = replace(records.artifacts[key], files=forged)
    (merged,) = team.hub.merge(first.number)
    clean(merged)
    assert merged.results["apply / safe"] == "failure"
    assert team.statuses() == {}
    (merged,) = team.hub.merge(second.number)
    clean(merged)
    assert merged.results["apply / safe"] == "failure"
    assert team.statuses() == {"Campaign draft": "draft", "Campaign summer": "draft"}


def test_what_was_decided_against_while_another_apply_was_waited_for_is_not_sent(team: Team) -> None:
    opened = team.hub.open_pull_request("spring", files=team.starts("spring"))
    team.hub.ground.process = {"RECONCILER_PAUSE": "1"}
    waiting = threading.Event()

    def busy() -> None:
        with Session(Place(team.world.specs, None, sandbox=False), team.world.settings).lease("somebody else"):
            waiting.set()
            time.sleep(4)
            team.world.campaign("spring", status="draft")
            team.hub.commit(team.specs(), message="Not now")

    def approve(_environment: str, _job: str) -> bool:
        threading.Thread(target=busy).start()
        return waiting.wait(20)

    team.hub.ground.approve = approve
    (merged,) = team.hub.merge(opened.number)
    clean(merged)
    send = merged.job("apply / send")
    assert "Another apply is running: its end is waited for." in send.log
    assert send.result == "failure"
    assert "its status in its file was running, is now draft" in send.log
    assert team.statuses()["Campaign spring"] == "draft"
    assert team.people("Campaign spring") == []


def test_a_plan_that_was_made_after_the_merge_was_reviewed_by_nobody(team: Team) -> None:
    opened = team.hub.open_pull_request("spring", files=team.starts("spring"))
    records = team.hub.records
    (key,) = (key for key, item in records.artifacts.items() if item.name == f"reconciler-plan-{opened.number}")
    records.artifacts[key] = replace(records.artifacts[key], created_at="2999-01-01T00:00:00Z")
    (merged,) = team.hub.merge(opened.number)
    clean(merged)
    assert merged.results["apply / safe"] == "failure"
    assert team.statuses() == {}
