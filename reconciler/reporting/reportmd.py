"""What an apply did, in Markdown: what needs somebody first, a row a campaign, why the rest waits, what to run next."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.diagnostics import Severity
from reconciler.model.plan import Plan
from reconciler.model.report import ActionResult, Outcome, Report
from reconciler.reporting.budget import COMMENT, Fit, Part, fitted
from reconciler.reporting.markdown import code, cut, folded, marker, prose, sentence, table_head, table_row
from reconciler.reporting.plandetailmd import problem_line, reason_lines
from reconciler.reporting.reportview import (
    OUTCOMES,
    became,
    brought_up_to_date,
    by_campaign,
    last_counts,
    look_of,
    reasons_of,
    total_words,
)
from reconciler.reporting.words import count, moment, zone_of

_NAME, _WORDS, _LINE = 80, 160, 600
_COLUMNS = ("Campaign", "What became of it", "Enrolled", "Queued")
_FIGURES = ("Enrolled", "Queued")
_NEEDS = (Outcome.UNKNOWN, Outcome.FAILED, Outcome.BLOCKED)
_LATER = (Outcome.HELD, Outcome.SCHEDULED, Outcome.NOT_ATTEMPTED)
_MARKS = {"✓": "✅", "✗": "❌", "◷": "⏳", "?": "❓"}
_NOT_DONE = "⚪"
_DASH = "–"  # noqa: RUF001 - a dash is meant

_Campaigns = Mapping[str, Sequence[ActionResult]]


def render_report_markdown(report: Report, plan: Plan, *, fit: Fit = COMMENT) -> str:
    """Write what an apply did with a plan. Its first line is the marker of `markdown.marker`.

    At most `fit.max_bytes` are written, in UTF-8; at least `budget.SMALLEST` are needed. Left out are, in this order:
    warnings and notes, why the rest waits, what to run next, rows of the table from its end, and what needs somebody
    from its end.
    """
    campaigns = by_campaign(report.results, plan)
    errors = [item for item in report.diagnostics if item.severity is Severity.ERROR]
    others = [item for item in report.diagnostics if item.severity is not Severity.ERROR]
    needs_items = [(outcome, told) for outcome in _NEEDS for told in reasons_of(outcome, campaigns, plan).items()]
    later_items = [(outcome, told) for outcome in _LATER for told in reasons_of(outcome, campaigns, plan).items()]
    needs = Part(
        count=len(errors) + len(needs_items),
        pieces=lambda: _chained(map(problem_line, errors), map(_reasoned, needs_items)),
        frame=lambda text: f"### ❌ Needs you\n\n{text}",
        left=lambda left: f"{count(left, 'more thing')} that {'needs' if left == 1 else 'need'} you.",
        by_piece=True,
    )
    rows = Part(
        count=len(campaigns),
        pieces=lambda: _rows(campaigns, brought_up_to_date(plan)),
        frame=lambda text: table_head(_COLUMNS, figures=_FIGURES) + text,
        left=lambda left: f"{count(left, 'more campaign')} of this run.",
        by_piece=True,
    )
    later = Part(
        count=len(later_items),
        pieces=lambda: map(_reasoned, later_items),
        frame=lambda text: folded("⏳ What was not done, and why", text),
        left=lambda _: "what was not done, and why.",
    )
    notes = Part(
        count=len(others),
        pieces=lambda: map(problem_line, others),
        frame=str,
        left=lambda left: f"{count(left, 'note')}.",
        by_piece=True,
    )
    following = Part(
        count=len(report.next),
        pieces=lambda: (f"- Next: {sentence(cut(line, _LINE))}\n" for line in report.next),
        frame=str,
        left=lambda left: f"{count(left, 'more thing')} to do next.",
        by_piece=True,
    )
    parts: list[Part | str] = [
        _heading(report, plan, campaigns),
        needs,
        rows,
        following,
        later,
        notes,
        _footer(report, plan),
    ]
    return fitted(parts, [notes, later, following, rows, needs], fit)


def _chained(*parts: Iterable[str]) -> Iterator[str]:
    for part in parts:
        yield from part


def _heading(report: Report, plan: Plan, campaigns: _Campaigns) -> str:
    words = total_words(plan, campaigns) if report.results else ["There was nothing to do"]
    told = f"{marker('apply', plan.workspace, plan.environment)}## 📬 Campaigns applied "
    told += f"{code(cut(plan.environment, _NAME))} – {' · '.join(words[1:]) or 'nothing to do'}\n"  # noqa: RUF001
    told += f"\n**{words[0]}.**\n"
    if report.interrupted:
        told += "\nInterrupted: the run was told to end before it was through.\n"
    return told


def _reasoned(item: tuple[Outcome, tuple[tuple[str, str], list[str]]]) -> str:
    outcome, ((key, why), kinds) = item
    told = f"- **{code(cut(key, _NAME))}** {', '.join(kinds)}: {OUTCOMES[outcome].title}\n"
    return told + "".join(reason_lines(why))


def _rows(campaigns: _Campaigns, brought: Mapping[str, int]) -> Iterator[str]:
    for key, results in campaigns.items():
        mark = look_of(results).mark
        words, details = became(results, brought.get(key))
        told = f"{words} ({details})" if details else words
        counts = last_counts(results)
        figures = (f"{counts[name]:,}" if name in counts else _DASH for name in ("leadsEnrolled", "queuedMessages"))
        name = f"{_MARKS.get(mark, _NOT_DONE)} {code(cut(key, _NAME))}"
        yield table_row((name, prose(cut(told, _WORDS)), *figures))


def _footer(report: Report, plan: Plan) -> str:
    zone, place = zone_of(plan.timezone)
    ended = f"{moment(report.finished_at.astimezone(zone))} {prose(place)}"
    return f"Plan {code(plan.digest[:8])} · {prose(cut(plan.workspace, _NAME // 2))} · ended {ended}\n"
