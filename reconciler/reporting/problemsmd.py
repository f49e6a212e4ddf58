"""What is wrong with files, in Markdown: what kept a plan or an apply from being made, and what `validate` found."""

from collections.abc import Iterable, Mapping, Sequence

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.model.campaign import Campaign
from reconciler.reporting.budget import COMMENT, Fit, Part, fitted
from reconciler.reporting.markdown import Document, code, cut, marker, prose, table_head, table_row
from reconciler.reporting.plandetailmd import problem_line
from reconciler.reporting.words import count

_TITLES: Mapping[Document, str] = {
    "plan": "Campaign plan",
    "apply": "Campaigns not applied",
    "validate": "Campaign files",
    "drift": "Campaigns not looked at",
}
_NAME = 80
_COLUMNS = ("Campaign", "Is to be", "Emails", "File")


def render_problems_markdown(
    diagnostics: Iterable[Diagnostic],
    what: Document,
    *,
    workspace: str,
    environment: str,
    fit: Fit = COMMENT,
) -> str:
    """Write what kept a plan or an apply from being made, under the marker that it would have had."""
    found = _sorted(diagnostics)
    heading = _heading(what, workspace, environment, f"❌ needs you: {_errors(found):,}")
    part = _problems(found)
    return fitted([heading, "This must be put right first; until then nothing is done.\n", part], [part], fit)


def render_validation_markdown(
    diagnostics: Iterable[Diagnostic],
    campaigns: Sequence[Campaign],
    *,
    workspace: str,
    environment: str,
    fit: Fit = COMMENT,
) -> str:
    """Write what `validate` found: what is wrong, then a row for each campaign that could be read.

    Left out are, in this order: rows from the end of the table, and what is wrong from its end.
    """
    found = _sorted(diagnostics)
    errors = _errors(found)
    told = f"❌ needs you: {errors:,}" if errors else f"{count(len(campaigns), 'campaign')} valid"
    problems = _problems(found)
    rows = Part(
        count=len(campaigns),
        pieces=lambda: map(_row, campaigns),
        frame=lambda text: table_head(_COLUMNS, figures=("Emails",)) + text,
        left=lambda left: f"{count(left, 'more campaign')}.",
        by_piece=True,
    )
    note = "Read offline, without a key: who is enrolled, and what has room, only a plan can tell.\n"
    parts: list[Part | str] = [_heading("validate", workspace, environment, told), problems, rows, note]
    return fitted(parts, [rows, problems], fit)


def _heading(what: Document, workspace: str, environment: str, told: str) -> str:
    title = f"## 📬 {_TITLES[what]} {code(cut(environment, _NAME))}"
    return f"{marker(what, workspace, environment)}{title} – {told}\n"  # noqa: RUF001 - a dash is meant


def _sorted(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    ranks = list(Severity)
    return sorted(diagnostics, key=lambda item: (ranks.index(item.severity), item.order))


def _errors(found: Iterable[Diagnostic]) -> int:
    return sum(item.severity is Severity.ERROR for item in found)


def _problems(found: Sequence[Diagnostic]) -> Part:
    return Part(
        count=len(found),
        pieces=lambda: map(problem_line, found),
        frame=str,
        left=lambda left: f"{count(left, 'more problem')}.",
        by_piece=True,
    )


def _row(campaign: Campaign) -> str:
    name, file = code(cut(campaign.key, _NAME)), code(cut(campaign.file, 2 * _NAME))
    return table_row((name, prose(campaign.status.value), f"{len(campaign.steps):,}", file))
