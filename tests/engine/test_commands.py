"""An idempotency key stands for one command: again it gives the first outcome, with another command it is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace

from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager, Started
from hitl_jupyter.engine.outcomes import content_of, target_of
from hitl_jupyter.errors import AlreadySettled, KeyReused
from hitl_jupyter.journal.contract import SessionQuery
from hitl_jupyter.link.messages import Run
from hitl_jupyter.masking import MASK
from hitl_jupyter.protocol import (
    Confirm,
    RequestConfirmation,
    RequestResolved,
    RequestUserInput,
    Retry,
    TaskCompleted,
    TaskFailed,
    UserInput,
)
from tests.engine.fakes import ADA, BOB, SHIPPED, FakeWorker, host, journaled, read_until, until
from tests.engine.test_sessions import SCHEMA, asks, completes, confirms, everything_in, never_ends

pytestmark = pytest.mark.anyio


async def begin(manager: SessionManager) -> str:
    session_id = (await manager.start(SHIPPED, ADA)).session_id
    await until(manager, session_id, "waiting")
    return session_id


async def resolutions(manager: SessionManager, session_id: str) -> list[RequestResolved]:
    return [event for event in await journaled(manager, session_id) if isinstance(event, RequestResolved)]


async def streams(manager: SessionManager, session_id: str) -> None:
    async with await manager.watch(session_id, ADA) as viewer:
        await read_until(viewer, "stream")


async def twice_at_once(call: Callable[[], Awaitable[object]]) -> list[object]:
    outcomes: list[object] = []

    async def once() -> None:
        outcomes.append(await call())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(once)
        tasks.start_soon(once)
    return outcomes


# -- starts ----------------------------------------------------------------------------------------------------------


async def test_a_start_sent_again_gives_the_first_session_also_at_once_and_from_the_next_host(tmp_path: Path) -> None:
    start = replace(SHIPPED, idempotency_key="once")
    async with host(tmp_path, completes) as (manager, _):
        first, second = await twice_at_once(lambda: manager.start(start, ADA))
        assert isinstance(first, Started)
        assert first == second
        await until(manager, first.session_id, "completed")
    async with host(tmp_path, completes) as (manager, _):
        assert await manager.start(start, ADA) == first
        assert len((await manager.list(SessionQuery(), ADA)).sessions) == 1
        other = await manager.start(start, BOB)  # another's key is another key
        assert other.session_id != first.session_id
        await until(manager, other.session_id, "completed", who=BOB)


async def test_a_start_that_found_a_session_by_its_key_finds_it_again_though_it_has_failed_since(
    tmp_path: Path,
) -> None:
    named = replace(SHIPPED, key="mail")
    async with host(tmp_path, never_ends) as (manager, _):
        first = await manager.start(named, ADA)
        await streams(manager, first.session_id)
        once = replace(named, idempotency_key="once")
        assert (await manager.start(once, ADA)).session_id == first.session_id
        await manager.cancel(first.session_id, ADA, force=True)
        await until(manager, first.session_id, "cancelled")
        assert (await manager.start(once, ADA)).session_id == first.session_id
        anew = await manager.start(named, ADA)
        assert anew.session_id != first.session_id
        await streams(manager, anew.session_id)


@pytest.mark.parametrize("other", [{"shipped": b"other work"}, {"key": "k"}, {"fresh": True}, {"params": {"n": 1}}])
async def test_a_start_of_something_else_with_the_same_key_is_refused(tmp_path: Path, other: dict[str, object]) -> None:
    start = replace(SHIPPED, idempotency_key="once")
    async with host(tmp_path, completes) as (manager, _):
        first = await manager.start(start, ADA)
        with pytest.raises(KeyReused):
            await manager.start(replace(start, **other), ADA)
        await until(manager, first.session_id, "completed")
        assert len((await manager.list(SessionQuery(), ADA)).sessions) == 1


async def test_a_start_sent_again_does_not_count_against_the_rate(tmp_path: Path) -> None:
    start = replace(SHIPPED, idempotency_key="once")
    async with host(tmp_path, completes, limits=Limits(max_warm_spares=0, max_starts_per_minute=1)) as (manager, _):
        first = await manager.start(start, ADA)
        assert await manager.start(start, ADA) == first
        await until(manager, first.session_id, "completed")


# -- answers ---------------------------------------------------------------------------------------------------------


async def test_an_answer_sent_twice_at_once_settles_once_and_both_get_the_outcome(tmp_path: Path) -> None:
    once = UserInput(values={"name": "Ada"}, request_id="form", idempotency_key="once")
    async with host(tmp_path, asks) as (manager, _):
        session_id = await begin(manager)
        first, second = await twice_at_once(lambda: manager.answer(session_id, once, ADA))
        assert isinstance(first, RequestResolved)
        assert isinstance(second, RequestResolved)
        assert (first.value, first.at) == (second.value, second.at)
        await until(manager, session_id, "completed")
        assert len(await resolutions(manager, session_id)) == 1


async def test_an_answer_sent_again_to_the_next_host_gives_the_first_outcome(tmp_path: Path) -> None:
    once = Confirm(value=True, request_id="q1", idempotency_key="once")
    async with host(tmp_path, confirms) as (manager, _):
        session_id = await begin(manager)
        first = await manager.answer(session_id, once, ADA)
        await until(manager, session_id, "completed")
    async with host(tmp_path, confirms) as (manager, _):
        again = await manager.answer(session_id, once, ADA)
        assert (again.by, again.value, again.at) == (first.by, first.value, first.at)
        assert len(await resolutions(manager, session_id)) == 1


async def test_a_retry_sent_again_begins_no_further_attempt(tmp_path: Path) -> None:
    async def fails(worker: FakeWorker, run: Run) -> None:
        await worker.emit(TaskFailed(error="boom", can_retry=True, retries=run.retries, max_retries=5))

    async with host(tmp_path, fails) as (manager, _):
        session_id = await begin(manager)
        (question,) = (await manager.snapshot(session_id, ADA)).open_requests
        once = Retry(value=True, request_id=question.request_id, idempotency_key="once")
        first = await manager.answer(session_id, once, ADA)
        await until(manager, session_id, "waiting")
        again = await manager.answer(session_id, once, ADA)
        assert again.at == first.at
        assert (await manager.snapshot(session_id, ADA)).attempt == 2


async def asks_twice(worker: FakeWorker, run: Run) -> None:
    await worker.emit(RequestConfirmation(request_id="a", message="One?"))
    await worker.emit(RequestConfirmation(request_id="b", message="Two?"))
    await worker.emit(TaskCompleted(values=[await worker.answer(), await worker.answer()]))


@pytest.mark.parametrize(
    "other",
    [
        Confirm(value=False, request_id="a"),
        Confirm(value=True, request_id="a", comment="and so"),
        Confirm(value=True, request_id="b"),
        Retry(value=True, request_id="a"),
        UserInput(values={}, request_id="a"),
    ],
)
async def test_another_answer_with_the_same_key_is_refused_and_changes_nothing(
    tmp_path: Path, other: Confirm | Retry | UserInput
) -> None:
    async with host(tmp_path, asks_twice) as (manager, _):
        session_id = await begin(manager)
        await manager.answer(session_id, Confirm(value=True, request_id="a", idempotency_key="once"), ADA)
        with pytest.raises(KeyReused):
            await manager.answer(session_id, replace(other, idempotency_key="once"), ADA)
        assert len(await resolutions(manager, session_id)) == 1
        with pytest.raises(KeyReused):
            await manager.cancel(session_id, ADA, idempotency_key="once")
        await manager.answer(session_id, Confirm(value=True, request_id="b"), ADA)
        await until(manager, session_id, "completed")


async def test_a_form_without_secrets_is_compared_by_its_values(tmp_path: Path) -> None:
    async def plain(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestUserInput(request_id="form", message="Name?", schema={"type": "object"}))
        await worker.emit(TaskCompleted(values=await worker.answer()))

    async with host(tmp_path, plain) as (manager, _):
        session_id = await begin(manager)
        once = UserInput(values={"a": 1, "b": 2}, request_id="form", idempotency_key="once")
        first = await manager.answer(session_id, once, ADA)
        assert (await manager.answer(session_id, replace(once, values={"b": 2, "a": 1}), ADA)).at == first.at
        with pytest.raises(KeyReused):
            await manager.answer(session_id, replace(once, values={"a": 1}), ADA)


async def test_of_a_form_with_secrets_nothing_is_kept_that_could_be_compared(tmp_path: Path) -> None:
    async def secretive(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestUserInput(request_id="form", message="Log in", schema=SCHEMA))
        await worker.answer()
        await worker.emit(TaskCompleted())

    async with host(tmp_path, secretive) as (manager, _):
        session_id = await begin(manager)
        once = UserInput(values={"name": "Ada", "password": "tiger-77"}, request_id="form", idempotency_key="once")
        first = await manager.answer(session_id, once, ADA)
        again = await manager.answer(session_id, once, ADA)
        assert (again.value, again.at) == (first.value, first.at) == ({"name": "Ada", "password": MASK}, first.at)
        with pytest.raises(KeyReused):
            await manager.answer(session_id, replace(once, request_id="another"), ADA)
    kept = everything_in(tmp_path)
    assert b"tiger" not in kept
    assert content_of(once).encode() not in kept
    assert target_of(once).encode() in kept


async def test_an_answer_that_was_refused_leaves_its_key_free(tmp_path: Path) -> None:
    async with host(tmp_path, asks_twice) as (manager, _):
        session_id = await begin(manager)
        await manager.answer(session_id, Confirm(value=True, request_id="a"), ADA)
        with pytest.raises(AlreadySettled):
            await manager.answer(session_id, Confirm(value=False, request_id="a", idempotency_key="k"), ADA)
        await manager.answer(session_id, Confirm(value=True, request_id="b", idempotency_key="k"), ADA)


# -- cancels ---------------------------------------------------------------------------------------------------------


async def test_a_cancel_sent_again_ends_nothing_twice_and_its_key_is_taken(tmp_path: Path) -> None:
    async with host(
        tmp_path, confirms, limits=Limits(max_warm_spares=0, cancel_seconds=0.05, terminate_seconds=0.05)
    ) as (manager, _):
        session_id = await begin(manager)
        statuses = await twice_at_once(lambda: manager.cancel(session_id, ADA, idempotency_key="once"))
        assert statuses == ["cancelling", "cancelling"]
        await until(manager, session_id, "cancelled")
        events = len(await journaled(manager, session_id))
        assert await manager.cancel(session_id, ADA, idempotency_key="once") == "cancelling"
        with pytest.raises(KeyReused):
            await manager.cancel(session_id, ADA, force=True, idempotency_key="once")
        with pytest.raises(KeyReused):
            await manager.answer(session_id, Confirm(value=True, request_id="q1", idempotency_key="once"), ADA)
        assert len(await journaled(manager, session_id)) == events


async def test_a_cancel_that_ended_the_session_at_once_says_so_again(tmp_path: Path) -> None:
    async def fails(worker: FakeWorker, run: Run) -> None:
        await worker.emit(TaskFailed(error="boom", can_retry=True, max_retries=5))

    async with host(tmp_path, fails) as (manager, _):
        session_id = await begin(manager)
        for _ in range(2):
            assert await manager.cancel(session_id, ADA, idempotency_key="once") == "cancelled"
