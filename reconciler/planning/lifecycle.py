"""What becomes of a campaign, by what it is and what it should be: one table (design §5, "Lifecycle is one table")."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.campaign import Status
from reconciler.model.live import LiveCampaign, LiveStatus
from reconciler.model.plan import Effect, Kind
from reconciler.model.state import CampaignState


class Row(StrEnum):
    """What a campaign is."""

    ABSENT = "absent"
    DRAFT = "draft"
    RUNNING = "running"
    PAUSED_BY_US = "paused by us"
    PAUSED_ELSEWHERE = "paused elsewhere"
    UNKNOWN = "unknown"
    GONE = "gone from the server"


class Column(StrEnum):
    """What a campaign should be."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    ARCHIVED = "archived"
    FILE_GONE = "file gone"


@dataclass(frozen=True, slots=True)
class Cell:
    """What the table asks for. `blocked`, `note` and `error` are sentences for people.

    `kinds` are candidates, in order: an update without a difference and an enrolment without leads fall away.
    `held_by` names the guard that holds them; `error` means that nothing is planned at all.
    """

    kinds: tuple[Kind, ...] = ()
    blocked: str | None = None
    held_by: str | None = None
    note: str | None = None
    error: str | None = None


_START_PATH = (Kind.ENROLL, Kind.START)
_NEVER_BACK = (
    "it has been started and cannot become a draft again; write `status: paused` to stop it, "
    "or give the new draft a key of its own"
)
_NOT_YET = "a campaign that was never started cannot be paused: it stays a draft until `status: running`"
_UNREAD = "its live state could not be read, so nothing is planned for it"
_GONE = "Leadterra no longer knows it; if that is meant, run `reconciler state rm {key}`: the next plan creates it anew"
TABLE: Mapping[tuple[Row, Column], Cell] = {
    (Row.ABSENT, Column.DRAFT): Cell((Kind.CREATE,)),
    (Row.ABSENT, Column.RUNNING): Cell((Kind.CREATE, *_START_PATH)),
    (Row.ABSENT, Column.PAUSED): Cell((Kind.CREATE,), note=_NOT_YET),
    (Row.ABSENT, Column.ARCHIVED): Cell(),
    (Row.ABSENT, Column.FILE_GONE): Cell(),
    (Row.DRAFT, Column.DRAFT): Cell((Kind.UPDATE,)),
    (Row.DRAFT, Column.RUNNING): Cell((Kind.UPDATE, *_START_PATH)),
    (Row.DRAFT, Column.PAUSED): Cell((Kind.UPDATE,), note=_NOT_YET),
    (Row.DRAFT, Column.ARCHIVED): Cell((Kind.FORGET,)),
    (Row.DRAFT, Column.FILE_GONE): Cell((Kind.FORGET,)),
    (Row.RUNNING, Column.DRAFT): Cell((Kind.UPDATE,), blocked=_NEVER_BACK),
    (Row.RUNNING, Column.RUNNING): Cell((Kind.ENROLL,)),
    (Row.RUNNING, Column.PAUSED): Cell((Kind.PAUSE,)),
    (Row.RUNNING, Column.ARCHIVED): Cell((Kind.PAUSE, Kind.FORGET)),
    (Row.RUNNING, Column.FILE_GONE): Cell((Kind.PAUSE, Kind.FORGET)),
    (Row.PAUSED_BY_US, Column.DRAFT): Cell((Kind.UPDATE,), blocked=_NEVER_BACK),
    (Row.PAUSED_BY_US, Column.RUNNING): Cell((Kind.ENROLL, Kind.RESUME)),
    (Row.PAUSED_BY_US, Column.PAUSED): Cell(),
    (Row.PAUSED_BY_US, Column.ARCHIVED): Cell((Kind.FORGET,)),
    (Row.PAUSED_BY_US, Column.FILE_GONE): Cell((Kind.FORGET,)),
    (Row.PAUSED_ELSEWHERE, Column.DRAFT): Cell((Kind.UPDATE,), blocked=_NEVER_BACK),
    (Row.PAUSED_ELSEWHERE, Column.RUNNING): Cell((Kind.ENROLL, Kind.RESUME), held_by="paused-outside"),
    (Row.PAUSED_ELSEWHERE, Column.PAUSED): Cell(),
    (Row.PAUSED_ELSEWHERE, Column.ARCHIVED): Cell((Kind.FORGET,)),
    (Row.PAUSED_ELSEWHERE, Column.FILE_GONE): Cell((Kind.FORGET,)),
    (Row.UNKNOWN, Column.DRAFT): Cell(error=_UNREAD),
    (Row.UNKNOWN, Column.RUNNING): Cell(error=_UNREAD),
    # A pause is harmless to repeat, so the unknown does not stand in its way; forgetting waits until more is known.
    (Row.UNKNOWN, Column.PAUSED): Cell((Kind.PAUSE,)),
    (Row.UNKNOWN, Column.ARCHIVED): Cell((Kind.PAUSE,)),
    (Row.UNKNOWN, Column.FILE_GONE): Cell((Kind.PAUSE,)),
    (Row.GONE, Column.DRAFT): Cell(error=_GONE),
    (Row.GONE, Column.RUNNING): Cell(error=_GONE),
    (Row.GONE, Column.PAUSED): Cell(error=_GONE),
    (Row.GONE, Column.ARCHIVED): Cell((Kind.FORGET,)),
    (Row.GONE, Column.FILE_GONE): Cell((Kind.FORGET,)),
}

STARTED_ROWS = frozenset({Row.RUNNING, Row.PAUSED_BY_US, Row.PAUSED_ELSEWHERE})
"""Where steps are frozen (leadterra-api.md, "Behaviour")."""

EFFECTS: Mapping[Kind, Effect] = {
    Kind.CREATE: Effect.INERT,
    Kind.UPDATE: Effect.INERT,
    Kind.REPLACE: Effect.INERT,
    Kind.ENROLL: Effect.IRREVERSIBLE,
    Kind.START: Effect.IRREVERSIBLE,
    Kind.RESUME: Effect.IRREVERSIBLE,
    Kind.PAUSE: Effect.REVERSIBLE,
    Kind.ADOPT: Effect.INERT,
    Kind.MOVE: Effect.INERT,
    Kind.SUPPRESS: Effect.IRREVERSIBLE,
    Kind.FORGET: Effect.INERT,
}


def row_of(known: CampaignState | None, live: LiveCampaign | None) -> Row:
    """Find the row: what a campaign is, from what we know of it and what was read.

    A managed campaign without a reading is unknown, never absent.
    """
    if known is None:
        return Row.ABSENT
    if live is None:
        return Row.UNKNOWN
    if live.status is LiveStatus.PAUSED:
        return Row.PAUSED_BY_US if known.paused_by_us else Row.PAUSED_ELSEWHERE
    return _ROWS[live.status]


_ROWS = {
    LiveStatus.DRAFT: Row.DRAFT,
    LiveStatus.RUNNING: Row.RUNNING,
    LiveStatus.GONE: Row.GONE,
    LiveStatus.UNKNOWN: Row.UNKNOWN,
}


def column_of(status: Status | None) -> Column:
    """Find the column: what a campaign should be; no status means that its file is gone."""
    return Column.FILE_GONE if status is None else Column(status.value)
