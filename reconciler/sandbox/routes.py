"""The calls under ``/v1``; an endpoint's name is its kind in faults and in the log of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from flask import Flask, jsonify, request

from reconciler.sandbox import bodies, inbox, shapes
from reconciler.sandbox.errors import ApiError

if TYPE_CHECKING:
    from flask import Response

    from reconciler.sandbox.engine import Sandbox

PREFIX = "/v1"
# The dictionary in the WSGI environment where a view notes ``leads``, their number, for the log of requests.
NOTES_KEY = "reconciler.sandbox.notes"


def register(app: Flask, sandbox: Sandbox) -> None:
    """Add every call of the API to ``app``."""
    _register_workspace(app, sandbox)
    _register_campaigns(app, sandbox)
    _register_lifecycle(app, sandbox)
    _register_inbox(app, sandbox)


def _register_workspace(app: Flask, sandbox: Sandbox) -> None:
    page = shapes.PAGES[sandbox.options.shape]

    def pools() -> Response:
        return jsonify(shapes.pools(page, sandbox.pools()))

    def accounts() -> Response:
        return jsonify(shapes.accounts(page, sandbox.accounts()))

    app.add_url_rule(f"{PREFIX}/sender-pools", "pools", pools, methods=["GET"])
    app.add_url_rule(f"{PREFIX}/sender-accounts", "accounts", accounts, methods=["GET"])


def _register_campaigns(app: Flask, sandbox: Sandbox) -> None:
    page = shapes.PAGES[sandbox.options.shape]
    exist = sandbox.options.undocumented_calls

    def create() -> tuple[Response, int]:
        key = request.headers.get("Idempotency-Key") or None
        made = sandbox.create(bodies.json_object(request.get_data()), key)
        return jsonify(shapes.created(page, made)), 201

    def get(campaign_id: str) -> Response:
        if "get" not in exist:
            _no_such_call()
        return jsonify(shapes.one(page, sandbox.campaign(campaign_id)))

    def list_() -> Response:
        if "list" not in exist:
            raise ApiError(405, "method_not_allowed", "GET is not possible here.", headers={"Allow": "POST, OPTIONS"})
        return jsonify(shapes.listed(page, sandbox.campaigns()))

    def patch(campaign_id: str) -> Response:
        if "patch" not in exist:
            _no_such_call()
        changed = sandbox.patch(campaign_id, bodies.json_object(request.get_data()))
        return jsonify(shapes.one(page, changed))

    app.add_url_rule(f"{PREFIX}/campaigns", "create", create, methods=["POST"])
    app.add_url_rule(f"{PREFIX}/campaigns", "list", list_, methods=["GET"])
    app.add_url_rule(f"{PREFIX}/campaigns/<campaign_id>", "get", get, methods=["GET"])
    app.add_url_rule(f"{PREFIX}/campaigns/<campaign_id>", "patch", patch, methods=["PATCH"])


def _no_such_call() -> NoReturn:
    raise ApiError(404, "not_found", "There is no such call.")


def _register_lifecycle(app: Flask, sandbox: Sandbox) -> None:
    page = shapes.PAGES[sandbox.options.shape]

    def enroll(campaign_id: str) -> Response:
        body = bodies.json_object(request.get_data())
        leads = body.get("leads")
        if isinstance(leads, list):
            request.environ[NOTES_KEY]["leads"] = len(leads)
        return jsonify(shapes.enrolled(page, sandbox.enroll(campaign_id, body)))

    def start(campaign_id: str) -> Response:
        return jsonify(shapes.started(page, sandbox.start(campaign_id)))

    def pause(campaign_id: str) -> Response:
        return jsonify(shapes.paused(page, sandbox.pause(campaign_id)))

    def stats(campaign_id: str) -> Response:
        campaign, counters = sandbox.stats(campaign_id)
        return jsonify(shapes.stats(campaign, counters, with_status=sandbox.options.stats_status))

    one = f"{PREFIX}/campaigns/<campaign_id>"
    app.add_url_rule(f"{one}/leads/bulk", "enroll", enroll, methods=["POST"])
    app.add_url_rule(f"{one}/start", "start", start, methods=["POST"])
    app.add_url_rule(f"{one}/pause", "pause", pause, methods=["POST"])
    app.add_url_rule(f"{one}/stats", "stats", stats, methods=["GET"])


def _number(name: str, default: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    # Anything that is no plain number falls out of the range that the page allows.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(inbox.PAGE_MAX)) else 0


def _register_inbox(app: Flask, sandbox: Sandbox) -> None:
    page = shapes.PAGES[sandbox.options.shape]

    def replies() -> Response:
        found = sandbox.replies(request.args.get("campaignId"), _number("page", 1), _number("perPage", inbox.PER_PAGE))
        return jsonify(shapes.replies(page, found))

    def suppress() -> Response:
        return jsonify(shapes.suppressed(page, sandbox.suppress(bodies.json_object(request.get_data()))))

    def webhooks() -> Response:
        return jsonify(shapes.webhook(page, sandbox.add_webhook(bodies.json_object(request.get_data()))))

    app.add_url_rule(f"{PREFIX}/replies", "replies", replies, methods=["GET"])
    app.add_url_rule(f"{PREFIX}/suppression-list", "suppress", suppress, methods=["POST"])
    app.add_url_rule(f"{PREFIX}/webhooks", "webhooks", webhooks, methods=["POST"])
