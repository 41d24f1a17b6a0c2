"""Who comes second: learns who was first, when and with what, and nothing that is not theirs to learn."""

from __future__ import annotations

from pathlib import Path

import pytest

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.errors import AlreadySettled, HitlError, KeyReused, NotFound
from hitl_jupyter.link.messages import Resolved, Run
from hitl_jupyter.protocol import Confirm, RequestConfirmation, StartTask, TaskCompleted
from tests.engine.fakes import ADA, BOB, SHIPPED, FakeWorker, host, until

pytestmark = pytest.mark.anyio

EVE = Actor(owner="eve", by="Eve", via="browser")
MALLORY = Actor(owner="mallory", by="Mallory", via="browser")


async def asks_bob_and_eve(worker: FakeWorker, run: Run) -> None:
    await worker.emit(RequestConfirmation(request_id="q", message="Sure?", assignees=["bob", "eve"]))
    await worker.wait_for(Resolved)
    await worker.emit(TaskCompleted(values="done"))


async def test_of_two_who_were_asked_the_second_learns_who_was_first_though_they_see_the_session_no_more(
    tmp_path: Path,
) -> None:
    async with host(tmp_path, asks_bob_and_eve) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        yes = Confirm(value=True, request_id="q", idempotency_key="k")
        first = await manager.answer(session_id, yes, BOB)
        await until(manager, session_id, "completed")
        with pytest.raises(AlreadySettled) as caught:
            await manager.answer(session_id, Confirm(value=False, request_id="q"), EVE)
        details = caught.value.details
        assert (details["by"], details["value"], details["at"]) == ("Bob", True, first.at)
        again = await manager.answer(session_id, yes, BOB)  # the reply was lost on its way
        assert (again.by, again.value, again.at) == (first.by, first.value, first.at)
    async with host(tmp_path, asks_bob_and_eve) as (manager, _):
        assert (await manager.answer(session_id, yes, BOB)).at == first.at
        with pytest.raises(NotFound):
            await manager.snapshot(session_id, EVE)


async def test_for_a_stranger_the_request_is_as_absent_as_the_session(tmp_path: Path) -> None:
    async with host(tmp_path, asks_bob_and_eve) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        refusals: list[HitlError] = []
        for asked, request_id in ((session_id, "q"), (session_id, "no such"), ("0" * 36, "q")):
            with pytest.raises(NotFound) as caught:
                await manager.answer(asked, Confirm(value=True, request_id=request_id), MALLORY)
            refusals.append(caught.value)
        assert len({str(refusal.to_json()) for refusal in refusals}) == 1


async def test_a_key_stands_for_one_command(tmp_path: Path) -> None:
    async with host(tmp_path, asks_bob_and_eve) as (manager, _):
        start = StartTask(shipped=b"a task", idempotency_key="s")
        session_id = (await manager.start(start, ADA)).session_id
        assert (await manager.start(start, ADA)).session_id == session_id
        with pytest.raises(KeyReused):
            await manager.start(StartTask(shipped=b"another", idempotency_key="s"), ADA)
        assert (await manager.start(StartTask(shipped=b"another", idempotency_key="s"), BOB)).session_id != session_id
        await until(manager, session_id, "waiting")
        await manager.answer(session_id, Confirm(value=True, request_id="q", idempotency_key="k"), ADA)
        with pytest.raises(KeyReused):
            await manager.answer(session_id, Confirm(value=False, request_id="q", idempotency_key="k"), ADA)
        with pytest.raises(KeyReused):
            await manager.cancel(session_id, ADA, idempotency_key="k")


async def test_a_cancel_with_a_key_ends_the_session_once_and_gives_its_first_reply_again(tmp_path: Path) -> None:
    async with host(tmp_path, asks_bob_and_eve) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        assert await manager.cancel(session_id, ADA, force=True, idempotency_key="c") == "cancelling"
        await until(manager, session_id, "cancelled")
        assert await manager.cancel(session_id, ADA, force=True, idempotency_key="c") == "cancelling"
        assert await manager.cancel(session_id, ADA, force=True) == "cancelled"
