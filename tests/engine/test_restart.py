"""A host that starts again: every session is there, replays, and has a truthful status."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.journal.contract import SessionQuery
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.launchers.contract import Launched, WorkerProcess
from hitl_jupyter.link.messages import Ack, Run
from hitl_jupyter.protocol import Confirm, RequestConfirmation, Retry, TaskCompleted, TaskFailed
from tests.engine.fakes import ADA, SHIPPED, FakeLauncher, FakeWorker, host, journaled, read_until, until
from tests.engine.test_sessions import completes, confirms, never_ends

pytestmark = pytest.mark.anyio


async def test_an_ended_session_is_listed_and_replays_after_a_restart(tmp_path: Path) -> None:
    async with host(tmp_path, completes) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "completed")
        before = await journaled(manager, session_id)
    async with host(tmp_path, completes) as (manager, _):
        assert [s.session_id for s in (await manager.list(SessionQuery(), ADA)).sessions] == [session_id]
        async with await manager.watch(session_id, ADA) as viewer:
            seen = await read_until(viewer, "state_replay_complete")
        assert len(seen) == len(before) + 2
        assert await journaled(manager, session_id) == before


async def test_a_session_whose_worker_is_gone_is_failed_with_its_cause_and_can_be_retried(tmp_path: Path) -> None:
    async with host(tmp_path, never_ends) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            await read_until(viewer, "stream")

    async def second(worker: FakeWorker, run: Run) -> None:
        await completes(worker, run)

    async with host(tmp_path, second) as (manager, _):
        snapshot = await manager.snapshot(session_id, ADA)
        assert snapshot.status == "waiting"
        assert snapshot.error is not None
        assert "gone when the host started again" in snapshot.error.error
        await manager.answer(session_id, Retry(value=True, request_id=snapshot.error.request_id), ADA)
        done = await until(manager, session_id, "completed")
        assert done.attempt == 2


async def test_a_worker_that_was_gone_ends_its_attempt_once_however_often_the_host_starts(tmp_path: Path) -> None:
    async with host(tmp_path, never_ends) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "running")
    for _ in range(2):
        async with host(tmp_path, never_ends) as (manager, _):
            endings = [event for event in await journaled(manager, session_id) if isinstance(event, TaskFailed)]
            assert len(endings) == 1


async def test_open_questions_of_a_lost_worker_are_closed_so_no_answer_goes_nowhere(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
    async with host(tmp_path, confirms) as (manager, _):
        snapshot = await manager.snapshot(session_id, ADA)
        assert [s.outcome for s in snapshot.settled] == ["cancelled"]
        with pytest.raises(Exception, match="cancelled before"):
            await manager.answer(session_id, Confirm(value=True, request_id="q1"), ADA)


async def test_stream_lines_after_the_last_kept_snapshot_are_folded_in_when_a_session_is_loaded(tmp_path: Path) -> None:
    async with host(tmp_path, never_ends) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            await read_until(viewer, "stream")
    async with host(tmp_path, never_ends) as (manager, _):
        assert (await manager.snapshot(session_id, ADA)).streams == 1


class SurvivingLauncher(FakeLauncher):
    """Its processes outlive the host that launched them, as real ones do."""

    def adopt(self, launched: Launched) -> WorkerProcess | None:
        return next((process for process in self.processes if process.pid == launched.pid), None)


async def test_an_answer_journaled_as_the_host_died_reaches_the_worker_that_survived_it(tmp_path: Path) -> None:
    second_host = anyio.Event()

    async def survives(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestConfirmation(request_id="q", message="Go on?"))
        await worker.wait_for(Ack)
        await worker.connect_again(second_host)
        await worker.emit(TaskCompleted(values=await worker.answer()))

    async with anyio.create_task_group() as processes:
        launcher = SurvivingLauncher(processes, survives)
        limits = Limits(max_warm_spares=0)
        async with SessionManager(SqliteJournal(tmp_path / "journal.sqlite"), launcher, tmp_path, limits) as manager:
            session_id = (await manager.start(SHIPPED, ADA)).session_id
            await until(manager, session_id, "waiting")
            await manager.answer(session_id, Confirm(value=True, request_id="q"), ADA)
        async with SessionManager(SqliteJournal(tmp_path / "journal.sqlite"), launcher, tmp_path, limits) as manager:
            second_host.set()
            assert (await until(manager, session_id, "completed")).values is True
