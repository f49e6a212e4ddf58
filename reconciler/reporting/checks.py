"""The checks before something is sent, in people's words, and which of them pass by themselves in time."""

from collections.abc import Iterable, Sequence

from reconciler.model.plan import Action, ActionStatus
from reconciler.reporting.layout import Line, say
from reconciler.reporting.words import unmade

_FAILED = {
    "stop": "stopped",
    "paused-outside": "paused by somebody else",
    "list": "list missing",
    "minimum-leads": "too few leads",
    "recontact": "written to already",
    "exclude": "excluded list missing",
    "tokens": "blank tokens",
    "enrolled": "counts differ",
    "never-sent": "sent before",
    "budget": "over budget",
    "health": "earlier waves went badly",
    "senders": "no active sender",
    "capacity": "no room in time",
    "pacing": "today's wave is enrolled",
    "not-before": "too early",
    "window": "outside the start window",
}
"""By guard; a guard that is not here is named by its id."""

_PASSES_IN_TIME = {"senders", "capacity", "pacing", "not-before", "window"}


def checked(actions: Sequence[Action]) -> list[Line]:
    """Show every check once, failed ones first; what the reason says already is only named."""
    guards = list(dict.fromkeys(item for action in actions for item in action.guards))
    reasons = "\n".join(action.reason for action in actions)
    items: list[Line] = [
        [
            say("✗ ", "red"),
            say(_name(item.id) if item.detail in reasons else item.detail),
        ]
        for item in guards
        if item.passed is False
    ]
    items += [[say("? ", "yellow"), say(text)] for text in unmade([item for item in guards if item.passed is None])]
    return items + [[say("✓ ", "green"), say(item.detail)] for item in guards if item.passed]


def failed_words(actions: Iterable[Action]) -> list[str]:
    """Name each check that fails, once."""
    failed = (item for action in actions for item in action.guards if item.passed is False)
    return list(dict.fromkeys(_name(item.id) for item in failed))


def _name(guard: str) -> str:
    return _FAILED.get(guard, guard.replace("-", " "))


def waiting_helps(actions: Iterable[Action]) -> bool:
    """Whether time alone may let these actions through: none needs a person, and no check fails that time leaves."""
    return all(
        action.status is not ActionStatus.BLOCKED
        and all(item.id in _PASSES_IN_TIME for item in action.guards if item.passed is False)
        for action in actions
    )
