import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.tokens import fill_tokens, find_tokens, malformed_tokens, meant_token

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


def test_each_token_is_found_once_in_order() -> None:
    assert find_tokens("{{b}} {{ a }} {{b}} {{a b}} {c} }}") == ("b", "a")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hi {{firstName}}", ()),
        ("Hi {{first name}}", ("{{first name}}",)),
        ("Hi {{", ("{{",)),
        ("{{1st}} {{1st}} {{}}", ("{{1st}}", "{{}}")),
        ("p{a{color:red}}", ()),
    ],
)
def test_malformed_tokens(text: str, found: tuple[str, ...]) -> None:
    assert malformed_tokens(text) == found


def test_a_missing_value_reads_as_nothing_and_values_are_escaped_in_html() -> None:
    assert fill_tokens("Hi {{firstName}},", {}) == "Hi ,"
    assert fill_tokens("{{company}}", {"company": "A & <B>"}, html=True) == "A &amp; &lt;B&gt;"
    assert fill_tokens("{{company}}", {"company": "A & <B>"}) == "A & <B>"


@pytest.mark.parametrize(
    ("token", "meant"),
    [("firstname", "firstName"), ("FIRST_NAME", "firstName"), ("firstName", "firstName"), ("x", None)],
)
def test_the_case_variant_that_was_meant(token: str, meant: str | None) -> None:
    assert meant_token(token, ["company", "firstName"]) == meant


@given(st.lists(names, max_size=5), st.text(alphabet="ab ,.", max_size=10))
def test_filling_leaves_no_token_and_nothing_else_changes(tokens: list[str], between: str) -> None:
    """A text with tokens, filled with their own names, is the text without its braces."""
    text = between.join(f"{{{{{name}}}}}" for name in tokens)
    assert fill_tokens(text, {name: name for name in tokens}) == between.join(tokens)
    assert set(find_tokens(text)) == set(tokens)
    assert malformed_tokens(text) == ()
