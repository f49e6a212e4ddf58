"""The plan in Markdown, as a comment on a pull request or a step summary shows it (docs: mocks of the comment).

Whoever reviews reads what needs somebody, a row a campaign and the mailbox load; all else is folded below. What there
is no room for is left out in a stated order (`budget`). Counts of people only, never an address.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.model.campaign import SequenceStep
from reconciler.model.plan import ActionStatus, Kind, Plan, PlannedCampaign
from reconciler.planning.diff import path_words
from reconciler.reporting import plandetailmd
from reconciler.reporting.budget import COMMENT, Fit, Part, fitted
from reconciler.reporting.campaignview import happens
from reconciler.reporting.checks import failed_words
from reconciler.reporting.days import name_of
from reconciler.reporting.entries import Entry, Group, entries_of
from reconciler.reporting.forecastmd import mailbox_load
from reconciler.reporting.markdown import code, cut, marker, prose, sentence, table_head, table_row
from reconciler.reporting.planview import nothing_words, resumed_words
from reconciler.reporting.words import count, day, moment, people, zone_of

_MARKS = {
    Group.NEEDS_YOU: "❌",
    Group.WAITS: "⏳",
    Group.SCHEDULED: "⏳",
    Group.STARTS: "🟢",
    Group.RESUMES: "🟢",
    Group.ENROLLS: "🟢",
    Group.PAUSED: "⏸",
    Group.FORGOTTEN: "⚪",
}
_CHANGED = "🟡"
_DASH = "–"  # noqa: RUF001 - a dash is meant
_COLUMNS = ("Campaign", "What happens", "People", "Emails", "Finishes")
_FIGURES = ("People", "Emails")
_WAITING = (ActionStatus.HELD, ActionStatus.SCHEDULED)
_NAMED = 4
_NAME, _WORDS = 80, 160


def render_plan_markdown(
    plan: Plan,
    *,
    emails: Mapping[str, Sequence[SequenceStep]] | None = None,
    commit: str | None = None,
    fit: Fit = COMMENT,
) -> str:
    """Write a plan for a pull request. Its first line is the marker of `markdown.marker`.

    `emails` are the steps of each campaign as its file has them, by key; without them no email is shown as it reads.
    `commit` names what the files are. At most `fit.max_bytes` are written, in UTF-8; at least `budget.SMALLEST` are
    needed. Left out are, in this order: the technical plan, the emails, what changed in texts, campaigns without a
    change, notes, what waits, rows of the table from its end, and what needs somebody from its end.
    """
    entries = entries_of(plan)
    zone, _ = zone_of(plan.timezone)
    start = plan.created_at.astimezone(zone)
    problems = [item for item in plan.diagnostics if item.severity is Severity.ERROR]
    needs = Part(
        count=sum(entry.group is Group.NEEDS_YOU for entry in entries) + len(problems),
        pieces=lambda: _needs(entries, problems),
        frame=lambda text: f"### ❌ Needs you\n\n{text}",
        left=lambda left: f"{count(left, 'more thing')} that {'needs' if left == 1 else 'need'} you.",
        by_piece=True,
    )
    unread = _unread(plan, entries, problems)
    rows = Part(
        count=len(entries) + len(unread),
        pieces=lambda: _rows(entries, unread),
        frame=_table,
        left=lambda left: f"{count(left, 'more campaign')} of this plan.",
        by_piece=True,
    )
    waits = plandetailmd.waiting(entries)
    notes = plandetailmd.notes(plan)
    unchanged = _unchanged(plan, entries, problems)
    copy = plandetailmd.copy_changes(entries)
    mails = plandetailmd.emails(entries, emails or {}, start)
    technical = plandetailmd.technical(plan, entries)
    parts: list[Part | str] = [
        marker("plan", plan.workspace, plan.environment) + _heading(plan, entries, needs.count),
        _merged(plan, entries, start),
        needs,
        rows,
        *([load] if (load := mailbox_load(plan.forecast)) else []),
        waits,
        notes,
        unchanged,
        mails,
        copy,
        technical,
        _footer(plan, commit, start),
    ]
    return fitted(parts, [technical, mails, copy, unchanged, notes, waits, rows, needs], fit)


def _heading(plan: Plan, entries: Sequence[Entry], needs: int) -> str:
    """Count what matters: each campaign once, in the first of these that it is."""
    launched = changed = removed = waiting = 0
    for entry in entries:
        ready = set(entry.kinds(ActionStatus.READY))
        waiting += entry.group in {Group.WAITS, Group.SCHEDULED}
        if ready & {Kind.START, Kind.RESUME}:
            launched += 1
        elif Kind.FORGET in ready:
            removed += 1
        elif entry.group > Group.SCHEDULED:
            changed += 1
    told = f"{launched:,} to launch, {changed:,} changed, {removed:,} removed"
    if not entries and not needs:
        told = "nothing to change"
    told += f" · ⏳ waits: {waiting:,}" if waiting else ""
    told += f" · ❌ needs you: {needs:,}" if needs else ""
    return f"## 📬 Campaign plan {code(cut(plan.environment, _NAME))} – {told}\n"  # noqa: RUF001 - a dash is meant


def _merged(plan: Plan, entries: Sequence[Entry], start: datetime) -> str:
    """Say who gets email if this is merged, and from when on."""
    if not entries:
        errors = any(item.severity is Severity.ERROR for item in plan.diagnostics)
        return "Nothing is planned: what is told below says why.\n" if errors else f"{nothing_words(plan)}\n"
    new = plan.summary.new_recipients
    resumed = resumed_words(entries)
    told = ["If merged, nobody new is enrolled." if resumed else "If merged, nobody gets a first email."]
    if new:
        sending = [entry.planned.sending for entry in entries if entry.sends(ActionStatus.READY)]
        firsts = [item.first for item in sending if item is not None and item.first is not None]
        first = prose(name_of(min(firsts))) if firsts else day(start)
        told = [f"If merged: **{count(new, 'new person', 'new people')}** {_get(new)} email from **{first}**."]
    later = sum(entry.planned.people.held for entry in entries if entry.sends(*_WAITING))
    if later:
        told.append(f"Later, once what they wait for is there: {people(later)}.")
    return " ".join([*told, *([resumed] if resumed else [])]) + "\n"


def _get(number: int) -> str:
    return "gets" if number == 1 else "get"


def _needs(entries: Iterable[Entry], problems: Iterable[Diagnostic]) -> Iterator[str]:
    yield from map(plandetailmd.problem_line, problems)
    for entry in entries:
        if entry.group is Group.NEEDS_YOU:
            yield f"- **{code(cut(entry.planned.key, _NAME))}**{_place(entry.place)}\n" + "".join(_why(entry))


def _why(entry: Entry) -> Iterator[str]:
    reasons = dict.fromkeys(action.reason for action in entry.actions if action.status is ActionStatus.BLOCKED)
    yield from plandetailmd.reason_lines("\n".join(reasons))
    if told := _not_done(entry):
        yield f"  - Not done: {prose(told)}\n"


def _not_done(entry: Entry) -> str:
    blocked = (action for action in entry.actions if action.status is ActionStatus.BLOCKED)
    return _several([path_words(change.path) for action in blocked for change in action.changes])


def _place(place: str) -> str:
    return f" {code(cut(place, _WORDS))}" if place else ""


def _rows(entries: Iterable[Entry], unread: Iterable[PlannedCampaign]) -> Iterator[str]:
    for campaign in unread:
        cells = _name("❌", campaign), "nothing can be planned for it", *_as_it_is(campaign)
        yield table_row(cells)
    for entry in entries:
        name = _name(_MARKS.get(entry.group, _CHANGED), entry.planned)
        yield table_row((name, sentence(cut(_what(entry), _WORDS)), _people(entry), *_mail(entry)))


def _table(rows: str) -> str:
    return table_head(_COLUMNS, figures=_FIGURES) + rows


def _name(mark: str, campaign: PlannedCampaign) -> str:
    return f"{mark} {code(cut(campaign.key, _NAME))}"


def _what(entry: Entry) -> str:
    """Say in a few words what happens to a campaign."""
    if entry.group is Group.NEEDS_YOU:
        reasons = (line for action in entry.by_weight() for line in action.reason.split("\n"))
        why = _not_done(entry) or next((line.strip() for line in reasons if line.strip()), "")
        return f"needs you: {why}" if why else "needs you"
    now = happens(entry)
    if entry.group in {Group.WAITS, Group.SCHEDULED}:
        failed = failed_words([action for action in entry.actions if action.status in _WAITING])
        sending = entry.planned.sending
        until = f", until {name_of(sending.first)}" if sending is not None and sending.first else ""
        why = f"waits{': ' if failed else ''}{', '.join(failed)}{until}"
        return f"{now}; {why}" if now else why
    changed = [
        _change(c.path, c.before, c.after) for a in entry.actions if a.kind in plandetailmd.EDITS for c in a.changes
    ]
    return f"{now}: {_several(changed)}" if changed else now


def _change(path: str, before: object, after: object) -> str:
    words = path_words(path)
    if path.endswith(".delayDays") and isinstance(before, int) and isinstance(after, int):
        return f"{words} {before} → {after} days"
    return words


def _several(parts: Sequence[str]) -> str:
    more = len(parts) - _NAMED
    return ", ".join([*parts[:_NAMED], f"{more:,} more"] if more > 0 else parts)


def _people(entry: Entry) -> str:
    """Count the enrolled, before and after; what waits is counted as if it were done."""
    counted = entry.planned.people
    before = counted.enrolled or 0
    kinds = set(entry.kinds(ActionStatus.READY, *_WAITING))
    added = counted.new - counted.later or counted.later
    if Kind.ENROLL in kinds and added:
        return f"{before:,} → {before + added:,}"
    return f"{before:,}" if before else _draft(entry.planned)


def _draft(campaign: PlannedCampaign) -> str:
    return "draft" if "draft" in {campaign.desired, campaign.live} else _DASH


def _mail(entry: Entry) -> tuple[str, str]:
    """Count the emails that are to come, and say when the last one goes out, as far as there is a forecast."""
    campaign = entry.planned
    if campaign.sending is None and entry.sends(ActionStatus.READY, *_WAITING) and campaign.people.new:
        return f"{campaign.people.new * len(campaign.steps):,}", _DASH
    return _emails(campaign), _finish(campaign)


def _as_it_is(campaign: PlannedCampaign) -> tuple[str, str, str]:
    """Return the figures of a campaign that nothing is done with."""
    enrolled = campaign.people.enrolled
    return f"{enrolled:,}" if enrolled else _draft(campaign), _emails(campaign), _finish(campaign)


def _emails(campaign: PlannedCampaign) -> str:
    return f"{campaign.sending.emails:,}" if campaign.sending is not None else _DASH


def _finish(campaign: PlannedCampaign) -> str:
    if campaign.sending is None:
        return _DASH
    return prose(name_of(campaign.sending.last)) if campaign.sending.last else "after the forecast"


def _unread(plan: Plan, entries: Sequence[Entry], problems: Sequence[Diagnostic]) -> list[PlannedCampaign]:
    """Return the campaigns of which nothing can be planned: an error names them, and they have no action."""
    named = {item.campaign for item in problems} - {entry.planned.key for entry in entries}
    return [campaign for campaign in plan.campaigns if campaign.key in named]


def _unchanged(plan: Plan, entries: Sequence[Entry], problems: Sequence[Diagnostic]) -> Part:
    shown = {entry.planned.key for entry in entries} | {item.campaign for item in problems}
    rest = [campaign for campaign in plan.campaigns if campaign.key not in shown]

    def rows() -> Iterator[str]:
        for campaign in rest:
            yield table_row((code(cut(campaign.key, _NAME)), prose(campaign.live), *_as_it_is(campaign)))

    title = f"{count(len(rest), 'campaign')} without a change"
    columns = ("Campaign", "Now", *_COLUMNS[2:])
    return Part(
        count=len(rest),
        pieces=rows,
        frame=lambda text: plandetailmd.fold(f"💤 {title}", table_head(columns, figures=_FIGURES) + text),
        left=lambda _: f"{title}.",
    )


def _footer(plan: Plan, commit: str | None, start: datetime) -> str:
    _, place = zone_of(plan.timezone)
    parts = [
        f"Plan {code(plan.digest[:8])}",
        prose(cut(plan.workspace, _NAME // 2)),
        *([code(cut(commit, _NAME))] if commit else []),
        f"read {moment(start)} {prose(place)}",
        "applies as long as nothing moves",
    ]
    return f"{' · '.join(parts)}\n"
