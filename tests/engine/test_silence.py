"""A worker that lives and says nothing: told, unless it works, or nobody could have heard it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.silence import Silence, Vigil
from hitl_jupyter.link.messages import Ack, Beat, Run
from hitl_jupyter.protocol import RequestConfirmation, TaskCompleted
from tests.engine.fakes import ADA, SHIPPED, FakeProcess, FakeWorker, host, read_until, until
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.anyio

SECONDS = 30.0
WORDS = "The worker process has not been heard of for 30 s and has done nothing since, so it was ended."


class Mute:
    """A worker that says nothing more."""

    def __init__(self, *, linked: bool = True) -> None:
        self.pid = 1
        self.linked = linked
        self.process = FakeProcess(1, None)
        self.silence = Silence()
        self.silence.expected = True
        self.fault: str | None = None

    def end(self, fault: str) -> None:
        self.fault = fault


async def pass_time(worker: Mute, seconds: int, *, busy: float = 0.0) -> None:
    vigil = Vigil([worker], SECONDS)
    for _ in range(seconds):
        worker.process.used += busy
        await vigil.look(1.0)


async def test_a_worker_that_is_silent_and_idle_is_ended_after_so_many_seconds() -> None:
    worker = Mute()
    await pass_time(worker, 29)
    assert worker.fault is None
    await pass_time(worker, 1)
    assert worker.fault == WORDS


async def test_a_worker_without_a_link_that_never_connects_again_is_ended_too() -> None:
    worker = Mute(linked=False)
    await pass_time(worker, 30)
    assert worker.fault == WORDS


async def test_one_that_uses_the_processor_is_at_work_however_long_it_is_silent() -> None:
    worker = Mute()
    await pass_time(worker, 600, busy=0.5)
    assert worker.fault is None
    await pass_time(worker, 45)
    assert worker.fault == WORDS, "then it stopped working"


async def test_one_that_waits_for_the_processor_on_a_crowded_machine_is_at_work() -> None:
    worker = Mute()
    worker.process.running = True
    await pass_time(worker, 600, busy=0.001)
    assert worker.fault is None


async def test_threads_that_only_wait_for_a_lock_are_no_work() -> None:
    worker = Mute()
    await pass_time(worker, 60, busy=0.02)
    assert worker.fault == WORDS


async def test_time_in_which_the_host_itself_did_not_run_does_not_count() -> None:
    worker = Mute()
    vigil = Vigil([worker], SECONDS)
    await pass_time(worker, 29)
    await vigil.look(600.0)
    await pass_time(worker, 29)
    assert worker.fault is None, "it has its full time again"
    await pass_time(worker, 1)
    assert worker.fault == WORDS


async def test_time_in_which_the_host_has_not_read_what_it_said_does_not_count() -> None:
    worker = Mute()
    with worker.silence.broken():
        await pass_time(worker, 600)
    await pass_time(worker, 29)
    assert worker.fault is None


async def test_one_of_an_earlier_version_that_never_said_it_would_beat_is_left_alone() -> None:
    worker = Mute()
    worker.silence.expected = False
    await pass_time(worker, 600)
    assert worker.fault is None


async def test_a_silent_worker_is_a_failed_attempt_with_its_question_closed_and_a_retry_offered(tmp_path: Path) -> None:
    async def falls_silent(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestConfirmation(request_id="q", message="Go on?"))

    limits = Limits(max_warm_spares=0, silence_seconds=0.3)
    async with host(tmp_path, falls_silent, limits=limits) as (manager, launcher):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            failed = (await read_until(viewer, "task_failed"))[-1]
        assert "has not been heard of for 0.3 s and has done nothing" in failed["error"]
        snapshot = await manager.snapshot(session_id, ADA)
        assert [s.outcome for s in snapshot.settled] == ["cancelled"]
        assert snapshot.status == "waiting"
        assert launcher.processes[0].signals == ["KILL"]


async def test_a_worker_that_only_beats_lives_on(tmp_path: Path) -> None:
    async def beats(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestConfirmation(request_id="q", message="Go on?"))
        await worker.wait_for(Ack)

        async def hear() -> bool:
            await worker.send(Beat())
            worker.beats += 1
            return worker.beats >= 40

        await eventually_async(hear, "many beats")
        await worker.emit(TaskCompleted())

    limits = Limits(max_warm_spares=0, silence_seconds=0.3)
    async with host(tmp_path, beats, limits=limits) as (manager, _):
        await until(manager, (await manager.start(SHIPPED, ADA)).session_id, "completed")
