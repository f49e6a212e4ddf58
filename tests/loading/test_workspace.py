from datetime import time

import pytest
from loading.repository import STEP, Repository

from reconciler.model.campaign import Status

CAMPAIGN = "key: a\nname: A\n"
WORKSPACE = "specs/workspace.yaml"


def test_every_key_has_a_default(repo: Repository) -> None:
    repo.campaign(CAMPAIGN)
    for text in (None, "", "# nothing\n"):
        if text is not None:
            repo.workspace(text)
        desired = repo.desired()
        assert (desired.workspace, desired.environment, desired.lineage) == ("default", "default", None)
        assert (desired.policy.timezone, desired.policy.start_window, desired.policy.headroom) == ("UTC", None, 0)


def test_a_whole_workspace(repo: Repository) -> None:
    repo.campaign(CAMPAIGN)
    repo.workspace(
        "workspace: acme\nx-mine: 1\nrequiresVersion: '>=0.1,<1'\nstate: {backend: local, lineage: abc}\npolicy:\n"
        "  timezone: Europe/Berlin\n  startWindow: {days: [fri, mon], from: 08:00, to: 16:00}\n  headroom: 12.5\n"
        "  requestsPerSecond: 5\n  x-why: because\n"
    )
    desired = repo.desired()
    assert (desired.workspace, desired.lineage) == ("acme", "abc")
    window = desired.policy.start_window
    assert window is not None
    assert (window.days, window.from_, window.to) == ((0, 4), time(8), time(16))
    assert (desired.policy.headroom, desired.policy.requests_per_second) == (12.5, 5)
    assert repo.load().lineage == "abc"


@pytest.mark.parametrize(
    ("text", "code", "place", "message", "hint"),
    [
        ("- a", "not-a-mapping", "1:1", "no mapping", "workspace: acme"),
        ("polcy: {}", "unknown-key", "1:1", "`polcy`", "`policy`"),
        ("policy: {timezone: Europe/Berln}", "unknown-timezone", "1:20", "`Europe/Berln`", "`Europe/Berlin`"),
        ("policy: {timezone: ../../etc/passwd}", "unknown-timezone", "1:20", "no time zone", "IANA"),
        ("policy: {headroom: 101}", "wrong-value", "1:20", "at most 100, not 101", ""),
        ("policy: {headroom: much}", "wrong-type", "1:20", "must be a number, not a text", ""),
        ("policy: {requestsPerSecond: 0}", "wrong-value", "1:29", "more than 0", ""),
        ("policy: {startWindow: {from: 16:00, to: 08:00}}", "empty-window", "1:23", "16:00 to 08:00", "before"),
        ("policy: {startWindow: {from: 8:00}}", "wrong-value", "1:30", "not `8:00`", ""),
        ("policy: {startWindow: {days: []}}", "wrong-value", "1:30", "must not be empty", ""),
        ("policy: {startWindow: {days: [monday]}}", "wrong-value", "1:31", "not `monday`", "`mon`"),
        ("policy: {maxNewRecipients: -1}", "wrong-value", "1:28", "at least 0, not -1", ""),
        ("policy: {maxNewRecipients: 1.5}", "wrong-type", "1:28", "must be a whole number", ""),
        ("policy: {maxForgets: '3'}", "wrong-type", "1:22", "must be a whole number", "without quotes"),
        ("policy: {maxForgets: true}", "wrong-type", "1:22", "must be a whole number", ""),
        ("policy: {recontact: {afterDays: -1}}", "wrong-value", "1:33", "at least 0", ""),
        ("policy: {recontact: {mode: never}}", "wrong-value", "1:28", "not `never`", ""),
        ("policy: {leadsInGit: maybe}", "wrong-value", "1:22", "not `maybe`", ""),
        ("policy: {maxForget: 3}", "unknown-key", "1:10", "`maxForget`", "`maxForgets`"),
        ("environments: {s: {policy: {maxForgets: -1}}}", "wrong-value", "1:41", "at least 0", ""),
        ("requiresVersion: '>=2'", "requires-version", "1:18", "wants reconciler >=2; this is 0.1.0", "Install"),
        ("requiresVersion: two", "wrong-value", "1:18", "no range of versions", ">=0.1,<1"),
        ("state: {backend: gti}", "wrong-value", "1:18", "not `gti`", "`git`"),
        ("state: {remote: ../x}", "wrong-value", "1:17", "name of a remote such as `origin`", ""),
        ("state: {remote: 'https://h/x'}", "wrong-value", "1:17", "name of a remote", ""),
        ("state: {ref: main}", "wrong-value", "1:14", "a ref such as `refs/reconciler/production`", ""),
        ("defaults: {key: b}", "not-here", "1:12", "`key` belongs to one campaign", "own file"),
        ("environments: {s: {overrides: {moved: {from: b}}}}", "not-here", "1:32", "`moved`", "own file"),
        ("defaults: {onwer: b}", "unknown-key", "1:12", "`onwer`", "`owner`"),
        ("defaults: {leads: {sorce: b}}", "unknown-key", "1:20", "`sorce` in `leads`", "`source`"),
        ("environments: {s: {overrides: {owner: 5}}}", "wrong-type", "1:39", "must be a text", '"5"'),
        ("environments: {s: {policy: {headrom: 5}}}", "unknown-key", "1:29", "`headrom`", "`headroom`"),
        ("environments: {s: {policy: {timezone: X}}}", "unknown-timezone", "1:39", "`X`", ""),
        ("environments: {default: {}}", "environment-name", "1:16", "`default`", "another name"),
        ("environments: {sandbox: {}}", "environment-name", "1:16", "`sandbox`", "another name"),
        ("environments: {../../x: {}}", "environment-name", "1:16", "`../../x`", "letters"),
        ("environments: {s: 5}", "wrong-type", "1:19", "must be a mapping", ""),
        ("defaults: 5", "wrong-type", "1:11", "must be a mapping", ""),
        ("defaults: {variables: {a: 1.10}}", "inexact-number", "1:27", "`1.10`", '"1.10"'),
        ("defaults: {sequenceSteps: [{bodyText: a}]}", "missing-key", "1:28", "`subject` is missing", ""),
    ],
)
def test_what_is_wrong_is_told_once_in_its_own_place(
    repo: Repository, text: str, code: str, place: str, message: str, hint: str
) -> None:
    repo.workspace(text)
    repo.campaign(CAMPAIGN, "a")
    repo.campaign("key: b\nname: B\n", "b")
    found = repo.problem()
    assert (found.code, found.place) == (code, f"{WORKSPACE}:{place}")
    assert message in found.message
    assert hint in (found.hint or "")


def test_a_wrong_policy_hides_no_problem_of_a_campaign(repo: Repository) -> None:
    repo.workspace("policy: {timezone: X}\ndefaults: {variables: {a: b}}")
    repo.campaign(CAMPAIGN + 'sequenceSteps: [{subject: "[[ c ]]", bodyText: "[[ a ]]"}]')
    assert [item.code for item in repo.problems()] == ["template-undefined", "unknown-timezone"]


def test_a_workspace_that_cannot_be_read_makes_no_false_alarms(repo: Repository) -> None:
    """What a campaign lacks may stand in the defaults that could not be read."""
    repo.workspace("defaults: {name: N, variables: {a: b}")
    repo.campaign('key: a\nonwer: x\nsequenceSteps: [{subject: "[[ a ]]", bodyText: x}]')
    assert [item.code for item in repo.problems(environment="production")] == ["unknown-key", "yaml-syntax"]


DEFAULTS = """\
defaults:
  owner: "@all"
  labels: {team: all, tier: one}
  variables: {sender: Jamie, city: Berlin}
  start: {minimumLeads: 10}
  leads: {columns: {firstName: First}, fallbacks: {firstName: there}}
environments:
  staging:
    policy: {timezone: Europe/Berlin}
    overrides:
      status: draft
      labels: {tier: two}
  production:
    overrides: {}
policy: {headroom: 10, startWindow: {from: 09:00, to: 10:00}}
"""


def test_defaults_lie_under_and_overrides_over_a_campaign(repo: Repository) -> None:
    repo.workspace(DEFAULTS)
    repo.campaign(
        CAMPAIGN + "status: running\nlabels: {team: emea}\nvariables: {sender: Ada}\nleads: {source: leads:a.csv, "
        "columns: {company: Firm}}\nsequenceSteps: [{subject: '[[ sender ]] in [[ city ]]', bodyText: x}]\n"
    )
    base = repo.only()
    assert (base.owner, base.labels, base.minimum_leads) == ("@all", {"team": "emea", "tier": "one"}, 10)
    assert base.steps[0].subject == "Ada in Berlin"
    assert base.leads is not None
    assert base.leads.columns == {"firstName": "First", "company": "Firm"}
    assert base.leads.fallbacks == {"firstName": "there"}
    assert base.status is Status.RUNNING

    staging = repo.desired(environment="staging")
    assert staging.environment == "staging"
    assert staging.campaigns[0].labels == {"team": "emea", "tier": "two"}
    assert staging.campaigns[0].status is Status.DRAFT
    assert (staging.policy.timezone, staging.policy.headroom) == ("Europe/Berlin", 10)
    assert staging.policy.start_window is not None
    assert repo.desired(environment="production").campaigns[0].status is Status.RUNNING


def test_lists_are_replaced_as_a_whole(repo: Repository) -> None:
    repo.workspace(
        "defaults:\n  sequenceSteps:\n    - {subject: one, bodyText: x, delayDays: 1}\n"
        "environments: {s: {overrides: {sequenceSteps: [{subject: three, bodyText: z}]}}}\n"
    )
    repo.campaign(CAMPAIGN + "sequenceSteps: [{subject: two, bodyText: y}]")
    assert [(step.subject, step.delay_days) for step in repo.only().steps] == [("two", 0)]
    assert [step.subject for step in repo.only(environment="s").steps] == ["three"]
    repo.campaign(CAMPAIGN)
    assert [(step.subject, step.delay_days) for step in repo.only().steps] == [("one", 1)]


def test_an_unknown_environment_lists_those_that_are(repo: Repository) -> None:
    repo.workspace(DEFAULTS)
    repo.campaign(CAMPAIGN)
    found = repo.problem(environment="prodution")
    assert found.code == "unknown-environment"
    assert found.hint == "Did you mean `production`? There are: production, staging."


def test_the_default_environment_has_a_name(repo: Repository) -> None:
    repo.workspace(DEFAULTS)
    repo.campaign(CAMPAIGN)
    assert repo.desired(environment="default") == repo.desired()


def test_paths_are_relative_to_the_file_they_stand_in(repo: Repository) -> None:
    repo.write("specs/templates/t.j2", "from defaults [[ name ]]")
    repo.workspace(
        "defaults:\n  leads: {source: leads/x.csv}\n  sequenceSteps: [{subject: a, bodyTemplate: templates/t.j2}]\n"
    )
    repo.campaign(CAMPAIGN + "variables: {name: N}", "deep/a")
    campaign = repo.only()
    assert campaign.steps[0].body_html == "from defaults N"
    assert campaign.step_lines == (1,)
    assert campaign.leads is not None
    assert campaign.leads.paths == (str(repo.root / "specs/leads/x.csv"),)
    assert (campaign.leads.file, campaign.leads.line) == (WORKSPACE, 2)


def test_shared_columns_are_no_list_of_leads(repo: Repository) -> None:
    repo.workspace("defaults: {leads: {fallbacks: {firstName: there}}}")
    repo.campaign(CAMPAIGN + STEP)
    assert repo.only().leads is None
    repo.campaign(CAMPAIGN + "leads: {columns: {a: b}}")
    found = repo.problem()
    assert (found.code, found.place) == ("missing-key", "specs/campaigns/a.yaml:3:8")
    assert "`source` is missing in `leads`" in found.message


def test_the_files_own_mistake_is_told_though_an_override_covers_it(repo: Repository) -> None:
    repo.workspace("environments: {s: {overrides: {owner: x}}}")
    repo.campaign(CAMPAIGN + "owner: 5")
    assert repo.problem(environment="s").place == "specs/campaigns/a.yaml:3:8"
