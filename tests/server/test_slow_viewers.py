"""Viewers that do not read: what they cost, how they are let go, and that they go on where they were."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from jupyter_server.serverapp import ServerApp

from hitl_jupyter.journal.contract import SessionRow, Write
from hitl_jupyter.protocol import BATCH_SUBPROTOCOL, SessionFacts, encode
from hitl_jupyter.server.extension import HitlExtension
from hitl_jupyter.server.frames import FrameProtocol
from hitl_jupyter.snapshot import Snapshot
from tests.server.conftest import Api, Watch
from tests.support.waiting import eventually_async

MIB = 1024 * 1024
STALLED = 100
LINES = 20_000
KERNEL_BYTES = 16 * 1024
"""The buffers of sockets in these tests, so that a peer which does not read is noticed after a few events."""


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"HitlExtension": {"stalled_seconds": 600.0}}


class Stalled:
    """A viewer at the level of TCP: it reads when it is told to, and not before."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._data = b""

    async def _receive(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._line, MIB)

    async def read(self) -> tuple[list[dict[str, Any]], int | None]:
        """All messages to the end of the connection, and the close code, if there was one."""
        with contextlib.suppress(ConnectionError):
            while data := await self._receive():
                self._data += data
                if _closing(self._data):
                    break
        messages: list[dict[str, Any]] = []
        code = None
        for opcode, body in _frames(self._data):
            if opcode == 8:
                code = struct.unpack("!H", body[:2])[0]
            elif opcode == 1:
                decoded = msgspec.json.decode(body)
                messages += decoded if isinstance(decoded, list) else [decoded]
        return messages, code


def _frames(data: bytes) -> list[tuple[int, bytes]]:
    """Opcode and body of each whole frame of a server."""
    frames, at = [], 0
    while at + 2 <= len(data):
        size, head = data[at + 1], 2
        if size > 125:
            head = 4 if size == 126 else 10
            size = int.from_bytes(data[at + 2 : at + head], "big")
        if at + head + size > len(data):
            break
        frames.append((data[at] & 15, data[at + head : at + head + size]))
        at += head + size
    return frames


def _closing(data: bytes) -> bool:
    return data[-256:].find(b"\x88") >= 0 and any(opcode == 8 for opcode, _ in _frames(data))


@contextlib.asynccontextmanager
async def stalled(app: ServerApp, path: str, *, batch: bool = True) -> AsyncIterator[Stalled]:
    """Open a viewer's socket and read nothing of it but the handshake."""
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
        line.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(line, ("127.0.0.1", app.port))
        lines = [
            f"GET {app.base_url}{path} HTTP/1.1",
            f"Host: 127.0.0.1:{app.port}",
            f"Authorization: token {app.identity_provider.token}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
            "Sec-WebSocket-Version: 13",
            *([f"Sec-WebSocket-Protocol: {BATCH_SUBPROTOCOL}"] if batch else []),
        ]
        await loop.sock_sendall(line, "\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += await loop.sock_recv(line, 1)
        assert answer.startswith(b"HTTP/1.1 101")
        yield Stalled(line)


@pytest.fixture
def app(extension: HitlExtension, http_server: Any, jp_serverapp: ServerApp) -> ServerApp:
    """The server, whose connections have small buffers in the kernel."""
    for listening in http_server._sockets.values():
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
    return jp_serverapp


def open_sockets() -> list[FrameProtocol]:
    return [each for each in gc.get_objects() if isinstance(each, FrameProtocol) and not each.stream.closed()]


def buffered() -> list[int]:
    """Bytes that wait in this process for each open socket."""
    return [len(each.stream._write_buffer) for each in open_sockets()]


async def full_buffers(count: int) -> None:
    async def full() -> bool:
        return sum(waiting > 0 for waiting in buffered()) >= count

    await eventually_async(full, f"{count} sockets do not take what is written")


async def given_up() -> bool:
    """Whether the server has closed one of them."""
    return any(each.server_terminated for each in open_sockets())


def seqs(messages: list[dict[str, Any]]) -> list[int]:
    return [message["seq"] for message in messages if "seq" in message]


async def test_a_hundred_stalled_viewers_keep_nothing_from_a_live_one(app: ServerApp, api: Api, watch: Watch) -> None:
    session_id = await api.start("hold", params={"lines": LINES})
    async with contextlib.AsyncExitStack() as stack:
        for number in range(STALLED):
            await stack.enter_async_context(stalled(app, f"hitl/ws/{session_id}", batch=number % 2 == 0))
        live = await stack.enter_async_context(watch(f"hitl/ws/{session_id}", batch=True))
        asked = await live.until("request_confirmation")
        await live.send({"type": "confirm", "value": True, "request_id": asked["request_id"]})
        last = await live.until("status", status="completed")
        await full_buffers(STALLED)
        assert [message["seq"] for message in live.seen if "seq" in message] == list(range(1, last["seq"] + 1))
        assert max(buffered()) < MIB
        assert (await api("GET", "hitl/health")).json["viewers"] == STALLED + 1


@pytest.mark.parametrize("settings", [{"HitlExtension": {"stalled_seconds": 0.3}}])
@pytest.mark.parametrize("batch", [True, False])
async def test_a_viewer_that_takes_nothing_is_closed_with_4408_and_resumes_exactly(
    app: ServerApp, api: Api, watch: Watch, batch: bool
) -> None:
    session_id = await api.start("count", params={"lines": LINES})
    async with watch(f"hitl/ws/{session_id}", batch=True) as whole:
        last = await whole.until("status", status="completed")
    async with stalled(app, f"hitl/ws/{session_id}", batch=batch) as viewer:
        await eventually_async(given_up, "the server closes")
        messages, code = await viewer.read()
    assert code == 4408
    had = seqs(messages)
    assert had == list(range(1, len(had) + 1))
    assert len(had) < last["seq"]
    async with watch(f"hitl/ws/{session_id}", batch=True, after=had[-1], epoch=messages[0]["epoch"]) as again:
        await again.until("state_replay_complete")
        rest = [message for message in again.seen if "seq" in message]
    assert [message for message in messages if "seq" in message] + rest == [m for m in whole.seen if "seq" in m]


@pytest.mark.chaos  # for what takes long is the time that a peer has to answer a close frame
@pytest.mark.parametrize("settings", [{"HitlExtension": {"stalled_seconds": 0.3}}])
async def test_a_connection_that_is_dead_ends_and_leaves_nothing(app: ServerApp, api: Api) -> None:
    session_id = await api.start("count", params={"lines": LINES})
    async with stalled(app, f"hitl/ws/{session_id}"):

        async def gone() -> bool:
            return (await api("GET", "hitl/health")).json["viewers"] == 0 and not open_sockets()

        await full_buffers(1)
        await eventually_async(gone, "the viewer is let go")


@pytest.mark.parametrize("settings", [{"HitlExtension": {"stalled_seconds": 0.3}}])
async def test_an_inbox_that_takes_nothing_is_closed_too(app: ServerApp, extension: HitlExtension) -> None:
    manager = extension._engine_host().current
    assert manager is not None
    facts = SessionFacts(task="m:f", title="x" * 5000, owner="server")
    for number in range(50):
        await manager.journal.submit(Write(session_id=f"s{number}", create=_ended(f"s{number}", facts)))
    async with stalled(app, "hitl/ws") as inbox:
        await eventually_async(given_up, "the server closes")
        assert (await inbox.read())[1] == 4408


def _ended(session_id: str, facts: SessionFacts) -> SessionRow:
    snapshot = Snapshot(session_id=session_id, status="completed", session=facts, ended_at=4e9)
    return SessionRow(
        session_id=session_id,
        owner=facts.owner,
        task=facts.task,
        status="completed",
        created_at=1.0,
        ended_at=4e9,
        rev=1,
        last_seq=0,
        snapshot_seq=0,
        snapshot=encode(snapshot),
    )


async def test_a_large_event_waits_for_a_viewer_without_being_copied(app: ServerApp, api: Api) -> None:
    session_id = await api.start("draw", params={"size": 4 * MIB})
    async with stalled(app, f"hitl/ws/{session_id}"):
        await full_buffers(1)
        (protocol,) = open_sockets()
        waiting = [piece for is_view, piece in protocol.stream._write_buffer._buffers if is_view]
        sources = {id(piece.obj): memoryview(piece.obj).nbytes for piece in waiting if isinstance(piece, memoryview)}
        assert len(waiting) > 30
        assert sum(sources.values()) < 5 * MIB
