import json

from reporting.runs import broken_report
from reporting.situations import DIAGNOSTICS, monday

from reconciler.model.plan import Plan
from reconciler.model.report import Report
from reconciler.reporting.jsonout import diagnostics_json, plan_json, report_json


def test_a_plan_survives_the_way_through_json() -> None:
    text = plan_json(monday())
    assert Plan.model_validate_json(text) == monday()
    assert text.startswith('{\n  "formatVersion": 1,\n')
    assert text.endswith("}\n")
    assert "€120" in text
    assert json.loads(text)["summary"]["newRecipients"] == 142


def test_a_report_survives_the_way_through_json() -> None:
    text = report_json(broken_report())
    assert Report.model_validate_json(text) == broken_report()
    assert json.loads(text)["results"][4]["outcome"] == "unknown"


def test_diagnostics_are_sorted_by_place_and_counted() -> None:
    document = json.loads(diagnostics_json(DIAGNOSTICS))
    assert [item["code"] for item in document["diagnostics"]] == ["empty", "token", "unknown-key", "n"]
    assert document["summary"] == {"errors": 3, "warnings": 0, "notes": 1}
