"""A secret is in no journal, and still reaches the task when the host dies as it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.errors import AlreadySettled
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.link.messages import Ack, Resolved, Run, Validate, Validated
from hitl_jupyter.masking import MASK
from hitl_jupyter.protocol import RequestUserInput, TaskCompleted, UserInput
from tests.engine.fakes import ADA, SHIPPED, FakeWorker, host, until
from tests.engine.test_restart import SurvivingLauncher
from tests.engine.test_sessions import SCHEMA

pytestmark = pytest.mark.anyio

FORM = RequestUserInput(request_id="form", message="Log in", schema=SCHEMA)


def login(password: str) -> UserInput:
    return UserInput(values={"name": "Ada", "password": password}, request_id="form")


async def test_the_next_host_tells_the_worker_which_of_the_values_it_checked_were_taken(tmp_path: Path) -> None:
    second_host, got = anyio.Event(), list[Any]()

    async def survives(worker: FakeWorker, run: Run) -> None:
        await worker.emit(FORM)
        await worker.wait_for(Ack)
        await worker.connect_again(second_host)
        got.append(await worker.wait_for(Resolved))
        await worker.emit(TaskCompleted())

    async with anyio.create_task_group() as processes:
        launcher = SurvivingLauncher(processes, survives)
        limits = Limits(max_warm_spares=0)
        async with SessionManager(SqliteJournal(tmp_path / "journal.sqlite"), launcher, tmp_path, limits) as manager:
            session_id = (await manager.start(SHIPPED, ADA)).session_id
            await until(manager, session_id, "waiting")
            opened = await manager._get(session_id, ADA)
            async with opened.session.lock:
                change = opened.session.change()
                change.resolve("form", "answered", value=None, shown_value={"name": "Ada", "password": MASK})
                change.follow_requests()
                change.replies.clear()  # the host dies before it sends it
                await opened.session.commit(change)
        async with SessionManager(SqliteJournal(tmp_path / "journal.sqlite"), launcher, tmp_path, limits) as manager:
            second_host.set()
            await until(manager, session_id, "completed")
    assert (got[0].masked, got[0].value) == (True, {"name": "Ada", "password": MASK})


async def test_of_two_secrets_given_at_once_the_worker_checks_the_second_only_once_the_first_was_not_taken(
    tmp_path: Path,
) -> None:
    checked: list[str] = []
    both = anyio.Event()

    async def checks(worker: FakeWorker, run: Run) -> None:
        await worker.emit(FORM)
        while True:
            message = await worker.receive()
            if isinstance(message, Validate):
                checked.append(message.values["password"])
                await both.wait()
                await worker.send(Validated(call=message.call, values=message.values))
            elif isinstance(message, Resolved):
                await worker.emit(TaskCompleted(values=message.value["password"]))
                return

    async with host(tmp_path, checks) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        refused: list[AlreadySettled] = []

        async def answer(password: str) -> None:
            try:
                await manager.answer(session_id, login(password), ADA)
            except AlreadySettled as error:
                refused.append(error)

        async with anyio.create_task_group() as tabs:
            tabs.start_soon(answer, "first")
            tabs.start_soon(answer, "second")
            await anyio.wait_all_tasks_blocked()
            both.set()
        done = await until(manager, session_id, "completed")
        assert checked[-1] == done.values, "what the worker checked last is what counts"
        assert len(refused) == 1
        assert "answered" in refused[0].message
