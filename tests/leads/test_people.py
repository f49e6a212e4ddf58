"""Columns become fields, bad rows are told, duplicates collapse."""

from pathlib import Path
from typing import Any

import pytest
from leads.makers import SPEC, found, make_campaign, make_source

from reconciler.diagnostics import Severity
from reconciler.model.roster import Lead, Roster


def people(root: Path, text: str, **leads: Any) -> tuple[Roster, list[Lead]]:
    """Return the roster of a list and, where nothing is wrong with it, its leads."""
    path = root / "list.csv"
    path.write_text(text)
    source, campaign = make_source(root), make_campaign(path, **leads)
    roster = source.roster(campaign, None)
    if any(item.severity is Severity.ERROR for item in roster.diagnostics):
        return roster, []
    return roster, [lead for _, batch in source.batches(campaign, None) for lead in batch]


def test_columns_of_good_names_are_fields(tmp_path: Path) -> None:
    roster, leads = people(tmp_path, "firstName,email,_x1\nAda,Ada@example.com,y\n")
    assert leads == [Lead("ada@example.com", {"firstName": "Ada", "_x1": "y"}, 2)]
    assert roster.diagnostics == ()


def test_named_columns_are_fields_under_their_names(tmp_path: Path) -> None:
    roster, leads = people(
        tmp_path,
        "E-Mail,First Name,Role\nada@example.com,Ada,CFO\n",
        columns={"email": "E-Mail", "firstName": "First Name", "jobTitle": " Role"},
    )
    assert [lead.fields for lead in leads] == [{"firstName": "Ada", "jobTitle": "CFO"}]
    assert roster.diagnostics == ()


def test_other_columns_are_not_sent_and_told(tmp_path: Path) -> None:
    roster, leads = people(
        tmp_path,
        "email,First Name,firstName,Given,,2nd\nada@example.com,A,B,C,D,E\n",
        columns={"firstName": "Given"},
    )
    assert [lead.fields for lead in leads] == [{"firstName": "C"}]
    (told,) = roster.diagnostics
    assert (told.code, told.severity, told.place) == ("lead-columns-unsent", Severity.NOTE, "list.csv:1")
    assert "`First Name`, `firstName`, `column 5 without a name`, `2nd`" in told.message


def test_a_column_called_email_beside_the_mapped_one_is_not_sent(tmp_path: Path) -> None:
    roster, leads = people(tmp_path, "email,work\nold@example.com,ada@example.com\n", columns={"email": "work"})
    assert leads == [Lead("ada@example.com", {}, 2)]
    assert found(roster.diagnostics) == [("lead-columns-unsent", "list.csv:1")]


@pytest.mark.parametrize(
    ("header", "columns", "words"),
    [
        ("email,Email", {}, "The column `email` is the address; `Email` goes out beside it, as a custom field"),
        ("e_mail,email", {}, "The column `email` is the address; `e_mail` goes out"),
        ("Mail,Email", {"email": "Mail"}, "The column `Mail` is the address; `Email` goes out"),
        ("MAIL,mail", {"email": "MAIL"}, "The column `MAIL` is the address; `mail` goes out"),
    ],
)
def test_a_second_column_of_addresses_is_told(tmp_path: Path, header: str, columns: dict[str, str], words: str) -> None:
    roster, _ = people(tmp_path, f"{header}\nada@example.com,ada@example.com\n", columns=columns)
    (told,) = roster.diagnostics
    assert (told.code, told.severity, told.place) == ("lead-columns-alike", Severity.WARNING, "list.csv:1")
    assert told.message.startswith(words)


@pytest.mark.parametrize(
    ("header", "columns", "names"),
    [
        ("firstName,firstname", {}, ("firstName", "firstname")),
        ("Given,first_name", {"firstName": "Given"}, ("firstName", "first_name")),
    ],
)
def test_columns_whose_names_differ_in_case_only_are_told(
    tmp_path: Path, header: str, columns: dict[str, str], names: tuple[str, str]
) -> None:
    roster, (lead,) = people(tmp_path, f"email,{header}\nada@example.com,A,B\n", columns=columns)
    (told,) = roster.diagnostics
    assert (told.code, told.severity, told.place) == ("lead-columns-alike", Severity.WARNING, "list.csv:1")
    assert told.message.endswith("and each goes out: `{}`, `{}`.".format(*names))
    assert lead.fields == dict(zip(names, "AB", strict=True))


def test_columns_that_are_named_under_columns_are_meant(tmp_path: Path) -> None:
    columns = {"otherEmail": "Email", "first_name": "firstname", "firstName": "firstName"}
    roster, _ = people(tmp_path, "email,Email,firstName,firstname\nada@example.com,x,A,B\n", columns=columns)
    assert roster.diagnostics == ()


def test_blank_values_take_the_fallback_or_are_left_out(tmp_path: Path) -> None:
    _, leads = people(
        tmp_path,
        "email,firstName,company\nada@example.com,  ,\nbob@example.com,Bob,Acme\n",
        fallbacks={"firstName": "there", "city": "your city", "company": " "},
    )
    assert [lead.fields for lead in leads] == [
        {"firstName": "there", "city": "your city"},
        {"firstName": "Bob", "company": "Acme", "city": "your city"},
    ]


@pytest.mark.parametrize("blank", ["\u200b", "\u00a0", "\u2060", "\u00ad \u200d", "\x07", "\ufeff"])
def test_a_value_that_nobody_sees_is_blank(tmp_path: Path, blank: str) -> None:
    """Neither in the list nor as a fallback does it count as a value."""
    text = f'email,firstName,company\nada@example.com,{blank},\nbob@example.com,"{blank}B",\n'
    _, leads = people(tmp_path, text, fallbacks={"firstName": "there", "company": blank})
    assert [lead.fields for lead in leads] == [{"firstName": "there"}, {"firstName": f"{blank}B".strip()}]


def test_the_first_row_of_an_address_counts(tmp_path: Path) -> None:
    roster, leads = people(
        tmp_path, "email,n\nada@example.com,1\nAda@Example.com ,2\nbob@example.com,3\nADA@EXAMPLE.COM,4\n"
    )
    assert [(lead.fields["n"], lead.line) for lead in leads] == [("1", 2), ("3", 4)]
    assert (roster.rows, roster.leads, roster.duplicates, roster.rejected) == (4, 2, 2, 0)
    (told,) = roster.diagnostics
    assert (told.code, told.severity) == ("lead-duplicates", Severity.NOTE)
    assert told.message == "2 rows repeat an address; the first row of each counts."


def test_a_bad_address_is_an_error_at_its_line(tmp_path: Path) -> None:
    roster, _ = people(tmp_path, "email,n\nada@example.com,1\njoe.example.com,2\njane@exa mple.com,3\n,4\n")
    assert found(roster.diagnostics) == [("lead-address", f"list.csv:{line}") for line in (3, 4, 5)]
    assert [item.message for item in roster.diagnostics] == [
        "The address j*** cannot be used: it has no @.",
        "The address j***@*** cannot be used: there is a space in it.",
        "There is no address in this row.",
    ]
    assert {item.campaign for item in roster.diagnostics} == {"vp-sales"}
    assert {item.severity for item in roster.diagnostics} == {Severity.ERROR}
    assert (roster.at_hand, roster.rows, roster.leads, roster.rejected) == (True, 4, 1, 3)


@pytest.mark.parametrize(("count", "words"), [(5, None), (6, "And 1 more row has"), (1205, "And 1,200 more rows have")])
def test_five_bad_rows_are_told_and_the_others_counted(tmp_path: Path, count: int, words: str | None) -> None:
    rows = [f"bad{number},x" if number % 2 else f"bad{number}@example.com" for number in range(count)]
    roster, _ = people(tmp_path, "\n".join(["email,n", *rows]) + "\n")
    codes = ["lead-row", "lead-address", "lead-row", "lead-address", "lead-row"]
    assert found(roster.diagnostics)[:5] == [(code, f"list.csv:{line}") for line, code in enumerate(codes, start=2)]
    assert [item.message.partition(" problem")[0].removesuffix(" a") for item in roster.diagnostics[5:]] == (
        [words] if words else []
    )
    assert [item.place for item in roster.diagnostics[5:]] == (["list.csv:7"] if words else [])
    assert roster.rejected == count


@pytest.mark.parametrize(
    ("header", "wanted", "hint"),
    [
        ("E-Mail,Name", "email", '`columns: {email: "E-Mail"}`'),
        ("Email,Name", "email", '`columns: {email: "Email"}`'),
        ("contact,Name", "email", "NAME OF THE COLUMN"),
    ],
)
def test_a_list_without_the_email_column_says_which_there_are(
    tmp_path: Path, header: str, wanted: str, hint: str
) -> None:
    roster, _ = people(tmp_path, f"{header}\nada@example.com,Ada\n")
    told = roster.diagnostics[-1]
    assert (told.code, told.place) == ("lead-email-column", "list.csv:1")
    assert told.message == f"The list has no column `{wanted}`. Columns found: `{header.replace(',', '`, `')}`."
    assert hint in str(told.hint)
    assert (roster.at_hand, roster.leads) == (False, 0)


def test_a_mapped_email_column_must_be_there(tmp_path: Path) -> None:
    roster, _ = people(tmp_path, "email,Name\nada@example.com,Ada\n", columns={"email": "Mail"})
    assert "no column `Mail`" in roster.diagnostics[-1].message


def test_a_mapped_column_that_is_not_there_is_told_where_it_is_mapped(tmp_path: Path) -> None:
    roster, _ = people(tmp_path, "email,First name\nada@example.com,Ada\n", columns={"firstName": "First Name"})
    told = next(item for item in roster.diagnostics if item.code == "lead-column")
    assert told.place == f"{SPEC}:9"
    assert "`First Name`" in told.message
    assert "`email`, `First name`" in str(told.hint)


@pytest.mark.parametrize(
    "leads", [{"columns": {"First Name": "n"}}, {"fallbacks": {"2nd": "x"}}, {"fallbacks": {"email": "x"}}]
)
def test_what_cannot_be_a_field_is_told(tmp_path: Path, leads: dict[str, dict[str, str]]) -> None:
    roster, _ = people(tmp_path, "email,n\nada@example.com,1\n", **leads)
    assert ("lead-field", f"{SPEC}:9") in found(roster.diagnostics)


def test_names_of_columns_cannot_forge_output(tmp_path: Path) -> None:
    names = ["\x1b[2Jx", "y" * 500, *(f"c{number}" for number in range(40))]
    roster, _ = people(tmp_path, ",".join(names) + "\n")
    message = roster.diagnostics[-1].message
    assert message.isprintable()
    assert len(message) < 300
    assert "30 more" in message


@pytest.mark.parametrize("line", ["API_KEY=sk_live_made_up", "mail:sk_live_made_up", "sk_live_made_up" * 3, "@sk_live"])
def test_what_is_no_name_of_a_column_is_never_shown(tmp_path: Path, line: str) -> None:
    roster, _ = people(tmp_path, f"{line},Größe 2.b-c_d\nx,y\n")
    assert "sk_live" not in str(roster.diagnostics)
    assert "`…`, `Größe 2.b-c_d`" in roster.diagnostics[-1].message


def test_a_quote_without_an_end_does_not_hide_the_rows_before_it(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text('email\nada@example.com\nnot an address\n"stray\n')
    told = make_source(tmp_path).check(make_campaign(path))
    assert [(item.code, item.line) for item in told] == [("lead-address", 3), ("lead-quote", 4)]
