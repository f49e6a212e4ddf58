"""A list that is not at hand, or not the one that was checked: why, and what to do."""

from pathlib import Path

from reconciler.diagnostics import Diagnostic, SourceRange, error
from reconciler.leads.shown import name_shown
from reconciler.model.campaign import Campaign, Leads

_PUT_THERE = "Put the file into the folder that RECONCILER_LEADS_DIR names."


class AbsentError(Exception):
    """The list is not here; its text says why, in words, and `hint` what to do."""

    def __init__(self, why: str, hint: str = _PUT_THERE) -> None:
        super().__init__(why)
        self.hint = hint


def no_folder(leads: Leads) -> AbsentError | None:
    """Say so where RECONCILER_LEADS_DIR names no folder; None where it does, or the list is in the repository."""
    if leads.folder is None or Path(leads.folder).is_dir():
        return None
    there = Path(leads.folder).exists()
    words = (
        "what RECONCILER_LEADS_DIR names is no folder"
        if there
        else "the folder that RECONCILER_LEADS_DIR names is not there"
    )
    return AbsentError(words, "Make the folder, or correct RECONCILER_LEADS_DIR.")


def missing(campaign: Campaign, leads: Leads, absent: AbsentError) -> Diagnostic:
    """Tell that a list is not at hand, and why."""
    return error(
        "lead-list-missing",
        f"The list {name_shown(leads.source)} is not at hand: {absent}.",
        hint="Put the file back, or correct `leads.source`." if leads.tracked else absent.hint,
        at=SourceRange(file=leads.file, line=leads.line),
        campaign=campaign.key,
    )


def changed(campaign: Campaign, leads: Leads) -> Diagnostic:
    """Tell that a list is another than the one that was checked."""
    return error(
        "lead-list-changed",
        f"The list {name_shown(leads.source)} was changed after it was checked; nobody of it was enrolled.",
        hint="Run again: the new list is checked first.",
        at=SourceRange(file=leads.file, line=leads.line),
        campaign=campaign.key,
    )
