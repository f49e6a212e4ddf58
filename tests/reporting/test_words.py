from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reporting.moments import failed
from reporting.situations import action, campaign, monday, plan

from reconciler.diagnostics import error
from reconciler.model.plan import ActionStatus, Change, Kind, People, PlannedStep
from reconciler.planning.guards import GUARDS, Guard
from reconciler.reporting.layout import Page, cells, flow, say, size, wrap
from reconciler.reporting.text import render_diagnostics, render_plan
from reconciler.reporting.words import count, enrolment, left_list, reads, step_days, zone_of


def test_counts() -> None:
    assert count(1, "person", "people") == "1 person"
    assert count(1400, "person", "people") == "1,400 people"
    assert count(2, "day") == "2 days"


@pytest.mark.parametrize(
    ("new", "headline"),
    [
        (0, "Nobody gets a first email if you apply this."),
        (1, "1 person gets a first email if you apply this."),
        (1400, "1,400 people get a first email if you apply this."),
    ],
)
def test_the_headline(new: int, headline: str) -> None:
    made = plan([campaign("a")], [action("a", Kind.CREATE)], receive=new)
    assert f"\n\n  {headline}\n" in render_plan(made)


def test_a_time_zone_this_machine_does_not_know_is_utc() -> None:
    assert zone_of("America/New_York")[1] == "New York"
    assert zone_of("Mars/Olympus") == (UTC, "UTC")
    assert zone_of("../etc/passwd") == (UTC, "UTC")
    assert zone_of("") == (UTC, "UTC")


def test_step_days_follow_the_calendar() -> None:
    steps = (PlannedStep(subject="a", delay_days=0), PlannedStep(subject="b", delay_days=3))
    assert step_days(steps, datetime(2026, 12, 30, 9, tzinfo=UTC)) == ["Wed 30 Dec", "Sat 2 Jan"]
    assert step_days(steps, None) == ["at the start", "3 days later"]
    assert step_days(steps, datetime(9999, 12, 30, 9, tzinfo=UTC)) == ["Thu 30 Dec", "3 days later"]


def test_reading_with_made_up_values() -> None:
    assert reads("{{firstName}} at {{company}}: {{budget}}") == "Ada at Example Ltd: ‹budget›"  # noqa: RUF001


def test_who_is_enrolled() -> None:
    assert enrolment(People(rows=145, leads=142, new=142, duplicates=1, rejected=2)) == (
        "142 of 145 rows; 1 duplicate, 2 bad rows skipped"
    )
    assert enrolment(People(new=3)) == "3"
    assert enrolment(People(rows=145, leads=142, new=100, refused=3, outdated=1)) == (
        "100 of 145 rows; 39 in it already; 3 of the list refused by Leadterra; "
        "1 keeps its old details, as Leadterra refused the new ones"
    )
    assert left_list(1) == "1 person left the list and still gets the later steps"


def test_the_order_of_the_actions_does_not_matter() -> None:
    """Campaigns stand by what they need, then by key."""
    made = monday()
    keys = ["vp-sales-q3", "fintech-intro", "de-hr", "cfo-pricing"]
    mixed = tuple(item for key in keys for item in made.of(key))
    assert render_plan(made.model_copy(update={"actions": mixed})) == render_plan(made)


def test_a_plan_for_a_thousand_campaigns_is_linear_in_them() -> None:
    """Every campaign is shown once, whatever their number."""
    keys = [f"c{number:04}" for number in range(1000)]
    text = render_plan(plan([campaign(key) for key in keys], [action(key, Kind.CREATE) for key in keys]))
    assert all(text.count(f"\n+ {key} ") == 1 for key in keys)
    assert "  1,000 drafts created\n" in text


@pytest.mark.parametrize(
    ("key", "message", "told"),
    [
        ("a", "no lead has a company", "a: no lead has a company"),
        ("row", "3 rows are bad", "row: 3 rows are bad"),
        ("row", "rows are bad", "row: rows are bad"),
        ("row", "row: it is bad", "row: it is bad"),
        ("row", "row is bad", "row is bad"),
        (None, "it is bad", "it is bad"),
    ],
)
def test_a_diagnostic_names_its_campaign_once(key: str | None, message: str, told: str) -> None:
    """In a list of diagnostics as in a plan: a key that is part of another word names nothing."""
    found = error("code", message, campaign=key)
    assert render_diagnostics([found]).splitlines()[0] == f"error: {told}"
    assert f"  Error         {told}\n" in render_plan(plan([], [], diagnostics=(found,)))


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.id)
def test_every_check_has_words_and_says_whether_waiting_helps(guard: Guard) -> None:
    """The id of a check is for machines; only what changes by itself is worth running again for."""
    held = failed("a", Kind.START, guard.id, "because")
    text = render_plan(plan([campaign("a")], [held]))
    shown = text.partition("✗ ")[2].splitlines()[0]
    assert (shown == guard.id) is (guard.id == "steps")
    assert "-" not in shown
    in_time = guard.id in {"senders", "capacity", "pacing", "not-before", "window"}
    assert ("run it again later" in text) is in_time
    assert ("until this is put right" in text) is not in_time


def test_no_diagnostics_no_text() -> None:
    assert render_diagnostics([]) == ""


def test_cells_of_wide_and_combining_characters() -> None:
    assert [cells(text) for text in ("abc", "日本", "e\u0301", "✓◷▶‖−")] == [3, 4, 1, 5]  # noqa: RUF001


@given(st.lists(st.text("ab 日", max_size=30), max_size=5), st.integers(1, 40))
def test_wrapping_loses_no_word_and_keeps_the_width(texts: list[str], width: int) -> None:
    spans = [say(text, style) for text, style in zip(texts, ["", "red", "", "bold", "dim"], strict=False)]
    lines = wrap(spans, width)
    assert " ".join("".join(span.text for span in line) for line in lines).split() == "".join(texts).split()
    for line in lines:
        text = "".join(span.text for span in line).strip()
        assert size(line) <= width or " " not in text


def test_items_stay_whole_where_they_fit() -> None:
    lines = flow([[say("one two")], [say("three four")], [say("five six seven")]], 10)
    assert ["".join(span.text for span in line) for line in lines] == ["one two", "three four", "five six", "seven"]


def test_a_label_wider_than_its_column_stands_alone() -> None:
    page = Page(color=False, width=60)
    page.row("a rather long label", [[say("text")]], indent=2, column=9)
    assert page.render() == f"  a rather long label\n{' ' * 11}text\n"


def test_what_cannot_be_read_back_is_shown_as_new() -> None:
    """All steps at once, where the old ones are not known; and a campaign that the plan does not list."""
    steps = [{"subject": "Hi", "bodyHtml": "<p>Ann</p>", "delayDays": 1}, {"subject": "Re: Hi", "delayDays": 2}]
    update = action("a", Kind.UPDATE, changes=(Change(path="sequenceSteps", after=steps),))
    moved = [action("b", Kind.PAUSE), action("b", Kind.FORGET, status=ActionStatus.BLOCKED)]
    text = render_plan(plan([campaign("a")], [update, *moved]))
    assert '{+"Hi" after 1 day: Ann; "Re: Hi" after 2 days+}' in text
    assert "\n✗ b needs you\n    now       pause\n    not done  stop managing (stays in Leadterra)\n" in text
