"""Reading the bodies of the controls; what is wrong with one is a 400 ``invalid_request``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast, get_args

from reconciler.sandbox.campaigns import COUNTERS, Counter
from reconciler.sandbox.clock import duration
from reconciler.sandbox.errors import invalid
from reconciler.sandbox.faults import Action, Fault, Kind, Naming
from reconciler.sandbox.records import AccountStatus, PoolSpec, Status

if TYPE_CHECKING:
    from datetime import timedelta

    from reconciler.sandbox.records import JsonObject

_FAULT_FIELDS = frozenset(
    {"kind", "action", "nth", "times", "seconds", "retryAfter", "status", "code", "prefix", "names"}
)
# What SQLite can store.
_COUNT_MAX = 2**62


def _known(body: JsonObject, names: frozenset[str]) -> None:
    unknown = sorted(body.keys() - names)
    if unknown:
        raise invalid(f"{unknown[0]} is not known here; known are {', '.join(sorted(names))}.")


def _count(body: JsonObject, name: str) -> int:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _COUNT_MAX:
        raise invalid(f"{name} must be a whole number, 0 or more.")
    return value


def _optional_count(body: JsonObject, name: str) -> int | None:
    return None if body.get(name) is None else _count(body, name)


def text(body: JsonObject, name: str, default: str | None = None) -> str:
    """Return a text that is not empty, or the default where it is absent."""
    value = body.get(name, default)
    if not isinstance(value, str) or (not value and name in body):
        raise invalid(f"{name} must be a text that is not empty.")
    return value


def fault_of(body: JsonObject) -> Fault:
    """Return the fault of ``POST /_sandbox/faults``."""
    _known(body, _FAULT_FIELDS)
    seconds = body.get("seconds", 1.0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise invalid("seconds must be a number.")
    try:
        return Fault(
            kind=cast("Kind", body.get("kind")),
            action=cast("Action", body.get("action")),
            nth=_optional_count(body, "nth"),
            times=_optional_count(body, "times"),
            seconds=float(seconds),
            retry_after=_optional_count(body, "retryAfter"),
            status=_optional_count(body, "status"),
            code=text(body, "code", "invalid_request"),
            prefix=text(body, "prefix", "bad"),
            names=cast("Naming", body.get("names", "email")),
        )
    except (ValueError, OverflowError) as error:
        raise invalid(str(error)) from None


def pools_of(entries: object) -> list[PoolSpec]:
    """Return the pools of ``POST /_sandbox/pools``, an array."""
    if not isinstance(entries, list):
        raise invalid("The body must be an array of pools.")
    return [_pool(entry) for entry in entries]


def _pool(entry: object) -> PoolSpec:
    if not isinstance(entry, dict):
        raise invalid("A pool must be an object.")
    accounts = entry.get("accounts", [])
    if not isinstance(accounts, list):
        raise invalid("accounts must be an array.")
    statuses = tuple(_account_status(account) for account in accounts)
    return PoolSpec(text(entry, "name"), _count(entry, "dailyCapacity"), _count(entry, "remaining"), statuses)


def _account_status(account: object) -> AccountStatus:
    given = account.get("status") if isinstance(account, dict) else None
    for status in get_args(AccountStatus):
        if given == status:
            return cast("AccountStatus", status)
    raise invalid(f"status of an account must be one of {', '.join(get_args(AccountStatus))}.")


def counters_of(body: JsonObject) -> dict[Counter, int]:
    """Return the counters of ``POST /_sandbox/campaigns/<id>/counters``."""
    _known(body, frozenset(COUNTERS))
    return {name: _count(body, name) for name in COUNTERS if name in body}


def status_of(body: JsonObject) -> Status:
    """Return the status of ``POST /_sandbox/campaigns/<id>/status``."""
    for status in get_args(Status):
        if body.get("status") == status:
            return cast("Status", status)
    raise invalid(f"status must be one of {', '.join(get_args(Status))}.")


def advance_of(body: JsonObject) -> timedelta:
    """Return how far ``POST /_sandbox/clock`` moves the clock."""
    _known(body, frozenset({"advance"}))
    try:
        return duration(text(body, "advance"))
    except ValueError as error:
        raise invalid(f"advance: {error}.") from None


def moment_of(body: JsonObject, name: str) -> datetime | None:
    """Return a moment with its zone, or None where it is absent."""
    if name not in body:
        return None
    try:
        moment = datetime.fromisoformat(text(body, name))
    except ValueError:
        raise invalid(f"{name} must be an ISO 8601 moment.") from None
    if moment.tzinfo is None:
        raise invalid(f"{name} must say its time zone.")
    return moment
