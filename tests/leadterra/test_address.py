from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.diagnostics import ReconcilerError
from reconciler.leadterra import LeadterraClient, check_base_url, key_kind


@pytest.mark.parametrize(
    ("given_url", "normalised"),
    [
        ("https://app.leadterra.co/v1", "https://app.leadterra.co/v1"),
        ("HTTPS://App.Leadterra.CO:443/v1/", "https://app.leadterra.co/v1"),
        ("https://app.leadterra.co", "https://app.leadterra.co"),
        ("https://api.example.com:8443/a/b/v1//", "https://api.example.com:8443/a/b/v1"),
        ("http://127.0.0.1:5000/v1", "http://127.0.0.1:5000/v1"),
        ("http://127.9.9.9:80", "http://127.9.9.9"),
        ("http://localhost:8080/v1/", "http://localhost:8080/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
    ],
)
def test_an_address_has_one_spelling(given_url: str, normalised: str) -> None:
    assert check_base_url(given_url) == normalised
    assert check_base_url(normalised) == normalised


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://app.leadterra.co/v1", "not https"),
        ("http://127.0.0.1.example.com/v1", "not https"),
        ("http://localhost.example.com/v1", "not https"),
        ("http://10.0.0.1/v1", "not https"),
        ("http://2130706433/v1", "not https"),
        ("ftp://app.leadterra.co/v1", "does not begin with https"),
        ("app.leadterra.co/v1", "does not begin with https"),
        ("", "does not begin with https"),
        ("https://user:secretword@app.leadterra.co/v1", "user info"),
        ("https://secretword@app.leadterra.co/v1", "user info"),
        ("https://@app.leadterra.co/v1", "user info"),
        ("https://app.leadterra.co/v1?key=secretword", "query"),
        ("https://app.leadterra.co/v1?", "query"),
        ("https://app.leadterra.co/v1#secretword", "fragment"),
        ("https:///v1", "host"),
        ("https://-example.com/v1", "host"),
        ("https://a..example.com/v1", "host"),
        ("https://exämple.com/v1", "host"),
        ("https://[fe80::1%25eth0]/v1", "host"),
        ("https://[v1.a:b]/v1", "host"),
        ("https://app.leadterra.co:0/v1", "cannot be read"),
        ("https://app.leadterra.co:99999/v1", "cannot be read"),
        ("https://[::1/v1", "cannot be read"),
        ("https://app.leadterra.co/v1/../admin", "path"),
        ("https://app.leadterra.co//evil", "path"),
        ("https://app.leadterra.co/%2e%2e", "path"),
        ("https://app.leadterra.co\\@example.com/v1", "user info"),
        ("https://app.leadterra.co/ v1", "white space"),
        ("https://app.leadterra.co/v1\n", "white space"),
        ("https://app.leadterra.co/\x1b[2J", "control characters"),
    ],
)
def test_an_address_that_must_not_get_a_key_is_refused_without_quoting_it(url: str, why: str) -> None:
    with pytest.raises(ReconcilerError) as caught:
        check_base_url(url)
    assert why in str(caught.value)
    assert "secretword" not in str(caught.value)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "api-address"
    assert "LEADTERRA_BASE_URL" in (diagnostic.hint or "")
    with pytest.raises(ReconcilerError):
        LeadterraClient(url, "sk_test_made_up", allow_writes=False)


@given(st.one_of(st.text(), st.text().map("https://".__add__), st.text().map("http://localhost".__add__)))
def test_any_text_is_an_address_or_a_diagnostic(url: str) -> None:
    with suppress(ReconcilerError):
        normalised = check_base_url(url)
        assert check_base_url(normalised) == normalised


@pytest.mark.parametrize(
    ("key", "kind"),
    [("sk_live_abc", "sk_live"), ("sk_test_abc", "sk_test"), ("sk_liveabc", "other"), ("", "other"), ("abc", "other")],
)
def test_the_kind_of_a_key(key: str, kind: str) -> None:
    assert key_kind(key) == kind


@pytest.mark.parametrize("key", ["", " ", "sk_test_secret word", "sk_test_secret\n", "sk_test_sécret"])
def test_a_key_that_cannot_be_one_is_refused_without_quoting_it(key: str) -> None:
    with pytest.raises(ReconcilerError) as caught:
        LeadterraClient("https://api.example.com/v1", key, allow_writes=False)
    assert caught.value.diagnostics[0].code == "api-unauthorized"
    assert "LEADTERRA_API_KEY" in (caught.value.diagnostics[0].hint or "")
    assert "cret" not in str(caught.value)
