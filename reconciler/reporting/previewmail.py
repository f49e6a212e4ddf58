"""One email as each reader gets it: a document of its own, for a frame that nothing gets out of.

In it are the inbox on a phone, the subject in full and the body, for one reader at a time. The choice among them is in
the document, too: a page without a script can tell a frame nothing.
"""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

from reconciler.model.campaign import SequenceStep
from reconciler.reporting.mailhtml import Mail, harmless
from reconciler.reporting.markup import Html, joined, tag
from reconciler.reporting.previewstyle import CARD
from reconciler.reporting.readers import READERS, Readers
from reconciler.reporting.reading import begins
from reconciler.reporting.words import count
from reconciler.reporting.words import joined as listed
from reconciler.tokens import fill_tokens, find_tokens

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"
"""Of the page and of each frame, which has it from the page, too.

`style-src`: the page's style and emails' own are written in place. `img-src`: pictures that an email carries in itself.
Nothing else is fetched: no script, no font, no frame (`srcdoc` is no fetch), so that nothing in a frame leads anywhere.
`form-action` and `base-uri` do not fall back to `default-src`.
"""

VIEWER = "viewer"
"""Name of the one frame that emails are shown in on demand."""

PHONE_SUBJECT = 40
"""Characters of a subject that a phone has room for (35 to 45, by program and letters)."""

MOST_SHOWN = 200_000
"""Characters of a body that are shown; mail programs cut an email off at about half as many bytes."""

_PREHEADER = 90
_LINKS = 20
_LINE, _PARAGRAPH, _AROUND, _NOTE = 23, 20, 265, 32
_WIDE_LINE, _TALL_LINE = 82, 34
_MOST = 900
_SAFE = "!$&'()*+,-./:;<=>?@[]^_`{|}~ \""


class Variant(NamedTuple):
    """An email with a reader's values, which readers read just this, and which fields read as nothing to them."""

    readers: tuple[str, ...]
    subject: str
    body: str
    unfilled: tuple[str, ...]


class Card(NamedTuple):
    """The document of an email, and about how many pixels tall it is at desktop and at phone width."""

    document: Html
    wide: int
    tall: int


def variants(step: SequenceStep, readers: Readers) -> list[Variant]:
    """Fill an email in for the three readers; those who read the same share one."""
    found: dict[tuple[str, str], Variant] = {}
    tokens = find_tokens(f"{step.subject}\n{step.body_html}")
    for name in READERS:
        values = getattr(readers, name)
        subject = fill_tokens(step.subject, values)
        body = fill_tokens(step.body_html, values, html=True)
        unfilled = tuple(token for token in tokens if token not in values)
        before = found.get((subject, body), Variant((), subject, body, unfilled))
        found[subject, body] = before._replace(readers=(*before.readers, name))
    return list(found.values())


def card(step: SequenceStep, readers: Readers, *, head: str | None = None) -> Card:
    """Make the document of an email; `head` says which one it is, where nothing around it does."""
    mails, wide, tall = [], 0, 0
    chosen = variants(step, readers)
    for variant in chosen:
        body = variant.body[:MOST_SHOWN]
        mail = harmless(body)
        notes = list(_notes(variant, mail))
        mails.append(_mail(variant, mail, notes))
        size = len(variant.subject) + len(begins(body, MOST_SHOWN))
        wide = max(wide, _height(mail, size, _WIDE_LINE, len(notes)))
        tall = max(tall, _height(mail, size, _TALL_LINE, len(notes)))
    choice = choose("reader", "Reader", READERS) if len(chosen) > 1 else None
    title = tag("p", head, class_="head") if head else None
    return Card(document(title, choice, *mails), wide, tall)


def document(*content: Html | None) -> Html:
    """Write a document for a frame."""
    head = tag("meta", http_equiv="Content-Security-Policy", content=POLICY), tag("style", Html(CARD))
    return joined((Html("<!doctype html>"), tag("html", tag("head", *head), tag("body", *content), lang="en")))


def framed(shown: Card, title: str) -> Html:
    """Put an email into a frame. `title` tells whoever cannot see it what is in it."""
    frame = tag("iframe", sandbox="", srcdoc=shown.document, loading="lazy", title=title)
    return tag("div", frame, class_="holder", style=f"--wide:{shown.wide}px;--tall:{shown.tall}px")


def linked(shown: Card, words: str) -> Html:
    """Write the link that shows an email in the frame for those on demand."""
    address = f"data:text/html;charset=utf-8,{quote(shown.document, safe=_SAFE)}"
    return tag("p", tag("a", words, href=address, target=VIEWER, class_="button"))


def choose(name: str, legend: str, words: dict[str, str]) -> Html:
    """Write radio buttons, of which the first is chosen; the id of each is `name-value`."""
    options = (
        tag(
            "label",
            tag("input", type="radio", name=name, value=value, id=f"{name}-{value}", checked=number == 0),
            tag("span", told),
        )
        for number, (value, told) in enumerate(words.items())
    )
    return tag("fieldset", tag("legend", legend), *options)


def _mail(variant: Variant, mail: Mail, notes: list[Html]) -> Html:
    subject, words = variant.subject, begins(variant.body[:MOST_SHOWN], _PREHEADER)
    short = subject if len(subject) <= PHONE_SUBJECT else f"{subject[: PHONE_SUBJECT - 1].rstrip()}…"
    inbox = tag(
        "div",
        tag("p", "In an inbox on a phone", class_="quiet"),
        tag("p", short, class_="strong", dir="auto"),
        tag("p", words, class_="quiet words", dir="auto"),
        class_="inbox",
    )
    size = tag("span", count(len(subject), "character"), class_="quiet")
    whole = tag("p", tag("span", "Subject", class_="quiet"), " ", tag("bdi", subject, class_="strong"), " ", size)
    letter = tag("div", Html(mail.html), class_="letter")
    return tag("div", inbox, whole, letter, *notes, class_=" ".join(("mail", *(f"for-{n}" for n in variant.readers))))


def _height(mail: Mail, size: int, line: int, notes: int) -> int:
    """Estimate how tall an email is, with what stands around it: a frame cannot ask."""
    lines = -(-size // line) + sum(mail.html.count(begin) for begin in ("<br", "<tr", "<li"))
    paragraphs = sum(mail.html.count(end) for end in ("</p>", "</div>", "</h1>", "</h2>", "</h3>", "</table>"))
    return min(_MOST, _AROUND + _LINE * lines + _PARAGRAPH * paragraphs + _NOTE * notes)


def _notes(variant: Variant, mail: Mail) -> Iterator[Html]:
    if mail.links:
        links = [tag("li", link) for link in mail.links[:_LINKS]]
        if len(mail.links) > _LINKS:
            links.append(tag("li", f"and {count(len(mail.links) - _LINKS, 'more link')}"))
        yield tag("details", tag("summary", count(len(mail.links), "link")), tag("ul", *links), class_="quiet")
    if variant.unfilled:
        yield _note(f"Reads as nothing here, as there is no fallback: {listed(list(variant.unfilled))}.")
    if mail.pictures:
        pictures = count(mail.pictures, "outside picture is", "outside pictures are")
        yield _note(f"{pictures} not loaded; the description is shown.")
    if mail.left_out:
        yield _note(f"Left out here: {', '.join(f'<{name}>' for name in mail.left_out)}.")
    if len(variant.body) > MOST_SHOWN:
        yield _note(f"Only the first {MOST_SHOWN:,} characters are shown; mail programs cut such an email off, too.")


def _note(words: str) -> Html:
    return tag("p", words, class_="note")
