import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.loading.schemas import schema_texts, write_schemas
from reconciler.model.plan import Action, Base, Effect, Kind, Plan
from reconciler.model.state import CampaignState, State

COMMITTED = Path(__file__).parents[2] / "schemas"
STEP = {"subject": "s", "bodyText": "b"}
CAMPAIGN = {"key": "a", "name": "A"}
ALLOWANCE = {"newRecipients": 6000, "until": "2026-12-05", "reason": "r"}


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads(schema_texts()[f"{name}.schema.json"])
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_committed_schemas_are_fresh() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in COMMITTED.glob("*.json")}
    assert committed == schema_texts(), "write them again"


def test_schemas_can_be_written(tmp_path: Path) -> None:
    paths = write_schemas(tmp_path / "schemas")
    assert {path.name: path.read_text(encoding="utf-8") for path in paths} == schema_texts()


@pytest.mark.parametrize("name", ["campaign", "workspace", "plan", "receipt", "state"])
def test_editors_get_words(name: str) -> None:
    schema = json.loads(schema_texts()[f"{name}.schema.json"])
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["title"]
    assert schema["description"]
    assert "$id" not in schema
    if name in {"campaign", "workspace"}:
        for field in schema["properties"].values():
            definition = schema["$defs"].get(field.get("$ref", "").rpartition("/")[2], field)
            assert field.get("description") or definition.get("description")
        for example in schema["examples"]:
            validator(name).validate(example)


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("campaign", CAMPAIGN),
        ("campaign", CAMPAIGN | {"x-mine": [1], "sequenceSteps": [STEP | {"x-note": 1}], "owner": None}),
        ("campaign", CAMPAIGN | {"variables": {"a": "b", "c": 1, "d": 1.5, "e": True}}),
        ("workspace", {}),
        ("workspace", {"defaults": {"leads": {"columns": {"a": "b"}}, "sequenceSteps": [STEP]}}),
        ("workspace", {"environments": {"s": {"overrides": {"status": "draft"}, "policy": {"headroom": 5}}}}),
        ("workspace", {"allow": [ALLOWANCE, {**ALLOWANCE, "newRecipients": None, "forgets": 0}]}),
        ("workspace", {"policy": {"startWindow": {"days": ["mon"], "from": "08:00", "to": "16:00"}}, "x-a": 1}),
    ],
)
def test_schemas_accept_what_the_loader_accepts(name: str, document: dict[str, Any]) -> None:
    validator(name).validate(document)


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("campaign", {"key": "a"}),
        ("campaign", CAMPAIGN | {"onwer": "x"}),
        ("campaign", CAMPAIGN | {"status": "runing"}),
        ("campaign", CAMPAIGN | {"key": "A B"}),
        ("campaign", CAMPAIGN | {"sequenceSteps": [{"subject": "s"}]}),
        ("campaign", CAMPAIGN | {"sequenceSteps": [STEP | {"bodyHtml": "b"}]}),
        ("campaign", CAMPAIGN | {"sequenceSteps": [STEP | {"delayDays": -1}]}),
        ("campaign", CAMPAIGN | {"leads": {"columns": {}}}),
        ("workspace", {"defaults": {"key": "a"}}),
        ("workspace", {"defaults": {"onwer": "a"}}),
        ("workspace", {"environments": {"s": {"overrides": {"moved": {"from": "a"}}}}}),
        ("workspace", {"environments": {"s": {"policy": {"headrom": 1}}}}),
        ("workspace", {"policy": {"headroom": 101}}),
        ("workspace", {"policy": {"requestsPerSecond": 0}}),
        ("workspace", {"policy": {"maxForgets": -1}}),
        ("workspace", {"allow": [{**ALLOWANCE, "forgets": 1}]}),
        ("workspace", {"allow": [{**ALLOWANCE, "newRecipients": None}]}),
        ("workspace", {"allow": [{**ALLOWANCE, "until": "5 Dec"}]}),
        ("workspace", {"allow": [{"newRecipients": 5, "until": "2026-12-05"}]}),
        ("plan", {}),
        ("state", {"lineage": "x", "ledgerKeyId": "y", "unknown": 1}),
    ],
)
def test_schemas_refuse_what_is_wrong(name: str, document: dict[str, Any]) -> None:
    assert not validator(name).is_valid(document)


def test_plan_and_state_as_written_fit_their_schemas() -> None:
    now = datetime(2026, 11, 30, tzinfo=UTC)
    plan = Plan(
        tool="0.1.0",
        workspace="w",
        environment="default",
        created_at=now,
        base=Base(lineage="l", serial=1, specs="d"),
        digest="d",
        actions=(Action(campaign="a", kind=Kind.CREATE, effect=Effect.INERT),),
    )
    validator("plan").validate(json.loads(plan.model_dump_json()))
    known = CampaignState(id="camp_1", name="A", file="f", status="draft", steps_digest="d")
    state = State(lineage="l", ledger_key_id="k", campaigns={"a": known})
    validator("state").validate(json.loads(state.model_dump_json()))
