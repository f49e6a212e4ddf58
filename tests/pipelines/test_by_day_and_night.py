"""The issue of the nightly look, and the suppression list's button."""

from pipelines.conftest import Team, clean

from reconciler.reporting.markdown import marker

ADDRESSES = ("ada.lovelace@example.com", "grace.hopper@example.org")


def test_one_issue_tells_of_drift_is_updated_and_closed(team: Team) -> None:
    assert team.hub.dispatch("reconciler-apply.yml").conclusion == "success"
    (quiet,) = team.hub.schedule("reconciler-drift.yml")
    clean(quiet)
    assert (quiet.conclusion, team.hub.issues) == ("success", [])
    campaign = team.world.remote("Campaign draft").id
    for name in ("Edited by somebody", "Edited once more"):
        team.world.sandbox.edit_campaign(campaign, {"name": name})
        (looked,) = team.hub.schedule("reconciler-drift.yml")
        clean(looked)
        assert looked.conclusion == "success", looked.log
        (issue,) = team.hub.issues
        assert issue["state"] == "open"
        assert issue["title"] == "Campaigns are not as the files say (reconciler)"
        assert issue["body"].startswith(marker("drift", "campaigns", "default"))
        assert name in issue["body"]
    assert looked.job("drift / drift").permissions == {"contents": "read", "issues": "write"}
    # What cannot be looked at whole is told, and the run fails.
    team.world.sandbox.delete_campaign(campaign)
    (failed,) = team.hub.schedule("reconciler-drift.yml")
    assert failed.conclusion == "failure"
    assert "need" in team.hub.issues[0]["body"]
    ended = team.world.cli("state", "rm", "draft", "--auto-approve")
    assert ended.code == 0, ended.err
    assert team.hub.dispatch("reconciler-apply.yml").conclusion == "success"
    (healed,) = team.hub.schedule("reconciler-drift.yml")
    clean(healed)
    assert healed.conclusion == "success", healed.log
    assert [(item["state"], len(team.hub.issues)) for item in team.hub.issues] == [("closed", 1)]
    assert team.world.writes().count("create") == 2


def test_addresses_are_suppressed_and_shown_nowhere(team: Team) -> None:
    assert team.hub.dispatch("reconciler-apply.yml").conclusion == "success"
    # No file of the repository is taken for a module of Python.
    team.hub.commit({"json.py": "raise SystemExit('taken')\n", "re.py": "raise SystemExit('taken')\n"})
    given = f" {ADDRESSES[0]},{ADDRESSES[1]}\n"
    run = team.hub.dispatch("reconciler-suppress.yml", {"addresses": given})
    clean(run)
    assert run.conclusion == "success", run.log
    assert sorted(team.world.sandbox.suppression_list()) == sorted(ADDRESSES)
    for address in ADDRESSES:
        assert address.partition("@")[0] not in run.log
        assert address not in run.job("suppress / suppress").summary
