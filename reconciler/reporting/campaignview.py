"""One campaign of a plan: its headline, why, and what exactly is done."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import partial

from reconciler.model.plan import Action, ActionStatus, Change, Effect, GuardResult, Kind, PlannedCampaign
from reconciler.reporting.layout import Line, Page, Span, cells, flow, say, size, wrap
from reconciler.reporting.worddiff import text_of, value_diff, word_diff
from reconciler.reporting.words import (
    DO,
    DOES,
    count,
    enrolment,
    joined,
    left_list,
    path_words,
    people,
    reads,
    step_days,
    unmade,
)

INDENT = 4
_COLUMN = 9
_WIDEST_LABEL = 24
_SENDS = "sends email, cannot be undone"
_WAITING = {ActionStatus.HELD, ActionStatus.SCHEDULED}


class Group(IntEnum):
    """What a campaign is counted as, in the order of the text: what needs a person comes first."""

    NEEDS_YOU = 1
    WAITS = 2
    SCHEDULED = 3
    STARTS = 4
    RESUMES = 5
    ENROLLS = 6
    PAUSED = 7
    CREATED = 8
    UPDATED = 9
    SUPPRESSES = 10
    MOVED = 11
    ADOPTED = 12
    FORGOTTEN = 13


@dataclass(frozen=True, slots=True)
class _Look:
    mark: str
    style: str
    one: str
    many: str


LOOKS = {
    Group.NEEDS_YOU: _Look("✗", "red", "needs you", "need you"),
    Group.WAITS: _Look("◷", "yellow", "waits", "wait"),
    Group.SCHEDULED: _Look("◷", "blue", "waits for its time", "wait for their time"),
    Group.STARTS: _Look("▶", "green", "starts", "start"),
    Group.RESUMES: _Look("▶", "green", "goes on sending", "go on sending"),
    Group.ENROLLS: _Look("+", "green", "gets new people", "get new people"),
    Group.PAUSED: _Look("‖", "yellow", "paused", "paused"),
    Group.CREATED: _Look("+", "cyan", "draft created", "drafts created"),
    Group.UPDATED: _Look("~", "cyan", "updated", "updated"),
    Group.SUPPRESSES: _Look("~", "cyan", "suppresses", "suppress"),
    Group.MOVED: _Look("→", "cyan", "gets a new key", "get new keys"),
    Group.ADOPTED: _Look("=", "cyan", "taken over", "taken over"),
    Group.FORGOTTEN: _Look("−", "dim", "no longer managed", "no longer managed"),  # noqa: RUF001 - a minus sign is meant
}
"""Mark, colour and the words of the counts line."""

_READY_GROUPS = (
    (Kind.START, Group.STARTS),
    (Kind.RESUME, Group.RESUMES),
    (Kind.ENROLL, Group.ENROLLS),
    (Kind.PAUSE, Group.PAUSED),
    (Kind.CREATE, Group.CREATED),
    (Kind.REPLACE, Group.UPDATED),
    (Kind.UPDATE, Group.UPDATED),
    (Kind.SUPPRESS, Group.SUPPRESSES),
    (Kind.MOVE, Group.MOVED),
    (Kind.ADOPT, Group.ADOPTED),
    (Kind.FORGET, Group.FORGOTTEN),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A campaign that has actions, and what is planned for it as a whole."""

    planned: PlannedCampaign
    actions: tuple[Action, ...]

    @property
    def group(self) -> Group:
        """What it is counted as."""
        statuses = {action.status for action in self.actions}
        for status, group in (
            (ActionStatus.BLOCKED, Group.NEEDS_YOU),
            (ActionStatus.HELD, Group.WAITS),
            (ActionStatus.SCHEDULED, Group.SCHEDULED),
        ):
            if status in statuses:
                return group
        kinds = {action.kind for action in self.actions}
        return next(group for kind, group in _READY_GROUPS if kind in kinds)

    @property
    def place(self) -> str:
        """`file:line` of what decides, else of the campaign."""
        first = next((action for action in self.by_weight() if action.file), None)
        file, line = (first.file, first.line) if first else (self.planned.file, self.planned.line)
        return f"{file or ''}{f':{line}' if file and line else ''}"

    def by_weight(self) -> list[Action]:
        """Return the actions, blocked ones first, then waiting ones."""
        order = (ActionStatus.BLOCKED, ActionStatus.HELD, ActionStatus.SCHEDULED, ActionStatus.READY)
        return sorted(self.actions, key=lambda action: order.index(action.status))

    def kinds(self, *statuses: ActionStatus) -> list[Kind]:
        """Return the kinds of its actions of these statuses, in order."""
        return [action.kind for action in self.actions if action.status in statuses]

    def sends(self, *statuses: ActionStatus) -> bool:
        """Whether an action of these statuses sends email."""
        return any(a.status in statuses and a.effect is Effect.IRREVERSIBLE for a in self.actions)


def show(page: Page, entry: Entry, *, start: datetime, verbose: bool) -> None:
    """Write a campaign. `start` is the local time at which ready starts take place."""
    look = LOOKS[entry.group]
    page.blank()
    mark = "+" if entry.group is Group.STARTS and Kind.CREATE in entry.kinds(ActionStatus.READY) else look.mark
    headline = [say(f"{mark} ", f"bold {look.style}"), say(entry.planned.key, "bold"), say(f" {_headline(entry)}")]
    page.title(headline, entry.place)
    for reason in dict.fromkeys(action.reason for action in entry.by_weight() if action.reason):
        page.prose(reason, INDENT)
    rows = _Rows(page.width - INDENT)
    _intentions(rows, entry)
    _changes(rows, entry, verbose=verbose)
    _steps(rows, entry, start)
    _people(rows, entry)
    _checks(rows, entry)
    rows.write(page)


class _Rows:
    """The labelled lines of one campaign: their texts begin in one column, so all labels are collected first."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._rows: list[tuple[str, Callable[[int], list[Line]]]] = []

    def fact(self, label: str, *spans: Span) -> None:
        """Add a text that wraps."""
        self._rows.append((label, lambda width: wrap(spans, width)))

    def built(self, label: str, build: Callable[[int], list[Line]]) -> None:
        """Add lines that are made for a width."""
        self._rows.append((label, build))

    def write(self, page: Page) -> None:
        """Write all rows."""
        fitting = [cells(label) for label, _ in self._rows if cells(label) <= _WIDEST_LABEL]
        column = max([_COLUMN, *(wide + 2 for wide in fitting)])
        for label, build in self._rows:
            page.row(label, build(self._width - column), indent=INDENT, column=column)


def _headline(entry: Entry) -> str:
    if entry.group is Group.NEEDS_YOU:
        return "needs you"
    if entry.group in {Group.WAITS, Group.SCHEDULED}:
        return LOOKS[entry.group].one
    kinds = entry.kinds(ActionStatus.READY)
    told = [_does(kind, entry) for kind in kinds if not (kind is Kind.ENROLL and Kind.START in kinds)]
    return f"{joined(list(dict.fromkeys(told)))}{_consequence(entry, ActionStatus.READY)}"


def _does(kind: Kind, entry: Entry) -> str:
    new = entry.planned.people.new
    if kind is Kind.ENROLL and new:
        return f"gets {count(new, 'new person', 'new people')}"
    return DOES[kind]


def _consequence(entry: Entry, *statuses: ActionStatus) -> str:
    """Say what it means for people outside."""
    if entry.sends(*statuses):
        return f" – {_SENDS}"  # noqa: RUF001 - a dash is meant
    kinds = set(entry.kinds(*statuses))
    if Kind.CREATE in kinds:
        return " as a draft, nobody is contacted"
    if kinds & {Kind.UPDATE, Kind.REPLACE} and entry.planned.live == "draft":
        return " – still a draft, nobody is contacted"  # noqa: RUF001 - a dash is meant
    return ""


def _intentions(rows: _Rows, entry: Entry) -> None:
    """Tell apart what is done now, what later, and what not at all, where they are mixed."""
    if entry.group > Group.SCHEDULED:
        return
    now, then = entry.kinds(ActionStatus.READY), entry.kinds(*_WAITING)
    if now:
        sending = f" – {_SENDS}" if entry.sends(ActionStatus.READY) else "; nobody is contacted"  # noqa: RUF001 - a dash
        if set(now) & {Kind.PAUSE, Kind.FORGET, Kind.MOVE, Kind.ADOPT} and not entry.sends(ActionStatus.READY):
            sending = ""
        rows.fact("now", say(f"{joined([_do(kind, entry) for kind in now])}{sending}"))
    if then:
        sending = f" – {_SENDS}" if entry.sends(*_WAITING) else ""  # noqa: RUF001 - a dash is meant
        rows.fact("later", say(f"{joined([_do(kind, entry) for kind in then])}{sending}"))
    blocked = entry.kinds(ActionStatus.BLOCKED)
    if blocked:
        rows.fact("not done", say(joined([_do(kind, entry) for kind in blocked])))


def _do(kind: Kind, entry: Entry) -> str:
    if kind is Kind.ENROLL and entry.planned.people.new:
        return f"{DO[kind]} {people(entry.planned.people.new)}"
    return f"{DO[kind]} new people" if kind is Kind.ENROLL else DO[kind]


def _changes(rows: _Rows, entry: Entry, *, verbose: bool) -> None:
    for action in entry.actions:
        if action.kind is Kind.CREATE:
            rows.fact("create", say(f'"{entry.planned.name}"'))
            continue
        for change in action.changes:
            rows.fact(path_words(change.path), *_change(change, verbose=verbose))
        if verbose and action.fallback is Kind.REPLACE:
            told = "where Leadterra cannot edit a draft, a new one takes its place and the old one stays there, empty"
            rows.fact("or else", say(told))


def _change(change: Change, *, verbose: bool) -> Line:
    before, after = change.before, change.after
    if change.path.endswith(".delayDays"):
        line = [*value_diff(before, after), say(" day" if (before if after is None else after) == 1 else " days")]
    elif isinstance(before, str) and isinstance(after, str):
        line = word_diff(before, after, markup=change.path.endswith(".bodyHtml"), whole=verbose)
    else:
        line = value_diff(_told(before), _told(after))
    return [*line, say("  changed in the dashboard; set back", "yellow")] if change.origin == "drift" else line


def _told(value: object) -> object:
    """Write a whole step, or several, as a sentence."""
    if isinstance(value, list | tuple) and value and all(isinstance(item, dict) for item in value):
        return "; ".join(str(_told(item)) for item in value)
    if isinstance(value, dict) and "subject" in value:
        delay, body = value.get("delayDays", 0), value.get("bodyHtml")
        wait = f'"{value["subject"]}" after {count(delay, "day") if isinstance(delay, int) else delay}'
        return f"{wait}: {text_of(str(body))}" if body else wait
    return value


def _steps(rows: _Rows, entry: Entry, start: datetime) -> None:
    """List the emails of a campaign that is made or started. Days are known only where it starts now."""
    ready = set(entry.kinds(ActionStatus.READY))
    if not ready & {Kind.CREATE, Kind.START}:
        return
    steps = entry.planned.steps
    days = step_days(steps, start if Kind.START in ready else None)
    told = [reads(step.subject) for step in steps]
    day_wide = max((cells(day) for day in days), default=0)
    subject_wide = max((size([say(step.subject)]) for step in steps), default=0)

    def build(number: int, width: int) -> list[Line]:
        subject = say(steps[number].subject)
        day = Span(f"{days[number]}{' ' * (day_wide - cells(days[number]))}  ")
        line = [day, subject]
        if told[number] == steps[number].subject:
            return wrap(line, width)
        read = say(f'reads "{told[number]}"', "dim")
        widest = max(size([say(text)]) for text in told) + len('reads ""')
        if day_wide + 2 + subject_wide + 2 + widest <= width:
            return [[*line, Span(" " * (subject_wide - cells(subject.text) + 2)), read]]
        margin = Span(" " * (day_wide + 2))
        inner = width - day_wide - 2
        first, *more = wrap([subject], inner)
        return [[day, *first], *([margin, *rest] for rest in [*more, *wrap([read], inner)])]

    for number in range(len(steps)):
        rows.built(f"step {number + 1}", partial(build, number))


def _people(rows: _Rows, entry: Entry) -> None:
    counted = entry.planned.people
    kinds = {action.kind for action in entry.actions}
    if Kind.ENROLL in kinds and (counted.rows is not None or counted.new):
        rows.fact("enroll", say(enrolment(counted)))
    if counted.held and entry.sends(*_WAITING):
        rows.fact("people", say(f"{people(counted.held)} {_get(counted.held)} a first email then, not now"))
    if counted.gone:
        rows.fact("left", say(left_list(counted.gone)))


def _get(number: int) -> str:
    return "gets" if number == 1 else "get"


def _checks(rows: _Rows, entry: Entry) -> None:
    """Show every check once, failed ones first; what the reason says already is only named."""
    guards = list(dict.fromkeys(_guards(entry.actions)))
    reasons = "\n".join(action.reason for action in entry.actions)
    failed = [item for item in guards if item.passed is False]
    items: list[Line] = [
        [say("✗ ", "red"), say(item.id.replace("-", " ") if item.detail in reasons else item.detail)] for item in failed
    ]
    items += [[say("? ", "yellow"), say(text)] for text in unmade([item for item in guards if item.passed is None])]
    items += [[say("✓ ", "green"), say(item.detail)] for item in guards if item.passed]
    if items:
        rows.built("checks", lambda width: flow(items, width))


def _guards(actions: Sequence[Action]) -> Iterable[GuardResult]:
    return (item for action in actions for item in action.guards)
