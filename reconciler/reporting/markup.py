"""HTML that is put together by elements. Text is escaped where it becomes a part of one: nobody can forget to."""

import html
import re
from collections.abc import Iterable

from reconciler.reporting.escape import visible

_CODE = re.compile("`([^`]+)`")
_VOID = frozenset(("input", "link", "meta"))


class Html(str):
    """Finished HTML. Any other text that becomes a part of it is escaped."""

    __slots__ = ()


NOTHING = Html()

Content = str | Html | None
Attribute = str | int | bool | None


def tag(name: str, /, *content: Content, **attributes: Attribute) -> Html:
    """Write an element. `class_` and `for_` name attributes that are words of Python, and `_` stands for `-`.

    An attribute that is True has no value; one that is None or False is left out, as is content of None. Text is shown
    with its control characters named; `srcdoc`, a document of its own, keeps them.
    """
    opened = "".join(_attribute(key.strip("_").replace("_", "-"), value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{opened}>")
    return Html(f"<{name}{opened}>{joined(content)}</{name}>")


def joined(content: Iterable[Content]) -> Html:
    """Put parts behind each other."""
    return Html("".join(text(part) for part in content if part is not None))


def sentence(words: str) -> Html:
    """Write a text in which what stands between backticks is code."""
    parts = _CODE.split(words)
    return joined(tag("code", part) if number % 2 else part for number, part in enumerate(parts))


def text(part: str | Html) -> Html:
    """Write a text as text; what is HTML already stays as it is."""
    return part if isinstance(part, Html) else Html(html.escape(visible(part)))


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    written = str(value) if name == "srcdoc" else visible(str(value))
    return f' {name}="{html.escape(written)}"'
