"""What a person sees of what a program wrote to a terminal: the lines, in the end and at every moment."""

import re
from collections.abc import Iterator

_PARTS = re.compile(r"\x1b\[(?P<number>\d*)(?P<code>[AKm])|\x1b\[[\d;]*m|(?P<char>[^\x1b])", re.DOTALL)


class Screen:
    """A terminal of so many columns that knows what progress needs, and no other code. Nothing scrolls away."""

    def __init__(self, columns: int) -> None:
        self.lines = [""]
        self._columns = columns
        self._row = self._column = 0

    def feed(self, text: str) -> None:
        """Show text; raises `AssertionError` for a code that has no place in it."""
        at = 0
        while at < len(text):
            part = _PARTS.match(text, at)
            assert part is not None, f"a code that is not known: {text[at : at + 12]!r}"
            at = part.end()
            if part["char"] is not None:
                self._put(part["char"])
            elif part["code"] == "A":
                self._row -= int(part["number"])
                assert self._row >= 0, "above the first line"
            elif part["code"] == "K":
                assert part["number"] == "2"
                self.lines[self._row] = ""

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(line.rstrip() for line in self.lines)

    def _put(self, char: str) -> None:
        if char == "\r":
            self._column = 0
            return
        if char == "\n" or self._column == self._columns:
            self._row, self._column = self._row + 1, 0
            self.lines += [""] * (self._row + 1 - len(self.lines))
        if char != "\n":
            line = self.lines[self._row].ljust(self._column)
            self.lines[self._row] = f"{line[: self._column]}{char}{line[self._column + 1 :]}"
            self._column += 1


def moments(text: str, columns: int) -> Iterator[str]:
    """Yield what is shown each time something was drawn over; what stands in the end comes last."""
    screen = Screen(columns)
    for part in re.split(r"(?<!\x1b\[1A)(?=\r\x1b\[2K)", text):
        screen.feed(part)
        yield screen.text
