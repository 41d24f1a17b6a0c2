"""The host's side of worker processes: which there are, their links, and a few warm ones in reserve."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import anyio
import msgspec

from hitl_jupyter.engine.background import Background
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.silence import beat_seconds
from hitl_jupyter.engine.worker import Worker, digest_of
from hitl_jupyter.errors import LaunchFailed
from hitl_jupyter.journal.contract import REFUSALS, LaunchRow
from hitl_jupyter.launchers.contract import Launch, Launched, Launcher, Leftover
from hitl_jupyter.link.bootstrap import LEFTOVER_SECONDS
from hitl_jupyter.link.messages import Refused
from hitl_jupyter.link.patience import Patience
from hitl_jupyter.link.server import Peer
from hitl_jupyter.protocol import PROTOCOL_VERSION, WorkerEnv

_log = logging.getLogger("hitl_jupyter")


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

    def __iter__(self) -> Iterator[Worker]:
        return iter(list(self._workers.values()))

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
            launch_id=str(uuid.uuid4()),
            secret=secrets.token_urlsafe(32),
            socket=str(self._socket),
            env=env,
            patience=patience_of(self._limits),
        )
        with anyio.CancelScope(shield=True):  # a process that was started has to be known, to end it
            process = await self._launcher.launch(launch)
        try:
            await anyio.lowlevel.checkpoint_if_cancelled()
            if self._tasks.over:
                raise LaunchFailed("The server is stopping. Start it again once the server is back.")
        except BaseException:  # nobody would know the process
            process.kill()
            with anyio.move_on_after(LEFTOVER_SECONDS, shield=True):
                await process.wait()
                process.release()
            raise
        worker = Worker(launch.launch_id, digest_of(launch.secret), process, key)
        self.enlist(worker)
        return worker

    def adopt(self, launch: LaunchRow) -> Worker | None:
        """The worker of an earlier host, if its process still lives."""
        launched = _launched(launch)
        process = None if launched is None else self._launcher.adopt(launched)
        if process is None:
            return None
        worker = Worker(launch.launch_id, launch.secret_digest, process, env_key="", accepted=launch.accepted)
        worker.silence.expected = True
        self.enlist(worker)
        return worker

    async def clear(self, launch: LaunchRow) -> list[Leftover]:
        """End what a worker of an earlier host left behind; what lives all the same."""
        launched = _launched(launch)
        return [] if launched is None else await self._launcher.clear(launched)

    def enlist(self, worker: Worker) -> None:
        """Know it from here on, when it connects and until it is gone."""
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
            worker.pid, worker.silence.expected = hello.pid, hello.beats
            await _serve(worker, peer, beat_seconds(self._limits.silence_seconds))


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


async def _serve(worker: Worker, peer: Peer, beat: float) -> None:
    """One connection of a worker. Nothing that comes over it may harm the host."""
    try:
        await worker.serve(peer, beat)
    except REFUSALS:
        return  # the worker connects again and finds out
    except Exception as error:
        _log.exception("A worker was ended, for it would send the same again")
        worker.end(f"What the task sent cannot be kept: {error}")


def patience_of(limits: Limits) -> Patience:
    """How long workers are to go on without this host."""
    return Patience(
        running=limits.alone_running_seconds,
        waiting=limits.alone_waiting_seconds,
        finished=limits.alone_finished_seconds,
    )


def env_key(env: WorkerEnv) -> str:
    """Two starts with the same key may share a warm spare: interpreter, folder, path and variables are the same."""
    return hashlib.sha256(msgspec.json.encode(env, order="sorted")).hexdigest()
