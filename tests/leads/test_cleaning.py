"""What SQL makes of cells is what the rules in Python say, for any text."""

import unicodedata

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES
from hypothesis import given
from hypothesis import strategies as st
from leads.makers import KEY, make_campaign
from support.examples import examples

from reconciler.leads import cleaning
from reconciler.leads.addresses import normal_address
from reconciler.leads.coverage import unfit_values
from reconciler.leads.engine import Engine, literal
from reconciler.leads.ledger import entry_of
from reconciler.model.campaign import SequenceStep
from reconciler.model.roster import Lead
from reconciler.tokens import is_visible

TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ENGINE = Engine({"address_of": normal_address, "is_visible": is_visible})
SHAPE = cleaning.Shape(0, {"b": 1, "a": 2}, ("a", "b", "c"), {"a": "there", "c": ""}, ("a", "b"), frozenset("a"), False)  # noqa: FBT003


def made(email: str, b: str, a: str) -> tuple[object, ...]:
    """Return address, values and hashes that SQL makes of a row."""
    rows = f"(SELECT 1 AS line, {literal(email)} AS c0, {literal(b)} AS c1, {literal(a)} AS c2)"
    leads = cleaning.leads(rows, 3, SHAPE)
    people = cleaning.people(rows, 3, SHAPE, KEY, quoted=None)
    (lead,) = ENGINE.rows(f"SELECT address, v0, v1, v2 FROM ({leads})")
    (flags,) = ENGINE.rows(f"SELECT a, f, empty, b0, b1, unfit FROM ({people})")
    return (*lead, *flags)


def shown(text: str) -> str:
    trimmed = text.strip()
    return trimmed if is_visible(trimmed) else ""


def fits(text: str, *, subject: bool) -> bool:
    kinds = {unicodedata.category(char) for char in text if subject or char not in "\t\r\n"}
    return not kinds & {"Cc", *(("Zl", "Zp") if subject else ())} and not set(TURNING) & set(text)


def expected(email: str, b: str, a: str) -> tuple[object, ...]:
    address = normal_address(email)
    values = {"a": shown(a) or "there", "b": shown(b), "c": ""}
    hashes: tuple[object, ...] = (None, None)
    if address is not None:
        entry = entry_of(KEY, Lead(address, {name: text for name, text in values.items() if text}, 1))
        hashes = (int.from_bytes(entry[:16]), int.from_bytes(entry[16:]))
    unfit = int("{{" in values["a"] or not fits(values["a"], subject=True))
    unfit += int("{{" in values["b"] or not fits(values["b"], subject=False))
    return (address, *values.values(), *hashes, not (email + b + a).strip(), False, not values["b"], unfit)


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8) | st.sampled_from(
    [
        " Ann ",
        "\u00a0x\u2003",
        "\u200b",
        "{{a}}",
        "a\x1fb=",
        "line\nbreak",
        "x\x1b[31m",
        "Zo\u202eX",
        "\u2067x",
        "tab\tx\r\ny",
        "\u2028",
        "Zo\u00eb",
        "李",
        "\u0301",
        "\x85",
    ]
)
_LABEL = st.from_regex(r"[a-zA-Z0-9-]{1,6}", fullmatch=True)
_DOMAIN = st.lists(_LABEL, min_size=1, max_size=3).map(".".join) | st.sampled_from(
    ["Example.COM", "example.org.", "m\u00fcnchen.example", "xn--mnchen-3ya.example.com", *SPECIAL_USE_DOMAIN_NAMES]
)
_LOCAL = st.from_regex(r"[a-zA-Z0-9._+'%-]{1,8}", fullmatch=True) | st.sampled_from(
    ["\u212aelvin", "\u0130x", "a" * 65]
)
_EMAIL = st.tuples(st.sampled_from(["", " ", "\t", "\u00a0"]), _LOCAL, st.sampled_from(["@", "@@", ""]), _DOMAIN).map(
    "".join
)


@examples(300)
@given(email=_EMAIL | _TEXT, b=_TEXT, a=_TEXT)
def test_a_row_becomes_what_the_rules_in_python_say(email: str, b: str, a: str) -> None:
    assert made(email, b, a) == expected(email, b, a)


def test_every_character_fits_alike_in_sql_and_in_python() -> None:
    """Those that are not seen, and the first 12,000: in a value of a subject and in one of a body."""
    hidden = {"Cc", "Cf", "Zs", "Zl", "Zp"}
    every = [char for char in map(chr, range(1, 0x110000)) if char < "\u3000" or unicodedata.category(char) in hidden]
    listed = f"(SELECT unnest(string_split({literal(''.join(every))}, '')) AS char)"
    rows = f"(SELECT unicode(char) AS line, 'a@example.com' AS c0, 'x' || char || 'x' AS c1, '' AS c2 FROM {listed})"
    found = {}
    for subject in (True, False):
        shape = SHAPE._replace(tokens=("b",), subjects=frozenset("b" if subject else ""))
        people = cleaning.people(rows, 3, shape, KEY, quoted=None)
        found[subject] = {chr(line) for (line,) in ENGINE.rows(f"SELECT line FROM ({people}) WHERE unfit > 0")}
        assert found[subject] == {char for char in every if not fits(char, subject=subject)}
        step = SequenceStep(subject="{{b}}" if subject else "Hello", body_html="<p>{{b}}</p>")
        campaign = make_campaign(None).model_copy(update={"steps": (step,)})
        for char in every:
            told = unfit_values(campaign, [Lead("a@example.com", {"b": f"x{char}x"}, 1)], 0)
            assert bool(told) is not fits(char, subject=subject), hex(ord(char))
    assert len(found[False]) == 64 - 3 + len(TURNING)


@pytest.mark.parametrize("domain", SPECIAL_USE_DOMAIN_NAMES)
def test_special_domains_are_judged_by_email_validator(domain: str) -> None:
    for address in (f"ada@{domain}", f"ada@x.{domain}"):
        assert made(address, "", "")[0] == normal_address(address)


def test_what_sql_takes_for_seen_is_seen() -> None:
    """Every character that needs no second opinion."""
    every = "".join(char for char in map(chr, range(1, 0x110000)) if unicodedata.category(char) != "Cs")
    seen = ENGINE.rows(
        f"SELECT char FROM (SELECT unnest(string_split({literal(every)}, '')) AS char)"
        f" WHERE regexp_matches(char, {literal(cleaning.SEEN)})"
    )
    assert len(seen) > 20_000
    assert [char for (char,) in seen if not is_visible(char)] == []
