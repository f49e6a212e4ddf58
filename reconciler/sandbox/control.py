"""The controls under ``/_sandbox``: no key, not part of the API, not in the log of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, jsonify, request

from reconciler.sandbox import bodies, control_bodies, shapes
from reconciler.sandbox.records import stamp

if TYPE_CHECKING:
    from flask import Response

    from reconciler.sandbox.engine import Sandbox
    from reconciler.sandbox.records import Campaign, JsonObject, Lead, Message, Received

PREFIX = "/_sandbox"


def _body() -> JsonObject:
    return bodies.json_object(request.get_data())


def _received(row: Received) -> JsonObject:
    shown: JsonObject = {
        "seq": row.seq,
        "kind": row.kind,
        "method": row.method,
        "path": row.path,
        "status": row.status,
        "carriedOut": row.carried_out,
        "time": row.time,
        "idempotencyKey": row.idempotency_key,
    }
    return shown if row.leads is None else shown | {"leads": row.leads}


def _lead(row: Lead) -> JsonObject:
    return {
        "email": row.email,
        "fields": row.fields,
        "timesEnrolled": row.times_enrolled,
        "enrolledAt": row.enrolled_at,
        "step": row.step,
        "ended": row.ended,
    }


def _message(row: Message) -> JsonObject:
    return {
        "email": row.email,
        "step": row.step,
        "state": row.state,
        "dueAt": row.due_at,
        "sentAt": row.sent_at,
        "sender": row.sender,
    }


def _campaign(sandbox: Sandbox, campaign: Campaign) -> JsonObject:
    now, counters = sandbox.stats(campaign.id)
    queued = sum(message.state == "queued" for message in sandbox.messages(campaign.id))
    return shapes.detail(now) | {
        "starts": now.starts,
        "resumes": now.resumes,
        "queuedMessages": queued,
        "stats": shapes.stats(now, counters, with_status=False),
    }


def register(app: Flask, sandbox: Sandbox) -> None:
    """Add every control to ``app``."""
    _register_traffic(app, sandbox)
    _register_clock(app, sandbox)
    _register_dashboard(app, sandbox)
    _register_views(app, sandbox)


def _register_traffic(app: Flask, sandbox: Sandbox) -> None:
    @app.post(f"{PREFIX}/faults", endpoint="control.add_fault")
    def add_fault() -> tuple[str, int]:
        sandbox.add_fault(control_bodies.fault_of(_body()))
        return "", 204

    @app.delete(f"{PREFIX}/faults", endpoint="control.clear_faults")
    def clear_faults() -> tuple[str, int]:
        sandbox.clear_faults()
        return "", 204

    @app.get(f"{PREFIX}/requests", endpoint="control.requests")
    def requests() -> Response:
        return jsonify({"requests": [_received(row) for row in sandbox.requests()]})


def _register_clock(app: Flask, sandbox: Sandbox) -> None:
    @app.get(f"{PREFIX}/clock", endpoint="control.clock")
    def clock() -> Response:
        return jsonify({"now": stamp(sandbox.now())})

    @app.post(f"{PREFIX}/clock", endpoint="control.advance")
    def advance() -> Response:
        return jsonify({"now": stamp(sandbox.advance(control_bodies.advance_of(_body())))})


def _register_dashboard(app: Flask, sandbox: Sandbox) -> None:
    one = f"{PREFIX}/campaigns/<campaign_id>"

    @app.post(f"{PREFIX}/pools", endpoint="control.pools")
    def set_pools() -> tuple[str, int]:
        sandbox.set_pools(control_bodies.pools_of(bodies.json_value(request.get_data())))
        return "", 204

    @app.post(f"{one}/counters", endpoint="control.counters")
    def set_counters(campaign_id: str) -> Response:
        sandbox.set_counters(campaign_id, control_bodies.counters_of(_body()))
        return jsonify(_campaign(sandbox, sandbox.campaign(campaign_id)))

    @app.post(f"{one}/status", endpoint="control.status")
    def set_status(campaign_id: str) -> Response:
        return jsonify(_campaign(sandbox, sandbox.set_status(campaign_id, control_bodies.status_of(_body()))))

    @app.post(f"{one}/edit", endpoint="control.edit")
    def edit(campaign_id: str) -> Response:
        return jsonify(_campaign(sandbox, sandbox.edit_campaign(campaign_id, _body())))

    @app.delete(one, endpoint="control.delete")
    def delete(campaign_id: str) -> tuple[str, int]:
        sandbox.delete_campaign(campaign_id)
        return "", 204

    @app.post(f"{PREFIX}/replies", endpoint="control.reply")
    def add_reply() -> tuple[Response, int]:
        body = _body()
        reply = sandbox.add_reply(
            control_bodies.text(body, "campaignId"),
            control_bodies.text(body, "email"),
            classification=control_bodies.text(body, "classification", "interested"),
            snippet=control_bodies.text(body, "threadSnippet", ""),
            received_at=control_bodies.moment_of(body, "receivedAt"),
        )
        return jsonify({"id": reply.id}), 201


def _register_views(app: Flask, sandbox: Sandbox) -> None:
    @app.get(f"{PREFIX}/campaigns", endpoint="control.campaigns")
    def campaigns() -> Response:
        return jsonify({"campaigns": [_campaign(sandbox, found) for found in sandbox.campaigns()]})

    @app.get(f"{PREFIX}/campaigns/<campaign_id>/leads", endpoint="control.leads")
    def leads(campaign_id: str) -> Response:
        return jsonify({"leads": [_lead(row) for row in sandbox.leads(campaign_id)]})

    @app.get(f"{PREFIX}/messages", endpoint="control.messages")
    def messages() -> Response:
        campaign_id = control_bodies.text(dict(request.args), "campaignId")
        return jsonify({"messages": [_message(row) for row in sandbox.messages(campaign_id)]})
