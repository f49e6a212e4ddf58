"""The texts people read: what would happen, what did happen, and what is wrong. Each is a pure function to `str`."""

from reconciler.reporting.diagnosticview import render_diagnostics
from reconciler.reporting.planview import render_plan
from reconciler.reporting.reportview import render_report

__all__ = ["render_diagnostics", "render_plan", "render_report"]
