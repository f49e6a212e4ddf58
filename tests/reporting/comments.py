"""What a Markdown document comes to once it is rendered, and plans to render: emails, crowds, text that means harm."""

import html
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

from hypothesis import strategies as st
from markdown_it import MarkdownIt
from reporting.situations import action, campaign, passed, plan
from reporting.strangers import PIECES

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.model.campaign import SequenceStep
from reconciler.model.plan import Action, ActionStatus, Change, GuardResult, Kind, People, Plan, PlannedCampaign
from reconciler.model.plan import PlannedStep as Step

OWN_TAGS = frozenset(
    "details summary table thead tbody tr th td p ul li code strong em a del ins br h2 h3 blockquote".split()  # noqa: SIM905
)
VOID = {"br"}
MARKDOWN_PIECES = (
    "</details>", "</summary>", "<details>", "<!-- reconciler:plan acme/production -->", "<!--", "-->", "|", "| --- |",
    "```", "~~~", "`", "``", "@acme", "@acme/team", "#1", "GH-1", "gh-22", "acme/x#7", "![x](http://x.example)",
    "[x](javascript:1)", "[x]: http://x.example", "https://x.example/a", "www.x.example", "ada@example.com", "<a>",
    "<img>", "    code", "- ", "1. ", "2) ", "> ", "---", "===", "# ", "\\", "&lt;", "<ins>", "</del>", "$x$", "**",
    "*", "_", "__", "~~", "<script>", "<style>", "<!-- ", "]", "(", "\n\n", "\n- ", "\n| x |", "%0A", "%", ",",
)  # fmt: skip
HARM = st.one_of(
    st.lists(st.sampled_from((*PIECES, *MARKDOWN_PIECES, "\ud800")), max_size=6).map("".join),
    st.sampled_from(MARKDOWN_PIECES),
    st.text(max_size=12),
)


class _Reader(HTMLParser):
    """Reads what a parser made of a document: tags that match, links, comments, and text outside code."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.opened: list[str] = []
        self.problems: list[str] = []
        self.links: list[str] = []
        self.comments: list[str] = []
        self.summaries: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if name != "style"}
        if tag not in OWN_TAGS or (given and tag != "a"):
            self.problems.append(f"<{tag}> {attrs}")
        if tag == "a":
            self.links.append(str(given.get("href")))
        self.opened.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}>")

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "summary":
            self.summaries.append(data)
        self.outside.append("\x00" if "code" in self.open else data)


def read(text: str) -> _Reader:
    """Render a document as CommonMark with GitHub's tables, and read what came of it."""
    reader = _Reader()
    reader.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))
    reader.close()
    return reader


def broken(text: str, marker: str, *, link: str | None = None) -> str | None:
    """Say what is wrong with the structure of a document, or in it against the reader; None where nothing is."""
    text.encode()
    reader = read(text)
    outside = "".join(reader.outside)
    bare = re.sub(r"`[A-Za-z0-9._/:-]*`|<code>.*?</code>|&#\d+;", "\x00", text)
    if link is not None:
        bare = bare.replace(f"]({link})", "")
    for found, problem in (
        (reader.problems, "tags that are not ours, or do not match"),
        (reader.open, "tags that are not closed"),
        ([one for one in reader.links if one != link], "links"),
        (not text.startswith(marker) or text.count("<!--") != 1 or reader.comments != [marker[4:-4]], "the marker"),
        ("```" in text or "~~~" in text, "fences"),
        (re.findall(r"@\w|#\d|\bGH-\d", outside, re.IGNORECASE), "mentions"),
        (re.findall(r"[@#](?=\w)|https?:/|www\.|[<>](?=!|\w+@)|!\[", bare.removeprefix(marker)), "what acts"),
        (list(_uneven(text)), "rows of different lengths"),
        (len(re.findall(r"(?m)^\|(?! -)", text)) != reader.opened.count("tr"), "rows outside of tables"),
    ):
        if found:
            return f"{problem}: {found!r} in\n{text}"
    return None


def _uneven(text: str) -> Iterator[str]:
    columns = 0
    for line in text.split("\n"):
        if not line.startswith("|"):
            columns = 0
        elif columns not in {0, line.count("|")}:
            yield line
        else:
            columns = line.count("|")


def words(text: str) -> str:
    """Return a document without references, for looking something up in it."""
    return html.unescape(re.sub(r"</?code>", "", text))


def step(subject: str, body: str, delay: int = 0) -> SequenceStep:
    """Make a step as a file has it."""
    return SequenceStep(subject=subject, body_html=body, delay_days=delay)


EMAILS = {
    "vp-sales-q3": (
        step(
            "Quick question, {{firstName}}",
            "<style>p { color: red }</style><p>Hi {{firstName}},</p><p>how do you<br>plan at {{company}}? "
            'See <a href="https://example.com/plans?a=1&amp;b=2">here</a>.</p>',
        ),
        step("Re: Quick question, {{firstName}}", "<p>- just a bump, @acme #1</p>", 3),
    ),
    "de-hr": (step("Kurze Frage, {{firstName}}", "<p>Hallo {{firstName}}!</p>"),),
    "fintech-intro": (
        step("Quick question, {{firstName}}", "<p>Hi.</p>"),
        step("Re: Quick question", "<p>Well?</p>", 4),
        step("Last try", "<p>Still there?</p>", 5),
    ),
    "ideas": (step("Idea", "<p>One.</p>"), step("Idea two", "<p>Two.</p>")),
    "events": (step("Meet us", "<ul><li>Mon</li><li>Tue</li></ul>"),),
}
"""What the files of the hand-made plans have."""

_KINDS = (Kind.CREATE, Kind.ENROLL, Kind.START), (Kind.UPDATE,), (Kind.PAUSE, Kind.FORGET), ()
_STATUSES = (ActionStatus.READY, ActionStatus.HELD, ActionStatus.BLOCKED, ActionStatus.SCHEDULED)


def crowd(size: int, text: Callable[[], str]) -> tuple[Plan, dict[str, tuple[SequenceStep, ...]]]:
    """Make a plan of so many campaigns of every sort, with the texts of strangers, and what their files have."""
    campaigns: list[PlannedCampaign] = []
    actions: list[Action] = []
    emails = {}
    problems = []
    for number in range(size):
        key = f"{text()}{number}"
        subject, body = text(), text()
        people = People(new=number, receive=number, held=number % 3, enrolled=number % 2 * 10)
        own = campaign(key, name=text(), people=people, steps=(Step(subject=subject, delay_days=0),))
        campaigns.append(own.model_copy(update={"file": text(), "live": text()}))
        emails[key] = (step(subject, f"<p>{body}</p>"),)
        guards = (*passed(tokens=text()), GuardResult(id=text(), passed=False, detail=text()))
        changes = (
            Change(path="sequenceSteps[0].subject", before=text(), after=subject),
            Change(path="sequenceSteps[0].bodyHtml", before=text(), after=f"<p>{body}</p>"),
        )
        for kind in _KINDS[number % 4]:
            status = _STATUSES[number // 4 % 4]
            made = action(key, kind, status=status, reason=text(), changes=changes, guards=guards)
            actions.append(made.model_copy(update={"file": text(), "line": 3}))
        if number % 7 == 0:
            severity = list(Severity)[number % 3]
            problems.append(
                Diagnostic(code=text(), severity=severity, message=text(), hint=text(), file=text(), line=1)
            )
    made_plan = plan(campaigns, actions, receive=size, diagnostics=tuple(problems))
    return made_plan.model_copy(update={"workspace": text(), "environment": text()}), emails
