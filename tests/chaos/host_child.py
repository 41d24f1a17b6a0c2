"""A process that holds a session manager and ends itself at the n-th instant of a kind, as a power cut would end it.

It is forked from a server that has imported everything already, so a host costs milliseconds; its workers are real
processes and outlive it. The parent's commands come down a pipe, each with a number; replies and what viewers see go
back up.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.to_thread
import msgspec
from anyio.abc import TaskGroup

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.errors import HitlError
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.journal.writer import NO_FAULTS, Faults
from hitl_jupyter.launchers.local import LocalLauncher
from hitl_jupyter.protocol import AnswerCommand, StartTask, decode_command, encode

Instant = Literal["before_commit", "before_publish", "after_publish"]
INSTANTS: tuple[Instant, ...] = ("before_commit", "before_publish", "after_publish")

ENDED_ITSELF = 86
"""The exit code of a process that came to its instant."""

ADA = Actor(owner="ada", by="Ada", via="browser")
LIMITS = Limits(max_warm_spares=0, max_starts_per_minute=1_000_000, cancel_seconds=2.0)


class EndAt:
    """Ends this process when it is called for the n-th time, without a word to anybody."""

    def __init__(self, count: int) -> None:
        self.left = count

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            os._exit(ENDED_ITSELF)


class Serving:
    """One life of the host: carries out what the parent asks."""

    def __init__(self, manager: SessionManager, connection: Connection, tasks: TaskGroup) -> None:
        self.manager = manager
        self.connection = connection
        self.tasks = tasks

    async def listen(self) -> None:
        """Carry out commands until the parent closes the pipe."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                number, what, arguments = await anyio.to_thread.run_sync(self.connection.recv, abandon_on_cancel=True)
                self.tasks.start_soon(self._carry_out, number, what, arguments)

    async def _carry_out(self, number: int, what: str, arguments: dict[str, Any]) -> None:
        try:
            reply = await getattr(self, what)(**arguments)
            self.connection.send(("ok", number, reply))
        except HitlError as error:
            self.connection.send(("fail", number, error.to_json()))

    async def start(self, **start: Any) -> Any:
        """Start a task."""
        return msgspec.to_builtins(await self.manager.start(msgspec.convert(start, StartTask), ADA))

    async def answer(self, session_id: str, **command: Any) -> Any:
        """Answer a request."""
        decoded = decode_command(msgspec.json.encode(command))
        assert isinstance(decoded, AnswerCommand)
        return msgspec.to_builtins(await self.manager.answer(session_id, decoded, ADA))

    async def cancel(self, session_id: str) -> Any:
        """End a session."""
        return {"status": await self.manager.cancel(session_id, ADA)}

    async def snapshot(self, session_id: str) -> bytes:
        """How it stands."""
        return encode(await self.manager.snapshot(session_id, ADA))

    async def events(self, session_id: str) -> bytes:
        """All it has."""
        return await self.manager.events(session_id, ADA, limit=1_000_000)

    async def watch(self, session_id: str, after: int, epoch: int | None) -> None:
        """From here on the parent gets what a viewer gets."""
        self.tasks.start_soon(self._show, session_id, after, epoch)

    async def _show(self, session_id: str, after: int, epoch: int | None) -> None:
        async with await self.manager.watch(session_id, ADA, after=after, epoch=epoch) as viewer:
            async for frame in viewer:
                self.connection.send(("saw", session_id, frame))


async def serve(store: Path, connection: Connection, faults: Faults) -> None:
    """Hold the manager until the parent closes the pipe."""
    journal = SqliteJournal(store / "journal.sqlite", faults=faults)
    async with SessionManager(journal, LocalLauncher(), store, LIMITS) as manager, anyio.create_task_group() as tasks:
        await Serving(manager, connection, tasks).listen()
        tasks.cancel_scope.cancel()


def main(store: str, connection: Connection, instant: Instant | None, count: int) -> None:
    """What the forked process does."""
    faults = NO_FAULTS if instant is None else Faults(**{instant: EndAt(count)})
    anyio.run(partial(serve, Path(store), connection, faults))


def forking() -> multiprocessing.context.ForkServerContext:
    """What forks hosts that have imported everything; the server is started with the first one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "pytest"])
    return context
