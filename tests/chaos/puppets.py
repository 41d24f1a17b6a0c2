"""Hosts on one store, one after the other, and workers that outlive them: all on one loop, moved step by step.

The workers are puppets: they do what a test tells them and nothing else. A host can stop in order, or crash: the next
one then gets a copy of the files as they were.
"""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio.abc import TaskGroup
from msgspec.structs import replace

from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.launchers.contract import Launched, WorkerProcess
from hitl_jupyter.link.messages import Ack, Resolved, Run, WorkerEvent
from hitl_jupyter.protocol import RequestConfirmation, RequestUserInput, Stream
from tests.chaos.ledger import Effect, Line
from tests.engine.fakes import FakeLauncher, FakeProcess, FakeWorker, Script
from tests.journal.records import copy_as_crashed

_T = TypeVar("_T")

Question = RequestConfirmation | RequestUserInput

LIMITS = Limits(max_warm_spares=0, max_starts_per_minute=1_000_000, max_live_sessions=1_000_000, cancel_seconds=30.0)


class SurvivingLauncher(FakeLauncher):
    """Its processes outlive the host that launched them, as real ones do."""

    def __init__(self, tasks: TaskGroup, *scripts: Script) -> None:
        super().__init__(tasks, *scripts)
        self.over: list[FakeProcess] = []

    def adopt(self, launched: Launched) -> WorkerProcess | None:
        living = (process for process in self.processes if process not in self.over)
        return next((process for process in living if process.pid == launched.pid), None)


class Puppet:
    """One worker process that runs an attempt."""

    def __init__(self, worker: FakeWorker, process: FakeProcess, ledger: list[Line]) -> None:
        self.name = uuid.uuid4().hex[:12]
        self.asked = 0
        self._worker = worker
        self.process = process
        self._ledger = ledger

    async def begin(self) -> None:
        """Say which run this is, in the ledger and in the journal."""
        self.note("began")
        await self.emit(Stream(content=f"run {self.name}"))

    async def emit(self, *events: WorkerEvent) -> None:
        """Emit, and wait until the host has it."""
        await self._worker.emit(*events)
        while (await self._worker.wait_for(Ack)).number < self._worker.emitted:
            continue

    async def while_it_listens(self, answering: Coroutine[Any, Any, _T], request: Question) -> _T:
        """Carry out an answer to its question; forms are found valid on the way, and the ledger notes what it got."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._hear_the_answer, request)
            reply = await answering
        return reply

    async def _hear_the_answer(self, request: Question) -> None:
        while (resolved := await self._worker.wait_for(Resolved)).request_id != request.request_id:
            continue
        assert resolved.outcome == "answered"
        self.note("answered", request.message, resolved.value)

    async def last_words(self, event: WorkerEvent) -> None:
        """Emit, and end without waiting for the host."""
        await self._worker.emit(event)
        await self.end()

    async def hear(self, kind: type) -> None:
        """Read on until the host says such a thing."""
        await self._worker.wait_for(kind)

    def next_question(self) -> str:
        """Words that no other question has."""
        self.asked += 1
        return f"{self.name}.{self.asked}"

    def note(self, effect: Effect, question: str | None = None, value: Any = None) -> None:
        """Write into the ledger."""
        self._ledger.append(Line(run=self.name, effect=effect, question=question, value=value))

    async def end(self, returncode: int = 0) -> None:
        """End the process."""
        self.process.end(returncode)

    async def lose_the_link(self) -> None:
        """The host is away."""
        await self._worker.aclose()

    async def find(self, store: Path) -> None:
        """Connect to the host of a store."""
        self._worker.launch = replace(self._worker.launch, socket=str(store / "link.sock"))
        there = anyio.Event()
        there.set()
        await self._worker.connect_again(there)


class Theatre:
    """A loop with a host on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "0"
        self.puppets: dict[str, Puppet] = {}
        self.ledgers: dict[str, list[Line]] = {}
        self.manager: SessionManager
        self._runner = asyncio.Runner()
        self._crashes = 0
        self._arrived = anyio.Event()
        self.run(self._raise_the_curtain())

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Let the loop go on until this is done."""
        return self._runner.run(coroutine)

    def close(self) -> None:
        """End everything."""
        try:
            self.run(self._close())
        finally:
            self._runner.close()

    # -- workers -----------------------------------------------------------------------------------------------------

    async def arrived(self, session_id: str) -> Puppet:
        """The puppet of this session's newest attempt, once it has its work."""
        while session_id not in self.puppets:
            self._arrived = anyio.Event()
            await self._arrived.wait()
        return self.puppets[session_id]

    async def _play(self, worker: FakeWorker, run: Run) -> None:
        process = next(
            process
            for process, launch in zip(self._launcher.processes, self._launcher.launches, strict=True)
            if launch.launch_id == worker.launch.launch_id
        )
        puppet = Puppet(worker, process, self.ledgers.setdefault(run.session_id, []))
        await puppet.begin()
        self.puppets[run.session_id] = puppet
        self._arrived.set()
        await anyio.sleep_forever()

    async def _hold_processes(self) -> None:
        async with anyio.create_task_group() as tasks:
            self._launcher = SurvivingLauncher(tasks, self._play)
            await self._over.wait()
            tasks.cancel_scope.cancel()

    # -- hosts -------------------------------------------------------------------------------------------------------

    async def stop_and_start(self, *lost: str) -> None:
        """A host that stops in order, and another; workers of the sessions ``lost`` die in between."""
        await self._part()
        await self._stop()
        for session_id in lost:
            puppet = self.puppets.pop(session_id)
            await puppet.end(-9)
            self._launcher.over.append(puppet.process)
        await self._begin()
        await self._meet()

    async def crash_and_start(self) -> None:
        """A host that ends at this instant, and another on what is on the disk."""
        await self._part()
        self._crashes += 1
        copy = self.folder / str(self._crashes)
        copy_as_crashed(self.store, copy)
        for folder in ("starts", "results"):
            if (self.store / folder).exists():
                shutil.copytree(self.store / folder, copy / folder)
        await self._stop()
        self.store = copy
        await self._begin()
        await self._meet()

    async def _part(self) -> None:
        for puppet in self.puppets.values():
            await puppet.lose_the_link()

    async def _meet(self) -> None:
        for puppet in self.puppets.values():
            await puppet.find(self.store)
            await puppet.hear(Run)

    async def _raise_the_curtain(self) -> None:
        self._over = anyio.Event()
        self._holding = asyncio.create_task(self._hold_processes())
        await self._begin()

    async def _begin(self) -> None:
        self._stopping, opened = anyio.Event(), anyio.Event()
        self._host = asyncio.create_task(self._hold_host(opened))
        await opened.wait()

    async def _hold_host(self, opened: anyio.Event) -> None:
        journal = SqliteJournal(self.store / "journal.sqlite")
        try:
            async with SessionManager(journal, self._launcher, self.store, LIMITS) as self.manager:
                opened.set()
                await self._stopping.wait()
        finally:
            opened.set()

    async def _stop(self) -> None:
        self._stopping.set()
        await self._host

    async def _close(self) -> None:
        await self._stop()
        self._over.set()
        await self._holding
