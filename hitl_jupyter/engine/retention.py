"""Retention: sessions that ended long ago are forgotten, and a large one loses its oldest output.

Both go on in the background in small steps, each a short write of its own, so that nobody waits for them.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from hitl_jupyter.engine.background import Background
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.session import Session
from hitl_jupyter.errors import HitlError, StoreDamaged
from hitl_jupyter.journal.contract import REFUSALS, Journal

SWEEP_SECONDS = 3600.0
"""Between two looks for sessions that are due to be forgotten."""

DUE_AT_ONCE = 50
"""Sessions that one look takes on at a time."""

RETRY_SECONDS = 1.0
"""After the journal refused."""

KEPT_SHARE = 3 / 4
"""What is kept of ``max_session_bytes`` when a session is over it, so that it is not cut at each event from then on."""

STEP_SHARE = 1 / 16
"""By how much of ``max_session_bytes`` a session grows, which is over it by what must stay, until the next look."""

DAY_SECONDS = 86400.0

_log = logging.getLogger("hitl_jupyter")


@dataclass
class _Size:
    """What a session's events come to: ``stored`` bytes in the journal when ``added`` had been written here."""

    stored: int
    added: int
    allowed: int

    def at(self, added: int) -> int:
        """Bytes in the journal now that ``added`` have been written."""
        return self.stored + added - self.added


class Retention:
    """The sweeper of a host.

    Parameters
    ----------
    journal : Journal
        What it looks at and takes from.
    limits : Limits
        ``retention_days``, ``max_kept_sessions`` and ``max_session_bytes``.
    tasks : Background
        Where it runs.
    clock : callable
        The time of day in epoch seconds, by which sessions end.
    forget : callable
        Deletes one ended session with all that is kept of it, and tells whoever shows it.
    """

    def __init__(
        self,
        journal: Journal,
        limits: Limits,
        tasks: Background,
        clock: Callable[[], float],
        forget: Callable[[str], Awaitable[None]],
    ) -> None:
        self._journal = journal
        self._limits = limits
        self._tasks = tasks
        self._clock = clock
        self._forget = forget
        self._sizes: dict[str, _Size] = {}
        self._grown: dict[str, Session] = {}
        self._woken = anyio.Event()

    def start(self) -> None:
        """Begin."""
        self._tasks.start_soon(self._sweep_at_times)
        self._tasks.start_soon(self._cut_as_they_grow)

    # -- old sessions

    async def _sweep_at_times(self) -> None:
        while True:
            try:
                await self.sweep()
            except (*REFUSALS, OSError) as error:
                _log.warning("Sessions that are due are forgotten later: %s", error)
            await anyio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Forget the ended sessions that are due."""
        while due := await self._due():
            gone = [session_id for session_id in due if await self._forgotten(session_id)]
            if not gone:
                return  # what could not be forgotten now is tried again at the next look

    async def _due(self) -> list[str]:
        ended_before = self._clock() - self._limits.retention_days * DAY_SECONDS
        return await self._journal.expired(ended_before, self._limits.max_kept_sessions, DUE_AT_ONCE)

    async def _forgotten(self, session_id: str) -> bool:
        try:
            await self._forget(session_id)
        except HitlError as error:
            _log.warning("A session that is due could not be forgotten: %s", error)
            return False
        return True

    # -- large sessions

    def on_kept(self, session: Session) -> None:
        """A session's snapshot was kept: what is older may be taken from now on."""
        self._grown[session.session_id] = session
        self._woken.set()

    async def _cut_as_they_grow(self) -> None:
        while True:
            await self._woken.wait()
            self._woken = anyio.Event()
            grown, self._grown = self._grown, {}
            for session in grown.values():
                try:
                    await self._look(session)
                except StoreDamaged as error:
                    _log.error("The output of a large session cannot be taken: %s", error)
                except REFUSALS as error:
                    _log.warning("The output of a large session is taken later: %s", error)
                    self._grown.setdefault(session.session_id, session)
                    self._tasks.start_soon(self._wake_later)

    async def _wake_later(self) -> None:
        await anyio.sleep(RETRY_SECONDS)
        self._woken.set()

    async def _look(self, session: Session) -> None:
        session_id, ended = session.session_id, session.snapshot.ended
        size = self._sizes.get(session_id) or await self._measured(session)
        if size.at(session.tail.added) > size.allowed:
            size = await self._measured(session)
            size.stored -= await self._journal.truncate(session_id, self._excess(size), "max_session_bytes")
            size.allowed = max(size.allowed, size.stored + int(self._limits.max_session_bytes * STEP_SHARE))
        self._sizes[session_id] = size
        if ended:
            del self._sizes[session_id]

    async def _measured(self, session: Session) -> _Size:
        added = session.tail.added
        stored = await self._journal.size(session.session_id)
        return _Size(stored, added, self._limits.max_session_bytes)

    def _excess(self, size: _Size) -> int:
        """Bytes to take, if it is too large."""
        largest = self._limits.max_session_bytes
        return size.stored - int(largest * KEPT_SHARE) if size.stored > largest else 0
