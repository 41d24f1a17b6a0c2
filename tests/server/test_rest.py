from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.server.conftest import Api

SMALL_BODY = 20_000


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"HitlExtension": {"max_body_bytes": SMALL_BODY, "max_answer_bytes": 5_000}}


def _user_input(value: str) -> bytes:
    return f'{{"type": "user_input", "values": {{"a": {value}}}}}'.encode()


NOT_JSON = [
    pytest.param(b"{", id="cut off"),
    pytest.param(b"[1, 2]", id="a list"),
    pytest.param(b'"text"', id="a string"),
    pytest.param(b"null", id="null"),
    pytest.param(b"\xff\xfe\xfa", id="no UTF-8"),
    pytest.param(b"[" * 15_000, id="deep lists"),
    pytest.param(b'{"type":' * 2_000, id="deep objects"),
    pytest.param(b"9" * 5_000, id="a long number"),
    pytest.param(b"NaN", id="NaN"),
]


@pytest.mark.parametrize("body", NOT_JSON)
@pytest.mark.parametrize("path", ["start-task", "cancel-task", "answer"])
async def test_a_body_of_another_shape_is_malformed(api: Api, path: str, body: bytes) -> None:
    whole = "hitl/start-task" if path == "start-task" else f"hitl/{path}/{uuid.uuid4()}"
    reply = await api("POST", whole, body)
    assert (reply.status, reply.json["code"]) == (400, "malformed"), reply
    assert reply.json["message"].endswith(".")
    assert (await api("GET", "hitl/health")).status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("hitl/start-task", {"taks": "a:b"}),
        ("hitl/start-task", {"task": 5}),
        ("hitl/start-task", {"task": "a:b", "key": ""}),
        ("hitl/start-task", {"task": "a:b", "max_retries": -1}),
        ("hitl/start-task", {"task": "a:b", "shipped": "no base64!"}),
        ("hitl/start-task", {"task": "a:b", "env": {"pyhton": "x"}}),
        ("hitl/start-task", b'{"task": "a:b", "params": {"a": 1e999}}'),
        ("hitl/start-task", b'{"task": "a:b", "params": {"a": "\\ud800"}}'),
        ("hitl/cancel-task/{id}", {"force": "yes"}),
        ("hitl/cancel-task/{id}", {"forec": True}),
        ("hitl/answer/{id}", b""),
        ("hitl/answer/{id}", {}),
        ("hitl/answer/{id}", {"type": "confrim", "value": True}),
        ("hitl/answer/{id}", {"type": "confirm"}),
        ("hitl/answer/{id}", {"type": "confirm", "value": "yes"}),
        ("hitl/answer/{id}", {"type": "confirm", "value": True, "request_id": "r" * 200}),
        ("hitl/answer/{id}", {"type": "user_input", "values": [1]}),
        ("hitl/answer/{id}", {"type": "cancel"}),
        ("hitl/answer/{id}", {"type": "draft", "request_id": "r", "values": {}}),
        ("hitl/answer/{id}", _user_input("NaN")),
        ("hitl/answer/{id}", _user_input("9" * 4_400)),
        ("hitl/answer/{id}", _user_input('"\\udc00"')),
        ("hitl/answer/{id}", _user_input("[" * 2_000 + "]" * 2_000)),
    ],
)
async def test_a_body_with_a_wrong_field_is_malformed(api: Api, path: str, body: Any) -> None:
    reply = await api("POST", path.format(id=uuid.uuid4()), body)
    assert (reply.status, reply.json["code"]) == (400, "malformed"), reply


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("hitl/sessions", {"limit": "0"}),
        ("hitl/sessions", {"limit": "-1"}),
        ("hitl/sessions", {"limit": "many"}),
        ("hitl/sessions", {"limit": "9" * 40}),
        ("hitl/sessions", {"limit": "²"}),
        ("hitl/sessions", {"status": "sleeping"}),
        ("hitl/sessions", {"cursor": "x"}),
        ("hitl/sessions", {"cursor": "nan,x"}),
        ("hitl/sessions", {"cursor": "1"}),
        ("hitl/sessions/{id}/events", {"after": "-1"}),
        ("hitl/sessions/{id}/events", {"before": "1.5"}),
        ("hitl/sessions/{id}/events", {"after": "99999999999999999999"}),
        ("hitl/sessions/{id}/events", {"limit": "0"}),
    ],
)
async def test_a_wrong_query_is_malformed(api: Api, path: str, query: dict[str, Any]) -> None:
    reply = await api("GET", path.format(id=uuid.uuid4()), query=query)
    assert (reply.status, reply.json["code"]) == (400, "malformed"), reply


@pytest.mark.parametrize(
    "session_id",
    [
        "f2e3034a-5533-421f-9c8f-5ff2a21c16a0",
        "76ad44d8-e991-11f1-ae46-02fc00000001",  # a version 1
        "55ED76EE-BB40-45A6-9EB6-6D805528DFEE",
        "b63dd2dd5267458f9eee7ca6a31ed244",
        "x",
        "..",
        "%00",
        "%ff%fe",
        "' OR 1=1 --",
        "x" * 3_000,
    ],
)
async def test_what_names_no_session_is_not_found_by_any_route(api: Api, session_id: str) -> None:
    confirm = {"type": "confirm", "value": True, "request_id": "r"}
    calls = [
        ("GET", f"hitl/session-info/{session_id}", None),
        ("GET", f"hitl/sessions/{session_id}", None),
        ("GET", f"hitl/sessions/{session_id}/events", None),
        ("GET", f"hitl/sessions/{session_id}/result", None),
        ("GET", f"hitl/sessions/{session_id}/output", None),
        ("DELETE", f"hitl/sessions/{session_id}", None),
        ("POST", f"hitl/cancel-task/{session_id}", b""),
        ("POST", f"hitl/answer/{session_id}", confirm),
    ]
    for verb, path, body in calls:
        reply = await api(verb, path, body)
        assert (reply.status, reply.json["code"]) == (404, "not_found"), (path, reply)


async def test_a_body_over_the_limit_is_refused_and_the_caller_sees_it(api: Api) -> None:
    for size in (SMALL_BODY + 1, 30 * SMALL_BODY, 20_000_000):
        reply = await api("POST", "hitl/start-task", b" " * size)
        assert (reply.status, reply.json["code"], reply.json["limit"]) == (413, "too_large", "max_body_bytes")
        assert (reply.json["allowed"], reply.json["size"]) == (SMALL_BODY, size)
    assert (await api("GET", "hitl/sessions")).status == 200


async def test_parameters_over_their_limits_are_refused(api: Api) -> None:
    big = await api("POST", "hitl/start-task", {"task": "a:b", "params": {"a": "x" * 6_000}})
    assert (big.status, big.json["limit"]) == (413, "max_answer_bytes")
    nested = json.loads("[" * 70 + "]" * 70)
    deep = await api("POST", "hitl/start-task", {"task": "a:b", "params": {"a": nested}})
    assert (deep.status, deep.json["limit"]) == (413, "max_nesting")


async def test_replies_are_json_that_no_cache_keeps(api: Api) -> None:
    for path in ("hitl/health", "hitl/sessions", "hitl/nothing"):
        headers = (await api("GET", path)).headers
        assert headers["Content-Type"].startswith("application/json")
        assert headers["Cache-Control"] == "no-store"
