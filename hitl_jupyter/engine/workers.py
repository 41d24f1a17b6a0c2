"""The host's side of worker processes: which there are, their links, and a few warm ones in reserve."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import anyio
import msgspec

from hitl_jupyter.engine.background import Background
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.errors import LaunchFailed, WorkerUnavailable
from hitl_jupyter.journal.contract import REFUSALS, LaunchRow
from hitl_jupyter.launchers.contract import Launch, Launched, Launcher, Leftover, WorkerProcess
from hitl_jupyter.link.bootstrap import LEFTOVER_SECONDS
from hitl_jupyter.link.messages import (
    Ack,
    Describe,
    Described,
    Emit,
    HostMessage,
    Refused,
    Stop,
    Transient,
    Validate,
    Validated,
    Welcome,
    WorkerEvent,
)
from hitl_jupyter.link.server import Peer
from hitl_jupyter.protocol import PROTOCOL_VERSION, Stream, WorkerEnv

LEAVE_SECONDS = 15.0
"""How long a worker that is done may take to go. It gives ten seconds itself to threads that its task left, and two to
processes; killing it would take also those in sessions of their own, which after a completed task may live on."""

DRAIN_SECONDS = 2.0
"""How long after a worker's end its last frames may still be on their way."""

_log = logging.getLogger("hitl_jupyter")


class Receiver(Protocol):
    """Who a worker works for: an attempt of a session."""

    async def emitted(self, events: Sequence[WorkerEvent], last: int) -> int | None:
        """Take events up to outbox number ``last``; the number that is now in the journal, None if it cannot now."""

    def transient(self, events: Sequence[Stream]) -> None: ...

    async def connected(self) -> None:
        """The link is there, for the first time or again."""

    async def exited(self, returncode: int | None) -> None: ...


class _Call:
    """A question to a worker, and room for its reply."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.reply: Any = None


class Worker:
    """One worker process, as the host knows it."""

    def __init__(self, launch_id: str, digest: str, process: WorkerProcess, env_key: str, accepted: int = 0) -> None:
        self.launch_id = launch_id
        self.digest = digest
        self.process = process
        self.env_key = env_key
        self.accepted = accepted
        self.returncode: int | None = None
        self.fault: str | None = None
        """Why the host ended it, where it did."""
        self.ready = anyio.Event()
        self.exited = anyio.Event()
        self._receiver: Receiver | None = None
        self._peer: Peer | None = None
        self._drained = anyio.Event()
        self._drained.set()
        self._calls: dict[int, _Call] = {}
        self._asked = 0

    @property
    def linked(self) -> bool:
        """Whether its link is there now."""
        return self._peer is not None

    def work_for(self, receiver: Receiver) -> None:
        """From here on its events go to ``receiver``."""
        self._receiver = receiver

    def post(self, message: HostMessage) -> bool:
        """Send at once, if it is connected; for what is small and must not wait for the loop's next turn."""
        return self._peer is not None and self._peer.post(message)

    async def send(self, message: HostMessage) -> bool:
        """Send if it is connected; whoever needs it delivered sends again when it connects again."""
        return self._peer is not None and await self._peer.send(message)

    async def serve(self, peer: Peer) -> None:
        """Be the host's end of one connection until it breaks."""
        while self._peer is not None:  # what an earlier link brought is being taken: the Welcome has to count it
            self._peer.close()
            await self._drained.wait()
        self._peer, self._drained = peer, anyio.Event()
        try:
            await peer.send(Welcome(accepted=self.accepted))
            self.ready.set()
            if self._receiver is not None:
                await self._receiver.connected()
            async for message in peer:
                if not await self._take(peer, message):
                    return
        finally:
            self._peer = None
            self._drained.set()

    async def _take(self, peer: Peer, message: object) -> bool:
        match message:
            case Emit():
                return await self._take_emit(peer, message)
            case Transient() if self._receiver is not None:
                self._receiver.transient(message.events)
            case Validated() if message.call in self._calls:
                self._reply(message.call, message)
            case Described() if 0 in self._calls:
                self._reply(0, message)
        return True

    async def _take_emit(self, peer: Peer, message: Emit) -> bool:
        fresh = message.events[max(0, self.accepted + 1 - message.first) :]
        last = message.first + len(message.events) - 1
        if message.first > self.accepted + 1 or self._receiver is None:
            return False  # a gap: it will connect again and send from the right number
        if fresh:
            taken = await self._receiver.emitted(fresh, last)
            if taken is None:
                return False
            self.accepted = taken
        await peer.send(Ack(number=self.accepted))
        return True

    def _reply(self, number: int, reply: object) -> None:
        call = self._calls.pop(number)
        call.reply = reply
        call.done.set()

    async def validate(self, request_id: str, values: dict[str, Any], seconds: float) -> Validated:
        """Have the worker check values; raises ``WorkerUnavailable`` when it does not reply in time."""
        # Never the number of an earlier call: its reply may still come, and speaks of other values.
        self._asked += 1
        number = self._asked
        reply = await self._ask(number, Validate(call=number, request_id=request_id, values=values), seconds)
        assert isinstance(reply, Validated)
        return reply

    async def describe(self, modules: list[str], seconds: float) -> Described:
        """The tasks it knows."""
        reply = await self._ask(0, Describe(modules=modules), seconds)
        assert isinstance(reply, Described)
        return reply

    async def _ask(self, number: int, message: HostMessage, seconds: float) -> object:
        call = self._calls[number] = _Call()
        try:
            with anyio.move_on_after(seconds):
                if await self.send(message):
                    await _first(call.done, self.exited)
            if not call.done.is_set():
                raise WorkerUnavailable(
                    "The task's process did not check the answer in time; the question stays open. "
                    "Send the same answer again."
                )
            return call.reply
        finally:
            self._calls.pop(number, None)

    async def ready_or_exited(self) -> None:
        """Wait until it has connected once, or is gone."""
        await _first(self.ready, self.exited)

    async def leave(self, seconds: float) -> None:
        """Have it end: it is asked first, and killed when it has not gone in time."""
        with anyio.move_on_after(seconds):
            await self.send(Stop())
            await self.exited.wait()
            return
        self.process.kill()

    def end(self, fault: str) -> None:
        """Kill it; ``fault`` is what its session is told."""
        self.fault = fault
        self.process.kill()

    async def watch(self) -> None:
        """Wait for the process to end, let its last frames arrive, then tell."""
        self.returncode = await self.process.wait()
        with anyio.move_on_after(DRAIN_SECONDS):
            await self._drained.wait()
        self.exited.set()
        if self._receiver is not None:
            await self._receiver.exited(self.returncode)


class Workers:
    """All workers of a host. Start one with :meth:`take`; a spare of the same environment is used if there is one."""

    def __init__(self, launcher: Launcher, socket: Path, limits: Limits, tasks: Background) -> None:
        self._launcher = launcher
        self._socket = socket
        self._limits = limits
        self._tasks = tasks
        self._workers: dict[str, Worker] = {}
        self._spares: list[Worker] = []
        self._sparing = anyio.Lock()
        self._resuming = anyio.Lock()
        self._left = anyio.Event()

    @property
    def count(self) -> int:
        """Worker processes, spares included."""
        return len(self._workers)

    async def take(self, env: WorkerEnv) -> Worker:
        """A worker for this environment, connected or about to be."""
        key = env_key(env)
        for worker in self._spares:
            if worker.env_key == key and worker.linked:
                self._spares.remove(worker)
                return worker
        return await self._launch(env, key)

    async def take_in_turn(self, env: WorkerEnv) -> Worker:
        """The same for what goes on: it was let in before, so it waits where as many work as may live.

        A deadline may pass for thousands at once.
        """
        async with self._resuming:
            while len(self._workers) - len(self._spares) >= self._limits.max_live_sessions:
                self._left = anyio.Event()
                await self._left.wait()
            return await self.take(env)

    async def keep_spare(self, env: WorkerEnv) -> None:
        """Have one warm worker of this environment in reserve; the oldest ones over the limit go."""
        key = env_key(env)
        async with self._sparing:
            if self._limits.max_warm_spares <= 0 or any(spare.env_key == key for spare in self._spares):
                return
            while len(self._spares) >= self._limits.max_warm_spares:
                self._dismiss(self._spares[0])
            with suppress(LaunchFailed):
                spare = await self._launch(env, key)
                self._spares.append(spare)
                self._tasks.start_soon(self._retire, spare)

    async def _retire(self, spare: Worker) -> None:
        try:
            with anyio.move_on_after(self._limits.warm_spare_seconds):
                await spare.exited.wait()
        finally:  # also where the host stops: no other would know it
            if spare in self._spares:
                self._dismiss(spare)

    def _dismiss(self, spare: Worker) -> None:
        """A spare has done nothing yet, so there is nothing to end in order."""
        self._spares.remove(spare)
        spare.process.kill()

    async def close(self) -> None:
        """End the spares; workers that run a task are left to find the next host."""
        for spare in list(self._spares):
            self._dismiss(spare)
            with anyio.move_on_after(1, shield=True):
                await spare.exited.wait()

    async def _launch(self, env: WorkerEnv, key: str) -> Worker:
        launch = Launch(
            launch_id=str(uuid.uuid4()), secret=secrets.token_urlsafe(32), socket=str(self._socket), env=env
        )
        with anyio.CancelScope(shield=True):  # a process that was started has to be known, to end it
            process = await self._launcher.launch(launch)
        try:
            await anyio.lowlevel.checkpoint_if_cancelled()
        except BaseException:  # the host stops
            process.kill()
            raise
        worker = Worker(launch.launch_id, digest_of(launch.secret), process, key)
        self._enlist(worker)
        return worker

    def adopt(self, launch: LaunchRow) -> Worker | None:
        """The worker of an earlier host, if its process still lives."""
        launched = _launched(launch)
        process = None if launched is None else self._launcher.adopt(launched)
        if process is None:
            return None
        worker = Worker(launch.launch_id, launch.secret_digest, process, env_key="", accepted=launch.accepted)
        self._enlist(worker)
        return worker

    async def clear(self, launch: LaunchRow) -> list[Leftover]:
        """End what a worker of an earlier host left behind; what lives all the same."""
        launched = _launched(launch)
        return [] if launched is None else await self._launcher.clear(launched)

    def _enlist(self, worker: Worker) -> None:
        self._workers[worker.launch_id] = worker
        self._tasks.start_soon(self._watch, worker)

    async def _watch(self, worker: Worker) -> None:
        await worker.watch()
        del self._workers[worker.launch_id]
        self._left.set()
        if worker in self._spares:
            self._spares.remove(worker)
        try:  # what outlives it may have to clean up after it
            await anyio.sleep(LEFTOVER_SECONDS)
        finally:
            worker.process.release()

    async def on_peer(self, peer: Peer) -> None:
        """Find out who connected, and serve it."""
        hello = await peer.hello()
        if hello is None:
            return
        worker = self._workers.get(hello.launch_id)
        if worker is None or not hmac.compare_digest(worker.digest, digest_of(hello.secret)):
            await peer.send(Refused(code="unknown_launch", message="This host knows no such launch; the worker ends."))
        elif hello.protocol != PROTOCOL_VERSION:
            message = (
                f"The worker speaks protocol {hello.protocol}, the host {PROTOCOL_VERSION}. "
                "Install the same version of hitl-jupyter in both environments."
            )
            await peer.send(Refused(code="version_mismatch", message=message))
            worker.end(message)
        else:
            await _serve(worker, peer)


def _launched(launch: LaunchRow) -> Launched | None:
    """Which process a launch became, as the journal knows it."""
    if launch.pid is None or launch.process_started_at is None:
        return None
    return Launched(
        launch_id=launch.launch_id,
        pid=launch.pid,
        started_at=launch.process_started_at,
        boot_id=launch.boot_id,
    )


async def _serve(worker: Worker, peer: Peer) -> None:
    """One connection of a worker. Nothing that comes over it may harm the host."""
    try:
        await worker.serve(peer)
    except REFUSALS:
        return  # the worker connects again and finds out
    except Exception as error:
        _log.exception("A worker was ended, for it would send the same again")
        worker.end(f"What the task sent cannot be kept: {error}")


async def _first(*events: anyio.Event) -> None:
    """Wait until one of them is set."""
    async with anyio.create_task_group() as group:
        for event in events:
            group.start_soon(_wait_then_cancel, event, group.cancel_scope)


async def _wait_then_cancel(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def digest_of(secret: str) -> str:
    """What is kept of a launch's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def env_key(env: WorkerEnv) -> str:
    """Two starts with the same key may share a warm spare: interpreter, folder, path and variables are the same."""
    return hashlib.sha256(msgspec.json.encode(env, order="sorted")).hexdigest()
