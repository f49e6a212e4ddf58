"""The plan of one campaign, before it is known how much room the others leave it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.diagnostics import Diagnostic, SourceRange, error, note
from reconciler.model.campaign import Campaign, SequenceStep
from reconciler.model.live import Live, LiveCampaign, Replies
from reconciler.model.plan import Action, ActionStatus, Change, Effect, Kind, People
from reconciler.model.roster import Hashes, Roster
from reconciler.model.state import CampaignState, State
from reconciler.model.workspace import Budget, Desired
from reconciler.planning.budgets import Budgets
from reconciler.planning.diff import changes, created, step_changes
from reconciler.planning.facts import Facts
from reconciler.planning.identity import Subject, settle
from reconciler.planning.lifecycle import EFFECTS, STARTED_ROWS, TABLE, Cell, Column, Row, column_of, row_of
from reconciler.planning.pacing import Wave, wave
from reconciler.planning.prospects import set_free, waits_of

NO_ROSTER = Roster(source="", at_hand=True)
NO_WAVE = Wave(0)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything a plan is made from. `steps` are the blobs of rendered steps, by their digest.

    `rosters` is by key of the files, `ledgers` holds the address hashes of vanished campaigns. `found` are keys of
    drafts that an interrupted run created, `unsure` says why nothing can be planned for a key, and `interrupted` tells
    what such a run left. `allow` is `--allow`. `replies` are those to campaigns whose next wave depends on them, by key
    of the state; where they could not be read, there is no entry.
    """

    desired: Desired
    state: State
    live: Live
    rosters: Mapping[str, Roster]
    steps: Mapping[str, tuple[SequenceStep, ...]]
    ledgers: Mapping[str, Hashes]
    now: datetime
    tool: str
    targets: frozenset[str] | None = None
    found: frozenset[str] = frozenset()
    unsure: Mapping[str, str] = field(default_factory=dict)
    interrupted: tuple[Diagnostic, ...] = ()
    allow: Mapping[Budget, int] = field(default_factory=dict)
    replies: Mapping[str, Replies] = field(default_factory=dict)

    @property
    def budgets(self) -> Budgets:
        """How much this plan may do."""
        return Budgets(self.desired.policy, self.desired.allow, self.allow)

    @property
    def known(self) -> dict[str, CampaignState]:
        """What the state has of each campaign that may be there, by its key; those that come back are among them."""
        subjects = settle(self.desired, self.state, self.targets, self.found)
        back = {subject.known_key: subject.known for subject in subjects if subject.known is not None}
        return {**self.state.campaigns, **back}

    def sent(self, digest: str | None) -> tuple[SequenceStep, ...] | None:
        """Return the steps of this digest, where they are kept."""
        return None if digest is None else self.steps.get(digest)


@dataclass(slots=True)
class Draft:
    """The actions of one campaign, without guards yet. `facts` is there where something irreversible is among them.

    `receive` counts the people who would get a first email; `afresh`: a new draft certainly takes over; `facts_hold`
    says why nobody more may be written to.
    """

    subject: Subject
    row: Row
    column: Column
    roster: Roster
    actions: list[Action] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    facts: Facts | None = None
    facts_hold: str | None = None
    receive: int = 0
    wave: Wave = NO_WAVE
    afresh: bool = False


def draft(subject: Subject, inputs: Inputs) -> Draft:
    """Look the campaign up in the lifecycle table and fill the cell in."""
    live = inputs.live.campaigns.get(subject.known_key)
    row = row_of(subject.known, live)
    column = column_of(subject.campaign.status if subject.campaign else None)
    cell = TABLE[row, column]
    made = Draft(subject, row, column, inputs.rosters.get(subject.key, NO_ROSTER))
    unread = f" ({live.problem})" if live and live.problem and row is Row.UNKNOWN else ""
    if _unplannable(made, cell, unread, inputs):
        return made
    for kind in subject.via:
        renamed = (Change(path="key", before=subject.known_key, after=subject.key),) if kind is Kind.MOVE else ()
        made.actions.append(_action(made, kind, _via_reason(kind, subject), renamed))
    if row is Row.UNKNOWN:
        words = f"{subject.key}: its live state could not be read{unread}; a pause does no harm, whatever it is"
        made.diagnostics.append(error("unread", words, at=_place(subject), campaign=subject.key))
    if cell.note is not None:
        made.diagnostics.append(
            note("not-yet", f"{subject.key}: {cell.note}", at=_place(subject), campaign=subject.key)
        )
    if subject.already_moved and subject.campaign is not None:
        words = f"{subject.key}: the rename from {subject.campaign.moved_from} is done; `moved` can go from the file"
        made.diagnostics.append(note("moved-done", words, at=_place(subject), campaign=subject.key))
    frozen = _frozen(made, inputs)
    if made.row in STARTED_ROWS and "update" in _open(made, inputs):
        made.facts_hold = _TEXT_UNKNOWN.format(key=subject.known_key)
    for kind in (*_stopped_late(made, inputs), *cell.kinds):
        _add(made, kind, cell, live, inputs)
    if any(action.effect is Effect.IRREVERSIBLE for action in made.actions):
        made.facts = _facts(made, live, inputs, frozen or made.facts_hold)
    return made


def _unplannable(made: Draft, cell: Cell, unread: str, inputs: Inputs) -> bool:
    """Handle what nothing is planned for, and what is left as it is."""
    subject, at = made.subject, _place(made.subject)
    if cell.error is not None:
        words = cell.error.format(key=subject.known_key) + unread
        code = "gone" if made.row is Row.GONE else "unread"
        made.diagnostics.append(error(code, f"{subject.key}: {words}", at=at, campaign=subject.key))
    elif subject.known_key in inputs.unsure:
        words = f"{subject.key}: {inputs.unsure[subject.known_key]}; nothing is planned for it until that is known"
        made.diagnostics.append(error("unread", words, at=at, campaign=subject.key))
    elif subject.problem is not None:
        made.actions = [_action(made, kind, subject.problem, blocked=True) for kind in cell.kinds]
        if not made.actions:
            words = f"{subject.key}: {subject.problem}"
            made.diagnostics.append(error("identity", words, at=at, campaign=subject.key))
    else:
        return False
    return True


def _stopped_late(made: Draft, inputs: Inputs) -> tuple[Kind, ...]:
    """Pause what was stopped, and what an interrupted run, or stop, may have left running (design §4).

    That one would have paused it; where its status cannot be read, a pause does no harm.
    """
    key, live = made.subject.known_key, inputs.live.campaigns.get(made.subject.known_key)
    if inputs.state.stop_for(key) is None or made.column not in {Column.RUNNING, Column.DRAFT} or live is None:
        return ()
    may_run = made.row is Row.RUNNING or (not live.status_read and made.row in {Row.DRAFT, *STARTED_ROWS})
    return (Kind.PAUSE,) if may_run and {"start", "resume", "pause"} & _open(made, inputs) else ()


def _open(made: Draft, inputs: Inputs) -> set[str]:
    """Return the kinds of what an interrupted run left open for this campaign."""
    return {intent.kind for intent in inputs.state.open_for(made.subject.known_key).values()}


def _add(made: Draft, kind: Kind, cell: Cell, live: LiveCampaign | None, inputs: Inputs) -> None:
    """Add one candidate of the cell, if there is anything to do for it."""
    campaign, known, roster = made.subject.campaign, made.subject.known, made.roster
    if kind is Kind.UPDATE and campaign is not None and known is not None and live is not None:
        if cell.blocked is not None:
            status = Change(path="status", before=live.status.value, after=campaign.status.value)
            made.actions.append(_action(made, kind, cell.blocked, (status,), blocked=True))
            return
        _add_update(made, campaign, known, live, inputs)
    elif kind is Kind.CREATE and campaign is not None:
        made.actions.append(_action(made, kind, "", created(campaign)))
    elif kind is Kind.ENROLL:
        made.wave, changed = _wave(made, inputs), 0 if made.afresh else roster.changed
        new = made.wave.today + made.wave.later
        if changed or not roster.at_hand or (new if made.row is Row.RUNNING else made.wave.today):
            words = _enroll_reason(made.wave, changed) if made.row in STARTED_ROWS or made.wave.later else ""
            made.actions.append(_action(made, kind, words))
    else:
        made.actions.append(_action(made, kind, _REASONS.get((kind, made.column), _REASONS_ANY.get(kind, ""))))


def _wave(made: Draft, inputs: Inputs) -> Wave:
    """Say who of the new people is enrolled today; a new draft has nobody yet."""
    campaign, roster = made.subject.campaign, made.roster
    if campaign is None:
        return Wave(0)
    known, new = (None, roster.leads) if made.afresh else (made.subject.known, roster.new)
    return wave(campaign, known, new, inputs.now, inputs.desired.policy.timezone)


def _add_update(made: Draft, campaign: Campaign, known: CampaignState, live: LiveCampaign, inputs: Inputs) -> None:
    sent, read_back = inputs.sent(known.steps_digest), inputs.sent(known.read_back_digest)
    found = changes(campaign, known, live, sent=sent, read_back=read_back)
    running, patch = made.column is Column.RUNNING, inputs.live.capabilities.patch_campaign
    strangers = _strangers(known, made.roster) if running else None
    left_open = _open(made, inputs)
    if "start" in left_open and (strangers is not None or found or "update" in left_open):
        made.actions.append(_action(made, Kind.UPDATE, _MAY_RUN, found, blocked=True))
        made.facts_hold = _MAY_RUN
    elif strangers is not None:
        # Nobody can be taken out of a draft by API, and starting it would write to people who are not on the list.
        made.afresh = True
        made.actions.append(_action(made, Kind.REPLACE, f"{strangers}: a new draft takes over", found))
    elif found or "update" in left_open:
        made.afresh = patch is False
        words = _NEW_DRAFT if patch is False else "" if found else _WRITTEN_AGAIN
        made.actions.append(_action(made, Kind.UPDATE, words, found, fallback=Kind.REPLACE))


def _strangers(known: CampaignState, roster: Roster) -> str | None:
    """Say whether a draft holds people whom its list does not name: nobody here knows what they would read."""
    if known.outside:
        count = f"{abs(known.outside):,} {'lead' if abs(known.outside) == 1 else 'leads'}"
        return f"the draft's leads differ by {count} from those this repository enrolled"
    if known.accepted and roster.gone:
        return f"{roster.gone:,} of the draft's leads are no longer on the list"
    return None


_MAY_RUN = (
    "an interrupted run may have started it, and its status cannot be read here, so it is not changed any more; "
    "revert the edit, or look in Leadterra and take it as it is with `reconciler import`"
)
_TEXT_UNKNOWN = (
    "an interrupted run may have changed its text before it was started, and what it sends cannot be read here; look "
    "in Leadterra, then take it as it is with `reconciler import {key}` and its id"
)
_WRITTEN_AGAIN = "an interrupted run may have changed it otherwise; it is written again"
_NEW_DRAFT = "this server cannot change a draft, so a new one takes over and the old one stays in Leadterra"


def _frozen(made: Draft, inputs: Inputs) -> str | None:
    """Handle steps that differ from those a started campaign is sending (design §5, note 2).

    An edit of the campaign's own file is blocked, and holds what would write to more people with the old text; a
    shared template that changed is only told.
    """
    campaign, known = made.subject.campaign, made.subject.known
    if campaign is None or known is None or made.row not in STARTED_ROWS:
        return None
    if made.column not in {Column.RUNNING, Column.PAUSED}:
        return None
    if campaign.name != known.name:
        words = f'{campaign.key}: a started campaign keeps its name in Leadterra, "{known.name}"'
        made.diagnostics.append(note("name-frozen", words, at=_place(made.subject), campaign=campaign.key))
    if campaign.steps_digest == known.steps_digest:
        return None
    changed = {
        source
        for source in {*campaign.sources, *known.sources}
        if campaign.sources.get(source) != known.sources.get(source)
    }
    shared = changed - {".", *campaign.own_sources}
    if known.sources and changed and changed == shared:
        words = f"{campaign.key} has been started and keeps the old text: {', '.join(sorted(shared))} changed"
        made.diagnostics.append(note("shared-template", words, at=_place(made.subject), campaign=campaign.key))
        return None
    since = f" since {known.started_at:%d %b %Y}" if known.started_at else ""
    words = (
        f"its steps were edited, but it has been sending{since} and its steps are frozen; revert the edit, "
        f'stop it with `reconciler stop {campaign.key} --reason "…"`, or give the new text to a new key: that starts '
        "from step 1, for everybody on its list"
    )
    found = step_changes(inputs.sent(known.steps_digest), campaign.steps)
    edit = _action(made, Kind.UPDATE, words, found, blocked=True)
    made.actions.append(edit.model_copy(update={"line": _line(campaign, found)}))
    return "its steps were edited and are frozen: new people would read the old text"


def _line(campaign: Campaign, found: tuple[Change, ...]) -> int:
    """Return the line of the first step that differs, or of the campaign where that step is gone from its file."""
    number = re.match(r"sequenceSteps\[(\d+)\]", found[0].path) if found else None
    lines = campaign.step_lines
    return lines[int(number[1])] if number and int(number[1]) < len(lines) else campaign.line


def _facts(made: Draft, live: LiveCampaign | None, inputs: Inputs, frozen: str | None) -> Facts | None:
    campaign, known, roster = made.subject.campaign, made.subject.known, made.roster
    if campaign is None:
        return None
    there = None if made.afresh else known
    if made.row in STARTED_ROWS:
        stats = live.stats if live else None
        expected = (stats.total_enrolled if stats else 0) + made.wave.today
        made.receive = made.wave.today
        sent = inputs.sent(known.steps_digest) if known else None
        waits = waits_of(campaign.steps if sent is None else sent)
    else:
        expected = made.receive = made.wave.today + (there.expected_enrolled if there else 0)
        waits = waits_of(campaign.steps)
    key = made.subject.key
    return Facts(
        campaign=campaign,
        known=known,
        live=live,
        roster=roster,
        policy=inputs.desired.policy,
        now=inputs.now,
        stop=inputs.state.stop_for(made.subject.key) or inputs.state.stop_for(made.subject.known_key),
        accounts=inputs.live.accounts,
        capacity=None,
        lots=set_free(key, there, live if made.row in STARTED_ROWS else None, waits, made.wave, inputs.now),
        waits=waits,
        expected=expected,
        wave=made.wave,
        refreshed=inputs.live.refreshed,
        frozen=frozen,
        in_flight=inputs.state.in_flight(made.subject.known_key),
        replies=inputs.replies.get(made.subject.known_key),
    )


def people(made: Draft, inputs: Inputs) -> People:
    """Count the people of a campaign for its row in the plan."""
    live = inputs.live.campaigns.get(made.subject.known_key)
    ready = any(action.effect is Effect.IRREVERSIBLE and action.status is ActionStatus.READY for action in made.actions)
    roster, afresh = made.roster, made.afresh
    return People(
        receive=made.receive if ready else 0,
        held=0 if ready else made.receive,
        rows=roster.rows if roster.at_hand else None,
        leads=roster.leads if roster.at_hand else None,
        new=roster.leads if afresh else roster.new,
        changed=0 if afresh else roster.changed,
        gone=0 if afresh else roster.gone,
        duplicates=roster.duplicates,
        rejected=roster.rejected,
        filtered=roster.filtered,
        elsewhere=roster.elsewhere,
        beyond=roster.beyond,
        refused=0 if afresh else roster.refused,
        outdated=0 if afresh else roster.outdated,
        later=made.wave.later,
        left_out=roster.left_out,
        enrolled=live.stats.total_enrolled if live and live.stats else None,
    )


def _action(
    made: Draft,
    kind: Kind,
    reason: str,
    found: tuple[Change, ...] = (),
    *,
    blocked: bool = False,
    fallback: Kind | None = None,
) -> Action:
    place = _place(made.subject)
    return Action(
        campaign=made.subject.key,
        kind=kind,
        status=ActionStatus.BLOCKED if blocked else ActionStatus.READY,
        effect=EFFECTS[kind],
        file=place.file,
        line=place.line,
        reason=reason,
        fallback=fallback,
        changes=found,
    )


def _place(subject: Subject) -> SourceRange:
    if subject.campaign is not None:
        return SourceRange(file=subject.campaign.file, line=subject.campaign.line)
    return SourceRange(file=subject.known.file if subject.known else "")


def _via_reason(kind: Kind, subject: Subject) -> str:
    if kind is Kind.MOVE:
        return f"was {subject.known_key}"
    return "an interrupted run created it" if subject.found else "it was managed here before, and is again"


def _enroll_reason(wave_today: Wave, changed: int) -> str:
    new, later = wave_today.today, wave_today.later
    parts = [f"{new:,} new {'lead' if new == 1 else 'leads'}"] if new else []
    parts += [f"{changed:,} with changed fields"] if changed else []
    parts += [f"{later:,} more in later waves"] if later else []
    return ", ".join(parts)


_LEFT_RUNNING = "it is stopped, and what was interrupted may have left it running"
_REASONS = {
    (Kind.PAUSE, Column.RUNNING): _LEFT_RUNNING,
    (Kind.PAUSE, Column.DRAFT): _LEFT_RUNNING,
    (Kind.PAUSE, Column.PAUSED): "its file says paused",
    (Kind.PAUSE, Column.ARCHIVED): "its file says archived",
    (Kind.PAUSE, Column.FILE_GONE): "its file is gone",
    (Kind.FORGET, Column.ARCHIVED): "its file says archived; it stays in Leadterra",
    (Kind.FORGET, Column.FILE_GONE): "its file is gone; it stays in Leadterra",
}
_REASONS_ANY = {
    Kind.RESUME: "its file says running, and the pause was ours",
}
