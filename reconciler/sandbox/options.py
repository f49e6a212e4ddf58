"""The switches of the sandbox: which documented shape it speaks and which limits it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from pathlib import Path

Shape = Literal["guide", "quickstart", "reference", "concepts"]
Envelope = Literal["nested", "flat_error", "code", "text"]
WithoutLeads = Literal["reject", "run"]
Sending = Literal["clock", "live"]

SHAPES: tuple[Shape, ...] = get_args(Shape)
ENVELOPES: tuple[Envelope, ...] = get_args(Envelope)
_PORT_MAX = 65_535
UNDOCUMENTED: frozenset[str] = frozenset({"get", "list", "patch"})


def server_of(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``, an IPv6 address in brackets; raises ValueError for anything else."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) <= _PORT_MAX):
        raise ValueError("smtp must be HOST:PORT, such as localhost:1025")
    return host, int(port)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """What one server of the sandbox does where the documentation leaves a choice.

    The options belong to a server, not to its database: two servers on one file may speak differently.
    Raises ValueError for values no server could follow.

    shape: the documentation page whose answers are given (leadterra-api.md, "Shapes, page by page"; the
        table is ``shapes.PAGES``).
    undocumented_calls: which of ``get``, ``list`` and ``patch`` exist ("Promised by the guides"). One that
        does not: 404 ``not_found`` (``get``, ``patch``) or 405 (``list``).
    key: the only key that is accepted.
    rate_per_second: requests a second for each key, as a token bucket holding one second's worth and at least
        one, measured on the clock of the app; over it the answer is 429 with ``Retry-After`` in whole seconds.
    bulk_max: most leads in one enrolment; None for no limit (no maximum is published).
    stats_status: whether stats carry ``status``.
    error_envelope: the form of errors ("Errors"). ``text`` is not JSON, apart from the ``errors`` array of a 422.
    start_without_leads: the reference page's 400, or the guide's campaign that runs and waits for leads.
    sending: when email leaves. With ``clock`` only when the virtual clock is moved, so that nothing is sent while a
        test or a command runs; with ``live`` also as time passes.
    smtp: ``HOST:PORT`` of an SMTP server that gets every message sent as a real email; None for none.
    webhook_ca: a file of certificates (PEM) that webhooks are trusted by, instead of the system's.
    """

    shape: Shape = "guide"
    undocumented_calls: frozenset[str] = UNDOCUMENTED
    key: str = "sk_test_sandbox"
    rate_per_second: float | None = None
    bulk_max: int | None = None
    stats_status: bool = True
    error_envelope: Envelope = "nested"
    start_without_leads: WithoutLeads = "reject"
    sending: Sending = "clock"
    smtp: str | None = None
    webhook_ca: Path | None = None

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise ValueError(f"shape must be one of {', '.join(SHAPES)}")
        if self.error_envelope not in ENVELOPES:
            raise ValueError(f"error_envelope must be one of {', '.join(ENVELOPES)}")
        if self.start_without_leads not in get_args(WithoutLeads):
            raise ValueError(f"start_without_leads must be one of {', '.join(get_args(WithoutLeads))}")
        if self.sending not in get_args(Sending):
            raise ValueError(f"sending must be one of {', '.join(get_args(Sending))}")
        if self.smtp is not None:
            server_of(self.smtp)
        if not self.undocumented_calls <= UNDOCUMENTED:
            raise ValueError(f"undocumented_calls may hold {', '.join(sorted(UNDOCUMENTED))} only")
        if not self.key:
            raise ValueError("key must not be empty")
        if self.rate_per_second is not None and not self.rate_per_second > 0:
            raise ValueError("rate_per_second must be greater than 0")
        if self.bulk_max is not None and self.bulk_max < 1:
            raise ValueError("bulk_max must be at least 1")


DEFAULT_OPTIONS = SandboxOptions()
