"""A saved plan is an approval: which campaigns of a new plan it covers, and what moved in the others (design §5)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reconciler.diagnostics import Diagnostic, Severity, SourceRange, error
from reconciler.model.base import digest
from reconciler.model.plan import Action, ActionStatus, Change, Kind, Plan, PlannedCampaign
from reconciler.model.report import ActionResult, Moved, Outcome
from reconciler.model.state import Approval
from reconciler.planning.approvals import still_approved, unapproved
from reconciler.planning.diff import path_words
from reconciler.planning.lifecycle import STARTED_ROWS, Column
from reconciler.planning.planner import plan_digest

_SHOWN = 60
_BEFORE = 20
_STARTED = {row.value for row in STARTED_ROWS}
_NAMES = {
    "desired": "its status in its file",
    "live": "its status in Leadterra",
    "people": "the list of people",
    "people.leads": "the number of people",
    "people.new": "the number of new people",
    "changes": "what would be changed",
}


@dataclass(frozen=True, slots=True)
class _Side:
    """One campaign in one of the two plans. `problem` says why nothing is planned for it, where that is an error."""

    campaign: PlannedCampaign | None
    actions: tuple[Action, ...]
    problem: str | None

    @property
    def kinds(self) -> list[str]:
        return [action.kind.value for action in self.actions]

    @property
    def changes(self) -> dict[str, Change]:
        return {change.path: change for action in self.actions for change in action.changes}


def moved_since(approved: Plan, planned: Plan) -> dict[str, tuple[Moved, ...]]:
    """Return what moved, by key of each campaign of a new plan that the approval does not cover; empty: all is.

    Covered is what has an equal digest, and what is left of a campaign whose approved actions were carried out in part:
    then what it should be, its emails and its people are as approved, and nothing but approved actions is planned.
    """
    then, now = _sides(approved), _sides(planned)
    nothing = _Side(None, (), None)
    pairs = ((key, then.get(key, nothing), now.get(key, nothing)) for key in sorted({*then, *now}))
    return {key: _moved(key, old, new) for key, old, new in pairs if not _covers(old, new)}


def moved_since_all(
    approved: Sequence[Plan], planned: Plan, approvals: Mapping[str, Approval]
) -> dict[str, tuple[Moved, ...]]:
    """Return what moved in the campaigns that none of several approvals covers, compared with the last of them.

    `approvals` of the state cover what is left of a campaign of which one was carried out in part.
    """
    found: dict[str, tuple[Moved, ...]] = {}
    for number, one in enumerate(approved):
        going_on = still_approved(planned, one, approvals)
        moved = {key: items for key, items in moved_since(one, planned).items() if key not in going_on}
        found = moved if number == 0 else {key: items for key, items in moved.items() if key in found}
    return found


def not_reviewed(
    reviewed: Sequence[Plan], planned: Plan, approvals: Mapping[str, Approval]
) -> dict[str, tuple[Moved, ...]]:
    """Return what moved in the campaigns of which something is to be done that none of these plans has shown.

    Pauses need no review (design §1), and neither does what an approval of the state covers. Where there is no plan at
    all, nothing else was reviewed.
    """
    nothing = planned.model_copy(update={"campaigns": (), "actions": (), "diagnostics": ()})
    moved = moved_since_all(reviewed or (nothing,), planned, approvals)
    others = {*unapproved(planned, approvals)}
    return {key: found for key, found in moved.items() if key in others}


def tell_unreviewed(moved: Mapping[str, tuple[Moved, ...]], planned: Plan) -> tuple[Diagnostic, ...]:
    """Tell of each campaign that moved since it was reviewed, field by field, at its place."""
    places = {campaign.key: campaign for campaign in planned.campaigns}
    hint = "at most it is paused; open a pull request that shows it as it is now, or run the apply by hand"
    return tuple(
        error(
            "moved-since-review",
            f"{key} is not as it was reviewed: {'; '.join(map(words, found))}",
            hint=hint,
            at=SourceRange(file=place.file, line=place.line) if (place := places.get(key)) and place.file else None,
            campaign=key,
        )
        for key, found in moved.items()
    )


def with_pauses(plan: Plan, before: Plan, left_out: Collection[str]) -> Plan:
    """Add to a plan the pauses of the campaigns that were left out of it: nothing stands in their way (design §1).

    What else was to be done with them is not covered by an approval of this: their digests are of the pause alone.
    """
    pauses = tuple(
        item
        for item in before.actions
        if item.campaign in left_out and item.kind is Kind.PAUSE and item.status is ActionStatus.READY
    )
    keys = {item.campaign for item in pauses}
    campaigns = tuple(
        item.model_copy(update={"digest": digest(["pause", item.key])}) for item in before.campaigns if item.key in keys
    )
    if not pauses:
        return plan
    shown = tuple(sorted((*plan.campaigns, *campaigns), key=lambda item: item.key))
    summary = plan.summary.model_copy(update={"pause": plan.summary.pause + len(pauses)})
    return plan.model_copy(
        update={
            "campaigns": shown,
            "actions": (*pauses, *plan.actions),
            "summary": summary,
            "digest": plan_digest(plan.base.lineage, shown),
        }
    )


def not_touched(approved: Plan, planned: Plan, moved: Mapping[str, tuple[Moved, ...]]) -> tuple[ActionResult, ...]:
    """Report the actions of campaigns that moved: what would be done now, or else what was approved."""
    then, now = _sides(approved), _sides(planned)
    results = []
    for key, found in moved.items():
        actions = (now[key].actions if key in now else ()) or then[key].actions
        unknown = key not in then or key not in now
        detail = "\n  ".join([*([] if unknown else ["not as it was approved:"]), *map(words, found)])
        results += [
            ActionResult(campaign=key, kind=action.kind, outcome=Outcome.NOT_ATTEMPTED, detail=detail)
            for action in actions
            # A pause is made all the same (`with_pauses`).
            if not (action.kind is Kind.PAUSE and key in now and action in now[key].actions)
        ]
    return tuple(results)


def _sides(plan: Plan) -> dict[str, _Side]:
    actions: dict[str, tuple[Action, ...]] = {}
    for action in plan.actions:
        actions[action.campaign] = (*actions.get(action.campaign, ()), action)
    problems = {
        item.campaign: item.message
        for item in plan.diagnostics
        if item.campaign is not None and item.severity is Severity.ERROR
    }
    return {
        item.key: _Side(item, actions.get(item.key, ()), problems.get(item.key) if item.key not in actions else None)
        for item in plan.campaigns
    }


def _covers(then: _Side, now: _Side) -> bool:
    if not then.actions and not now.actions:
        return True
    if now.campaign is None or then.campaign is None:
        # What was let go is in no plan any more.
        return now.campaign is None and then.campaign is not None and then.campaign.desired == Column.FILE_GONE
    if then.campaign.digest == now.campaign.digest:
        return True
    if (then.campaign.desired, then.campaign.content) != (now.campaign.desired, now.campaign.content):
        return False
    if not now.actions:
        return now.problem is None
    kinds = _approved_kinds(then, then.campaign.live, now.campaign.live)
    changes = [change.model_dump(mode="json") for action in then.actions for change in action.changes]
    return all(
        action.kind in kinds and all(change.model_dump(mode="json") in changes for change in action.changes)
        for action in now.actions
    )


def _approved_kinds(then: _Side, then_live: str, now_live: str) -> set[Kind]:
    """Return what may still be done. A draft that was created meanwhile may be adopted instead of created.

    Where somebody started the campaign meanwhile, nobody approved of writing to more people with the text it has.
    """
    kinds = {action.kind for action in then.actions}
    if kinds & {Kind.UPDATE, Kind.REPLACE}:
        kinds |= {Kind.UPDATE, Kind.REPLACE}
    if now_live in _STARTED:
        return kinds if then_live in _STARTED else kinds - {Kind.ENROLL, Kind.RESUME}
    return kinds | {Kind.ADOPT} if Kind.CREATE in kinds else kinds


def _moved(key: str, then: _Side, now: _Side) -> tuple[Moved, ...]:
    if then.campaign is None or now.campaign is None:
        return (Moved(campaign=key, path="actions", before=then.kinds or None, after=now.kinds or None),)
    found = [*_plain(key, then.campaign, now.campaign), *_text(key, then, now), *_drift(key, then, now)]
    if then.kinds != now.kinds:
        found.append(Moved(campaign=key, path="actions", before=then.kinds, after=now.kinds))
        if then.campaign.live != now.campaign.live:
            live = (then.campaign.live, now.campaign.live)
            found.append(Moved(campaign=key, path="live", before=live[0], after=live[1], origin="drift"))
    if now.problem is not None:
        found.append(Moved(campaign=key, path="problem", after=now.problem, origin="drift"))
    return tuple(found) or (Moved(campaign=key, path="changes"),)


def _plain(key: str, then: PlannedCampaign, now: PlannedCampaign) -> Iterator[Moved]:
    """Compare what the files want, texts aside, and the list."""
    pairs = [("name", then.name, now.name), ("desired", then.desired, now.desired)]
    yield from _unequal(key, pairs)
    # Nobody is to be written to in one of the two: `desired` says so.
    if then.audience == now.audience or then.audience is None or now.audience is None:
        return
    old, new = then.people, now.people
    counts = [("people.leads", old.leads, new.leads), ("people.new", old.new, new.new)]
    # Where all are new, one number says it.
    counts = counts[:1] if (old.leads, new.leads) == (old.new, new.new) else counts
    both = old.leads is not None and new.leads is not None
    yield from (list(_unequal(key, counts)) if both else []) or [Moved(campaign=key, path="people")]


def _text(key: str, then: _Side, now: _Side) -> Iterator[Moved]:
    """Compare the steps that the files want. The text of a body is told where both plans hold it."""
    if then.campaign is None or now.campaign is None:
        return
    old, new = then.campaign.steps, now.campaign.steps
    for index in range(max(len(old), len(new))):
        path = f"sequenceSteps[{index}]"
        if index >= len(old) or index >= len(new):
            before = old[index].subject if index < len(old) else None
            after = new[index].subject if index < len(new) else None
            yield Moved(campaign=key, path=path, before=before, after=after)
            continue
        yield from _unequal(
            key,
            [
                (f"{path}.subject", old[index].subject, new[index].subject),
                (f"{path}.delayDays", old[index].delay_days, new[index].delay_days),
            ],
        )
        if old[index].body != new[index].body:
            bodies = (_body(then.changes, path), _body(now.changes, path))
            whole = bodies if None not in bodies else (None, None)
            yield Moved(campaign=key, path=f"{path}.bodyHtml", before=whole[0], after=whole[1])


def _body(changes: Mapping[str, Change], step: str) -> str | None:
    """Return the text that a plan would write as the body of a step, where it holds it."""
    if f"{step}.bodyHtml" in changes:
        text = changes[f"{step}.bodyHtml"].after
    else:
        whole = changes[step].after if step in changes else None
        text = whole.get("bodyHtml") if isinstance(whole, dict) else None
    return text if isinstance(text, str) else None


def _drift(key: str, then: _Side, now: _Side) -> Iterator[Moved]:
    """Tell what reads otherwise on the server than when the plan was approved."""
    old = then.changes
    for path, change in now.changes.items():
        if path in old and old[path].before != change.before:
            origin: Literal["git", "drift"] = "git" if path == "key" else "drift"
            yield Moved(campaign=key, path=path, before=old[path].before, after=change.before, origin=origin)
        elif path not in old and change.origin == "drift":
            yield Moved(campaign=key, path=path, after=change.before, origin="drift")


def _unequal(key: str, pairs: Iterable[tuple[str, Any, Any]]) -> Iterator[Moved]:
    for path, before, after in pairs:
        if before != after:
            yield Moved(campaign=key, path=path, before=before, after=after)


def words(moved: Moved) -> str:
    """Say what moved in a line: `step 1 subject was "Hello", is now "Hi"`."""
    if moved.path == "problem":
        return str(moved.after)
    if moved.path == "actions":
        return _actions(moved.before, moved.after)
    return _values(moved, moved.before, moved.after)


def _values(moved: Moved, before: Any, after: Any) -> str:  # noqa: ANN401 - any JSON values
    name = _NAMES.get(moved.path) or path_words(moved.path)
    if moved.origin == "drift" and moved.path not in _NAMES:
        name += " in Leadterra"
    if before is None and after is None:
        return f"{name} changed"
    if before is None:
        return f"{name} is now {_shown(after)}" if moved.origin == "drift" else f"{name} is new: {_shown(after)}"
    if after is None:
        return f"{name} is gone: {_shown(before)}"
    if isinstance(before, str) and isinstance(after, str):
        before, after = _around(before, after)
        if moved.path in _NAMES:
            return f"{name} was {before}, is now {after}"
    days = " days" if moved.path.endswith(".delayDays") else ""
    return f"{name} was {_shown(before)}{days}, is now {_shown(after)}{days}"


def _actions(before: Sequence[str] | None, after: Sequence[str] | None) -> str:
    then, now = ", ".join(before or ()) or "nothing", ", ".join(after or ()) or "nothing"
    if before is None:
        return f"not in the approved plan; to be done now: {now}"
    if after is None:
        return f"in the plan no longer; approved was: {then}"
    return f"to be done was: {then}; now: {now}"


def _around(before: str, after: str) -> tuple[str, str]:
    """Cut what two long texts begin with alike, up to a little before they differ."""
    same = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), None)
    start = min(len(before), len(after)) if same is None else same
    if max(len(before), len(after)) <= _SHOWN or start <= _BEFORE:
        return before, after
    cut = start - _BEFORE
    return f"…{before[cut:]}", f"…{after[cut:]}"


def _shown(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Show a value in one line; of a long text, its beginning."""
    if isinstance(value, int):
        return f"{value:,}"
    text = " ".join(str(value["subject"] if isinstance(value, dict) and "subject" in value else value).split())
    return f'"{text if len(text) <= _SHOWN else text[:_SHOWN] + "…"}"'
