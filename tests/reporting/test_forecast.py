"""The pictures of a forecast show its figures, without colour too, and hold whatever strangers write."""

import json
import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reporting.forecasts import crowd, long, planned, week
from reporting.situations import monday
from reporting.strangers import CLEAN, TEXTS, harmful, infect
from support.examples import examples

from reconciler.model.plan import ForecastDay, Sending
from reconciler.reporting.days import bar, blocks, fitted, level, percent, room, sending_words, short, stretches
from reconciler.reporting.forecastmd import mailbox_load, render_forecast_markdown
from reconciler.reporting.forecastsvg import MOST_NAMED, OTHERS, svg
from reconciler.reporting.forecastview import NOTHING, render_forecast
from reconciler.reporting.jsonout import forecast_json
from reconciler.reporting.layout import cells
from reconciler.reporting.markdown import code, prose
from reconciler.reporting.text import render_plan

SVG = "{http://www.w3.org/2000/svg}"


def one(sent: int, capacity: int, over: int = 0) -> ForecastDay:
    return ForecastDay(
        day=0, date="2026-11-30", capacity=capacity, due=sent + over, sent=sent, rolled_over=over, campaigns={"a": sent}
    )


@pytest.mark.parametrize(
    ("sent", "capacity", "over", "shown", "drawn", "part"),
    [
        (0, 1710, 0, "·", "", 0),
        (1, 1710, 0, "▁", "▏", 1),
        (855, 1710, 0, "▄", "█████", 50),
        (869, 1710, 0, "▅", "█████▏", 51),
        (1612, 1710, 0, "█", "█████████▍", 94),
        (1709, 1710, 0, "█", "█████████▉", 99),
        (1710, 1710, 0, "█", "██████████", 100),
        (1710, 1710, 5, "█", "██████████", 100),
        (0, 0, 5, "·", "", 100),
        (0, 0, 0, "·", "", 0),
    ],
)
def test_a_day_as_character_bar_and_percentage(
    *, sent: int, capacity: int, over: int, shown: str, drawn: str, part: int
) -> None:
    item = one(sent, capacity, over)
    assert (level(item), bar(item, 10), percent(item)) == (shown, drawn, part)


@given(st.integers(0, 5_000), st.integers(1, 5_000), st.integers(1, 80))
def test_a_bar_is_full_only_where_the_day_is_and_seen_where_anything_is_sent(
    sent: int, capacity: int, width: int
) -> None:
    item = one(min(sent, capacity), capacity)
    drawn, solid = bar(item, width), blocks(item, width)
    assert (drawn == "█" * width) is (item.sent == capacity)
    assert bool(drawn) is (item.sent > 0)
    assert len(drawn) <= width
    assert cells(solid) == width
    assert (percent(item) == 100) is (item.sent == capacity)
    assert (percent(item) == 0) is (item.sent == 0)


def test_days_without_email_are_one_entry_from_three_on() -> None:
    assert [len(run) for run in stretches(long())] == [1, 1, 1, 4, *([1] * 9), 1, 1, 1]
    assert short(stretches(long())[3]) == "Thu–Sun"  # noqa: RUF001 - a dash is meant


def test_the_room_of_today_is_told_apart() -> None:
    assert room(week()) == "1,353 today, 1,710 a day"
    assert room(long()) == "1,710 a day"
    assert room(week()[:1]) == "1,353 today"


def test_a_forecast_is_cut_or_goes_on_with_empty_days() -> None:
    assert fitted(week(), 2) == week()[:2]
    longer = fitted(week(), 7)
    assert longer[:5] == week()
    assert [(item.day, item.date, item.capacity, item.due, item.sent) for item in longer[5:]] == [
        (5, "2026-12-05", 1710, 0, 0),
        (6, "2026-12-06", 1710, 0, 0),
    ]
    assert fitted((), 7) == ()


@pytest.mark.parametrize(
    ("sending", "words"),
    [
        (Sending(first="2026-11-30", last="2026-12-03", emails=284, lost=2),
         "Mon 30 Nov – Thu 3 Dec, 284 emails; 2 days later than with room enough"),  # noqa: RUF001 - a dash is meant
        (Sending(first="2026-11-30", last="2026-11-30", emails=1), "Mon 30 Nov, 1 email"),
        (Sending(first="2026-11-30", emails=500, left=100),
         "from Mon 30 Nov, 500 emails; 100 of them after the days that are looked at"),
        (Sending(emails=500, left=500), "500 emails, none of them within the days that are looked at"),
    ],
)  # fmt: skip
def test_when_a_campaign_sends(sending: Sending, words: str) -> None:
    assert sending_words(sending) == words


def test_a_plan_without_forecast_says_nothing_of_days() -> None:
    plan = monday().model_copy(update={"not_counted": ("something",)})
    for words in ("Emails a day", "Not counted", "sends  "):
        assert words not in render_plan(plan)


def test_the_chart_says_without_colour_which_days_are_full() -> None:
    plain = render_forecast(planned(week()), week(), width=100)
    (full,) = [line for line in plain.splitlines() if "FULL" in line]
    assert full.strip().startswith("Tue 1 Dec")
    assert full.endswith("1,710 of 1,710  100%  FULL, 212 roll over")
    colourful = render_forecast(planned(week()), week(), width=100, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colourful) == plain
    assert "\x1b[" in colourful


@pytest.mark.parametrize("width", [60, 72, 80, 100, 110])
@pytest.mark.parametrize("days", [week(), long(), crowd(), fitted(long(), 366)])
def test_no_line_of_the_chart_is_wider_than_the_page(days: tuple[ForecastDay, ...], width: int) -> None:
    assert max(map(cells, render_forecast(planned(days), days, width=width).splitlines())) <= width


def test_nothing_to_send_is_told() -> None:
    plan = planned(())
    assert NOTHING in render_forecast(plan, ())
    assert NOTHING in render_forecast_markdown(plan, ())
    assert mailbox_load(()) == ""
    assert "Nothing is to be sent." in svg(())


def test_mailbox_load_as_in_a_comment() -> None:
    assert mailbox_load(week()[:3]) == (
        "**Mailbox load**  Mon █░░░░░░░░░ 10%  Tue ██████████ 100% **FULL**  Wed █░░░░░░░░░ 12%\n"
    )
    assert mailbox_load(long()).endswith("… last Fri 18 Dec\n")


def test_json_has_the_names_of_the_api() -> None:
    told = json.loads(forecast_json(planned(week()), week()))
    assert list(told) == ["forecast", "campaigns", "notCounted"]
    assert told["forecast"][1]["rolledOver"] == 212
    assert told["campaigns"]["de-hr"] == {
        "first": "2026-12-01", "last": "2026-12-11", "emails": 2800, "left": 0, "lost": 1,
    }  # fmt: skip
    assert "fintech-intro" not in told["campaigns"]


# The picture


def drawn(days: tuple[ForecastDay, ...]) -> ET.Element:
    return ET.fromstring(svg(days))  # noqa: S314 - our own document


def groups(picture: ET.Element) -> list[ET.Element]:
    return [item for item in picture.iter(f"{SVG}g") if "data-day" in item.attrib]


def bars(group: ET.Element) -> Iterator[tuple[str, float, float]]:
    """Yield what each part of a bar is called, and where it begins and ends, from above."""
    for box in group.findall(f"{SVG}rect"):
        title = box.findtext(f"{SVG}title") or "over"
        yield title, float(box.attrib["y"]), float(box.attrib["y"]) + float(box.attrib["height"])


def axis(picture: ET.Element) -> tuple[float, float]:
    """Return where no emails are, and how high one is."""
    at = {
        int((item.text or "").replace(",", "")): float(item.attrib["y"])
        for item in picture.iter(f"{SVG}text")
        if item.attrib.get("text-anchor") == "end"
    }
    most = max(at)
    return at[0], (at[0] - at[most]) / most


@pytest.mark.parametrize("days", [week(), long(), crowd()])
def test_every_bar_is_as_high_as_its_figure_and_stands_on_the_one_below(days: tuple[ForecastDay, ...]) -> None:
    picture = drawn(days)
    ground, unit = axis(picture)
    assert len(groups(picture)) == len(days)
    for group, item in zip(groups(picture), days, strict=True):
        below = ground
        total = 0
        for title, top, bottom in bars(group):
            assert bottom == pytest.approx(below, abs=0.02)
            if title != "over":
                emails = int(title.rpartition(": ")[2].replace(",", ""))
                assert bottom - top == pytest.approx(emails * unit, abs=0.02)
                total += emails
            below = top
        assert total == item.sent == int(group.attrib["data-sent"])


def test_six_campaigns_are_named_and_the_rest_is_one() -> None:
    titles = [title for title, *_ in bars(groups(drawn(crowd()))[0])]
    assert len(titles) == MOST_NAMED + 1
    assert titles[0] == "Mon 30 Nov, campaign-0: 90"
    assert titles[-1] == f"Mon 30 Nov, {OTHERS}: 60"


def test_full_days_are_hatched_and_numbered() -> None:
    picture = drawn(week())
    patterned = [item for item in groups(picture) if any(box.attrib.get("fill") == "url(#over)" for box in item)]
    assert [item.attrib["data-day"] for item in patterned] == ["2026-12-01"]
    assert "+212" in [item.text for item in patterned[0].iter(f"{SVG}text")]
    assert picture.find(f".//{SVG}pattern[@id='over']") is not None


def test_the_room_is_a_line_at_each_days_height() -> None:
    picture = drawn(week())
    ground, unit = axis(picture)
    (line,) = [item.attrib["d"] for item in picture.iter(f"{SVG}path") if "room" in item.attrib.get("class", "")]
    heights = [float(y) for y in re.findall(r"[ML][\d.]+,([\d.]+)", line)]
    assert heights == pytest.approx([ground - item.capacity * unit for item in week()], abs=0.02)


def test_the_picture_is_read_out_and_asks_for_nothing() -> None:
    picture = drawn(week())
    assert picture.attrib["role"] == "img"
    named = {item.attrib["id"]: item.text for item in picture if "id" in item.attrib}
    assert picture.attrib["aria-labelledby"].split() == list(named)
    assert "Tue 1 Dec: 1,710 of 1,710, full, 212 roll over." in (named["forecast-desc"] or "")
    assert not list(picture.iter(f"{SVG}script"))
    text = svg(week())
    assert "prefers-color-scheme:dark" in text
    assert not re.search(r"href|@import|https?:(?!//www\.w3\.org/2000/svg\")|url\((?!#over)", text)
    weekdays = [item.text for item in picture.iter(f"{SVG}text")]
    assert [name for name in weekdays if name in {"Mon", "Tue", "Wed", "Thu", "Fri"}] == [
        "Mon",
        "Tue",
        "Wed",
        "Thu",
        "Fri",
    ]


@pytest.mark.parametrize("count", [1, 14, 15, 31, 32, 120, 121, 366])
def test_as_many_days_as_there_are(count: int) -> None:
    picture = drawn(fitted(week(), count))
    width = float(picture.attrib["width"])
    assert len(groups(picture)) == count
    assert all(
        float(box.attrib["x"]) + float(box.attrib["width"]) <= width
        for g in groups(picture)
        for box in g.findall(f"{SVG}rect")
    )


# Strangers


@examples(60)
@given(st.data(), st.booleans(), st.integers(0, 120))
def test_no_forecast_acts(data: st.DataObject, color: bool, width: int) -> None:  # noqa: FBT001
    days = tuple(
        item.model_copy(update={"campaigns": {data.draw(TEXTS): sent for sent in item.campaigns.values()}})
        for item in infect(crowd(), lambda: data.draw(TEXTS), {})
    )
    plan = infect(planned(days), lambda: data.draw(TEXTS), {})
    for text in (render_plan(plan, width=width, color=color), render_forecast(plan, days, width=width, color=color)):
        assert harmful(text, color=color) is None
    picture = svg(days)
    assert harmful(picture) is None
    ET.fromstring(picture)  # noqa: S314 - our own document
    told = render_forecast_markdown(plan, days)
    assert harmful(told) is None
    assert not re.search(r"[@#](?!\d+;)", re.sub(r"`[A-Za-z0-9._/-]*`", "", told))


@given(CLEAN)
def test_json_of_a_forecast_acts_on_nothing(key: str) -> None:
    days = (week()[0].model_copy(update={"campaigns": {key: 142}}),)
    told = forecast_json(planned(days), days)
    assert harmful(told) is None
    assert json.loads(told)["forecast"][0]["campaigns"] == {key: 142}


@pytest.mark.parametrize(
    ("text", "as_code", "as_prose"),
    [
        ("vp-sales-q3", "`vp-sales-q3`", "vp-sales-q3"),
        ("specs/a.yaml:7:3", "`specs/a.yaml:7:3`", "specs/a&#46;yaml:7:3"),
        ("GH-1 Gh-22 GH-x", "<code>GH&#45;1 Gh&#45;22 GH&#45;x</code>", "GH<code>-</code>1 Gh<code>-</code>22 GH-x"),
        ("a|b", "<code>a&#124;b</code>", "a&#124;b"),
        ("`x`", "<code>&#96;x&#96;</code>", "&#96;x&#96;"),
        ("@acme #1", "<code>&#64;acme &#35;1</code>", "<code>&#64;</code>acme <code>&#35;</code>1"),
        ("<img>", "<code>&#60;img&#62;</code>", "&#60;img&#62;"),
        ("https://x.example", "<code>https&#58;&#47;&#47;x&#46;example</code>", "https&#58;//x&#46;example"),
        ("::error::x", "<code>&#58;&#58;error&#58;&#58;x</code>", "&#58;:error&#58;:x"),
        ("1 of 2 (10:30).", "<code>1 of 2 &#40;10&#58;30&#41;&#46;</code>", "1 of 2 (10:30)."),
        ("a\nb", "<code>a⏎b</code>", "a⏎b"),
    ],
)
def test_texts_in_markdown(text: str, as_code: str, as_prose: str) -> None:
    assert (code(text), prose(text)) == (as_code, as_prose)
