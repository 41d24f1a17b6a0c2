"""The OpenAPI document of the routes, made from the routes and the message types themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from hitl_jupyter import protocol
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import Started
from hitl_jupyter.server.rest import CancelBody
from hitl_jupyter.server.routes import Route, Verb
from hitl_jupyter.snapshot import Snapshot
from hitl_jupyter.summary import FeedMessage, SessionPage
from hitl_jupyter.version import __version__

REF = "#/components/schemas/{name}"

DESCRIPTION = """Human-in-the-loop tasks: start them, watch them, answer them.

Refusals are JSON: a stable `code`, a `message` that ends in the next step, and details. Requests with the server's
cookie need the header `X-XSRFToken`; those with `Authorization: token ...` do not. A token in a URL lets any page that
knows it in, whatever its origin: prefer the header.

`hitl/ws/{session_id}` and `hitl/ws` are WebSockets: JSON objects as text frames, or, for a client that offers the
subprotocol `hitl.v1.batch`, JSON arrays of them. They close with 1001 (server stopping), 1002 (broken frames), 1009 (a
message over the limit), or 4000 + an HTTP status: 4400 (malformed query), 4404 (session forgotten), 4503 (store away).
"""

REFUSALS = {
    "400": "Malformed: not JSON, not of this shape, or a query parameter that is not what it should be",
    "403": "No valid credentials, no XSRF proof with a cookie, or the server's Authorizer refuses",
    "404": "No such session, or somebody else's",
    "409": "Already settled (by, at, value), or the session's state does not allow it",
    "410": "The request's deadline has passed",
    "413": "Over a declared limit",
    "422": "Values that do not validate, with an error per field (the request stays open); or an idempotency key that "
    "was used for another command",
    "429": "A count limit is used up",
    "503": "The journal cannot be written or opened, or the worker that checks answers is away",
    "507": "The disk is full",
}

Reply = tuple[str, str, dict[str, Any]]
"""Status, description and JSON schema of a success."""


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The whole document, ready to be encoded."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths[f"/{route.path}"] = {_method(verb): _operation(route, verb) for verb in route.verbs}
    return {
        "openapi": "3.1.0",
        "info": {"title": "hitl_jupyter", "version": __version__, "description": DESCRIPTION},
        "servers": [{"url": "{base_url}", "variables": {"base_url": {"default": "/"}}}],
        "security": [{"token": []}, {"token_in_query": []}, {"cookie": [], "xsrf": []}],
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": SECURITY},
    }


SECURITY = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`token <the server's token>`, or `hitl <secret>` from the file hitl-<pid>.json in "
        "the Jupyter runtime folder.",
    },
    "token_in_query": {"type": "apiKey", "in": "query", "name": "token"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "username-<host>"},
    "xsrf": {"type": "apiKey", "in": "header", "name": "X-XSRFToken"},
}


def _method(verb: Verb) -> str:
    return "get" if verb == "WEBSOCKET" else verb.lower()


def _operation(route: Route, verb: Verb) -> dict[str, Any]:
    doc = inspect.getdoc(getattr(route.handler, _method(verb))) or ""
    summary, _, more = doc.partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": f"{_method(verb)}_{route.handler.__name__}",
        "summary": summary,
        "description": more,
        "parameters": _parameters(route, verb),
        "responses": _responses(route, verb),
        "x-authorizer": [{"action": action, "resource": resource} for action, resource in route.verbs[verb]],
    }
    if verb == "WEBSOCKET":
        operation["x-websocket"] = MESSAGES[route.path]
    if route.path in BODIES:
        operation["requestBody"] = {"content": {"application/json": {"schema": BODIES[route.path]}}}
    return operation


def _parameters(route: Route, verb: Verb) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": IN_PATH[name]}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    queries = QUERIES.get(route.path, {}) if verb in ("GET", "WEBSOCKET") else {}
    return in_path + [{"name": name, "in": "query", "schema": schema} for name, schema in queries.items()]


def _responses(route: Route, verb: Verb) -> dict[str, Any]:
    good = REPLIES.get((route.path, verb), [("101", "The connection is a WebSocket from here on", {})])
    replies: dict[str, Any] = {status: {"description": said, **_content(schema)} for status, said, schema in good}
    refusal = _content(_ref("Refusal"))
    return replies | {
        status: {"description": said, **refusal} for status, said in REFUSALS.items() if status not in replies
    }


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    if not schema:
        return {}
    kind = "application/octet-stream" if schema.get("format") == "binary" else "application/json"
    return {"content": {kind: {"schema": schema}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": REF.format(name=name)}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}
_STATUS = {"type": "string", "enum": list(protocol.Status.__args__)}  # type: ignore[attr-defined]  # a Literal's members
_EVENTS = {"type": "array", "items": _ref("JournalEvent")}

IN_PATH: dict[str, dict[str, Any]] = {
    "session_id": {"type": "string", "format": "uuid"},
    "launch_id": {"type": "string", "description": "A session's id, a dot, and the number of an attempt"},
}

BODIES: dict[str, dict[str, Any]] = {
    "hitl/start-task": _ref("StartTask"),
    "hitl/cancel-task/{session_id}": _ref("CancelBody"),
    "hitl/answer/{session_id}": _ref("AnswerCommand"),
}

QUERIES: dict[str, dict[str, dict[str, Any]]] = {
    "hitl/sessions": {
        "status": {"type": "array", "items": _STATUS},
        "task": _TEXT,
        "owner": _TEXT,
        "limit": _COUNT,
        "cursor": _TEXT,
    },
    "hitl/sessions/{session_id}/events": {"after": _COUNT, "before": _COUNT, "limit": _COUNT},
    "hitl/ws/{session_id}": {"after": _COUNT, "epoch": _COUNT, "tail": _COUNT},
    "hitl/ws": {"after": _COUNT, "ended": _COUNT},
}

REPLIES: dict[tuple[str, Verb], list[Reply]] = {
    ("hitl/start-task", "POST"): [
        ("201", "A new session", _ref("Started")),
        ("200", "The key's session, which exists already", _ref("Started")),
    ],
    ("hitl/cancel-task/{session_id}", "POST"): [("202", "The status now", _object(status=_STATUS))],
    ("hitl/session-info/{session_id}", "GET"): [("200", "How the session stands", {"type": "object"})],
    ("hitl/answer/{session_id}", "POST"): [("200", "The settled request", _ref("RequestResolved"))],
    ("hitl/sessions", "GET"): [("200", "A page of sessions", _ref("SessionPage"))],
    ("hitl/sessions/{session_id}", "GET"): [("200", "The snapshot", _ref("Snapshot"))],
    ("hitl/sessions/{session_id}", "DELETE"): [("204", "Forgotten", {})],
    ("hitl/sessions/{session_id}/events", "GET"): [("200", "Events, in order", _EVENTS)],
    ("hitl/sessions/{session_id}/output", "GET"): [("200", "A MIME bundle", {"type": "object"})],
    ("hitl/sessions/{session_id}/result", "GET"): [
        ("200", "A pickle; only a process that trusts the task should open it", {"type": "string", "format": "binary"})
    ],
    ("hitl/tasks", "GET"): [
        ("200", "The registered tasks", _object(tasks={"type": "array"}, problems={"type": "array"}))
    ],
    ("hitl/health", "GET"): [
        ("200", "All is well", _object(status=_TEXT, version=_TEXT, protocol=_COUNT, limits=_ref("Limits"))),
        ("503", "Degraded: the same, with the reasons", _object(status=_TEXT, reasons={"type": "array"})),
    ],
    ("hitl/openapi.json", "GET"): [("200", "This document", {"type": "object"})],
}

_BATCHES = {"subprotocols": [protocol.BATCH_SUBPROTOCOL]}
_FRAMES = {"type": "string", "format": "binary", "description": "msgpack messages, each after four bytes of length"}

MESSAGES: dict[str, dict[str, Any]] = {
    "hitl/ws/{session_id}": {**_BATCHES, "receive": _ref("ServerMessage"), "send": _ref("Command")},
    "hitl/ws": {**_BATCHES, "receive": _ref("FeedMessage")},
    "hitl/worker/{launch_id}": {"subprotocols": [], "receive": _FRAMES, "send": _FRAMES},
}


def _schemas() -> dict[str, Any]:
    named: dict[str, Any] = {
        "StartTask": protocol.StartTask,
        "CancelBody": CancelBody,
        "AnswerCommand": protocol.AnswerCommand,
        "Command": protocol.Command,
        "JournalEvent": protocol.JournalEvent,
        "ServerMessage": protocol.ServerMessage,
        "Snapshot": Snapshot,
        "SessionPage": SessionPage,
        "FeedMessage": FeedMessage,
        "Started": Started,
        "Limits": Limits,
    }
    shapes, components = msgspec.json.schema_components(named.values(), ref_template=REF)
    unions = {name: shape for name, shape in zip(named, shapes, strict=True) if name not in components}
    return {**components, **unions, "Refusal": _object(code=_TEXT, message=_TEXT)}
