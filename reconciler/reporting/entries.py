"""The campaigns of a plan, and what each is counted as."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from reconciler.model.plan import Action, ActionStatus, Effect, Kind, People, Plan, PlannedCampaign


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
    REFRESHED = 10
    SUPPRESSES = 11
    MOVED = 12
    ADOPTED = 13
    FORGOTTEN = 14


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
    Group.REFRESHED: _Look("~", "cyan", "brought up to date", "brought up to date"),
    Group.SUPPRESSES: _Look("~", "cyan", "suppresses", "suppress"),
    Group.MOVED: _Look("→", "cyan", "gets a new key", "get new keys"),
    Group.ADOPTED: _Look("=", "cyan", "taken over", "taken over"),
    Group.FORGOTTEN: _Look("−", "dim", "no longer managed", "no longer managed"),  # noqa: RUF001 - a minus sign is meant
}
"""Mark, colour and the words of the counts line."""

_READY_GROUPS: tuple[tuple[Kind | None, Group], ...] = (
    (Kind.START, Group.STARTS),
    (Kind.RESUME, Group.RESUMES),
    (Kind.ENROLL, Group.ENROLLS),
    (Kind.PAUSE, Group.PAUSED),
    (Kind.CREATE, Group.CREATED),
    (Kind.REPLACE, Group.UPDATED),
    (Kind.UPDATE, Group.UPDATED),
    (None, Group.REFRESHED),
    (Kind.SUPPRESS, Group.SUPPRESSES),
    (Kind.MOVE, Group.MOVED),
    (Kind.ADOPT, Group.ADOPTED),
    (Kind.FORGET, Group.FORGOTTEN),
)
"""The first that a campaign has decides; None stands for an enrolment of new details only."""


def only_details(counted: People, kinds: Iterable[Kind]) -> bool:
    """Whether an enrolment brings known people up to date in a campaign that was started before, and adds nobody."""
    return counted.new == 0 and counted.changed > 0 and not {Kind.REPLACE, Kind.START}.intersection(kinds)


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
        kinds = {None if a.kind is Kind.ENROLL and self.only_details else a.kind for a in self.actions}
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
        return any(action.status in statuses and self.emails(action) for action in self.actions)

    @property
    def only_details(self) -> bool:
        """Whether its enrolment, if it has one, adds nobody."""
        return only_details(self.planned.people, (action.kind for action in self.actions))

    def emails(self, action: Action) -> bool:
        """Whether this action sends email."""
        if action.kind is Kind.ENROLL and self.only_details:
            return False
        return action.effect is Effect.IRREVERSIBLE


def entries_of(plan: Plan) -> list[Entry]:
    """Return the campaigns of a plan that have actions: what needs a person first, then by key."""
    actions: dict[str, list[Action]] = {}
    for action in plan.actions:
        actions.setdefault(action.campaign, []).append(action)
    planned = {campaign.key: campaign for campaign in plan.campaigns}
    entries = [Entry(planned.get(key) or _unlisted(key), tuple(own)) for key, own in actions.items()]
    return sorted(entries, key=lambda entry: (entry.group, entry.planned.key))


def _unlisted(key: str) -> PlannedCampaign:
    return PlannedCampaign(key=key, name=key, digest="", desired="", live="")
