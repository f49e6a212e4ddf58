"""Bars at the foot of a terminal, drawn by rich. Imports it, so that whoever draws none imports this module neither.

The cursor is not hidden: whatever ends the process, or suspends it, the terminal is as it was.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TextIO, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import Segment, Segments
from rich.table import Column, Table
from rich.text import Text

_MOST = 8
_INDENT = "  "
_SHORTEST_NAME, _LONGEST_NAME = 12, 32
_SHORTEST_BAR, _LONGEST_BAR = 8, 40


class Row(NamedTuple):
    """What one bar shows. `total` is None before the first batch; an empty text is left out."""

    campaign: str
    done: int
    total: int | None
    rate: str
    left: str


class BarView:
    """Draws bars where the cursor is, each time over the last ones, until they are erased; one thread at a time.

    A stream that is closed or broken raises nothing.
    """

    def __init__(self, stream: TextIO, *, color: bool) -> None:
        self._console = _Console(
            file=cast("TextIO", _Deaf(stream)),
            force_terminal=True,
            force_interactive=True,
            color_system="auto" if color else None,
            # It would draw what is done and what is not alike.
            no_color=False,
        )
        self._shown = Group()
        self._live = Live(
            console=self._console,
            get_renderable=lambda: self._shown,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def draw(self, rows: Sequence[Row], above: str = "") -> None:
        """Draw the bars, with `above` (whole lines, written as they are) over them."""
        self._shown = self._table(rows)
        # Held back until the block ends, so that it is one write.
        with self._console:
            self._live.start()
            self._live.refresh()
            if above:
                self._console.print(Segments([Segment(above)]), soft_wrap=True)

    def erase(self) -> None:
        """Take the bars away for good; the cursor stands where they began."""
        self._live.stop()

    def _table(self, rows: Sequence[Row]) -> Group:
        # A `^C` that is typed is echoed behind the last bar: without room for it there would be a line more.
        width = self._console.width - len("^C") - len(_INDENT)
        room = max(1, min(_MOST, self._console.height - 2))
        shown = rows[:room]
        layout = _layout(shown, width)
        table = Table.grid(
            *(Column(width=wide, no_wrap=True, overflow="ellipsis", justify=_SIDES[name]) for name, wide in layout),
            padding=(0, 1, 0, 0),
        )
        for row in shown:
            cells: dict[str, RenderableType] = {
                "name": Text(_INDENT + row.campaign),
                "bar": ProgressBar(total=1 if row.total is None else row.total, completed=row.done),
                "figures": Text(_figures(row)),
                "rate": Text(row.rate),
                "left": Text(row.left),
            }
            table.add_row(*(cells[name] for name, _ in layout))
        more = (Text(f"{_INDENT}and {len(rows) - room} more"),) if len(rows) > room else ()
        return Group(table, *more)


_SIDES: Mapping[str, Literal["left", "right"]] = {
    "name": "left",
    "bar": "left",
    "figures": "right",
    "rate": "right",
    "left": "left",
}


def _layout(rows: Sequence[Row], width: int) -> list[tuple[str, int]]:
    """Choose columns and their widths. What there is no room for is left out, the rate first; figures are never cut."""
    needs = {
        "bar": _SHORTEST_BAR,
        "figures": max(len(_figures(row)) for row in rows),
        # Room from the beginning, so that the bars keep their length.
        "rate": max(len("1,000 a second"), *(len(row.rate) for row in rows)),
        "left": max(len("a few seconds left"), *(len(row.left) for row in rows)),
    }
    longest = max(len(row.campaign) for row in rows)
    names = ["bar", "figures", "rate", "left"]
    for unneeded in ("rate", "bar", "left"):
        if width - sum(needs[name] + 1 for name in names) < min(longest, _SHORTEST_NAME):
            names.remove(unneeded)
    spare = width - sum(needs[name] + 1 for name in names)
    name_width = max(1, min(longest, _LONGEST_NAME, spare))
    needs["bar"] += max(0, min(_LONGEST_BAR - _SHORTEST_BAR, spare - name_width))
    return [("name", len(_INDENT) + name_width), *((name, needs[name]) for name in names)]


def _figures(row: Row) -> str:
    return "enrolling" if row.total is None else f"{row.done:,} of {row.total:,}"


class _Console(Console):
    def show_cursor(self, show: bool = True) -> bool:  # noqa: FBT001, FBT002, ARG002 - rich's signature
        return False


class _Deaf:
    """A stream that writes what it can: rich ends the process where it meets a broken pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:
        return self._stream.encoding

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return True
