"""Whatever strangers write, it acts on neither terminal nor pipeline, and JSON still holds it unchanged."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reporting.runs import REPORTS
from reporting.situations import DIAGNOSTICS, PLANS, monday
from reporting.strangers import CLEAN, TEXTS, harmful, infect
from support.examples import examples

from reconciler.model.plan import Change
from reconciler.reporting.escape import guard, plain, visible
from reconciler.reporting.jsonout import diagnostics_json, plan_json, report_json
from reconciler.reporting.text import render_diagnostics, render_plan, render_report


@examples(120)
@given(st.data(), st.sampled_from(sorted(PLANS)), st.booleans(), st.integers(0, 120))
def test_no_plan_acts(data: st.DataObject, name: str, color: bool, width: int) -> None:  # noqa: FBT001
    plan = infect(PLANS[name](), lambda: data.draw(TEXTS), {})
    text = render_plan(plan, commit=data.draw(TEXTS), color=color, width=width, verbose=data.draw(st.booleans()))
    assert harmful(text, color=color) is None


@examples(60)
@given(st.data(), TEXTS)
def test_no_path_acts(data: st.DataObject, path: str) -> None:
    plan = monday()
    change = Change(path="x", before=data.draw(CLEAN), after={"subject": "s"}).model_copy(update={"path": path})
    action = plan.actions[0].model_copy(update={"changes": (change,)})
    assert harmful(render_plan(plan.model_copy(update={"actions": (action,)}))) is None


@examples(80)
@given(st.data(), st.sampled_from(sorted(REPORTS)), st.booleans(), st.integers(0, 120))
def test_no_report_acts(data: st.DataObject, name: str, color: bool, width: int) -> None:  # noqa: FBT001
    told: dict[str, str] = {}
    plan = infect(monday(), lambda: data.draw(TEXTS), told)
    report = infect(REPORTS[name](), lambda: data.draw(TEXTS), told)
    assert harmful(render_report(report, plan, color=color, width=width), color=color) is None


@examples(80)
@given(st.data(), st.booleans(), st.integers(0, 120))
def test_no_diagnostic_acts(data: st.DataObject, color: bool, width: int) -> None:  # noqa: FBT001
    found = infect(DIAGNOSTICS, lambda: data.draw(TEXTS), {})
    assert harmful(render_diagnostics(found, color=color, width=width), color=color) is None


@examples(60)
@given(st.data())
def test_json_holds_what_was_written_and_acts_on_nothing(data: st.DataObject) -> None:
    plan = infect(monday(), lambda: data.draw(CLEAN), {})
    report = infect(REPORTS["broken"](), lambda: data.draw(CLEAN), {})
    found = infect(DIAGNOSTICS, lambda: data.draw(CLEAN), {})
    for text, value in (
        (plan_json(plan), plan.model_dump(mode="json")),
        (report_json(report), report.model_dump(mode="json")),
    ):
        assert harmful(text) is None
        assert json.loads(text) == value
    text = diagnostics_json(found)
    assert harmful(text) is None
    messages = [item["message"] for item in json.loads(text)["diagnostics"]]
    assert sorted(messages) == sorted(item.message for item in found)


def test_json_holds_a_lone_surrogate() -> None:
    plan = monday()
    action = plan.actions[0].model_copy(update={"changes": (Change(path="name", before="\ud800"),)})
    text = plan_json(plan.model_copy(update={"actions": (action,)}))
    assert harmful(text) is None
    assert json.loads(text)["actions"][0]["changes"][0]["before"] == "\ud800"


@given(TEXTS)
def test_plain_is_one_harmless_line(text: str) -> None:
    assert "\n" not in plain(text)
    assert harmful(plain(text)) is None
    assert harmful(f"    {plain(text)}") is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe · 日本 ✓", "Größe · 日本 ✓"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b2J\x7f", r"\x9b2J\x7f"),
        ("a\nb\r\nc\rd\te", r"a⏎b⏎c\x0dd\x09e"),
        ("\u202eabc\u200b\u2028", r"\u202eabc\u200b\u2028"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("::error::x", r"\::error::x"),
        (" \u3000::error::x", " \u3000\\::error::x"),
        ("\ufe0f:\ufe0f:error::x", "\ufe0f\\:\ufe0f:error::x"),
        ("a ::b", "a ::b"),
        ("a ##[group]b", r"a #\#[group]b"),
        ("##VSO[task]", r"#\#VSO[task]"),
        ("##teamcity[x]", r"#\#teamcity[x]"),
        ("## 3", "## 3"),
    ],
)
def test_what_becomes_visible(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_commands_are_found_behind_and_between_colours() -> None:
    assert guard("\x1b[31m::error::x") == "\x1b[31m\\::error::x"
    assert guard("  \x1b[31m:\x1b[0m:error") == "  \x1b[31m\\:\x1b[0m:error"
    assert guard("x #\x1b[31m#\x1b[0m[group]") == "x #\x1b[31m\\#\x1b[0m[group]"


def test_visible_leaves_the_place_in_the_line_alone() -> None:
    assert visible("::x") == "::x"
