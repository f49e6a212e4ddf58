"""The plan and the report as comments: what they say, that nothing breaks them, and that they fit."""

import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reporting import forecasts
from reporting.comments import EMAILS, HARM, broken, crowd, read, words
from reporting.runs import REPORTS, finished
from reporting.situations import DIAGNOSTICS, PLANS, monday, newcomers, nothing, waiting
from reporting.strangers import harmful, infect
from support.examples import examples

from reconciler.model.campaign import Campaign, Status
from reconciler.model.plan import Plan
from reconciler.reporting.budget import COMMENT, SMALLEST, Fit
from reconciler.reporting.escape import visible
from reconciler.reporting.markdown import marker, opening, sentence
from reconciler.reporting.planmd import render_plan_markdown
from reconciler.reporting.problemsmd import render_problems_markdown, render_validation_markdown
from reconciler.reporting.reading import paragraphs
from reconciler.reporting.reportmd import render_report_markdown

CAMPAIGN = Campaign(key="one", name="One", status=Status.DRAFT, file="specs/campaigns/one.yaml")
LINK = "https://example.com/acme/runs/1?attempt=2#summary"
MARKER = marker("plan", "acme", "production")
FITS = st.builds(Fit, st.integers(SMALLEST, 65_000), st.sampled_from([None, LINK]))


def full_plan() -> Plan:
    """Make a plan with everything that a comment may hold."""
    plan = forecasts.planned(forecasts.week())
    quiet = nothing().campaigns[0].model_copy(update={"key": "quiet"})
    return plan.model_copy(update={"campaigns": (*plan.campaigns, quiet)})


def comment(plan: Plan, fit: Fit = COMMENT) -> str:
    return render_plan_markdown(plan, emails=EMAILS, commit="main@3f9c1e7", fit=fit)


# What it says


def test_the_heading_counts_what_matters_and_the_day_is_told() -> None:
    lines = comment(full_plan()).split("\n")
    assert lines[0] == "<!-- reconciler:plan acme/production -->"
    assert lines[1].endswith("1 to launch, 1 changed, 0 removed · ⏳ waits: 1 · ❌ needs you: 1")
    assert lines[3].startswith("If merged: **142 new people** get email from **Mon 30 Nov**.")


def test_what_needs_somebody_comes_first_with_the_way_out() -> None:
    text = words(comment(full_plan()))
    needs, table = text.index("### ❌ Needs you"), text.index("| Campaign |")
    assert needs < text.index('- stop them now: reconciler stop cfo-pricing --reason "wrong price"') < table


def test_a_row_a_campaign() -> None:
    rows = [line for line in comment(full_plan()).split("\n") if line.startswith("| ")]
    assert rows[2:6] == [
        "| ❌ `cfo-pricing` | needs you: step 3 body | 212 | 636 | after the forecast |",
        "| ⏳ `de-hr` | is created; waits: no room in time, until Tue 1 Dec | 0 → 1,400 | 2,800 | Fri 11 Dec |",
        "| 🟢 `vp-sales-q3` | is created and STARTS | 0 → 142 | 284 | Thu 3 Dec |",
        "| 🟡 `fintech-intro` | is updated: name, step 1 subject, step 2 wait 3 → 4 days, step 3 | draft | – | – |",  # noqa: RUF001
    ]


def test_emails_are_shown_as_they_read_but_for_those_that_nobody_will_read() -> None:
    text = words(comment(full_plan()))
    assert "> **Subject:** Quick question, Ada\n>\n> Hi Ada,\n>\n> how do you<br>plan at Example Ltd? See here " in text
    assert "(https://example.com/plans?a=1&b=2)" in text
    assert "color: red" not in text
    shown = text[text.index("👀") : text.index("Word-level")]
    assert "cfo-pricing" not in shown
    assert [name for name in EMAILS if name in shown] == ["vp-sales-q3", "de-hr", "fintech-intro"]


def test_changed_words_are_struck_out_and_underlined() -> None:
    text = words(comment(full_plan()))
    assert "Quick <del>idea</del><ins>question</ins>, {{firstName}}" in text
    assert "<del>3</del><ins>4</ins> days" in text
    assert "not done: step 3 body … small print. Plans start at <del>€90</del><ins>€120</ins> a month" in text


def test_a_campaign_that_time_does_not_help_is_told_so_and_first() -> None:
    plan = waiting()
    failed = plan.actions[2].model_copy(
        update={"guards": (plan.actions[1].guards[0].model_copy(update={"id": "paused-outside"}),)}
    )
    text = comment(plan.model_copy(update={"actions": (*plan.actions[:2], failed)}))
    assert text.index("**`winter`**: **waiting alone does not help**") < text.index("**`advent`**\n")


def test_people_who_go_on_getting_email_are_counted() -> None:
    text = comment(newcomers())
    assert "1 paused campaign goes on sending to the 212 people in it." in text
    assert "| 142 → 154 |" in text


def test_nothing_to_change() -> None:
    text = comment(nothing())
    assert "– nothing to change\n\nNothing to change: 38 campaigns are as the files say.\n" in text  # noqa: RUF001
    assert "| `vp-sales-q3` | running |" in text


def test_a_report_says_what_is_left_and_what_to_run() -> None:
    text = words(render_report_markdown(finished(REPORTS["unknown"](), monday()), monday()))
    assert text.startswith("<!-- reconciler:apply acme/production -->\n")
    assert "start: Unknown: the request left, and no answer tells whether it was carried out\n  - no answer" in text
    assert "- Next: Run reconciler apply again" in text


# What an email's HTML reads like


@pytest.mark.parametrize(
    ("markup", "told"),
    [
        ("Hi {{firstName}}", [["Hi Ada"]]),
        ("<p>a</p><p>b<br/>c</p>", [["a"], ["b", "c"]]),
        ("<p>a\n  <b>b</b></p>", [["a b"]]),
        ("<ul><li>a</li><li>b</li></ul>", [["a", "b"]]),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", [["a b", "c"]]),
        ("<head><title>t</title></head><script>x</script>a", [["a"]]),
        ("a<!-- b -->c<!-- d", [["ac"]]),
        ('<!DOCTYPE html><img src=x alt="logo">', [["logo"]]),
        ("<a href='https://example.com'>a</a> <a name=x>b</a>", [["a (https://example.com) b"]]),
        ("1 &lt; 2 &amp;&#10; < 3", [["1 < 2 & < 3"]]),
        ("", []),
    ],
)
def test_paragraphs(markup: str, told: list[list[str]]) -> None:
    assert list(paragraphs(markup)) == told


@pytest.mark.parametrize("piece", ["<!--", "<", "<a ", "<p>", "&#", "<a href='", "<style>"])
def test_paragraphs_take_time_in_proportion(piece: str) -> None:
    list(paragraphs(piece * (200_000 // len(piece))))


# Text at the beginning of a line, and code in sentences


@pytest.mark.parametrize(
    "text", ["- a", "1. a", "+ a", "> a", "# a", "    a", "---", "===", "| a |", "```", "<p>", ": a"]
)
def test_a_line_begins_nothing(text: str) -> None:
    reader = read(f"before\n\n{opening(text)}\n")
    assert (reader.problems, [tag for tag in reader.opened if tag != "code"]) == ([], ["p", "p"])
    assert "".join(reader.outside) == f"before\n{visible(text)}\n".replace("#", "\x00")


def test_what_stands_between_backticks_is_code() -> None:
    assert sentence("run `reconciler stop --all` & `@x|y` `") == (
        "run <code>reconciler stop &#45;&#45;all</code> &#38; <code>&#64;x&#124;y</code> &#96;"
    )


# The marker


@pytest.mark.parametrize("name", ["a/b", "a -->", "<!--", "a b\n", "\ud800", "ä" * 500, "é" * 499 + "e"])
def test_markers_are_one_line_and_differ(name: str) -> None:
    first, second = marker("plan", name, "x"), marker("plan", "x", name)
    assert first != second
    assert len({marker("plan", f"{name}{more}", "x") for more in ("", "1", "2")}) == 3
    for line in (first, second):
        assert line.isascii()
        assert (line.count("\n"), line.count("--"), len(line) < 400) == (1, 2, True)


# What is left out


SECTIONS = (
    "Technical plan</summary>",
    "Emails as the reader sees them",
    "Word-level copy changes",
    "without a change</summary>",
    "- Note:",
    "What waits, and why",
    "`fintech-intro` | is",
    "`vp-sales-q3` | is",
    "`de-hr` | is",
    "`cfo-pricing` | needs",
    "stop them now",
)
"""In the order in which they go."""


def test_sections_go_in_the_stated_order_and_each_leaves_a_line() -> None:
    whole = comment(full_plan())
    assert all(section in whole for section in SECTIONS)
    gone: list[str] = []
    for limit in range(len(whole.encode()), 1_500, -60):
        text = comment(full_plan(), Fit(limit, LINK))
        left = [section for section in SECTIONS if section not in text]
        assert left[: len(gone)] == gone
        assert left == list(SECTIONS[: len(left)])
        assert text.count("*Left out") == sum(
            any(section in left for section in group)
            for group in (*((one,) for one in SECTIONS[:6]), SECTIONS[6:10], SECTIONS[10:])
        )
        assert text.count(f"[see all of it]({LINK})\n") == text.count("*Left out")
        assert broken(text, MARKER, link=LINK) is None
        gone = left
        if len(left) == len(SECTIONS):
            break
        assert len(text.encode()) <= limit
    assert gone == list(SECTIONS)


def test_rows_that_are_left_out_are_counted() -> None:
    text = render_plan_markdown(crowd(800, lambda: "x")[0], fit=Fit(SMALLEST))
    rows = sum(line.startswith(("| ❌", "| ⏳", "| 🟢", "| 🟡", "| ⏸", "| ⚪")) for line in text.split("\n"))
    left = [line for line in text.split("\n") if "more campaigns of this plan" in line]
    assert len(left) == 1
    assert f"{600 - rows:,} more campaigns" in left[0]


def test_a_link_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not an address"):
        comment(full_plan(), Fit(link="javascript:x"))
    with pytest.raises(ValueError, match="not an address"):
        comment(full_plan(), Fit(link="https://example.com/) @acme"))


# Strangers


def _texts(data: st.DataObject) -> Callable[[], str]:
    """Return texts one after another, out of a few that are drawn: so many campaigns need more than can be drawn."""
    drawn = data.draw(st.lists(HARM, min_size=1, max_size=40))
    chosen = random.Random(data.draw(st.integers(0, 2**32)))
    return lambda: chosen.choice(drawn)


def check(text: str, what: str, plan: Plan, fit: Fit) -> None:
    assert len(text.encode()) <= fit.max_bytes
    assert broken(text, marker(what, plan.workspace, plan.environment), link=fit.link) is None
    assert harmful(text) is None


@examples(100)
@given(st.data(), FITS, st.sampled_from([1, 2, 3, 9, 40]))
def test_a_few_campaigns_of_strangers_fit_and_break_nothing(data: st.DataObject, fit: Fit, size: int) -> None:
    text = _texts(data)
    plan, emails = crowd(size, text)
    check(render_plan_markdown(plan, emails=emails, commit=text(), fit=fit), "plan", plan, fit)


@examples(25)
@given(st.data(), FITS, st.integers(1, 5_000))
def test_so_do_up_to_5_000(data: st.DataObject, fit: Fit, size: int) -> None:
    text = _texts(data)
    plan, emails = crowd(size, text)
    check(render_plan_markdown(plan, emails=emails, commit=text(), fit=fit), "plan", plan, fit)


@examples(60)
@given(st.data(), st.sampled_from([*sorted(PLANS), "forecast"]), FITS)
def test_no_plan_breaks_its_comment(data: st.DataObject, name: str, fit: Fit) -> None:
    told: dict[str, str] = {}
    days = infect(forecasts.crowd(), lambda: data.draw(HARM), told)
    plan = infect(forecasts.planned(days) if name == "forecast" else PLANS[name](), lambda: data.draw(HARM), told)
    emails = {told.get(key, key): infect(steps, lambda: data.draw(HARM), told) for key, steps in EMAILS.items()}
    check(render_plan_markdown(plan, emails=emails, commit=data.draw(HARM), fit=fit), "plan", plan, fit)


@examples(60)
@given(st.data(), st.sampled_from(sorted(REPORTS)), FITS)
def test_no_report_breaks_its_comment(data: st.DataObject, name: str, fit: Fit) -> None:
    told: dict[str, str] = {}
    plan = infect(monday(), lambda: data.draw(HARM), told)
    report = infect(finished(REPORTS[name](), monday()), lambda: data.draw(HARM), told)
    check(render_report_markdown(report, plan, fit=fit), "apply", plan, fit)


@examples(40)
@given(st.data(), FITS, st.integers(1, 400))
def test_no_problem_breaks_its_comment(data: st.DataObject, fit: Fit, size: int) -> None:
    found = infect(DIAGNOSTICS, lambda: data.draw(HARM), {})
    plan = monday()
    many = itertools.islice(itertools.cycle(found), size)
    text = render_problems_markdown(many, "plan", workspace=plan.workspace, environment=plan.environment, fit=fit)
    check(text, "plan", plan, fit)


@examples(40)
@given(st.data(), FITS, st.integers(0, 400))
def test_no_file_breaks_the_comment_of_its_validation(data: st.DataObject, fit: Fit, size: int) -> None:
    found = infect(DIAGNOSTICS, lambda: data.draw(HARM), {})
    campaign = infect(CAMPAIGN, lambda: data.draw(HARM), {})
    plan = monday()
    many = itertools.islice(itertools.cycle(found), size)
    text = render_validation_markdown(
        many, [campaign] * size, workspace=plan.workspace, environment=plan.environment, fit=fit
    )
    check(text, "validate", plan, fit)


def test_a_word_without_end_is_cut() -> None:
    plan, emails = crowd(3, lambda: "@" * 1_000_000)
    fit = Fit(SMALLEST, LINK)
    check(render_plan_markdown(plan, emails=emails, commit="@" * 1_000_000, fit=fit), "plan", plan, fit)


@pytest.mark.parametrize(
    "body",
    [
        "<p>Hello</p><!--><p>Binding order</p><!-- -->",
        "<p>Hello</p><!---><p>Binding order</p>",
        "<p>Hello</p><!-- x --!><p>Binding order</p>",
        '<p>Hello</p><p title="<style>">Binding order</p>',
        '<p>Hello</p><p title=">">Binding order</p>',
        "<head><p>Hello</p><p>Binding order</p>",
        "<p>Hello</p><style/><p>x</p></style><p>Binding order</p>",
    ],
)
def test_no_mark_up_hides_what_readers_see(body: str) -> None:
    """A browser shows it: so does the email as it reads in the comment."""
    assert [" ".join(lines) for lines in paragraphs(body)][-1] == "Binding order"
