"""Attempts that run in the kernel they were started from: their worker is there already, and is nobody's to end."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hitl_jupyter.engine.attempts import Attempts
from hitl_jupyter.engine.change import Change
from hitl_jupyter.engine.ending import Clear, nothing_left
from hitl_jupyter.engine.session import Session
from hitl_jupyter.engine.worker import Worker
from hitl_jupyter.errors import LaunchFailed, Malformed
from hitl_jupyter.journal.contract import LaunchRow
from hitl_jupyter.kernel_launch import KERNEL, KernelLaunch, launch_id
from hitl_jupyter.launchers.contract import Launched
from hitl_jupyter.launchers.kernel import KernelProcess
from hitl_jupyter.link.messages import CancelRun, Emit, HostMessage, Run, Stop, WorkerEvent
from hitl_jupyter.protocol import StartTask, Stream, TaskCancelled, TaskCompleted, TaskFailed
from hitl_jupyter.snapshot import Snapshot

KERNEL_LOST = (
    "kernel lost: the kernel that ran this was restarted or has ended, and its data went with it. Run the cell again."
)

NO_MORE_LAUNCHES = "The kernel has no further attempt to give. Run the cell again."


def check_kernel_start(start: StartTask) -> None:
    """Raise ``Malformed`` for a start in a kernel that says what only another start can have."""
    if (start.launcher == KERNEL) != (start.kernel is not None):
        raise Malformed("A start in a kernel has launcher 'kernel' and the field kernel. Give both, or neither.")
    if start.kernel is None:
        return
    if start.durable:
        raise Malformed(
            "A durable task goes on in another process, and what runs in a kernel ends with it. Start it in a worker, "
            "or without durable."
        )
    if start.shipped is not None or start.params or start.env is not None:
        raise Malformed("What runs in a kernel stays there. Leave out shipped, params and env.")


class KernelWorker(Worker):
    """A kernel, as the host knows it for one attempt."""

    def __init__(
        self,
        name: str,
        digest: str,
        launched: Launched,
        lost_seconds: float,
        *,
        accepted: int = 0,
        begun: bool = False,
    ) -> None:
        self.kernel = KernelProcess(launched, lost_seconds, lambda: self.linked, self._on_gone, self._insist)
        self._insisting = False
        super().__init__(name, digest, self.kernel, env_key="", accepted=accepted)
        if begun:
            self.kernel.begin()

    def _on_gone(self) -> None:
        self.fault = self.fault or KERNEL_LOST

    def _insist(self) -> None:
        self._insisting = True
        self.post(CancelRun(force=True))

    async def send(self, message: HostMessage) -> bool:
        if isinstance(message, Run):
            self.kernel.begin()
        elif isinstance(message, CancelRun) and self._insisting:  # over a link that is new
            message = replace(message, force=True)
        return await super().send(message)

    async def take(self, message: Emit) -> bool:
        is_taken = await super().take(message)
        if is_taken and any(map(_ends_run, message.events)):
            self.kernel.finish()
        return is_taken

    async def pause(self, seconds: float) -> None:
        await self.kernel.pause(seconds)

    async def leave(self, seconds: float) -> None:
        """Tell it that there is no more to do; the process goes on."""
        await self.send(Stop())
        self.kernel.finish()

    def end(self, fault: str) -> None:
        """Take nothing more from it; ``fault`` is what its session is told."""
        self.fault = fault
        self.kernel.finish()


def _ends_run(event: WorkerEvent) -> bool:
    ended = isinstance(event, TaskCompleted | TaskCancelled)
    return ended or (isinstance(event, TaskFailed) and event.ends_attempt)


class KernelAttempts(Attempts):
    """The attempts of a session that runs in a kernel.

    The kernel may connect for an attempt as soon as there can be one: when the start is acknowledged, and for a retry
    when the failure is. So it is noticed when it is lost while the retry is asked, and it hears of that.
    """

    retries_lost = False
    lost_type = "KernelLost"
    gone = KERNEL_LOST

    def __init__(self, session: Session, launches: KernelLaunch | None = None) -> None:
        super().__init__(session)
        self._launches = launches
        self._next: KernelWorker | None = None

    async def _take(self, start: StartTask, resumed_from: int | None) -> Worker:
        self._launches = start.kernel
        worker, self._next = self._next or self._enlisted(self._session.snapshot.attempt), None
        if worker is None:
            raise LaunchFailed(NO_MORE_LAUNCHES)
        if worker.exited.is_set() or not worker.kernel.lives:
            raise LaunchFailed(KERNEL_LOST)
        return worker

    async def _keep_spare(self, start: StartTask) -> None:
        """The kernel is all there is."""

    def _enlisted(self, attempt: int) -> KernelWorker | None:
        launches = self._launches
        if launches is None or attempt > len(launches.digests):
            return None
        name = launch_id(self._session.session_id, attempt)
        launched = Launched(launch_id=name, pid=launches.pid, started_at=launches.started_at, boot_id=launches.machine)
        return self._listed(KernelWorker(name, launches.digests[attempt - 1], launched, self._lost_seconds))

    def _listed(self, worker: KernelWorker) -> KernelWorker:
        self._services.workers.enlist(worker)
        self._services.tasks.start_soon(worker.kernel.watch)
        return worker

    @property
    def _lost_seconds(self) -> float:
        return self._services.limits.kernel_lost_seconds

    # -- when a host starts ------------------------------------------------------------------------------------------

    async def adopt(self, launch: LaunchRow) -> Worker | None:
        await self._recall()
        if launch.pid is None or launch.process_started_at is None:
            return None
        launched = Launched(
            launch_id=launch.launch_id,
            pid=launch.pid,
            started_at=launch.process_started_at,
            boot_id=launch.boot_id,
        )
        worker = KernelWorker(
            launch.launch_id,
            launch.secret_digest,
            launched,
            self._lost_seconds,
            accepted=launch.accepted,
            begun=True,
        )
        return self._listed(worker) if worker.kernel.lives else None

    def clear_of(self, launch: LaunchRow) -> Clear:
        """Nothing of a kernel is this host's to end."""
        return nothing_left

    async def reopened(self) -> None:
        await self._recall()
        self._expect()

    async def _recall(self) -> None:
        start = await self._start()
        self._launches = None if start is None else start.kernel

    # -- between attempts --------------------------------------------------------------------------------------------

    def _follow(self, change: Change) -> None:
        super()._follow(change)
        if change.plain:
            return
        if self._session.snapshot.ended:
            self._dismiss_next()
        elif change.ended_attempt or self._current is None:
            self._expect()  # before this change is acknowledged: the kernel connects right after that

    def _expect(self) -> None:
        """Let the kernel connect for the attempt that is about to begin, or may be."""
        snapshot = self._session.snapshot
        begins = snapshot.attempt if snapshot.status == "queued" else snapshot.attempt + 1
        if self._next is None and (snapshot.status == "queued" or _may_be_retried(snapshot)):
            worker = self._next = self._enlisted(begins)
            if worker is not None:
                worker.work_for(_Waiting(self, worker))

    def _dismiss_next(self) -> None:
        worker, self._next = self._next, None
        if worker is not None:
            self._services.tasks.start_soon(worker.leave, 0.0)

    async def lose_next(self, worker: Worker) -> None:
        """The kernel is gone that waits to try again: there is nothing left to try it with."""
        if worker is self._next:
            self._next = None
            await self.lose(KERNEL_LOST)


class _Waiting:
    """The receiver of a kernel that waits to be told to try again."""

    def __init__(self, attempts: KernelAttempts, worker: Worker) -> None:
        self._attempts = attempts
        self._worker = worker

    async def emitted(self, events: Sequence[WorkerEvent], last: int) -> int | None:
        return None

    def transient(self, events: Sequence[Stream]) -> None: ...

    async def connected(self) -> None: ...

    async def exited(self, returncode: int | None) -> None:
        await self._attempts.lose_next(self._worker)


def _may_be_retried(snapshot: Snapshot) -> bool:
    return any(isinstance(request, TaskFailed) and request.ends_attempt for request in snapshot.open_requests)
