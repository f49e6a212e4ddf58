"""Field by field: what differs between the server and the files, and who changed it."""

import re
from collections.abc import Iterator
from typing import Any

from reconciler.model.campaign import Campaign, SequenceStep
from reconciler.model.live import LiveCampaign
from reconciler.model.plan import Change
from reconciler.model.state import CampaignState

Steps = tuple[SequenceStep, ...]
_STEP_PATH = re.compile(r"sequenceSteps\[(\d{1,9})\](?:\.(\w+))?")
_STEP_FIELDS = {"subject": "subject", "bodyHtml": "body", "delayDays": "wait"}


def created(campaign: Campaign) -> tuple[Change, ...]:
    """List what a new draft is made of, so that it can be reviewed and is covered by the digest."""
    steps = (
        Change(path=f"sequenceSteps[{index}]", after=step.model_dump()) for index, step in enumerate(campaign.steps)
    )
    return (Change(path="name", after=campaign.name), *steps)


def changes(
    campaign: Campaign,
    known: CampaignState,
    live: LiveCampaign,
    *,
    sent: Steps | None,
    read_back: Steps | None,
) -> tuple[Change, ...]:
    """Compare a draft with its file.

    `sent` are the steps as we last wrote them, `read_back` the same as the server showed them afterwards: a server that
    tidies HTML up is not drift. A difference that is not in git is drift. Empty where nothing differs.
    """
    base = {"name": known.name, "sequenceSteps": _plain(sent)}
    there = {
        "name": known.name if live.name is None else live.name,
        "sequenceSteps": _plain(_as_sent(live.steps, sent, read_back)),
    }
    wanted = {"name": campaign.name, "sequenceSteps": _plain(campaign.steps)}
    if there == wanted:
        return ()
    return tuple(
        Change(
            path=_spell(path),
            before=before,
            after=after,
            origin="drift" if _at(base, path) == after else "git",
        )
        for path, before, after in _differences(there, wanted)
    )


def step_changes(before: Steps | None, after: Steps) -> tuple[Change, ...]:
    """Compare the steps a started campaign is sending with those in its file."""
    return tuple(
        Change(path=_spell(path), before=old, after=new)
        for path, old, new in _differences({"sequenceSteps": _plain(before)}, {"sequenceSteps": _plain(after)})
    )


def _as_sent(live: Steps | None, sent: Steps | None, read_back: Steps | None) -> Steps | None:
    """Say what is on the server in the words we sent: each field that reads as it did right after the write is ours."""
    if live is None or live == read_back:
        return sent
    if sent is None or read_back is None or len(sent) != len(read_back):
        return live
    steps = []
    for index, step in enumerate(live):
        if index < len(sent):
            untouched = {
                name: getattr(sent[index], name)
                for name in SequenceStep.model_fields
                if getattr(step, name) == getattr(read_back[index], name)
            }
            steps.append(step.model_copy(update=untouched))
        else:
            steps.append(step)
    return tuple(steps)


def _plain(steps: Steps | None) -> list[dict[str, Any]] | None:
    return None if steps is None else [step.model_dump() for step in steps]


def _differences(before: Any, after: Any) -> Iterator[tuple[tuple[str | int, ...], Any, Any]]:  # noqa: ANN401 - JSON
    if before == after:
        return
    from deepdiff import DeepDiff
    from deepdiff.helper import notpresent

    tree = DeepDiff(before, after, view="tree", zip_ordered_iterables=True, verbose_level=2)
    levels = [level for group in tree.values() for level in group]
    for level in sorted(levels, key=lambda item: [_rank(part) for part in item.path(output_format="list")]):
        yield (
            tuple(level.path(output_format="list")),
            None if level.t1 is notpresent else level.t1,
            None if level.t2 is notpresent else level.t2,
        )


def _rank(part: str | int) -> tuple[int, str]:
    return (part, "") if isinstance(part, int) else (-1, part)


def _at(value: Any, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401 - JSON
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _spell(path: tuple[str | int, ...]) -> str:
    """Write a path as people and JSON tools do: `sequenceSteps[0].subject`."""
    spelt = ""
    for part in path:
        spelt += f"[{part}]" if isinstance(part, int) else f".{part}" if spelt else part
    return spelt


def path_words(path: str) -> str:
    """Say which part of a campaign a path means: `sequenceSteps[1].delayDays` is `step 2 wait`."""
    match = _STEP_PATH.fullmatch(path)
    if match is None:
        return {"sequenceSteps": "steps"}.get(path, path)
    field = match[2]
    return f"step {int(match[1]) + 1}" + (f" {_STEP_FIELDS.get(field, field)}" if field else "")
