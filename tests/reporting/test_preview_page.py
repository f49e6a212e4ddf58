"""The page of the preview: what stands on it, in which order, and that nothing on it is anybody else's mark-up."""

import html
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from reporting.forecasts import week
from reporting.previews import page, planned, shown, step
from reporting.situations import DIAGNOSTICS, PLANS, monday
from reporting.strangers import infect

from reconciler.reporting.markup import Html, sentence, tag
from reconciler.reporting.previewmail import POLICY

EVIL = (
    "\"'><script>alert(1)</script></style></iframe><img src=https://example.com/x onerror=alert(1)>\n\x1b[2J\u202e`a`"
)
VOID = {"meta", "link", "input", "path", "rect"}
ACTING = {"script", "object", "embed", "form", "base", "img", "video", "a"}


class Document(HTMLParser):
    """A page as a browser reads it: elements in order, text by the element around it; every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1], data.strip()))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        return " ".join(text for tag, text in self.texts if tag != "style")


def test_text_is_escaped_wherever_it_becomes_a_part() -> None:
    assert tag("p", "<b>&\x1b", Html("<i>"), None, title='"x"') == (
        '<p title="&quot;x&quot;">&lt;b&gt;&amp;\\x1b<i></p>'
    )
    assert tag("input", checked=True, disabled=False, value=3) == '<input checked value="3">'
    assert sentence("run `a <b>` now") == "run <code>a &lt;b&gt;</code> now"


def test_the_policy_is_the_first_element_and_nothing_is_loaded() -> None:
    text = planned()
    assert text.startswith(
        f'<!doctype html>\n<html lang="en"><head><meta http-equiv="Content-Security-Policy" '
        f'content="{html.escape(POLICY)}"><meta charset="utf-8">'
    )
    document = Document(text)
    assert {"name": "referrer", "content": "no-referrer"} in document.all("meta")
    assert not document.all("script")
    assert [link["href"] for link in document.all("link")] == ["data:,"]
    assert all("src" not in frame and frame["sandbox"] == "" for frame in document.all("iframe"))
    assert all(link["href"].startswith("#") for link in document.all("a"))
    assert "url(" not in text.replace("url(#over)", "")
    assert "@import" not in text


@pytest.mark.parametrize("name", PLANS)
def test_strangers_text_is_text_in_every_place(name: str) -> None:
    clean = Document(planned(PLANS[name]()))
    plan = infect(PLANS[name](), lambda: EVIL, {})
    steps = (step(EVIL, EVIL), step("Re: {{firstName}}", "{{firstName}}", 3))
    text = planned(plan, steps=steps, sent=(step(EVIL + EVIL, "x" + EVIL),), notes=(EVIL,), place=EVIL)
    document = Document(text)
    assert not {name for name, _ in document.elements} & (ACTING - {"a"})
    assert {name for name, _ in document.elements} <= {name for name, _ in clean.elements} | {
        "del", "ins", "h5", "ul", "dl", "dt", "dd", "code", "section", "svg", "title", "desc",
    }  # fmt: skip
    for _, attributes in document.elements:
        assert not [name for name in attributes if name.startswith("on")]
    assert "\x1b" not in text
    assert "\u202e" not in re.sub('srcdoc="[^"]*"', "", text)
    assert "\\x1b[2J\\u202e" in document.words
    assert all(link["href"].startswith("#campaign-") for link in document.all("a")[1:])


def test_what_the_plan_says_stands_with_each_campaign() -> None:
    document = Document(planned())
    words = document.words
    assert "acme production · main@3f9c1e7 · Mon 30 Nov 14:02 Berlin" in words
    plan = monday()
    assert f"{plan.summary.new_recipients} people get a first email if you apply this." in words
    for text in ("needs you", "waits", "starts", "Is created and STARTS", "Why", "Waits for", "no room in time"):
        assert text in words
    assert "Sends email, cannot be undone".lower() in words.lower()
    keys = [link["href"].removeprefix("#campaign-") for link in document.all("a")[1:]]
    assert sorted(keys) == sorted(item.key for item in plan.campaigns)
    anchors = {attributes["id"] for _, attributes in document.elements if "id" in attributes}
    assert {f"campaign-{key}" for key in keys} <= anchors


def test_headings_are_in_order_and_landmarks_and_groups_have_names() -> None:
    document = Document(planned(sent=(step("Other"), step("Re: Hello", delay=3))))
    levels = [int(name[1]) for name, _ in document.elements if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    names = [name for name, _ in document.elements]
    assert [names.count(landmark) for landmark in ("header", "nav", "main")] == [1, 1, 1]
    assert document.all("nav")[0]["aria-label"] == "Campaigns"
    assert names.count("fieldset") == names.count("legend") == 1
    assert names.index("a") < names.index("header")
    titles = [frame["title"] for frame in document.all("iframe")]
    assert len(titles) == len(set(titles))
    assert document.all("html") == [{"lang": "en"}]
    ids = [attributes["id"] for _, attributes in document.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_a_started_campaign_shows_what_is_sent_beside_what_the_file_has() -> None:
    sent = (step("An old idea", "<p>Only €90</p>"), step("Re: Hello", delay=3))
    text = page(
        shown("one", step("A new idea", "<p>Only €120</p>"), step("Re: Hello", delay=3), step("More"), sent=sent)
    )
    document = Document(text)
    assert document.words.count("Sent now") == document.words.count("In the file") == 2
    for edited in ("<del>An old</del><ins>A new</ins> idea", "<del>€90</del><ins>€120</ins>"):
        assert edited in text
    assert "The same as it is sent now." in document.words
    assert "No such email is sent." in document.words
    assert [frame["title"] for frame in document.all("iframe")] == [
        "Email 1 of Campaign one, sent now",
        "Email 1 of Campaign one, in the file",
        "Email 2 of Campaign one",
        "Email 3 of Campaign one, in the file",
    ]
    assert "3 emails" in document.words


@pytest.mark.parametrize("sent", [None, (step(), step("Re: Hello", delay=3))])
def test_where_nothing_differs_there_is_one_of_each(sent: Any) -> None:
    document = Document(page(shown("one", sent=sent)))
    assert "Sent now" not in document.words
    assert len(document.all("iframe")) == 2


def test_a_wait_that_differs_and_an_email_that_went_away() -> None:
    sent = (step(delay=0), step("Re: Hello", delay=2), step("Last"))
    document = Document(page(shown("one", sent=sent)))
    assert "2 days 3 days" in document.words
    assert "no longer in the file" in document.words
    gone = Document(page(shown("one", steps=None, sent=sent)))
    assert gone.words.count("Its file is gone.") == 3


def test_problems_come_first_and_what_is_missing_is_told() -> None:
    document = Document(page(shown(), problems=DIAGNOSTICS, missing=(DIAGNOSTICS[2],), plan=None))
    words = document.words
    assert words.index("3 errors, 1 note") < words.index("Without a plan") < words.index("Emails")
    assert "specs/campaigns/b.yaml:7:3" in words
    assert "Did you mean" in words
    assert words.index("there is no campaign below") < words.index("3 duplicates")
    assert "if you apply this" not in words
    assert "unchanged" not in words


def test_personal_data_is_announced_before_anything_else() -> None:
    told = "This page holds personal data"
    assert Document(page(shown(), real=True, problems=DIAGNOSTICS)).words.index(told) < 200
    assert told not in page(shown())


def test_the_coming_days_are_drawn_in_the_page() -> None:
    plan = monday().model_copy(update={"forecast": week(), "not_counted": ("replies", "<b>")})
    document = Document(planned(plan))
    assert len(document.all("svg")) == 1
    assert "Not counted: replies; <b>." in document.words
    assert document.all("svg")[0]["role"] == "img"
    assert {"class": "chart", "tabindex": "0", "role": "region", "aria-label": "Emails a day, as a picture"} in (
        document.all("div")
    )


def test_few_campaigns_are_open_and_many_are_folded() -> None:
    few = Document(page(*(shown(f"c{number}") for number in range(3))))
    assert all("open" in item for item in few.all("details") if item.get("class") == "campaign")
    many = Document(page(*(shown(f"c{number}") for number in range(4))))
    assert not any("open" in item for item in many.all("details") if item.get("class") == "campaign")


def test_a_crowd_of_emails_shares_one_frame() -> None:
    campaigns = [shown(f"c{number}") for number in range(21)]
    assert len(Document(page(*campaigns[:20])).all("iframe")) == 40
    document = Document(page(*campaigns))
    (frame,) = document.all("iframe")
    assert (frame["name"], frame["sandbox"]) == ("viewer", "")
    links = [link for link in document.all("a") if link.get("target") == "viewer"]
    assert len(links) == 42
    assert all(link["href"].startswith("data:text/html;charset=utf-8,<!doctype html>") for link in links)
    assert document.all("meta")[0]["content"] == f"{POLICY}; frame-src data:"


def test_nothing_to_show() -> None:
    assert "There is no campaign that could be shown." in Document(page()).words
    assert "It has no email." in Document(page(shown("one", steps=()))).words
