"""Addresses of people: one normal form, and nothing of them in a message."""

import re
from functools import lru_cache

_PLAIN_LOCAL = re.compile(r"[a-z0-9]+(?:[._+-][a-z0-9]+)*")
_PLAIN_DOMAIN = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_LONGEST_LOCAL = 64
RESERVED = ("example.com", "example.net", "example.org")
"""Domains that belong to nobody (RFC 2606, section 3)."""

_LONGEST_PLAIN = 200


def normal_address(text: str) -> str | None:
    """Return an address trimmed, in lower case and in Unicode's normal form; None where it cannot get email.

    email-validator decides, without asking the network. For the usual kind of address it is asked about each domain
    only once: the local part then needs no second opinion.
    """
    candidate = text.strip().lower()
    local, at, domain = candidate.rpartition("@")
    if (
        at
        and len(candidate) <= _LONGEST_PLAIN
        and len(local) <= _LONGEST_LOCAL
        and _PLAIN_LOCAL.fullmatch(local)
        and _PLAIN_DOMAIN.fullmatch(domain)
    ):
        normal = _normal_domain(domain)
        return f"{local}@{normal}" if normal else None
    return _checked(candidate)


def is_example(address: str) -> bool:
    """Whether an address in its normal form can belong to nobody: its domain is reserved (RFC 2606, section 3).

    Its reserved top-level domains are no addresses at all for email-validator.
    """
    domain = address.rpartition("@")[2]
    return any(domain == name or domain.endswith(f".{name}") for name in RESERVED)


def masked(text: str) -> str:
    """Return what may be shown of an address: its first character, so that the row is recognised, and its @."""
    shown = text.strip()
    first = shown[0] if shown and shown[0].isascii() and shown[0].isalnum() else "*"
    return f"{first}***@***" if "@" in shown else f"{first}***"


def what_is_wrong(text: str) -> str:
    """Say in words, without quoting it, why this is no address."""
    shown = text.strip()
    _, at, domain = shown.rpartition("@")
    if not at:
        return "it has no @"
    if shown.count("@") > 1:
        return "it has more than one @"
    if any(char.isspace() for char in shown):
        return "there is a space in it"
    if "." not in domain:
        return "there is no dot after the @"
    return "it is not well-formed, or its domain cannot get email"


@lru_cache(maxsize=65_536)
def _normal_domain(domain: str) -> str | None:
    normal = _checked(f"a@{domain}")
    return normal.rpartition("@")[2] if normal else None


def _checked(candidate: str) -> str | None:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(candidate, check_deliverability=False).normalized
    except EmailNotValidError:
        return None
