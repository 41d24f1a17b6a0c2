"""A worker without a process: a coroutine that speaks the link over the real socket, as a script tells it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import msgspec
from anyio.abc import SocketStream, TaskGroup

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.hub import Viewer
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import Policy, SessionManager
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.journal.writer import NO_FAULTS, Faults
from hitl_jupyter.launchers.contract import Launch, Launched, Leftover, Work, WorkerProcess
from hitl_jupyter.link.framing import host_messages, pack
from hitl_jupyter.link.messages import (
    Emit,
    Hello,
    HostMessage,
    Resolved,
    Run,
    Stop,
    Validate,
    Validated,
    Welcome,
    WorkerEvent,
)
from hitl_jupyter.protocol import PROTOCOL_VERSION, StartTask, Status, decode_events, split_batch
from hitl_jupyter.snapshot import Snapshot

ADA = Actor(owner="ada", by="Ada", via="browser")
BOB = Actor(owner="bob", by="Bob", via="browser")
SHIPPED = StartTask(shipped=b"a task", title="Try it")


class FakeWorker:
    """The worker's end of one connection."""

    def __init__(self, stream: SocketStream, launch: Launch) -> None:
        self.launch = launch
        self.emitted = 0
        self.beats = 0
        self.received: list[HostMessage] = []
        self._stream = stream
        self._unpacker = host_messages()

    async def aclose(self) -> None:
        """Lose the link."""
        await self._stream.aclose()

    async def connect_again(self, when: anyio.Event) -> None:
        """Lose the link, and find the next host once it is there."""
        await self.aclose()
        await when.wait()
        self._stream = await anyio.connect_unix(self.launch.socket)
        self._unpacker = host_messages()
        await self.hello()
        await self.wait_for(Welcome)

    async def hello(self, secret: str | None = None, protocol: int = PROTOCOL_VERSION) -> None:
        """Say who it is."""
        message = Hello(
            launch_id=self.launch.launch_id, secret=secret or self.launch.secret, pid=1, protocol=protocol, beats=True
        )
        await self.send(message)

    async def send(self, message: Any) -> None:
        await self._stream.send(pack(message))

    async def emit(self, *events: WorkerEvent) -> None:
        """Send the next events of the outbox."""
        await self.send(Emit(first=self.emitted + 1, events=list(events)))
        self.emitted += len(events)

    @asynccontextmanager
    async def second_link(self) -> AsyncIterator[FakeWorker]:
        """The same worker, connected and welcomed once more; its first link stays as it is."""
        async with await anyio.connect_unix(self.launch.socket) as stream:
            again = FakeWorker(stream, self.launch)
            await again.hello()
            again.emitted = (await again.wait_for(Welcome)).accepted
            yield again

    async def receive(self) -> HostMessage:
        """The next thing the host says."""
        while not self.received:
            self.received = self._unpacker.feed(await self._stream.receive())
        return self.received.pop(0)

    async def wait_for(self, kind: type[Any]) -> Any:
        """Read on until a message of this kind comes; forms are found valid meanwhile."""
        while True:
            message = await self.receive()
            if isinstance(message, Validate) and kind is not Validate:
                await self.send(Validated(call=message.call, values=message.values))
            elif isinstance(message, kind):
                return message

    async def answer(self) -> Any:
        """The value of the next settled request."""
        return (await self.wait_for(Resolved)).value


Script = Callable[[FakeWorker, Run], Awaitable[None]]


class FakeProcess:
    """A process that ends when its script does, or when it is killed."""

    def __init__(self, pid: int, scope: anyio.CancelScope | None) -> None:
        self.pid = pid
        self.started_at = 0.0
        self.boot_id = None
        self.left: list[Leftover] = []
        self.cleared = 0
        self.while_clearing: Callable[[], Awaitable[object]] | None = None
        self.signals: list[str] = []
        self.released = False
        self.used = 0.0
        self.running = False
        self._scope = scope
        self._ended = anyio.Event()
        self._returncode = 0

    def work(self, pid: int) -> Work | None:
        return Work(cpu_seconds=self.used, running=self.running)

    async def wait(self) -> int | None:
        await self._ended.wait()
        return self._returncode

    def end(self, returncode: int = 0) -> None:
        if not self._ended.is_set():
            self._returncode = returncode
            self._ended.set()
            if self._scope is not None:
                self._scope.cancel()

    def terminate(self) -> None:
        self.signals.append("TERM")

    def kill(self) -> None:
        if not self._ended.is_set():
            self.signals.append("KILL")
        self.end(-9)

    async def clear(self) -> list[Leftover]:
        self.cleared += 1
        left = list(self.left)
        await anyio.lowlevel.checkpoint()  # it is looked for in a thread
        if self.while_clearing is not None:
            await self.while_clearing()
        return left

    def release(self) -> None:
        self.released = True


class FakeLauncher:
    """Launches scripts: the first launch runs the first script, and so on; the last one serves for all further ones."""

    name = "fake"

    def __init__(self, tasks: TaskGroup, *scripts: Script) -> None:
        self.launches: list[Launch] = []
        self.processes: list[FakeProcess] = []
        self.left: list[Leftover] = []
        """What launches of an earlier host left."""
        self.left_by_each: list[Leftover] = []
        self._tasks = tasks
        self._scripts = scripts

    async def launch(self, launch: Launch) -> WorkerProcess:
        await anyio.lowlevel.checkpoint()  # a real process is started in a thread
        script = self._scripts[min(len(self.launches), len(self._scripts) - 1)]
        self.launches.append(launch)
        scope = anyio.CancelScope()
        process = FakeProcess(1000 + len(self.launches), scope)
        process.left = list(self.left_by_each)
        self.processes.append(process)
        self._tasks.start_soon(self._run, launch, script, process, scope)
        return process

    def adopt(self, launched: Launched) -> WorkerProcess | None:
        return None

    async def clear(self, launched: Launched) -> list[Leftover]:
        await anyio.lowlevel.checkpoint()
        return list(self.left)

    async def _run(self, launch: Launch, script: Script, process: FakeProcess, scope: anyio.CancelScope) -> None:
        gone = (OSError, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)
        with scope, suppress(*gone):  # the host left: a worker would connect again, a script has nothing more to do
            worker = FakeWorker(await anyio.connect_unix(launch.socket), launch)
            async with aclosing(worker):
                await worker.hello()
                await worker.wait_for(Welcome)
                message = await worker.receive()
                if isinstance(message, Run):
                    await script(worker, message)
                    await worker.wait_for(Stop)
        process.end()


@asynccontextmanager
async def host(
    store: Path,
    *scripts: Script,
    limits: Limits | None = None,
    policy: Policy | None = None,
    faults: Faults = NO_FAULTS,
    left: Sequence[Leftover] = (),
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[tuple[SessionManager, FakeLauncher]]:
    """A session manager on a real journal and a real socket, with scripted workers."""
    async with anyio.create_task_group() as tasks:
        launcher = FakeLauncher(tasks, *scripts)
        launcher.left = list(left)
        quiet = limits or Limits(max_warm_spares=0)
        journal = SqliteJournal(store / "journal.sqlite", faults=faults)
        async with SessionManager(journal, launcher, store, quiet, policy, clock) as manager:
            yield manager, launcher
        tasks.cancel_scope.cancel()


async def until(manager: SessionManager, session_id: str, *statuses: Status) -> Snapshot:
    """Watch the session until it has one of these statuses."""
    async with await manager.watch(session_id, ADA, tail=0) as viewer:
        async for _ in viewer:
            snapshot = await manager.snapshot(session_id, ADA)
            if snapshot.status in statuses:
                return snapshot
    raise AssertionError(f"the session never became {statuses}")


async def read_until(viewer: Viewer, kind: str) -> list[dict[str, Any]]:
    """Everything a viewer is given up to the first message of a type."""
    seen: list[dict[str, Any]] = []
    async for frame in viewer:
        seen += [msgspec.json.decode(raw) for raw in split_batch(frame)]
        if any(message["type"] == kind for message in seen):
            return seen
    return seen


async def journaled(manager: SessionManager, session_id: str) -> list[Any]:
    """All events of a session, read from the journal."""
    return decode_events(await manager.events(session_id, ADA, limit=100_000))
