"""A viewer as fast as Python has one: it starts sessions, watches them and answers."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from hitl_jupyter.protocol import BATCH_SUBPROTOCOL, ServerMessage
from tests.support.jupyter_process import JupyterProcess

ROOT = Path(__file__).parents[1]
MAX_FRAME = 256 * 1024 * 1024

_array = msgspec.json.Decoder(list[ServerMessage])
_single = msgspec.json.Decoder(ServerMessage)


class Client:
    """The REST calls and sockets of one authenticated person."""

    def __init__(self, server: JupyterProcess) -> None:
        self.server = server
        self._headers = {"Authorization": f"token {server.token}"}

    async def post(self, path: str, body: Any) -> Any:
        """Post JSON, get JSON."""
        request = HTTPRequest(
            self.server.url + path, method="POST", body=json.dumps(body), headers=self._headers, request_timeout=60
        )
        reply = await AsyncHTTPClient().fetch(request)
        return json.loads(reply.body or b"null")

    async def get(self, path: str) -> Any:
        """Get JSON."""
        reply = await AsyncHTTPClient().fetch(HTTPRequest(self.server.url + path, headers=self._headers))
        return json.loads(reply.body)

    async def start(self, task: str, environ: dict[str, str] | None = None, **params: Any) -> str:
        """Start a task of :mod:`benchmarks` as a kernel would, with its interpreter, folder and path."""
        env = {
            "python": sys.executable,
            "cwd": str(ROOT),
            "sys_path": [str(ROOT), *(entry for entry in sys.path if entry)],
            "environ": {**os.environ, **(environ or {})},
        }
        started = await self.post("hitl/start-task", {"task": f"benchmarks.{task}", "params": params, "env": env})
        session_id: str = started["session_id"]
        return session_id

    async def cancel(self, session_id: str) -> None:
        """End it now."""
        await self.post(f"hitl/cancel-task/{session_id}", {"force": True})

    @asynccontextmanager
    async def watch(self, session_id: str, batches: bool = True) -> AsyncIterator[Watching]:
        """Open its socket for the length of a block."""
        url = f"{self.server.hitl}ws/{session_id}".replace("http://", "ws://", 1)
        socket = await websocket_connect(
            HTTPRequest(url, headers=self._headers),
            subprotocols=[BATCH_SUBPROTOCOL] if batches else None,
            max_message_size=MAX_FRAME,
        )
        socket.protocol.set_nodelay(True)  # type: ignore[union-attr]
        try:
            yield Watching(socket, batches)
        finally:
            socket.close()

    async def lags(self) -> list[float]:
        """How late the server's event loop was since the last call, in seconds."""
        lags: list[float] = await self.post("benchmarks/lag", {})
        return lags


class Watching:
    """One open socket; every frame is decoded to typed messages."""

    def __init__(self, socket: WebSocketClientConnection, batches: bool) -> None:
        self._socket = socket
        self._batches = batches

    async def frame(self) -> list[ServerMessage]:
        """The messages of the next frame."""
        async with asyncio.timeout(60):
            data = await self._socket.read_message()
        if data is None:
            raise ConnectionError(f"The socket was closed: {self._socket.close_code} {self._socket.close_reason}")
        return _array.decode(data) if self._batches else [_single.decode(data)]

    async def until(self, kind: type[Any]) -> Any:
        """Read on to the first message of a kind."""
        while True:
            for message in await self.frame():
                if isinstance(message, kind):
                    return message

    async def confirm(self, request_id: str) -> None:
        """Say yes."""
        await self._socket.write_message(json.dumps({"type": "confirm", "value": True, "request_id": request_id}))
