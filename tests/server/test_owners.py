from __future__ import annotations

import getpass
from typing import Any

import pytest
from jupyter_server.auth import User
from jupyter_server.auth.identity import IdentityProvider, PasswordIdentityProvider
from tornado.httpclient import HTTPClientError
from tornado.web import RequestHandler

from hitl_jupyter.server.access import has_one_owner
from hitl_jupyter.server.extension import HitlExtension
from tests.server.conftest import Api, Connect, Watch

ADA = {"Authorization": "user ada"}
BOB = {"Authorization": "user bob"}


class Named(IdentityProvider):
    """Stable identities: ``Authorization: user ada``."""

    def get_user(self, handler: RequestHandler) -> User | None:
        scheme, _, name = handler.request.headers.get("Authorization", "").partition(" ")
        return User(name, name, name.title()) if scheme == "user" and name else None

    def is_token_authenticated(self, handler: RequestHandler) -> bool:
        return True


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"ServerApp": {"identity_provider_class": Named}}


async def test_anothers_session_looks_like_an_absent_one(api: Api, jp_ws_fetch: Connect, watch: Watch) -> None:
    session_id = await api.start("sure", headers=ADA)
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
    absent = await api("GET", "hitl/sessions/00000000-0000-4000-8000-000000000000", headers=BOB)
    for verb, path, body in calls:
        reply = await api(verb, path, body, headers=BOB)
        assert (reply.status, reply.json) == (404, absent.json), path
    with pytest.raises(HTTPClientError) as caught:
        await jp_ws_fetch(f"hitl/ws/{session_id}", headers=dict(BOB))
    assert caught.value.code == 404
    assert (await api("GET", "hitl/sessions", headers=BOB)).json["sessions"] == []
    assert (await api("GET", "hitl/sessions", headers=BOB, query={"owner": "ada"})).json["sessions"] == []
    (mine,) = (await api("GET", "hitl/sessions", headers=ADA)).json["sessions"]
    assert (mine["session_id"], mine["owner"]) == (session_id, "ada")


async def test_the_feed_shows_the_callers_sessions_only(api: Api, watch: Watch) -> None:
    async with watch("hitl/ws", headers=BOB) as feed:
        await api.start("sure", headers=ADA)
        own = await api.start("sure", headers=BOB)
        assert (await feed.until("session"))["session_id"] == own


async def test_an_assignee_finds_the_session_in_the_feed_while_the_question_is_open(api: Api, watch: Watch) -> None:
    async with watch("hitl/ws", headers=BOB) as feed:
        await feed.until("sessions_listed", count=0)
        session_id = await api.start("ask_bob", headers=ADA)
        seen = await feed.until("session", session_id=session_id)
        (request,) = seen["summary"]["open_requests"]
        assert (request["message"], request["assignees"], seen["summary"]["owner"]) == ("Bob?", ["bob"], "ada")
        async with watch("hitl/ws", headers=BOB) as later:
            await later.until("sessions_listed", count=1)
        assert (await api("GET", "hitl/sessions", headers=BOB)).json["sessions"] == []
        confirm = {"type": "confirm", "value": True, "request_id": request["request_id"]}
        assert (await api("POST", f"hitl/answer/{session_id}", confirm, headers=BOB)).status == 200
        assert (await feed.until("session", session_id=session_id, forgotten=True))["summary"] is None
    async with watch("hitl/ws", headers=BOB) as after:
        await after.until("sessions_listed", count=0)


async def test_who_answered_is_told_by_display_name(api: Api, watch: Watch) -> None:
    session_id = await api.start("sure", headers=ADA)
    async with watch(f"hitl/ws/{session_id}", headers=ADA) as watcher:
        request = await watcher.until("request_confirmation")
        await watcher.send({"type": "confirm", "value": True, "request_id": request["request_id"]})
        assert (await watcher.until("request_resolved"))["by"] == "Ada"


async def test_a_kernel_acts_as_the_account_that_the_server_runs_as(api: Api, extension: HitlExtension) -> None:
    kernel = {"Authorization": f"hitl {extension._secret}"}
    session_id = await api.start("count", headers=kernel)
    facts = (await api("GET", f"hitl/sessions/{session_id}", headers=kernel)).json["session"]
    assert facts["owner"] == getpass.getuser()


@pytest.mark.parametrize(
    ("ownership", "provider", "one"),
    [
        ("auto", IdentityProvider, True),
        ("auto", PasswordIdentityProvider, True),
        ("auto", Named, False),
        ("server", Named, True),
        ("user", IdentityProvider, False),
    ],
)
def test_who_is_told_apart_follows_from_the_trait_and_the_provider(
    ownership: Any, provider: type[IdentityProvider], one: bool
) -> None:
    assert has_one_owner(ownership, provider()) is one
