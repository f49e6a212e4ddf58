"""A token for the remote goes to its server only, over what is encrypted, and is in no list of processes."""

import base64
from pathlib import Path

import pytest
from store.gitworld import git

from reconciler.store.gitaccess import token_settings
from reconciler.store.gitrun import Git

TOKEN = "ghs_made_up"
HEADER = f"AUTHORIZATION: basic {base64.b64encode(f'x-access-token:{TOKEN}'.encode()).decode()}"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("https://example.com/acme/campaigns.git", "https://example.com/"),
        ("https://ada@example.com:8443/acme/campaigns", "https://example.com:8443/"),
        ("HTTPS://example.com/acme", "HTTPS://example.com/"),
        ("http://127.0.0.1:3000/acme/campaigns.git", "http://127.0.0.1:3000/"),
        ("http://localhost/acme", "http://localhost/"),
    ],
)
def test_it_is_for_one_server(url: str, server: str) -> None:
    assert token_settings(url, TOKEN) == (
        (f"http.{server}.extraheader", ""),
        (f"http.{server}.extraheader", HEADER),
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/acme",
        "http://localhost.example.com/acme",
        "http://127.0.0.1.example.com/acme",
        "ssh://git@example.com/acme",
        "git@example.com:acme/campaigns.git",
        "/srv/campaigns.git",
        "file:///srv/campaigns.git",
        "https:///acme",
        "",
    ],
)
def test_it_travels_only_where_nobody_can_read_it(url: str) -> None:
    assert token_settings(url, TOKEN) == ()


def test_git_goes_by_it_beside_what_is_set_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "--quiet", "clone")
    clone = tmp_path / "clone"
    git(clone, "config", "http.https://example.com/.extraheader", "AUTHORIZATION: basic another")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "Ada")
    secret = token_settings("https://example.com/acme/campaigns.git", TOKEN)
    asked = ("config", "--get-urlmatch", "http.extraheader", "https://example.com/acme/campaigns.git")
    assert Git(clone).run(*asked, secret=secret).out.decode().strip() == HEADER
    assert Git(clone).run("config", "user.name", secret=secret).out.decode().strip() == "Ada"
    other = ("config", "--get-urlmatch", "http.extraheader", "https://example.org/acme/campaigns.git")
    assert Git(clone).run(*other, secret=secret).out == b""
