"""Where the key may be sent, and what kind of key it is. Pure and light: settings and state binding use it, too."""

import re
from ipaddress import ip_address
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from reconciler.diagnostics import ReconcilerError, error

KeyKind = Literal["sk_live", "sk_test", "other"]

_DEFAULT_PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_HINT = "Set LEADTERRA_BASE_URL to something like https://app.leadterra.co/v1."


def key_kind(api_key: str) -> KeyKind:
    """Tell a production key (`sk_live`) from a sandbox one (`sk_test`), without keeping the key (leadterra-api.md)."""
    if api_key.startswith("sk_live_"):
        return "sk_live"
    return "sk_test" if api_key.startswith("sk_test_") else "other"


def check_base_url(url: str) -> str:
    """Return the address of the API in one spelling: lower-case host, no default port, no trailing slash.

    Raises `ReconcilerError` where a key must not be sent there: anything but https (http is for loopback hosts), or an
    address with user info, query or fragment. The address itself is not quoted: a secret may have been pasted into it.
    """
    parts, port = _split(url)
    host = (parts.hostname or "").lower()
    if parts.scheme not in _DEFAULT_PORTS:
        raise _refused("does not begin with https://")
    if parts.username is not None or parts.password is not None:
        raise _refused("carries user info (name:password@)")
    if "?" in url or "#" in url:
        raise _refused("carries a query or a fragment")
    if not _is_host(host):
        raise _refused("has no usable host name")
    if parts.scheme == "http" and not is_loopback(host):
        raise _refused("is not https, so the key could be read on the way; http is for loopback addresses only")
    path = parts.path.rstrip("/")
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise _refused("has a path with unusual characters or empty parts")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{'' if port in {None, _DEFAULT_PORTS[parts.scheme]} else f':{port}'}{path}"


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split(url: str) -> tuple[SplitResult, int | None]:
    if any(character.isspace() or not character.isprintable() for character in url):
        raise _refused("contains white space or control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        port = -1
        parts = urlsplit("")
    if port in {-1, 0}:
        raise _refused("is not a URL: its host or port cannot be read")
    return parts, port


def _is_host(host: str) -> bool:
    if ":" not in host:
        return bool(_HOST.fullmatch(host)) and ".." not in host
    try:
        ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _refused(why: str) -> ReconcilerError:
    return ReconcilerError(error("api-address", f"The address of the API {why}.", hint=_HINT))
