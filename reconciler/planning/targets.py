"""`--target`: which campaigns a plan is limited to."""

import difflib
from collections.abc import Sequence

from reconciler.diagnostics import Diagnostic, ReconcilerError, error
from reconciler.model.campaign import Campaign
from reconciler.model.state import State
from reconciler.model.workspace import Desired

LABEL = "label:"


def choose(targets: Sequence[str], desired: Desired, state: State, *, approved: bool = False) -> frozenset[str] | None:
    """Turn `--target` values into keys; None means all. Raises `ReconcilerError` naming each that fits nothing.

    Those of an `approved` plan fitted something when it was made: what they chose may have been let go since.
    """
    if not targets:
        return None
    keys = {campaign.key for campaign in desired.campaigns} | set(state.campaigns)
    chosen: set[str] = set()
    problems: list[Diagnostic] = []
    for target in targets:
        hint: str | None
        if target.startswith(LABEL):
            found = {item.key for item in desired.campaigns if fits(target, item)}
            hint = "labels are written as `labels: {team: emea}` and chosen as label:team=emea"
        else:
            found = {target} & keys
            hint = nearest(target, sorted(keys))
        if not found:
            problems.append(error("target", f"--target {target} names no campaign", hint=hint))
        chosen |= found
    if problems and not approved:
        raise ReconcilerError(*problems)
    return frozenset(chosen)


def fits(target: str, campaign: Campaign) -> bool:
    """Whether a `--target` value chooses this campaign."""
    if not target.startswith(LABEL):
        return target == campaign.key
    name, _, value = target.removeprefix(LABEL).partition("=")
    return campaign.labels.get(name) == value


def nearest(name: str, names: Sequence[str]) -> str | None:
    """Suggest the name that was probably meant."""
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {close[0]}?" if close else None
