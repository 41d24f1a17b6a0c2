"""The host's end of the link: a Unix socket in the store folder that workers connect to.

On asyncio's streams, not anyio's: a person's answer passes here twice before the next question is seen, and a
transport that writes at once and keeps its reader registered spares the event loop several turns each time.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio

from hitl_jupyter.errors import Malformed
from hitl_jupyter.link.framing import pack, worker_messages
from hitl_jupyter.link.messages import Hello, HostMessage, WorkerMessage
from hitl_jupyter.link.paths import reachable

HELLO_SECONDS = 30.0
"""A connection that has not said Hello by then is dropped."""

BACKLOG = 1024
"""Connections that may wait to be accepted: all workers of a server that starts again may come at once."""

READ_BYTES = 256 * 1024


class Peer:
    """A connected worker, seen from the host. Iterate it for what the worker says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._unpacker = worker_messages()
        self._ready: deque[WorkerMessage] = deque()

    def post(self, message: HostMessage) -> bool:
        """Write one message without waiting; false when the worker is no longer there to get it."""
        if self._writer.is_closing():
            return False
        self._writer.write(pack(message))
        return True

    async def send(self, message: HostMessage) -> bool:
        """Write one message, and wait while much of what was written before is still to go."""
        if not self.post(message):
            return False
        with suppress(ConnectionError):
            await self._writer.drain()
            return True
        return False

    def close(self) -> None:
        """End the connection; the worker may connect again."""
        self._writer.close()

    async def hello(self) -> Hello | None:
        """The first message, or None when it is something else, or does not come."""
        with anyio.move_on_after(HELLO_SECONDS), suppress(Malformed):
            async for message in self:
                return message if isinstance(message, Hello) else None
        return None

    async def __aiter__(self) -> AsyncIterator[WorkerMessage]:
        """What the worker says, until the link breaks; raises ``Malformed`` for what is no message."""
        while True:
            while self._ready:
                yield self._ready.popleft()
            try:
                data = await self._reader.read(READ_BYTES)
            except OSError:
                return
            if not data:
                return
            self._ready.extend(self._unpacker.feed(data))


@asynccontextmanager
async def listen(path: Path, on_peer: Callable[[Peer], Awaitable[None]]) -> AsyncIterator[None]:
    """Serve the link at ``path`` (mode 0600) while the context lasts; ``on_peer`` runs once per connection."""
    async with anyio.create_task_group() as connections:

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await on_peer(Peer(reader, writer))
            finally:
                writer.close()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if connections.cancel_scope.cancel_called:  # accepted in the very moment the host went
                writer.close()
            else:
                connections.start_soon(serve, reader, writer)

        path.unlink(missing_ok=True)  # noqa: ASYNC240  # a name in a folder of ours: nothing to wait for
        with reachable(path) as name:
            server = await asyncio.start_unix_server(accept, name, limit=READ_BYTES, backlog=BACKLOG)
            own = os.stat(name)
            os.chmod(name, 0o600)  # not by the umask, which is the whole process's and other threads make files too
        try:
            yield
        finally:
            server.close()
            connections.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):  # what was just accepted is handed over, and closed, in the next turns
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            with suppress(FileNotFoundError):  # another host may have taken the store, and has a socket there by now
                if os.path.samestat(os.stat(path), own):
                    path.unlink()  # noqa: ASYNC240  # as above
