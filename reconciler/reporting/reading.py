"""An email's HTML as its reader sees it: paragraphs of words. It takes time in proportion to its length."""

import html
import re
from collections.abc import Iterator
from itertools import chain

from reconciler.reporting.words import reads

_PARTS = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,20})([^<>]{0,2000})>|[^<]+|<")
_LINE, _PARAGRAPH = "\n", "\n\n"
"""Pieces that end a line or a paragraph. White space of the document is never one: it is made blanks first."""

_BLOCKS = (
    "address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "figure", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "main", "nav", "ol", "p", "pre", "section", "table",
    "tbody", "tfoot", "thead", "ul",
)  # fmt: skip
_GAPS = {
    **dict.fromkeys(_BLOCKS, _PARAGRAPH),
    **dict.fromkeys(("br", "li", "tr"), _LINE),
    **dict.fromkeys(("td", "th"), " "),
}
_UNSEEN = frozenset(("script", "style", "template", "title"))
_HREF = re.compile(r"""\bhref\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_ALT = re.compile(r"""\balt\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)


def paragraphs(markup: str) -> Iterator[list[str]]:
    """Yield the paragraphs of an HTML body, each as its lines, with tokens filled in for a made-up person.

    A link has its target behind it (`here (https://example.com)`), a picture is its description.
    """
    lines: list[str] = []
    pieces: list[str] = []
    for piece in chain(_pieces(markup), [_PARAGRAPH]):
        if piece not in {_LINE, _PARAGRAPH}:
            pieces.append(piece)
            continue
        words = " ".join("".join(pieces).split())
        pieces = []
        if words:
            lines.append(reads(words))
        if lines and piece == _PARAGRAPH:
            yield lines
            lines = []


def begins(markup: str, most: int) -> str:
    """Return the first words of an HTML body, at most so many characters: what an inbox shows behind the subject.

    Tokens stay as they are; a link is its words, a picture its description.
    """
    words: list[str] = []
    size = 0
    for piece in _pieces(markup, targets=False):
        words.append(piece)
        size += len(piece.strip())
        if size > most:
            break
    told = " ".join("".join(words).split())
    return told if len(told) <= most else f"{told[: most - 1].rstrip()}…"


def _pieces(markup: str, *, targets: bool = True) -> Iterator[str]:
    """Yield words, and what ends lines and paragraphs; with `targets`, that of each link behind it."""
    target = ""
    for match in _PARTS.finditer(_as_parsed(markup)):
        closes, tag, attributes = match[1], (match[2] or "").lower(), match[3] or ""
        if not tag:
            yield re.sub(r"\s+", " ", html.unescape(match[0]))
        elif tag == "img":
            yield f" {_value(_ALT, attributes)} "
        elif tag == "a":
            if closes and target:
                yield f" ({target})"
            target = _value(_HREF, attributes) if targets and not closes else ""
        elif tag in _GAPS:
            yield _GAPS[tag]


def _as_parsed(markup: str) -> str:
    """Write a body anew as browsers parse it: what they show, however it is written, is then plainly there."""
    import nh3

    return nh3.clean(
        markup.encode("utf-8", "replace").decode(),
        tags={*_GAPS, "a", "img"},
        clean_content_tags=set(_UNSEEN),
        attributes={"a": {"href"}, "img": {"alt"}},
        link_rel=None,
    )


def _value(attribute: re.Pattern[str], attributes: str) -> str:
    found = attribute.search(attributes)
    text = next((group for group in found.groups() if group), "") if found else ""
    return " ".join(html.unescape(text).split())
