"""Made-up people, and the three readers of an email: a typical one, the longest, and the one of whom least is known."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from reconciler.model.campaign import Campaign, SequenceStep
from reconciler.model.roster import Lead
from reconciler.tokens import find_tokens, is_visible

ADA: Mapping[str, str] = {
    "firstName": "Ada",
    "lastName": "Example",
    "company": "Example Ltd",
    "jobTitle": "Head of Sales",
    "email": "ada@example.com",
}
"""The made-up person as whom emails are read wherever one is enough."""

_LONG: Mapping[str, str] = {
    "firstName": "Ada-Magdalena Wilhelmina",
    "lastName": "Example-Longestablished",
    "company": "Example International Automation & Logistics Holding GmbH & Co. KG",
    "jobTitle": "Executive Vice President, Global Revenue Operations and Customer Success",
    "email": "ada-magdalena.example-longestablished@international.example.com",
}


READERS = {"typical": "Typical", "longest": "Longest", "missing": "Most missing"}
"""By their names in `Readers`, what people call them."""


class Readers(NamedTuple):
    """The values of the fields as three readers have them; a field that is not there is blank.

    `real`: they are people of the campaign's list.
    """

    typical: Mapping[str, str]
    longest: Mapping[str, str]
    missing: Mapping[str, str]
    real: bool = False


def made_up(campaign: Campaign | None, steps: Iterable[SequenceStep]) -> Readers:
    """Make three readers of these emails up. Of the last one only the address is known, so that fallbacks stand in."""
    fields = _used(steps)
    return Readers(
        typical={name: ADA.get(name, unknown(name)) for name in fields},
        longest={name: _LONG.get(name, f"{unknown(name)} as long as on a list of real people") for name in fields},
        missing=_known({"email": ADA["email"]}, campaign, fields),
    )


def of_list(campaign: Campaign, steps: Iterable[SequenceStep], leads: Sequence[Lead]) -> Readers:
    """Take three real people, in the order of `Readers`: only what these emails use of them."""
    fields = _used(steps)
    typical, longest, missing = (_known({"email": lead.email, **lead.fields}, campaign, fields) for lead in leads)
    return Readers(typical, longest, missing, real=True)


def unknown(name: str) -> str:
    """Stand for a value that only real leads have."""
    return f"‹{name}›"  # noqa: RUF001 - no comparison is meant


def _used(steps: Iterable[SequenceStep]) -> list[str]:
    texts = (text for step in steps for text in (step.subject, step.body_html))
    return sorted({name for text in texts for name in find_tokens(text)})


def _known(values: Mapping[str, str], campaign: Campaign | None, fields: Iterable[str]) -> dict[str, str]:
    """Return the values of these fields, the campaign's fallbacks where there is none."""
    fallbacks = campaign.leads.fallbacks if campaign and campaign.leads else {}
    found = {name: values.get(name) or fallbacks.get(name, "") for name in fields}
    return {name: value for name, value in found.items() if is_visible(value)}
