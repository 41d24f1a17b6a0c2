"""This kernel as the host of its own sessions: the same manager and journal as a server's, in a thread.

Where nobody is there, the store is a temporary one of this run. Its sessions end with the kernel: in order if that
ends in order, else by the workers themselves, who notice within seconds that they are alone.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
import weakref
from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import anyio
import msgspec
from msgspec.structs import replace

from hitl_jupyter.author.wall_clock import WALL_CLOCK, WallClock
from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SOCKET, Policy, SessionManager
from hitl_jupyter.errors import HitlError, StoreHeld
from hitl_jupyter.journal.contract import SessionQuery
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.launchers.local import LocalLauncher
from hitl_jupyter.notebook.embedded_following import EmbeddedFollowing
from hitl_jupyter.notebook.host import EVENTS_A_PAGE, Follower, Following, Health
from hitl_jupyter.notebook.loop_thread import LoopThread
from hitl_jupyter.notebook.stores import new_private_store
from hitl_jupyter.protocol import (
    AnswerCommand,
    JournalEvent,
    RequestResolved,
    StartTask,
    Status,
    decode_command,
    decode_events,
    decode_start,
    encode,
)
from hitl_jupyter.snapshot import Snapshot
from hitl_jupyter.states import LIVE
from hitl_jupyter.summary import Summary

ACTOR = Actor(owner="kernel", via="kernel")
"""Everything that is done here is done by the kernel, which owns all there is."""

ALONE_SECONDS = 5.0
"""How long the workers of a private store go on without this kernel: it does not come back."""

KIND_SECONDS = 1.5
"""How long tasks may take to end when the kernel does, before they are killed; Jupyter gives a kernel five seconds."""

LOOKS = 75
"""How often it is looked meanwhile whether they have."""

CLOSE_SECONDS = 15.0
WORKERS_LOG = "workers.log"
PAGE = 100

PRIVATE_LIMITS = Limits(
    alone_running_seconds=ALONE_SECONDS,
    alone_waiting_seconds=ALONE_SECONDS,
    alone_finished_seconds=ALONE_SECONDS,
    max_starts_per_minute=1_000_000,
    max_warm_spares=0,
)

_T = TypeVar("_T")


class EmbeddedHost:
    """The sessions of this kernel, held by itself.

    Parameters
    ----------
    store : Path, optional
        The folder that keeps them; without it, a temporary one that goes with this process.
    name : str
        What others are told who find the store in use.
    clock : WallClock
        What deadlines go by.

    Raises
    ------
    StoreHeld
        Another kernel has that store.
    StoreUnavailable, StoreDamaged
        The folder cannot be used.
    """

    def __init__(self, store: Path | None = None, name: str = "a kernel", clock: WallClock = WALL_CLOCK) -> None:
        self.clock = clock
        self.private = store is None
        self.store = new_private_store() if store is None else store
        self._name = name
        self._limits = PRIVATE_LIMITS if self.private else Limits()
        self._manager: SessionManager | None = None
        self._stopping: asyncio.Event | None = None
        self._closed = False
        self._thread = LoopThread(self._hold, "hitl-host")
        try:
            self._thread.start()
        except StoreHeld as error:
            raise _held(error) from None
        except BaseException:
            self.close()
            raise
        _close_at_exit(self)

    def __repr__(self) -> str:
        return f"EmbeddedHost(private={self.private})"

    @property
    def over(self) -> bool:
        """Whether it has ended. A forked process is not to make another one instead: its calls say so."""
        return not (self._thread.alive or self._thread.forked)

    # -- Host

    def start(self, request: StartTask) -> str:
        """Start a task, read as a server reads it."""
        request = decode_start(encode(request))
        if self.private:
            request = replace(request, on_shutdown="cancel")
        return self._call(lambda manager: manager.start(request, ACTOR)).session_id

    def snapshot(self, session_id: str) -> Snapshot:
        return self._call(lambda manager: manager.snapshot(session_id, ACTOR))

    def events(
        self, session_id: str, *, after: int = 0, before: int | None = None, limit: int = EVENTS_A_PAGE
    ) -> list[JournalEvent]:
        page = self._call(lambda manager: manager.events(session_id, ACTOR, after=after, before=before, limit=limit))
        return decode_events(page)

    def output(self, session_id: str) -> dict[str, Any]:
        return self._call(lambda manager: manager.output(session_id, ACTOR))

    def result(self, session_id: str) -> bytes:
        return self._call(lambda manager: manager.result_path(session_id, ACTOR)).read_bytes()

    def answer(self, session_id: str, command: AnswerCommand) -> RequestResolved:
        read = decode_command(encode(command))
        assert isinstance(read, AnswerCommand)
        return self._call(lambda manager: manager.answer(session_id, read, ACTOR))

    def cancel(
        self,
        session_id: str,
        *,
        force: bool = False,
        idempotency_key: str | None = None,
        reason: str = "user",
        detail: str | None = None,
    ) -> Status:
        """End a session; ``reason`` is a word that its end is told with, and ``detail`` a sentence."""
        return self._call(
            lambda manager: manager.cancel(
                session_id, ACTOR, force=force, idempotency_key=idempotency_key, reason=reason, detail=detail
            )
        )

    def delete(self, session_id: str) -> None:
        self._call(lambda manager: manager.forget(session_id, ACTOR))

    def sessions(
        self,
        *,
        status: Status | Collection[Status] | None = None,
        task: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Summary]:
        statuses = () if status is None else (status,) if isinstance(status, str) else tuple(status)
        query = SessionQuery(statuses=statuses, task=task, limit=PAGE)
        left = limit
        while left is None or left > 0:
            query = replace(query, limit=PAGE if left is None else min(left, PAGE))
            page = self._listed(query)
            yield from page.sessions
            if page.cursor is None:
                return
            left = None if left is None else left - len(page.sessions)
            created_at, _, session_id = page.cursor.partition(",")
            query = replace(query, cursor=(float(created_at), session_id))

    def health(self) -> Health:
        async def ask(manager: SessionManager) -> dict[str, Any]:
            return manager.health()

        return msgspec.convert(self._call(ask), Health)

    def follow(self, session_id: str, follower: Follower) -> Following:
        return EmbeddedFollowing(self._thread, self._open, ACTOR, session_id, follower)

    def link(self) -> Path:
        return self.store / SOCKET

    def pass_deadlines(self) -> None:
        """Have pass what its clock has come to: for a clock that was moved."""
        self._call(lambda manager: manager.pass_deadlines())

    # -- its life

    def close(self) -> None:
        """End it, and with a private store its sessions and all that is kept of them. Harmless the second time."""
        if self._thread.forked:
            return
        self._closed, stopping = True, self._stopping
        if stopping is not None:
            with suppress(HitlError):
                self._thread.begin(_set(stopping))
        if self._thread.alive:
            self._thread.join(CLOSE_SECONDS)
        if self.private:
            shutil.rmtree(self.store, ignore_errors=True)

    async def _hold(self, ready: Callable[[], None]) -> None:
        self._stopping = stopping = asyncio.Event()
        if self._closed:
            return
        journal = SqliteJournal(self.store / "journal.sqlite", holder=self._name)
        launcher = LocalLauncher() if self.private else LocalLauncher(self.store / WORKERS_LOG)
        async with SessionManager(journal, launcher, self.store, self._limits, Policy(), self.clock.now) as manager:
            self._manager = manager
            ready()
            failure = await _stopped_or_lost(manager, stopping)
            if self.private and failure is None:
                await _end_all(manager)
        if failure is not None:
            raise failure

    def _open(self) -> SessionManager:
        assert self._manager is not None, "the constructor waits for it"
        return self._manager

    def _call(self, act: Callable[[SessionManager], Coroutine[Any, Any, _T]]) -> _T:
        return self._thread.call(lambda: act(self._open()))

    def _listed(self, query: SessionQuery) -> Any:
        return self._call(lambda manager: manager.list(query, ACTOR))


def _set(event: asyncio.Event) -> Callable[[], Coroutine[Any, Any, None]]:
    async def set_it() -> None:
        event.set()

    return set_it


async def _stopped_or_lost(manager: SessionManager, stopping: asyncio.Event) -> StoreHeld | None:
    """Wait until it is to end, or the store was taken away; the second is a failure of what comes after."""
    stop, lost = asyncio.ensure_future(stopping.wait()), asyncio.ensure_future(manager.lost())
    await asyncio.wait((stop, lost), return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not lost.done():
        lost.cancel()
        return None
    return _held(lost.result())


async def _end_all(manager: SessionManager) -> None:
    """End what still runs, kindly at first: the sessions go with this process."""
    page = await manager.list(SessionQuery(owner=ACTOR.owner, statuses=tuple(LIVE), limit=10_000), ACTOR)
    for force in (False, True):
        for summary in page.sessions:
            with suppress(HitlError):
                await manager.cancel(summary.session_id, ACTOR, force=force)
        for _ in range(LOOKS):
            if not any(manager.activity().values()):
                return
            await anyio.sleep(KIND_SECONDS / LOOKS)


def _held(error: StoreHeld) -> StoreHeld:
    holder = error.details.get("holder", "another process")
    return StoreHeld(
        f"The sessions of this notebook are held by {holder}. Shut that kernel down, then run this cell again.",
        **error.details,
    )


# -- at the end of the process ----------------------------------------------------------------------------------------

_lock = threading.Lock()
_hosts: weakref.WeakSet[EmbeddedHost] = weakref.WeakSet()
_closers: list[threading.Thread] = []


def _close_at_exit(host: EmbeddedHost) -> None:
    """Have it closed when the main thread has ended.

    That is before ``atexit``, where some versions of Python start no thread any more, and closing needs some: a thread
    that is no daemon is waited for first.
    """
    with _lock:
        _hosts.add(host)
        if not _closers:
            _closers.append(threading.Thread(target=_close_when_main_ends, name="hitl-closer", daemon=False))
            _closers[0].start()


def _close_when_main_ends() -> None:
    threading.main_thread().join()
    for host in list(_hosts):
        host.close()
