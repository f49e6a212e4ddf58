"""A call, its answer, and what an answer that is no success means (leadterra-api.md, "Errors")."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from reconciler.diagnostics import ApiError, CallMissingError, CampaignGoneError, LeadsRefusedError, error
from reconciler.leadterra.badleads import Named, named_leads
from reconciler.leadterra.redaction import Redactor
from reconciler.model.roster import Lead

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_DOCUMENTED_CODES = {
    "authentication_failed": None,
    "campaign_not_found": None,
    "invalid_request": None,
    "no_leads_enrolled": "Leadterra sees no leads in this campaign: enrol them before it is started.",
    "no_sequence_steps": "Leadterra sees no steps in this campaign: give it at least one.",
    "workspace_not_found": "The key belongs to no workspace of this server: check LEADTERRA_API_KEY and "
    "LEADTERRA_BASE_URL.",
}
_BAD_LEADS = 422
_MOST_LINES = 10

NOT_LEADTERRA = (
    "That is not an answer of Leadterra's: check LEADTERRA_BASE_URL (with /v1), and whether a proxy, a login page or a "
    "firewall stands in between."
)
CHECK_KEY = "Check LEADTERRA_API_KEY: it may be mistyped, revoked, or belong to another server (LEADTERRA_BASE_URL)."


class NotJson(Enum):
    """In place of the data of an answer that is not JSON. `BROKEN`: it says it is, but was cut short or garbled."""

    OTHER = "other"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `path` is below the base address and percent-encoded.

    `repeatable`: doing it twice does what doing it once does. `undocumented`: it may not exist on a server.
    What is `private` carries people: its errors show no value of the answer, which could be somebody's data. `leads`
    are those of an enrolment, in the order of the request. `aftermath` says what a lost answer leaves open. What is
    `urgent` is finished even when the run is told to end; what is `hurried` is tried once, for a few seconds. `again`
    is asked before each further attempt, and before one that had to wait for its slot for more than a second; it raises
    `Withdrawn` where the call is not wanted any more.
    """

    method: str
    path: str
    content: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    repeatable: bool = True
    undocumented: bool = False
    private: bool = False
    leads: Sequence[Lead] | None = field(default=None, repr=False)
    aftermath: str = ""
    urgent: bool = False
    hurried: bool = False
    again: Callable[[], None] | None = field(default=None, repr=False)

    @property
    def label(self) -> str:
        """The call as messages name it."""
        return f"{self.method} {self.path}"

    def lost(self, what: str) -> str:
        """Say what happened, and what it leaves open."""
        return f"{self.label}: {what}." + (f" {self.aftermath}" if self.aftermath else "")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read to its end. Its `repr` shows no content."""

    call: Call
    status: int
    data: Any = field(repr=False)
    redactor: Redactor
    content_type: str = ""
    location: str = field(default="", repr=False)

    def misfit(self, expected: str, found: Any) -> ApiError:  # noqa: ANN401 - any JSON value
        """Make the error for a success that is in none of the documented shapes."""
        seen = self.redactor.structure(found, private=self.call.private)
        return self.unclear(f"expected {expected}, got {seen}")

    def unclear(self, what: str, *, hint: str | None = None) -> ApiError:
        """Make the error for a success that does not tell what was asked for."""
        hint = hint or "Leadterra's API may have changed: look for a newer version of reconciler."
        return ApiError(error("api-answer", self.call.lost(what), hint=hint), status=self.status)


def read_json(content: bytes, content_type: str) -> Any:  # noqa: ANN401 - any JSON value
    """Parse the body of an answer; `NotJson` where it is none. NaN and infinities are not JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind and not re.fullmatch(r"(application|text)/([a-z0-9.-]+\+)?json", kind):
        return NotJson.OTHER
    try:
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return NotJson.BROKEN if kind else NotJson.OTHER


def _no_constant(name: str) -> float:
    raise ValueError(name)


def refusal(answer: Answer, *, sent: bool) -> ApiError:
    """Make the error for an answer that is no success and is not asked again.

    `sent`: whether an earlier attempt of the same call may have been carried out.
    """
    call, status = answer.call, answer.status
    code, message = envelope(answer)
    if status < 400:  # noqa: PLR2004 - 1xx and 3xx
        return ApiError(error("api-answer", call.lost(_redirect(answer)), hint=NOT_LEADTERRA), status=status)
    in_vain = status < 500 or status == 501  # noqa: PLR2004 - refused, so not carried out
    sent = sent or not in_vain
    told = call.lost if sent else lambda what: f"{call.label}: {what}."
    if status in {401, 403}:
        said = "the API key was refused" if status == 401 else "the API key may not do this"  # noqa: PLR2004
        proxy = " The answer was not JSON, so a proxy may have given it." if isinstance(answer.data, NotJson) else ""
        diagnostic = error("api-unauthorized", told(f"{said} ({status})"), hint=CHECK_KEY + proxy)
        return ApiError(diagnostic, status=status, api_code=code, sent=sent)
    if code == "campaign_not_found":
        diagnostic = error(
            "api-campaign-gone",
            told("Leadterra does not know this campaign (campaign_not_found)"),
            hint="Was it deleted, or does the key belong to another workspace?",
        )
        return CampaignGoneError(diagnostic, status=status, api_code=code, sent=sent)
    if isinstance(answer.data, NotJson):
        kind = answer.redactor.text(answer.content_type) or "no content type"
        diagnostic = error("api-answer", told(f"answered {status} with {kind} instead of JSON"), hint=NOT_LEADTERRA)
        return ApiError(diagnostic, status=status, sent=sent)
    if _is_missing_call(answer, code):
        diagnostic = error("api-call-missing", told(f"this server has no such call ({status})"))
        return CallMissingError(diagnostic, status=status, api_code=code, sent=sent)
    detail = ": ".join(part for part in (code, message) if part)
    what = f"refused with {status}" + (f" ({detail})" if detail else "")
    if status != _BAD_LEADS or call.leads is None:
        failure = ApiError(error("api-refused", told(what), hint=_hint(status, code)), status=status)
    else:
        failure = _leads_refused(call.leads, named_leads(answer.data, call.leads), lambda named: told(what + named))
    failure.api_code, failure.sent = code, sent
    return failure


def envelope(answer: Answer) -> tuple[str | None, str | None]:
    """Read machine code and message out of any documented error envelope, fit to be shown; None: not there.

    Where the call carried leads there is no message, and only documented codes are passed on.
    """
    data = answer.data
    if not isinstance(data, dict):
        return None, None
    inner = data.get("error")
    source = inner if isinstance(inner, dict) else data
    code = inner if isinstance(inner, str) else source.get("code")
    message = source.get("message")
    if not isinstance(code, str) or not _CODE.fullmatch(code) or answer.redactor.text(code) != code:
        message = message if isinstance(message, str) else code
        code = None
    if answer.call.private:
        return (code if code in _DOCUMENTED_CODES else None), None
    return code, (answer.redactor.text(message) or None if isinstance(message, str) else None)


def _redirect(answer: Answer) -> str:
    try:
        target = urlsplit(answer.location).hostname
    except ValueError:
        target = None
    where = f" to {answer.redactor.text(target)}" if target else ""
    return (
        f"answered with a redirect ({answer.status}){where}, which is not followed because it could take the key along"
    )


def _is_missing_call(answer: Answer, code: str | None) -> bool:
    if not answer.call.undocumented or not isinstance(answer.data, dict):
        return False
    return answer.status in {405, 501} or (answer.status == 404 and code != "workspace_not_found")  # noqa: PLR2004


def _hint(status: int, code: str | None) -> str | None:
    if code in _DOCUMENTED_CODES:
        return _DOCUMENTED_CODES[code]
    return "Check LEADTERRA_BASE_URL (with /v1)." if status in {404, 405} else None


def _leads_refused(leads: Sequence[Lead], named: Named, told: Callable[[str], str]) -> LeadsRefusedError:
    """Make the error for an enrolment that is refused because of some of its leads; `told` gets the lines of those."""
    among = "1 lead" if len(leads) == 1 else f"{len(leads):,} leads"
    if named.positions:
        lines = sorted(leads[position].line for position in named.positions)
        where = ", ".join(map(str, lines[:_MOST_LINES])) + (", …" if len(lines) > _MOST_LINES else "")
        words = f"; {among} sent, {len(lines):,} of them named (line {where} of the list)"
    else:
        words = f"; {among} sent, none of them named"
    return LeadsRefusedError(
        error("api-leads-refused", told(words)),
        named=named.positions,
        by_address=named.by_address,
        entries=named.entries,
        complete=0 < named.entries == named.naming,
    )
