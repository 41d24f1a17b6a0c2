"""Each launch of a session has a number, and what an earlier one still says changes nothing, anywhere."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from hitl_jupyter.errors import WrongState
from hitl_jupyter.journal.contract import LaunchRow, Write
from hitl_jupyter.link.messages import Ack, Run
from hitl_jupyter.protocol import Retry, Stream, TaskCompleted, TaskFailed
from tests.engine.fakes import ADA, SHIPPED, FakeWorker, host, journaled, until
from tests.engine.test_sessions import never_ends

pytestmark = pytest.mark.anyio


async def test_late_words_of_a_launch_that_was_replaced_change_nothing(tmp_path: Path) -> None:
    replaced, told = anyio.Event(), anyio.Event()

    async def lingers(worker: FakeWorker, run: Run) -> None:
        await worker.emit(TaskFailed(error="no", error_type="E", ends_attempt=True, can_retry=True, max_retries=3))
        await worker.wait_for(Ack)
        await replaced.wait()
        await worker.emit(Stream(content="late"), TaskCompleted(values="late"))
        assert (await worker.wait_for(Ack)).number == 3, "so that it does not send that again"
        told.set()

    async with host(tmp_path, lingers, never_ends) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        failed = await until(manager, session_id, "waiting")
        assert failed.error is not None
        await manager.answer(session_id, Retry(value=True, request_id=failed.error.request_id), ADA)
        await until(manager, session_id, "running")
        before = await journaled(manager, session_id)
        replaced.set()
        await told.wait()
        after = await journaled(manager, session_id)
        assert [event for event in after[len(before) :] if event.attempt == 1] == []
        assert (await manager.snapshot(session_id, ADA)).status == "running"


async def test_each_launch_has_a_higher_number_also_after_a_restart_and_the_journal_takes_nothing_of_a_lower_one(
    tmp_path: Path,
) -> None:
    session_id = ""
    for launches in (1, 2, 3):
        async with host(tmp_path, never_ends) as (manager, _):
            if not session_id:
                session_id = (await manager.start(SHIPPED, ADA)).session_id
            else:
                lost = await manager.snapshot(session_id, ADA)
                assert lost.error is not None
                await manager.answer(session_id, Retry(value=True, request_id=lost.error.request_id), ADA)
            await until(manager, session_id, "running")
            rows: list[LaunchRow] = await manager.journal.launches(session_id)
            assert [row.fence for row in rows] == list(range(1, launches + 1))
            for row in rows[:-1]:
                with pytest.raises(WrongState, match=f"was replaced by launch {launches}"):
                    await manager.journal.submit(Write(session_id=session_id, launch=row))
