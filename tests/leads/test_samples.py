"""Three people of a list as examples: the one in the middle, the longest, the one of whom most is missing."""

from pathlib import Path
from typing import Any

import pytest
from leads.makers import make_campaign, make_source, write_list

from reconciler.diagnostics import SpecError
from reconciler.model.roster import Lead

BODY = "<p>{{firstName}} of {{company}}</p>"


def row(name: str, first: str, company: str, other: str = "") -> dict[str, str]:
    return {"email": f"{name}@example.com", "firstName": first, "company": company, "other": other}


def people(tmp_path: Path, rows: list[Any], **leads: Any) -> tuple[Lead, ...]:
    path = write_list(tmp_path / "list.csv", rows)
    return make_source(tmp_path).samples(make_campaign(path, body=BODY, **leads))


def names(found: tuple[Lead, ...]) -> list[str]:
    return [lead.email.partition("@")[0] for lead in found]


def test_the_middle_the_longest_and_the_one_with_most_blanks(tmp_path: Path) -> None:
    rows = [
        row("short", "A", "B", "x" * 99),
        row("blank", "", ""),
        row("middle", "Ada", "Acme"),
        row("half", "", "Acme Incorporated"),
        row("long", "Wilhelmina", "Acme International"),
    ]
    found = people(tmp_path, rows)
    assert names(found) == ["middle", "long", "blank"]
    assert found[0].fields["company"] == "Acme"
    assert found[1].line == 6
    assert "@" not in repr(found)


def test_of_equals_the_first_and_one_person_may_be_all_three(tmp_path: Path) -> None:
    assert names(people(tmp_path, [row(f"p{number}", "Ada", "Acme") for number in range(9)])) == ["p0"] * 3
    assert names(people(tmp_path, [row("only", "Ada", "")])) == ["only"] * 3


def test_fallbacks_count_as_values(tmp_path: Path) -> None:
    rows = [row("one", "", "Acme"), row("two", "Ada", "")]
    assert names(people(tmp_path, rows, fallbacks={"firstName": "there"}))[2] == "two"


def test_only_people_who_are_meant(tmp_path: Path) -> None:
    rows = [row("one", "Ada", "Acme"), row("two", "Ada", "Acme"), row("three", "Ada", "A very long company")]
    assert names(people(tmp_path, rows, limit=2))[1] == "one"
    assert names(people(tmp_path, rows, where="company = 'Acme'"))[1] == "one"
    assert (
        names(people(tmp_path, [*rows, {**rows[0], "company": "A very, very long company".replace(",", "")}]))[1]
        == "three"
    )


def test_a_list_of_several_files(tmp_path: Path) -> None:
    first = write_list(tmp_path / "a.csv", [row("one", "Ada", "Acme"), row("two", "Ada", "Acme Ltd")])
    second = write_list(tmp_path / "b.csv", [row("three", "Wilhelmina", "Acme"), row("four", "", "")])
    campaign = make_campaign(None, body=BODY, paths=(str(first), str(second)))
    assert names(make_source(tmp_path).samples(campaign))[1:] == ["three", "four"]


def test_emails_without_tokens_and_lists_without_people(tmp_path: Path) -> None:
    path = write_list(tmp_path / "list.csv", [row("one", "Ada", "Acme"), row("two", "", "")])
    assert names(make_source(tmp_path).samples(make_campaign(path))) == ["one"] * 3
    empty = tmp_path / "empty.csv"
    empty.write_text("email,firstName\n")
    assert make_source(tmp_path).samples(make_campaign(empty, body=BODY)) == ()
    alone = make_campaign(path).model_copy(update={"leads": None})
    assert make_source(tmp_path).samples(alone) == ()


def test_a_list_that_cannot_be_had(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="not at hand"):
        make_source(tmp_path).samples(make_campaign(tmp_path / "none.csv"))
    broken = tmp_path / "broken.csv"
    broken.write_text('email,firstName\n"one@example.com,Ada\n')
    with pytest.raises(SpecError):
        make_source(tmp_path).samples(make_campaign(broken, body=BODY))
