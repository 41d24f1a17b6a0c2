"""What cannot be ended: a session that is being cancelled waits for it and says so; a lost attempt names it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio
import pytest

from hitl_jupyter.engine import ending
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.launchers.contract import Leftover
from hitl_jupyter.link.messages import Run
from hitl_jupyter.protocol import Status, StatusChanged, Stream, TaskCancelled
from tests.engine.fakes import ADA, SHIPPED, FakeLauncher, FakeProcess, FakeWorker, host, journaled, read_until, until
from tests.engine.test_sessions import never_ends

pytestmark = pytest.mark.anyio

STUCK = Leftover(pid=4711, program="cp", why="it waits for the kernel (state D)")
OTHER = Leftover(pid=4712, program="sudo", why="it belongs to another user")
QUICK = Limits(max_warm_spares=0, cancel_seconds=0.0, terminate_seconds=0.0)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(ending, "LONGEST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(ending, "READ_EVENTS", 2)


async def started(manager: SessionManager, launcher: FakeLauncher) -> tuple[str, FakeProcess]:
    session_id = (await manager.start(SHIPPED, ADA)).session_id
    async with await manager.watch(session_id, ADA) as viewer:
        await read_until(viewer, "stream")
    return session_id, launcher.processes[0]


async def holdups(manager: SessionManager, session_id: str, count: int) -> list[tuple[Status, str]]:
    """What held the session up, with its status then, once so much was said."""
    async with await manager.watch(session_id, ADA) as viewer:
        async for _ in viewer:
            events = [e for e in await journaled(manager, session_id) if isinstance(e, StatusChanged)]
            said = [(event.status, event.detail) for event in events if isinstance(event.detail, str)]
            if len(said) >= count:
                return said
    raise AssertionError("the session was closed")


async def test_a_session_is_not_called_cancelled_while_something_of_it_lives_and_says_so_once(tmp_path: Path) -> None:
    async with host(tmp_path, never_ends, limits=QUICK) as (manager, launcher):
        session_id, process = await started(manager, launcher)
        process.left = [STUCK]
        await manager.cancel(session_id, ADA)
        assert await holdups(manager, session_id, 1) == [("cancelling", str(STUCK))]
        tries = process.cleared
        while process.cleared < tries + 3:
            await anyio.lowlevel.checkpoint()
        process.left = [OTHER]
        assert await holdups(manager, session_id, 2) == [("cancelling", str(STUCK)), ("cancelling", str(OTHER))]
        assert await manager.cancel(session_id, ADA, force=True) == "cancelling"
        process.left = []
        await until(manager, session_id, "cancelled")
    assert str(STUCK) == "Process 4711 (cp) cannot be ended: it waits for the kernel (state D)."


async def test_a_task_that_was_not_confirmed_waits_for_its_processes_too(tmp_path: Path) -> None:
    async def declines(worker: FakeWorker, run: Run) -> None:
        await worker.emit(Stream(content="busy"), TaskCancelled(reason="not_confirmed"))

    async with host(tmp_path, declines) as (manager, launcher):
        launcher.left_by_each = [STUCK]
        session_id, process = await started(manager, launcher)
        assert await holdups(manager, session_id, 1) == [("running", str(STUCK))]
        process.left = []
        assert (await until(manager, session_id, "cancelled")).attempt == 1


async def test_a_lost_attempt_is_told_at_once_and_names_what_survived_it(tmp_path: Path) -> None:
    async with host(tmp_path, never_ends) as (manager, launcher):
        session_id, process = await started(manager, launcher)
        process.left = [STUCK, OTHER]
        process.end(-9)
        lost = await until(manager, session_id, "waiting")
        assert lost.error is not None
        assert lost.error.error == f"The worker process was killed by signal 9 (SIGKILL). {STUCK} {OTHER}"


async def test_a_cancel_that_comes_while_a_lost_attempt_is_looked_through_waits_as_any_other(tmp_path: Path) -> None:
    async with host(tmp_path, never_ends) as (manager, launcher):
        session_id, process = await started(manager, launcher)
        process.left = [STUCK]
        process.while_clearing = partial(manager.cancel, session_id, ADA)
        process.end(-9)
        assert await holdups(manager, session_id, 1) == [("cancelling", str(STUCK))]
        process.left = []
        await until(manager, session_id, "cancelled")


async def test_the_next_host_waits_on_for_what_cannot_be_ended_and_knows_who_cancelled(tmp_path: Path) -> None:
    async with host(tmp_path, never_ends, limits=QUICK) as (manager, launcher):
        session_id, process = await started(manager, launcher)
        process.left = [STUCK]
        await manager.cancel(session_id, ADA)
        await holdups(manager, session_id, 1)
    async with host(tmp_path, never_ends, left=[OTHER]) as (manager, launcher):
        assert await holdups(manager, session_id, 2) == [("cancelling", str(STUCK)), ("cancelling", str(OTHER))]
        launcher.left.clear()
        ended = await until(manager, session_id, "cancelled")
        assert ended.cancelled is not None
        assert (ended.cancelled.by, ended.cancelled.reason) == ("Ada", "user")


async def test_what_a_lost_worker_left_is_named_by_the_next_host(tmp_path: Path) -> None:
    async with host(tmp_path, never_ends) as (manager, launcher):
        session_id, _ = await started(manager, launcher)
    async with host(tmp_path, never_ends, left=[STUCK]) as (manager, _):
        lost = await manager.snapshot(session_id, ADA)
        assert lost.error is not None
        assert lost.error.error == f"The worker process was gone when the host started again. {STUCK}"
