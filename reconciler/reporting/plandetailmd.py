"""What is folded in the Markdown of a plan: what waits and why, notes, emails, changes of texts, the technical plan."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.model.campaign import SequenceStep
from reconciler.model.plan import Action, ActionStatus, Change, GuardResult, Kind, Plan
from reconciler.planning.diff import path_words
from reconciler.reporting.budget import Part
from reconciler.reporting.campaignview import change_words
from reconciler.reporting.checks import waiting_helps
from reconciler.reporting.diagnosticview import message_of
from reconciler.reporting.entries import Entry, Group
from reconciler.reporting.markdown import code, cut, folded, opening, prose, sentence
from reconciler.reporting.reading import paragraphs
from reconciler.reporting.worddiff import BARE
from reconciler.reporting.words import count, reads, step_days

_KEY, _LINE, _TEXT = 80, 600, 4_000
MOST_LINES = 12
"""Lines that are shown of a reason."""

_STEP = re.compile(r"sequenceSteps(?:\[(\d{1,9})\])?")
_LABEL = re.compile(r"( +)(\S+(?: \S+)*?) {2,}(?=\S)")
_OLD, _NEW = ("<del>", "</del>"), ("<ins>", "</ins>")
_PASSED = {True: "✓", False: "✗", None: "?"}
_LABELS = {Severity.WARNING: "⚠️ Warning", Severity.NOTE: "Note"}
EDITS = {Kind.UPDATE, Kind.REPLACE}
"""What changes a campaign that exists."""

_MAKES = {Kind.CREATE, Kind.REPLACE, Kind.START}


def reason_lines(reason: str) -> Iterator[str]:
    """Write a reason as a list below an item of a list: a line each, ways out by their names, at most `MOST_LINES`."""
    lines = [line for line in re.split(r"\r?\n", reason) if line.strip()]
    for line in lines[:MOST_LINES]:
        label = _LABEL.match(line)
        if label is None:
            yield f"  - {_begun(line.strip())}\n"
        else:
            yield f"  - {_begun(label[2])}: {sentence(cut(line[label.end() :].strip(), _LINE))}\n"
    if len(lines) > MOST_LINES:
        yield f"  - … and {count(len(lines) - MOST_LINES, 'more line')}\n"


def problem_line(item: Diagnostic) -> str:
    """Write a diagnostic as an item of a list, with its place and what to do."""
    place = f" {code(cut(item.place, _LINE))}" if item.place else ""
    told = f"- {item.severity.value}: {sentence(cut(message_of(item), _LINE))}{place}\n"
    return told + "".join(reason_lines(item.hint or ""))


def _begun(text: str) -> str:
    """Write a sentence at the beginning of an item; where it begins with a mark, all of it is plain text."""
    text = cut(text, _LINE)
    return sentence(text) if text[:1].isalpha() else opening(text)


def fold(title: str, text: str) -> str:
    """Fold lines under a title of our own words."""
    return folded(title, text.rstrip("\n") + "\n")


def waiting(entries: Sequence[Entry]) -> Part:
    """Say of each campaign that waits why, and whether time helps."""
    found = [entry for entry in entries if entry.group in {Group.WAITS, Group.SCHEDULED}]
    found.sort(key=lambda entry: waiting_helps(entry.actions))

    def pieces() -> Iterator[str]:
        for entry in found:
            then = [a for a in entry.by_weight() if a.status in {ActionStatus.HELD, ActionStatus.SCHEDULED}]
            told = f"- {_named(entry)}{'' if waiting_helps(then) else ': **waiting alone does not help**'}\n"
            details = [item.detail for a in then if not a.reason for item in a.guards if item.passed is False]
            reasons = dict.fromkeys([*(a.reason for a in then if a.reason), *details])
            yield told + "".join(reason_lines("\n".join(reasons)))

    title = f"⏳ What waits, and why ({len(found):,})"
    return Part(len(found), pieces, lambda text: fold(title, text), lambda _: "what waits, and why.")


def notes(plan: Plan) -> Part:
    """Write warnings and notes that concern the plan as a whole or a campaign, a line each."""
    found = [item for item in plan.diagnostics if item.severity is not Severity.ERROR]
    found.sort(key=lambda item: (item.severity is Severity.NOTE, item.order))
    asked = "- Leadterra was not asked: what is live is as the state has it, and checks marked ? are made by apply\n"

    def pieces() -> Iterator[str]:
        yield from [] if plan.refreshed else [asked]
        for item in found:
            place = f" {code(cut(item.place, _LINE))}" if item.place else ""
            hint = f" – {sentence(cut(item.hint, _LINE))}" if item.hint else ""  # noqa: RUF001 - a dash is meant
            yield f"- {_LABELS[item.severity]}: {sentence(cut(message_of(item), _LINE))}{place}{hint}\n"

        if plan.forecast and plan.not_counted:
            yield f"- Not counted in the load: {prose(cut('; '.join(plan.not_counted), _LINE))}\n"

    number = len(found) + (not plan.refreshed) + bool(plan.forecast and plan.not_counted)
    return Part(number, pieces, str, lambda left: f"{count(left, 'note')}.", by_piece=True)


def emails(entries: Sequence[Entry], files: Mapping[str, Sequence[SequenceStep]], start: datetime) -> Part:
    """Show each email that is new, changed, or about to be sent for the first time, as a made-up person reads it.

    What is blocked is not shown: nobody will read it. `start` is the local time at which ready starts take place.
    """
    shown = {entry.planned.key: steps for entry in entries if (steps := _shown(entry, files))}

    def pieces() -> Iterator[str]:
        for entry in entries:
            steps = files.get(entry.planned.key, ())
            starts = Kind.START in entry.kinds(ActionStatus.READY)
            days = step_days(entry.planned.steps, start if starts else None)
            for number in shown.get(entry.planned.key, ()):
                when = f", {prose(days[number])}" if number < len(days) else ""
                yield f"{_named(entry)} step {number + 1}{when}\n\n{_email(steps[number])}\n"

    total = sum(map(len, shown.values()))
    title = f"👀 Emails as the reader sees them ({total:,})"
    return Part(
        total, pieces, lambda text: fold(title, text), lambda left: f"{count(left, 'email')} as the reader sees it."
    )


def _shown(entry: Entry, files: Mapping[str, Sequence[SequenceStep]]) -> list[int]:
    steps = files.get(entry.planned.key, ())
    chosen: set[int] = set()
    for action in entry.actions:
        if action.status is ActionStatus.BLOCKED:
            continue
        if action.kind in _MAKES:
            chosen.update(range(len(steps)))
        for path in (_STEP.match(change.path) for change in action.changes):
            if path is not None:
                chosen.update([int(path[1])] if path[1] else range(len(steps)))
    return sorted(number for number in chosen if number < len(steps))


def _email(step: SequenceStep) -> str:
    subject = reads(step.subject)
    lines = [f"> **Subject:** {prose(cut(subject, _LINE))}\n"]
    room = _TEXT
    for paragraph in paragraphs(step.body_html):
        if room <= 0:
            lines.append(">\n> …\n")
            break
        first, *more = (cut(line, max(1, room)) for line in paragraph)
        room -= sum(map(len, paragraph))
        lines.append(">\n> " + "<br>".join([opening(first), *map(prose, more)]) + "\n")
    return "".join(lines)


def copy_changes(entries: Sequence[Entry]) -> Part:
    """Show what changes in the fields of campaigns that exist, word by word."""
    changed = [(entry, changes) for entry in entries if (changes := list(_changes(entry)))]

    def pieces() -> Iterator[str]:
        for entry, changes in changed:
            for number, (action, change) in enumerate(changes):
                head = f"- {_named(entry)}\n" if number == 0 else ""
                undone = "not done: " if action.status is ActionStatus.BLOCKED else ""
                words = "".join(_edit(change)).strip()
                yield f"{head}  - {undone}{code(cut(path_words(change.path), _KEY))} {words}\n"

    total = sum(len(changes) for _, changes in changed)
    title = f"Word-level copy changes ({total:,})"
    return Part(total, pieces, lambda text: fold(title, text), lambda left: f"{count(left, 'change')}, word by word.")


def _changes(entry: Entry) -> Iterator[tuple[Action, Change]]:
    for action in entry.actions:
        if action.kind in EDITS:
            yield from ((action, change) for change in action.changes)


def _edit(change: Change) -> Iterator[str]:
    for span in change_words(change, marks=BARE):
        opened, closed = _OLD if span.style == "red" else _NEW if span.style == "green" else ("", "")
        yield f"{opened}{prose(cut(span.text, 2 * _LINE))}{closed}"


def technical(plan: Plan, entries: Sequence[Entry]) -> Part:
    """Write what the plan was made from, each action with its status, every check, digests and diagnostics."""

    def pieces() -> Iterator[str]:
        made = [f"{prose(plan.tool)}", f"state {plan.base.serial}", f"lineage {code(plan.base.lineage)}"]
        made += [f"files {code(cut(plan.base.specs, _KEY))}", f"plan {code(cut(plan.digest, _KEY))}"]
        yield f"- Made by {', '.join(made)}\n"
        for target in plan.targets:
            yield f"- Only {code(cut(target, _KEY))}\n"
        for entry in entries:
            yield _technical(entry)
        for item in sorted(plan.diagnostics, key=lambda item: item.order):
            place = f" {code(cut(item.place, _LINE))}" if item.place else ""
            message = prose(cut(message_of(item), _LINE))
            yield f"- {item.severity.value} {code(cut(item.code, _KEY))}: {message}{place}\n"

    number = 1 + len(plan.targets) + len(entries) + len(plan.diagnostics)
    return Part(number, pieces, lambda text: fold("Technical plan", text), lambda _: "the technical plan.")


def _technical(entry: Entry) -> str:
    planned = entry.planned
    place = f", {code(cut(entry.place, _LINE))}" if entry.place else ""
    lives = f"{prose(planned.live)} → {prose(planned.desired)}, digest {code(planned.digest[:12])}{place}"
    lines = [f"- {_named(entry)} {lives}\n"]
    for action in entry.actions:
        instead = f" (or {action.fallback.value})" if action.fallback else ""
        lines.append(f"  - {action.kind.value}{instead}: {action.status.value}, {action.effect.value}\n")
    guards: Iterable[GuardResult] = dict.fromkeys(item for action in entry.actions for item in action.guards)
    lines += [
        f"  - {_PASSED[item.passed]} {code(cut(item.id, _KEY))} {prose(cut(item.detail, _LINE))}\n" for item in guards
    ]
    return "".join(lines)


def _named(entry: Entry) -> str:
    return f"**{code(cut(entry.planned.key, _KEY))}**"
