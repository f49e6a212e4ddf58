"""Saved plans: what was tampered with, cut off, or meant for another place is refused, and said what it is."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from reporting.situations import PLANS, monday
from support.examples import examples
from support.planworlds import World, worlds
from support.world import REPOSITORY

from reconciler.diagnostics import StateError
from reconciler.model.plan import Plan
from reconciler.planning.planner import make_plan
from reconciler.store import planfile
from reconciler.store.planfile import encode, read_plan

KEY = bytes(range(32))
PLACE = {"lineage": "4f0c", "environment": "production"}


def read(path: Path, key: bytes = KEY, **place: str) -> Plan:
    return read_plan(path, **{**PLACE, **place}, key=key)


def refusal(path: Path, key: bytes = KEY, **place: str) -> tuple[str, str]:
    with pytest.raises(StateError) as caught:
        read(path, key, **place)
    (found,) = caught.value.diagnostics
    assert found.hint
    assert str(path) in found.message
    return found.code, found.message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


@pytest.fixture
def document(path: Path) -> dict[str, Any]:
    path.write_text(encode(monday(), KEY))
    document: dict[str, Any] = json.loads(path.read_text())
    return document


@pytest.mark.parametrize("name", PLANS)
def test_a_saved_plan_is_read_as_it_was(path: Path, name: str) -> None:
    path.write_text(encode(PLANS[name](), KEY))
    assert read(path) == PLANS[name]()


@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds())
def test_any_plan_is_read_as_it_was(path: Path, world: World) -> None:
    plan = make_plan(world.inputs())
    path.write_text(encode(plan, KEY))
    assert read(path, environment="default") == plan


def test_it_is_the_plan_of_the_schema_and_a_seal(document: dict[str, Any]) -> None:
    seal = document.pop("seal")
    assert len(seal) == 64
    schema = json.loads((REPOSITORY / "schemas" / "plan.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)


def test_white_space_and_order_are_no_part_of_it(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(dict(reversed(document.items()))))
    assert read(path) == monday()


def test_truncated_anywhere(path: Path, document: dict[str, Any]) -> None:
    whole = path.read_bytes()
    assert document
    for end in [*range(0, len(whole) - 2, 97), len(whole) - 2]:
        path.write_bytes(whole[:end])
        assert refusal(path)[0] == "plan-file-damaged"


def leaves(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every value in a document that is no container."""
    if isinstance(value, dict) and value:
        return [path for key, item in value.items() for path in leaves(item, (*at, key))]
    if isinstance(value, list) and value:
        return [path for index, item in enumerate(value) for path in leaves(item, (*at, index))]
    return [at]


def changed(value: Any) -> Any:
    """Return another value of the same kind, one that the format allows where that is possible."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case None:
            return 7
        case str():
            return value + "x"
        case _:
            return [7]


def test_every_field_edited(path: Path, document: dict[str, Any]) -> None:
    """Whatever is edited, the plan is refused; where the format allows the value, it is the seal that tells."""
    text = json.dumps(document)
    codes = set()
    places = leaves(document)
    assert len(places) > 150
    for place in places:
        edited = json.loads(text)
        holder = edited
        for part in place[:-1]:
            holder = holder[part]
        holder[place[-1]] = changed(holder[place[-1]])
        path.write_text(json.dumps(edited))
        codes.add(refusal(path)[0])
    assert codes == {"plan-file-damaged", "plan-file-edited", "plan-file-newer", "plan-file-other"}


@pytest.mark.parametrize("name", ["receive", "newRecipients"])
def test_an_edited_number_of_people_is_an_edit(path: Path, document: dict[str, Any], name: str) -> None:
    holder = document["summary"] if name in document["summary"] else document["campaigns"][0]["people"]
    holder[name] += 1
    path.write_text(json.dumps(document))
    assert refusal(path)[0] == "plan-file-edited"


def test_digests_that_were_made_anew_help_nobody(path: Path, document: dict[str, Any]) -> None:
    path.write_text(encode(monday().model_copy(update={"digest": "another"}), b"\0" * 32))
    assert refusal(path)[0] == "plan-file-edited"
    path.write_text(json.dumps({**document, "seal": ""}))
    assert refusal(path)[0] == "plan-file-edited"
    path.write_text(json.dumps({**document, "seal": "\udfff"}))
    assert refusal(path)[0] == "plan-file-edited"


def test_other_places(path: Path, document: dict[str, Any]) -> None:
    assert document
    assert refusal(path, lineage="77aa") == (
        "plan-file-other",
        f"the plan in {path} is for the state 4f0c, and this one is 77aa",
    )
    assert refusal(path, environment="staging") == (
        "plan-file-other",
        f"the plan in {path} is for the environment production, not staging",
    )
    assert refusal(path, key=b"\0" * 32, environment="staging")[0] == "plan-file-other"
    assert refusal(path, key=b"\0" * 32)[0] == "plan-file-edited"


def test_a_newer_format(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps({"formatVersion": 2, "whatever": document}))
    code, message = refusal(path)
    assert code == "plan-file-newer"
    assert "format version 2" in message


DAMAGED = {
    "empty": b"",
    "not JSON": b"reconciler",
    "not UTF-8": b"\xff\xfe{}",
    "another encoding": "{}".encode("utf-16"),
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "no fields": b"{}",
    "fields of others": b'{"ada@example.com": 1, "formatVersion": 1}',
    "no number": b'{"formatVersion": "2"}',
    "too deep": b'{"a": ' * 100_000,
    "too many digits": b'{"formatVersion": ' + b"9" * 10_000 + b"}",
    "a surrogate": b'{"formatVersion": 1, "tool": "\\ud800"}',
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged(path: Path, name: str) -> None:
    path.write_bytes(DAMAGED[name])
    code, message = refusal(path)
    assert code == "plan-file-damaged"
    assert "ada@" not in message
    assert len(message) < len(str(path)) + 300


def test_fields_that_are_missing_or_unknown(path: Path, document: dict[str, Any]) -> None:
    for name in document:
        path.write_text(json.dumps({key: value for key, value in document.items() if key != name}))
        assert refusal(path)[0] in {"plan-file-damaged", "plan-file-edited"}
    path.write_text(json.dumps({**document, "extra": 1}))
    assert refusal(path)[0] == "plan-file-damaged"


def test_huge(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(encode(monday(), KEY))
    monkeypatch.setattr(planfile, "LARGEST", path.stat().st_size)
    assert read(path) == monday()
    monkeypatch.setattr(planfile, "LARGEST", path.stat().st_size - 1)
    assert refusal(path)[0] == "plan-file-damaged"


def test_no_file(path: Path) -> None:
    assert refusal(path)[0] == "plan-file-missing"
    path.mkdir()
    assert refusal(path) == ("plan-file-missing", f"{path} cannot be read: is a directory")
    assert refusal(path / "x" / "y")[0] == "plan-file-missing"


def test_a_file_of_somebody_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert refusal(path) == ("plan-file-missing", f"{path} cannot be read: permission denied")


@examples(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60))
def test_whatever_stands_in_it_is_told_as_damaged(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert refusal(path)[0] == "plan-file-damaged"
