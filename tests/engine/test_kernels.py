"""Attempts whose worker is the kernel: watched and never signalled, lost with it, and found again by the next host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from hitl_jupyter.engine.kernels import KERNEL_LOST, NO_MORE_LAUNCHES
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.errors import Malformed, NotFound, ResultUnavailable
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.kernel_launch import launch_id
from hitl_jupyter.launchers import kernel as kernel_launcher
from hitl_jupyter.launchers.local import LocalLauncher
from hitl_jupyter.link.messages import CancelRun, Run, Stop
from hitl_jupyter.protocol import (
    Confirm,
    RequestConfirmation,
    Retry,
    StatusChanged,
    Stream,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    WorkerEnv,
)
from tests.engine.fakes import ADA, BOB, FakeWorker, journaled, until
from tests.support.fake_kernel import FakeKernel, fake_kernel
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.anyio

QUICK = Limits(max_warm_spares=0, cancel_seconds=0.1, terminate_seconds=0.1, kernel_lost_seconds=0.5)
FAILED = TaskFailed(error="no luck", error_type="ValueError", can_retry=True, max_retries=1)


@asynccontextmanager
async def host(store: Path, limits: Limits = QUICK) -> AsyncIterator[SessionManager]:
    """A host as a server has one: what it would start or signal are real processes."""
    journal = SqliteJournal(store / "journal.sqlite")
    async with SessionManager(journal, LocalLauncher(), store, limits) as manager:
        yield manager


@pytest.fixture
def kernel() -> Iterator[FakeKernel]:
    with fake_kernel(attempts=2) as kernel:
        yield kernel


async def started(manager: SessionManager, kernel: FakeKernel, **said: Any) -> str:
    return (await manager.start(kernel.start(**said), ADA)).session_id


@asynccontextmanager
async def asking(store: Path, manager: SessionManager, kernel: FakeKernel) -> AsyncIterator[tuple[str, FakeWorker]]:
    """A run with an open question."""
    session_id = await started(manager, kernel)
    async with kernel.connected(store, session_id) as worker:
        await worker.wait_for(Run)
        await worker.emit(RequestConfirmation(request_id="q", message="Go on?"))
        await until(manager, session_id, "waiting")
        yield session_id, worker


async def test_a_run_in_a_kernel_needs_nothing_but_its_link(tmp_path: Path, kernel: FakeKernel) -> None:
    async with host(tmp_path) as manager:
        session_id = await started(manager, kernel, title="Fit it")
        async with kernel.connected(tmp_path, session_id) as worker:
            run = await worker.wait_for(Run)
            assert (run.session_id, run.attempt, run.task, run.shipped, run.params) == (session_id, 1, None, None, {})
            await worker.emit(Stream(content="fitting"), RequestConfirmation(request_id="q", message="Go on?"))
            await until(manager, session_id, "waiting")
            await manager.answer(session_id, Confirm(value=True, request_id="q"), ADA)
            assert await worker.answer() is True
            await worker.emit(TaskCompleted(values={"loss": 0.5}))
            await worker.wait_for(Stop)
        snapshot = await until(manager, session_id, "completed")
        assert snapshot.values == {"loss": 0.5}
        assert snapshot.session is not None
        assert (snapshot.session.title, snapshot.session.launcher) == ("Fit it", "kernel")
        with pytest.raises(ResultUnavailable, match="stayed in the kernel"):
            await manager.result_path(session_id, ADA)
    assert kernel.signals == "done\n"


async def test_a_kernel_that_is_gone_fails_its_run_at_once_and_for_good(tmp_path: Path, kernel: FakeKernel) -> None:
    async with host(tmp_path) as manager, asking(tmp_path, manager, kernel) as (session_id, _):
        kernel.kill()
        with anyio.fail_after(5):
            snapshot = await until(manager, session_id, "failed")
        assert snapshot.error is not None
        assert (snapshot.error.error, snapshot.error.error_type) == (KERNEL_LOST, "KernelLost")
        assert snapshot.open_requests == ()
        assert [(settled.request_id, settled.outcome) for settled in snapshot.settled] == [("q", "cancelled")]
        assert not snapshot.error.can_retry


async def test_a_retry_runs_under_the_next_launch_of_the_same_kernel(tmp_path: Path, kernel: FakeKernel) -> None:
    async with host(tmp_path) as manager:
        session_id = await started(manager, kernel, max_retries=1)
        async with kernel.connected(tmp_path, session_id) as worker:
            await worker.wait_for(Run)
            await worker.emit(msgspec.structs.replace(FAILED))
            snapshot = await until(manager, session_id, "waiting")
        async with kernel.connected(tmp_path, session_id, 2) as again:
            assert snapshot.error is not None
            await manager.answer(session_id, Retry(value=True, request_id=snapshot.error.request_id), ADA)
            run = await again.wait_for(Run)
            assert (run.attempt, run.retries) == (2, 1)
            await again.emit(TaskCompleted(values=2))
            assert (await until(manager, session_id, "completed")).attempt == 2


async def test_a_kernel_that_is_lost_while_a_retry_is_open_fails_the_session(
    tmp_path: Path, kernel: FakeKernel
) -> None:
    async with host(tmp_path) as manager:
        session_id = await started(manager, kernel, max_retries=1)
        async with kernel.connected(tmp_path, session_id) as worker:
            await worker.wait_for(Run)
            await worker.emit(msgspec.structs.replace(FAILED))
            await until(manager, session_id, "waiting")
        kernel.kill()
        snapshot = await until(manager, session_id, "failed")
        assert snapshot.error is not None
        assert snapshot.error.error == KERNEL_LOST


async def test_a_declined_retry_lets_the_kernel_go(tmp_path: Path, kernel: FakeKernel) -> None:
    async with host(tmp_path) as manager:
        session_id = await started(manager, kernel, max_retries=1)
        async with kernel.connected(tmp_path, session_id) as worker:
            await worker.wait_for(Run)
            await worker.emit(msgspec.structs.replace(FAILED))
            snapshot = await until(manager, session_id, "waiting")
        async with kernel.connected(tmp_path, session_id, 2) as again:
            assert snapshot.error is not None
            await manager.answer(session_id, Retry(value=False, request_id=snapshot.error.request_id), ADA)
            await again.wait_for(Stop)
        await until(manager, session_id, "failed")


async def test_a_kernel_with_no_attempt_left_says_so(tmp_path: Path) -> None:
    with fake_kernel(attempts=1) as kernel:
        async with host(tmp_path) as manager:
            session_id = await started(manager, kernel, max_retries=1)
            async with kernel.connected(tmp_path, session_id) as worker:
                await worker.wait_for(Run)
                await worker.emit(msgspec.structs.replace(FAILED))
                snapshot = await until(manager, session_id, "waiting")
            assert snapshot.error is not None
            await manager.answer(session_id, Retry(value=True, request_id=snapshot.error.request_id), ADA)
            failed = await until(manager, session_id, "failed")
            assert failed.error is not None
            assert failed.error.error == NO_MORE_LAUNCHES


async def test_a_cancel_asks_then_interrupts_and_ends_with_the_runs_last_word(
    tmp_path: Path, kernel: FakeKernel
) -> None:
    async with host(tmp_path) as manager, asking(tmp_path, manager, kernel) as (session_id, worker):
        await manager.cancel(session_id, ADA)
        assert (await worker.wait_for(CancelRun)).force is False
        assert (await worker.wait_for(CancelRun)).force is True
        await worker.emit(TaskCancelled())
        await worker.wait_for(Stop)
        await worker.aclose()
        snapshot = await until(manager, session_id, "cancelled")
        assert snapshot.cancelled is not None
        assert (snapshot.cancelled.reason, snapshot.cancelled.by) == ("user", "Ada")
    assert kernel.signals == "done\n"


async def said_in_between(manager: SessionManager, session_id: str) -> list[str]:
    """What holds a session up that is being cancelled."""
    events = await journaled(manager, session_id)
    return [e.detail for e in events if isinstance(e, StatusChanged) and isinstance(e.detail, str)]


@pytest.mark.parametrize("force", [False, True])
async def test_a_run_that_does_not_stop_is_not_called_cancelled_until_it_has(
    tmp_path: Path, kernel: FakeKernel, force: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_launcher, "GRACE_SECONDS", 0.1)
    async with host(tmp_path) as manager, asking(tmp_path, manager, kernel) as (session_id, worker):
        await manager.cancel(session_id, ADA, force=force)

        async def told() -> list[str]:
            return await said_in_between(manager, session_id)

        (sentence,) = await eventually_async(told, "it says what holds it up")
        assert f"The kernel (process {kernel.process.pid}) still runs it" in sentence
        assert "restart the kernel" in sentence
        assert (await manager.snapshot(session_id, ADA)).status == "cancelling"
        await worker.emit(TaskCancelled())
        with anyio.fail_after(5):
            await until(manager, session_id, "cancelled")
    assert kernel.signals == "done\n"


async def test_a_run_that_does_not_stop_is_cancelled_when_its_kernel_is_gone(
    tmp_path: Path, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_launcher, "GRACE_SECONDS", 0.1)
    async with host(tmp_path) as manager, asking(tmp_path, manager, kernel) as (session_id, _):
        await manager.cancel(session_id, ADA)

        async def told() -> list[str]:
            return await said_in_between(manager, session_id)

        await eventually_async(told, "it says what holds it up")
        kernel.kill()
        with anyio.fail_after(5):
            await until(manager, session_id, "cancelled")


async def test_a_run_that_was_cancelled_before_it_began_is_over_at_once(tmp_path: Path, kernel: FakeKernel) -> None:
    async with host(tmp_path) as manager:
        session_id = await started(manager, kernel)
        await manager.cancel(session_id, ADA)
        await until(manager, session_id, "cancelled")


async def test_the_next_host_finds_the_kernel_again_and_signals_nobody(tmp_path: Path, kernel: FakeKernel) -> None:
    async with host(tmp_path) as manager, asking(tmp_path, manager, kernel) as (session_id, _):
        pass
    async with host(tmp_path) as manager, kernel.connected(tmp_path, session_id) as worker:
        assert worker.emitted == 1
        await manager.answer(session_id, Confirm(value=True, request_id="q"), ADA)
        assert await worker.answer() is True
        await worker.emit(TaskCompleted(values="done"))
        await until(manager, session_id, "completed")
    assert kernel.signals == "done\n"


async def test_the_next_host_goes_on_with_a_cancel(tmp_path: Path, kernel: FakeKernel) -> None:
    patient = Limits(max_warm_spares=0, cancel_seconds=30)
    async with host(tmp_path, patient) as manager, asking(tmp_path, manager, kernel) as (session_id, worker):
        await manager.cancel(session_id, ADA)
        await worker.wait_for(CancelRun)
    async with host(tmp_path) as manager, kernel.connected(tmp_path, session_id) as worker:
        while not (await worker.wait_for(CancelRun)).force:
            pass
        await worker.emit(TaskCancelled())
        await until(manager, session_id, "cancelled")
    assert kernel.signals == "done\n"


async def test_the_next_host_tells_that_the_kernel_is_gone(tmp_path: Path, kernel: FakeKernel) -> None:
    async with host(tmp_path) as manager, asking(tmp_path, manager, kernel) as (session_id, _):
        pass
    kernel.kill()
    async with host(tmp_path) as manager:
        snapshot = await until(manager, session_id, "failed")
        assert snapshot.error is not None
        assert (snapshot.error.error, snapshot.open_requests) == (KERNEL_LOST, ())


@pytest.mark.parametrize("lives", [True, False])
async def test_the_next_host_waits_with_the_kernel_for_a_retry(tmp_path: Path, kernel: FakeKernel, lives: bool) -> None:
    async with host(tmp_path) as manager:
        session_id = await started(manager, kernel, max_retries=1)
        async with kernel.connected(tmp_path, session_id) as worker:
            await worker.wait_for(Run)
            await worker.emit(msgspec.structs.replace(FAILED))
            snapshot = await until(manager, session_id, "waiting")
    if not lives:
        kernel.kill()
    async with host(tmp_path) as manager:
        if not lives:
            await until(manager, session_id, "failed")
            return
        async with kernel.connected(tmp_path, session_id, 2) as again:
            assert snapshot.error is not None
            await manager.answer(session_id, Retry(value=True, request_id=snapshot.error.request_id), ADA)
            assert (await again.wait_for(Run)).attempt == 2


async def test_a_kernel_that_cannot_be_seen_is_lost_when_its_link_stays_away(tmp_path: Path) -> None:
    with fake_kernel(elsewhere=True) as kernel:
        async with host(tmp_path) as manager, asking(tmp_path, manager, kernel) as (session_id, worker):
            kernel.kill()
            assert (await manager.snapshot(session_id, ADA)).status == "waiting"
            await worker.aclose()
            snapshot = await until(manager, session_id, "failed")
            assert snapshot.error is not None
            assert snapshot.error.error == KERNEL_LOST


async def test_a_kernel_that_cannot_be_seen_may_connect_again(tmp_path: Path) -> None:
    with fake_kernel(elsewhere=True) as kernel:
        patient = msgspec.structs.replace(QUICK, kernel_lost_seconds=30.0)
        async with host(tmp_path, patient) as manager, asking(tmp_path, manager, kernel) as (session_id, worker):
            await worker.aclose()
            async with kernel.connected(tmp_path, session_id) as again:
                await again.emit(TaskCompleted(values=1))
                await until(manager, session_id, "completed")


async def test_a_stranger_is_not_taken_for_the_kernel(tmp_path: Path, kernel: FakeKernel) -> None:
    async with host(tmp_path) as manager:
        session_id = await started(manager, kernel)
        kernel.secrets[0] = "guessed"
        with pytest.raises(anyio.EndOfStream):
            async with kernel.connected(tmp_path, session_id):
                pass
        assert (await manager.snapshot(session_id, ADA)).status == "queued"


async def test_a_kernel_that_never_connects_is_told(tmp_path: Path, kernel: FakeKernel) -> None:
    async with host(tmp_path, msgspec.structs.replace(QUICK, launch_seconds=0.2)) as manager:
        snapshot = await until(manager, await started(manager, kernel), "failed")
        assert snapshot.error is not None
        assert "did not connect within 0.2 s" in snapshot.error.error
    assert kernel.signals == "done\n"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"durable": True}, "durable"),
        ({"shipped": b"code"}, "stays there"),
        ({"params": {"n": 1}}, "stays there"),
        ({"env": WorkerEnv()}, "stays there"),
        ({"launcher": None}, "Give both"),
        ({"kernel": None}, "Give both"),
    ],
)
async def test_a_start_that_cannot_be_in_a_kernel_is_refused(
    tmp_path: Path, kernel: FakeKernel, wrong: dict[str, Any], says: str
) -> None:
    async with host(tmp_path) as manager:
        with pytest.raises(Malformed, match=says):
            await manager.start(msgspec.structs.replace(kernel.start(), **wrong), ADA)
        assert manager.health()["live_sessions"] == 0


async def test_a_key_attaches_to_a_run_that_lives_and_to_no_other(tmp_path: Path, kernel: FakeKernel) -> None:
    async with host(tmp_path) as manager:
        said = {"key": "fit", "fingerprint": "f"}
        session_id = await started(manager, kernel, **said)
        assert await started(manager, kernel, **said) == session_id
        async with kernel.connected(tmp_path, session_id) as worker:
            await worker.wait_for(Run)
            await worker.emit(TaskCompleted())
            await until(manager, session_id, "completed")
        assert await started(manager, kernel, **said) != session_id


async def test_questions_in_cells_are_not_counted_as_starts(tmp_path: Path, kernel: FakeKernel) -> None:
    async with host(tmp_path, msgspec.structs.replace(QUICK, max_starts_per_minute=1)) as manager:
        for _ in range(3):
            await started(manager, kernel)
        assert manager.health()["live_sessions"] == 3


async def test_a_kernels_connection_is_its_owners_alone(tmp_path: Path, kernel: FakeKernel) -> None:
    async with host(tmp_path) as manager:
        session_id = await started(manager, kernel)
        assert await manager.link(launch_id(session_id, 1), ADA) == tmp_path / "link.sock"
        for launch, who in ((launch_id(session_id, 1), BOB), ("..", ADA), (session_id, ADA)):
            with pytest.raises(NotFound):
                await manager.link(launch, who)
