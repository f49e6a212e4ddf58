"""The JSON Schemas of `schemas/`, made from the models: what editors show, and what plan and state documents hold."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from reconciler.model.campaign import CampaignFile
from reconciler.model.plan import Plan
from reconciler.model.report import Report
from reconciler.model.state import State
from reconciler.model.workspace import WorkspaceFile

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EXTENSIONS = {"^x-": {"description": "Kept for yourself; reconciler ignores it."}}
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
"""What pydantic writes as it is where a bound holds for a union of types."""

_BODIES = ("bodyHtml", "bodyTemplate", "bodyText")
_BUDGETS = ("newRecipients", "forgets")
_CAMPAIGN_EXAMPLE = {
    "key": "vp-sales-q3",
    "name": "VP Sales - AI Workflow Q3",
    "status": "draft",
    "sequenceSteps": [{"subject": "Quick question, {{firstName}}", "bodyText": "Hi {{firstName}},", "delayDays": 0}],
    "leads": {"source": "leads:vp-sales-q3.csv"},
}
_WORKSPACE_EXAMPLE = {
    "workspace": "acme",
    "policy": {
        "timezone": "Europe/Berlin",
        "startWindow": {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "16:00"},
    },
    "allow": [{"newRecipients": 6000, "until": "2026-12-05", "reason": "Launch of the new product"}],
    "defaults": {"variables": {"sender": "Jamie"}},
    "environments": {"staging": {"overrides": {"status": "draft"}}},
}


def schema_texts() -> dict[str, str]:
    """Return the schemas by file name."""
    schemas = {
        "campaign": _campaign(),
        "workspace": _workspace(),
        "plan": _document(Plan, "Plan of reconciler (plan --format json)"),
        "receipt": _document(Report, "Receipt of reconciler (apply --receipt, apply --format json)"),
        "state": _document(State, "State of reconciler"),
    }
    return {
        f"{name}.schema.json": json.dumps(_tidied({"$schema": _DIALECT, **schema}), indent=2, ensure_ascii=False) + "\n"
        for name, schema in schemas.items()
    }


def write_schemas(folder: Path) -> list[Path]:
    """Write the schemas into a folder, which is made where it is missing; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in schema_texts().items():
        path = folder / name
        path.write_text(text, encoding="utf-8", newline="\n")
        paths.append(path)
    return paths


def _tidied(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """Write bounds in the standard's words, and leave out titles that only repeat a key."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidied: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            tidied[key] = {
                name: _tidied({part: content for part, content in field.items() if part != "title"})
                for name, field in value.items()
            }
        elif key in _BOUNDS and isinstance(value, (int, float)):
            tidied[_BOUNDS[key]] = value
        elif key in {"default", "examples", "enum", "const"}:
            tidied[key] = value
        else:
            tidied[key] = _tidied(value)
    return tidied


def _document(model: type[BaseModel], title: str) -> dict[str, Any]:
    """Return the schema of a document that this program writes itself."""
    return {**model.model_json_schema(mode="serialization"), "title": title}


def _authored(model: type[BaseModel], title: str, example: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a file that people write: `x-…` keys are welcome wherever the keys are fixed."""
    schema = model.model_json_schema(mode="validation")
    for part in (schema, *schema.get("$defs", {}).values()):
        if part.get("additionalProperties") is False:
            part["patternProperties"] = _EXTENSIONS
    return {**schema, "title": title, "examples": [example]}


def _campaign() -> dict[str, Any]:
    schema = _authored(CampaignFile, "Campaign of reconciler", _CAMPAIGN_EXAMPLE)
    _exactly_one(schema["$defs"]["StepFile"], _BODIES, "string")
    return schema


def _exactly_one(definition: dict[str, Any], names: tuple[str, ...], kind: str) -> None:
    """Say in the schema what the model checks in code: exactly one of these keys has a value, of this type."""
    definition["oneOf"] = [{"required": [name], "properties": {name: {"type": kind}}} for name in names]


def _workspace() -> dict[str, Any]:
    """Return the workspace's schema, with a campaign's keys where they are laid under or over campaigns."""
    schema = _authored(WorkspaceFile, "Workspace of reconciler", _WORKSPACE_EXAMPLE)
    _exactly_one(schema["$defs"]["AllowanceFile"], _BUDGETS, "integer")
    campaign = _campaign()
    definitions = schema["$defs"]
    for name, definition in campaign.pop("$defs").items():
        definitions[name] = definition
    # Only a list's items stand by themselves; of mappings, the rest may stand in the campaign.
    for partial in (campaign, definitions["LeadsFile"]):
        partial.pop("required", None)
    for name in ("key", "moved"):
        campaign["properties"].pop(name)
    definitions.pop("MovedFile")
    definitions["CampaignPart"] = {key: value for key, value in campaign.items() if key != "examples"} | {
        "title": "Keys of a campaign",
        "description": "Keys of a campaign, laid under or over those that the campaigns' files hold.",
    }
    part = {"$ref": "#/$defs/CampaignPart"}
    _refer(schema["properties"]["defaults"], part)
    environment = definitions["EnvironmentFile"]["properties"]
    _refer(environment["overrides"], part)
    _refer(environment["policy"], {"$ref": "#/$defs/PolicyFile"})
    return schema


def _refer(field: dict[str, Any], reference: dict[str, Any]) -> None:
    """Replace the type of a free mapping by a reference; its title and description stay."""
    for key in ("additionalProperties", "type"):
        field.pop(key, None)
    field.update(reference)
