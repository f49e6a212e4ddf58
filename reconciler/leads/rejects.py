"""What is told of rows that are no leads: the first few by file and line, the others counted; no address is shown."""

from collections.abc import Sequence

from reconciler.diagnostics import Diagnostic, Severity, SourceRange, error, note
from reconciler.leads.addresses import masked, what_is_wrong
from reconciler.leads.problem import Problem
from reconciler.leads.reading import File
from reconciler.model.campaign import Leads

MOST_ROWS_TOLD = 5
"""Rows with problems that are told one by one; the others are counted, at the place of the first of them."""


def told(
    files: Sequence[tuple[str, File]], addresses: Sequence[tuple[str, int, str]], count: int, leads: Leads
) -> list[Diagnostic]:
    """Tell what is wrong with the rows of a list: each file with its place, and the first of `count` bad addresses.

    With `leads.skip_invalid` such rows are left out, and told as warnings. Where rows are counted stands the first of
    them.
    """
    order = {place: number for number, (place, _) in enumerate(files)}
    found = [(place, problem) for place, file in files for problem in file.bad]
    found += [(place, _bad_address(written, line)) for place, line, written in addresses]
    found.sort(key=lambda item: (order[item[0]], item[1].line or 0))
    severity = Severity.WARNING if leads.skip_invalid else Severity.ERROR
    items = [_diagnostic(place, problem, severity) for place, problem in found[:MOST_ROWS_TOLD]]
    items += [_diagnostic(place, file.broken, Severity.ERROR) for place, file in files if file.broken]
    more = count + sum(file.rejected for _, file in files) - min(len(found), MOST_ROWS_TOLD)
    if more > 0:
        place, line = _first_of_rest(found) or (found[-1][0] if found else files[0][0], None)
        rows = "1 more row has a problem" if more == 1 else f"{more:,} more rows have problems"
        hint = "Correct the rows told above first; the others are likely to be of the same kind."
        at = SourceRange(file=place, line=line)
        items.append(error("lead-rows", f"And {rows}.", hint=hint, at=at).model_copy(update={"severity": severity}))
    items += [_diagnostic(place, problem, Severity.WARNING) for place, file in files for problem in file.notes]
    return items


def _first_of_rest(found: Sequence[tuple[str, Problem]]) -> tuple[str, int | None] | None:
    rest = found[MOST_ROWS_TOLD:]
    return (rest[0][0], rest[0][1].line) if rest else None


def in_git(count: int, place: str, line: int) -> Diagnostic:
    """Tell of real people on a list that git keeps for good, for everybody who may read the repository."""
    rows = "1 row holds a real address" if count == 1 else f"{count:,} rows hold real addresses"
    return error(
        "leads-in-git",
        f"{rows}, this one first, and git tracks the list: its history keeps them for good.",
        hint="Move the list out of the repository, below the folder that RECONCILER_LEADS_DIR names "
        "(`source: leads:NAME.csv`), or allow it: `policy.leadsInGit: allow`.",
        at=SourceRange(file=place, line=line),
    )


def repeated(count: int, place: str) -> Diagnostic:
    """Tell that people are on a list more than once."""
    rows = "1 row repeats an address" if count == 1 else f"{count:,} rows repeat an address"
    return note("lead-duplicates", f"{rows}; the first row of each counts.", at=SourceRange(file=place))


def _bad_address(written: str, line: int) -> Problem:
    what = f"the address {masked(written)} cannot be used: {what_is_wrong(written)}"
    return Problem(
        "lead-address",
        what if written.strip() else "there is no address in this row",
        "Correct the address, or take the row out.",
        line,
    )


def _diagnostic(place: str, problem: Problem, severity: Severity) -> Diagnostic:
    message = f"{problem.message[0].upper()}{problem.message[1:]}."
    at = SourceRange(file=place, line=problem.line)
    return error(problem.code, message, hint=problem.hint, at=at).model_copy(update={"severity": severity})
