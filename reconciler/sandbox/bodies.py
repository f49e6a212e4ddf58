"""Reading request bodies: what is wrong with one is a 400 ``invalid_request``, or a 422 for leads."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NoReturn, cast
from urllib.parse import urlsplit

from reconciler.sandbox.errors import ApiError, invalid
from reconciler.sandbox.records import JsonObject, NewLead, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

EVENTS = ("campaign.started", "message.sent", "message.bounced", "reply.received")
SUPPRESSION_MAX = 1_000
# Not documented; keeps the due time of a step within what a date can hold.
DELAY_DAYS_MAX = 3_650

_ADDRESS = re.compile(r"[^\s@<>\"',;:()\\\[\]]+@[a-z0-9-]+(\.[a-z0-9-]+)+")
_ADDRESS_MAX = 254


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def json_value(raw: bytes) -> object:
    """Return the JSON in a body, whatever its content type claims; raise 400 where it is none."""
    try:
        value: object = json.loads(raw, parse_constant=_no_constant)
        # A lone surrogate passes the parser but can be neither stored nor answered.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise invalid("The body is not valid JSON.") from None
    return value


def json_object(raw: bytes) -> JsonObject:
    """Return the JSON object in a body; raise 400 for anything else."""
    value = json_value(raw)
    if not isinstance(value, dict):
        raise invalid("The body must be a JSON object.")
    return cast("JsonObject", value)


def name_of(body: JsonObject) -> str:
    """Return ``name`` of a campaign."""
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise invalid("name is required and must be a text that is not empty.")
    return name


def steps_of(body: JsonObject) -> tuple[Step, ...]:
    """Return ``sequenceSteps``, empty where it is absent; ``delayDays`` is 0 where a step has none."""
    steps = body.get("sequenceSteps", [])
    if not isinstance(steps, list):
        raise invalid("sequenceSteps must be an array.")
    return tuple(_step(index, step) for index, step in enumerate(steps))


def _step(index: int, step: object) -> Step:
    where = f"sequenceSteps[{index}]"
    if not isinstance(step, dict):
        raise invalid(f"{where} must be an object.")
    subject, body_html, delay = step.get("subject"), step.get("bodyHtml"), step.get("delayDays", 0)
    if not isinstance(subject, str) or not subject.strip():
        raise invalid(f"{where}.subject is required and must be a text that is not empty.")
    if not isinstance(body_html, str) or not body_html.strip():
        raise invalid(f"{where}.bodyHtml is required and must be a text that is not empty.")
    if isinstance(delay, bool) or not isinstance(delay, int) or not 0 <= delay <= DELAY_DAYS_MAX:
        raise invalid(f"{where}.delayDays must be a whole number from 0 to {DELAY_DAYS_MAX}.")
    return Step(subject, body_html, delay)


def address(value: object) -> str | None:
    """Return an address trimmed and in lower case, or None where it is not one."""
    if not isinstance(value, str):
        return None
    text = value.strip().lower()
    return text if len(text) <= _ADDRESS_MAX and _ADDRESS.fullmatch(text) else None


def lead_entries(body: JsonObject, maximum: int | None) -> list[object]:
    """Return the entries of ``leads`` unread; raise 400 where they are no array, none, or too many."""
    entries = body.get("leads")
    if not isinstance(entries, list):
        raise invalid("leads is required and must be an array.")
    if not entries:
        raise invalid("leads must hold at least one lead.")
    if maximum is not None and len(entries) > maximum:
        raise invalid(f"leads may hold at most {maximum} leads per request.")
    return entries


def new_leads(entries: Sequence[object]) -> list[NewLead]:
    """Return the leads of a request; raise 422 naming every bad one, so that none is enrolled."""
    leads: list[NewLead] = []
    errors: list[JsonObject] = []
    for index, entry in enumerate(entries):
        lead = _lead(entry)
        if isinstance(lead, NewLead):
            leads.append(lead)
        else:
            code, message = lead
            email = entry.get("email") if isinstance(entry, dict) else None
            errors.append({"index": index, "email": email, "code": code, "message": message})
    if errors:
        raise bad_leads(errors, len(entries))
    return leads


def bad_leads(errors: Sequence[JsonObject], among: int) -> ApiError:
    """Return the 422 that answers an enrolment with bad leads, one entry of ``errors`` each."""
    message = f"{len(errors)} of {among} leads are not valid; none was enrolled."
    return ApiError(422, "invalid_leads", message, errors=errors)


def _lead(entry: object) -> NewLead | tuple[str, str]:
    if not isinstance(entry, dict):
        return "invalid_lead", "A lead must be an object."
    given = entry.get("email")
    if given is None or given == "":
        return "missing_email", "email is required."
    email = address(given)
    if email is None:
        return "invalid_email", "email is not a valid address."
    fields = {key: value for key, value in entry.items() if key != "email"}
    nested = [key for key, value in fields.items() if isinstance(value, dict | list)]
    if nested:
        return "invalid_field", f"{nested[0]} must be a plain value."
    return NewLead(email, fields)


def suppressions_of(body: JsonObject) -> list[str]:
    """Return ``emails`` of a suppression request, each once."""
    emails = body.get("emails")
    if not isinstance(emails, list) or not emails:
        raise invalid("emails is required and must be an array that is not empty.")
    if len(emails) > SUPPRESSION_MAX:
        raise invalid(f"emails may hold at most {SUPPRESSION_MAX:,} addresses per request.")
    found = [address(email) for email in emails]
    if None in found:
        raise invalid(f"emails[{found.index(None)}] is not a valid address.")
    return list(dict.fromkeys(email for email in found if email is not None))


def webhook_of(body: JsonObject) -> tuple[str, tuple[str, ...]]:
    """Return ``url`` and ``events`` of a webhook request."""
    url, events = body.get("url"), body.get("events")
    if not isinstance(url, str) or not _is_https(url):
        raise invalid("url is required and must be an https address.")
    if not isinstance(events, list) or not events:
        raise invalid("events is required and must name at least one event.")
    for event in events:
        if event not in EVENTS:
            raise invalid(f"events may hold {', '.join(EVENTS)}.")
    return url, tuple(dict.fromkeys(events))


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)
