"""What a person can fix, and the errors that carry it.

Everything a user can put right is a `Diagnostic`; they are collected and told all at once (design §3). The error
tree below is small on purpose: one class for each thing a caller would treat differently.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Severity(StrEnum):
    """How much a diagnostic matters: an error stops the campaign or the run, a warning and a note stop nothing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class SourceRange(BaseModel):
    """A place in a file. Lines and columns count from 1; the file is relative to the repository's root."""

    model_config = ConfigDict(frozen=True)

    file: str
    line: int | None = None
    column: int | None = None


class Diagnostic(BaseModel):
    """One finding: what (`message`), where (`file:line:column`), and what to do (`hint`).

    `code` is stable and meant for machines; `campaign` is the key it concerns, where it concerns one.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    severity: Severity
    message: str
    hint: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    campaign: str | None = None

    @property
    def place(self) -> str:
        """`file:line:column` as far as it is known; empty where there is no place."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)

    @property
    def order(self) -> tuple[str, int, int, str, str, str]:
        """Sort key: by place, so that the output does not depend on the order in which files were read."""
        return (self.file or "", self.line or 0, self.column or 0, self.campaign or "", self.code, self.message)


def error(
    code: str,
    message: str,
    *,
    hint: str | None = None,
    at: SourceRange | None = None,
    campaign: str | None = None,
) -> Diagnostic:
    """Make an error diagnostic, at a place if one is known."""
    return _diagnostic(Severity.ERROR, code, message, hint, at, campaign)


def warning(
    code: str,
    message: str,
    *,
    hint: str | None = None,
    at: SourceRange | None = None,
    campaign: str | None = None,
) -> Diagnostic:
    """Make a warning: told, but it stops nothing."""
    return _diagnostic(Severity.WARNING, code, message, hint, at, campaign)


def note(
    code: str,
    message: str,
    *,
    hint: str | None = None,
    at: SourceRange | None = None,
    campaign: str | None = None,
) -> Diagnostic:
    """Make a note: something good to know."""
    return _diagnostic(Severity.NOTE, code, message, hint, at, campaign)


def _diagnostic(
    severity: Severity,
    code: str,
    message: str,
    hint: str | None,
    at: SourceRange | None,
    campaign: str | None,
) -> Diagnostic:
    return Diagnostic(
        code=code,
        severity=severity,
        message=message,
        hint=hint,
        file=at.file if at else None,
        line=at.line if at else None,
        column=at.column if at else None,
        campaign=campaign,
    )


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them is an error."""
    return any(item.severity is Severity.ERROR for item in diagnostics)


class ReconcilerError(Exception):
    """Anything a user can act on. The command ends with exit code 1 and tells the diagnostics, never a traceback."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("; ".join(item.message for item in diagnostics))
        self.diagnostics: Sequence[Diagnostic] = diagnostics


class SpecError(ReconcilerError):
    """The files under `specs/` are not valid."""


class StateError(ReconcilerError):
    """The state is missing, damaged, newer than this program, or belongs to something else."""


class StateConflictError(StateError):
    """Somebody else wrote the state since it was read (a failed compare-and-swap)."""


class LeaseLostError(StateError):
    """The right to apply has ended, or cannot be shown to last: nothing more is written or called."""


class ApiError(ReconcilerError):
    """Leadterra did not answer as needed: the fact asked for is unknown, the change asked for may be unknown.

    `status` is the HTTP status, where there was one; `api_code` the machine code of the answer; `sent` is False only
    where it is certain that nothing was carried out, so that repeating a create cannot make a second.
    """

    def __init__(
        self,
        diagnostic: Diagnostic,
        *,
        status: int | None = None,
        api_code: str | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(diagnostic)
        self.status = status
        self.api_code = api_code
        self.sent = sent


class CampaignGoneError(ApiError):
    """The server says that it does not know this campaign (404 `campaign_not_found`)."""


class LeadsRefusedError(ApiError):
    """The server accepts none of the leads of an enrolment because of some of them (422).

    It carries positions of leads in the request and counts, and nothing else of the answer. `named` are those that the
    entries of the answer name, `by_address` those of them named by their address, which no way of counting can shift.
    `complete`: there are entries, and every one names a lead that was sent.
    """

    def __init__(
        self,
        diagnostic: Diagnostic,
        *,
        named: frozenset[int],
        by_address: frozenset[int],
        entries: int,
        complete: bool,
    ) -> None:
        super().__init__(diagnostic, status=422, sent=False)
        self.named = named
        self.by_address = by_address
        self.entries = entries
        self.complete = complete


class CallMissingError(ApiError):
    """A JSON answer shows that an undocumented call does not exist on this server (leadterra-api.md, "Promised")."""


class Interrupted(Exception):  # noqa: N818 - it is not an error: somebody pressed Ctrl-C or the pipeline ended
    """The run was told to end; what was done is in the report."""


class Withdrawn(Exception):  # noqa: N818 - it is not an error: somebody wants this not to be sent any more
    """What was about to be sent again is not wanted any more: somebody has stopped it."""
