"""What to run next, after a run that left something: the last lines of a report, and `next` of a receipt."""

import re
from collections.abc import Callable, Iterable

from reconciler.model.plan import Action, GuardResult, Kind, Plan
from reconciler.model.report import ActionResult, Outcome, Report
from reconciler.planning.approvals import NOT_APPROVED
from reconciler.planning.withholding import REASON
from reconciler.reporting.checks import waiting_helps
from reconciler.reporting.words import joined

_NAMED = 3
_LEFT = {REASON, NOT_APPROVED}
_UNFINISHED = {Outcome.UNKNOWN, Outcome.FAILED, Outcome.NOT_ATTEMPTED}
_WAITING = {Outcome.HELD, Outcome.SCHEDULED}
_TIMES = {
    "capacity": re.compile(r"there is room for it (\w{3} \d{1,2} \w{3}(?: \d{4})? \d\d:\d\d)"),
    "not-before": re.compile(r"not before (\w{3} \d{1,2} \w{3}(?: \d{4})? \d\d:\d\d)"),
    "window": re.compile(r"outside the start window; it opens (\w{3} \d{1,2} \w{3} \d\d:\d\d)"),
}
"""When these guards will pass, in their own words (`planning.guards.when`)."""

_LIFT = re.compile(r"lift it with `reconciler stop (--all|[a-z0-9][a-z0-9._-]*) --lift`")
"""How the guard `stop` ends."""

Command = Callable[..., str]
"""Writes a command for this place: `command("plan", "--out", "p.json")` is `reconciler plan --env staging --out …`."""


def next_steps(
    report: Report, plan: Plan | None, *, again: str, command: Command, saved: str | None = None
) -> tuple[str, ...]:
    """Say what to run next, a line each; empty where nothing is left.

    `again` is the command that was run, `saved` the file of the plan that approved it. `plan` is None where the run
    ended before there was one.
    """
    if not report.results and report.exit_code not in {0, None}:
        return (_before_anything(report, again, command),)
    moved = {item.campaign for item in report.moved}
    withheld = any(item.detail == REASON for item in report.results)
    unapproved = any(item.detail == NOT_APPROVED for item in report.results)
    own = [item for item in report.results if item.campaign not in moved and item.detail not in _LEFT]
    actions = {} if plan is None else {(action.campaign, action.kind): action for action in plan.actions}
    lines = [*_again(report, own, actions, again)]
    lines += _stops(own, actions, command)
    if any(item.outcome is Outcome.BLOCKED for item in own):
        lines.append("What needs you stays as it is until its cause, told above, is put right.")
    if unapproved:
        lines.append(f"What nobody has approved is left: `{again.replace(' --approved-only', '')}` asks about it.")
    if withheld:
        lines.append(f"What sends email is left: `{again.replace(' --no-send', '')}` does it.")
    if moved:
        file = saved or "plan.json"
        review, apply = command("plan", *_targets(plan), "--out", file), command("apply", file)
        lines.append(f"What moved was not touched. Review it anew with `{review}`, then `{apply}`.")
    return tuple(lines)


def _before_anything(report: Report, again: str, command: Command) -> str:
    if report.interrupted:
        return f"Run `{again}` again."
    if any(item.code == "bug" for item in report.diagnostics):
        return f"`{command('plan')}` shows where things stand."
    return f"Put right what is told, then run `{again}` again."


def _targets(plan: Plan | None) -> list[str]:
    return [word for target in (plan.targets if plan else ()) for word in ("--target", target)]


_Actions = dict[tuple[str, Kind], Action]


def _again(report: Report, results: Iterable[ActionResult], actions: _Actions, again: str) -> list[str]:
    """Say whether to run the same again, at once or later, and which campaigns that does not help."""
    results = list(results)
    left = sum(item.outcome in _UNFINISHED for item in results)
    stuck, waiting = _waiting(results, actions)
    lines = []
    if report.interrupted or left:
        words = "the one action that is left" if left == 1 else f"the {left:,} actions that are left"
        does = f"it does {words if left else 'the rest'}, and nothing twice"
        lines.append(f"Run `{again}` again: {does}.")
    elif waiting:
        times = _times(waiting, actions)
        until = f" ({_some(times)})" if times else ""
        lines.append(f"Run `{again}` again later{until}: what waits is looked at anew.")
    if stuck:
        words = _some(stuck)
        lines.append(f"Waiting does not help {words}: nothing changes until the cause, told above, is put right.")
    return lines


def _waiting(results: Iterable[ActionResult], actions: _Actions) -> tuple[list[str], list[str]]:
    """Tell apart what waits, by key: the campaigns that time does not help, and those that it may help."""
    stuck: dict[str, None] = {}
    waiting: dict[str, None] = {}
    for item in results:
        if item.outcome in _WAITING:
            action = actions.get((item.campaign, item.kind))
            helped = action is None or waiting_helps([action])
            (waiting if helped else stuck)[item.campaign] = None
    return list(stuck), list(waiting)


def _times(keys: Iterable[str], actions: _Actions) -> list[str]:
    """Say from when on a campaign may go, where its guards tell."""
    wanted = dict.fromkeys(keys)
    found: dict[str, str] = {}
    for (key, _), action in actions.items():
        for guard in action.guards:
            match = _TIMES[guard.id].search(guard.detail) if key in wanted and _failed(guard, _TIMES) else None
            if match is not None:
                found.setdefault(key, f"{key} from {match[1]}")
    return list(found.values())


def _failed(guard: GuardResult, ids: Iterable[str]) -> bool:
    return guard.passed is False and guard.id in ids


def _stops(results: Iterable[ActionResult], actions: _Actions, command: Command) -> list[str]:
    """Name the command that lifts each stop mark that held something."""
    lifts: dict[str, None] = {}
    for item in results:
        action = actions.get((item.campaign, item.kind))
        for guard in action.guards if action is not None and item.outcome is Outcome.HELD else ():
            # The words before it are those of whoever stopped it.
            matches = _LIFT.findall(guard.detail) if _failed(guard, {"stop"}) else []
            if matches:
                lifts[command("stop", matches[-1], "--lift")] = None
    return [f"Once the reason for the stop is gone: `{words}`." for words in lifts]


def _some(names: list[str]) -> str:
    """Name a few of many."""
    return joined(names if len(names) <= _NAMED else [*names[:_NAMED], f"{len(names) - _NAMED:,} more"])
