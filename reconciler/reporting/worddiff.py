"""What changed in a text, word by word: `Plans start at [-€90-]{+€120+} a month`.

Bodies are HTML: unchanged tags are left out, changed ones are shown, since a link's target is one of them.
"""

import html
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from reconciler.model.base import canonical
from reconciler.reporting.layout import Line, Span, say

_PARTS = re.compile(r"<style\b[^<>]{0,2000}>[^<]{0,20000}</style\s{0,9}>|<[^<>]{0,2000}>|\s+|[^\s<]+|<", re.IGNORECASE)
"""Tags, blanks and words. Rules of style are no words: with their tags they are one."""

_BLANK = re.compile(r"\s+")
_MARKS = re.compile(r"([\[{])(?=[-+])|([-+])(?=[\]}])")
_AROUND = ".,;:!?()\"'"
_KEEP = 5
_LONGEST = 40
_PLACES = 6
_COMPARED = 2_000


class Edit(NamedTuple):
    """A stretch of text: equal where `before` is `after`."""

    before: tuple[str, ...]
    after: tuple[str, ...]


class Marks(NamedTuple):
    """What stands around old text and new text. With `BARE`, only the styles `red` and `green` tell them apart."""

    old: tuple[str, str] = ("[-", "-]")
    new: tuple[str, str] = ("{+", "+}")


WRITTEN = Marks()
BARE = Marks(("", ""), ("", ""))


def word_diff(before: str, after: str, *, markup: bool, whole: bool = False, marks: Marks = WRITTEN) -> Line:
    """Show what differs between two texts. With `whole`, nothing is shortened.

    Else unchanged stretches keep the words next to a change, long changed ones their ends, and a text with many
    changes its first places.
    """
    edits = list(_edits(_parts(before), _parts(after)))
    line: Line = []
    places = [number for number, edit in enumerate(edits) if edit.before != edit.after]
    last = len(edits) if whole or len(places) <= _PLACES else places[_PLACES]
    for number, edit in enumerate(edits[:last]):
        if edit.before == edit.after:
            sides = number > 0, number < len(edits) - 1
            line += _kept(edit.after, *sides, markup=markup, whole=whole, marks=marks)
        else:
            line += _changed(edit, markup=markup, whole=whole, marks=marks)
    if last < len(edits):
        more = len(places) - _PLACES
        line.append(say(f" … and {more:,} more {'place' if more == 1 else 'places'}", "dim"))
    return line


def text_of(markup: str) -> str:
    """Return the words of an HTML body, on one line."""
    return " ".join("".join(_words(_parts(markup), markup=True)).split())


def value_diff(before: Any, after: Any, marks: Marks = WRITTEN) -> Line:  # noqa: ANN401 - any JSON value
    """Show a value that changed: the old one and the new one, as far as there are any."""
    line = [] if before is None else [_marked(_spelt(before), marks.old, "red")]
    return line if after is None else [*line, _marked(_spelt(after), marks.new, "green")]


def _marked(text: str, around: tuple[str, str], style: str) -> Span:
    opening, closing = around
    return say(f"{opening}{_unmarked(text) if opening else text}{closing}", style)


def _spelt(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else canonical(value)
    return _shortened(text.split(" "), " ")


def _parts(text: str) -> list[str]:
    return [piece for part in _PARTS.findall(text) for piece in _punctuated(part)]


def _punctuated(part: str) -> tuple[str, ...]:
    """Part a word from the marks around it (`idea,` and `question,` differ in the word only); entities stay whole."""
    core = part.strip(_AROUND)
    if not core or part.startswith("<") or "&" in part:
        return (part,)
    start = part.index(core)
    return tuple(piece for piece in (part[:start], core, part[start + len(core) :]) if piece)


def _edits(before: Sequence[str], after: Sequence[str]) -> Iterator[Edit]:
    """Align two texts. Only the middle that differs is compared, and only up to a size: alignment is quadratic."""
    shorter = min(len(before), len(after))
    start = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    rest = shorter - start
    end = next((at for at in range(rest) if before[-1 - at] != after[-1 - at]), rest)
    old, new = tuple(before[start : len(before) - end]), tuple(after[start : len(after) - end])
    yield from _equal(before[:start])
    if max(len(old), len(new)) > _COMPARED:
        yield Edit(old, new)
    else:
        yield from _bridged(
            [
                Edit(old[a:b], new[c:d])
                for _, a, b, c, d in SequenceMatcher(None, old, new, autojunk=len(new) > _COMPARED // 4).get_opcodes()
            ]
        )
    yield from _equal(before[len(before) - end :])


def _equal(parts: Sequence[str]) -> Iterator[Edit]:
    if parts:
        yield Edit(tuple(parts), tuple(parts))


def _bridged(edits: Sequence[Edit]) -> Iterator[Edit]:
    """Join changes that only white space parts: a rewritten phrase is one change, not one for each word."""
    held: Edit | None = None
    gap: Edit | None = None
    for edit in edits:
        if edit.before == edit.after and held is not None and gap is None and not "".join(edit.after).strip():
            gap = edit
            continue
        if held is not None and edit.before != edit.after:
            between = gap.after if gap else ()
            held = Edit((*held.before, *between, *edit.before), (*held.after, *between, *edit.after))
            gap = None
            continue
        yield from (item for item in (held, gap) if item is not None)
        held, gap = (edit, None) if edit.before != edit.after else (None, None)
        if held is None:
            yield edit
    yield from (item for item in (held, gap) if item is not None)


def _kept(
    parts: Sequence[str],
    after: bool,  # noqa: FBT001
    before: bool,  # noqa: FBT001
    *,
    markup: bool,
    whole: bool,
    marks: Marks,
) -> Iterator[Span]:
    """Show an unchanged stretch that stands `after` a change, `before` one, or both."""
    text = "".join(_words(parts, markup=markup))
    lead, trail = " " if text[:1].isspace() else "", " " if text[-1:].isspace() else ""
    words = text.split()
    if not words:
        yield say(_BLANK.sub(" ", text))
        return
    most = _KEEP * (after + before) + 2
    if whole or len(words) <= most:
        shown = " ".join(words)
    else:
        head = " ".join(words[:_KEEP]) + " " if after else ""
        tail = " " + " ".join(words[-_KEEP:]) if before else ""
        shown = f"{head}…{tail}"
    told = f"{lead}{shown}{trail}"
    yield say(told if marks is BARE else _unmarked(told))


def _changed(edit: Edit, *, markup: bool, whole: bool, marks: Marks) -> Iterator[Span]:
    old, new = _told(edit.before, markup=markup), _told(edit.after, markup=markup)
    if old == new:
        old, new = "".join(edit.before), "".join(edit.after)
    for text, around, style in ((old, marks.old, "red"), (new, marks.new, "green")):
        if text:
            words = _BLANK.split(text) if old.split() != new.split() else [text]
            yield _marked(" ".join(words) if whole else _shortened(words, " "), around, style)


def _told(parts: Sequence[str], *, markup: bool) -> str:
    """Write a changed stretch: its tags as they are, its text as it reads."""
    return "".join(part if part.startswith("<") or not markup else html.unescape(part) for part in parts)


def _words(parts: Sequence[str], *, markup: bool) -> Iterator[str]:
    for part in parts:
        if markup and part.startswith("<") and len(part) > 1:
            yield "" if re.match(r"</?(a|b|i|em|strong|span|u)\b", part, re.IGNORECASE) else " "
        else:
            yield html.unescape(part) if markup else part


def _shortened(words: Sequence[str], glue: str) -> str:
    if len(words) <= _LONGEST:
        return glue.join(words)
    half = _LONGEST // 2
    return glue.join([*words[:half], f"… ({len(words) - _LONGEST:,} words) …", *words[-half:]])


def _unmarked(text: str) -> str:
    """Keep a text from looking like our own marks."""
    return _MARKS.sub(lambda match: f"{match[0]}\\", text)
