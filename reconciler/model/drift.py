"""What differs from the files although nobody is changing them: told once a night, by name, without an address."""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

from reconciler.model.base import Frozen

DRIFT_FORMAT_VERSION: Literal[1] = 1


class Finding(StrEnum):
    """Why a campaign is named, the most urgent first.

    `needs you`: an error, or what no apply does by itself. `changed`: somebody changed it in Leadterra. `waiting`: it
    was approved longer ago than is to be waited for. `not applied`: its file asks for what the last apply did not do.
    """

    NEEDS_YOU = "needs you"
    CHANGED = "changed"
    WAITING = "waiting"
    NOT_APPLIED = "not applied"


class Drifted(Frozen):
    """One campaign and one reason to look at it. `campaign` is null for what concerns all of them."""

    finding: Finding
    campaign: str | None
    told: tuple[str, ...] = Field(description="What differs, a line each.")
    file: str | None = None
    line: int | None = None


class Drift(Frozen):
    """All that was found. `waited_days` is how long something may wait untold."""

    format_version: Literal[1] = DRIFT_FORMAT_VERSION
    workspace: str
    environment: str
    timezone: str
    read_at: AwareDatetime
    waited_days: int
    found: tuple[Drifted, ...] = ()
