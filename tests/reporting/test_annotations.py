"""Annotations are commands of GitHub's runner, and nothing that a stranger writes becomes one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reporting.comments import HARM
from reporting.runs import REPORTS
from reporting.situations import DIAGNOSTICS, PLANS, monday
from reporting.strangers import harmful, infect
from support.examples import examples

from reconciler.diagnostics import Diagnostic, Severity, SourceRange, error, note, warning
from reconciler.reporting.annotations import MOST, Annotation, of_diagnostics, of_plan, of_report, render_annotations

_VALUE = r"(?:[^%:,\r\n]|%(?:25|0D|0A|3A|2C))*"
_COMMAND = re.compile(
    rf"::(?P<type>error|warning|notice) (?:file=(?P<file>{_VALUE}),)?(?:line=(?P<line>\d+),)?(?:col=(?P<column>\d+),)?"
    rf"title=(?P<title>{_VALUE})::(?P<message>(?:[^%\r\n]|%(?:25|0D|0A))*)"
)
_ENCODED = (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%"))
_ORDER = ["error", "warning", "notice"]


def decoded(text: str) -> str:
    """Read a value as the runner does (actions/runner, `ActionCommand.cs`)."""
    for code, character in _ENCODED:
        text = text.replace(code, character)
    return text


def parsed(text: str) -> list[dict[str, str]]:
    """Read the commands of an output whose every line but a last one is a command."""
    lines = text.splitlines()
    found = [_COMMAND.fullmatch(line) for line in lines]
    assert all(found[:-1]), text
    assert not lines or found[-1] or lines[-1].startswith("Not shown as annotations"), text
    return [{name: decoded(value or "") for name, value in match.groupdict().items()} for match in found if match]


def test_places_and_hints() -> None:
    told = parsed(render_annotations(of_diagnostics(DIAGNOSTICS)))
    assert [item["type"] for item in told] == ["error", "error", "error", "notice"]
    assert told[2] == {
        "type": "error",
        "file": "specs/campaigns/b.yaml",
        "line": "7",
        "column": "3",
        "title": "unknown-key",
        "message": "`sequenceStep` is no key of a campaign\nDid you mean `sequenceSteps`?",
    }
    assert (told[0]["file"], told[1]["column"]) == ("", "")


def test_what_has_a_meaning_is_escaped() -> None:
    found = error("a,b:c", "100%, a::b\r\nc%0A", at=SourceRange(file="a,b:%.yaml", line=1, column=2))
    assert render_annotations(of_diagnostics([found])) == (
        "::error file=a%2Cb%3A%25.yaml,line=1,col=2,title=a%2Cb%3Ac::100%25, a::b%0Ac%250A\n"
    )


@pytest.mark.parametrize("message", ["a\n::error::x", "a\n  ::x", "##[group]x", "a ##vso[x]", "\x1b[31m\u202e"])
def test_a_decoded_message_is_no_command_either(message: str) -> None:
    (told,) = parsed(render_annotations([Annotation(Severity.ERROR, message, message)]))
    assert harmful(told["message"]) is None
    assert harmful(told["title"]) is None


@pytest.mark.parametrize(("errors", "warnings", "notes"), [(0, 0, 0), (10, 10, 10), (11, 3, 0), (30, 12, 11)])
def test_ten_of_each_errors_first_and_the_rest_counted(errors: int, warnings: int, notes: int) -> None:
    found = [
        make(f"c{n}", "m") for make, many in ((note, notes), (warning, warnings), (error, errors)) for n in range(many)
    ]
    text = render_annotations(of_diagnostics(found))
    types = [item["type"] for item in parsed(text)]
    counts = {"error": errors, "warning": warnings, "notice": notes}
    assert types == [name for name in _ORDER for _ in range(min(MOST, counts[name]))]
    rest = re.findall(r"(\d+) more (error|warning|notice)", text)
    assert rest == [(str(counts[name] - MOST), name) for name in _ORDER if counts[name] > MOST]
    assert text.count("\n") == len(types) + bool(rest)


def test_a_plan_tells_what_needs_somebody_at_its_line_and_what_waits() -> None:
    told = parsed(render_annotations(of_plan(monday())))
    assert [(item["type"], item["title"], item["file"], item["line"]) for item in told] == [
        ("error", "cfo-pricing needs you", "specs/campaigns/cfo-pricing.yaml", "14"),
        ("notice", "shared-text", "", ""),
        ("notice", "de-hr waits", "specs/campaigns/de-hr.yaml", "3"),
    ]
    assert "revert line 14" in told[0]["message"]


def test_a_report_tells_each_reason_once() -> None:
    told = parsed(render_annotations(of_report(REPORTS["monday"](), monday())))
    assert [(item["type"], item["title"]) for item in told] == [
        ("error", "cfo-pricing needs you (update)"),
        ("notice", "de-hr waits (enroll, start)"),
    ]
    broken = parsed(render_annotations(of_report(REPORTS["broken"](), monday())))
    assert [item["type"] for item in broken] == ["error"] * 3 + ["warning"] * 2 + ["notice"]


@examples(80)
@given(st.data(), st.sampled_from(sorted(PLANS)), st.sampled_from(sorted(REPORTS)))
def test_nothing_of_strangers_becomes_a_command(data: st.DataObject, name: str, ended: str) -> None:
    told: dict[str, str] = {}
    plan = infect(PLANS[name](), lambda: data.draw(HARM), told)
    report = infect(REPORTS[ended](), lambda: data.draw(HARM), told)
    found: tuple[Diagnostic, ...] = infect(DIAGNOSTICS, lambda: data.draw(HARM), told)
    for annotations in (of_plan(plan), of_report(report, plan), of_diagnostics(found)):
        text = render_annotations(annotations)
        assert len(parsed(text)) == min(len(set(annotations)), len(parsed(text)))
        for item in parsed(text):
            assert harmful(item["message"]) is None
            assert harmful(item["title"]) is None
            assert harmful(item["file"]) is None


def test_a_list_outside_the_repository_is_named_in_the_message() -> None:
    """GitHub shows an annotation at a file of the repository only."""
    at = SourceRange(file="leads:spring.csv", line=7)
    text = render_annotations(of_diagnostics([error("lead", "There is no address.", at=at)]))
    assert text == "::error title=lead::leads:spring.csv:7: There is no address.\n"
