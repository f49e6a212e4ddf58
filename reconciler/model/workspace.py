"""`workspace.yaml` as written, and the policy that holds for one environment."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from reconciler.model.base import Authored, Frozen
from reconciler.model.campaign import Campaign, NonBlank

REMOTE_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,79}$"
REF_PATTERN = r"^refs(/[A-Za-z0-9_][A-Za-z0-9._-]{0,79}){2,4}$"
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]

DAY_PATTERN = r"^\d{4}-\d{2}-\d{2}$"
NO_DAY = "no_day"
"""Type of pydantic's error for a text that has the form of a day and is none."""


def _day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError(NO_DAY, "no day of the calendar") from None
    return text


CalendarDay = Annotated[str, StringConstraints(pattern=DAY_PATTERN), AfterValidator(_day)]


class Budget(StrEnum):
    """What one apply has a bound for, by the name that `--allow` knows it by."""

    NEW_RECIPIENTS = "new-recipients"
    FORGETS = "forgets"


DEFAULT_WORKSPACE = "default"
"""The name of a workspace that has none."""

DEFAULT_ENVIRONMENT = "default"
"""What holds where no environment is chosen."""

RESERVED_ENVIRONMENTS = frozenset({DEFAULT_ENVIRONMENT, "sandbox"})
ENVIRONMENT_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}"


class StartWindowFile(Authored):
    """When campaigns may start and leads may be enrolled into running ones."""

    days: tuple[Day, ...] = Field(
        default=DAYS,
        min_length=1,
        description="Days of the week.",
        examples=[["mon", "tue", "wed", "thu", "fri"]],
    )
    from_: ClockTime = Field(default="00:00", alias="from", description="From this time (HH:MM).", examples=["08:00"])
    to: ClockTime = Field(
        default="23:59", description="To this time (HH:MM), this minute included.", examples=["16:00"]
    )

    @field_validator("days", mode="before")
    @classmethod
    def _sequence(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic hands in what stands in the file
        return tuple(value) if isinstance(value, list) else value


class RecontactFile(Authored):
    """Whether people are written to who were written to under another key not long ago."""

    after_days: int = Field(
        default=90,
        ge=0,
        le=3650,
        description="For so many days after the last email of another campaign.",
        examples=[90],
    )
    mode: Literal["skip", "hold", "allow"] = Field(
        default="skip",
        description="`skip`: they are left out and counted. `hold`: the campaign waits. `allow`: they are written to.",
    )


class HealthFile(Authored):
    """How the earlier waves of a paced campaign must have gone before the next one."""

    max_bounce_rate: int | float = Field(
        default=2, ge=0, le=100, description="Most bounces, as a percentage of the people reached.", examples=[2]
    )
    max_unsubscribe_rate: int | float = Field(
        default=1,
        ge=0,
        le=100,
        description="Most replies of the class `unsubscribe`, as a percentage of the people reached.",
        examples=[1],
    )


class PolicyFile(Authored):
    """Bounds that hold for every campaign of the workspace."""

    timezone: NonBlank = Field(
        default="UTC", description="IANA time zone of every time without one.", examples=["Europe/Berlin"]
    )
    start_window: StartWindowFile | None = Field(
        default=None, description="Starts and enrolments into running campaigns wait for this window."
    )
    headroom: int | float = Field(
        default=0,
        ge=0,
        le=100,
        description="Percentage of the daily capacity that is kept free.",
        examples=[10],
    )
    daily_capacity: int | None = Field(
        default=None,
        ge=0,
        description="This repository's share of the pools, in emails per 24 hours; without it, all of them.",
        examples=[800],
    )
    reply_rate: int | float = Field(
        default=0,
        ge=0,
        le=100,
        description="Percentage of the people a step reaches who are assumed to reply, and so get no later one. "
        "0 is the safe bound.",
        examples=[3],
    )
    health: HealthFile = Field(
        default_factory=HealthFile,
        description="What earlier waves of a campaign must have come to before the next one is enrolled.",
        examples=[{"maxBounceRate": 1.5}],
    )
    max_new_recipients: int = Field(
        default=1000,
        ge=0,
        description="Most people to whom one apply may write for the first time; above it, `allow` or `--allow`.",
        examples=[1000],
    )
    max_forgets: int = Field(
        default=3,
        ge=0,
        description="Most campaigns that one apply may stop managing; above it, `allow` or `--allow`.",
        examples=[3],
    )
    recontact: RecontactFile = Field(
        default_factory=RecontactFile,
        description="Who was written to under any other key is not written to again so soon.",
        examples=[{"afterDays": 30, "mode": "hold"}],
    )
    leads_in_git: Literal["refuse", "allow"] = Field(
        default="refuse",
        description="`refuse`: a list that git tracks holds reserved example domains only. `allow`: real people, too.",
        examples=["allow"],
    )
    requests_per_second: int | float | None = Field(
        default=None,
        gt=0,
        le=1000,
        description="Highest rate of API requests; a 429 slows it down by itself.",
        examples=[5],
    )


class AllowanceFile(Authored):
    """A higher budget for a while. Exactly one of `newRecipients` and `forgets` names it."""

    new_recipients: int | None = Field(
        default=None, ge=0, description="Instead of `policy.maxNewRecipients`, where it is more.", examples=[6000]
    )
    forgets: int | None = Field(
        default=None, ge=0, description="Instead of `policy.maxForgets`, where it is more.", examples=[10]
    )
    until: CalendarDay = Field(
        description="Last day on which it holds, to its end in policy.timezone.", examples=["2026-12-05"]
    )
    reason: NonBlank = Field(description="Why it is needed.", examples=["Launch of the new product"])

    @model_validator(mode="after")
    def _one_budget(self) -> "AllowanceFile":
        if (self.new_recipients is None) is (self.forgets is None):
            found = "none" if self.forgets is None else "both"
            raise ValueError(f"an allowance has exactly one of newRecipients and forgets; found {found}")
        return self


class StateFile(Authored):
    """Where the state is kept."""

    backend: Literal["local", "git"] = Field(
        default="local",
        description="`git`: in a ref of the repository's own remote, for everybody who may push there. "
        "`local`: in `.reconciler/<environment>/` beside `specs/`, for one machine.",
    )
    remote: str = Field(
        pattern=REMOTE_PATTERN, default="origin", description="Name of the remote (`git`); never an address."
    )
    ref: str | None = Field(
        default=None,
        pattern=REF_PATTERN,
        description="Ref of the state (`git`); by default `refs/reconciler/<workspace>`. "
        "Another environment has one of its own, `<ref>@<environment>`.",
        examples=["refs/reconciler/production"],
    )
    lineage: NonBlank | None = Field(
        default=None,
        description="Identity of the state; written by `reconciler init` or `reconciler state init`.",
    )


class EnvironmentFile(Authored):
    """What is different in one environment, chosen with `--env NAME`."""

    policy: dict[str, Any] = Field(default_factory=dict, description="Keys of `policy`, laid over the workspace's.")
    overrides: dict[str, Any] = Field(default_factory=dict, description="Keys of a campaign, laid over each campaign.")


class WorkspaceFile(Authored):
    """`specs/workspace.yaml`. Every key has a default."""

    workspace: NonBlank = Field(default=DEFAULT_WORKSPACE, description="Name people see in plans.", examples=["acme"])
    requires_version: NonBlank | None = Field(
        default=None, description="Versions of reconciler that may be used here.", examples=[">=0.1,<1"]
    )
    state: StateFile = Field(default_factory=StateFile, description="Where the state is kept.")
    policy: PolicyFile = Field(default_factory=PolicyFile, description="Bounds for every campaign.")
    allow: tuple[AllowanceFile, ...] = Field(
        default=(), description="Budgets that are higher for a while, each with the last day and the reason."
    )
    defaults: dict[str, Any] = Field(default_factory=dict, description="Keys of a campaign, laid under each campaign.")
    environments: dict[str, EnvironmentFile] = Field(default_factory=dict, description="Differences by environment.")

    @field_validator("allow", mode="before")
    @classmethod
    def _sequence(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic hands in what stands in the file
        return tuple(value) if isinstance(value, list) else value


class StartWindow(Frozen):
    """Days (0 = Monday) and times of day, in the policy's time zone; both ends belong to it."""

    days: tuple[int, ...]
    from_: time
    to: time

    def contains(self, local: datetime) -> bool:
        """Whether a local time lies inside."""
        minute = local.time().replace(second=0, microsecond=0, tzinfo=None)
        return local.weekday() in self.days and self.from_ <= minute <= self.to


class Policy(Frozen):
    """The bounds that hold, for one environment. `headroom` is a percentage of the daily capacity.

    `daily_capacity` is this repository's share, in emails per 24 hours. `reply_rate` is a share, 0 to 1; the rates of
    bounces and of unsubscriptions are percentages of the emails that were sent.
    `recontact` says what becomes of people who were written to under another key within `recontact_days`.
    """

    timezone: str = "UTC"
    start_window: StartWindow | None = None
    headroom: float = 0
    daily_capacity: int | None = None
    reply_rate: float = 0
    max_bounce_rate: float = 2
    max_unsubscribe_rate: float = 1
    max_new_recipients: int = 1000
    max_forgets: int = 3
    recontact: Literal["skip", "hold", "allow"] = "skip"
    recontact_days: int = 90
    leads_in_git: Literal["refuse", "allow"] = "refuse"
    requests_per_second: float | None = None


class Allowance(Frozen):
    """A budget that is `amount` up to the end of the day `until`, in the policy's time zone; `file:line` says so."""

    budget: Budget
    amount: int
    until: date
    reason: str
    file: str
    line: int | None = None


class Desired(Frozen):
    """Everything the repository wants, for one environment. `campaigns` is sorted by key.

    `allow` holds every allowance that is written down, expired ones included.
    """

    workspace: str
    environment: str
    lineage: str | None
    policy: Policy
    campaigns: tuple[Campaign, ...]
    allow: tuple[Allowance, ...] = ()

    def campaign(self, key: str) -> Campaign | None:
        """Return the campaign of this key, if there is one."""
        return next((item for item in self.campaigns if item.key == key), None)
