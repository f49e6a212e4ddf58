"""What a nightly look found, in Markdown: the body of the one issue that tells of it."""

from collections.abc import Iterator, Sequence

from reconciler.model.drift import Drift, Drifted, Finding
from reconciler.reporting.budget import COMMENT, Fit, Part, fitted
from reconciler.reporting.driftview import NOTHING, TITLES, WAYS_OUT, counts, lines_of, place_of, read_words
from reconciler.reporting.markdown import code, cut, marker, prose
from reconciler.reporting.plandetailmd import reason_lines
from reconciler.reporting.words import count

_NAME = 80


def render_drift_markdown(drift: Drift, *, fit: Fit = COMMENT) -> str:
    """Write what was found under the marker of `markdown.marker`.

    Left out are, from the end of each: what was not applied, what waits, what was changed, and what needs somebody.
    """
    told = " · ".join(counts(drift)) or "as the files say"
    title = f"## 📬 Campaigns {code(cut(drift.environment, _NAME))} – {told}\n"  # noqa: RUF001 - a dash is meant
    heading = marker("drift", drift.workspace, drift.environment) + title
    found = {finding: [item for item in drift.found if item.finding is finding] for finding in Finding}
    parts = [_part(finding, items) for finding, items in found.items()]
    footer = f"{prose(cut(drift.workspace, _NAME // 2))} · {prose(read_words(drift))}\n"
    nothing = [] if drift.found else [f"{NOTHING}\n"]
    return fitted([heading, *nothing, *parts, footer], list(reversed(parts)), fit)


def _part(finding: Finding, items: Sequence[Drifted]) -> Part:
    return Part(
        count=len(items),
        pieces=lambda: map(_item, items),
        frame=lambda text: f"### {TITLES[finding]}\n\n{text}\n{WAYS_OUT[finding]}\n",
        left=lambda left: f"{count(left, 'more campaign')} ({TITLES[finding].lower()}).",
        by_piece=True,
    )


def _item(item: Drifted) -> str:
    return "".join(_lines(item))


def _lines(item: Drifted) -> Iterator[str]:
    name = code(cut(item.campaign, _NAME)) if item.campaign else "All campaigns"
    place = f" {code(cut(place_of(item), 2 * _NAME))}" if item.file else ""
    yield f"- **{name}**{place}\n"
    yield from reason_lines("\n".join(lines_of(item)))
