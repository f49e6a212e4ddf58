"""Findings as workflow commands of GitHub, which shows each at its line of a pull request.

A command is one line of the log (actions/toolkit, `command.ts`). GitHub shows at most ten of a type for each step. What
strangers wrote can neither end a command nor begin one: not in the log, where the runner writes a message that it has
decoded, either.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.model.plan import Action, ActionStatus, Plan
from reconciler.model.report import Outcome, Report
from reconciler.reporting.diagnosticview import message_of
from reconciler.reporting.entries import LOOKS, Group, entries_of
from reconciler.reporting.escape import guard, visible
from reconciler.reporting.markdown import cut
from reconciler.reporting.reportview import OUTCOMES, by_campaign, reasons_of
from reconciler.reporting.words import count, joined

OUTSIDE = "leads:"
"""How the names of lists begin that are outside the repository (`leads.source`)."""

MOST = 10
"""Annotations of one type that GitHub shows for a step."""

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_TITLE, _MESSAGE = 200, 4_000
_FAILED = {Outcome.FAILED, Outcome.UNKNOWN}


class Annotation(NamedTuple):
    """One finding; `file` is relative to the repository's root, lines and columns count from 1."""

    severity: Severity
    title: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None


def render_annotations(found: Iterable[Annotation]) -> str:
    """Write errors, then warnings, then notices, ten of each, and one line that counts the rest."""
    by_type: dict[Severity, list[Annotation]] = {severity: [] for severity in Severity}
    for item in dict.fromkeys(found):
        by_type[item.severity].append(item)
    lines = [_command(item) for items in by_type.values() for item in items[:MOST]]
    rest = [
        count(len(items) - MOST, f"more {_COMMANDS[severity]}")
        for severity, items in by_type.items()
        if len(items) > MOST
    ]
    if rest:
        lines.append(f"Not shown as annotations, of which GitHub takes {MOST} of a type: {joined(rest)}.")
    return "".join(f"{line}\n" for line in lines)


def of_diagnostics(found: Iterable[Diagnostic]) -> list[Annotation]:
    """Annotate each diagnostic at its place."""
    return [_of_diagnostic(item) for item in sorted(found, key=lambda item: item.order)]


def _of_diagnostic(item: Diagnostic) -> Annotation:
    told = _joined(message_of(item), item.hint or "")
    if item.file is not None and item.file.startswith(OUTSIDE):
        # It is no file of the repository, so GitHub has no line to show it at.
        return Annotation(item.severity, item.code, f"{item.place}: {told}")
    return Annotation(item.severity, item.code, told, item.file, item.line, item.column)


def of_plan(plan: Plan) -> list[Annotation]:
    """Annotate what is wrong, each campaign that needs somebody (an error), and each that waits (a notice)."""
    found = of_diagnostics(plan.diagnostics)
    for entry in entries_of(plan):
        if entry.group <= Group.SCHEDULED:
            severity = Severity.ERROR if entry.group is Group.NEEDS_YOU else Severity.NOTE
            actions = [action for action in entry.by_weight() if action.status is not ActionStatus.READY]
            title = f"{entry.planned.key} {LOOKS[entry.group].one}"
            planned = entry.planned
            place = next(((a.file, a.line) for a in actions if a.file), (planned.file, planned.line))
            found.append(Annotation(severity, title, _why(actions) or title, *place))
    return found


def of_report(report: Report, plan: Plan) -> list[Annotation]:
    """Annotate what an apply met: what failed, what is unknown or moved, what needs somebody (errors), what waits."""
    planned = {campaign.key: campaign for campaign in plan.campaigns}
    places = {(action.campaign, action.kind.value): (action.file, action.line) for action in plan.actions}
    campaigns = by_campaign(report.results, plan)
    moved = {item.campaign for item in report.moved}
    found = of_diagnostics(report.diagnostics)
    for outcome, look in OUTCOMES.items():
        for (key, why), kinds in reasons_of(outcome, campaigns, plan).items():
            severity = _severity(outcome, moved=key in moved)
            if severity is None:
                continue
            campaign = planned.get(key)
            file, line = next((places[key, kind] for kind in kinds if places.get((key, kind), ("",))[0]), (None, None))
            if file is None and campaign is not None:
                file, line = campaign.file, campaign.line
            title = f"{key} {look.one} ({', '.join(kinds)})"
            found.append(Annotation(severity, title, why or title, file, line))
    return found


def _severity(outcome: Outcome, *, moved: bool) -> Severity | None:
    if outcome in _FAILED or outcome is Outcome.BLOCKED or (moved and outcome is not Outcome.DONE):
        return Severity.ERROR
    if outcome is Outcome.NOT_ATTEMPTED:
        return Severity.WARNING
    return Severity.NOTE if outcome in {Outcome.HELD, Outcome.SCHEDULED} else None


def _why(actions: Iterable[Action]) -> str:
    actions = list(actions)
    failed = (item.detail for action in actions for item in action.guards if item.passed is False)
    reasons = [action.reason for action in actions if action.reason] or list(failed)
    return "\n".join(dict.fromkeys(reasons))


def _joined(message: str, hint: str) -> str:
    return f"{message}\n{hint}" if hint else message


def _command(item: Annotation) -> str:
    properties = [f"{name}={_property(str(value))}" for name, value in _properties(item) if value is not None]
    lines = "\n".join(visible(line) for line in re.split(r"\r?\n", cut(item.message, _MESSAGE)))
    return f"::{_COMMANDS[item.severity]} {','.join(properties)}::{_data(guard(lines))}"


def _properties(item: Annotation) -> list[tuple[str, str | int | None]]:
    placed = item.file is not None
    return [
        ("file", item.file),
        ("line", item.line if placed else None),
        ("col", item.column if placed and item.line is not None else None),
        ("title", cut(item.title, _TITLE)),
    ]


def _data(text: str) -> str:
    """Escape a message as `escapeData` of actions/toolkit does."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a property as `escapeProperty` of actions/toolkit does."""
    return _data(guard(visible(text))).replace(":", "%3A").replace(",", "%2C")
