"""The preview: one page that needs nothing but itself, with every email of every campaign as its readers get it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.model.plan import Plan
from reconciler.reporting.diagnosticview import message_of
from reconciler.reporting.entries import entries_of
from reconciler.reporting.forecastsvg import svg
from reconciler.reporting.markup import Html, sentence, tag
from reconciler.reporting.planview import counted, first_emails, resumed_words
from reconciler.reporting.previewcampaign import Shown, campaign, chip
from reconciler.reporting.previewmail import POLICY, VIEWER, choose, document
from reconciler.reporting.previewstyle import STYLE
from reconciler.reporting.words import count, moment, zone_of

_MOST_FRAMES = 40
"""So many emails have a frame of their own: each frame takes browsers some 20 ms, shown or not (`loading=lazy` is for
addresses only). Where there are more, all are shown in one frame, whose addresses are `data:` and hold the emails."""

_MOST_OPEN = 3
"""So many campaigns are shown unfolded."""

_WIDTHS = {"desktop": "Desktop", "phone": "Phone"}
_LABELS = {Severity.ERROR: ("Error", "bad"), Severity.WARNING: ("Warning", "warm"), Severity.NOTE: ("Note", "still")}


@dataclass(frozen=True, slots=True)
class Preview:
    """What the page shows. `plan` is None where none could be made, and `missing` says why.

    `problems` is everything that is wrong with the files and the plan. With `real`, some readers are real people.
    """

    workspace: str
    environment: str
    commit: str | None
    at: datetime
    timezone: str
    campaigns: tuple[Shown, ...]
    plan: Plan | None = None
    missing: tuple[Diagnostic, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    real: bool = False

    @property
    def emails(self) -> int:
        """How many emails are on it."""
        return sum(shown.emails for shown in self.campaigns)


def render_preview(preview: Preview) -> str:
    """Write the page: HTML without any script, and with nothing that is loaded from anywhere."""
    zone, place = zone_of(preview.timezone)
    local = preview.at.astimezone(zone)
    title = f"{preview.workspace}, {preview.environment}: emails as they are read"
    framed = sum(shown.frames for shown in preview.campaigns) <= _MOST_FRAMES
    head = tag(
        "head",
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY if framed else f"{POLICY}; frame-src data:"),
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", Html(STYLE)),
    )
    start = local if preview.plan is not None else None
    opened = len(preview.campaigns) <= _MOST_OPEN
    main = tag(
        "main",
        *_notices(preview),
        _chart(preview),
        tag(
            "section",
            tag("h2", "Emails", id="emails"),
            tag("div", choose("width", "Width", _WIDTHS), class_="choices")
            if preview.campaigns
            else tag("p", "There is no campaign that could be shown.", class_="quiet"),
            *(campaign(shown, start, opened=opened, framed=framed) for shown in preview.campaigns),
            aria_labelledby="emails",
        ),
        None if framed else _viewer(),
    )
    body = tag(
        "body",
        tag("a", "Skip to the emails", href="#emails", class_="skip"),
        _header(preview, f"{moment(local)} {place}"),
        tag("div", _navigation(preview.campaigns), main, class_="columns"),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _header(preview: Preview, at: str) -> Html:
    facts = [preview.environment, *([preview.commit] if preview.commit else []), at]
    return tag(
        "header",
        tag("h1", preview.workspace),
        tag("p", " · ".join(facts), class_="quiet"),
        *_planned(preview),
        tag("p", f"{count(len(preview.campaigns), 'campaign')}, {count(preview.emails, 'email')}", class_="quiet"),
        class_="top",
    )


def _planned(preview: Preview) -> Iterator[Html]:
    """Say what an apply would do, or that nobody knows."""
    if preview.plan is None:
        return
    entries = entries_of(preview.plan)
    resumed = resumed_words(entries)
    yield tag("p", first_emails(preview.plan.summary.new_recipients, resumed=bool(resumed)), class_="lead")
    if resumed:
        yield tag("p", resumed)
    if told := counted(preview.plan, entries):
        yield tag("p", " · ".join(told))
    if not preview.plan.refreshed:
        yield tag("p", "Leadterra was not asked: what is live is as the state has it.", class_="quiet")


def _viewer() -> Html:
    hint = tag("p", "Choose an email: it is shown here.", class_="quiet")
    frame = tag("iframe", sandbox="", name=VIEWER, srcdoc=document(hint), title="The chosen email")
    folded = tag("details", tag("summary", "The chosen email"), tag("div", frame, class_="holder"), open=True)
    return tag("section", folded, aria_label="The chosen email", class_="viewer")


def _navigation(campaigns: Sequence[Shown]) -> Html:
    links = (tag("li", tag("a", tag("span", shown.name), chip(shown), href=f"#{shown.anchor}")) for shown in campaigns)
    return tag("nav", tag("h2", "Campaigns"), tag("ul", *links), aria_label="Campaigns")


def _notices(preview: Preview) -> Iterator[Html]:
    if preview.real:
        words = "It shows real people of your lists. Keep it to yourself: out of git, of pull requests, of pipelines."
        yield tag("section", tag("h2", "This page holds personal data"), tag("p", words), class_="notice bad")
    if preview.problems:
        ranks = list(Severity)
        found = sorted(preview.problems, key=lambda item: (ranks.index(item.severity), item.order))
        bad = any(item.severity is Severity.ERROR for item in found)
        counts = [count(sum(item.severity is rank for item in found), rank.value) for rank in ranks]
        yield tag(
            "section",
            tag("h2", ", ".join(words for words in counts if not words.startswith("0 "))),
            tag("ul", *(_problem(item, marked=True) for item in found)),
            class_=f"notice {'bad' if bad else 'still'}",
        )
    if preview.missing:
        yield tag(
            "section",
            tag("h2", "Without a plan"),
            tag(
                "p",
                "Made from the files alone: what is sent now, and what an apply would do, is not known.",
            ),
            tag("ul", *(_problem(item, marked=False) for item in preview.missing)),
            class_="notice warm",
        )


def _problem(item: Diagnostic, *, marked: bool) -> Html:
    word, tone = _LABELS[item.severity]
    hints = [line.strip() for line in (item.hint or "").splitlines() if line.strip()]
    return tag(
        "li",
        *((tag("span", word, class_=f"chip {tone}"), " ") if marked else ()),
        sentence(message_of(item)),
        *((" ", tag("code", item.place)) if item.place else ()),
        *(tag("p", sentence(line), class_="quiet") for line in hints),
    )


def _chart(preview: Preview) -> Html | None:
    if preview.plan is None or not preview.plan.forecast:
        return None
    # The picture's own words are escaped by the XML writer that makes it.
    picture = Html(svg(preview.plan.forecast, title="Emails a day"))
    scrolled = tag("div", picture, class_="chart", tabindex="0", role="region", aria_label="Emails a day, as a picture")
    uncounted = "; ".join(preview.plan.not_counted)
    note = tag("p", f"Not counted: {uncounted}.", class_="quiet") if uncounted else None
    return tag("section", tag("h2", "The coming days"), scrolled, note)
