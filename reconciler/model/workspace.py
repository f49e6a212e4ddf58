"""`workspace.yaml` as written, and the policy that holds for one environment."""

from datetime import datetime, time
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StringConstraints, field_validator

from reconciler.model.base import Authored, Frozen
from reconciler.model.campaign import Campaign, NonBlank

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


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
    requests_per_second: int | float | None = Field(
        default=None,
        gt=0,
        le=1000,
        description="Highest rate of API requests; a 429 slows it down by itself.",
        examples=[5],
    )


class StateFile(Authored):
    """Where the state is kept."""

    backend: Literal["local"] = Field(
        default="local", description="`local`: in `.reconciler/<environment>/` beside `specs/`."
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

    workspace: NonBlank = Field(default="default", description="Name people see in plans.", examples=["acme"])
    requires_version: NonBlank | None = Field(
        default=None, description="Versions of reconciler that may be used here.", examples=[">=0.1,<1"]
    )
    state: StateFile = Field(default_factory=StateFile, description="Where the state is kept.")
    policy: PolicyFile = Field(default_factory=PolicyFile, description="Bounds for every campaign.")
    defaults: dict[str, Any] = Field(default_factory=dict, description="Keys of a campaign, laid under each campaign.")
    environments: dict[str, EnvironmentFile] = Field(default_factory=dict, description="Differences by environment.")


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
    """The bounds that hold, for one environment. `headroom` is a percentage of the daily capacity."""

    timezone: str = "UTC"
    start_window: StartWindow | None = None
    headroom: float = 0
    requests_per_second: float | None = None


class Desired(Frozen):
    """Everything the repository wants, for one environment. `campaigns` is sorted by key."""

    workspace: str
    environment: str
    lineage: str | None
    policy: Policy
    campaigns: tuple[Campaign, ...]

    def campaign(self, key: str) -> Campaign | None:
        """Return the campaign of this key, if there is one."""
        return next((item for item in self.campaigns if item.key == key), None)
