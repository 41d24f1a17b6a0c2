"""One worker process, as the host knows it: its link, what it is asked, its end."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from typing import Any, Protocol

import anyio

from hitl_jupyter.engine.silence import Silence
from hitl_jupyter.errors import WorkerUnavailable
from hitl_jupyter.launchers.contract import WorkerProcess
from hitl_jupyter.link.messages import (
    Ack,
    Describe,
    Described,
    Emit,
    HostMessage,
    Stop,
    Transient,
    Validate,
    Validated,
    Welcome,
    WorkerEvent,
)
from hitl_jupyter.link.server import Peer
from hitl_jupyter.protocol import Stream

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
        self.pid = process.pid
        """The number of the worker itself, which the launcher may have started in another process."""
        self.silence = Silence()
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

    async def serve(self, peer: Peer, beat: float) -> None:
        """Be the host's end of one connection until it breaks."""
        while self._peer is not None:  # what an earlier link brought is being taken: the Welcome has to count it
            self._peer.close()
            await self._drained.wait()
        self._peer, self._drained = peer, anyio.Event()
        try:
            with self.silence.broken():
                await peer.send(Welcome(accepted=self.accepted, beat_seconds=beat))
                self.ready.set()
                if self._receiver is not None:
                    await self._receiver.connected()
            async for message in peer:
                with self.silence.broken():
                    if not await self._take(peer, message):
                        return
        finally:
            self._peer = None
            self._drained.set()

    async def _take(self, peer: Peer, message: object) -> bool:
        match message:
            case Emit():
                return await self.take(message) and await peer.send(Ack(number=self.accepted))
            case Transient() if self._receiver is not None:
                self._receiver.transient(message.events)
            case Validated() if message.call in self._calls:
                self._reply(message.call, message)
            case Described() if 0 in self._calls:
                self._reply(0, message)
        return True

    async def take(self, message: Emit) -> bool:
        """Have the events journaled, each once; false where they cannot be now, or would leave a gap."""
        fresh = message.events[max(0, self.accepted + 1 - message.first) :]
        last = message.first + len(message.events) - 1
        if message.first > self.accepted + 1 or self._receiver is None:
            return False  # a gap: it will connect again and send from the right number
        if fresh:
            taken = await self._receiver.emitted(fresh, last)
            if taken is None:
                return False
            self.accepted = taken
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

    async def pause(self, seconds: float) -> None:
        """Wait before it is looked again what is left of it."""
        await anyio.sleep(seconds)

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
