"""The way of a kernel's run to the session manager: its link, whose bytes are passed on as they are.

Nothing of it is read here. Who may open it is decided as for any start; which attempt speaks is between the kernel and
the manager, by the launch's own secret. What waits on either side is one chunk; the rest waits where it comes from.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from tornado.websocket import WebSocketClosedError, WebSocketHandler

from hitl_jupyter.errors import StoreUnavailable
from hitl_jupyter.link.paths import reachable
from hitl_jupyter.server.access import KERNELS, SESSIONS, ws_allowed
from hitl_jupyter.server.upgraded import GOING_AWAY, REFUSED, TOO_SLOW, Upgraded

CHUNK_BYTES = 256 * 1024


class KernelSocket(Upgraded):
    """One connection of a kernel, for one attempt that runs in it."""

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    _passing: asyncio.Task[None] | None = None

    @ws_allowed(("write", SESSIONS), ("execute", KERNELS))
    async def get(self, launch_id: str) -> None:
        """Pass binary frames on to the manager's link, and back, for an attempt that runs in the caller's kernel."""
        path = await (await self.manager()).link(launch_id, await self.actor())
        self._reader, self._writer = await _connected(path)
        try:
            await WebSocketHandler.get(self)
        finally:
            self._writer.close()
            if self._passing is not None:
                self._passing.cancel()

    def open(self, *args: str, **kwargs: str) -> None:
        """Begin to pass on what the manager says."""
        super().open(*args, **kwargs)  # starts the pings, by which dead peers are found
        self.set_nodelay(True)
        self._passing = asyncio.create_task(self._pass_on(), name="hitl_jupyter kernel")

    async def on_message(self, message: str | bytes) -> None:
        """Pass on what the kernel says. Until it is taken no more is read."""
        if isinstance(message, str):
            self.close(REFUSED + 400, "The link of a kernel is binary frames.")
            return
        with suppress(OSError):  # the manager's end is closed, and soon so is this one
            self._writer.write(message)
            await self._writer.drain()

    async def _pass_on(self) -> None:
        try:
            while data := await self._reader.read(CHUNK_BYTES):
                await asyncio.wait_for(self.write_message(data, binary=True), self.host.limits.stalled_seconds)
        except TimeoutError:
            self.close(TOO_SLOW, "Nothing was taken for too long. Connect again.")
        except (WebSocketClosedError, OSError):
            self.close(GOING_AWAY)
        else:
            self.close(GOING_AWAY, "The manager closed the link.")


async def _connected(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        with reachable(path) as name:
            return await asyncio.open_unix_connection(name, limit=CHUNK_BYTES)
    except OSError:
        raise StoreUnavailable("The session manager is starting or stopping. Connect again in a moment.") from None
