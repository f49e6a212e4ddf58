"""The sandbox as a WSGI application."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from flask import Flask, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from reconciler.sandbox import control, routes
from reconciler.sandbox.engine import Sandbox, utc_now
from reconciler.sandbox.errors import ApiError, rate_limited, render
from reconciler.sandbox.options import DEFAULT_OPTIONS, SandboxOptions
from reconciler.sandbox.wire import Wire, is_api

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path


def create_app(
    database: Path,
    options: SandboxOptions = DEFAULT_OPTIONS,
    clock: Callable[[], datetime] = utc_now,
) -> Flask:
    """Return the API under ``/v1`` and its controls under ``/_sandbox``, on one SQLite file.

    The file is created and filled with the worked example (leadterra-api.md) where it is missing; several
    applications, threads and processes may share it. ``app.extensions["sandbox"]`` is the ``engine.Sandbox``
    behind the application. ``clock`` must return moments that know their zone. Raises
    ``sqlite3.Error`` where the file cannot be opened or is not a sandbox's.
    """
    app = Flask(__name__, static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    sandbox = Sandbox(database, options, clock)
    app.extensions["sandbox"] = sandbox
    routes.register(app, sandbox)
    control.register(app, sandbox)
    app.before_request(lambda: _admit(sandbox))
    app.register_error_handler(ApiError, lambda error: _refuse(sandbox, error))
    app.register_error_handler(HTTPException, lambda error: _refuse(sandbox, _as_api_error(error)))

    adapter = app.url_map.bind("sandbox.example.com")

    def kind_of(method: str, path: str) -> str:
        try:
            return str(adapter.match(path, method)[0])
        except HTTPException:
            return "other"

    # Flask documents assigning wsgi_app as the place for middleware.
    app.wsgi_app = Wire(app.wsgi_app, sandbox, kind_of)  # type: ignore[method-assign]
    return app


def _admit(sandbox: Sandbox) -> None:
    """Let a request of the API pass with the right key and within its rate."""
    if not is_api(request.path):
        return
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    right = hmac.compare_digest(key.strip().encode(), sandbox.options.key.encode())
    if scheme.lower() != "bearer" or not right:
        raise ApiError(401, "authentication_failed", "The key is missing or not valid.")
    wait = sandbox.wait_for_token(sandbox.options.key)
    if wait is not None:
        raise rate_limited(wait)


def _as_api_error(error: HTTPException) -> ApiError:
    codes = {404: "not_found", 405: "method_not_allowed", 500: "internal_error"}
    status = error.code or 500
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    return ApiError(status, codes.get(status, "invalid_request"), error.name, headers=headers)


def _refuse(sandbox: Sandbox, error: ApiError) -> Response:
    envelope = sandbox.options.error_envelope if is_api(request.path) else "nested"
    body, content_type = render(error, envelope)
    return Response(body, error.status, error.headers, content_type=content_type)
