"""The preview in a real browser: walked through by keyboard, and with emails that try to get out of their frames."""

import html
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, FrameLocator, Page, Request, sync_playwright
from reporting.forecasts import week
from reporting.previews import page as written
from reporting.previews import planned, shown, step
from reporting.situations import DIAGNOSTICS, monday
from reporting.test_preview_mail import HOSTILE

from reconciler.reporting import previewmail
from reconciler.reporting.mailhtml import Mail
from reconciler.reporting.readers import Readers

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
EVERYTHING = "".join(f"<div>{body}</div>" for body in HOSTILE)
ATTEMPTS = (
    "<script>top.document.title = 'taken'; alert(1)</script>",
    "<img src=x onerror=\"top.location = 'https://example.com/'\">",
    "<style>body{background:url(https://example.com/style)}</style>",
    '<p style="background:url(https://example.com/attribute)">x</p>',
    '<img src="https://example.com/picture">',
    '<meta http-equiv="refresh" content="0;url=https://example.com/refresh">',
    '<a href="https://example.com/link" target="_top">leave</a>',
    '<a href="javascript:alert(1)">act</a>',
    '<form action="https://example.com/form"><button>send</button></form>',
)
"""Each would do something, or at least be complained about, were it not taken out."""


class Seen:
    """What a page did: messages of its console, requests, dialogs, and where it is."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page = page
        self.url = file.as_uri()
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        self.refused: list[str] = []
        page.on("console", self._told)
        page.on("request", self._asked)
        page.on("requestfailed", lambda request: self.refused.append(f"{request.failure}: {request.url}"))
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda problem: self.messages.append(str(problem)))
        page.on("popup", lambda popup: self.requests.append(popup.url))

    def _told(self, message: ConsoleMessage) -> None:
        self.messages.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith("data:"):
            self.requests.append(request.url)

    def quiet(self) -> None:
        """Hold that nothing happened but that the page was loaded."""
        self.page.wait_for_timeout(100)
        assert self.messages == []
        assert self.dialogs == []
        assert self.requests == [self.url]
        assert self.page.url.partition("#")[0] == self.url
        assert self.page.title() == "acme, production: emails as they are read"
        assert self.page.evaluate("window.name") == ""
        assert len(self.page.context.pages) == 1


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        why = "there is no Chromium; tests/support/browser.sh installs one or says how"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def seen(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Seen]:
    """Open an empty page; `show` fills it."""
    options = getattr(request, "param", {})
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(10_000)
    yield Seen(context.new_page(), tmp_path / "preview.html")
    context.close()


def show(seen: Seen, text: str) -> Page:
    Path(seen.url.removeprefix("file://")).write_text(text, encoding="utf-8")
    seen.page.goto(seen.url)
    return seen.page


def frame(page: Page, title: str) -> FrameLocator:
    return page.frame_locator(f'iframe[title="{title}"]')


def letter(page: Page, title: str = "Email 1 of Campaign one") -> str:
    """Return the words of an email that are seen."""
    return frame(page, title).locator(".letter:visible").inner_text()


NAMED = step("Hello {{firstName}}", "<p>Hi {{firstName}} of {{company}}</p>")


def test_every_reader_by_keyboard_alone(seen: Seen) -> None:
    readers = Readers({"firstName": "Ada", "company": "Acme"}, {"firstName": "Wilhelmina", "company": "Acme Ltd"}, {})
    page = show(seen, written(shown("one", NAMED, readers=readers)))
    assert letter(page) == "Hi Ada of Acme"
    inside = frame(page, "Email 1 of Campaign one")
    first = inside.get_by_role("radio", name="Typical")
    for _ in range(12):
        page.keyboard.press("Tab")
        if inside.locator("#reader-typical:focus").count():
            break
    assert first.is_checked()
    assert inside.get_by_role("group", name="Reader").count() == 1
    for name, words, subject in (
        ("Longest", "Hi Wilhelmina of Acme Ltd", "Hello Wilhelmina"),
        ("Most missing", "Hi of", "Hello"),
        ("Typical", "Hi Ada of Acme", "Hello Ada"),
    ):
        page.keyboard.press("ArrowRight")
        assert inside.get_by_role("radio", name=name).is_checked()
        assert " ".join(letter(page).split()) == words
        assert inside.locator(".inbox:visible .strong").inner_text().strip() == subject
    seen.quiet()
    assert first.locator("+ span").evaluate("span => getComputedStyle(span).outlineStyle") == "solid"


def test_widths_by_keyboard_and_the_way_there(seen: Seen) -> None:
    page = show(seen, planned(monday().model_copy(update={"forecast": week()})))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the emails"
    assert page.get_by_role("link", name="Skip to the emails").bounding_box()["x"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.get_by_role("radio", name="Desktop").evaluate("radio => radio === document.activeElement")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    (opened,) = page.locator("details.campaign[open]").all()
    holder = opened.locator("iframe").first
    assert holder.bounding_box()["width"] == 640  # type: ignore[index]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("radio", name="Phone").is_checked()
    assert holder.bounding_box()["width"] == 360  # type: ignore[index]
    assert holder.element_handle().content_frame().evaluate("innerWidth") == 360  # type: ignore[union-attr]
    seen.quiet()


def test_landmarks_names_and_the_list_of_campaigns(seen: Seen) -> None:
    page = show(seen, planned())
    for role in ("banner", "main"):
        assert page.get_by_role(role).count() == 1
    assert page.get_by_role("navigation", name="Campaigns").count() == 1
    assert page.get_by_role("heading", level=1).inner_text() == "acme"
    assert page.get_by_role("group", name="Width").count() == 1
    links = page.get_by_role("navigation").get_by_role("link")
    links.nth(2).click()
    target = links.nth(2).get_attribute("href")
    assert target is not None
    opened = page.locator("details.campaign[open]")
    assert opened.count() == 1
    assert f"#{opened.locator('.inside').get_attribute('id')}" == target
    assert opened.locator("summary").first.bounding_box()["y"] > 0  # type: ignore[index]
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    for one in page.locator("iframe").all():
        assert one.get_attribute("title")
        assert one.get_attribute("sandbox") == ""
    seen.quiet()


@pytest.mark.parametrize(
    "seen",
    [{"viewport": {"width": 360, "height": 740}, "color_scheme": scheme} for scheme in ("light", "dark")],
    indirect=True,
    ids=["light", "dark"],
)
def test_narrow_pages_do_not_scroll_sideways(seen: Seen) -> None:
    plan = monday().model_copy(update={"forecast": week()})
    for text in (
        planned(plan, sent=(step("Other", "<p>x</p>"),), place="specs/campaigns/" + "x" * 90),
        written(shown("x" * 80, step("W" * 200, "<p>" + "w" * 300)), problems=DIAGNOSTICS, missing=DIAGNOSTICS),
        written(*(shown(f"c{number}") for number in range(21))),
    ):
        page = show(seen, text)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.get_by_role("radio", name="Desktop").focus()
        page.keyboard.press("ArrowRight")
        assert page.get_by_role("radio", name="Phone").is_checked()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert seen.messages == []


@pytest.mark.parametrize(
    "seen", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True, ids=["light", "dark"]
)
def test_light_and_dark_and_emails_on_white(seen: Seen) -> None:
    page = show(seen, written(shown("one", NAMED)))
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == ("rgb(13, 17, 23)" if dark else "rgb(246, 247, 249)")
    white = frame(page, "Email 1 of Campaign one").locator(".letter:visible")
    assert white.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(255, 255, 255)"
    assert white.evaluate("one => getComputedStyle(one).color") == "rgb(31, 35, 40)"
    seen.quiet()


def test_what_is_sent_is_seen_beside_what_the_file_has(seen: Seen) -> None:
    page = show(seen, written(shown("one", step("New", "<p>new</p>"), sent=(step("Old", "<p>old</p>"),))))
    old, new = (page.locator(f'iframe[title$="{which}"]') for which in ("sent now", "in the file"))
    assert letter(page, "Email 1 of Campaign one, sent now") == "old"
    assert letter(page, "Email 1 of Campaign one, in the file") == "new"
    left, right = old.bounding_box(), new.bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"]
    assert left["y"] == right["y"]
    seen.quiet()


def test_hostile_emails_do_nothing(seen: Seen) -> None:
    evil = "</iframe></style>\"'><script>alert(1)</script><img src=https://example.com/v onerror=alert(1)>&quot;&gt;"
    readers = Readers({"firstName": evil}, {"firstName": f"&#34;{evil}"}, {"firstName": html.escape(evil)})
    steps = [step(evil, EVERYTHING), step("{{firstName}}", "<p title='{{firstName}}'>{{firstName}}</p>")]
    steps += [step("x", body) for body in ATTEMPTS]
    page = show(seen, written(shown("one", *steps, readers=readers, name=evil, place=evil, notes=(evil,))))
    assert page.locator("iframe").count() == len(steps)
    assert evil in page.locator("main h3").inner_text()
    for inside in page.frames[1:]:
        assert inside.evaluate("document.querySelectorAll('script, form, img[src], [href], [onerror]').length") == 0
        for link in inside.locator(".letter:visible a").all():
            link.click(force=True)
    filled = page.frames[2].locator(".letter:visible p").first
    assert filled.inner_text() == evil
    assert filled.get_attribute("title") == evil
    seen.quiet()


def test_frame_and_policy_hold_where_nothing_is_taken_out(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof that the test above can fail: unsanitised, they are complained about, and still nothing is let out."""
    monkeypatch.setattr(previewmail, "harmless", lambda body: Mail(body, (), 0, ()))
    page = show(seen, written(shown("one", *(step("x", body) for body in ATTEMPTS))))
    for inside in page.frames[1:]:
        for link in inside.locator("a").all():
            link.click(force=True, no_wait_after=True)
    for _ in range(100):
        page.wait_for_timeout(50)
        asked = [url for url in seen.requests if "example.com" in url]
        # The picture beside the page (`src=x`) is no file that a frame may read; it does not always count as a request.
        refused = [told for told in seen.refused if "example.com" in told]
        if seen.messages and sorted(refused) == sorted(f"csp: {url}" for url in asked):
            break
    else:
        pytest.fail(f"{seen.messages}: of {asked}, only {seen.refused} were refused")
    assert seen.dialogs == []
    assert page.url == seen.url
    assert page.title() == "acme, production: emails as they are read"


def test_a_crowd_of_emails_is_shown_one_at_a_time(seen: Seen) -> None:
    emails = (step(f"Hello {number}", f"<p>Hi {{{{firstName}}}} {number}</p>") for number in range(20))
    campaigns = [shown(f"c{number}", email, step(), step()) for number, email in enumerate(emails)]
    page = show(seen, written(*campaigns))
    assert page.locator("iframe").count() == 1
    page.get_by_role("navigation").get_by_role("link", name="Campaign c7", exact=True).click()
    page.set_viewport_size({"width": 1280, "height": 640})
    page.locator("details[open]").get_by_role("link", name="Show email 1").click()
    inside = page.frame_locator("iframe[name=viewer]")
    assert inside.locator(".letter:visible").inner_text() == "Hi Ada 7"
    assert inside.locator(".head").inner_text() == "Email 1 of Campaign c7"
    inside.get_by_role("radio", name="Longest").check(force=True)
    assert "Wilhelmina 7" in inside.locator(".letter:visible").inner_text()
    seen.quiet()


def test_a_crowd_of_hostile_emails_does_nothing_either(seen: Seen) -> None:
    campaigns = [shown(f"c{number}", step("x", body)) for number, body in enumerate((ATTEMPTS * 5)[:41])]
    page = show(seen, written(*campaigns))
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    inside = page.frame_locator("iframe[name=viewer]")
    for link in page.locator("a[target=viewer]").all()[: len(ATTEMPTS)]:
        link.click()
        inside.locator(".letter").wait_for()
        for inner in inside.locator(".letter a").all():
            inner.click(force=True)
    seen.quiet()
