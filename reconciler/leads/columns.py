"""Which columns of a list are fields of its leads. Names of columns are told, never what stands below them."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from reconciler.diagnostics import Diagnostic, SourceRange, error, note, warning
from reconciler.leads.shown import is_column_name, name_shown, names_shown
from reconciler.model.campaign import Leads
from reconciler.tokens import plain_name

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NONE: Mapping[int, str] = MappingProxyType({})
_NO_VALUE = "which no lead's field can be"


class Columns(NamedTuple):
    """The columns of one file by number: of the address (None: there is none), and of each field."""

    email: int | None
    fields: dict[str, int]
    diagnostics: tuple[Diagnostic, ...]


def map_columns(
    header: Sequence[str], leads: Leads, *, place: str, line: int, nested: Mapping[int, str] = _NONE
) -> Columns:
    """Map the columns of a file as `leads` says. `place` and `line` are those of the header, for messages.

    `nested` names the columns of lists or records by their number; in `header` they have no name.
    """
    columns = {field: column.strip() for field, column in leads.columns.items()}
    email = columns.pop("email", "email")
    at_list = SourceRange(file=place, line=line)
    fields: dict[str, int] = {}
    told: list[Diagnostic] = []
    held = frozenset(nested.values())
    for field, column in columns.items():
        if column in header:
            fields[field] = header.index(column)
        elif column in held:
            told.append(_mapped_nested(column, leads))
        else:
            hint = f"Columns found in {place}: {names_shown(_named(header))}. Names must be equal, capitals too."
            message = f"The list has no column {name_shown(column)} for the field {name_shown(field)}."
            told.append(error("lead-column", message, hint=hint, at=SourceRange(file=leads.file, line=leads.line)))

    unsent: list[str] = []
    taken = {email, *columns.values()}
    for index, name in enumerate(header):
        if index in nested or (name in taken and name):
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
    if left_out := [name for name in nested.values() if name not in taken]:
        told.append(_left_out(left_out, at_list))
    if email not in header:
        told.append(_mapped_nested(email, leads) if email in held else _no_email_column(header, email, at_list))
        return Columns(None, fields, tuple(told))
    told += _alike(email, fields, taken, header, at_list)
    return Columns(header.index(email), fields, tuple(told))


def check_fields(leads: Leads) -> tuple[Diagnostic, ...]:
    """Tell names under `columns` and `fallbacks` that can be no field's."""
    at = SourceRange(file=leads.file, line=leads.line)
    named = dict.fromkeys((*(field for field in leads.columns if field != "email"), *leads.fallbacks))
    return tuple(_no_field_name(field, at) for field in named if field == "email" or not _FIELD.fullmatch(field))


def _named(header: Sequence[str]) -> list[str]:
    return [name for name in header if name]


def _alike(
    email: str, fields: Mapping[str, int], mapped: Collection[str], header: Sequence[str], at: SourceRange
) -> Iterator[Diagnostic]:
    """Tell fields that nobody asked for by name and whose names differ from another's only in case or underscores."""
    addresses = {plain_name("email"), plain_name(email)}
    first: dict[str, str] = {}
    beside: list[str] = []
    alike: dict[str, None] = {}
    for field, index in fields.items():
        known = first.setdefault(plain_name(field), field)
        if header[index] in mapped:
            continue
        if plain_name(field) in addresses:
            beside.append(field)
        elif known != field:
            alike.update({known: None, field: None})
    if beside:
        go_out, what = ("goes out", "a custom field") if len(beside) == 1 else ("go out", "custom fields")
        yield warning(
            "lead-columns-alike",
            f"The column {name_shown(email)} is the address; {names_shown(beside)} {go_out} beside it, as {what}.",
            hint="Take out what is no field of theirs; `columns: {email: NAME}` tells which column is the address.",
            at=at,
        )
    if alike:
        yield warning(
            "lead-columns-alike",
            "The names of these fields differ only in capitals or underscores, and each goes out: "
            f"{names_shown([*alike])}.",
            hint="Take out those that no email uses, or name each under `columns`.",
            at=at,
        )


def _mapped_nested(column: str, leads: Leads) -> Diagnostic:
    return error(
        "lead-column",
        f"The column {name_shown(column)} holds lists or records, {_NO_VALUE}.",
        hint="Give each value that an email uses a column of its own, or take this one out of `columns`.",
        at=SourceRange(file=leads.file, line=leads.line),
    )


def _left_out(names: Sequence[str], at: SourceRange) -> Diagnostic:
    one = len(names) == 1
    what = f"column {names_shown(names)} holds" if one else f"columns {names_shown(names)} hold"
    return warning(
        "lead-column-nested",
        f"The {what} lists or records, {_NO_VALUE}; {'it is' if one else 'they are'} left out.",
        hint="Give each value that an email uses a column of its own.",
        at=at,
    )


def _no_email_column(header: Sequence[str], wanted: str, at: SourceRange) -> Diagnostic:
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
