"""What is told of leads that the server did not accept: lines of their list, and nothing of the people."""

from collections.abc import Sequence

from reconciler.diagnostics import Diagnostic, SourceRange, note, warning
from reconciler.leads.addresses import masked
from reconciler.leads.people import MOST_ROWS_TOLD
from reconciler.model.campaign import Campaign
from reconciler.model.roster import Lead

_MOST_LINES = 10
_HINT = "Correct the row or take it out: as it is, it is not sent again."


def new_refusals(campaign: Campaign, leads: Sequence[Lead], *, place: str) -> tuple[Diagnostic, ...]:
    """Tell leads that were left out of an enrolment: the first few one by one, the others counted.

    `place` is the name of the list in messages. Where they are counted stands the first line of the others.
    """
    ordered = sorted(leads, key=lambda lead: lead.line)
    told = [
        warning(
            "lead-refused",
            f"Leadterra did not accept {masked(lead.email)}, who was left out.",
            hint=_HINT,
            at=SourceRange(file=place, line=lead.line),
            campaign=campaign.key,
        )
        for lead in ordered[:MOST_ROWS_TOLD]
    ]
    rest = ordered[MOST_ROWS_TOLD:]
    if rest:
        words = f"And {len(rest):,} more that Leadterra did not accept: {_lines(rest)}."
        at = SourceRange(file=place, line=rest[0].line)
        told.append(warning("lead-refused", words, hint=_HINT, at=at, campaign=campaign.key))
    return tuple(told)


def known_refusals(campaign: Campaign, leads: Sequence[Lead], *, place: str) -> tuple[Diagnostic, ...]:
    """Tell in one note the rows that are left out because an earlier run found them refused."""
    if not leads:
        return ()
    words = f"{_people(len(leads))} of the list {'was' if len(leads) == 1 else 'were'} refused by Leadterra"
    told = f"{words} and {'is' if len(leads) == 1 else 'are'} left out: {_lines(leads)}."
    hint = "A row that is corrected is sent with the next apply."
    return (note("leads-refused", told, hint=hint, at=SourceRange(file=place), campaign=campaign.key),)


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"


def _lines(leads: Sequence[Lead]) -> str:
    lines = [f"{lead.line:,}" for lead in leads[:_MOST_LINES]]
    more = f" and {len(leads) - _MOST_LINES:,} more" if len(leads) > _MOST_LINES else ""
    return f"{'line' if len(leads) == 1 else 'lines'} {', '.join(lines)}{more}"
