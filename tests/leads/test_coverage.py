"""Every token has a field, and every lead has something in it."""

from pathlib import Path

import pytest
from leads.makers import SPEC, found, make_campaign, make_source

from reconciler.diagnostics import Severity
from reconciler.leads import coverage
from reconciler.leads.coverage import unknown_tokens
from reconciler.model.campaign import Campaign, SequenceStep, Status
from reconciler.tokens import find_tokens

LIST = "email,firstName,company\nada@example.com,Ada,\nbob@example.com,,\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text(LIST)
    return path


def test_a_token_that_no_lead_has_is_an_error_at_its_step(path: Path) -> None:
    campaign = make_campaign(path).model_copy(
        update={
            "steps": (
                SequenceStep(subject="Hi {{firstName}}", body_html="{{email}} {{company}}"),
                SequenceStep(subject="Hi {{ firstname }}", body_html="{{firstname}} {{city}}"),
            ),
            "step_lines": (5, 12),
        }
    )
    first, second = make_source(path.parent).check(campaign)
    assert (first.code, first.place, first.campaign) == ("unknown-token", f"{SPEC}:12", "vp-sales")
    assert first.message == (
        "Step 2 uses `{{firstname}}` in its subject and body, but no lead has `firstname`; "
        "did you mean `{{firstName}}`?"
    )
    assert "`company`, `email`, `firstName`" in str(first.hint)
    assert second.message == "Step 2 uses `{{city}}` in its body, but no lead has `city`."
    assert {first.severity, second.severity} == {Severity.ERROR}


@pytest.mark.parametrize(("many", "last"), [(20, None), (21, "1 more token"), (3_000, "2,980 more tokens")])
def test_of_many_unknown_tokens_twenty_are_told_and_each_text_is_searched_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, many: int, last: str | None
) -> None:
    searched: list[str] = []

    def counted(text: str) -> tuple[str, ...]:
        searched.append(text)
        return find_tokens(text)

    monkeypatch.setattr(coverage, "find_tokens", counted)
    campaign = make_campaign(path, body=" ".join(f"{{{{t{number}}}}}" for number in range(many)))
    told = unknown_tokens(campaign, ["firstName"])
    assert len(searched) == 2
    assert {item.code for item in told} == {"unknown-token"}
    assert [item.message for item in told[20:]] == ([f"Step 1 uses {last} that no lead has."] if last else [])
    assert len(told) == min(many, 21)


def test_a_step_without_a_line_is_told_at_the_campaign(path: Path) -> None:
    campaign = make_campaign(path, body="{{city}}").model_copy(update={"step_lines": (), "line": 3})
    assert found(make_source(path.parent).check(campaign)) == [("unknown-token", f"{SPEC}:3")]


def test_blanks_are_counted_by_token(path: Path) -> None:
    campaign = make_campaign(path, body="{{firstName}} {{company}} {{company}} {{email}} {{city}}")
    assert make_source(path.parent).roster(campaign, None).blanks == {"company": 2, "firstName": 1}


def test_a_token_that_nobody_reads_as_blank_is_not_counted(path: Path) -> None:
    campaign = make_campaign(path, body="{{firstName}} {{city}}", fallbacks={"firstName": "there", "city": "town"})
    roster = make_source(path.parent).roster(campaign, None)
    assert (roster.blanks, roster.diagnostics) == ({}, ())


def test_a_blank_fallback_leaves_blanks(path: Path) -> None:
    campaign = make_campaign(path, body="{{company}} {{city}}", fallbacks={"company": " ", "city": ""})
    assert make_source(path.parent).roster(campaign, None).blanks == {"city": 2, "company": 2}


@pytest.mark.parametrize(
    ("fallback", "meant"),
    [("firstname", "firstName"), ("first_name", "firstName"), ("rolle", "role")],
)
@pytest.mark.parametrize("at_hand", [True, False])
def test_a_fallback_for_a_name_that_nothing_has_is_told(
    path: Path, fallback: str, meant: str, *, at_hand: bool
) -> None:
    campaign = make_campaign(
        path if at_hand else None,
        body="{{firstName}}",
        fallbacks={fallback: "there"},
        fields=("firstName",),
        columns={"role": "company"},
    )
    (told,) = make_source(path.parent).check(campaign)
    assert (told.code, told.severity, told.place) == ("unused-fallback", Severity.WARNING, f"{SPEC}:9")
    assert told.message.startswith(f"The fallback for `{fallback}` fills in for nothing")
    assert told.message.endswith(f"did you mean `{meant}`?")


def test_a_fallback_that_something_is_called_by_is_not_told(path: Path) -> None:
    """An email, a column, a field of `columns`; and a value of its own, which is near to no other name."""
    fallbacks = {"firstname": "x", "company": "x", "role": "x", "city": "x", "COMPANY": " "}
    campaign = make_campaign(path, body="{{firstname}}", fallbacks=fallbacks, columns={"role": "firstName"})
    assert make_source(path.parent).check(campaign) == ()
    unknown = make_campaign(None, body="{{firstName}}", fallbacks={"firstname": "x"})
    assert [item.code for item in make_source(path.parent).check(unknown)] == ["tokens-unchecked"]


def test_mapped_fields_are_known_by_their_own_names(path: Path) -> None:
    campaign = make_campaign(path, body="{{name}} {{firstName}}", columns={"name": "firstName"})
    (told,) = make_source(path.parent).check(campaign)
    assert "no lead has `firstName`" in told.message


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ("{{firstName}} {{city}} {{jobTitle}} {{email}}", []),
        ("{{company}}", ["unknown-token"]),
    ],
)
def test_without_the_list_its_promised_fields_count(body: str, codes: list[str], tmp_path: Path) -> None:
    campaign = make_campaign(
        None, body=body, fields=("firstName",), fallbacks={"city": "town"}, columns={"jobTitle": "Role"}
    )
    assert [item.code for item in make_source(tmp_path).check(campaign)] == codes


def test_without_list_and_fields_tokens_are_told_to_be_unchecked(tmp_path: Path) -> None:
    (told,) = make_source(tmp_path).check(make_campaign(None, body="{{firstName}} {{email}}"))
    assert (told.code, told.severity, told.place) == ("tokens-unchecked", Severity.NOTE, f"{SPEC}:9")
    assert told.message.endswith("because the list is not at hand: `firstName`.")
    assert make_source(tmp_path).check(make_campaign(None, body="{{email}}")) == ()


def test_a_campaign_without_leads_is_told_the_same() -> None:
    campaign = Campaign(
        key="k",
        name="n",
        status=Status.DRAFT,
        steps=(SequenceStep(subject="{{firstName}}", body_html="x"),),
        file=SPEC,
    )
    (told,) = unknown_tokens(campaign, None)
    assert (told.code, told.place) == ("tokens-unchecked", f"{SPEC}:1")


def test_a_list_broken_later_still_tells_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text('email,firstName\nada@example.com,"Ada\n')
    codes = [item.code for item in make_source(tmp_path).check(make_campaign(path, body="{{firstname}} {{firstName}}"))]
    assert codes == ["lead-quote", "unknown-token"]


def test_a_list_without_a_header_leaves_the_promised_fields(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("")
    campaign = make_campaign(
        path, body="{{firstName}} {{city}} {{town}}", fields=("firstName",), fallbacks={"city": "x"}
    )
    codes = [(item.code, "`town`" in item.message) for item in make_source(tmp_path).check(campaign)]
    assert codes == [("lead-header", False), ("unknown-token", True)]


def test_a_value_that_would_break_a_subject_is_an_error_at_its_line(tmp_path: Path) -> None:
    """A line break in a first name would be one in a header of the email; nobody's value is quoted."""
    path = tmp_path / "list.csv"
    path.write_bytes(
        b"email,firstName,company,notes\n"
        b'ada@example.com,"A\r\nBcc: x@example.org",Fine,"two\nlines"\n'
        b'bob@example.com,Bob,"two\nlines",ok\n'
        b"cem@example.com,{{company}},Fine,ok\n"
        b"dee@example.com,\x1b[31mDee,Fine,ok\n"
    )
    campaign = make_campaign(path, body="<p>{{company}}</p>").model_copy(
        update={"steps": (SequenceStep(subject="Hi {{firstName}}", body_html="<p>{{company}}</p>"),)}
    )
    told = make_source(tmp_path).check(campaign)
    assert [(item.code, item.line) for item in told] == [("lead-value", 2), ("lead-value", 7), ("lead-value", 8)]
    assert not any("example.org" in f"{item.message}{item.hint}" for item in told)


@pytest.mark.parametrize("value", ["\x1b[31mRed", "a\x07b", "a\x85b", "Zo\u00eb\u202e", "\u2066x\u2069"])
def test_a_value_that_can_deceive_a_reader_is_an_error_also_in_a_body(tmp_path: Path, value: str) -> None:
    """What does not go into an email may hold it; a line break or a tab in a body is only that."""
    path = tmp_path / "list.csv"
    cells = f'ada@example.com,Fine,{value}\nbob@example.com,"two\r\nlines,\tor\nthree",x\ncem@example.com,"{value}",x\n'
    path.write_bytes(f"email,company,notes\n{cells}".encode())
    (told,) = make_source(tmp_path).check(make_campaign(path, body="<p>{{company}}</p>"))
    assert (told.code, told.place) == ("lead-value", "list.csv:6")
    assert told.message.startswith("The value for `company` holds a control character, or one that turns")
    assert value not in f"{told.message}{told.hint}"


@pytest.mark.parametrize(
    ("fallback", "words"),
    [("{{company}}", "holds `{{`"), ("a\nb", "holds a line break"), ("a\u202eb", "turns the direction")],
)
def test_a_fallback_that_would_break_an_email_is_told_at_its_own_file(
    tmp_path: Path, fallback: str, words: str
) -> None:
    """Once, and not at each row that it is used for: the list is right."""
    path = tmp_path / "list.csv"
    path.write_text("email,firstName\n" + "".join(f"p{n}@example.com,\n" for n in range(9)))
    campaign = make_campaign(path, fallbacks={"firstName": fallback})
    steps = (SequenceStep(subject="Hi {{firstName}}", body_html="<p>x</p>"),)
    (told,) = make_source(tmp_path).check(campaign.model_copy(update={"steps": steps}))
    assert campaign.leads is not None
    assert (told.code, told.file, told.line) == ("lead-value", campaign.leads.file, campaign.leads.line)
    assert told.message.startswith("The fallback for `firstName` ")
    assert words in told.message


def test_of_many_unfit_values_the_first_are_told_and_the_others_counted(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("email,firstName\n" + "".join(f"p{n}@example.com,{{{{x}}}}\n" for n in range(9)))
    told = make_source(tmp_path).check(make_campaign(path, body="<p>{{firstName}}</p>"))
    assert [item.line for item in told] == [None, 2, 3, 4, 5, 6] or [item.line for item in told] == [
        2,
        3,
        4,
        5,
        6,
        None,
    ]
    assert any(item.message == "And 4 more such values." for item in told)
