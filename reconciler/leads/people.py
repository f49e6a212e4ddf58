"""From a table to people: columns become fields, addresses are checked, duplicates collapse. No address is told."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from unicodedata import category

from reconciler.diagnostics import Diagnostic, SourceRange, error, note
from reconciler.leads.addresses import is_example, masked, normal_address, what_is_wrong
from reconciler.leads.csvfile import Problem, Table
from reconciler.leads.shown import is_column_name, name_shown, names_shown
from reconciler.model.campaign import Leads
from reconciler.model.roster import Lead

MOST_ROWS_TOLD = 5
"""Rows with problems that are told one by one; the others are counted."""

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class People(NamedTuple):
    """The people of one list, as one campaign's `leads` maps it.

    `fields` are the tokens that a lead of it may fill, without `email`; None where the header could not be read.
    `readable` is False where the list could not be read to its end: then the counts say nothing.
    """

    readable: bool
    leads: tuple[Lead, ...] = ()
    fields: tuple[str, ...] | None = None
    rows: int = 0
    duplicates: int = 0
    rejected: int = 0
    diagnostics: tuple[Diagnostic, ...] = ()


class _Mapping(NamedTuple):
    email: int | None
    fields: dict[str, int]
    diagnostics: tuple[Diagnostic, ...]


def gather(table: Table, leads: Leads, *, place: str) -> People:
    """Make people of a table. `place` is the name of the list in messages."""
    if not table.header:
        return People(readable=False, diagnostics=_told(table.bad, table.broken, place))
    mapping = _map_columns(table, leads, place)
    fields = tuple(dict.fromkeys((*mapping.fields, *leads.columns, *leads.fallbacks)))
    if mapping.email is None:
        told = _told(table.bad, table.broken, place)
        return People(readable=False, fields=fields, diagnostics=(*mapping.diagnostics, *told))

    found: dict[str, Lead] = {}
    bad = list(table.bad)
    for row in table.rows:
        written = row.cells[mapping.email]
        address = normal_address(written)
        if address is None:
            bad.append(_bad_address(written, row.line))
        elif address not in found:
            found[address] = Lead(address, _values(row.cells, mapping.fields, leads.fallbacks), row.line)
    bad.sort(key=lambda problem: problem.line or 0)
    told = _told(tuple(bad), table.broken, place)
    if table.broken:
        return People(readable=False, fields=fields, diagnostics=(*mapping.diagnostics, *told))
    rejected = len(bad)
    duplicates = len(table.rows) + len(table.bad) - rejected - len(found)
    return People(
        readable=True,
        leads=tuple(found.values()),
        fields=fields,
        rows=len(table.rows) + len(table.bad),
        duplicates=duplicates,
        rejected=rejected,
        diagnostics=(
            *mapping.diagnostics,
            *told,
            *(_in_git(found.values(), place) if leads.examples_only else ()),
            *_repeated(duplicates, place),
        ),
    )


def _in_git(people: Iterable[Lead], place: str) -> tuple[Diagnostic, ...]:
    """Tell of real people on a list that git keeps for good, for everybody who may read the repository."""
    real = [lead.line for lead in people if not is_example(lead.email)]
    if not real:
        return ()
    rows = "1 row holds a real address" if len(real) == 1 else f"{len(real):,} rows hold real addresses"
    return (
        error(
            "leads-in-git",
            f"{rows}, this one first, and git tracks the list: its history keeps them for good.",
            hint="Move the list out of the repository, below the folder that RECONCILER_LEADS_DIR names "
            "(`source: leads:NAME.csv`), or allow it: `policy.leadsInGit: allow`.",
            at=SourceRange(file=place, line=real[0]),
        ),
    )


def _map_columns(table: Table, leads: Leads, place: str) -> _Mapping:
    header = table.header
    columns = {field: column.strip() for field, column in leads.columns.items()}
    email = columns.pop("email", "email")
    at_spec = SourceRange(file=leads.file, line=leads.line)
    at_list = SourceRange(file=place, line=table.header_line)
    fields: dict[str, int] = {}
    told = [
        _no_field_name(field, at_spec)
        for field in dict.fromkeys((*columns, *leads.fallbacks))
        if field == "email" or not _FIELD.fullmatch(field)
    ]
    for field, column in columns.items():
        if column in header:
            fields[field] = header.index(column)
        else:
            hint = f"Columns found in {place}: {names_shown(_named(header))}. Names must be equal, capitals too."
            message = f"The list has no column {name_shown(column)} for the field {name_shown(field)}."
            told.append(error("lead-column", message, hint=hint, at=at_spec))

    unsent: list[str] = []
    taken = {email, *columns.values()}
    for index, name in enumerate(header):
        if name in taken and name:
            continue
        if _FIELD.fullmatch(name) and name != "email" and name not in fields:
            fields[name] = index
        else:
            unsent.append(name or f"column {index + 1} without a name")
    if unsent:
        told.append(
            note(
                "lead-columns-unsent",
                f"These columns are not sent, as no field can be called so: {names_shown(unsent)}.",
                hint='To send one, give it a field of its own: `columns: {jobTitle: "Job Title"}`.',
                at=at_list,
            )
        )
    if email not in header:
        told.append(_no_email_column(header, email, at_list))
        return _Mapping(None, fields, tuple(told))
    return _Mapping(header.index(email), fields, tuple(told))


def _values(cells: tuple[str, ...], fields: Mapping[str, int], fallbacks: Mapping[str, str]) -> dict[str, str]:
    values = {field: cells[index] for field, index in fields.items() if _is_visible(cells[index])}
    for field, text in fallbacks.items():
        if field not in values and _is_visible(text):
            values[field] = text
    return values


def _is_visible(text: str) -> bool:
    """Whether a reader would see anything of it: more than Unicode's separators (Z) and controls and formats (C)."""
    return any(category(char)[0] not in "ZC" for char in text)


def _named(header: tuple[str, ...]) -> list[str]:
    return [name for name in header if name]


def _no_email_column(header: tuple[str, ...], wanted: str, at: SourceRange) -> Diagnostic:
    likely = next((name for name in header if "mail" in name.casefold() and is_column_name(name)), None)
    example = f'"{likely}"' if likely else "NAME OF THE COLUMN"
    return error(
        "lead-email-column",
        f"The list has no column {name_shown(wanted)}. Columns found: {names_shown(_named(header))}.",
        hint=f"Tell which column holds the address, under `leads`: `columns: {{email: {example}}}`.",
        at=at,
    )


def _no_field_name(field: str, at: SourceRange) -> Diagnostic:
    if field == "email":
        return error("lead-field", "The field `email` cannot have a fallback.", hint="Take it out.", at=at)
    return error(
        "lead-field",
        f"{name_shown(field)} cannot be the name of a field: no token can be called so.",
        hint="Use letters, digits and underscores, and no digit first, as in `jobTitle`.",
        at=at,
    )


def _bad_address(written: str, line: int) -> Problem:
    what = f"the address {masked(written)} cannot be used: {what_is_wrong(written)}"
    return Problem(
        "lead-address",
        what if written else "there is no address in this row",
        "Correct the address, or take the row out.",
        line,
    )


def _told(bad: tuple[Problem, ...], broken: Problem | None, place: str) -> tuple[Diagnostic, ...]:
    shown = [*bad[:MOST_ROWS_TOLD], *([broken] if broken else [])]
    told = [
        error(
            problem.code,
            f"{problem.message[0].upper()}{problem.message[1:]}.",
            hint=problem.hint,
            at=SourceRange(file=place, line=problem.line),
        )
        for problem in shown
    ]
    more = len(bad) - MOST_ROWS_TOLD
    if more > 0:
        rows = "1 more row has a problem" if more == 1 else f"{more:,} more rows have problems"
        hint = "Correct the rows told above first; the others are likely to be of the same kind."
        told.append(error("lead-rows", f"And {rows}.", hint=hint, at=SourceRange(file=place)))
    return tuple(told)


def _repeated(duplicates: int, place: str) -> tuple[Diagnostic, ...]:
    if not duplicates:
        return ()
    rows = "1 row repeats an address" if duplicates == 1 else f"{duplicates:,} rows repeat an address"
    return (note("lead-duplicates", f"{rows}; the first row of each counts.", at=SourceRange(file=place)),)
