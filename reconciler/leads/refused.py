"""What is told of leads that the server did not accept: lines of their list, and nothing of the people."""

from collections.abc import Sequence

from reconciler.diagnostics import Diagnostic, SourceRange, note, warning
from reconciler.leads.addresses import masked
from reconciler.leads.rejects import MOST_ROWS_TOLD
from reconciler.model.campaign import Campaign
from reconciler.model.roster import Lead

_HINT = "Correct the row or take it out: as it is, it is not sent again."


MOST_LINES = 10
"""Lines that are named; of more the others are counted."""


def new_refusals(campaign: Campaign, leads: Sequence[Lead]) -> tuple[Diagnostic, ...]:
    """Tell leads that were left out of an enrolment: the first few one by one, the others counted.

    Where they are counted stands the first line of the others.
    """
    ordered = sorted(leads, key=lambda lead: (lead.file, lead.line))
    told = [
        warning(
            "lead-refused",
            f"Leadterra did not accept {masked(lead.email)}, who was left out.",
            hint=_HINT,
            at=SourceRange(file=lead.file, line=lead.line),
            campaign=campaign.key,
        )
        for lead in ordered[:MOST_ROWS_TOLD]
    ]
    rest = ordered[MOST_ROWS_TOLD:]
    if rest:
        lines = _lines([lead.line for lead in rest[:MOST_LINES]], len(rest))
        words = f"And {len(rest):,} more that Leadterra did not accept: {lines}."
        at = SourceRange(file=rest[0].file, line=rest[0].line)
        told.append(warning("lead-refused", words, hint=_HINT, at=at, campaign=campaign.key))
    return tuple(told)


def known_refusals(campaign: Campaign, count: int, lines: Sequence[int], *, place: str) -> tuple[Diagnostic, ...]:
    """Tell in one note the rows that are left out because an earlier run found them refused; `lines` are the first."""
    one = count == 1
    people = f"{count:,} {'person' if one else 'people'} of the list {'was' if one else 'were'} refused by Leadterra"
    told = f"{people} and {'is' if one else 'are'} left out: {_lines(lines, count)}."
    hint = "A row that is corrected is sent with the next apply."
    return (note("leads-refused", told, hint=hint, at=SourceRange(file=place), campaign=campaign.key),)


def _lines(first: Sequence[int], count: int) -> str:
    more = f" and {count - len(first):,} more" if count > len(first) else ""
    return f"{'line' if count == 1 else 'lines'} {', '.join(map(str, first))}{more}"
