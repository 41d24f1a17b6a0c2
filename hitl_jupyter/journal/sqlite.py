"""The embedded journal: one SQLite file, one writing thread, a few reading connections off the event loop.

How the parts share the work: ``opening`` decides whether the file may be used, ``writer`` commits in groups, ``rows``
and ``reads`` have the SQL, ``truncation`` that of retention, ``seal``, ``lock`` and ``wal`` notice what SQLite itself
would pass over, ``refusals`` names what went wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import apsw
from anyio import CancelScope, CapacityLimiter, sleep, to_thread

from hitl_jupyter.errors import HitlError, StoreHeld, StoreUnavailable
from hitl_jupyter.journal import reads, rows, truncation
from hitl_jupyter.journal.contract import (
    Batch,
    CallRow,
    CommandRow,
    DraftRow,
    LaunchRow,
    RequestRow,
    SessionQuery,
    SessionRow,
    Truncation,
    Write,
)
from hitl_jupyter.journal.opening import Opened, check_in_place, open_for_reading, open_journal
from hitl_jupyter.journal.refusals import refusal
from hitl_jupyter.journal.writer import NO_FAULTS, Faults, Writer
from hitl_jupyter.protocol import Status

READERS: Final = 4
"""So many reads run at once; each has a connection for as long as one call lasts."""

LOOK_SECONDS: Final = 1.0
"""How often an open journal is looked at for having been taken away."""

_T = TypeVar("_T")


class SqliteJournal:
    """A :class:`~hitl_jupyter.journal.contract.Journal` in a file; its ``-wal``, ``-shm`` and lock lie beside it.

    Parameters
    ----------
    path : Path
        The file, made (mode 0600, in a folder of mode 0700) if it is not there. One process at a time may open it.
    holder : str
        What this process is, for those who find the journal held: ``"the Jupyter server at http://127.0.0.1:8888/"``.
    faults : Faults
        What a test does at three named instants of a commit.

    Examples
    --------
    >>> import tempfile
    >>> async def main(folder: str) -> int:
    ...     async with SqliteJournal(Path(folder) / "journal.sqlite") as journal:
    ...         return journal.epoch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     asyncio.run(main(folder))
    1
    """

    def __init__(self, path: Path, *, holder: str = "", faults: Faults = NO_FAULTS) -> None:
        self.path = path
        self._holder = holder
        self._faults = faults
        self._lost: StoreHeld | None = None
        self._opened: Opened | None = None
        self._writer: Writer | None = None
        self._idle: list[apsw.Connection] = []
        self._limiter = CapacityLimiter(READERS)

    @property
    def epoch(self) -> int:
        """How often the journal was opened after an unclean end, and once; (epoch, session, seq) names bytes."""
        return self._begun().epoch

    @property
    def first_epoch(self) -> int:
        """The epoch that this history began with: 1, or that of the backup it was restored from."""
        return self._begun().first_epoch

    @property
    def last_rev(self) -> int:
        """The highest ``rev`` that was given when the journal was opened, to sessions or to their being forgotten."""
        return self._begun().last_rev

    @property
    def trouble(self) -> HitlError | None:
        """Why the last write was refused by the store itself; None after one that was taken."""
        return self._lost or (self._writer.trouble if self._writer is not None else None)

    async def lost(self) -> StoreHeld:
        """Wait until the journal is no longer this process's; the refusal that says whose it is."""
        while not isinstance(self.trouble, StoreHeld):
            await sleep(LOOK_SECONDS)
            try:
                await to_thread.run_sync(check_in_place, self._begun(), abandon_on_cancel=True)
            except StoreHeld as error:
                self._lost = error
            except OSError:
                continue  # it cannot be known now: nothing is given up for that
        return self.trouble

    async def __aenter__(self) -> Self:
        with CancelScope(shield=True):
            await to_thread.run_sync(self._open, asyncio.get_running_loop())
        try:
            await self._forget_batches()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with CancelScope(shield=True):
            writer, self._writer = self._writer, None
            for _ in range(READERS):
                await self._limiter.acquire_on_behalf_of(object())
            await to_thread.run_sync(self._close, writer)

    def submit(self, write: Write) -> Awaitable[None]:
        """Queue a write; see :func:`~hitl_jupyter.journal.rows.apply_write` for what it may be refused with."""
        size = 0 if write.batch is None else len(write.batch.data)
        return self._submit(partial(rows.apply_write, write=write), size)

    async def session(self, session_id: str) -> SessionRow | None:
        """The row of a session."""
        return await self._read(reads.read_session, session_id)

    async def sessions(self, query: SessionQuery) -> list[SessionRow]:
        """The rows a query asks for, newest first."""
        return await self._read(reads.read_sessions, query)

    async def latest_with_key(self, owner: str, notebook: str | None, key: str) -> SessionRow | None:
        """The newest session of that key, which is scoped to owner and notebook."""
        return await self._read(reads.read_latest_with_key, owner, notebook, key)

    async def events(self, session_id: str, after: int, before: int, max_bytes: int) -> list[Batch]:
        """Whole batches with a seq between the two, in order: one at least, more while within ``max_bytes``.

        Raises ``StoreDamaged`` where the bytes are not those that were written.
        """
        return await self._read(reads.read_events, session_id, after, before, max_bytes)

    async def last_events(self, session_id: str, before: int, count: int, max_bytes: int) -> list[Batch]:
        """The fewest whole batches, in order, that hold the last ``count`` events with ``seq < before``."""
        return await self._read(reads.read_last_events, session_id, before, count, max_bytes)

    async def request(self, request_id: str) -> RequestRow | None:
        """The record of a request."""
        return await self._read(reads.read_request, request_id)

    async def launches(self, session_id: str) -> list[LaunchRow]:
        """A session's launches, by fence."""
        return await self._read(reads.read_launches, session_id)

    async def launches_of(self, statuses: tuple[Status, ...]) -> list[LaunchRow]:
        """The launches of all sessions that have one of these statuses; of each session by fence."""
        return await self._read(reads.read_launches_of, statuses)

    async def calls(self, session_id: str, attempt: int) -> list[CallRow]:
        """What a durable attempt called, in order, with what became of its questions."""
        return await self._read(reads.read_calls, session_id, attempt)

    async def command(self, scope: str, key: str) -> CommandRow | None:
        """The first outcome of a command with that idempotency key."""
        return await self._read(reads.read_command, scope, key)

    async def drafts(self, session_id: str) -> list[DraftRow]:
        """The drafts of a session's requests that are not settled."""
        return await self._read(reads.read_drafts, session_id)

    async def save_draft(self, draft: DraftRow) -> None:
        """Insert or replace the draft of ``draft.request_id``; ``NotFound`` without its session."""
        await self._submit(partial(rows.put_draft, row=draft))

    async def forget(self, session_id: str, rev: int) -> None:
        """Delete every row of a session: itself at once, its batches bit by bit. An unknown one is forgotten.

        ``rev``, which is that of this change, is given to no other.
        """
        await self._submit(partial(rows.forget_session, session_id=session_id, rev=rev))
        await self._forget_batches()

    async def expired(self, ended_before: float, keep: int, limit: int) -> list[str]:
        """Ended sessions that are due, at most ``limit``: ended before then, or the oldest over ``keep`` in all."""
        return await self._read(truncation.read_expired, ended_before, keep, limit)

    async def size(self, session_id: str) -> int:
        """Bytes of events that are kept of a session."""
        return await self._read(truncation.read_size, session_id)

    async def truncate(self, session_id: str, excess: int, reason: str) -> int:
        """Take the oldest output of a session, bit by bit, until ``excess`` bytes are gone; how many went."""
        taken, last_seq = 0, 0
        while taken < excess:
            step = partial(
                truncation.take_oldest, session_id=session_id, excess=excess - taken, after=last_seq, reason=reason
            )
            portion: truncation.Portion = await self._submit(step)
            taken += portion.taken
            if portion.last_seq is None:
                break
            last_seq = portion.last_seq
        return taken

    async def truncations(self, session_id: str, after: int, before: int) -> list[Truncation]:
        """What was taken of the events with a seq between the two, in order."""
        return await self._read(truncation.read_truncations, session_id, after, before)

    async def _forget_batches(self) -> None:
        while await self._submit(rows.forget_some_batches):
            pass

    def _begun(self) -> Opened:
        if self._opened is None:
            raise StoreUnavailable("The journal is not open. Use it inside `async with`.")
        return self._opened

    def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._opened = open_journal(self.path, self._holder)
            self._lost = None
        except (apsw.Error, OSError) as error:
            raise refusal(error) from error
        self._writer = Writer(self._opened, self.path, loop, self._faults)

    def _close(self, writer: Writer | None) -> None:
        # Readers first: the last connection to close takes the log in, and a reading one cannot.
        while self._idle:
            self._idle.pop().close()
        if writer is not None:
            writer.wait_closed()

    def _submit(self, run: Callable[[apsw.Connection], Any], size: int = 0) -> asyncio.Future[Any]:
        if self._writer is not None:
            return self._writer.put(run, size)
        refused: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        refused.set_exception(StoreUnavailable("The journal is closed. Send the same again once the server is back."))
        return refused

    async def _read(self, read: Callable[..., _T], *arguments: Any) -> _T:
        if self._writer is None:
            raise StoreUnavailable("The journal is closed. Ask again once the server is back.")
        return await to_thread.run_sync(self._read_blocking, read, arguments, limiter=self._limiter)

    def _read_blocking(self, read: Callable[..., _T], arguments: tuple[Any, ...]) -> _T:
        try:
            connection = self._take_connection()
            try:
                found = read(connection, *arguments)
            except BaseException:
                connection.close()
                raise
        except apsw.Error as error:
            raise refusal(error) from error
        self._idle.append(connection)
        return found

    def _take_connection(self) -> apsw.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return open_for_reading(self.path)
