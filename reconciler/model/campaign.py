"""A campaign as a person writes it (`CampaignFile`) and as it is wanted (`Campaign`): rendered, defaults filled in."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from reconciler.diagnostics import SourceRange
from reconciler.model.base import Authored, Frozen, digest

KEY_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,79}$"
PART_PATTERN = r"^(?:[1-9][0-9]?|100) */ *(?:[1-9][0-9]?|100)$"
NO_PART = "no_part"
"""Type of pydantic's error for a part that comes after the last one."""

MAX_DELAY_DAYS = 365
MAX_STEPS = 50

Key = Annotated[str, StringConstraints(pattern=KEY_PATTERN)]
NonBlank = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]


class Status(StrEnum):
    """What a campaign should be."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    ARCHIVED = "archived"


class StepFile(Authored):
    """One email of the sequence. Exactly one of `bodyHtml`, `bodyTemplate` and `bodyText` gives its body."""

    subject: NonBlank = Field(
        description="Subject line. `{{token}}` is filled in by Leadterra for each lead, `[[ variable ]]` here.",
        examples=["Quick question, {{firstName}}"],
    )
    delay_days: int = Field(
        default=0,
        ge=0,
        le=MAX_DELAY_DAYS,
        description="Days to wait after the step before it; for the first step, after the start.",
        examples=[0, 3],
    )
    body_html: NonBlank | None = Field(
        default=None, description="The body, as HTML, in place.", examples=["<p>Hi {{firstName}},</p>"]
    )
    body_template: NonBlank | None = Field(
        default=None,
        description="Path of a Jinja2 template of the body, relative to this file.",
        examples=["../templates/vp-sales/intro.html.j2"],
    )
    body_text: NonBlank | None = Field(
        default=None,
        description="The body as plain paragraphs, parted by blank lines; it is turned into HTML.",
        examples=["Hi {{firstName}},\n\njust a short question."],
    )

    @model_validator(mode="after")
    def _one_body(self) -> "StepFile":
        given = [name for name in ("bodyHtml", "bodyTemplate", "bodyText") if self.body(name) is not None]
        if len(given) != 1:
            found = "none" if not given else " and ".join(given)
            raise ValueError(f"a step has exactly one of bodyHtml, bodyTemplate and bodyText; found {found}")
        return self

    def body(self, name: str) -> str | None:
        """Return what stands under one of the three body keys."""
        return {"bodyHtml": self.body_html, "bodyTemplate": self.body_template, "bodyText": self.body_text}[name]


class LeadsFile(Authored):
    """Where the people come from."""

    source: NonBlank = Field(
        description="`leads:NAME.csv` under $RECONCILER_LEADS_DIR, or a path in the repository, relative to this file. "
        "CSV, JSON Lines or Parquet; `*` stands for any part of a name, and all files it matches are one list.",
        examples=["leads:vp-sales-q3.csv", "leads:q3/*.csv.gz", "../leads/example.csv"],
    )
    columns: dict[NonBlank, NonBlank] = Field(
        default_factory=dict,
        description="Lead field: name of its column. A field that is not named here has the column of its own name.",
        examples=[{"firstName": "First Name"}],
    )
    fallbacks: dict[NonBlank, str] = Field(
        default_factory=dict,
        description="Lead field: text used where the lead's own value is blank.",
        examples=[{"firstName": "there"}],
    )
    fields: tuple[NonBlank, ...] | None = Field(
        default=None,
        description="The lead fields of the list, so that `validate` can check tokens where the list is not at hand.",
        examples=[["firstName", "company"]],
    )
    exclude: tuple[Key, ...] = Field(
        default=(),
        description="Keys of other campaigns: whoever is on their lists, or was ever enrolled by them, is left out.",
        examples=[["customers"]],
    )
    limit: int | None = Field(
        default=None,
        ge=1,
        le=100_000_000,
        description="At most so many people in this campaign, the first on the list; who was enrolled before counts.",
        examples=[200],
    )
    part: str | None = Field(
        default=None,
        pattern=PART_PATTERN,
        description="One of several parts of the list, of about equal size, such as the first of two: who is in which "
        "never changes, and nobody is in two.",
        examples=["1/2"],
    )
    where: NonBlank | None = Field(
        default=None,
        max_length=2_000,
        description="A condition in SQL on columns of the list, all of them text: other rows are left out.",
        examples=["country = 'DE' AND title ILIKE '%sales%'"],
    )
    on_invalid: Literal["error", "skip"] = Field(
        default="error",
        description="What rows without a usable address, or with too few or many cells, are: an `error`, or left out.",
        examples=["skip"],
    )

    @field_validator("part")
    @classmethod
    def _is_part(cls, value: str | None) -> str | None:
        if value is not None and int(value.partition("/")[0]) > int(value.partition("/")[2]):
            raise PydanticCustomError(NO_PART, "no part")
        return value

    @property
    def share(self) -> tuple[int, int] | None:
        """Which part of how many."""
        if self.part is None:
            return None
        which, _, parts = self.part.partition("/")
        return int(which), int(parts)

    @field_validator("fields", "exclude", mode="before")
    @classmethod
    def _sequence(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic hands in what stands in the file
        return tuple(value) if isinstance(value, list) else value


class StartFile(Authored):
    """What must hold before the campaign is started."""

    minimum_leads: int = Field(
        default=1, ge=1, le=10_000_000, description="Do not start with fewer leads than this.", examples=[100]
    )
    not_before: str | None = Field(
        default=None,
        description="Not before this time: ISO 8601; without a zone it is in policy.timezone.",
        examples=["2026-12-01T09:00"],
    )
    first_step_within_days: int = Field(
        default=5,
        ge=1,
        le=366,
        description="Start only where everybody gets the first step within so many days from when it is due.",
        examples=[2],
    )
    priority: int = Field(
        default=0,
        ge=-1000,
        le=1000,
        description="Who gets the room where it does not suffice for all: the higher number first, then the key.",
        examples=[10],
    )
    per_day: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="Enrol no more than so many new people a day, in waves; without it, all at once.",
        examples=[200],
    )
    first_wave: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="How many the first wave has, where it is another number. Needs `perDay`.",
        examples=[25],
    )


class MovedFile(Authored):
    """A rename of the key, without touching the live campaign."""

    from_: Key = Field(alias="from", description="The key this campaign had before.", examples=["old-key"])


class CampaignFile(Authored):
    """One campaign, as it stands in a file below `specs/campaigns`."""

    key: Key = Field(
        description="Identity for ever, whatever the file is called: lower-case letters, digits, `.`, `_`, `-`.",
        examples=["vp-sales-q3"],
    )
    name: NonBlank = Field(description="The name people see in Leadterra.", examples=["VP Sales - AI Workflow Q3"])
    status: Literal["draft", "running", "paused", "archived"] = Field(
        default="draft", description="What the campaign should be.", examples=["running"]
    )
    owner: NonBlank | None = Field(default=None, description="Who answers for it.", examples=["@revops"])
    labels: dict[NonBlank, str] = Field(
        default_factory=dict,
        description="Free labels, for `--target label:team=emea`.",
        examples=[{"team": "emea"}],
    )
    sequence_steps: tuple[StepFile, ...] = Field(
        default=(),
        max_length=MAX_STEPS,
        description="The emails, in order. A running campaign needs at least one.",
    )
    variables: dict[NonBlank, str | int | float | bool] = Field(
        default_factory=dict,
        description="Values for `[[ name ]]` in subjects and bodies.",
        examples=[{"sender": "Jamie"}],
    )
    leads: LeadsFile | None = Field(default=None, description="Who gets the emails.")
    start: StartFile = Field(default_factory=StartFile, description="What must hold before it starts.")
    protect: bool = Field(
        default=False,
        description="Refuse to stop managing it because its file went away (kept in the state).",
    )
    moved: MovedFile | None = Field(default=None, description="A rename of the key.")

    @field_validator("sequence_steps", mode="before")
    @classmethod
    def _sequence(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic hands in what stands in the file
        return tuple(value) if isinstance(value, list) else value


class SequenceStep(Frozen):
    """A step as Leadterra gets it: rendered, `{{tokens}}` left in place."""

    subject: str
    body_html: str
    delay_days: int = 0


def steps_digest(steps: tuple[SequenceStep, ...]) -> str:
    """Digest of what is sent: equal digests are equal emails."""
    return digest([step.model_dump() for step in steps])


class Leads(Frozen):
    """Where the people of a campaign come from, its paths resolved.

    `paths` are absolute and never leave this machine: not part of plan, state or log. None: RECONCILER_LEADS_DIR is not
    set. Empty: nothing matches the pattern; a file that is named need not exist. `folder` is what RECONCILER_LEADS_DIR
    names, absolute, where the list is below it; it need not exist either. `source` is as written. `part` is one
    of so many. With `skip_invalid`, rows that are no leads are left out. With `examples_only` no address of a real
    domain may be on the list. `where_at` is the place of the condition, `file` and `line` that of `leads`.
    """

    source: str
    paths: tuple[str, ...] | None
    folder: str | None = None
    tracked: bool
    columns: dict[str, str] = {}
    fallbacks: dict[str, str] = {}
    fields: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    limit: int | None = None
    part: tuple[int, int] | None = None
    where: str | None = None
    where_at: SourceRange | None = None
    skip_invalid: bool = False
    examples_only: bool = False
    file: str
    line: int


class Campaign(Frozen):
    """A campaign as wanted, ready to be compared with what is there.

    `sources` tells where its rendered steps come from: digests of `.` (its own file's part: steps and variables as
    written), of every template, and of the shared variables; `own_sources` names those that belong to this campaign
    alone. `step_lines[i]` is the line of step i.
    """

    key: str
    name: str
    status: Status
    owner: str | None = None
    labels: dict[str, str] = {}
    steps: tuple[SequenceStep, ...] = ()
    leads: Leads | None = None
    minimum_leads: int = 1
    not_before: AwareDatetime | None = None
    first_step_within_days: int = 5
    priority: int = 0
    per_day: int | None = None
    first_wave: int | None = None
    protect: bool = False
    moved_from: str | None = None
    file: str
    line: int = 1
    step_lines: tuple[int, ...] = ()
    sources: dict[str, str] = {}
    own_sources: tuple[str, ...] = ()

    @property
    def steps_digest(self) -> str:
        """Digest of the rendered steps."""
        return steps_digest(self.steps)
