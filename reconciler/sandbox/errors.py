"""Refusals of the API and the envelopes they travel in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.sandbox.options import Envelope
    from reconciler.sandbox.records import JsonObject


class ApiError(Exception):
    """A call that is refused; nothing was changed.

    ``status`` and ``code`` are those of leadterra-api.md ("Endpoints that are documented"), ``errors`` the entries
    of a 422, ``headers`` what goes with the answer (``Retry-After``, ``Allow``).
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        errors: Sequence[JsonObject] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.errors = list(errors)
        self.headers = dict(headers or {})


def invalid(message: str) -> ApiError:
    """Return the 400 ``invalid_request`` that answers a bad body."""
    return ApiError(400, "invalid_request", message)


def campaign_not_found(campaign_id: str) -> ApiError:
    """Return the 404 that answers an unknown campaign."""
    return ApiError(404, "campaign_not_found", f"There is no campaign {campaign_id} in this workspace.")


def rate_limited(retry_after: int) -> ApiError:
    """Return the 429 that asks to wait ``retry_after`` whole seconds."""
    return ApiError(429, "rate_limited", "Too many requests with this key.", headers={"Retry-After": str(retry_after)})


def render(error: ApiError, envelope: Envelope) -> tuple[str, str]:
    """Return body and content type of a refusal, as leadterra-api.md ("Errors") lists the envelopes.

    An ``errors`` array stands beside the envelope. It is promised as JSON, so ``text`` gives way to it.
    """
    payload: JsonObject
    if envelope == "nested":
        payload = {"error": {"code": error.code, "message": error.message}}
    elif envelope == "flat_error":
        payload = {"error": error.code, "message": error.message}
    elif envelope == "code":
        payload = {"code": error.code, "message": error.message}
    elif error.errors:
        payload = {}
    else:
        return f"{error.code}: {error.message}\n", "text/plain; charset=utf-8"
    if error.errors:
        payload["errors"] = error.errors
    return json.dumps(payload), "application/json"
