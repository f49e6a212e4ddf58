import subprocess
import sys

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from reconciler.leads.addresses import masked, normal_address, what_is_wrong


def judged(text: str) -> str | None:
    """Ask email-validator alone."""
    try:
        return validate_email(text.strip().lower(), check_deliverability=False).normalized
    except EmailNotValidError:
        return None


@pytest.mark.parametrize("domain", ["example.com", "example.org", "example.net", "mail.example.com"])
def test_the_example_domains_pass(domain: str) -> None:
    assert normal_address(f"ada@{domain}") == f"ada@{domain}"


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        (" Ada.Lovelace@Example.COM\t", "ada.lovelace@example.com"),
        ("o'hara+x@example.com", "o'hara+x@example.com"),
        ("ada@xn--mnchen-3ya.example.com", "ada@münchen.example.com"),
        ("ADA@MÜNCHEN.example.com", "ada@münchen.example.com"),
        ("zoe\u0308@example.com", "zo\u00eb@example.com"),
    ],
)
def test_an_address_has_one_normal_form(written: str, normal: str) -> None:
    assert normal_address(written) == normal


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("ada", "no @"),
        ("ada@b@example.com", "more than one @"),
        ("ada @example.com", "a space"),
        ("ada@localhost", "no dot"),
        ("ada@example.test", "well-formed"),
        ("ada..b@example.com", "well-formed"),
        (".ada@example.com", "well-formed"),
        ("Ada <ada@example.com>", "a space"),
        ("ada@-example.com", "well-formed"),
        ("ada@ex--ample.com", "well-formed"),
        ("ada\u200b@example.com", "well-formed"),
        ("ada@" + "a" * 64 + ".example.com", "well-formed"),
        ("ada@[127.0.0.1]", "well-formed"),
        ('"ada"@example.com', "well-formed"),
    ],
)
def test_what_is_no_address_is_refused_in_words(written: str, words: str) -> None:
    assert normal_address(written) is None
    assert words in what_is_wrong(written)
    assert "ada" not in masked(written)


_LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
_DOMAIN = st.lists(_LABEL, min_size=1, max_size=4).map(".".join) | st.sampled_from(
    ["example.com", "example.test", "localhost", "a.invalid", "xn--mnchen-3ya.example.com", "10.1.2.3", "x.onion"]
)
_LOCAL = st.from_regex(r"[A-Za-z0-9._+\-']{0,66}", fullmatch=True)


@examples(400)
@given(local=_LOCAL, domain=_DOMAIN)
def test_the_short_cut_says_what_the_library_says(local: str, domain: str) -> None:
    assert normal_address(f"{local}@{domain}") == judged(f"{local}@{domain}")


@examples(200)
@given(text=st.text(max_size=30) | st.text("aA.@é\u0301-ß İ", max_size=12).map(lambda text: text + "@example.com"))
def test_any_text_is_judged_as_the_library_judges_it_and_stays_normal(text: str) -> None:
    normal = normal_address(text)
    assert normal == judged(text)
    if normal is not None:
        assert normal_address(normal) == normal


@given(text=st.text(max_size=40))
def test_a_masked_address_shows_one_character_at_most(text: str) -> None:
    assert masked(text)[1:] in {"***", "***@***"}


def test_importing_the_room_loads_no_email_library() -> None:
    program = (
        "import sys, reconciler.leads.roster; print({'email_validator', 'idna', 'httpx', 'filelock'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
