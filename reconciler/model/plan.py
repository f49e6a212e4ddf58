"""The plan: frozen data, shown, reviewed, hashed, compared. Field names are a contract (design §5)."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from reconciler.diagnostics import Diagnostic
from reconciler.model.base import Frozen
from reconciler.model.roster import Apart

PLAN_FORMAT_VERSION: Literal[1] = 1


class Kind(StrEnum):
    """What an action does. `replace`: a new draft takes over, the old one stays in Leadterra without a start."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    ENROLL = "enroll"
    START = "start"
    RESUME = "resume"
    PAUSE = "pause"
    ADOPT = "adopt"
    MOVE = "move"
    SUPPRESS = "suppress"
    FORGET = "forget"


class ActionStatus(StrEnum):
    """`held` waits for a fact that may change by itself, `scheduled` for a time, `blocked` needs a person."""

    READY = "ready"
    HELD = "held"
    BLOCKED = "blocked"
    SCHEDULED = "scheduled"


class Effect(StrEnum):
    """`inert` touches nobody, `reversible` can be undone, `irreversible` sends email."""

    INERT = "inert"
    REVERSIBLE = "reversible"
    IRREVERSIBLE = "irreversible"


class Change(Frozen):
    """One field that differs. `origin`: changed in git, or on the server by somebody else (drift)."""

    path: str = Field(examples=["sequenceSteps[0].subject"])
    before: Any = None
    after: Any = None
    origin: Literal["git", "drift"] = "git"


class GuardResult(Frozen):
    """One check before an irreversible action. `passed` is null where it could not be made (`--no-refresh`)."""

    id: str
    passed: bool | None
    detail: str


class Action(Frozen):
    """One step of the plan, for one campaign."""

    campaign: str
    kind: Kind
    status: ActionStatus = ActionStatus.READY
    effect: Effect
    file: str | None = None
    line: int | None = None
    reason: str = ""
    fallback: Kind | None = Field(
        default=None,
        description="What is done where the server turns out to have no such call (`replace` for `update`).",
    )
    changes: tuple[Change, ...] = ()
    guards: tuple[GuardResult, ...] = ()


class People(Frozen):
    """Counts of people. `receive`: how many get a first email from the ready actions of this plan.

    `held`: how many would, were nothing in the way. `refused`: how many of the list Leadterra did not accept; they are
    in none of `new` and `changed`. `outdated`: how many are in it with their old details since it did not accept the
    new ones. `enrolled`: how many are enrolled by now, as far as known. `left_out`: how many of the list other
    campaigns speak for. `filtered` rows are left out by `leads.where`; `elsewhere` are people in other parts of the
    list (`leads.part`), and `beyond` those over `leads.limit`. `later`: how many of the new ones are enrolled on later
    days (`start.perDay`).
    """

    receive: int = 0
    held: int = 0
    rows: int | None = None
    leads: int | None = None
    new: int = 0
    changed: int = 0
    gone: int = 0
    duplicates: int = 0
    rejected: int = 0
    filtered: int = 0
    elsewhere: int = 0
    beyond: int = 0
    refused: int = 0
    outdated: int = 0
    later: int = 0
    left_out: tuple[Apart, ...] = ()
    enrolled: int | None = None


class PlannedStep(Frozen):
    """A step as the plan shows it: subject and wait; the bodies are in the spec and in the changes."""

    subject: str
    delay_days: int
    body: str = Field(default="", description="Digest of the body.")


class Sending(Frozen):
    """When a campaign sends, as the forecast has it: `first` and `last` are days (ISO), `emails` all that are to come.

    `lost` counts the days by which its last email is later than it would be with room without end. `last` is null where
    it does not finish within what the forecast looks at; `left` emails are still unsent then.
    """

    first: str | None = None
    last: str | None = None
    emails: int = 0
    left: int = 0
    lost: int = 0


class PlannedCampaign(Frozen):
    """A campaign of the plan. `desired` and `live` are statuses in the words of the lifecycle table (design §5)."""

    key: str
    name: str
    digest: str
    file: str | None = None
    line: int | None = None
    desired: str
    live: str
    people: People = People()
    steps: tuple[PlannedStep, ...] = ()
    sending: Sending | None = Field(
        default=None, description="When its emails go out; null where none are to come, or the server was not asked."
    )
    content: str | None = Field(
        default=None, description="Digest of what would be sent, and to whom; null where its file is gone."
    )
    audience: str | None = Field(
        default=None,
        description="Keyed digest of the list, and of the rules by which people on it are left out; null where nothing "
        "is to be sent as its file says.",
    )


class ForecastDay(Frozen):
    """One 24-hour window, counted from now. All figures are emails.

    `due` counts what was rolled over from the day before, too; what is not sent of it is `rolled_over` to the next one.
    """

    day: int
    date: str
    capacity: int
    due: int
    sent: int
    rolled_over: int
    campaigns: dict[str, int] = {}


class Base(Frozen):
    """What the plan was made from."""

    lineage: str
    serial: int
    specs: str = Field(description="Digest of everything wanted.")


class Summary(Frozen):
    """A count of each kind of action, whatever its status, and of the statuses."""

    create: int = 0
    update: int = 0
    replace: int = 0
    enroll: int = 0
    start: int = 0
    resume: int = 0
    pause: int = 0
    adopt: int = 0
    move: int = 0
    suppress: int = 0
    forget: int = 0
    held: int = 0
    blocked: int = 0
    scheduled: int = 0
    unchanged: int = Field(default=0, description="Campaigns without an action and without an error.")
    new_recipients: int = Field(default=0, description="Leads that ready actions would newly write to.")
    unapproved: int = Field(
        default=0, description="Campaigns that would send, now or later, and that no approval in the state covers."
    )


class Plan(Frozen):
    """What would be done, in order, and why. `apply` executes this and nothing else."""

    format_version: Literal[1] = PLAN_FORMAT_VERSION
    tool: str
    workspace: str
    environment: str
    timezone: str = Field(default="UTC", description="policy.timezone: every day and time for people is in it.")
    created_at: AwareDatetime
    base: Base
    digest: str
    refreshed: bool = Field(default=True, description="False where the server was not asked (`--no-refresh`).")
    targets: tuple[str, ...] = Field(default=(), description="`--target` as given; empty: everything.")
    campaigns: tuple[PlannedCampaign, ...] = ()
    actions: tuple[Action, ...] = ()
    forecast: tuple[ForecastDay, ...] = Field(
        default=(), description="The coming days, up to the last email that can be seen; empty: nothing to send."
    )
    not_counted: tuple[str, ...] = Field(default=(), description="What the forecast cannot see, in words.")
    diagnostics: tuple[Diagnostic, ...] = ()
    summary: Summary = Summary()

    def of(self, key: str) -> tuple[Action, ...]:
        """Return the actions of one campaign, in order."""
        return tuple(action for action in self.actions if action.campaign == key)
