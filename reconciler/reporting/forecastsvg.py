"""The forecast as a picture: a stacked bar a day, self-contained, readable without colour and by a screen reader."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from reconciler.model.plan import ForecastDay
from reconciler.reporting.days import is_empty, is_full, name_of, span, stretches
from reconciler.reporting.escape import guard, visible

MOST_NAMED = 6
"""So many campaigns have a colour of their own; the others share one."""

OTHERS = "others"
_NO_XML = re.compile("[\ufffe\uffff]")
_LEFT, _RIGHT, _TOP = 64, 24, 64
_HEIGHT = 240
_FOOT = 44
_LINE = 22
_NARROWEST = 640
_SLOTS = ((14, 44), (31, 26), (120, 14))
_NARROW_SLOT = 6
_WIDEST_SLOT = 80
_FIGURE_SLOT, _NAMED_SLOT, _NUMBERED_SLOT, _MARKED_SLOT = 60, 40, 24, 12
_THOUSAND = 1_000
_BEYOND = 1.4
_CHARACTER = 7.2
_WEEK = 7

_STYLE = """
.c0{fill:#0072b2}.c1{fill:#d55e00}.c2{fill:#009e73}.c3{fill:#cc79a7}.c4{fill:#e69f00}.c5{fill:#56b4e9}.c6{fill:#7f7f7f}
.paper{fill:#fff}.ink{fill:#1f2328}.soft{fill:#59636e}.seam{stroke:#fff}.grid{stroke:#d1d9e0}.line{stroke:#1f2328}
text{font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;font-size:12px}
.name{font-size:15px;font-weight:600}.full{font-weight:700}
@media(prefers-color-scheme:dark){
.c0{fill:#4aa3df}.c1{fill:#f08a3c}.c2{fill:#2dbd91}.c3{fill:#e08fc0}.c4{fill:#f2bd42}.c5{fill:#8ccff2}.c6{fill:#9aa0a6}
.paper{fill:#0d1117}.ink{fill:#e6edf3}.soft{fill:#9198a1}.seam{stroke:#0d1117}.grid{stroke:#3d444d}.line{stroke:#e6edf3}
}"""


class _Scale(NamedTuple):
    """Where things are, in units of the picture. `most` emails are as high as the chart."""

    width: float
    slot: float
    most: int

    def left(self, number: int) -> float:
        return _LEFT + number * self.slot

    def top(self, emails: float) -> float:
        return _TOP + _HEIGHT * (1 - emails / self.most)


def svg(days: Sequence[ForecastDay], *, title: str = "Emails a day") -> str:
    """Draw the days as an SVG document, ended with a line end.

    Each day stacks its emails by campaign: the `MOST_NAMED` largest of all days by name, the others together. A dashed
    line is the room. What a full day rolls over stands hatched on top of it, with its number. The picture has no script
    and asks for nothing outside it; light and dark follow the reader's choice.
    """
    names = _named(days)
    scale = _scale(days)
    legend = list(_legend_lines(_keys(days, names), scale.width))
    height = _TOP + _HEIGHT + _FOOT + _LINE * len(legend) + 12
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {_number(scale.width)} {height}",
            "width": _number(scale.width),
            "height": str(height),
            "role": "img",
            "aria-labelledby": "forecast-title forecast-desc",
        },
    )
    _add(root, "title", title, id="forecast-title")
    _add(root, "desc", _description(days), id="forecast-desc")
    _add(root, "style", _STYLE)
    pattern = _add(_add(root, "defs"), "pattern", id="over", width="6", height="6", patternUnits="userSpaceOnUse")
    _add(pattern, "path", d="M-1,1l2,-2M0,6l6,-6M5,7l2,-2", **{"class": "line", "stroke-width": "1.5"})
    _add(root, "rect", **{"class": "paper", "width": "100%", "height": "100%"})
    _add(root, "text", title, x=str(_LEFT), y="26", **{"class": "ink name"})
    _axis(root, scale)
    for number, item in enumerate(days):
        _day(root, scale, number, item, names)
    _room(root, scale, days)
    for row, line in enumerate(legend):
        _legend(root, line, _TOP + _HEIGHT + _FOOT + _LINE * row)
    return guard(ET.tostring(root, encoding="unicode")) + "\n"


def _named(days: Sequence[ForecastDay]) -> list[str]:
    """Choose the campaigns that are named, the largest first."""
    totals: dict[str, int] = {}
    for item in days:
        for key, sent in item.campaigns.items():
            totals[key] = totals.get(key, 0) + sent
    sending = sorted((key for key, sent in totals.items() if sent), key=lambda key: (-totals[key], key))
    return sending[:MOST_NAMED]


def _parts(item: ForecastDay, names: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    """Yield class, name and emails of each part of a day's bar, from the bottom."""
    rest = item.sent
    for number, key in enumerate(names):
        sent = item.campaigns.get(key, 0)
        rest -= sent
        if sent:
            yield f"c{number}", key, sent
    if rest > 0:
        yield f"c{MOST_NAMED}", OTHERS, rest


def _scale(days: Sequence[ForecastDay]) -> _Scale:
    slot: float = next((slot for most, slot in _SLOTS if len(days) <= most), _NARROW_SLOT)
    slot = max(slot, min(_WIDEST_SLOT, (_NARROWEST - _LEFT - _RIGHT) / max(1, len(days))))
    width = max(_NARROWEST, _LEFT + _RIGHT + slot * len(days))
    fits = max((max(item.capacity, item.sent) for item in days), default=0)
    due = max((item.sent + item.rolled_over for item in days), default=0)
    # A backlog many times the room would leave nothing of the days to see.
    return _Scale(width, slot, max(1, round(min(due, fits * _BEYOND)) if due > fits else fits))


def _axis(root: ET.Element, scale: _Scale) -> None:
    for tick in _ticks(scale.most):
        y = _number(scale.top(tick))
        _add(root, "path", d=f"M{_LEFT},{y}H{_number(scale.width - _RIGHT)}", **{"class": "grid", "fill": "none"})
        _add(root, "text", f"{tick:,}", x=str(_LEFT - 8), y=y, dy="4", **{"class": "soft", "text-anchor": "end"})


def _ticks(most: int) -> range:
    """Choose four or five round numbers from 0 on."""
    step = 1
    for step in (factor * 10**power for power in range(16) for factor in (1, 2, 5)):
        if most / step <= 5:  # noqa: PLR2004 - as many lines at most
            break
    return range(0, most + 1, step)


def _day(root: ET.Element, scale: _Scale, number: int, item: ForecastDay, names: Sequence[str]) -> None:
    gap = min(4.0, scale.slot * 0.15)
    place = {"x": _number(scale.left(number) + gap), "width": _number(scale.slot - 2 * gap)}
    middle = _number(scale.left(number) + scale.slot / 2)
    group = _add(root, "g", **{"data-day": item.date, "data-sent": str(item.sent), "data-over": str(item.rolled_over)})
    _add(group, "title", _told(item))
    below = 0
    for style, key, sent in _parts(item, names):
        top = scale.top(below + sent)
        size = _number(scale.top(below) - top)
        box = _add(group, "rect", y=_number(top), height=size, **place, **{"class": f"{style} seam"})
        _add(box, "title", f"{name_of(item.date)}, {key}: {sent:,}")
        below += sent
    if is_full(item):
        top = scale.top(min(scale.most, below + item.rolled_over))
        size = _number(scale.top(below) - top)
        _add(group, "rect", y=_number(top), height=size, fill="url(#over)", **place, **{"class": "over line"})
        words = _over(item.rolled_over, scale.slot)
        _add(group, "text", words, x=middle, y=_number(top - 5), **{"class": "ink full", "text-anchor": "middle"})
    for line, words in enumerate(_label(item, number, scale.slot)):
        y = str(_TOP + _HEIGHT + 16 + 14 * line)
        _add(group, "text", words, x=middle, y=y, **{"class": "ink" if line == 0 else "soft", "text-anchor": "middle"})


def _over(emails: int, slot: float) -> str:
    """Mark a full day, with the figure where it has room: the exact one is in the day's title."""
    if slot < _NAMED_SLOT:
        return "!"
    return f"+{emails:,}" if slot >= _FIGURE_SLOT or emails < _THOUSAND else f"+{emails / _THOUSAND:,.0f}k"


def _label(item: ForecastDay, number: int, slot: float) -> list[str]:
    """Name a day below its bar, in as many words as there is room for."""
    weekday, _, rest = name_of(item.date).partition(" ")
    if slot >= _NAMED_SLOT:
        return [weekday, rest]
    if slot >= _NUMBERED_SLOT:
        return [weekday, rest] if number % 2 == 0 else [weekday]
    every = _WEEK if slot >= _MARKED_SLOT else 2 * _WEEK
    return [weekday, rest] if number % every == 0 else []


def _room(root: ET.Element, scale: _Scale, days: Sequence[ForecastDay]) -> None:
    """Draw how much fits into each day."""
    steps = [
        f"{'M' if number == 0 else 'L'}{_number(scale.left(number))},{_number(scale.top(item.capacity))}"
        f"H{_number(scale.left(number + 1))}"
        for number, item in enumerate(days)
    ]
    if steps:
        look = {"class": "line room", "stroke-width": "2", "stroke-dasharray": "6 4"}
        _add(root, "path", d="".join(steps), fill="none", **look)


_Key = tuple[str, str]


def _keys(days: Sequence[ForecastDay], names: Sequence[str]) -> list[_Key]:
    """Choose what the legend explains: what is drawn."""
    drawn = {style for item in days for style, _, _ in _parts(item, names)}
    keys = [(f"c{number}", _shortened(key)) for number, key in enumerate(names)]
    keys += [(f"c{MOST_NAMED}", OTHERS)] if f"c{MOST_NAMED}" in drawn else []
    keys.append(("room", "room"))
    if any(map(is_full, days)):
        keys.append(("over", "more than there is room for: waits for the next day"))
    return keys


def _legend_lines(keys: Sequence[_Key], width: float) -> Iterator[list[tuple[float, _Key]]]:
    """Part what the legend says into lines; each key with where it begins."""
    line: list[tuple[float, _Key]] = []
    at = float(_LEFT)
    for key in keys:
        wide = 18 + _CHARACTER * len(key[1]) + 18
        if line and at + wide > width - _RIGHT:
            yield line
            line, at = [], float(_LEFT)
        line.append((at, key))
        at += wide
    yield line


def _shortened(key: str) -> str:
    shown = visible(key)
    return shown if len(shown) <= 40 else f"{shown[:39]}…"  # noqa: PLR2004 - one line of the legend


def _legend(root: ET.Element, line: Sequence[tuple[float, _Key]], top: float) -> None:
    for at, (style, words) in line:
        box = {"x": _number(at), "y": _number(top), "width": "12", "height": "12"}
        if style == "room":
            look = {"class": "line", "stroke-width": "2", "stroke-dasharray": "6 4"}
            _add(root, "path", d=f"M{_number(at)},{_number(top + 6)}h14", fill="none", **look)
        elif style == "over":
            _add(root, "rect", fill="url(#over)", **box, **{"class": "line"})
        else:
            _add(root, "rect", **box, **{"class": style})
        _add(root, "text", words, x=_number(at + 18), y=_number(top + 10), **{"class": "ink"})


def _description(days: Sequence[ForecastDay]) -> str:
    """Say in words what is drawn."""
    told = [f"{span(run)}: nothing." if is_empty(run[0]) else _told(run[0]) for run in stretches(days)]
    return " ".join(told) if told else "Nothing is to be sent."


def _told(item: ForecastDay) -> str:
    words = f"{name_of(item.date)}: {item.sent:,} of {item.capacity:,}"
    return f"{words}, full, {item.rolled_over:,} roll over." if is_full(item) else f"{words}."


def _add(parent: ET.Element, name: str, words: str | None = None, **attributes: str) -> ET.Element:
    made = ET.SubElement(parent, name, {key: _clean(text) for key, text in attributes.items()})
    if words is not None:
        made.text = words if name == "style" else _clean(words)
    return made


def _clean(words: str) -> str:
    return _NO_XML.sub("\ufffd", visible(words))


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
