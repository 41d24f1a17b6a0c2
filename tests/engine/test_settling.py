"""A request is settled once: whoever comes second learns who, when and what, and nobody else learns anything."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.errors import AlreadySettled, InvalidValues, NotFound, WorkerUnavailable
from hitl_jupyter.link.messages import CancelRun, Resolved, Run, Validate, Validated
from hitl_jupyter.protocol import (
    Confirm,
    DraftInput,
    RequestConfirmation,
    RequestUserInput,
    Retry,
    StatusChanged,
    TaskCompleted,
    TaskFailed,
    UserInput,
)
from tests.engine.fakes import ADA, BOB, SHIPPED, FakeWorker, host, journaled, read_until, until
from tests.engine.test_sessions import SCHEMA

pytestmark = pytest.mark.anyio

CARL = Actor(owner="carl", by="Carl", via="browser")
EVE = Actor(owner="eve", by="Eve", via="browser")
ABSENT = "00000000-0000-4000-8000-000000000000"


async def asks_bob_and_carl(worker: FakeWorker, run: Run) -> None:
    await worker.emit(RequestConfirmation(request_id="theirs", message="You?", assignees=["bob", "carl"]))
    await worker.answer()
    await worker.emit(RequestConfirmation(request_id="adas", message="And you?"))
    await worker.emit(TaskCompleted(values=await worker.answer()))


async def begin(manager: SessionManager) -> str:
    session_id = (await manager.start(SHIPPED, ADA)).session_id
    await until(manager, session_id, "waiting")
    return session_id


# -- who was asked -----------------------------------------------------------------------------------------------------


async def test_of_two_assignees_who_answer_at_once_the_second_learns_who_when_and_what(tmp_path: Path) -> None:
    async with host(tmp_path, asks_bob_and_carl) as (manager, _):
        session_id = await begin(manager)
        won, lost = [], []

        async def answer(actor: Actor, value: bool) -> None:
            try:
                won.append(await manager.answer(session_id, Confirm(value=value, request_id="theirs"), actor))
            except AlreadySettled as error:
                lost.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(answer, BOB, True)
            tasks.start_soon(answer, CARL, False)
        (first,), (second,) = won, lost
        told = {name: second.details[name] for name in ("outcome", "by", "via", "at", "value")}
        assert told == {"outcome": "answered", "by": first.by, "via": first.via, "at": first.at, "value": first.value}


async def test_a_late_assignee_learns_what_came_of_their_question_also_from_the_next_host(tmp_path: Path) -> None:
    late = Confirm(value=False, request_id="theirs")
    async with host(tmp_path, asks_bob_and_carl) as (manager, _):
        session_id = await begin(manager)
        first = await manager.answer(session_id, Confirm(value=True, request_id="theirs"), BOB)
    async with host(tmp_path, asks_bob_and_carl) as (manager, _):
        with pytest.raises(AlreadySettled) as refused:
            await manager.answer(session_id, late, CARL)
        assert (refused.value.details["by"], refused.value.details["at"]) == ("Bob", first.at)
        with pytest.raises(AlreadySettled):
            await manager.save_draft(session_id, DraftInput(request_id="theirs", values={}), CARL)


async def test_an_assignee_whose_reply_was_lost_gets_it_again_by_the_same_key(tmp_path: Path) -> None:
    once = Confirm(value=True, request_id="theirs", idempotency_key="click")
    async with host(tmp_path, asks_bob_and_carl) as (manager, _):
        session_id = await begin(manager)
        first = await manager.answer(session_id, once, BOB)
        again = await manager.answer(session_id, once, BOB)
        assert (again.by, again.value, again.at) == (first.by, first.value, first.at)
        with pytest.raises(AlreadySettled):  # whose key it is counts too
            await manager.answer(session_id, once, CARL)


async def test_a_stranger_hears_of_a_settled_request_what_they_hear_of_an_absent_session(tmp_path: Path) -> None:
    async with host(tmp_path, asks_bob_and_carl) as (manager, _):
        session_id = await begin(manager)
        await manager.answer(session_id, Confirm(value=True, request_id="theirs", idempotency_key="k"), BOB)
        await until(manager, session_id, "waiting")
        refusals = []
        for where, request_id, actor in [
            (ABSENT, "theirs", EVE),
            (session_id, "theirs", EVE),
            (session_id, "none", EVE),
            (session_id, None, EVE),
            (session_id, "adas", BOB),  # of others' questions they hear no more than a stranger
            (session_id, None, BOB),
            (ABSENT, "theirs", BOB),
        ]:
            with pytest.raises(NotFound) as refused:
                await manager.answer(where, Confirm(value=True, request_id=request_id, idempotency_key="k"), actor)
            refusals.append(refused.value.to_json())
        assert all(refusal == refusals[0] for refusal in refusals)


async def test_who_was_asked_in_one_session_is_a_stranger_to_another(tmp_path: Path) -> None:
    async def asks_nobody(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestConfirmation(request_id="other", message="Ada?"))
        await worker.wait_for(CancelRun)

    async with host(tmp_path, asks_bob_and_carl, asks_nobody) as (manager, _):
        first, second = await begin(manager), await begin(manager)
        await manager.answer(first, Confirm(value=True, request_id="theirs"), BOB)
        for session_id in (second, ABSENT):
            with pytest.raises(NotFound, match="There is no such session"):
                await manager.answer(session_id, Confirm(value=True, request_id="theirs"), BOB)


# -- the answer against everything else --------------------------------------------------------------------------------


async def test_an_answer_whose_checker_dies_is_to_be_sent_again_and_then_told_how_its_question_ended(
    tmp_path: Path,
) -> None:
    checking = anyio.Event()

    async def dies_checking(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestUserInput(request_id="form", message="Compose", schema=SCHEMA))
        await worker.wait_for(Validate)
        checking.set()
        await anyio.sleep_forever()

    async with host(tmp_path, dies_checking) as (manager, launcher):
        session_id = await begin(manager)
        form = UserInput(values={"name": "Ada"}, request_id="form", idempotency_key="once")

        async def kill() -> None:
            await checking.wait()
            launcher.processes[0].kill()

        async with await manager.watch(session_id, ADA) as viewer, anyio.create_task_group() as tasks:
            tasks.start_soon(kill)
            with pytest.raises((WorkerUnavailable, AlreadySettled)):
                await manager.answer(session_id, form, ADA)
            await read_until(viewer, "task_failed")
        with pytest.raises(AlreadySettled) as refused:
            await manager.answer(session_id, form, ADA)
        assert (refused.value.details["outcome"], refused.value.details["via"]) == ("cancelled", "host")


async def test_a_form_found_wrong_after_somebody_cancelled_is_refused_for_the_cancel(tmp_path: Path) -> None:
    checking, cancelled = anyio.Event(), anyio.Event()

    async def slow(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestUserInput(request_id="form", message="Compose", schema=SCHEMA))
        validate = await worker.wait_for(Validate)
        checking.set()
        await cancelled.wait()
        await worker.send(Validated(call=validate.call, errors=[{"field": "name", "message": "Taken."}]))
        await anyio.sleep_forever()

    async with host(tmp_path, slow) as (manager, _):
        session_id = await begin(manager)

        async def cancel() -> None:
            await checking.wait()
            await manager.cancel(session_id, ADA)
            cancelled.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancel)
            with pytest.raises((AlreadySettled, InvalidValues)) as refused:
                await manager.answer(session_id, UserInput(values={"name": "Bob"}, request_id="form"), ADA)
        assert isinstance(refused.value, AlreadySettled)
        assert (refused.value.details["outcome"], refused.value.details["by"]) == ("cancelled", "Ada")


async def test_of_two_tabs_that_press_retry_one_begins_the_next_attempt(tmp_path: Path) -> None:
    async def fails(worker: FakeWorker, run: Run) -> None:
        if run.attempt == 1:
            await worker.emit(TaskFailed(error="boom", can_retry=True, max_retries=5))
        else:
            await worker.emit(RequestConfirmation(request_id="q", message="Again?"))
            await worker.wait_for(Resolved)

    async with host(tmp_path, fails) as (manager, _):
        session_id = await begin(manager)
        (question,) = (await manager.snapshot(session_id, ADA)).open_requests
        lost = []

        async def press(value: bool) -> None:
            try:
                await manager.answer(session_id, Retry(value=value, request_id=question.request_id), ADA)
            except AlreadySettled as error:
                lost.append(error)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(press, True)
        assert [error.details["by"] for error in lost] == ["Ada"] * 4
        await until(manager, session_id, "waiting")
        queued = [e for e in await journaled(manager, session_id) if isinstance(e, StatusChanged)]
        assert [event.attempt for event in queued if event.status == "queued"] == [1, 2]


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_between_retry_and_cancel_the_first_counts_and_the_session_ends_cancelled(
    tmp_path: Path, cancel_first: bool
) -> None:
    async def fails(worker: FakeWorker, run: Run) -> None:
        await worker.emit(TaskFailed(error="boom", can_retry=True, max_retries=5))

    async with host(tmp_path, fails) as (manager, _):
        session_id = await begin(manager)
        (question,) = (await manager.snapshot(session_id, ADA)).open_requests
        retry = Retry(value=True, request_id=question.request_id)
        lost: list[AlreadySettled] = []

        async def press_retry() -> None:
            try:
                await manager.answer(session_id, retry, ADA)
            except AlreadySettled as error:
                lost.append(error)

        async with anyio.create_task_group() as tasks:
            if not cancel_first:
                tasks.start_soon(press_retry)
            tasks.start_soon(manager.cancel, session_id, ADA)
            if cancel_first:
                tasks.start_soon(press_retry)
        done = await until(manager, session_id, "cancelled")
        assert [error.details["outcome"] for error in lost] == (["cancelled"] if cancel_first else [])
        assert len(done.attempts) == (1 if cancel_first else 2)
