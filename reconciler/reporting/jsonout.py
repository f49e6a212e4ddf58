"""Plan, report and diagnostics as JSON documents: two-space indentation, the contract's field names, one line end."""

import json
from collections.abc import Iterable
from typing import Any

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.model.drift import Drift
from reconciler.model.plan import ForecastDay, Plan
from reconciler.model.report import Report
from reconciler.model.status import Overview
from reconciler.reporting.escape import json_escapes


def plan_json(plan: Plan) -> str:
    """Write a plan as `schemas/plan.schema.json` describes it."""
    return _document(plan.model_dump(mode="json", by_alias=True))


def forecast_json(plan: Plan, days: Iterable[ForecastDay]) -> str:
    """Write these days, when each campaign of the plan sends, and what cannot be seen."""
    sending = {item.key: item.sending.model_dump(mode="json") for item in plan.campaigns if item.sending is not None}
    told = [item.model_dump(mode="json") for item in days]
    return _document({"forecast": told, "campaigns": sending, "notCounted": list(plan.not_counted)})


def report_json(report: Report) -> str:
    """Write a report."""
    return _document(report.model_dump(mode="json", by_alias=True))


def status_json(overview: Overview) -> str:
    """Write how the campaigns are doing."""
    return _document(overview.model_dump(mode="json", by_alias=True))


def drift_json(drift: Drift) -> str:
    """Write what a nightly look found."""
    return _document(drift.model_dump(mode="json", by_alias=True))


def diagnostics_json(diagnostics: Iterable[Diagnostic]) -> str:
    """Write diagnostics by place, and how many there are of each severity."""
    found = sorted(diagnostics, key=lambda item: item.order)
    counts = {f"{severity.value}s": sum(item.severity is severity for item in found) for severity in Severity}
    return _document({"diagnostics": [item.model_dump(mode="json") for item in found], "summary": counts})


def _document(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return json_escapes(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"
