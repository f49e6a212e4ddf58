"""What happens to a request around the API: it is logged, and it meets its fault."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, NoReturn

from werkzeug.wrappers import Request, Response

from reconciler.sandbox import faults
from reconciler.sandbox.bodies import bad_leads, json_object, lead_entries
from reconciler.sandbox.errors import ApiError, rate_limited, render
from reconciler.sandbox.faults import CARRIED_OUT, CUT
from reconciler.sandbox.routes import NOTES_KEY, PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from reconciler.sandbox.engine import Sandbox
    from reconciler.sandbox.faults import Fault

_HTML = """<!DOCTYPE html>
<html><head><title>{status}</title></head>
<body><center><h1>{status}</h1></center><hr><center>proxy</center></body></html>
"""
_FIRST_ERROR = 400
# The client's socket in the WSGI environment; not there in an in-process transport.
SOCKET_KEY = "reconciler.sandbox.socket"


class DroppedConnectionError(ConnectionResetError):
    """The connection was cut by a fault.

    Under the server of this package it ends the connection silently; where there is no socket (an in-process
    transport) it reaches the caller.
    """


class Wire:
    """WSGI middleware around the application; only requests under ``/v1`` are logged and meet faults."""

    def __init__(self, app: WSGIApplication, sandbox: Sandbox, kind_of: Callable[[str, str], str]) -> None:
        """Wrap ``app``; ``kind_of`` tells the kind of a call from its method and path."""
        self._app = app
        self._sandbox = sandbox
        self._kind_of = kind_of

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Carry out, answer, or cut off one request as its fault says."""
        request = Request(environ)
        if not is_api(request.path):
            return self._app(environ, start_response)
        response, fault = self._carry_out(request, environ)
        if fault is None:
            return response(environ, start_response)
        if fault.action == "late":
            self._carry_out_later(request, environ, fault.seconds)
        if fault.action in CUT:
            _drop(environ)
        if fault.action == "slow":
            time.sleep(fault.seconds)
        if fault.action == "half":
            start_response(response.status, response.headers.to_wsgi_list())
            return _half(environ, response.get_data())
        return response(environ, start_response)

    def _carry_out(self, request: Request, environ: WSGIEnvironment) -> tuple[Response, Fault | None]:
        """Log a request and call the API unless its fault stands before that; return the whole answer."""
        with self._sandbox.exchange(
            self._kind_of(request.method, request.path),
            request.method,
            request.path,
            request.headers.get("Idempotency-Key") or None,
        ) as exchange:
            fault = exchange.fault
            notes: dict[str, int] = {}
            environ[NOTES_KEY] = notes
            refusal = self._refusal(fault, request, environ, notes)
            if fault is None or fault.action in CARRIED_OUT or (fault.action == "reject_leads" and refusal is None):
                response = Response.from_app(self._app, environ, buffered=True)
                exchange.carried_out = response.status_code < _FIRST_ERROR
                if fault is not None and fault.action == "error500_after":
                    response = self._answer(fault)
            else:
                response = refusal or self._answer(fault)
            exchange.leads = notes.get("leads")
            if fault is None or fault.action not in CUT:
                exchange.status = response.status_code
        return response, fault

    def _carry_out_later(self, request: Request, environ: WSGIEnvironment, seconds: float) -> None:
        """Do what was asked when nobody waits for the answer any more."""
        asked = {**environ, "wsgi.input": BytesIO(request.get_data()), NOTES_KEY: {}}

        def act() -> None:
            key = request.headers.get("Idempotency-Key") or None
            with self._sandbox.exchange("late", request.method, request.path, key) as exchange:
                response = Response.from_app(self._app, asked, buffered=True)
                exchange.carried_out = response.status_code < _FIRST_ERROR
                exchange.status = response.status_code

        timer = threading.Timer(seconds, act)
        timer.daemon = True
        timer.start()

    def _refusal(
        self, fault: Fault | None, request: Request, environ: WSGIEnvironment, notes: dict[str, int]
    ) -> Response | None:
        """Return the answer to an enrolment that holds leads which its fault refuses; None where there are none."""
        if fault is None or fault.action != "reject_leads":
            return None
        content = request.get_data()
        environ["wsgi.input"] = BytesIO(content)  # for the application, which reads it again
        try:
            entries = lead_entries(json_object(content), None)
        except ApiError:
            return None
        errors = faults.bad_entries(fault, entries)
        if not errors:
            return None
        notes["leads"] = len(entries)
        return self._render(bad_leads(errors, len(entries)))

    def _answer(self, fault: Fault) -> Response:
        """Return what stands in place of the API's own answer."""
        if fault.action == "html":
            response = Response(status=fault.status or 502, mimetype="text/html")
            response.set_data(_HTML.format(status=response.status))
            return response
        if fault.action == "rate":
            error = rate_limited(1 if fault.retry_after is None else fault.retry_after)
        elif fault.action == "error503":
            wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            error = ApiError(503, "service_unavailable", "The service is not available now.", headers=wait)
        elif fault.action == "reject":
            error = ApiError(fault.status or 400, fault.code, "The request was refused.")
        else:
            error = ApiError(500, "internal_error", "Something went wrong.")
        return self._render(error)

    def _render(self, error: ApiError) -> Response:
        body, content_type = render(error, self._sandbox.options.error_envelope)
        return Response(body, error.status, error.headers, content_type=content_type)


def is_api(path: str) -> bool:
    """Tell whether a path belongs to the API rather than to the controls."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def _drop(environ: WSGIEnvironment) -> NoReturn:
    connection = environ.get(SOCKET_KEY)
    if isinstance(connection, socket.socket):
        # The server still holds the socket and closes it; until then nothing more can be sent or read.
        with suppress(OSError):  # a client that has left already
            connection.shutdown(socket.SHUT_RDWR)
    raise DroppedConnectionError("the connection was dropped by a fault")


def _half(environ: WSGIEnvironment, body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    _drop(environ)
