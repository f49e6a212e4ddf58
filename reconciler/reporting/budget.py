"""A document that keeps within so many bytes: what matters least is left out first, and each time a line says so."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

GITHUB_COMMENT = 65_536
"""What GitHub takes for the body of a comment. It counts characters; bytes are never fewer."""

POSTERS_SHARE = 536
"""What is left for whoever posts it to add."""

SMALLEST = 10_000
"""In so many bytes there is always room for what is never left out, and for a line for each thing that is."""

LINK = re.compile(r"https?://[A-Za-z0-9:/?#&=%~+,;._-]{1,500}")
"""What a link may look like: nothing in it has a meaning in Markdown, and it is short."""


class Fit(NamedTuple):
    """How many bytes (UTF-8) there are, and where the whole of it is."""

    max_bytes: int = GITHUB_COMMENT - POSTERS_SHARE
    link: str | None = None


COMMENT = Fit()
"""What a comment on GitHub has room for."""


@dataclass(frozen=True, slots=True)
class Part:
    """What may be left out, as a whole or, with `by_piece`, from its end.

    `pieces` are made when they are needed, so that what does not fit is not made in vain; `count` is how many there
    are. `frame` makes the part of the pieces that are taken; `left` says what is left out, given how many pieces are.
    """

    count: int
    pieces: Callable[[], Iterable[str]]
    frame: Callable[[str], str]
    left: Callable[[int], str]
    by_piece: bool = False


def fitted(parts: Sequence[Part | str], order: Sequence[Part], fit: Fit) -> str:
    """Join parts with an empty line between them; texts are kept, and `order` names what is left out first.

    Once something of a part is left out, so is the whole of every part before it in that order. Raises ValueError for
    a link that is none.
    """
    if fit.link is not None and not LINK.fullmatch(fit.link):
        raise ValueError("the link is not an address that is safe in Markdown")
    kept = {id(part): part for part in order if part.count}
    lines = {name: _left_line(part, part.count, fit) for name, part in kept.items()}
    shown = [part for part in parts if isinstance(part, str) or id(part) in kept]
    room = fit.max_bytes - sum(_size(part) for part in shown if isinstance(part, str))
    room -= sum(_size(line) + 1 for line in lines.values()) + len(shown)
    told: dict[int, str] = {}
    full = False
    for name, part in reversed(kept.items()):
        # What is set aside for the line is free where all of the part is shown.
        aside = _size(lines[name]) + 1
        text, taken = ("", 0) if full else _taken(part, room + aside)
        if taken == part.count:
            room -= _size(text) - aside
        else:
            text, taken = _taken(part, room) if part.by_piece and not full else ("", 0)
            text = f"{text}\n{_left_line(part, part.count - taken, fit)}" if text else lines[name]
            full = True
        told[name] = text
    return "\n".join(part if isinstance(part, str) else told[id(part)] for part in shown)


def _taken(part: Part, room: int) -> tuple[str, int]:
    """Take pieces as long as there is room, and return what they come to, and how many they are."""
    taken: list[str] = []
    used = _size(part.frame(""))
    for piece in part.pieces():
        used += _size(piece)
        if used > room:
            break
        taken.append(piece)
    return (part.frame("".join(taken)), len(taken)) if taken else ("", 0)


def _left_line(part: Part, left: int, fit: Fit) -> str:
    more = f" – [see all of it]({fit.link})" if fit.link else ""  # noqa: RUF001 - a dash is meant
    return f"*Left out, as there is no room for it: {part.left(left)}*{more}\n"


def _size(text: str) -> int:
    return len(text.encode())
