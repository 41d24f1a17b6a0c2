"""The session manager's life inside the server: one task that opens it, keeps it, and closes it.

A server whose journal cannot be opened still runs; every route then says why. A journal that another process holds, or
a disk that is away, may be there later, so the host tries again; a damaged journal it leaves alone. One that another
process took while this one was stopped is let go at once, and waited for like any that is held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from logging import Logger
from typing import Any

import msgspec

from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.errors import HitlError, StoreDamaged, StoreUnavailable
from hitl_jupyter.protocol import PROTOCOL_VERSION
from hitl_jupyter.version import __version__

RETRY_SECONDS = 1.0
OPENING_SECONDS = 10.0
"""How long a request waits for a manager that is being opened."""

Open = Callable[[], AbstractAsyncContextManager[SessionManager]]


class EngineHost:
    """Holds the session manager of a server.

    Parameters
    ----------
    open_manager : callable
        Makes a session manager that is not yet open; called again for each try.
    limits : Limits
        What the manager is held to.
    log : logging.Logger
        Told why the manager cannot be opened.
    retry_seconds : float
        The pause between two tries.
    """

    def __init__(
        self, open_manager: Open, limits: Limits, log: Logger, *, retry_seconds: float = RETRY_SECONDS
    ) -> None:
        self.limits = limits
        self._open = open_manager
        self._log = log
        self._retry_seconds = retry_seconds
        self._manager: SessionManager | None = None
        self._failure: HitlError | None = None
        self._tried = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def failure(self) -> HitlError | None:
        """Why the session manager is not open, where the server is not just starting or stopping."""
        return None if self._manager is not None or self._stopping.is_set() else self._failure

    @property
    def current(self) -> SessionManager | None:
        """The session manager, if it is open."""
        return self._manager

    async def start(self) -> None:
        """Begin, and wait until the first try has succeeded or failed."""
        self._task = asyncio.create_task(self._run(), name="hitl_jupyter session manager")
        await self._tried.wait()

    async def stop(self) -> None:
        """Close the manager and wait for its end. Harmless where it never started."""
        self._stopping.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def manager(self) -> SessionManager:
        """The open manager.

        Raises
        ------
        HitlError
            Why there is none: the failure of the last try, or that the server is starting or stopping.
        """
        if self._manager is None and not self._tried.is_set():
            await self._wait_tried()
        if self._manager is None:
            raise self._failure or StoreUnavailable("The server is starting or stopping. Try again in a moment.")
        return self._manager

    async def health(self) -> dict[str, Any]:
        """What ``GET health`` says, manager or not."""
        try:
            return (await self.manager()).health()
        except HitlError as error:
            return {
                "status": "degraded",
                "reasons": [error.to_json()],
                "version": __version__,
                "protocol": PROTOCOL_VERSION,
                "limits": msgspec.to_builtins(self.limits),
            }

    async def _wait_tried(self) -> None:
        try:
            await asyncio.wait_for(self._tried.wait(), OPENING_SECONDS)
        except TimeoutError:
            raise StoreUnavailable("The journal is still being opened. Try again in a moment.") from None

    async def _run(self) -> None:
        try:
            while not self._stopping.is_set() and await self._hold():
                await self._pause()
        finally:
            self._tried.set()

    async def _hold(self) -> bool:
        """Open the manager and keep it until the server stops; whether another try makes sense."""
        try:
            async with self._open() as manager:
                self._opened(manager)
                await self._stopped_or_lost(manager)
                self._manager = None
            return not self._stopping.is_set()
        except HitlError as error:
            self._failed(error)
            return not isinstance(error, StoreDamaged)
        except Exception:
            self._log.exception("hitl_jupyter: the session manager failed")
            self._failed(StoreUnavailable("The session manager failed; the server's log has the cause."))
            return True
        finally:
            self._manager = None

    async def _stopped_or_lost(self, manager: SessionManager) -> None:
        """Wait for the server to stop, or for another to take the journal: what is in memory is then out of date."""
        stopping = asyncio.create_task(self._stopping.wait())
        lost = asyncio.create_task(manager.lost())
        await asyncio.wait((stopping, lost), return_when=asyncio.FIRST_COMPLETED)
        if lost.done():
            self._failed(await lost)
        stopping.cancel()
        lost.cancel()

    def _opened(self, manager: SessionManager) -> None:
        self._manager, self._failure = manager, None
        self._tried.set()

    def _failed(self, error: HitlError) -> None:
        if self._failure is None or self._failure.message != error.message:
            self._log.error("hitl_jupyter: %s (%s)", error.message, error.code)
        self._failure = error
        self._tried.set()

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), self._retry_seconds)
        except TimeoutError:
            return
