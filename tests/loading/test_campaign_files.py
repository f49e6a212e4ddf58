from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from loading.repository import STEP, Repository

from reconciler.diagnostics import Severity
from reconciler.model.campaign import Status

HEAD = "key: a\nname: A\n"
FULL = """\
key: vp-sales-q3
name: VP Sales
status: running
owner: "@revops"
labels: {team: emea}
x-ticket: [REV-1, {key: 5}]
sequenceSteps:
  - subject: "Quick question, {{firstName}}"
    bodyHtml: <p>Hi {{firstName}},</p>
    x-note: first
  - subject: "Re: Quick question"
    bodyText: |
      Hi {{firstName}},
      it is <me>.

      Bye
    delayDays: 3
variables: {x-kept: a, sender: Jamie}
leads:
  source: leads:vp.csv
  columns: {firstName: First Name}
  fallbacks: {firstName: there}
  fields: [firstName, company]
  limit: 200
  part: 1 / 2
  onInvalid: skip
  where: >-
    country = 'DE'
    AND title <> ''
start:
  minimumLeads: 100
  notBefore: 2026-12-01T09:00
protect: true
moved: {from: old-key}
"""


def test_a_whole_campaign(repo: Repository) -> None:
    repo.workspace("policy: {timezone: Europe/Berlin}")
    repo.campaign(FULL)
    campaign = repo.only()
    assert (campaign.key, campaign.name, campaign.status) == ("vp-sales-q3", "VP Sales", Status.RUNNING)
    assert (campaign.owner, campaign.labels, campaign.protect) == ("@revops", {"team": "emea"}, True)
    assert (campaign.minimum_leads, campaign.moved_from) == (100, "old-key")
    assert campaign.not_before == datetime(2026, 12, 1, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    assert (campaign.file, campaign.line, campaign.step_lines) == ("specs/campaigns/a.yaml", 3, (8, 11))
    assert [(step.subject, step.body_html, step.delay_days) for step in campaign.steps] == [
        ("Quick question, {{firstName}}", "<p>Hi {{firstName}},</p>", 0),
        ("Re: Quick question", "<p>Hi {{firstName}},<br>\nit is &lt;me&gt;.</p>\n<p>Bye</p>", 3),
    ]
    leads = campaign.leads
    assert leads is not None
    assert (leads.source, leads.paths, leads.tracked, leads.line) == ("leads:vp.csv", None, False, 19)
    assert (leads.columns, leads.fallbacks) == ({"firstName": "First Name"}, {"firstName": "there"})
    assert leads.fields == ("firstName", "company")
    assert (leads.limit, leads.part, leads.skip_invalid) == (200, (1, 2), True)
    assert leads.where == "country = 'DE' AND title <> ''"


def test_the_least_there_can_be(repo: Repository) -> None:
    repo.campaign(HEAD)
    campaign = repo.only()
    assert (campaign.status, campaign.steps, campaign.leads, campaign.line) == (Status.DRAFT, (), None, 1)


@pytest.mark.parametrize(
    ("text", "code", "place", "message", "hint"),
    [
        ("key: a", "missing-key", "1:1", "`name` is missing", None),
        ("name: A", "missing-key", "1:1", "`key` is missing", None),
        (HEAD + "onwer: x", "unknown-key", "3:1", "no key `onwer`", "`owner`"),
        (HEAD + "sequence_steps: []", "unknown-key", "3:1", "`sequence_steps`", "`sequenceSteps`"),
        (HEAD + "zzz: 1", "unknown-key", "3:1", "no key `zzz`", "`x-`"),
        (HEAD + "leads: {source: a.csv, perDay: 3}", "unknown-key", "3:24", "`perDay` in `leads`", "Known keys"),
        (HEAD + "leads: {source: a.csv, on_invalid: skip}", "unknown-key", "3:24", "on_invalid", "`onInvalid`"),
        (HEAD + "leads: {source: a.csv, onInvalid: drop}", "wrong-value", "3:35", "`error` or `skip`", None),
        (HEAD + "leads: {source: a.csv, limit: 0}", "wrong-value", "3:31", "at least 1, not 0", None),
        (HEAD + "leads: {source: a.csv, limit: '5'}", "wrong-type", "3:31", "a whole number, not a text", "quotes"),
        (HEAD + "leads: {source: a.csv, part: half}", "wrong-value", "3:30", "such as `1/2` (the first of two)", None),
        (HEAD + "leads: {source: a.csv, part: 0/2}", "wrong-value", "3:30", "parts, such as `1/2`", None),
        (HEAD + "leads: {source: a.csv, part: 2/101}", "wrong-value", "3:30", "up to 100 parts", None),
        (HEAD + "leads: {source: a.csv, part: 3/2}", "wrong-value", "3:30", "`3/2`, which comes after the last", None),
        (HEAD + "leads: {source: a.csv, part: 0.5}", "wrong-type", "3:30", "a text, not a number", '"0.5"'),
        (HEAD + "leads: {source: a.csv, where: ' '}", "wrong-value", "3:31", "must not be blank", None),
        (HEAD + f"leads: {{source: a.csv, where: {'x' * 2001}}}", "wrong-value", "3:31", "than 2,000 char", None),
        (HEAD + "start: {perHour: 3}", "unknown-key", "3:9", "`perHour` in `start`", "perDay"),
        (HEAD + "start: {perDay: 0}", "wrong-value", "3:17", "at least 1, not 0", None),
        (HEAD + "start: {firstWave: 9}", "pacing", "3:20", "no `start.perDay`", "Add `perDay`"),
        (HEAD + "start: {firstStepWithinDays: 0}", "wrong-value", "3:30", "at least 1, not 0", None),
        (HEAD + "start: {priority: high}", "wrong-type", "3:19", "whole number", None),
        (HEAD + "sequenceSteps: [{subject: a, body_html: b}]", "unknown-key", "3:30", "body_html", "`bodyHtml`"),
        ("key: a\nname: 5", "wrong-type", "2:7", "must be a text, not a number", '"5"'),
        ("key: a\nname: 1.50", "wrong-type", "2:7", "must be a text, not a number", '"1.50"'),
        ("key: a\nname: true", "wrong-type", "2:7", "must be a text", '"true"'),
        ("key: a\nname:", "wrong-type", "2:6", "not empty", "remove the line"),
        (HEAD + "protect: yes", "wrong-type", "3:10", "must be `true` or `false`, not a text", "Only `true`"),
        (HEAD + "labels: [a]", "wrong-type", "3:9", "must be a mapping", None),
        (HEAD + "labels: {team: 5}", "wrong-type", "3:16", "`labels.team` must be a text", '"5"'),
        (HEAD + 'labels: {"": x}', "blank-key", "3:10", "key of `labels` is blank", "name"),
        (HEAD + "leads: leads:x.csv", "wrong-type", "3:8", "must be a mapping", None),
        (HEAD + "sequenceSteps: {subject: a}", "wrong-type", "3:16", "must be a list, not a mapping", None),
        (HEAD + "sequenceSteps: [a]", "wrong-type", "3:17", "`sequenceSteps[0]` must be a mapping", None),
        (HEAD + "variables: {a: [1]}", "wrong-type", "3:16", "must be a text, a number or `true` or `false`", None),
        (HEAD + "variables: {price: 19.90}", "inexact-number", "3:20", "`19.90`", '"19.90"'),
        (HEAD + "start: {minimumLeads: many}", "wrong-type", "3:23", "a whole number, not a text", "without quotes"),
        (HEAD + "start: {minimumLeads: 0}", "wrong-value", "3:23", "at least 1, not 0", None),
        (HEAD + "status: runing", "wrong-value", "3:9", "not `runing`", "`running`"),
        (HEAD + "start: {notBefore: soon}", "wrong-value", "3:20", "no time: `soon`", "2026-12-01T09:00"),
        (HEAD + "start: {notBefore: 0001-01-01}", "wrong-value", "3:20", "year 1", "2026-12-01T09:00"),
        ("key: VP Sales\nname: A", "wrong-value", "1:6", "lower-case letters", "Spaces become"),
        ("key: a\nname: ' '", "wrong-value", "2:7", "must not be blank", None),
        (HEAD + "owner: ''", "wrong-value", "3:8", "must not be blank", None),
        (HEAD + "sequenceSteps: [{subject: a}]", "wrong-value", "3:17", "exactly one of bodyHtml", None),
        (HEAD + "sequenceSteps: [{bodyText: a}]", "missing-key", "3:17", "in `sequenceSteps[0]`", None),
        (HEAD + "moved: {from: A B}", "wrong-value", "3:15", "`moved.from` is `A B`", None),
    ],
)
def test_what_is_wrong_in_a_file(
    repo: Repository, text: str, code: str, place: str, message: str, hint: str | None
) -> None:
    repo.campaign(text)
    found = repo.problem()
    assert (found.code, found.place) == (code, f"specs/campaigns/a.yaml:{place}")
    assert message in found.message
    assert (hint or "") in (found.hint or "")
    assert "pydantic" not in found.message


@pytest.mark.parametrize(
    ("days", "message"), [("-1", "at least 0, not -1"), ("100000", "at most 365"), ("9" * 30, "at most 365")]
)
def test_delays_are_bounded(repo: Repository, days: str, message: str) -> None:
    repo.campaign(f"{HEAD}sequenceSteps:\n  - subject: a\n    bodyText: b\n    delayDays: {days}\n")
    found = repo.problem()
    assert (found.code, found.line, found.column) == ("wrong-value", 6, 16)
    assert message in found.message


def test_two_bodies_are_one_too_many(repo: Repository) -> None:
    repo.campaign(HEAD + "sequenceSteps:\n  - subject: a\n    bodyText: b\n    bodyHtml: c\n")
    found = repo.problem()
    assert (found.line, found.column) == (4, 5)
    assert "bodyHtml and bodyText" in found.message


def test_too_many_steps(repo: Repository) -> None:
    repo.campaign(HEAD + "sequenceSteps:\n" + "  - {subject: a, bodyText: b}\n" * 51)
    assert "50 are the most" in repo.problem().message


@pytest.mark.parametrize(
    ("rest", "code", "place"),
    [
        ("leads: {source: x.csv}\nstatus: running\n", "no-steps", "4:9"),
        (STEP + "status: running\n", "no-leads", "6:9"),
    ],
)
def test_what_runs_needs_steps_and_leads(repo: Repository, rest: str, code: str, place: str) -> None:
    repo.campaign(HEAD + rest)
    found = repo.problem()
    assert (found.code, found.place, found.campaign) == (code, f"specs/campaigns/a.yaml:{place}", "a")
    assert "status: draft" in (found.hint or "")


def test_one_key_in_two_files(repo: Repository) -> None:
    repo.campaign("name: A\nkey: x\n", "a")
    repo.campaign("name: B\nkey: x\n", "b")
    found = repo.problem()
    assert (found.code, found.place) == ("duplicate-campaign", "specs/campaigns/b.yaml:2:6")
    assert "specs/campaigns/a.yaml:2" in found.message


@pytest.mark.parametrize(
    ("first", "second", "file"),
    [
        ("key: a\nname: A\nmoved: {from: a}", "key: b\nname: B", "a"),
        ("key: a\nname: A\nmoved: {from: b}", "key: b\nname: B", "a"),
        ("key: a\nname: A\nmoved: {from: c}", "key: b\nname: B\nmoved: {from: c}", "b"),
    ],
    ids=["itself", "a key that is still there", "twice the same"],
)
def test_moves_that_cannot_be(repo: Repository, first: str, second: str, file: str) -> None:
    repo.campaign(first, "a")
    repo.campaign(second, "b")
    found = repo.problem()
    assert (found.code, found.place) == ("moved", f"specs/campaigns/{file}.yaml:3:15")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-12-01T09:00", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("2026-12-01 09:00:00+00:00", datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ("2026-12-01", datetime(2026, 11, 30, 23, tzinfo=UTC)),
    ],
)
def test_times_are_in_the_policys_zone(repo: Repository, text: str, wanted: datetime) -> None:
    repo.workspace("policy: {timezone: Europe/Berlin}")
    repo.campaign(f"{HEAD}start: {{notBefore: '{text}'}}")
    not_before = repo.only().not_before
    assert not_before == wanted
    assert not_before is not None
    assert not_before.utcoffset() == timedelta(hours=1)


def test_a_broken_value_is_told_once(repo: Repository) -> None:
    """What YAML could not make is not told again as missing or of the wrong type."""
    repo.campaign("key: a\nname: #1\nlabels: *x\nsequenceSteps:\n  - subject: {{firstName}}\n    bodyText: x\n")
    assert [(item.code, item.line) for item in repo.problems()] == [
        ("cut-off", 2),
        ("yaml-alias", 3),
        ("unquoted", 5),
    ]


@pytest.mark.parametrize("blank", ["", "  ", "\u200b"])
def test_a_blank_fallback_is_told_at_its_place(repo: Repository, blank: str) -> None:
    repo.campaign(
        f'key: a\nname: A\nleads:\n  source: leads:x.csv\n  fallbacks:\n    company: there\n    firstName: "{blank}"\n'
    )
    loaded = repo.load()
    (told,) = loaded.diagnostics
    assert loaded.desired is not None
    assert (told.code, told.severity, told.campaign) == ("blank-fallback", Severity.WARNING, "a")
    assert told.place == "specs/campaigns/a.yaml:7:16"
    assert "`firstName` is blank, which does nothing" in told.message


def test_a_blank_fallback_may_take_a_shared_one_away(repo: Repository) -> None:
    repo.workspace("defaults: {leads: {fallbacks: {firstName: there}}}\n")
    repo.campaign('key: a\nname: A\nleads: {source: "leads:x.csv", fallbacks: {firstName: ""}}\n')
    assert repo.load().diagnostics == ()
