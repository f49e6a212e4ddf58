"""Counts, days, paths and kinds in people's words."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reconciler.model.plan import ActionStatus, Effect, GuardResult, Kind, People, Plan, PlannedStep
from reconciler.reporting.readers import ADA, unknown
from reconciler.tokens import fill_tokens, find_tokens

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DOES = {
    Kind.CREATE: "is created",
    Kind.UPDATE: "is updated",
    Kind.REPLACE: "is replaced by a new draft",
    Kind.ENROLL: "gets new people",
    Kind.START: "STARTS",
    Kind.RESUME: "goes on sending",
    Kind.PAUSE: "is PAUSED",
    Kind.ADOPT: "is taken over",
    Kind.MOVE: "gets a new key",
    Kind.SUPPRESS: "leaves out people on the suppression list",
    Kind.FORGET: "is no longer managed (stays in Leadterra)",
}
"""What happens to a campaign, to stand behind its key."""

DO = {
    Kind.CREATE: "create the draft",
    Kind.UPDATE: "update it",
    Kind.REPLACE: "make a new draft in its place",
    Kind.ENROLL: "enroll",
    Kind.START: "START",
    Kind.RESUME: "go on sending",
    Kind.PAUSE: "pause",
    Kind.ADOPT: "take it over",
    Kind.MOVE: "change the key",
    Kind.SUPPRESS: "suppress",
    Kind.FORGET: "stop managing (stays in Leadterra)",
}
"""The same as something to do."""

DONE = {
    Kind.CREATE: "created",
    Kind.UPDATE: "updated",
    Kind.REPLACE: "replaced by a new draft",
    Kind.ENROLL: "enrolled",
    Kind.START: "started",
    Kind.RESUME: "resumed",
    Kind.PAUSE: "paused",
    Kind.ADOPT: "taken over",
    Kind.MOVE: "new key",
    Kind.SUPPRESS: "suppressed",
    Kind.FORGET: "no longer managed (stays in Leadterra)",
}
"""The same when it is over."""

STATE = {Kind.START: "running", Kind.RESUME: "running", Kind.PAUSE: "paused"}
"""What a campaign is from then on, where that says more than what was done."""

_WORD = re.compile(r"\w+")


def count(number: int, one: str, many: str | None = None) -> str:
    """Count things: `1 person`, `1,400 people`. Without `many`, an `s` is added."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def people(number: int) -> str:
    """Count people."""
    return count(number, "person", "people")


def joined(parts: list[str]) -> str:
    """Join parts as a sentence does: `a, b and c`."""
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def zone_of(name: str) -> tuple[tzinfo, str]:
    """Return a time zone and what people call it (`Berlin`); UTC where this machine does not know it."""
    try:
        return ZoneInfo(name), name.rpartition("/")[2].replace("_", " ")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC, "UTC"


def weekday(local: date) -> str:
    """Write a day of the week: `Mon`."""
    return _DAYS[local.weekday()]


def day(local: date) -> str:
    """Write a day: `Mon 30 Nov`. Not by locale, so that plans read the same everywhere."""
    return f"{weekday(local)} {local.day} {_MONTHS[local.month - 1]}"


def moment(local: datetime) -> str:
    """Write a time: `Mon 30 Nov 14:02`."""
    return f"{day(local)} {local:%H:%M}"


def step_days(steps: tuple[PlannedStep, ...], start: datetime | None) -> list[str]:
    """Say when each step goes out: a day for a known (local) start, else how long after it."""
    days, passed = [], 0
    for step in steps:
        passed += step.delay_days
        if start is None:
            days.append("at the start" if passed == 0 else f"{count(passed, 'day')} later")
        else:
            days.append(_day_after(start, passed))
    return days


def _day_after(start: datetime, passed: int) -> str:
    try:
        return day(start + timedelta(days=passed))
    except OverflowError:
        return f"{count(passed, 'day')} later"


def reads(text: str) -> str:
    """Fill a text in for a made-up person; a field that only real leads have is shown as its name."""
    return fill_tokens(text, {name: ADA.get(name, unknown(name)) for name in find_tokens(text)})


def enrolment(counted: People) -> str:
    """Say who is enrolled out of which list."""
    rows = f" of {count(counted.rows, 'row')}" if counted.rows is not None else ""
    now = counted.new - counted.later
    parts = [f"{f'{now:,}' if now or not (counted.changed or counted.later) else 'nobody new'}{rows}"]
    parts += [f"{counted.later:,} more in later waves"] if counted.later else []
    inside = (counted.leads or 0) - counted.new - counted.refused
    if inside > 0:
        parts.append(f"{inside:,} in it already")
    skipped = [count(counted.duplicates, "duplicate")] if counted.duplicates else []
    skipped += [count(counted.rejected, "bad row")] if counted.rejected else []
    if skipped:
        parts.append(f"{', '.join(skipped)} skipped")
    parts += [f"{counted.refused:,} of the list refused by Leadterra"] if counted.refused else []
    if counted.outdated:
        keep = "keeps its" if counted.outdated == 1 else "keep their"
        parts.append(f"{counted.outdated:,} {keep} old details, as Leadterra refused the new ones")
    if counted.changed:
        parts.append(f"{people(counted.changed)} with new details, brought up to date")
    return "; ".join(parts)


def approved_later(plan: Plan) -> int:
    """Count the people whom an approval of a plan covers beside those of today: waves to come, and what waits."""
    count = 0
    for campaign in plan.campaigns:
        actions = [action for action in plan.of(campaign.key) if action.effect is Effect.IRREVERSIBLE]
        if actions and not any(action.status is ActionStatus.BLOCKED for action in plan.of(campaign.key)):
            count += campaign.people.held + campaign.people.later
    return count


def left_out(counted: People) -> str:
    """Say who on a list is not written to, and why; empty where nobody is left out."""
    words = {
        "suppressed": "on the suppression list",
        "recontact": "written to by {}",
        "list": "on the list of {}, which comes first",
        "exclude": "of {}",
    }
    told = [f"{people(item.leads)} {words[item.reason].format(item.key)}" for item in counted.left_out]
    if counted.filtered:
        told.append(f"{counted.filtered:,} {'row' if counted.filtered == 1 else 'rows'} by `where`")
    if counted.elsewhere:
        told.append(f"{people(counted.elsewhere)} in other parts of the list")
    if counted.beyond:
        told.append(f"{people(counted.beyond)} over the limit")
    return ", ".join(told)


def left_list(number: int) -> str:
    """Say what becomes of those who are no longer on the list: Leadterra cannot take anybody out."""
    return f"{people(number)} left the list and still {'gets' if number == 1 else 'get'} the later steps"


def unmade(guards: list[GuardResult]) -> list[str]:
    """Say which checks could not be made, those with one reason together."""
    reasons: dict[str, list[str]] = {}
    for item in guards:
        reasons.setdefault(item.detail, []).append(item.id.replace("-", " "))
    return [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]


def repeats(text: str, said: str) -> bool:
    """Whether a text only says again, in the same words, what was said."""
    words = set(_WORD.findall(text.lower())) - {"it"}
    return bool(words) and words <= set(_WORD.findall(said.lower()))


def ended(kind: Kind, word: str, detail: str) -> tuple[str, str]:
    """Say once what was done: the word and what the detail adds, or the detail alone where it has the word in it."""
    if not detail or repeats(detail, f"{word} {DONE[kind]} {STATE.get(kind, '')}"):
        return word, ""
    return (detail, "") if repeats(word, detail) else (word, detail)
