"""Part of a list: `where`, `part`, `limit`, several files, and rows that are skipped."""

import re
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from leads.makers import SPEC, Ledger, found, make_campaign, make_source, sent, write_list
from support.examples import examples

from reconciler.diagnostics import Severity, SourceRange
from reconciler.leads import condition
from reconciler.model.roster import Roster

COUNTRIES = ["DE", "FR", "CH", ""]


def people(count: int) -> list[dict[str, str]]:
    return [
        {"email": f"ada{number}@example.com", "country": COUNTRIES[number % 4], "Head Count": str(number)}
        for number in range(count)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_list(tmp_path / "list.csv", people(12))


def chosen(path: Path, **leads: Any) -> list[str]:
    """Return who is sent, by the part of the address before the @."""
    batches = sent(make_source(path.parent), make_campaign(path, **leads))
    return [address.partition("@")[0] for _, addresses in batches for address in addresses]


def refused(path: Path, where: str) -> Roster:
    """Return the roster of a condition that is refused; nobody of the list may be sent."""
    roster = make_source(path.parent).roster(make_campaign(path, where=where), None)
    told = [item for item in roster.diagnostics if item.severity is Severity.ERROR]
    assert (roster.at_hand, [item.code for item in told]) == (False, ["leads-where"])
    assert "ada" not in repr(told)
    return roster.model_copy(update={"diagnostics": tuple(told)})


@pytest.mark.parametrize(
    ("where", "who"),
    [
        ("country = 'DE'", [0, 4, 8]),
        ("country IN ('FR', 'CH') AND email NOT LIKE 'ada1%'", [2, 5, 6, 9]),
        ('TRY_CAST("Head Count" AS INTEGER) >= 10', [10, 11]),
        ("headcount = '7'", [7]),
        ("country = ''", [3, 7, 11]),
        ("NULLIF(country, '') IS NULL -- a comment", [3, 7, 11]),
        ("lower(country) = 'ch' OR\nends_with(email, '0@example.com')", [0, 2, 6, 10]),
        ("country = ';'", []),
    ],
)
def test_a_condition_chooses_rows(path: Path, where: str, who: list[int]) -> None:
    columns = {"headcount": "Head Count"}
    assert chosen(path, where=where, columns=columns) == [f"ada{number}" for number in who]
    roster = make_source(path.parent).roster(make_campaign(path, where=where, columns=columns), None)
    assert (roster.rows, roster.leads, roster.filtered) == (len(who), len(who), 12 - len(who))


def test_a_row_that_a_condition_leaves_out_needs_no_address(path: Path) -> None:
    path.write_text("email,country\nada@example.com,DE\nnobody,FR\n,FR\n")
    assert chosen(path, where="country = 'DE'") == ["ada"]


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("true; DROP TABLE x", "could not be understood"),
        ("true); DROP TABLE known; SELECT (true", "could not be understood"),
        ("true) FROM read_csv('{other}') WHERE (true", "single condition"),
        ("(SELECT count(*) FROM read_csv('{other}')) > 0", "no subquery"),
        ("EXISTS (FROM '{other}')", "no subquery"),
        ("read_text('{other}') = 'x'", "may not call `read_text`"),
        ("getenv('HOME') = 'x'", "may not call `getenv`"),
        ("random() < 0.5", "may not call `random`"),
        ("now() > '2026-01-01'", "may not call `now`"),
        ("count(*) > 1", "may not call `count_star`"),
        ("address_of(email) = 'x'", "may not call `address_of`"),
        ("row_number() OVER () > 1", "no window"),
        ("email = ?", "no parameter"),
        ("COLUMNS(*) = 'x'", "no star"),
        ("user = 'x'", "names `user`, and the list has no such column"),
        ("cuntry = 'DE'", "names `cuntry`"),
        ("country", "neither true nor false"),
        ("1 + 1", "neither true nor false"),
        ("CAST(country AS INTEGER) > 1", "some row has none there"),
        ("country > 1", "does not fit"),
        ("country IS NULL", "asks whether `country` is NULL, and no cell is"),
        ("NOT (email = 'x' OR Country IS NOT NULL)", "asks whether `Country` is NULL"),
        ("(((", "could not be understood"),
    ],
)
def test_a_condition_is_one_plain_expression(path: Path, where: str, words: str) -> None:
    other = write_list(path.parent / "other.csv", people(1))
    roster = refused(path, where.replace("{other}", str(other)))
    assert words in roster.diagnostics[0].message


def test_a_condition_is_refused_at_its_own_place(path: Path) -> None:
    at = SourceRange(file="specs/workspace.yaml", line=4, column=12)
    told = make_source(path.parent).roster(make_campaign(path, where="1 +", where_at=at), None).diagnostics
    assert ("leads-where", "specs/workspace.yaml:4:12") in found(told)


@pytest.mark.parametrize(
    ("where", "meant"),
    [
        ("lowr(country) = 'de'", "Did you mean `lower`? "),
        ("start_with(country, 'D')", "Did you mean `starts_with`? "),
        ("jaro_simil(country, 'D') > 1", "Did you mean `jaro_similarity`? "),
        ("getenv('HOME') = 'x'", ""),
        ("count(*) > 1", ""),
    ],
)
def test_of_the_functions_of_a_condition_only_the_nearest_are_told(path: Path, where: str, meant: str) -> None:
    (told,) = refused(path, where).diagnostics
    assert told.hint == f"{meant}docs/reference.md, “A part of a list”, names all functions that it may call."


def test_the_reference_names_all_functions_of_a_condition() -> None:
    text = (Path(__file__).parents[2] / "docs/reference.md").read_text(encoding="utf-8")
    section = text.partition("### A part of a list\n")[2].partition("- `part: ")[0]
    named = section.partition("It may call these functions")[2].partition(":\n")[2]
    assert set(re.findall(r"`(\w+)`", named)) == {word for word in condition.FUNCTIONS if word.isidentifier()}


@pytest.mark.parametrize("where", ["NOT " * 450 + "true", "(" * 900 + "true" + ")" * 900, "true AND " * 200 + "true"])
def test_a_deep_condition_ends_in_words_or_works(path: Path, where: str) -> None:
    roster = make_source(path.parent).roster(make_campaign(path, where=where), None)
    assert roster.leads == 12 or "leads-where" in {item.code for item in roster.diagnostics}


def test_the_database_of_a_condition_reads_no_other_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the expression is let through: DuckDB itself refuses, whatever is asked of it."""
    other = write_list(path.parent / "other.csv", people(1))
    monkeypatch.setattr(condition, "check", lambda *_: None)
    for where in (
        f"(SELECT count(*) FROM read_csv('{other}')) > 0",
        f"EXISTS (FROM read_text('{other}'))",
        f"EXISTS (FROM glob('{path.parent}/*'))",
    ):
        refused(path, where)
    with pytest.raises(duckdb.Error, match=r"file system operations are disabled|locked"):
        _locked(path).execute("SET enable_external_access = true")
    with pytest.raises(duckdb.Error, match="locked"):
        _locked(path).execute("SET memory_limit = '10GB'")
    with pytest.raises(duckdb.Error, match="disabled"):
        _locked(path).execute(f"COPY (SELECT 1) TO '{path.parent / 'written.csv'}'")
    assert _locked(path).execute(f"SELECT count(*) FROM read_csv('{path}')").fetchall() == [(12,)]


def _locked(path: Path) -> duckdb.DuckDBPyConnection:
    return condition.open_locked(path.parent, reads=path, out=path.with_suffix(".parquet"))


def test_a_condition_that_takes_too_long_is_interrupted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition, "SECONDS", 0.2)
    monkeypatch.setattr(condition, "FUNCTIONS", condition.FUNCTIONS | {"repeat"})
    longest = "repeat('a', 100000000)"
    roster = refused(path, f"regexp_matches({longest} || country, '(a+)+b$') AND levenshtein({longest}, country) > 1")
    assert "longer than" in roster.diagnostics[0].message or "more memory" in roster.diagnostics[0].message


def test_parts_are_disjoint_whole_and_stable(path: Path) -> None:
    write_list(path, people(200))
    parts = [chosen(path, part=(which, 3)) for which in (1, 2, 3)]
    assert sorted(chain.from_iterable(parts)) == sorted(chosen(path))
    assert all(40 < len(part) < 95 for part in parts)
    write_list(path, people(230)[::-1])
    again = [chosen(path, part=(which, 3)) for which in (1, 2, 3)]
    assert all(set(part) <= set(later) for part, later in zip(parts, again, strict=True))
    roster = make_source(path.parent).roster(make_campaign(path, part=(1, 3)), None)
    assert (roster.leads, roster.elsewhere) == (len(again[0]), 230 - len(again[0]))


def test_a_limit_counts_who_was_enrolled_before(path: Path) -> None:
    """The first on the list fill it up; who is in the campaign stays, whether on the list or not."""
    ledger = Ledger()
    source, campaign = make_source(path.parent, ledger), make_campaign(path, limit=5)
    assert [len(addresses) for _, addresses in sent(source, campaign)] == [5]
    for _, leads in source.batches(campaign, None):
        ledger.add(source.segment(leads))
    write_list(path, people(12)[3:])
    roster = source.roster(campaign, ledger.state)
    assert (roster.new, roster.gone, roster.beyond, roster.leads) == (0, 3, 7, 2)
    larger = make_campaign(path, limit=7)
    source.roster(larger, ledger.state)
    assert sent(source, larger, ledger.state) == [("new", ["ada5@example.com", "ada6@example.com"])]


def test_a_limit_makes_the_order_count(path: Path) -> None:
    """Who is first on the list gets the email: another order is another audience, and needs another approval."""

    def digest(rows: list[dict[str, str]], **leads: Any) -> str:
        write_list(path, rows)
        return make_source(path.parent).roster(make_campaign(path, **leads), None).digest

    assert digest(people(5), limit=3) != digest(people(5)[::-1], limit=3)
    assert digest(people(5)) == digest(people(5)[::-1])


def test_files_of_a_pattern_are_one_list(tmp_path: Path) -> None:
    """Their columns may differ; of an address in two of them, the first counts; each row is told by its own file."""
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("email,firstName\nada@example.com,Ada\nbob@example.com,\n")
    second.write_text("city;email\nBern;ada@example.com\nParis;cy@example.com\n;nobody\n")
    paths = (str(first), str(second))
    source = make_source(tmp_path)
    campaign = make_campaign(None, paths=paths, skip_invalid=True, source="*.csv")
    roster = source.roster(campaign, None)
    assert (roster.rows, roster.leads, roster.duplicates, roster.rejected) == (5, 3, 1, 1)
    assert [(item.code, item.place) for item in roster.diagnostics if item.severity is Severity.WARNING] == [
        ("lead-address", "b.csv:4")
    ]
    leads = [lead for _, batch in source.batches(campaign, None) for lead in batch]
    assert [(lead.email, lead.fields, lead.file, lead.line) for lead in leads] == [
        ("ada@example.com", {"firstName": "Ada"}, "a.csv", 2),
        ("bob@example.com", {}, "a.csv", 3),
        ("cy@example.com", {"city": "Paris"}, "b.csv", 3),
    ]


def test_skipped_rows_are_told_as_warnings_and_the_rest_is_sent(path: Path) -> None:
    path.write_text("email,n\nada@example.com,1\nbob,2\ncy@example.com,3,4\ndee@example.com,5\n")
    campaign = make_campaign(path, skip_invalid=True)
    source = make_source(path.parent)
    roster = source.roster(campaign, None)
    assert (roster.rows, roster.leads, roster.rejected) == (4, 2, 2)
    assert {item.severity for item in roster.diagnostics} == {Severity.WARNING}
    assert found(roster.diagnostics) == [("lead-address", "list.csv:3"), ("lead-row", "list.csv:4")]
    assert sent(source, campaign) == [("new", ["ada@example.com", "dee@example.com"])]


def test_parquet_is_read_whatever_its_columns_hold(tmp_path: Path) -> None:
    path = tmp_path / "list.parquet"
    duckdb.sql(
        "SELECT 'Ada@Example.com' AS email, 42 AS employees, DATE '2026-11-25' AS since, NULL AS city, [1, 2] AS tags"
        " UNION ALL SELECT 'nobody', 7, NULL, 'Bern', []"
    ).write_parquet(str(path))
    source, campaign = make_source(tmp_path), make_campaign(path, skip_invalid=True, source="leads:list.parquet")
    roster = source.roster(campaign, None)
    assert found(roster.diagnostics) == [("lead-column-nested", "list.parquet:1"), ("lead-address", "list.parquet:2")]
    ((_, (lead,)),) = source.batches(campaign, None)
    assert (lead.email, lead.fields, lead.line) == ("ada@example.com", {"employees": "42", "since": "2026-11-25"}, 1)


def _nested(path: Path) -> Path:
    duckdb.sql(
        "SELECT 'ada@example.com' AS email, [1, 2] AS tags, {'city': 'Bern'} AS \" home \", MAP {'k': 'v'} AS more"
    ).write_parquet(str(path))
    return path


def test_columns_of_lists_and_records_are_told_once_by_their_names(tmp_path: Path) -> None:
    source, campaign = make_source(tmp_path), make_campaign(_nested(tmp_path / "list.parquet"))
    (told,) = source.roster(campaign, None).diagnostics
    assert (told.severity, told.place) == (Severity.WARNING, "list.parquet:1")
    assert told.message.startswith("The columns `tags`, `home`, `more` hold lists or records, which no lead's field")
    ((_, (lead,)),) = source.batches(campaign, None)
    assert (lead.email, lead.fields) == ("ada@example.com", {})


@pytest.mark.parametrize(("field", "column", "others"), [("city", "home", "tags"), ("email", "tags", "home")])
def test_a_column_of_lists_or_records_cannot_be_mapped(tmp_path: Path, field: str, column: str, others: str) -> None:
    campaign = make_campaign(_nested(tmp_path / "list.parquet"), columns={field: column})
    told = make_source(tmp_path).roster(campaign, None).diagnostics
    (wrong,) = [item for item in told if item.severity is Severity.ERROR]
    assert (wrong.code, wrong.place) == ("lead-column", f"{SPEC}:9")
    assert wrong.message == f"The column `{column}` holds lists or records, which no lead's field can be."
    (left,) = [item for item in told if item.severity is Severity.WARNING]
    assert f"`{others}`" in left.message
    assert f"`{column}`" not in left.message


def test_a_damaged_parquet_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "list.parquet"
    path.write_bytes(b"PAR1 and nothing more")
    roster = make_source(tmp_path).roster(make_campaign(path), None)
    assert (roster.at_hand, [item.code for item in roster.diagnostics]) == (False, ["lead-list-unreadable"])


@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_chosen_part_is_what_a_naive_reference_says(tmp_path: Path, data: st.DataObject) -> None:
    """Conditions, then addresses, then duplicates, then the limit, in this order."""
    rows = data.draw(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(COUNTRIES)), min_size=1, max_size=8))
    country, limit = data.draw(st.sampled_from(COUNTRIES)), data.draw(st.none() | st.integers(1, 5))
    listed = [{"email": f"{name}@example.com", "country": where} for name, where in rows]
    path = write_list(tmp_path / "list.csv", listed)
    expected = list(dict.fromkeys(row["email"][0] for row in listed if row["country"] == country))[:limit]
    assert chosen(path, where=f"country = '{country}'", limit=limit) == expected


def test_real_people_on_a_list_in_git_are_told_also_where_they_are_left_out(tmp_path: Path) -> None:
    path = write_list(tmp_path / "list.csv", people(2))
    path.write_text(path.read_text().replace("ada1@example.com", "ada1@somewhere-real.com"))
    campaign = make_campaign(path, tracked=True, examples_only=True, where="country = 'DE'")
    roster = make_source(tmp_path).roster(campaign, None)
    assert ("leads-in-git", "list.csv:3") in found(roster.diagnostics)
