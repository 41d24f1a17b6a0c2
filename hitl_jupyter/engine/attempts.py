"""The worker's side of a session: launching attempts, what their workers say, cancelling, and their ends."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import anyio
from msgspec import UNSET
from msgspec.structs import replace

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.change import Change
from hitl_jupyter.engine.given import answers_given, reusable
from hitl_jupyter.engine.limits import cut_to_limits
from hitl_jupyter.engine.session import Session
from hitl_jupyter.engine.tail import join_messages
from hitl_jupyter.engine.workers import Worker
from hitl_jupyter.errors import LaunchFailed, WorkerUnavailable
from hitl_jupyter.journal.contract import REFUSALS, LaunchRow
from hitl_jupyter.link.messages import CancelRun, Resolved, Run, Stop, Validated, WorkerEvent
from hitl_jupyter.protocol import (
    RequestResolved,
    StartTask,
    Status,
    StatusChanged,
    Stream,
    TaskCancelled,
    TaskFailed,
    WorkerEnv,
)
from hitl_jupyter.states import ENDED

START_GONE = "What this session was started with is gone from the store. Start the task anew."


class Attempt:
    """One execution: the receiver of its worker's words, as long as it is the session's current one."""

    def __init__(self, attempts: Attempts, worker: Worker, launch: LaunchRow, *, started: bool) -> None:
        self.worker = worker
        self.launch = launch
        self.started = started
        self.held: TaskCancelled | None = None
        self._attempts = attempts

    async def connected(self) -> None:
        await self._attempts.on_connected(self)

    async def emitted(self, events: Sequence[WorkerEvent], last: int) -> int | None:
        return await self._attempts.on_emitted(self, events, last)

    def transient(self, events: Sequence[Stream]) -> None:
        self._attempts.on_transient(events)

    async def exited(self, returncode: int | None) -> None:
        await self._attempts.on_exited(self, returncode)


class Attempts:
    """The attempts of one session; at most one is current."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._services = session.services
        self._current: Attempt | None = None
        self._cancelled_by: Actor | None = None
        self._cancel_reason = "user"
        self._reuse_answers = True
        self._undelivered: dict[str, Resolved] = {}
        self._sent: deque[Resolved] = deque(maxlen=session.services.limits.max_open_requests)
        session.after_commit.append(self._follow)

    async def policy(self, name: Literal["on_disconnect", "on_shutdown"]) -> str | None:
        """What this session's start said of it, if it said anything."""
        return getattr(await self._start(), name, None)

    async def _start(self) -> StartTask | None:
        return await self._services.starts.load(self._session.session_id)

    def _follow(self, change: Change) -> None:
        if change.ended_attempt:
            self._undelivered.clear()
            self._sent.clear()
        elif change.replies:
            self._undelivered.update({reply.request_id: reply for reply in change.replies})
            self._deliver()
        if change.plain:
            return
        for event in change.events:
            if isinstance(event, RequestResolved) and event.answers is not UNSET:
                self._reuse_answers = event.answers == "reuse"
        if any(isinstance(event, StatusChanged) and event.status == "queued" for event in change.events):
            self._services.tasks.start_soon(self.begin)
        if self._session.snapshot.ended:
            self._services.starts.forget(self._session.session_id)

    # -- beginning ---------------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Launch a worker for the queued attempt."""
        start = await self._start()
        try:
            if start is None:
                raise LaunchFailed(START_GONE)
            worker = await self._services.workers.take(_environment(start))
        except LaunchFailed as error:
            await self._session.insist(partial(self._end_failed, str(error), "LaunchFailed"))
            return
        snapshot = self._session.snapshot
        launch = LaunchRow(
            launch_id=worker.launch_id,
            session_id=self._session.session_id,
            attempt=snapshot.attempt,
            fence=snapshot.attempt,
            secret_digest=worker.digest,
            pid=worker.process.pid,
            process_started_at=worker.process.started_at,
        )
        attempt = Attempt(self, worker, launch, started=False)
        self._current = attempt
        worker.work_for(attempt)
        if self._session.status == "cancelling":
            worker.process.kill()
        elif worker.linked:
            await self._session.insist(attempt.connected)
        await self._await_ready(attempt)
        await self._services.workers.keep_spare(_environment(start))

    async def _await_ready(self, attempt: Attempt) -> None:
        worker, seconds = attempt.worker, self._services.limits.launch_seconds
        try:
            with anyio.move_on_after(seconds):
                await worker.ready_or_exited()
        finally:  # it is too late, or the host stops, and the next one would not know this worker
            if not (worker.ready.is_set() or worker.exited.is_set()):
                worker.end(f"The worker process did not connect within {seconds:g} s, so it was ended.")

    def resume(self, worker: Worker, launch: LaunchRow) -> None:
        """Go on with the worker of an earlier host: it will connect by itself."""
        self._current = Attempt(self, worker, launch, started=True)
        worker.work_for(self._current)
        self._sent.extend(answers_given(self._session.snapshot))  # the earlier host may have died before it sent them
        if self._session.status == "cancelling":
            self._services.tasks.start_soon(self._escalate, worker)

    def _run_message(self, start: StartTask) -> Run:
        snapshot = self._session.snapshot
        env = start.env or WorkerEnv()
        return Run(
            session_id=snapshot.session_id,
            attempt=snapshot.attempt,
            result_path=str(result_path(self._services.results, snapshot.session_id, snapshot.attempt)),
            task=None if start.shipped is not None else start.task,
            params=start.params,
            shipped=start.shipped,
            cwd=env.cwd,
            sys_path=env.sys_path,
            max_retries=start.max_retries,
            retries=self._session.snapshot.retries,
            reuse=reusable(snapshot) if self._reuse_answers else {},
        )

    # -- what the worker says ----------------------------------------------------------------------------------------

    async def on_connected(self, attempt: Attempt) -> None:
        async with self._session.lock:
            if attempt is not self._current:
                return
            if self._session.status == "queued":
                change = self._session.change()
                change.move("running")
                await self._session.commit(change, launch=attempt.launch)
            cancelling = self._session.status == "cancelling"
        if cancelling:
            await attempt.worker.send(self._cancel_message() if attempt.started else Stop())
        else:
            await self._send_run(attempt)
        self._undelivered = {reply.request_id: reply for reply in self._sent} | self._undelivered
        self._sent.clear()
        self._deliver()

    async def _send_run(self, attempt: Attempt) -> None:
        """Have it begin; a worker that did so before the link broke ignores it."""
        start = await self._start()
        if start is not None:
            attempt.started = True
            await attempt.worker.send(self._run_message(start))
        elif not attempt.started:
            attempt.worker.end(START_GONE)

    async def on_emitted(self, attempt: Attempt, events: Sequence[WorkerEvent], last: int) -> int | None:
        async with self._session.lock:
            if attempt is not self._current:
                return last  # fenced: its attempt is over
            change = self._session.change()
            cut_to_limits(events, self._services.limits)
            change.take(events, self._services.limits.max_open_requests)
            attempt.held = change.held
            accepted = last - len(events) + change.taken
            launch = replace(attempt.launch, accepted=accepted, ended=change.ended_attempt)
            try:
                await self._session.commit(change, launch=launch)
            except REFUSALS:
                return None  # the journal cannot take it: it stays in the worker's outbox
            attempt.launch = launch
            if change.ended_attempt:
                self._release(attempt)
        if attempt.held is not None:
            await attempt.worker.send(Stop())
        return accepted

    def on_transient(self, events: Sequence[Stream]) -> None:
        snapshot = self._session.snapshot
        for event in events:
            event.session_id, event.attempt, event.transient = snapshot.session_id, snapshot.attempt, True
        self._session.hub.push(join_messages(events))

    async def on_exited(self, attempt: Attempt, returncode: int | None) -> None:
        if attempt is self._current:
            attempt.worker.process.kill()  # what is left of its group
            await self._session.insist(partial(self._end_exited, attempt, returncode))

    async def _end_exited(self, attempt: Attempt, returncode: int | None) -> None:
        async with self._session.lock:
            if attempt is self._current:
                await self._end(attempt, returncode)
                self._release(attempt)

    async def _end(self, attempt: Attempt, returncode: int | None) -> None:
        change = self._session.change()
        by = self._cancelled_by.by if self._cancelled_by else None
        held = attempt.held
        detail = None if held is None or held.detail is UNSET else held.detail
        if self._session.status == "cancelling":
            change.end_cancelled(self._cancel_reason, by, detail)
        elif held is not None:
            change.end_cancelled(held.reason, None, detail)
        else:
            cause = attempt.worker.fault or _cause(returncode, begun=attempt.started)
            change.fail(self._failure(cause, "WorkerLost"), may_retry=True)
        await self._session.commit(change, launch=replace(attempt.launch, ended=True))

    def _failure(self, error: str, error_type: str) -> TaskFailed:
        return TaskFailed(
            error=error,
            error_type=error_type,
            retries=self._session.snapshot.retries,
            timestamp=self._services.clock(),
        )

    async def _end_failed(self, error: str, error_type: str, launch: LaunchRow | None = None) -> None:
        async with self._session.lock:
            change = self._session.change()
            if change.status in ENDED:
                return
            if change.status == "cancelling":
                change.end_cancelled(self._cancel_reason, self._cancelled_by.by if self._cancelled_by else None)
            else:
                change.fail(self._failure(error, error_type), may_retry=True)
            await self._session.commit(change, launch=launch and replace(launch, ended=True))

    def _release(self, attempt: Attempt) -> None:
        self._current = None
        self._services.tasks.start_soon(attempt.worker.leave, self._services.limits.cancel_seconds)

    async def lose(self, cause: str, launch: LaunchRow | None = None) -> None:
        """End an attempt whose worker is gone for good, as found when a host starts; once, for later hosts too."""
        await self._end_failed(cause, "WorkerLost", launch)

    # -- to the worker -----------------------------------------------------------------------------------------------

    def _deliver(self) -> None:
        attempt = self._current
        while attempt is not None and self._undelivered:
            request_id, reply = next(iter(self._undelivered.items()))
            if not attempt.worker.post(reply):
                return  # on_connected delivers again
            self._sent.append(self._undelivered.pop(request_id))  # and these too, which a broken link can have lost

    async def validate(self, request_id: str, values: dict[str, Any]) -> Validated:
        """Have the attempt's worker check a form's values."""
        attempt = self._current
        if attempt is None or not attempt.worker.linked:
            raise WorkerUnavailable(
                "The task's process, which checks this answer, is not connected now; the question stays open. "
                "Send the same answer again in a moment."
            )
        return await attempt.worker.validate(request_id, values, self._services.limits.validate_seconds)

    # -- cancelling --------------------------------------------------------------------------------------------------

    async def cancel(self, actor: Actor, *, force: bool, reason: str = "user") -> Status:
        """End the session; cancelling again changes nothing, but ``force`` kills at once."""
        async with self._session.lock:
            if self._session.snapshot.ended:
                return self._session.status
            begun = self._session.status != "cancelling"
            if begun:
                await self._begin_cancel(actor, reason)
            attempt = self._current
        if attempt is not None:
            if force or not attempt.started:  # a worker that has not begun has nothing to end in order
                attempt.worker.process.kill()
            elif begun:
                self._services.tasks.start_soon(self._escalate, attempt.worker)
        return self._session.status

    async def _begin_cancel(self, actor: Actor, reason: str) -> None:
        change = self._session.change()
        idle = self._current is None and change.status == "waiting"
        change.begin_cancel(actor.by, actor.via)
        if idle:  # it waits on its retry request: no process of it lives
            change.end_cancelled(reason, actor.by)
        await self._session.commit(change)
        self._cancelled_by, self._cancel_reason = actor, reason

    async def _escalate(self, worker: Worker) -> None:
        limits = self._services.limits
        with anyio.move_on_after(limits.cancel_seconds):
            await worker.send(self._cancel_message())
            await worker.exited.wait()
            return
        worker.process.terminate()
        with anyio.move_on_after(limits.terminate_seconds):
            await worker.exited.wait()
            return
        worker.process.kill()

    def _cancel_message(self) -> CancelRun:
        return CancelRun(by=self._cancelled_by.by if self._cancelled_by else None, reason=self._cancel_reason)


def result_path(folder: Path, session_id: str, attempt: int) -> Path:
    """Where the pickle of an attempt's result lies."""
    return folder / f"{session_id}-{attempt}.pickle"


def _environment(start: StartTask) -> WorkerEnv:
    return start.env or WorkerEnv()


def _cause(returncode: int | None, *, begun: bool) -> str:
    """What is known of a worker's end, and no more.

    Examples
    --------
    >>> _cause(-9, begun=True)
    'The worker process was killed by signal 9 (SIGKILL).'
    """
    if not begun:
        return f"{_cause(returncode, begun=True)} It had not begun; look for its last words in the server's log."
    if returncode is None:
        return "The worker process is gone; how it ended is not known."
    if returncode >= 0:
        return f"The worker process ended by itself with exit code {returncode} before the task was done."
    try:
        name = f" ({signal.Signals(-returncode).name})"
    except ValueError:
        name = ""
    return f"The worker process was killed by signal {-returncode}{name}."
