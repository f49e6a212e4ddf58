"""Ledgers of many small segments are brought together, at the end of an enrolment that made them so many."""

from contextlib import suppress
from functools import partial
from typing import Literal

from reconciler.diagnostics import StateError
from reconciler.execution import transitions
from reconciler.execution.work import Work
from reconciler.planning.segments import ENTRY, are_many, merge_from, merged


def merge(work: Work) -> None:
    """Merge what has become many: first the new blob, then one record that names it instead of the old ones.

    Whatever ends it in between loses nothing. What cannot be merged stays as it is, and is merged another time.
    """
    kinds: tuple[Literal["ledger", "refused"], ...] = ("ledger", "refused")
    for kind in kinds:
        with suppress(StateError):
            _merge(work, kind)


def _merge(work: Work, kind: Literal["ledger", "refused"]) -> None:
    tools = work.tools
    names: tuple[str, ...] = getattr(work.known(), kind)
    if not are_many(len(names)):
        return
    segments = [tools.store.get_blob(name) for name in names]
    first = merge_from([len(segment) for segment in segments])
    if first is None or any(len(segment) % ENTRY for segment in segments):
        return
    new = tools.store.put_blob(merged(segments[first:], kind))
    tools.keeper.change(
        partial(transitions.merged, key=work.key, kind=kind, old=names[first:], new=new),
        what=f"{work.key}: {len(names) - first:,} parts of its ledger are one now",
    )
