"""The host's end of the link: a Unix socket in the store folder that workers connect to."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.abc import SocketStream

from hitl_jupyter.errors import Malformed
from hitl_jupyter.link.framing import pack, worker_messages
from hitl_jupyter.link.messages import Hello, HostMessage, WorkerMessage
from hitl_jupyter.link.paths import reachable

HELLO_SECONDS = 30.0
"""A connection that has not said Hello by then is dropped."""

READ_BYTES = 256 * 1024


class Peer:
    """A connected worker, seen from the host. Iterate it for what the worker says."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream
        self._unpacker = worker_messages()
        self._ready: list[WorkerMessage] = []
        self._sending = anyio.Lock()

    async def send(self, message: HostMessage) -> bool:
        """Send one message whole; false when the worker is no longer there to get it."""
        try:
            async with self._sending:
                await self._stream.send(pack(message))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return False
        return True

    async def close(self) -> None:
        """End the connection; the worker may connect again."""
        await self._stream.aclose()

    async def hello(self) -> Hello | None:
        """The first message, or None when it is something else, or does not come."""
        with anyio.move_on_after(HELLO_SECONDS):
            async for message in self:
                return message if isinstance(message, Hello) else None
        return None

    async def __aiter__(self) -> AsyncIterator[WorkerMessage]:
        while True:
            while self._ready:
                yield self._ready.pop(0)
            try:
                data = await self._stream.receive(READ_BYTES)
                self._ready = self._unpacker.feed(data)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, Malformed):
                return


@asynccontextmanager
async def listen(path: Path, on_peer: Callable[[Peer], Awaitable[None]]) -> AsyncIterator[None]:
    """Serve the link at ``path`` (mode 0600) while the context lasts; ``on_peer`` runs once per connection."""

    async def handle(stream: SocketStream) -> None:
        async with stream:
            await on_peer(Peer(stream))

    path.unlink(missing_ok=True)  # noqa: ASYNC240  # a name in a folder of ours: nothing to wait for
    with reachable(path) as name:
        umask = os.umask(0o177)
        try:
            listener = await anyio.create_unix_listener(name)
        finally:
            os.umask(umask)
    async with listener, anyio.create_task_group() as connections:
        connections.start_soon(listener.serve, handle, connections)
        try:
            yield
        finally:
            connections.cancel_scope.cancel()
            path.unlink(missing_ok=True)  # noqa: ASYNC240  # as above
