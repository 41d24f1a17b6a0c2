from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable
from typing import Any

import anyio
import msgspec
import pytest
from jupyter_server.serverapp import ServerApp
from tornado.httpclient import HTTPClientError
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketProtocol13

from hitl_jupyter.protocol import BATCH_SUBPROTOCOL
from hitl_jupyter.server.extension import HitlExtension
from hitl_jupyter.server.frames import FrameProtocol
from tests.server.conftest import NO_CREDENTIALS, Api, Connect, Watch, Watcher
from tests.support.waiting import eventually_async

LIMIT = 200_000


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"HitlExtension": {"max_body_bytes": LIMIT, "max_viewers": 2}}


@pytest.fixture
def session(api: Api, jp_asyncio_loop: asyncio.AbstractEventLoop) -> str:
    """A session that waits for a confirmation."""
    return jp_asyncio_loop.run_until_complete(api.start("sure"))


async def _open_request(api: Api, session_id: str) -> dict[str, Any]:
    async def first() -> Any:
        requests = (await api("GET", f"hitl/sessions/{session_id}")).json["open_requests"]
        return requests[0] if requests else None

    request: dict[str, Any] = await eventually_async(first, "the question is open")
    return request


# -- what a client may send -------------------------------------------------------------------------------------------

BAD_MESSAGES = [
    pytest.param("", id="nothing"),
    pytest.param("{", id="cut off"),
    pytest.param("[" * 100_000, id="deep lists"),
    pytest.param('{"type":' * 10_000, id="deep objects"),
    pytest.param("9" * 5_000, id="a long number"),
    pytest.param(f'{{"type": "user_input", "values": {{"a": {"9" * 5_000}}}}}', id="a long number inside"),
    pytest.param('{"type": "user_input", "values": {"a": NaN}}', id="NaN"),
    pytest.param('{"type": "user_input", "values": {"a": "\\ud800"}}', id="a lone surrogate"),
    pytest.param("null", id="null"),
    pytest.param([1], id="a list"),
    pytest.param({"type": "confirm"}, id="a field missing"),
    pytest.param({"type": "confirm", "value": "yes"}, id="a wrong type"),
    pytest.param({"type": "confirm", "value": True, "requestId": "r"}, id="a typo"),
    pytest.param({"type": "start"}, id="an unknown type"),
    pytest.param(b"\x00\xff\xfe", id="binary"),
    pytest.param(b"\x80" * 1_000, id="binary, no UTF-8"),
]


@pytest.mark.parametrize("batch", [False, True])
async def test_bad_messages_are_answered_and_the_socket_goes_on(watch: Watch, session: str, batch: bool) -> None:
    async with watch(f"hitl/ws/{session}", batch=batch) as watcher:
        for message in [param.values[0] for param in BAD_MESSAGES]:
            error = await watcher.error(message)
            assert (error["code"], error["session_id"]) == ("malformed", session), message
            assert error["message"].endswith(".")


async def test_text_that_is_no_utf8_is_answered_like_any_bad_message(watch: Watch, session: str) -> None:
    async with watch(f"hitl/ws/{session}") as watcher:
        _send_frame(watcher, 0x1, b'{"type": "\xff"}')
        assert (await watcher.until("error"))["code"] == "malformed"
        assert (await watcher.error("{"))["code"] == "malformed"


async def test_a_message_over_the_limit_is_named_and_closes_with_1009(watch: Watch, api: Api, session: str) -> None:
    async with watch(f"hitl/ws/{session}") as watcher:
        await watcher.until("state_replay_complete")
        await watcher.send("x" * (LIMIT + 1) * 20)
        error = await watcher.until("error")
        assert (error["code"], error["details"]["limit"]) == ("too_large", "max_body_bytes")
        assert await watcher.closed() == 1009
    assert (await api("GET", f"hitl/sessions/{session}")).status == 200


@pytest.mark.parametrize(
    ("opcode", "data", "flags"),
    [(0x3, b"", 0), (0xB, b"", 0), (0x1, b"x", 0x40), (0x0, b"nothing to go on with", 0)],
)
async def test_broken_frames_close_with_1002(watch: Watch, session: str, opcode: int, data: bytes, flags: int) -> None:
    async with watch(f"hitl/ws/{session}") as watcher:
        await watcher.until("state_replay_complete")
        _send_frame(watcher, opcode, data, flags)
        assert await watcher.closed() == 1002


def _send_frame(watcher: Watcher, opcode: int, data: bytes, flags: int = 0) -> None:
    protocol = watcher.socket.protocol
    assert isinstance(protocol, WebSocketProtocol13)
    protocol._write_frame(True, opcode, data, flags)


async def test_messages_are_carried_out_in_the_order_they_came(watch: Watch, session: str) -> None:
    async with watch(f"hitl/ws/{session}") as watcher:
        for number in range(50):
            await watcher.send({"type": "confirm", "value": True, "request_id": f"none-{number}"})
        seen = [(await watcher.until("error"))["request_id"] for _ in range(50)]
        assert seen == [f"none-{number}" for number in range(50)]


async def test_large_messages_in_a_row_wait_for_their_turn_and_are_all_answered(watch: Watch, session: str) -> None:
    async with watch(f"hitl/ws/{session}") as watcher:
        for number in range(30):
            await watcher.send({"type": "draft", "request_id": f"none-{number}", "values": {"a": "x" * 150_000}})
        seen = [(await watcher.until("error"))["request_id"] for _ in range(30)]
        assert seen == [f"none-{number}" for number in range(30)]


async def test_a_refusal_names_the_request_and_the_key_of_the_message(watch: Watch, session: str) -> None:
    message = {"type": "confirm", "value": True, "request_id": "none", "idempotency_key": "k1"}
    async with watch(f"hitl/ws/{session}") as watcher:
        error = await watcher.error(message)
        assert (error["code"], error["request_id"], error["idempotency_key"]) == ("not_found", "none", "k1")


# -- opening ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", [{"after": "-1"}, {"after": "x"}, {"epoch": "1.5"}, {"tail": "all"}])
async def test_a_wrong_query_is_said_and_closes_with_4400(watch: Watch, session: str, query: dict[str, str]) -> None:
    async with watch(f"hitl/ws/{session}", **query) as watcher:
        assert (await watcher.until("error"))["code"] == "malformed"
        assert await watcher.closed() == 4400


@pytest.mark.parametrize("query", [{"after": "x"}, {"ended": "-1"}, {"ended": "all"}])
async def test_a_wrong_query_of_the_feed_closes_with_4400(watch: Watch, query: dict[str, str]) -> None:
    async with watch("hitl/ws", **query) as watcher:
        assert (await watcher.until("error"))["code"] == "malformed"
        assert await watcher.closed() == 4400


@pytest.mark.parametrize("session_id", ["7b2315c2-3a62-40ec-9481-d9754c2070a5", "x"])
async def test_an_unknown_session_is_not_found_before_the_upgrade(
    extension: HitlExtension, jp_ws_fetch: Connect, session_id: str
) -> None:
    with pytest.raises(HTTPClientError) as caught:
        await jp_ws_fetch(f"hitl/ws/{session_id}")
    assert caught.value.code == 404


async def test_a_plain_request_of_a_socket_route_is_told_what_it_is(api: Api, session: str) -> None:
    reply = await api("GET", f"hitl/ws/{session}")
    assert (reply.status, reply.json["code"]) == (400, "malformed")


async def test_a_cookie_from_a_foreign_page_does_not_open_a_socket(
    api: Api, jp_ws_fetch: Connect, jp_serverapp: ServerApp, session: str
) -> None:
    host = f"localhost:{jp_serverapp.port}"  # a login cookie's name has the host in it
    cookie = (await api("GET", "hitl/health", headers={"Host": host})).headers["Set-Cookie"].partition(";")[0]
    own = await jp_ws_fetch(f"hitl/ws/{session}", headers={**NO_CREDENTIALS, "Cookie": cookie})
    own.close()
    with pytest.raises(HTTPClientError) as caught:
        await jp_ws_fetch(
            f"hitl/ws/{session}", headers={**NO_CREDENTIALS, "Cookie": cookie, "Origin": "http://evil.example"}
        )
    assert caught.value.code == 403


async def test_a_token_in_the_url_opens_a_socket(extension: HitlExtension, jp_ws_fetch: Connect, session: str) -> None:
    token = extension._server().identity_provider.token
    socket = await jp_ws_fetch(f"hitl/ws/{session}", headers=dict(NO_CREDENTIALS), params={"token": token})
    socket.close()


async def test_viewers_over_the_limit_are_refused_before_the_upgrade(
    jp_ws_fetch: Connect, watch: Watch, session: str
) -> None:
    path = f"hitl/ws/{session}"
    async with watch(path) as one:
        async with watch(path) as other:
            for watcher in (one, other):
                await watcher.until("state_replay_complete")
            with pytest.raises(HTTPClientError) as caught:
                await jp_ws_fetch(path)
            assert caught.value.code == 429

        async def room() -> bool:
            try:
                (await jp_ws_fetch(path)).close()
            except HTTPClientError:
                return False
            return True

        await eventually_async(room, "the viewer that left makes room")


# -- what a viewer gets -----------------------------------------------------------------------------------------------


async def test_history_comes_first_then_what_happens_and_every_event_once(watch: Watch, api: Api) -> None:
    session_id = await api.start("order")
    async with watch(f"hitl/ws/{session_id}") as early:
        request = await early.until("request_user_input")
        async with watch(f"hitl/ws/{session_id}") as late:
            await late.until("state_replay_complete")
            answer = {"type": "user_input", "values": {"item": "tea", "count": 2}, "request_id": request["request_id"]}
            await late.send(answer)
            for watcher in (early, late):
                asked = await watcher.until("request_confirmation")
            await early.send({"type": "confirm", "value": True, "request_id": asked["request_id"]})
            for watcher in (early, late):
                completed = await watcher.until("task_completed")
                await watcher.until("status", status="completed")
                numbers = [message["seq"] for message in watcher.seen if "seq" in message]
                assert numbers == list(range(1, len(numbers) + 1))
            assert completed["values"] == {"item": "tea", "count": 2, "colour": "red"}
            assert _events(early) == _events(late)


async def test_a_viewer_goes_on_where_it_was(watch: Watch, api: Api) -> None:
    session_id = await api.start("count", params={"lines": 20})
    async with watch(f"hitl/ws/{session_id}") as first:
        epoch = (await first.until("state_replay_start"))["epoch"]
        last = await first.until("status", status="completed")
    async with watch(f"hitl/ws/{session_id}", after=5, epoch=epoch) as again:
        start = await again.until("state_replay_start")
        assert (start["first_seq"], start["count"]) == (6, last["seq"] - 5)
        await again.until("state_replay_complete")
        assert _events(again) == _events(first)[5:]
    async with watch(f"hitl/ws/{session_id}", tail=3) as tail:
        assert (await tail.until("state_replay_start"))["snapshot"]["status"] == "completed"
        await tail.until("state_replay_complete")
        assert _events(tail) == _events(first)[-3:]


async def test_batches_are_arrays_of_the_same_messages(watch: Watch, api: Api, jp_ws_fetch: Connect) -> None:
    session_id = await api.start("count", params={"lines": 500})
    async with watch(f"hitl/ws/{session_id}") as singly:
        await singly.until("status", status="completed")
    socket = await jp_ws_fetch(f"hitl/ws/{session_id}", subprotocols=["other", BATCH_SUBPROTOCOL])
    assert socket.selected_subprotocol == BATCH_SUBPROTOCOL
    messages: list[dict[str, Any]] = []
    frames = 0
    while not messages or messages[-1]["type"] != "state_replay_complete":
        frames += 1
        messages += msgspec.json.decode(await socket.read_message() or b"[]")
    socket.close()
    assert [message for message in messages if "seq" in message] == _events(singly)
    assert frames < len(messages) / 10


async def test_a_viewer_that_does_not_read_costs_little_and_slows_nobody(watch: Watch, api: Api) -> None:
    session_id = await api.start("count", params={"lines": 100_000})
    async with watch(f"hitl/ws/{session_id}") as stalled, watch(f"hitl/ws/{session_id}", batch=True) as other:
        last = await other.until("status", status="completed")
        buffered = [len(each.stream._write_buffer) for each in gc.get_objects() if isinstance(each, FrameProtocol)]
        assert len(buffered) == 2
        assert max(buffered) < 4 * 1024 * 1024
        await stalled.until("status", status="completed")
        assert [message["seq"] for message in _events(stalled)] == list(range(1, last["seq"] + 1))


async def test_a_draft_is_shown_to_the_other_viewer_and_is_there_after_a_reload(watch: Watch, api: Api) -> None:
    session_id = await api.start("log_in")
    request_id = (await _open_request(api, session_id))["request_id"]
    async with watch(f"hitl/ws/{session_id}") as one, watch(f"hitl/ws/{session_id}") as other:
        for watcher in (one, other):
            await watcher.until("state_replay_complete")
        values = {"user": "ada", "password": "hunter2"}
        await one.send({"type": "draft", "request_id": request_id, "values": values})
        assert (await other.until("draft"))["values"] == {"user": "ada"}
    async with watch(f"hitl/ws/{session_id}") as reloaded:
        assert (await reloaded.until("draft"))["values"] == {"user": "ada"}


async def test_a_draft_that_is_refused_names_its_question_and_the_socket_goes_on(watch: Watch, api: Api) -> None:
    session_id = await api.start("log_in")
    request_id = (await _open_request(api, session_id))["request_id"]
    typed = {"type": "draft", "request_id": request_id, "values": {"user": "ada"}}
    async with watch(f"hitl/ws/{session_id}") as watcher:
        await watcher.until("state_replay_complete")
        error = await watcher.error({**typed, "request_id": "none"})
        assert (error["code"], error["request_id"]) == ("not_found", "none")
        error = await watcher.error({**typed, "values": {"user": msgspec.json.decode("[" * 70 + "]" * 70)}})
        assert (error["code"], error["request_id"]) == ("too_large", request_id)
        values = {"user": "ada", "password": "hunter2"}
        await watcher.send({"type": "user_input", "request_id": request_id, "values": values})
        await watcher.until("request_resolved")
        error = await watcher.error(typed)
        assert (error["code"], error["request_id"]) == ("already_settled", request_id)
        await watcher.until("status", status="completed")


async def test_a_session_is_cancelled_over_its_socket(watch: Watch, session: str) -> None:
    async with watch(f"hitl/ws/{session}") as watcher:
        await watcher.until("request_confirmation")
        await watcher.send({"type": "cancel"})
        assert (await watcher.until("task_cancelled"))["reason"] == "user"
        await watcher.until("status", status="cancelled")


async def test_a_forgotten_session_closes_its_viewers_with_4404(watch: Watch, api: Api) -> None:
    session_id = await api.start("count")
    async with watch(f"hitl/ws/{session_id}") as watcher:
        await watcher.until("status", status="completed")
        assert (await api("DELETE", f"hitl/sessions/{session_id}")).status == 204
        assert await watcher.closed() == 4404
    assert (await api("GET", f"hitl/sessions/{session_id}")).status == 404


async def test_a_stopping_server_closes_its_sockets_with_1001(
    watch: Watch, extension: HitlExtension, session: str
) -> None:
    async with watch(f"hitl/ws/{session}") as watcher, watch("hitl/ws") as feed:
        await watcher.until("request_confirmation")
        await feed.until("session")
        await extension.stop_extension()
        assert (await watcher.closed(), await feed.closed()) == (1001, 1001)


async def test_the_feed_tells_all_sessions_then_what_changes(watch: Watch, api: Api) -> None:
    first = await api.start("count")
    async with watch(f"hitl/ws/{first}") as watcher:  # to its end: it may else change last of all
        await watcher.until("status", status="completed")
    async with watch("hitl/ws") as feed:
        listed = await feed.until("sessions_listed")
        assert listed["count"] == 1
        assert {message["session_id"] for message in feed.seen[:-1]} == {first}
        second = await api.start("sure")
        await _until_status(feed, second, "waiting")
        await api("POST", f"hitl/cancel-task/{second}", b"")
        rev = (await _until_status(feed, second, "cancelled"))["rev"]
        assert (await feed.error({"type": "confirm", "value": True}))["code"] == "malformed"
    async with watch("hitl/ws", after=rev - 1) as again:
        await again.until("sessions_listed")
        assert [message["session_id"] for message in again.seen if message["type"] == "session"] == [second]


@pytest.mark.parametrize("batch", [True, False])
async def test_of_the_ended_sessions_the_feed_tells_so_many_as_are_asked_for(
    watch: Watch, api: Api, batch: bool
) -> None:
    async with watch("hitl/ws", batch=batch, ended=0) as feed:
        await feed.until("sessions_listed", count=0)
        ids: list[str] = []
        for _ in range(2):  # one after the other: the second would else end first now and then
            ids.append(await api.start("count"))
            await _until_status(feed, ids[-1], "completed")
    async with watch("hitl/ws", batch=batch, ended=1) as feed:
        await feed.until("sessions_listed", count=1)
        assert [message["type"] for message in feed.seen] == ["session", "sessions_listed"]
        assert feed.seen[0]["session_id"] == ids[1]


async def _until_status(feed: Watcher, session_id: str, status: str) -> dict[str, Any]:
    while True:
        message = await feed.until("session", session_id=session_id)
        if message["summary"]["status"] == status:
            return message


def _events(watcher: Watcher) -> list[dict[str, Any]]:
    return [message for message in watcher.seen if "seq" in message]


async def test_a_connection_that_is_reset_in_mid_frame_is_a_viewer_gone_and_no_error(
    session: str, watch: Watch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reset = asyncio.Event()

    def write_texts(_protocol: FrameProtocol, _messages: Iterable[bytes]) -> asyncio.Future[None]:
        broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        broken.set_exception(StreamClosedError())
        reset.set()
        return broken

    monkeypatch.setattr(FrameProtocol, "write_texts", write_texts)
    async with watch(f"hitl/ws/{session}"):
        await reset.wait()
        await anyio.wait_all_tasks_blocked()
    assert "a viewer's socket failed" not in caplog.text
