"""The worker's side of a session: launching attempts, what their workers say, cancelling, and their ends."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import anyio
from msgspec import UNSET
from msgspec.structs import replace

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.attempt import FRUITLESS_RESUMES, START_GONE, Attempt, launch_of
from hitl_jupyter.engine.cancelling import Cancelling, Kept
from hitl_jupyter.engine.change import Change
from hitl_jupyter.engine.ending import Clear, end_rest, told
from hitl_jupyter.engine.flood import PAUSE_SECONDS, FloodMeter
from hitl_jupyter.engine.given import answers_given, run_of
from hitl_jupyter.engine.limits import cut_to_limits
from hitl_jupyter.engine.replies import Replies
from hitl_jupyter.engine.results import forget_steps
from hitl_jupyter.engine.session import Session
from hitl_jupyter.engine.starts import environment_of
from hitl_jupyter.engine.tail import join_messages
from hitl_jupyter.engine.worker import LEAVE_SECONDS, Worker
from hitl_jupyter.errors import LaunchFailed, WorkerUnavailable
from hitl_jupyter.journal.contract import REFUSALS, CallRow, LaunchRow
from hitl_jupyter.launchers.contract import Leftover
from hitl_jupyter.link.messages import Stop, Validated, WorkerEvent
from hitl_jupyter.protocol import StartTask, Status, StatusChanged, Stream, TaskFailed
from hitl_jupyter.states import ENDED


class Attempts:
    """The attempts of one session; at most one is current."""

    retries_lost = True
    lost_type = "WorkerLost"
    gone = "The worker process was gone when the host started again."

    def __init__(self, session: Session) -> None:
        self._session = session
        self._services = session.services
        self._current: Attempt | None = None
        self._cancelling = Cancelling()
        self._beginning = False
        self._linked = anyio.Event()
        self._suspended_with: int | None = None
        self._fruitless = 0
        self._lost_by: str | None = None
        self._replies = Replies(session.services.limits.max_open_requests)
        self._flood = FloodMeter(session.services.limits.max_flood_bytes_per_minute)
        session.after_commit.append(self._follow)

    async def policy(self, name: Literal["on_disconnect", "on_shutdown"]) -> str | None:
        """What this session's start said of it, if it said anything."""
        return getattr(await self._start(), name, None)

    async def _start(self) -> StartTask | None:
        return await self._services.starts.load(self._session.session_id)

    def _follow(self, change: Change) -> None:
        if change.ended_attempt:
            self._replies.clear()
        elif change.replies:
            self._replies.add(change.replies)
            self._replies.send(self._current.worker if self._current else None)
        if change.plain:
            return
        queued = any(isinstance(event, StatusChanged) and event.status == "queued" for event in change.events)
        if self._session.snapshot.ended:
            self._services.starts.forget(self._session.session_id)
            self._services.tasks.start_soon(forget_steps, self._services.results, self._session.snapshot)
        elif queued or self._answered_while_suspended():
            self._services.tasks.start_soon(self.begin)

    # -- beginning ---------------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Launch a worker for the current attempt: one that was queued, or a durable one that goes on."""
        if self._beginning or self._current is not None:
            return
        self._beginning = True
        try:
            attempt = await self._launch()
        finally:
            self._beginning = False
        if attempt is None:
            return
        try:
            if self._session.status == "cancelling":
                attempt.worker.process.kill()
            elif attempt.worker.linked:
                await self._session.insist(attempt.connected)
            await self._await_ready(attempt)
        except BaseException:  # the host stops, and the next one would not know this worker
            if not attempt.known:
                attempt.worker.process.kill()
            raise
        if (start := await self._start()) is not None:
            await self._keep_spare(start)

    async def _launch(self) -> Attempt | None:
        resumed_from = await self._session.insist(self._resumed_from)
        earlier = await self._session.insist(partial(self._session.journal.launches, self._session.session_id))
        start = await self._start()
        try:
            if start is None:
                raise LaunchFailed(START_GONE)
            worker = await self._take(start, resumed_from)
        except LaunchFailed as error:
            if resumed_from is not None and self._fruitless < FRUITLESS_RESUMES:  # the machine is short of something
                self._services.tasks.start_soon(self._go_on, str(error))
            else:
                await self._session.insist(partial(self._end_failed, str(error), "LaunchFailed"))
            return None
        if self._session.snapshot.ended:  # cancelled while it had no process
            self._services.tasks.start_soon(worker.leave, 0.0)
            return None
        is_durable = start.durable or (resumed_from is not None and bool(earlier))
        launch = launch_of(worker, self._session.snapshot, earlier, is_durable=is_durable)
        attempt = Attempt(self, worker, launch, started=False, resumed_from=resumed_from)
        self._current, self._suspended_with = attempt, None
        worker.work_for(attempt)
        return attempt

    async def _take(self, start: StartTask, resumed_from: int | None) -> Worker:
        workers = self._services.workers
        take = workers.take if resumed_from is None else workers.take_in_turn
        return await take(environment_of(start))

    async def _keep_spare(self, start: StartTask) -> None:
        await self._services.workers.keep_spare(environment_of(start))

    async def _await_ready(self, attempt: Attempt) -> None:
        worker, seconds = attempt.worker, self._services.limits.launch_seconds
        with anyio.move_on_after(seconds) as waiting:
            await worker.ready_or_exited()
        if waiting.cancelled_caught:
            worker.end(f"The worker process did not connect within {seconds:g} s, so it was ended.")

    def resume(self, worker: Worker, launch: LaunchRow) -> None:
        """Go on with the worker of an earlier host: it will connect by itself."""
        self._current = Attempt(self, worker, launch, started=True)
        worker.work_for(self._current)
        self._replies.recall(answers_given(self._session.snapshot))
        if self._session.status == "cancelling":
            self._services.tasks.start_soon(self._cancelling.escalate, worker, self._services.limits)

    async def _calls(self) -> list[CallRow]:
        snapshot = self._session.snapshot
        return await self._session.journal.calls(snapshot.session_id, snapshot.attempt)

    async def _resumed_from(self) -> int | None:
        """From which event on a durable attempt goes on, which is its last recorded call; None for a new attempt."""
        if self._session.status == "queued":
            self._fruitless, self._lost_by = 0, None
            return None
        calls = await self._calls()
        return calls[-1].seq if calls else 0

    # -- durable attempts --------------------------------------------------------------------------------------------

    @property
    def suspended(self) -> bool:
        """Whether it is a durable one whose process was let go: it waits for a person."""
        return self._current is None and self._suspended_with is not None and not self._beginning

    def _answered_while_suspended(self) -> bool:
        waiting = self._suspended_with
        return self.suspended and waiting is not None and len(self._session.snapshot.open_requests) < waiting

    def wake(self, launch: LaunchRow) -> None:
        """Go on with a durable attempt none of whose processes lives, as found when a host starts.

        One that was let go, and was answered nothing since, goes on waiting.
        """
        self._suspended_with = launch.suspended_with
        if launch.suspended_with is None or self._answered_while_suspended():
            self._services.tasks.start_soon(self.begin)

    async def _go_on(self, cause: str) -> None:
        """Run a durable attempt again whose process was lost; later each time that nothing came of it."""
        pause = self._services.limits.resume_seconds * 2.0**self._fruitless
        self._fruitless += 1
        self._lost_by = cause
        await anyio.sleep(pause)
        await self.begin()

    # -- what the worker says ----------------------------------------------------------------------------------------

    async def on_connected(self, attempt: Attempt) -> None:
        async with self._session.lock:
            if attempt is not self._current:
                return
            change = self._session.change()
            if change.status == "queued":
                change.move("running")
            elif attempt.resumed_from is not None and change.status != "cancelling":
                change.resume(attempt.resumed_from, self._lost_by)
            if change.events:
                attempt.known = True
                await self._session.commit(change, launch=attempt.launch)
                attempt.resumed_from = self._lost_by = None
            cancelling = self._session.status == "cancelling"
        if cancelling:
            await attempt.worker.send(self._cancelling.message if attempt.started else Stop())
        else:
            await self._send_run(attempt)
        self._replies.send_again(attempt.worker)
        self._linked.set()

    async def _send_run(self, attempt: Attempt) -> None:
        """Have it begin; a worker that did so before the link broke ignores it."""
        start = await self._start()
        if start is not None:
            attempt.started = True
            calls = await self._calls() if attempt.durable else []
            await attempt.worker.send(run_of(self._session.snapshot, start, self._services.results, calls))
        elif not attempt.started:
            attempt.worker.end(START_GONE)

    async def on_emitted(self, attempt: Attempt, events: Sequence[WorkerEvent], last: int) -> int | None:
        async with self._session.lock:
            if attempt is not self._current:
                return last  # fenced: its attempt is over
            change = self._session.change()
            cut_to_limits(events, self._services.limits)
            kept = self._flood.sift(events, anyio.current_time())
            change.take(kept, self._services.limits.max_open_requests)
            attempt.held = change.held
            accepted = last - len(kept) + change.taken  # what was cut is done with
            launch = attempt.launch_after(change, accepted)
            try:
                await self._session.commit(change, launch=launch)
            except REFUSALS:
                return None  # the journal cannot take it: it stays in the worker's outbox
            attempt.launch = launch
            if change.calls:
                self._fruitless = 0
            if launch.ended:
                self._release(attempt)
                self._suspended_with = launch.suspended_with
        if self._answered_while_suspended():
            self._services.tasks.start_soon(self.begin)
        if attempt.held is not None:
            await attempt.worker.send(Stop())
        elif kept is not events:
            await anyio.sleep(PAUSE_SECONDS)
        return accepted

    def on_transient(self, events: Sequence[Stream]) -> None:
        snapshot = self._session.snapshot
        for event in events:
            event.session_id, event.attempt, event.transient = snapshot.session_id, snapshot.attempt, True
        self._session.hub.push(join_messages(events))

    async def on_exited(self, attempt: Attempt, returncode: int | None) -> None:
        ends_cancelled = partial(self._ends_cancelled, attempt)
        while attempt is self._current:  # again, where it was cancelled between the look and the end
            left = await end_rest(self._session, attempt.worker.process.clear, ends_cancelled, attempt.worker.pause)
            await self._session.insist(partial(self._end_exited, attempt, returncode, left))

    def _ends_cancelled(self, attempt: Attempt) -> bool:
        return self._session.status == "cancelling" or attempt.held is not None

    async def _end_exited(self, attempt: Attempt, returncode: int | None, left: list[Leftover]) -> None:
        await self._services.spools.adopt(attempt.launch, attempt.worker)
        async with self._session.lock:
            if attempt is self._current:
                if left and self._ends_cancelled(attempt):
                    return
                if self._may_go_on(attempt):
                    await self._session.commit(self._session.change(), launch=replace(attempt.launch, ended=True))
                    self._services.tasks.start_soon(self._go_on, told(attempt.cause_of_end(returncode), left))
                else:
                    await self._end(attempt, returncode, left)
                self._release(attempt)
        await self._services.spools.discard(attempt.launch.launch_id)

    def _may_go_on(self, attempt: Attempt) -> bool:
        return attempt.durable and not self._ends_cancelled(attempt) and self._fruitless < FRUITLESS_RESUMES

    async def _end(self, attempt: Attempt, returncode: int | None, left: list[Leftover]) -> None:
        change = self._session.change()
        held = attempt.held
        detail = None if held is None or held.detail is UNSET else held.detail
        if self._session.status == "cancelling":
            self._cancelling.end(change, detail)
        elif held is not None:
            change.end_cancelled(held.reason, None, detail)
        else:
            cause = told(attempt.cause_of_end(returncode), left)
            if attempt.durable:
                cause += f" It was run again {self._fruitless} times without getting any further."
            change.fail(self._failure(cause, self.lost_type), may_retry=self.retries_lost)
        await self._session.commit(change, launch=replace(attempt.launch, ended=True))

    def _failure(self, error: str, error_type: str) -> TaskFailed:
        retries, now = self._session.snapshot.retries, self._services.clock()
        return TaskFailed(error=error, error_type=error_type, retries=retries, timestamp=now)

    async def _end_failed(self, error: str, error_type: str) -> None:
        async with self._session.lock:
            change = self._session.change()
            if change.status in ENDED:
                return
            if change.status == "cancelling":
                self._cancelling.end(change)
            else:
                change.fail(self._failure(error, error_type), may_retry=self.retries_lost)
            await self._session.commit(change)

    def _release(self, attempt: Attempt) -> None:
        self._current, self._linked = None, anyio.Event()
        self._services.tasks.start_soon(attempt.worker.leave, LEAVE_SECONDS)

    async def recall_cancel(self) -> None:
        """Know again who cancels, where an earlier host began it."""
        await self._cancelling.recall(self._session)

    async def lose(self, cause: str) -> None:
        """End an attempt whose worker is gone for good, as found when a host starts, and left nothing."""
        await self._end_failed(cause, self.lost_type)

    async def adopt(self, launch: LaunchRow) -> Worker | None:
        """The worker of an earlier host, if it still lives."""
        return self._services.workers.adopt(launch)

    def clear_of(self, launch: LaunchRow) -> Clear:
        """What ends the rest of a launch of an earlier host."""
        return partial(self._services.workers.clear, launch)

    async def reopened(self) -> None:
        """A host has started, and nothing of it is under way."""

    async def bury(self, worker: Worker, launch: LaunchRow) -> None:
        """The same as :meth:`lose` where the launch is known, and may have left something to the next host."""
        worker.fault = self.gone
        attempt = self._current = Attempt(self, worker, launch, started=True)
        worker.work_for(attempt)
        left = await end_rest(self._session, self.clear_of(launch), partial(self._ends_cancelled, attempt))
        await self._end_exited(attempt, None, left)

    # -- to the worker -----------------------------------------------------------------------------------------------

    async def validate(self, request_id: str, values: dict[str, Any]) -> Validated:
        """Have the attempt's worker check a form's values; one that was let go is brought back for it."""
        if self.suspended:
            self._services.tasks.start_soon(self.begin)
        if self._current is None:
            with anyio.move_on_after(self._services.limits.validate_seconds):
                await self._linked.wait()
        attempt = self._current
        if attempt is None or not attempt.worker.linked:
            raise WorkerUnavailable(
                "The task's process, which checks this answer, is not connected now; the question stays open. "
                "Send the same answer again in a moment."
            )
        try:
            return await attempt.worker.validate(request_id, values, self._services.limits.validate_seconds)
        except WorkerUnavailable:
            if not self.suspended:
                raise
            return await self.validate(request_id, values)  # it was just being let go

    # -- cancelling --------------------------------------------------------------------------------------------------

    async def cancel(
        self, actor: Actor, *, force: bool, reason: str, detail: str | None = None, kept: Kept | None = None
    ) -> Status:
        """End the session; cancelling again changes nothing, but ``force`` kills at once."""
        async with self._session.lock:
            if self._session.snapshot.ended:
                return self._session.status
            begun = self._session.status != "cancelling"
            if begun:
                await self._begin_cancel(actor, reason, detail, kept)
            attempt = self._current
        if attempt is not None:
            if force or not attempt.started:  # a worker that has not begun has nothing to end in order
                attempt.worker.process.kill()
            elif begun:
                self._services.tasks.start_soon(self._cancelling.escalate, attempt.worker, self._services.limits)
        return self._session.status

    async def _begin_cancel(self, actor: Actor, reason: str, detail: str | None, kept: Kept | None) -> None:
        change = self._session.change()
        idle = self._current is None and change.status != "queued"
        change.begin_cancel(actor.by, actor.via, reason, detail)
        if idle:  # it waits on its retry request, or was let go: no process of it lives
            change.end_cancelled(reason, actor.by, detail)
        await self._session.commit(change, command=None if kept is None else kept(change.status))
        self._cancelling.by, self._cancelling.reason, self._cancelling.detail = actor.by, reason, detail
