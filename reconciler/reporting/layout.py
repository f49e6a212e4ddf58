"""Lines of styled text: wrapping, hanging indents, and the one place where text becomes output.

Every text becomes a `Span` through `say`, which makes it visible; `Page.render` breaks up workflow commands in the
finished lines. So no renderer can forget to.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from reconciler.reporting.escape import guard, visible

MINIMUM_WIDTH = 40
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


class Span(NamedTuple):
    """Text of one style: names out of `_CODES`, parted by blanks."""

    text: str
    style: str = ""


Line = list[Span]


def say(text: str, style: str = "") -> Span:
    """Make a span of any text, whoever wrote it."""
    return Span(visible(text), style)


def cells(text: str) -> int:
    """Count the columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_cell(character) for character in text)


def _cell(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def size(spans: Iterable[Span]) -> int:
    """Count the columns of a line."""
    return sum(cells(span.text) for span in spans)


def wrap(spans: Iterable[Span], width: int) -> list[Line]:
    """Break at blanks, so that each line takes at most `width` columns; longer words stay whole."""
    given = [span for span in spans if span.text]
    if _is_line(given, width):
        return [given]
    lines: list[Line] = [[]]
    used = 0
    for gap, word in _words(given):
        wide = size(word)
        if lines[-1] and used + cells(gap.text) + wide > width:
            lines.append([])
            used = 0
        if gap.text and (lines[-1] or len(lines) == 1):
            lines[-1].append(gap)
            used += len(gap.text)
        lines[-1].extend(word)
        used += wide
    return lines


def _is_line(spans: Sequence[Span], width: int) -> bool:
    """Whether this is the line that breaking it would make: most texts are, and looking is cheaper than breaking."""
    if not spans or spans[-1].text.endswith(" ") or size(spans) > width:
        return False
    return not any(one.text.endswith(" ") and two.text.startswith(" ") for one, two in pairwise(spans))


def _words(spans: Iterable[Span]) -> Iterator[tuple[Span, Line]]:
    gap, word = Span(""), Line()
    for span in spans:
        for part in re.split("( +)", span.text):
            if part.startswith(" "):
                if word:
                    yield gap, word
                gap, word = Span(gap.text + part if not word else part, span.style), Line()
            elif part:
                word.append(Span(part, span.style))
    if word:
        yield gap, word


def flow(items: Sequence[Line], width: int, gap: int = 2) -> list[Line]:
    """Set items side by side; what does not fit in the rest of a line begins the next, and wraps where it must."""
    lines: list[Line] = []
    for item in items:
        if lines and size(lines[-1]) + gap + size(item) <= width:
            lines[-1] += [Span(" " * gap), *item]
        else:
            lines += wrap(item, width)
    return lines


class Page:
    """A text in the making. `width` is in columns, and at least 40 are used."""

    def __init__(self, *, color: bool, width: int) -> None:
        self.width = max(width, MINIMUM_WIDTH)
        self._color = color
        self._lines: list[Line] = []

    def blank(self) -> None:
        """Leave one empty line, unless there is one or nothing above."""
        if self._lines and self._lines[-1]:
            self._lines.append([])

    def add(self, spans: Iterable[Span], indent: int = 0, hanging: int = 0) -> None:
        """Add a paragraph; its further lines are `hanging` columns deeper."""
        lines = wrap(spans, self.width - indent - hanging)
        for number, line in enumerate(lines):
            self._lines.append([Span(" " * (indent + (hanging if number else 0))), *line])

    def dotted(self, parts: Sequence[str], indent: int = 0, style: str = "") -> None:
        """Add short parts with a dot between them; none of them is broken where it fits in a line."""
        items = [[say(f"{part} ·", style)] for part in parts[:-1]] + [[say(part, style)] for part in parts[-1:]]
        for line in flow(items, self.width - indent, gap=1):
            self._lines.append([Span(" " * indent), *line])

    def prose(self, text: str, indent: int = 0, style: str = "") -> None:
        """Add a text of several lines, each with the indent it has; a line that begins `label  ` wraps behind it."""
        for line in re.split(r"\r?\n", text):
            text = line.strip(" ")
            inner = min(len(line) - len(line.lstrip(" ")), self.width // 4)
            label = re.match(r"\S+(?: \S+)* {2,}", text[: self.width // 3])
            self.add([say(text, style)], indent + inner, hanging=len(label[0]) if label else 0)

    def title(self, left: Sequence[Span], right: str) -> None:
        """Add a headline with something at the right margin: in the same line where it fits, else in the next."""
        place = say(right, "dim")
        room = self.width - size(left) - cells(place.text)
        if not right:
            self.add(left, hanging=2)
        elif room > 1:
            self._lines.append([*left, Span(" " * room), place])
        else:
            self.add(left, hanging=2)
            self._lines.append([Span(" " * max(4, self.width - cells(place.text))), place])

    def row(self, label: str, lines: Sequence[Line], *, indent: int, column: int) -> None:
        """Add lines behind a label that takes `column` columns; a longer label stands in a line of its own."""
        name = say(label, "dim")
        margin = Span(" " * (indent + column))
        wide = cells(name.text)
        first: Line = [Span(" " * indent), name]
        if wide >= column:
            self._lines.append(first)
        for number, line in enumerate(lines):
            if number == 0 and wide < column:
                self._lines.append([*first, Span(" " * (column - wide)), *line])
            else:
                self._lines.append([margin, *line])

    def fact(self, label: str, spans: Iterable[Span], *, indent: int, column: int) -> None:
        """Add a row whose text wraps in its own column."""
        self.row(label, wrap(spans, self.width - indent - column), indent=indent, column=column)

    def mark(self, mark: Span, name: Span, text: Line, column: int) -> None:
        """Add a marked name with a text that wraps in a column of its own."""
        head = [mark, name]
        gap = column - size(head)
        if gap < 1:
            self._lines.append(head)
        for number, line in enumerate(wrap(text, self.width - column)):
            if number == 0 and gap > 0:
                self._lines.append([*head, Span(" " * gap), *line])
            else:
                self._lines.append([Span(" " * column), *line])

    def render(self) -> str:
        """Return the text, each line ended; nothing in it acts on a terminal or a pipeline, except our own colours."""
        return guard("".join(self._line(line) + "\n" for line in self._lines))

    def _line(self, line: Line) -> str:
        merged: list[Span] = []
        for span in line:
            if merged and merged[-1].style == span.style:
                merged[-1] = Span(merged[-1].text + span.text, span.style)
            else:
                merged.append(span)
        if not self._color:
            return "".join(span.text for span in merged).rstrip(" ")
        return "".join(_styled(span) for span in merged).rstrip(" ")


def _styled(span: Span) -> str:
    if not span.style or not span.text.strip(" "):
        return span.text
    codes = ";".join(_CODES[name] for name in span.style.split())
    return f"\x1b[{codes}m{span.text}\x1b[0m"
