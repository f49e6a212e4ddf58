"""The HTML of an email made harmless: what a mail program shows of it is kept, whatever acts or asks for more is not.

It stands in a sandboxed frame under a Content-Security-Policy that would stop all of this, too: what is taken out here
is neither tried there nor complained about.
"""

import re
from dataclasses import dataclass

_TAGS = frozenset(
    (
        "abbr", "address", "article", "aside", "b", "bdi", "bdo", "big", "blockquote", "br", "caption", "center",
        "cite", "code", "col", "colgroup", "dd", "del", "div", "dl", "dt", "em", "figcaption", "figure", "font",
        "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins", "kbd", "li", "main",
        "mark", "ol", "p", "pre", "q", "s", "samp", "section", "small", "span", "strike", "strong", "sub", "sup",
        "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var", "wbr", "a",
    )
)  # fmt: skip
_WRAPPERS = frozenset(("html", "head", "body", "meta", "title"))
"""What is left out without a word: it is no part of what is read."""

_UNREAD = {"script", "style", "title", "noscript", "template", "textarea", "iframe", "object", "svg", "math", "select"}
"""What is left out with all that is in it."""

_ATTRIBUTES = {
    "*": {"align", "alt", "bgcolor", "dir", "height", "lang", "style", "title", "valign", "width"},
    "a": {"href"},
    "font": {"color", "face", "size"},
    "img": {"border", "src"},
    "ol": {"start", "type"},
    "table": {"border", "cellpadding", "cellspacing"},
    "td": {"colspan", "nowrap", "rowspan"},
    "th": {"colspan", "nowrap", "rowspan"},
}
_SCHEMES = {"data", "http", "https", "mailto", "tel"}
_PICTURE = re.compile(r"data:image/(?:gif|jpe?g|png|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
_TAG = re.compile(r"<([A-Za-z][A-Za-z0-9:-]{0,20})")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Characters that no browser shows, but a terminal that the page is written to might obey."""

_MOST_STYLE = 4_000
_VALUE = re.compile(r"""(?:[\w\s#%.,'"!/+-]|(?:rgba?|hsla?|calc)\([\w\s%.,/+*-]*\))*""", re.IGNORECASE | re.ASCII)
"""A value of a style that asks for nothing: no function but colours and sums, no escape, no comment, no address."""

_STYLES = re.compile(
    "background(?:-color)?|border(?:-[a-z]+)*|clear|color|direction|display|float|font(?:-[a-z]+)*|letter-spacing"
    "|line-height|list-style(?:-type|-position)?|margin(?:-[a-z]+)?|opacity|overflow(?:-wrap)?|padding(?:-[a-z]+)?"
    "|table-layout|text-(?:align|decoration|indent|transform)|vertical-align|visibility|white-space"
    "|word-(?:break|spacing|wrap)|(?:max-|min-)?(?:height|width)"
)


@dataclass(frozen=True, slots=True)
class Mail:
    """An email's body, made harmless, and what that took away: `links` in order, outside `pictures`, other elements."""

    html: str
    links: tuple[str, ...]
    pictures: int
    left_out: tuple[str, ...]


def harmless(body: str) -> Mail:
    """Keep of an HTML body what is text, tables, lists and plain looks. Links are shown, and lead nowhere.

    Pictures are kept where they are in the email itself (`data:`). A `<style>` block is left out: what is in it cannot
    be told apart from what asks for more as surely as the style of one element.
    """
    import nh3

    links: list[str] = []
    pictures = 0

    def keep(_element: str, attribute: str, value: str) -> str | None:
        nonlocal pictures
        if attribute == "href":
            links.append(value)
            return None
        if attribute == "src":
            inside = _PICTURE.fullmatch(value) is not None
            pictures += not inside
            return value if inside else None
        return _looks(value) if attribute == "style" else value

    body = _CONTROLS.sub("", body.encode("utf-8", "replace").decode())
    found = {name.lower() for name in _TAG.findall(_uncommented(body))}
    cleaned = nh3.clean(
        body,
        tags=set(_TAGS),
        clean_content_tags=_UNREAD,
        attributes=_ATTRIBUTES,
        attribute_filter=keep,
        url_schemes=_SCHEMES,
        link_rel=None,
    )
    return Mail(cleaned, tuple(dict.fromkeys(links)), pictures, tuple(sorted(found - _TAGS - _WRAPPERS)))


def _looks(style: str) -> str | None:
    """Keep the declarations that only say how an element looks; None where there are none."""
    kept = []
    for declaration in style[:_MOST_STYLE].split(";"):
        name, _, value = declaration.partition(":")
        if _STYLES.fullmatch(name.strip().lower()) and _VALUE.fullmatch(value):
            kept.append(f"{name.strip().lower()}:{value.strip()}")
    return ";".join(kept) or None


def _uncommented(markup: str) -> str:
    """Leave comments out; one that is not closed goes on to the end."""
    parts, start = [], 0
    while (opening := markup.find("<!--", start)) >= 0:
        parts.append(markup[start:opening])
        closing = markup.find("-->", opening + 4)
        if closing < 0:
            return "".join(parts)
        start = closing + 3
    return "".join([*parts, markup[start:]])
