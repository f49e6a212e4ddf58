"""Pages to look at: campaigns of every kind, as they are, and with strangers' text in every place."""

from datetime import UTC, datetime
from typing import Any

from reporting.situations import monday

from reconciler.model.campaign import SequenceStep
from reconciler.model.plan import Plan
from reconciler.reporting.entries import entries_of
from reconciler.reporting.previewcampaign import Shown
from reconciler.reporting.previewpage import Preview, render_preview
from reconciler.reporting.readers import made_up

AT = datetime(2026, 11, 30, 13, 2, tzinfo=UTC)


def step(subject: str = "Hello {{firstName}}", body: str = "<p>Hi {{firstName}},</p>", delay: int = 0) -> SequenceStep:
    return SequenceStep(subject=subject, body_html=body, delay_days=delay)


def shown(key: str = "one", *steps: SequenceStep, **fields: Any) -> Shown:
    """Make a campaign of the page: two emails unless told otherwise."""
    written = steps or (step(), step("Re: Hello", delay=3))
    described: dict[str, Any] = {
        "name": f"Campaign {key}",
        "place": f"specs/campaigns/{key}.yaml:1",
        "steps": written,
        "readers": made_up(None, written),
        **fields,
    }
    return Shown(key=key, **described)


def page(*campaigns: Shown, **fields: Any) -> str:
    described: dict[str, Any] = {
        "workspace": "acme",
        "environment": "production",
        "commit": "main@3f9c1e7",
        "at": AT,
        "timezone": "Europe/Berlin",
        **fields,
    }
    return render_preview(Preview(campaigns=campaigns, **described))


def planned(plan: Plan | None = None, **fields: Any) -> str:
    """Write the page of a plan, with two emails for each of its campaigns."""
    plan = plan or monday()
    entries = {entry.planned.key: entry for entry in entries_of(plan)}
    campaigns = [
        shown(item.key, name=item.name, planned=item, entry=entries.get(item.key), **fields) for item in plan.campaigns
    ]
    return page(*campaigns, plan=plan, problems=plan.diagnostics, environment=plan.environment)
