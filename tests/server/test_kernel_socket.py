"""A kernel's link over a WebSocket: bytes pass as they are, for the owner of the launch alone."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClientConnection

from hitl_jupyter.engine.worker import digest_of
from hitl_jupyter.kernel_launch import launch_id
from hitl_jupyter.link.framing import host_messages, pack
from hitl_jupyter.link.messages import Ack, Emit, Hello, HostMessage, Refused, Run, Stop, Welcome
from hitl_jupyter.link.processes import look
from hitl_jupyter.protocol import PROTOCOL_VERSION, Stream, TaskCompleted
from tests.server.conftest import Api, Connect, Session
from tests.support.fake_kernel import FakeKernel, fake_kernel

SECRET = secrets.token_urlsafe(32)


@pytest.fixture
def kernel() -> Any:
    with fake_kernel() as kernel:
        yield kernel


async def start(api: Api, kernel: FakeKernel) -> str:
    process = look(kernel.process.pid)
    assert process is not None
    facts = {"digests": [digest_of(SECRET)], "pid": process.pid, "started_at": process.started_at, "machine": None}
    reply = await api("POST", "hitl/start-task", {"task": "fit", "launcher": "kernel", "kernel": facts})
    assert reply.status == 201, reply
    return str(reply.json["session_id"])


class Line:
    """The kernel's end of the socket."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self.socket = socket
        self._unpacker = host_messages()
        self._ready: list[HostMessage] = []

    async def say(self, *messages: Any) -> None:
        await self.socket.write_message(b"".join(map(pack, messages)), binary=True)

    async def hear(self, kind: type[Any]) -> Any:
        while True:
            while self._ready:
                if isinstance(message := self._ready.pop(0), kind):
                    return message
            data = await self.socket.read_message()
            assert isinstance(data, bytes), f"closed with {self.socket.close_code} before {kind.__name__}"
            self._ready += self._unpacker.feed(data)

    async def hello(self, session_id: str, secret: str = SECRET) -> None:
        await self.say(Hello(launch_id=launch_id(session_id, 1), secret=secret, pid=1, protocol=PROTOCOL_VERSION))


@asynccontextmanager
async def line(connect: Connect, session_id: str, **options: Any) -> AsyncIterator[Line]:
    socket = await connect(f"hitl/worker/{launch_id(session_id, 1)}", headers={}, **options)
    try:
        yield Line(socket)
    finally:
        socket.close()


async def test_a_run_speaks_with_the_manager_over_the_socket(
    api: Api, jp_ws_fetch: Connect, kernel: FakeKernel
) -> None:
    session = Session(api, await start(api, kernel))
    async with line(jp_ws_fetch, session.id) as link:
        await link.hello(session.id)
        assert (await link.hear(Welcome)).accepted == 0
        assert (await link.hear(Run)).session_id == session.id
        large = Stream(content="x" * 50_000)
        await link.say(Emit(first=1, events=[large] * 40), Emit(first=41, events=[TaskCompleted(values=1)]))
        while (await link.hear(Ack)).number < 41:
            pass
        await link.hear(Stop)
    snapshot = await session.becomes("completed")
    assert snapshot["streams"] == 40


async def test_a_line_that_breaks_is_taken_up_where_it_was(api: Api, jp_ws_fetch: Connect, kernel: FakeKernel) -> None:
    session = Session(api, await start(api, kernel))
    async with line(jp_ws_fetch, session.id) as link:
        await link.hello(session.id)
        await link.hear(Run)
        await link.say(Emit(first=1, events=[Stream(content="a")]))
        await link.hear(Ack)
    async with line(jp_ws_fetch, session.id) as link:
        await link.hello(session.id)
        assert (await link.hear(Welcome)).accepted == 1


async def test_the_launchs_secret_is_asked_for_too(api: Api, jp_ws_fetch: Connect, kernel: FakeKernel) -> None:
    session_id = await start(api, kernel)
    async with line(jp_ws_fetch, session_id) as link:
        await link.hello(session_id, secret="guessed")
        assert (await link.hear(Refused)).code == "unknown_launch"
        assert await link.socket.read_message() is None
        assert link.socket.close_code == 1001


async def test_text_is_not_taken(api: Api, jp_ws_fetch: Connect, kernel: FakeKernel) -> None:
    session_id = await start(api, kernel)
    async with line(jp_ws_fetch, session_id) as link:
        await link.socket.write_message("hello")
        assert await link.socket.read_message() is None
        assert link.socket.close_code == 4400


async def test_bytes_that_are_no_messages_end_the_line_and_nothing_else(
    api: Api, jp_ws_fetch: Connect, kernel: FakeKernel
) -> None:
    session = Session(api, await start(api, kernel))
    async with line(jp_ws_fetch, session.id) as link:
        await link.socket.write_message(b"\xff" * 1000, binary=True)
        assert await link.socket.read_message() is None
    assert (await session.snapshot())["status"] == "queued"


async def test_a_session_that_runs_in_no_kernel_has_no_such_line(api: Api, jp_ws_fetch: Connect) -> None:
    session_id = await api.start("sure")
    with pytest.raises(HTTPClientError) as refused:
        async with line(jp_ws_fetch, session_id):
            pass
    assert refused.value.code == 404
