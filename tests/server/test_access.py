from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from http.cookies import SimpleCookie
from typing import Any, ClassVar

import pytest
from jupyter_server.auth import Authorizer, User
from jupyter_server.base.handlers import JupyterHandler
from tornado.httpclient import HTTPClientError

from hitl_jupyter.server.access import ANSWERS, SESSIONS
from hitl_jupyter.server.routes import ROUTES, Ask, Route, Verb
from tests.server.conftest import NO_CREDENTIALS, Api, Connect, Session, Watch

CALLS = [(route, verb) for route in ROUTES for verb in route.verbs]
Call = Callable[..., Awaitable[tuple[int, bytes]]]


class Recorder(Authorizer):
    """Grants all but ``refused``, and notes what it was asked."""

    asked: ClassVar[list[Ask]] = []
    refused: ClassVar[set[Ask]] = set()

    def is_authorized(self, handler: JupyterHandler, user: User, action: str, resource: str) -> bool:
        ask: Any = (action, resource)
        self.asked.append(ask)
        return ask not in self.refused


@pytest.fixture
def settings() -> dict[str, Any]:
    Recorder.asked, Recorder.refused = [], set()
    return {"ServerApp": {"authorizer_class": Recorder}}


def _path(route: Route) -> str:
    return re.sub(r"{\w+}", str(uuid.uuid4()), route.path)


@pytest.fixture
def call(api: Api, jp_ws_fetch: Connect) -> Call:
    """Call a route by its verb; the HTTP status, 101 for a socket that opens, and the body."""

    async def status_and_body(route: Route, verb: Verb, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        if verb != "WEBSOCKET":
            reply = await api(verb, _path(route), b"{}" if verb == "POST" else None, headers=headers)
            return reply.status, reply.body
        try:
            (await jp_ws_fetch(_path(route), headers=dict(headers or {}))).close()
        except HTTPClientError as error:
            return error.code, (error.response.body if error.response else b"")
        return 101, b""

    return status_and_body


@pytest.mark.parametrize("credentials", ["", "token wrong", "bearer wrong", "hitl wrong", "hitl ", "hitl", "hitl é"])
async def test_nobody_gets_in_anywhere_without_valid_credentials(call: Call, credentials: str) -> None:
    for route, verb in CALLS:
        status, body = await call(route, verb, {"Authorization": credentials})
        assert (status, b'"code":"unauthenticated"' in body) == (403, True), (route.path, verb, body)
    assert Recorder.asked == []


@pytest.mark.parametrize("order", [1, -1])
async def test_the_authorizer_is_asked_what_the_table_says_whatever_came_before(call: Call, order: int) -> None:
    for route, verb in CALLS[::order]:
        Recorder.asked.clear()
        status, body = await call(route, verb)
        assert tuple(Recorder.asked) == route.verbs[verb], (route.path, verb)
        assert status not in (401, 403, 500), (route.path, verb, body)


async def test_what_the_authorizer_refuses_is_forbidden(call: Call) -> None:
    for route, verb in CALLS:
        for ask in route.verbs[verb]:
            Recorder.refused = {ask}
            status, body = await call(route, verb)
            assert (status, b'"code":"forbidden"' in body) == (403, True), (route.path, verb, ask, body)


async def test_an_unknown_route_is_json_too_and_only_for_those_who_may_ask(api: Api) -> None:
    for path in ("hitl", "hitl/", "hitl/nothing", "hitl/sessions/a/b/c"):
        assert (await api("GET", path)).json["code"] == "not_found"
        assert (await api("POST", path, b"{}")).status == 404
        assert (await api("GET", path, headers=NO_CREDENTIALS)).json["code"] == "unauthenticated"


async def test_a_wrong_method_is_json_too(api: Api) -> None:
    reply = await api("GET", "hitl/start-task")
    assert (reply.status, reply.json["code"]) == (405, "method_not_allowed")
    assert (await api("PUT", "hitl/sessions", b"{}")).status == 405


@pytest.mark.parametrize(
    ("message", "ask"),
    [
        ({"type": "confirm", "value": True, "request_id": "r"}, ("write", ANSWERS)),
        ({"type": "user_input", "values": {}, "request_id": "r"}, ("write", ANSWERS)),
        ({"type": "retry", "value": True, "request_id": "r"}, ("write", ANSWERS)),
        ({"type": "draft", "values": {}, "request_id": "r"}, ("write", ANSWERS)),
        ({"type": "cancel"}, ("write", SESSIONS)),
    ],
)
async def test_every_message_on_a_socket_is_asked_about_too(
    api: Api, watch: Watch, message: dict[str, Any], ask: Ask
) -> None:
    session_id = await api.start("sure")
    async with watch(f"hitl/ws/{session_id}") as watcher:
        await watcher.until("request_confirmation")
        Recorder.asked.clear()
        Recorder.refused = {ask}
        assert (await watcher.error(message))["code"] == "forbidden"
        assert Recorder.asked == [ask]
    assert (await api("GET", f"hitl/sessions/{session_id}")).json["status"] == "waiting", "nothing was done"


# -- cookies ----------------------------------------------------------------------------------------------------------


async def _log_in(api: Api) -> dict[str, str]:
    """The cookies of a browser that logged in, as request headers, without the XSRF proof."""
    jar: SimpleCookie = SimpleCookie()
    for path, headers in (("hitl/health", {}), ("login", NO_CREDENTIALS)):
        for line in (await api("GET", path, headers=headers)).headers.get_list("Set-Cookie"):
            jar.load(line)
    return {
        "Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items()),
        "X-Proof": jar["_xsrf"].value,
        **NO_CREDENTIALS,
    }


async def test_a_cookie_alone_reads_but_changes_nothing_without_the_xsrf_proof(api: Api) -> None:
    cookies = await _log_in(api)
    assert (await api("GET", "hitl/sessions", headers=cookies)).status == 200
    refused = await api("POST", f"hitl/cancel-task/{uuid.uuid4()}", b"", headers=cookies)
    assert (refused.status, refused.json["code"]) == (403, "forbidden")
    assert (await api("DELETE", f"hitl/sessions/{uuid.uuid4()}", headers=cookies)).status == 403
    proof = {**cookies, "X-XSRFToken": cookies["X-Proof"]}
    assert (await api("POST", f"hitl/cancel-task/{uuid.uuid4()}", b"", headers=proof)).status == 404


async def test_a_foreign_origin_gets_nowhere_with_a_cookie(api: Api, jp_ws_fetch: Connect) -> None:
    cookies = {**await _log_in(api), "Origin": "http://evil.example"}
    cookies["X-XSRFToken"] = cookies["X-Proof"]
    assert (await api("POST", f"hitl/cancel-task/{uuid.uuid4()}", b"", headers=cookies)).status in (403, 404)
    assert (await api("GET", "hitl/sessions", headers=cookies)).status == 404


async def test_an_answer_from_a_browser_bears_the_name_of_the_person_at_it(api: Api) -> None:
    cookies = await _log_in(api)
    cookies["X-XSRFToken"] = cookies["X-Proof"]
    name = (await api("GET", "api/me", headers=cookies)).json["identity"]["display_name"]
    session = Session(api, await api.start("sure"))
    command = {"type": "confirm", "value": True, "request_id": await session.question()}
    settled = await api("POST", f"hitl/answer/{session.id}", command, headers=cookies)
    assert (settled.status, settled.json["by"], settled.json["via"]) == (200, name, "browser")


async def test_an_answer_with_a_token_bears_no_name(api: Api) -> None:
    session = Session(api, await api.start("sure"))
    settled = await session.answer(type="confirm", value=True, request_id=await session.question())
    assert (settled.json["by"], settled.json["via"]) == (None, "token")


async def test_only_what_no_browser_sends_can_say_that_it_comes_from_a_terminal(api: Api) -> None:
    session = Session(api, await api.start("sure"))
    command = {"type": "confirm", "value": True, "request_id": await session.question()}
    settled = await api("POST", f"hitl/answer/{session.id}", command, headers={"X-Hitl-Via": "cli"})
    assert settled.json["via"] == "cli"
    cookies = await _log_in(api)
    claims = {**cookies, "X-XSRFToken": cookies["X-Proof"], "X-Hitl-Via": "cli"}
    session = Session(api, await api.start("sure"))
    command = {"type": "confirm", "value": True, "request_id": await session.question()}
    settled = await api("POST", f"hitl/answer/{session.id}", command, headers=claims)
    assert settled.json["via"] == "browser"


async def test_a_large_body_without_credentials_is_refused_like_a_small_one(api: Api) -> None:
    reply = await api("POST", "hitl/start-task", b" " * 30_000_000, headers=NO_CREDENTIALS)
    assert (reply.status, reply.json["code"]) == (403, "unauthenticated")
