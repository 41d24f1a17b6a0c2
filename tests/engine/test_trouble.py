"""What goes wrong around a session: a journal that refuses, links that break, callers and hosts that leave."""

from __future__ import annotations

import threading
from pathlib import Path

import anyio
import apsw
import pytest
from msgspec.structs import replace

from hitl_jupyter.engine import registry, session
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import Policy, SessionManager
from hitl_jupyter.engine.worker import Worker
from hitl_jupyter.engine.workers import Workers
from hitl_jupyter.errors import InvalidValues, LaunchFailed, StoreDamaged, StoreFull, WorkerUnavailable
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.journal.writer import Faults
from hitl_jupyter.launchers.contract import Launch, WorkerProcess
from hitl_jupyter.launchers.local import LocalLauncher
from hitl_jupyter.link.messages import Ack, CancelRun, Emit, Resolved, Run, Stop, Validate, Validated
from hitl_jupyter.protocol import (
    Confirm,
    Display,
    RequestConfirmation,
    RequestUserInput,
    StartTask,
    Stream,
    TaskCancelled,
    TaskCompleted,
    UserInput,
    WorkerEnv,
)
from tests.engine.fakes import ADA, SHIPPED, FakeWorker, host, journaled, read_until, until
from tests.engine.test_sessions import SCHEMA, completes, confirms, never_ends

pytestmark = pytest.mark.anyio


class Gate:
    """A journal's commits, held or refused while a test wants it."""

    def __init__(self) -> None:
        self.full = False
        self.open = threading.Event()
        self.open.set()
        self.held = threading.Event()
        self.refused = threading.Event()

    @property
    def faults(self) -> Faults:
        return Faults(before_commit=self._before_commit)

    def _before_commit(self) -> None:
        if not self.open.is_set():
            self.held.set()
            self.open.wait()
        if self.full:
            self.refused.set()
            raise StoreFull("The disk is full.")

    async def wait_held(self) -> None:
        await anyio.to_thread.run_sync(self.held.wait)

    async def wait_refused(self) -> None:
        await anyio.to_thread.run_sync(self.refused.wait)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    monkeypatch.setattr(session, "STORE_RETRY_SECONDS", 0.0)
    return Gate()


# -- the journal refuses, or takes its time --------------------------------------------------------------------------


async def test_a_caller_that_leaves_during_the_commit_leaves_memory_and_journal_alike(
    tmp_path: Path, gate: Gate
) -> None:
    async with host(tmp_path, confirms, faults=gate.faults) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        gate.open.clear()
        async with anyio.create_task_group() as tab:
            tab.start_soon(manager.answer, session_id, Confirm(value=True, request_id="q1"), ADA)
            await gate.wait_held()
            tab.cancel_scope.cancel()
            gate.open.set()
        assert (await until(manager, session_id, "completed")).values is True


async def test_a_launch_that_fails_while_the_disk_is_full_is_told_once_there_is_room(
    tmp_path: Path, gate: Gate
) -> None:
    async with host(tmp_path, completes, faults=gate.faults) as (manager, launcher):

        async def no_such_python(launch: Launch) -> WorkerProcess:
            gate.full = True
            raise LaunchFailed("No worker could be started.")

        launcher.launch = no_such_python  # type: ignore[method-assign]  # a launcher that cannot
        async with await manager.watch((await manager.start(SHIPPED, ADA)).session_id, ADA) as viewer:
            await read_until(viewer, "state_replay_complete")
            await gate.wait_refused()
            gate.full = False
            seen = await read_until(viewer, "task_failed")
        assert seen[-1]["type"] in ("task_failed", "status")


async def test_a_warm_worker_gets_its_run_although_the_journal_refused_at_first(
    tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with host(tmp_path, completes, faults=gate.faults, limits=Limits(max_warm_spares=1)) as (manager, _):
        await until(manager, (await manager.start(SHIPPED, ADA)).session_id, "completed")
        take = Workers.take

        async def take_when_the_disk_is_full(workers: Workers, env: WorkerEnv) -> Worker:
            while not any(spare.linked for spare in workers._spares):
                await anyio.lowlevel.checkpoint()
            gate.full = True
            return await take(workers, env)

        monkeypatch.setattr(Workers, "take", take_when_the_disk_is_full)
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await gate.wait_refused()
        gate.full = False
        await until(manager, session_id, "completed")


async def test_a_deadline_that_passes_while_the_disk_is_full_takes_effect_afterwards(
    tmp_path: Path, gate: Gate
) -> None:
    async def urgent(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestConfirmation(request_id="q", message="Now?", deadline=1.0, on_deadline="fail"))
        await worker.emit(TaskCompleted(values=(await worker.wait_for(Resolved)).outcome))

    async with host(tmp_path, urgent, faults=gate.faults) as (manager, _):
        opened = await manager._get((await manager.start(SHIPPED, ADA)).session_id, ADA)

        def fill_once_asked(_change: object) -> None:
            gate.full = gate.full or bool(opened.session.snapshot.open_requests)

        opened.session.after_commit.append(fill_once_asked)
        await gate.wait_refused()
        opened.session.after_commit.remove(fill_once_asked)
        gate.full = False
        assert (await until(manager, opened.session.session_id, "completed")).values == "expired"


# -- the link ----------------------------------------------------------------------------------------------------------


async def test_a_worker_that_connects_again_during_a_commit_has_each_event_taken_once(
    tmp_path: Path, gate: Gate
) -> None:
    async def impatient(worker: FakeWorker, run: Run) -> None:
        gate.open.clear()
        await worker.emit(Stream(content="one"), Stream(content="two"))
        await gate.wait_held()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(release_soon)
            async with worker.second_link() as again:
                await again.send(Emit(first=1, events=[Stream(content="one"), Stream(content="two")]))
                again.emitted = 2
                await again.emit(TaskCompleted())
                await again.wait_for(Stop)

    async def release_soon() -> None:
        for _ in range(50):  # so long that the second link, were it served now, would have brought its events
            await anyio.wait_all_tasks_blocked()
        gate.open.set()

    async with host(tmp_path, impatient, faults=gate.faults) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "completed")
        streams = [event.content for event in await journaled(manager, session_id) if isinstance(event, Stream)]
        assert streams == ["one", "two"]


async def test_an_answer_that_a_broken_link_swallowed_is_sent_once_more(tmp_path: Path) -> None:
    async def forgetful(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestConfirmation(request_id="q1", message="Send it?"))
        await worker.wait_for(Resolved)  # and drops it, as a link does that breaks before it is read
        async with worker.second_link() as again:
            await again.emit(TaskCompleted(values=await again.answer()))
            await again.wait_for(Stop)

    async with host(tmp_path, forgetful) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        await manager.answer(session_id, Confirm(value=True, request_id="q1"), ADA)
        assert (await until(manager, session_id, "completed")).values is True


async def test_what_cannot_be_kept_ends_its_attempt_and_harms_nobody_else(tmp_path: Path) -> None:
    async def odd(worker: FakeWorker, run: Run) -> None:
        await worker.emit(Display(data={"application/x-odd": {None: 1}}))
        await anyio.sleep_forever()

    async with host(tmp_path, odd, completes) as (manager, _):
        snapshot = await until(manager, (await manager.start(SHIPPED, ADA)).session_id, "waiting")
        assert snapshot.error is not None
        assert "cannot be kept" in snapshot.error.error
        await until(manager, (await manager.start(SHIPPED, ADA)).session_id, "completed")


async def test_a_check_that_comes_too_late_is_not_taken_for_that_of_the_next_answer(tmp_path: Path) -> None:
    async def slow(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestUserInput(request_id="form", message="Compose", schema=SCHEMA))
        first = await worker.wait_for(Validate)
        second = await worker.wait_for(Validate)
        await worker.send(Validated(call=first.call, values=first.values))
        await worker.send(Validated(call=second.call, errors=[{"field": "name", "message": "No."}]))
        await anyio.sleep_forever()

    async with host(tmp_path, slow, limits=Limits(max_warm_spares=0, validate_seconds=0.1)) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        with pytest.raises(WorkerUnavailable):
            await manager.answer(session_id, UserInput(values={"name": "Ada"}, request_id="form"), ADA)
        with pytest.raises(InvalidValues):
            await manager.answer(session_id, UserInput(values={"name": "Bob"}, request_id="form"), ADA)


async def test_a_cancelled_worker_is_told_of_the_cancel_and_not_of_its_questions_one_by_one(tmp_path: Path) -> None:
    told: list[object] = []

    async def asking(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestConfirmation(request_id="q1", message="Send it?"))
        told.append(await worker.receive())
        told.append(await worker.receive())
        await worker.emit(TaskCancelled())

    async with host(tmp_path, asking) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        await manager.cancel(session_id, ADA)
        await until(manager, session_id, "cancelled")
    assert [type(message) for message in told] == [Ack, CancelRun]


# -- leaving, and stopping ---------------------------------------------------------------------------------------------


async def test_a_viewer_that_came_back_and_left_again_is_given_the_whole_grace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "DISCONNECT_GRACE_SECONDS", 12345.0)
    sleep, over = registry.anyio.sleep, anyio.Event()  # type: ignore[attr-defined]  # to be given back

    async def patient(seconds: float) -> None:
        await (over.wait() if seconds == 12345.0 else sleep(seconds))

    monkeypatch.setattr(anyio, "sleep", patient)
    policy = Policy(on_disconnect="cancel")
    async with host(tmp_path, never_ends, policy=policy) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            await read_until(viewer, "stream")
        await anyio.wait_all_tasks_blocked()
        earlier, over = over, anyio.Event()
        async with await manager.watch(session_id, ADA):
            pass
        await anyio.wait_all_tasks_blocked()
        earlier.set()
        await anyio.wait_all_tasks_blocked()
        assert (await manager.snapshot(session_id, ADA)).status == "running"
        over.set()
        while (await manager.snapshot(session_id, ADA)).status == "running":
            await anyio.lowlevel.checkpoint()


async def test_a_session_that_nobody_watches_is_not_left_while_a_page_of_its_owner_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "DISCONNECT_GRACE_SECONDS", 0)
    policy = Policy(on_disconnect="cancel")
    async with host(tmp_path, never_ends, policy=policy) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with manager.feed(ADA):
            async with await manager.watch(session_id, ADA) as viewer:
                await read_until(viewer, "stream")
            await anyio.wait_all_tasks_blocked()
            assert (await manager.snapshot(session_id, ADA)).status == "running"
        while (await manager.snapshot(session_id, ADA)).status == "running":
            await anyio.lowlevel.checkpoint()


async def test_what_a_start_said_of_the_shutdown_counts_and_a_full_disk_does_not_stop_the_stopping(
    tmp_path: Path, gate: Gate
) -> None:
    start = StartTask(shipped=b"a task", on_shutdown="cancel")
    limits = Limits(max_warm_spares=1, cancel_seconds=0.05, terminate_seconds=0.05)
    async with host(tmp_path, never_ends, limits=limits) as (manager, launcher):
        session_id = (await manager.start(start, ADA)).session_id
        await until(manager, session_id, "running")
    async with host(tmp_path, never_ends, faults=gate.faults, limits=limits) as (manager, launcher):
        assert (await manager.snapshot(session_id, ADA)).status == "cancelled"
        await until(manager, (await manager.start(start, ADA)).session_id, "running")
        gate.full = True
        while not any(spare.linked for spare in manager._workers._spares):
            await anyio.lowlevel.checkpoint()
        spare = launcher.processes[-1]
        manager.limits = replace(limits, cancel_seconds=-2.0)
    assert "KILL" in spare.signals


async def test_an_ended_session_leaves_nothing_of_its_start_on_the_disk(tmp_path: Path) -> None:
    async with host(tmp_path, completes) as (manager, _):
        await until(manager, (await manager.start(SHIPPED, ADA)).session_id, "completed")
        assert list((tmp_path / "starts").iterdir()) == []


async def test_two_starts_at_once_keep_one_spare(tmp_path: Path) -> None:
    async with host(tmp_path, confirms, limits=Limits(max_warm_spares=2)) as (manager, launcher):
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(manager._workers.keep_spare, WorkerEnv())
        assert len(launcher.launches) == 1


async def test_a_live_session_that_is_damaged_keeps_the_store_from_opening_and_says_so(tmp_path: Path) -> None:
    async with host(tmp_path, never_ends) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "running")
    connection = apsw.Connection(str(tmp_path / "journal.sqlite"))
    connection.execute(
        "UPDATE sessions SET snapshot = CAST(replace(CAST(snapshot AS TEXT), 'queued', 'queueD') AS BLOB)"
    )
    connection.close()
    with pytest.raises(StoreDamaged):
        async with SessionManager(SqliteJournal(tmp_path / "journal.sqlite"), LocalLauncher(), tmp_path):
            pass
