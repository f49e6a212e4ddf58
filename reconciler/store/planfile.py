"""A plan as a file: an approval that says by itself whether it is whole, unchanged, and meant for this state."""

import hmac
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reconciler.diagnostics import Diagnostic, StateError, error
from reconciler.model.base import canonical
from reconciler.model.plan import PLAN_FORMAT_VERSION, Plan

LARGEST = 256 * 1024 * 1024
"""Bytes. A plan for ten thousand campaigns has about a tenth of it."""

_SHOWN = 80
_PURPOSE = b"reconciler plan file\n"
_AGAIN = "make it anew with `reconciler plan --out`, and have that reviewed; nothing was done"


def encode(plan: Plan, key: bytes) -> str:
    """Write a plan as JSON with its `seal`: an HMAC over all the rest, with the ledger key of its state."""
    document = plan.model_dump(mode="json", by_alias=True)
    return json.dumps({**document, "seal": _seal(document, key)}, indent=2, ensure_ascii=False) + "\n"


def read_plan(path: Path, *, lineage: str, environment: str, key: bytes) -> Plan:
    """Read such a file. `lineage`, `environment` and `key` are those of the state that it is to be applied to.

    Raises `StateError`: `plan-file-missing`, `-damaged`, `-newer`, `-other` or `-edited`. No value of the file gets
    into the message, but its version and what it is meant for.
    """
    document = _document(path)
    version = document.get("formatVersion")
    if type(version) is int and version > PLAN_FORMAT_VERSION:
        words = f"the plan in {path} has the format version {version}; this program reads {PLAN_FORMAT_VERSION}"
        hint = "upgrade reconciler to the version that wrote it; nothing was done"
        raise StateError(error("plan-file-newer", words, hint=hint))
    seal = document.pop("seal", None)
    try:
        plan = Plan.model_validate(document)
    except ValidationError as problem:
        raise StateError(_damaged(path, f"these parts are missing or wrong: {_places(problem)}")) from None
    if not isinstance(seal, str) or type(version) is not int:
        what = "seal" if type(version) is int else "formatVersion"
        raise StateError(_damaged(path, f"these parts are missing or wrong: {what}"))
    if (plan.base.lineage, plan.environment) != (lineage, environment):
        raise StateError(_other(path, plan, lineage, environment))
    if not hmac.compare_digest(seal.encode(errors="surrogatepass"), _seal(document, key).encode()):
        words = f"the plan in {path} was changed after it was saved: its seal does not fit"
        raise StateError(error("plan-file-edited", words, hint=_AGAIN))
    return plan


def _seal(document: dict[str, Any], key: bytes) -> str:
    # What a stranger put into the file is hashed as it is: a lone surrogate is no reason to fail.
    content = canonical(document).encode(errors="surrogatepass")
    return hmac.digest(key, _PURPOSE + content, "sha256").hex()


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        hint = "`reconciler plan --out FILE` writes one; nothing was done"
        raise StateError(error("plan-file-missing", f"there is no plan in {path}", hint=hint)) from None
    except OSError as problem:
        reason = (problem.strerror or type(problem).__name__).lower()
        hint = "name the file that `reconciler plan --out FILE` wrote; nothing was done"
        raise StateError(error("plan-file-missing", f"{path} cannot be read: {reason}", hint=hint)) from None
    if len(data) > LARGEST:
        raise StateError(_damaged(path, "it is larger than any plan"))
    try:
        document = json.loads(data.decode())
    except (ValueError, RecursionError):
        raise StateError(_damaged(path, "it is not JSON (cut off or overwritten?)")) from None
    if not isinstance(document, dict):
        raise StateError(_damaged(path, "it is JSON, but not an object"))
    return document


def _places(problem: ValidationError) -> str:
    """Name the parts by the words of the format; keys that strangers made up are counted only."""
    fields = {*Plan.model_fields, *(field.alias for field in Plan.model_fields.values() if field.alias)}
    found = dict.fromkeys(str(item["loc"][0]) if item["loc"] else "all" for item in problem.errors(include_input=False))
    known = [name for name in found if name in fields or name == "all"]
    unknown = len(found) - len(known)
    return ", ".join([*known, *([f"{unknown} unknown"] if unknown else [])])


def _damaged(path: Path, what: str) -> Diagnostic:
    return error("plan-file-damaged", f"the plan in {path} is damaged: {what}", hint=_AGAIN)


def _other(path: Path, plan: Plan, lineage: str, environment: str) -> Diagnostic:
    if plan.base.lineage != lineage:
        words = f"the plan in {path} is for the state {plan.base.lineage[:_SHOWN]}, and this one is {lineage}"
        hint = "another repository's or checkout's plan? Apply it where it was made; nothing was done"
    else:
        words = f"the plan in {path} is for the environment {plan.environment[:_SHOWN]}, not {environment}"
        hint = "choose the environment with --env, or the sandbox with --sandbox; nothing was done"
    return error("plan-file-other", words, hint=hint)
