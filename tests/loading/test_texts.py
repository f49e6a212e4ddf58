import pytest
from loading.repository import Repository

from reconciler.diagnostics import Severity
from reconciler.loading.bodies import paragraphs

FILE = "specs/campaigns/a.yaml"
HEAD = "key: a\nname: A\nvariables: {sender: Jamie, empty: ''}\n"


def step(subject: str = "S", body: str = "bodyText: B", rest: str = "") -> str:
    return f"{HEAD}{rest}sequenceSteps:\n  - subject: {subject}\n    {body}\n"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a", "<p>a</p>"),
        ("a\nb", "<p>a<br>\nb</p>"),
        ("a\n\nb", "<p>a</p>\n<p>b</p>"),
        ("a\n \n\t\n\nb\n", "<p>a</p>\n<p>b</p>"),
        ("  a  \n b", "<p>a<br>\nb</p>"),
        ("1 < 2 & '3' {{firstName}}", "<p>1 &lt; 2 &amp; '3' {{firstName}}</p>"),
    ],
)
def test_plain_text_becomes_paragraphs(text: str, html: str) -> None:
    assert paragraphs(text) == html


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        (step('"[[ empty ]]"'), "blank-text", "5:14"),
        (step(body='bodyHtml: "[[ empty ]]"'), "blank-text", "6:15"),
        (step('"a\\nb"'), "subject-lines", "5:14"),
        (step('"a\\e[31mb"'), "subject-lines", "5:14"),
        (step("\"[[ 'a\\\\nb' ]]\""), "subject-lines", "5:14"),
        (step('"Hi {{first name}}"'), "malformed-token", "5:14"),
        (step('"Hi {{firstName}"'), "malformed-token", "5:14"),
        (step(body="bodyText: |\n      Hi,\n      you {{ }} there\n"), "malformed-token", "8"),
    ],
)
def test_what_would_reach_the_reader_wrong(repo: Repository, text: str, code: str, place: str) -> None:
    repo.campaign(text)
    found = repo.problem()
    assert (found.code, found.place) == (code, f"{FILE}:{place}")
    assert found.hint


def test_a_malformed_token_of_a_template_is_told_where_it_stands(repo: Repository) -> None:
    repo.write("specs/templates/t.j2", "[[% include 'u.j2' %]]")
    repo.write("specs/templates/u.j2", "a\nb {{first-name}}")
    repo.campaign(step(body="bodyTemplate: ../templates/t.j2"))
    found = repo.problem()
    assert (found.code, found.place) == ("malformed-token", "specs/templates/u.j2:2:3")


def test_a_variable_used_as_a_token_gets_a_hint(repo: Repository) -> None:
    repo.campaign(step(body="bodyText: I am {{sender}}"))
    found = repo.problem()
    assert (found.code, found.place, found.hint) == ("variable-as-token", f"{FILE}:6:15", "Write `[[ sender ]]`.")
    repo.campaign(step(body="bodyText: I am {{sender}}", rest="leads: {source: leads:a.csv, fields: [email]}\n"))
    assert repo.problem().code == "variable-as-token"


def test_a_variable_that_may_be_a_leads_field_too_is_only_warned_of(repo: Repository) -> None:
    """A list whose fields are not named may have a column of that name."""
    repo.campaign(step(body="bodyText: I am {{sender}}", rest="leads: {source: leads:a.csv}\n"))
    loaded = repo.load()
    assert loaded.desired is not None
    assert [(item.code, item.severity) for item in loaded.diagnostics] == [("variable-as-token", Severity.WARNING)]
    repo.campaign(step(body="bodyText: I am {{sender}}", rest="leads: {source: leads:a.csv, columns: {sender: S}}\n"))
    assert repo.load().diagnostics == ()


def test_what_surrounds_a_text_is_not_sent(repo: Repository) -> None:
    repo.campaign(step('" S "', "bodyHtml: |\n\n      <p>x</p>\n\n"))
    assert [(item.subject, item.body_html) for item in repo.only().steps] == [("S", "<p>x</p>")]


@pytest.mark.parametrize("braces", ["{{ ", "{{", "{{}}"])
def test_a_text_of_nothing_but_braces_takes_no_longer_than_others(repo: Repository, braces: str) -> None:
    """A search that looks for the end of each of them would take hours."""
    repo.campaign(step(body=f"bodyHtml: '{braces * 200_000}'"))
    assert {item.code for item in repo.problems()} == {"malformed-token"}


def test_the_end_of_a_style_is_no_token(repo: Repository) -> None:
    repo.campaign(step(body="bodyHtml: '<style>@media print{p{color:red}}</style><p>x</p>'"))
    assert repo.only().steps[0].body_html.startswith("<style>")
