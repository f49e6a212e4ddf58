"""One campaign of a plan: its headline, why, and what exactly is done."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from reconciler.model.plan import ActionStatus, Change, Kind
from reconciler.planning.diff import path_words
from reconciler.reporting.checks import checked
from reconciler.reporting.days import sending_words
from reconciler.reporting.entries import LOOKS, Entry, Group
from reconciler.reporting.layout import Line, Page, Span, cells, flow, say, size, wrap
from reconciler.reporting.worddiff import WRITTEN, Marks, text_of, value_diff, word_diff
from reconciler.reporting.words import (
    DO,
    DOES,
    count,
    enrolment,
    joined,
    left_list,
    left_out,
    people,
    reads,
    repeats,
    step_days,
)

INDENT = 4
_COLUMN = 9
_WIDEST_LABEL = 24
_SENDS = "sends email, cannot be undone"
_WAITING = {ActionStatus.HELD, ActionStatus.SCHEDULED}


def show(page: Page, entry: Entry, *, start: datetime, verbose: bool) -> None:
    """Write a campaign. `start` is the local time at which ready starts take place."""
    look = LOOKS[entry.group]
    page.blank()
    mark = "+" if entry.group is Group.STARTS and Kind.CREATE in entry.kinds(ActionStatus.READY) else look.mark
    said = headline(entry)
    page.title([say(f"{mark} ", f"bold {look.style}"), say(entry.planned.key, "bold"), say(said)], entry.place)
    for reason in dict.fromkeys(reasons(entry, said)):
        page.prose(reason, INDENT)
    rows = _Rows(page.width - INDENT)
    for label, words in intentions(entry):
        rows.fact(label, say(words))
    _changes(rows, entry, verbose=verbose)
    _steps(rows, entry, start)
    for label, words in audience(entry):
        rows.fact(label, say(words))
    if entry.planned.sending is not None:
        rows.fact("sends", say(sending_words(entry.planned.sending)))
    checks = checked(entry.actions)
    if checks:
        rows.built("checks", lambda width: flow(checks, width))
    rows.write(page)


def reasons(entry: Entry, headline: str) -> Iterator[str]:
    """Say why, each thing once, but for what the headline says. What a ready enrolment is for, its own row says."""
    told: set[str] = set()
    for action in entry.by_weight():
        if action.status is not ActionStatus.READY:
            yield from [action.reason] if action.reason else []
        elif action.kind is not Kind.ENROLL:
            parts = [part for part in action.reason.split("; ") if part not in told and not repeats(part, headline)]
            told.update(parts)
            yield from ["; ".join(parts)] if any(parts) else []


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


def headline(entry: Entry) -> str:
    """Say what happens, to stand right behind the key: it begins with a blank or a colon."""
    if entry.group is Group.NEEDS_YOU:
        return " needs you"
    if entry.group in {Group.WAITS, Group.SCHEDULED}:
        return f" {LOOKS[entry.group].one}"
    kinds = entry.kinds(ActionStatus.READY)
    consequence = _consequence(entry, ActionStatus.READY)
    if kinds == [Kind.ENROLL] and entry.only_details:
        changed = entry.planned.people.changed
        return f": {people(changed)} {_get(changed)} new details{consequence}"
    return f" {happens(entry)}{consequence}"


def happens(entry: Entry) -> str:
    """Say what its ready actions come to, to stand behind the key."""
    kinds = entry.kinds(ActionStatus.READY)
    told = [_does(kind, entry) for kind in kinds if not (kind is Kind.ENROLL and Kind.START in kinds)]
    return joined(list(dict.fromkeys(told)))


def _does(kind: Kind, entry: Entry) -> str:
    counted = entry.planned.people
    if kind is Kind.ENROLL and entry.only_details:
        return f"gets new details of {people(counted.changed)}"
    if kind is Kind.ENROLL and counted.new:
        return f"gets {count(counted.new - counted.later or counted.later, 'new person', 'new people')}"
    return DOES[kind]


def _consequence(entry: Entry, *statuses: ActionStatus) -> str:
    """Say what it means for people outside."""
    if entry.sends(*statuses):
        return f" – {_SENDS}"  # noqa: RUF001 - a dash is meant
    kinds = set(entry.kinds(*statuses))
    if Kind.ENROLL in kinds:
        return " – nobody new is written to"  # noqa: RUF001 - a dash is meant
    if Kind.CREATE in kinds:
        return " as a draft, nobody is contacted"
    if kinds & {Kind.UPDATE, Kind.REPLACE} and entry.planned.live == "draft":
        return " – still a draft, nobody is contacted"  # noqa: RUF001 - a dash is meant
    return ""


def intentions(entry: Entry) -> Iterator[tuple[str, str]]:
    """Tell apart what is done now, what later, and what not at all, where they are mixed: labels and words."""
    if entry.group > Group.SCHEDULED:
        return
    now, then = entry.kinds(ActionStatus.READY), entry.kinds(*_WAITING)
    if now:
        sending = f" – {_SENDS}" if entry.sends(ActionStatus.READY) else "; nobody is contacted"  # noqa: RUF001 - a dash
        if set(now) & {Kind.PAUSE, Kind.FORGET, Kind.MOVE, Kind.ADOPT} and not entry.sends(ActionStatus.READY):
            sending = ""
        yield "now", f"{joined([_do(kind, entry) for kind in now])}{sending}"
    if then:
        sending = f" – {_SENDS}" if entry.sends(*_WAITING) else ""  # noqa: RUF001 - a dash is meant
        yield "later", f"{joined([_do(kind, entry) for kind in then])}{sending}"
    blocked = entry.kinds(ActionStatus.BLOCKED)
    if blocked:
        yield "not done", joined([_do(kind, entry) for kind in blocked])


def _do(kind: Kind, entry: Entry) -> str:
    if kind is Kind.ENROLL and entry.only_details:
        return f"bring {people(entry.planned.people.changed)} up to date"
    if kind is Kind.ENROLL and entry.planned.people.new:
        counted = entry.planned.people
        return f"{DO[kind]} {people(counted.new - counted.later or counted.later)}"
    return f"{DO[kind]} new people" if kind is Kind.ENROLL else DO[kind]


def _changes(rows: _Rows, entry: Entry, *, verbose: bool) -> None:
    for action in entry.actions:
        if action.kind is Kind.CREATE:
            rows.fact("create", say(f'"{entry.planned.name}"'))
            continue
        for change in action.changes:
            rows.fact(path_words(change.path), *change_words(change, verbose=verbose))
        if verbose and action.fallback is Kind.REPLACE:
            told = "where Leadterra cannot edit a draft, a new one takes its place and the old one stays there, empty"
            rows.fact("or else", say(told))


def change_words(change: Change, *, verbose: bool = False, marks: Marks = WRITTEN) -> Line:
    """Show what changes in one field, word by word. With `verbose`, nothing is shortened."""
    before, after = change.before, change.after
    if change.path.endswith(".delayDays"):
        unit = " day" if (before if after is None else after) == 1 else " days"
        line = [*value_diff(before, after, marks), say(unit)]
    elif isinstance(before, str) and isinstance(after, str):
        line = word_diff(before, after, markup=change.path.endswith(".bodyHtml"), whole=verbose, marks=marks)
    else:
        line = value_diff(_told(before), _told(after), marks)
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


def audience(entry: Entry) -> Iterator[tuple[str, str]]:
    """Say who is enrolled, who gets email later, and who is left out: labels and words."""
    counted = entry.planned.people
    kinds = {action.kind for action in entry.actions}
    if Kind.ENROLL in kinds and (counted.rows is not None or counted.new):
        yield "enroll", enrolment(counted)
    if counted.held and entry.sends(*_WAITING):
        yield "people", f"{people(counted.held)} {_get(counted.held)} a first email then, not now"
    if told := left_out(counted):
        yield "left out", told
    if counted.gone:
        yield "left", left_list(counted.gone)


def _get(number: int) -> str:
    return "gets" if number == 1 else "get"
