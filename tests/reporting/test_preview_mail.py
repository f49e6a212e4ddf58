"""Emails on the preview: made harmless, filled in for three readers, as an inbox shows them."""

import html
import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.campaign import Campaign, Leads, SequenceStep, Status
from reconciler.model.roster import Lead
from reconciler.reporting.mailhtml import harmless
from reconciler.reporting.previewmail import MOST_SHOWN, PHONE_SUBJECT, POLICY, card, linked, variants
from reconciler.reporting.readers import Readers, made_up, of_list
from reconciler.reporting.reading import begins

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" java\tscript:alert(1)" target=_top>x</a>',
    '<p style="background:url(https://example.com/x)">x</p>',
    '<p style="background:u\\72l(https://example.com/x)">x</p>',
    '<p style="width:expression(alert(1))">x</p>',
    '<p style="color:red;/*;*/position:fixed;top:0">x</p>',
    "<p style=\"background-image:image-set('https://example.com/x' 1x)\">x</p>",
    "<style>@import 'https://example.com/x'; p{background:url(https://example.com/x)}</style>",
    "</iframe><script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;",
    "</style><script>alert(1)</script>",
    '<meta http-equiv="refresh" content="0;url=https://example.com/x">',
    '<base href="https://example.com/">',
    '<form action="https://example.com/x"><input name=a><button>go</button></form>',
    '<svg><script>alert(1)</script><image href="https://example.com/x"/></svg>',
    "<svg onload=alert(1)>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<iframe src="https://example.com/x"></iframe><object data=x></object><embed src=x>',
    '<link rel=stylesheet href="https://example.com/x">',
    '<video src="https://example.com/x" autoplay></video><audio src=x></audio>',
    '<img src="https://example.com/x" srcset="https://example.com/y 2x" alt="a picture">',
    '<td background="https://example.com/x">x</td>',
    '<img src="data:image/svg+xml,<svg onload=alert(1)>">',
    "<input autofocus onfocus=alert(1)><details open ontoggle=alert(1)>",
    "</div></div></body></html><script>alert(1)</script>",
    '<p id="reader-typical" class="mail" name="x">x</p>',
)
PIECES = (
    "<p>",
    "</p>",
    "<!--",
    "-->",
    "<table>",
    "<td>",
    "</table>",
    "<b>",
    '"',
    "'",
    ">",
    "<",
    "&lt;",
    "<![CDATA[",
    "]]>",
)
ACTING = {
    "script", "style", "iframe", "object", "embed", "form", "input", "button", "svg", "math", "base", "meta", "link",
    "video", "audio", "title", "label", "details", "noscript", "template",
}  # fmt: skip
HARMLESS = {
    "style", "align", "alt", "bgcolor", "dir", "height", "lang", "title", "valign", "width", "border", "src", "color",
    "face", "size", "cellpadding", "cellspacing", "colspan", "rowspan", "nowrap", "start", "type",
}  # fmt: skip
"""Attributes that neither act nor name anything of the document."""


class Elements(HTMLParser):
    """Collects elements and their attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.depth = 0
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        self.depth += tag not in {"br", "col", "hr", "img", "wbr"}

    def handle_endtag(self, tag: str) -> None:
        self.depth -= 1
        assert self.depth >= 0, "it closes what it has not opened"


def step(subject: str = "Hello", body: str = "<p>Hi</p>") -> SequenceStep:
    return SequenceStep(subject=subject, body_html=body)


def campaign(*steps: SequenceStep, **fallbacks: str) -> Campaign:
    leads = Leads(source="x.csv", paths=(), tracked=False, fallbacks=fallbacks, file="c.yaml", line=1)
    return Campaign(key="c", name="C", status=Status.DRAFT, steps=steps, leads=leads, file="c.yaml")


@pytest.mark.parametrize("body", HOSTILE)
def test_nothing_that_acts_or_asks_is_kept(body: str) -> None:
    hold(body)


def hold(body: str) -> None:
    """Hold that nothing is left of a body that acts, asks for anything, or closes what is around it."""
    read = Elements(harmless(f"<p>before</p>{body}<p>after</p>").html)
    assert read.depth == 0
    for tag, attributes in read.found:
        assert tag not in ACTING
        assert set(attributes) <= HARMLESS
        assert attributes.get("src", "data:image/png").startswith("data:image/png")
        style = attributes.get("style", "")
        assert not re.search(r"url|\\|expression|image|import|position|/\*", style)


@given(st.lists(st.sampled_from((*HOSTILE, *PIECES)), max_size=8).map("".join))
@settings(max_examples=60, deadline=None)
def test_nor_does_it_where_it_is_put_together(body: str) -> None:
    hold(body)


def test_what_is_read_is_kept() -> None:
    mail = harmless(
        '<table width="100%" bgcolor="#eee" cellpadding="8"><tr><td align="center" style="COLOR : Red; font: 14px/1.5 '
        "'Segoe UI', Arial; width:calc(100% - 2px); padding:0 rgba(0,0,0,.5); behavior:x\">"
        '<b>Hi</b> <a href="https://example.com/?a=1&amp;b=2">here</a> and <a href="https://example.com/?a=1&amp;b=2">there'
        '</a><img src="data:image/png;base64,iVBORw0KGgo=" alt="inside">'
        '<img src="https://example.com/x" alt="out&quot;side">'
        "</td></tr></table><h2 dir=rtl lang=he>x</h2><!-- <v:rect> --><blink>y</blink>"
    )
    assert '<table width="100%" bgcolor="#eee" cellpadding="8">' in mail.html
    assert "color:Red;font:14px/1.5 'Segoe UI', Arial;width:calc(100% - 2px)" in mail.html
    assert "behavior" not in mail.html
    assert "<b>Hi</b> <a>here</a>" in mail.html
    assert '<img src="data:image/png;base64,iVBORw0KGgo=" alt="inside"><img alt="out&quot;side">' in mail.html
    assert '<h2 dir="rtl" lang="he">x</h2>y' in mail.html
    assert (mail.links, mail.pictures, mail.left_out) == (("https://example.com/?a=1&b=2",), 1, ("blink",))


@pytest.mark.parametrize(
    "body",
    [
        "<p style='color:" + "calc(rgb(" * 20_000 + "'>",
        "<b>" * 60_000,
        "<a><div>" * 3_000,
        "<table>" * 20_000,
        "<" * 200_000,
        "\ud800",
    ],
)
def test_any_body_takes_little_time(body: str) -> None:
    began = time.monotonic()
    harmless(body)
    assert time.monotonic() - began < 5


def test_three_readers_and_those_who_read_the_same_share_it() -> None:
    plain, named = step(), step("Hi {{firstName}}", "<p>{{company}} {{industry}} {{ firstName }}</p>")
    wanted = campaign(plain, named, firstName="there & all")
    readers = made_up(wanted, wanted.steps)
    assert [variant.readers for variant in variants(plain, readers)] == [("typical", "longest", "missing")]
    typical, longest, missing = variants(named, readers)
    assert typical.subject == "Hi Ada"
    assert typical.body == "<p>Example Ltd ‹industry› Ada</p>"  # noqa: RUF001
    assert len(longest.subject) > len(typical.subject)
    assert "Logistics Holding GmbH &amp; Co. KG" in longest.body
    assert (missing.subject, missing.body) == ("Hi there & all", "<p>  there &amp; all</p>")
    assert missing.unfilled == ("company", "industry")


def test_real_readers_and_only_what_the_emails_use_of_them() -> None:
    wanted = campaign(step("{{firstName}}", "{{company}}"), company="your firm")
    leads = [
        Lead(
            f"{name}@example.com",
            {"firstName": name, "secret": "no"} | ({"company": "Acme"} if name == "long" else {}),
            1,
        )
        for name in ("ada", "long", "blank")
    ]
    readers = of_list(wanted, wanted.steps, leads)
    assert readers.real
    assert readers.typical == {"firstName": "ada", "company": "your firm"}
    assert readers.longest == {"firstName": "long", "company": "Acme"}
    assert "@" not in str(readers)
    assert "secret" not in str(readers)
    mailed = of_list(wanted, (step("{{email}}"),), leads)
    assert mailed.missing == {"email": "blank@example.com"}


def texts(document: str, kind: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(rf'<p class="{kind}"[^>]*>(.*?)</p>', document)]


@pytest.mark.parametrize(("length", "shown"), [(40, "s" * 40), (41, "s" * 39 + "…"), (200, "s" * 39 + "…")])
def test_a_subject_as_a_phone_shows_it(length: int, shown: str) -> None:
    document = card(step("s" * length), made_up(None, ())).document
    assert texts(document, "strong")[0] == shown
    assert PHONE_SUBJECT == 40
    assert f"{length} characters" in document
    assert f'<bdi class="strong">{"s" * length}</bdi>' in document


def test_an_inbox_shows_the_first_words_of_the_body() -> None:
    body = "<style>p{}</style><p>Hi  Ada,</p><p>a <a href='https://example.com'>word</a> &amp; more" + " x" * 100
    told = begins(body, 30)
    assert told == "Hi Ada, a word & more x x x x…"
    assert len(told) <= 30
    assert "hidden" not in begins("<title>hidden</title><p>seen</p>", 30)


def test_values_and_subjects_are_text_whatever_they_are() -> None:
    evil = '\x1b[2J\u202e"><script>alert(1)</script>{{company}}'
    readers = Readers({"firstName": evil}, {"firstName": evil}, {"firstName": evil})
    document = card(step("{{firstName}}", '<p title="{{firstName}}">{{firstName}}</p>'), readers).document
    assert "<script" not in document
    assert "\x1b" not in texts(document, "strong")[0]
    assert "\\x1b[2J\\u202e" in texts(document, "strong")[0]


def test_what_is_missing_is_told_below_the_email() -> None:
    body = '<img src="https://example.com/x"><style>p{}</style><a href="https://example.com/a">x</a>{{company}}'
    document = card(step(body=body), made_up(None, (step(body=body),))).document
    told = "\n".join(texts(document, "note"))
    assert "Reads as nothing here, as there is no fallback: company." in told
    assert "1 outside picture is not loaded" in told
    assert "Left out here: <style>." in told
    assert "<summary>1 link</summary><ul><li>https://example.com/a</li></ul>" in document
    many = "".join(f'<a href="https://example.com/{number}">x</a>' for number in range(30))
    assert "and 10 more links" in card(step(body=many), made_up(None, ())).document


def test_an_endless_email_is_cut() -> None:
    shown = card(step(body="<p>word</p>" * MOST_SHOWN), made_up(None, ()))
    assert len(shown.document) < 3 * MOST_SHOWN
    assert "Only the first 200,000 characters are shown" in shown.document
    assert shown.wide <= 900


def test_a_taller_email_gets_a_taller_frame() -> None:
    short, long = (card(step(body=f"<p>{'word ' * words}</p>"), made_up(None, ())) for words in (5, 300))
    assert short.wide < long.wide < long.tall


def test_a_document_holds_its_own_policy_first() -> None:
    document = card(step(), made_up(None, ())).document
    assert f'<head><meta http-equiv="Content-Security-Policy" content="{html.escape(POLICY)}">' in document
    assert POLICY.startswith("default-src 'none';")
    for source in ("script-src", "http", "*", "unsafe-eval", "frame-src"):
        assert source not in POLICY


def test_a_link_holds_the_whole_document() -> None:
    from urllib.parse import unquote

    shown = card(step("50% #1 ü?", '<p>a\nb & "c"</p>'), made_up(None, ()))
    (address,) = re.findall(r'href="([^"]*)"', linked(shown, "Show"))
    assert unquote(html.unescape(address).removeprefix("data:text/html;charset=utf-8,")) == shown.document
    assert "\n" not in address
    assert "#" not in html.unescape(address)
