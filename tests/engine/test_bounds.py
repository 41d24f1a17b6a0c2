"""What is refused or cut before it costs anything, and who may do what."""

from __future__ import annotations

from pathlib import Path

import anyio
import msgspec
import pytest

from hitl_jupyter.engine import hub
from hitl_jupyter.engine.answers import check_schema
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.errors import Forbidden, InvalidValues, LimitReached, Malformed, TooLarge
from hitl_jupyter.journal.contract import SessionQuery
from hitl_jupyter.link.messages import Run
from hitl_jupyter.protocol import Confirm, DraftInput, RequestConfirmation, StartTask, Stream, UserInput
from tests.engine.fakes import ADA, BOB, SHIPPED, FakeWorker, host, journaled, read_until, until
from tests.engine.test_sessions import asks, confirms, never_ends

pytestmark = pytest.mark.anyio

HUGE = 2**70


async def test_numbers_that_the_link_cannot_carry_are_refused_by_name(tmp_path: Path) -> None:
    async with host(tmp_path, asks) as (host_manager, _):
        session_id = (await host_manager.start(SHIPPED, ADA)).session_id
        await until(host_manager, session_id, "waiting")
        values = {"name": "Ada", "age": HUGE}
        with pytest.raises(Malformed):
            await host_manager.answer(session_id, UserInput(values=values, request_id="form"), ADA)
        with pytest.raises(Malformed):
            await host_manager.start(StartTask(shipped=b"a task", params={"n": HUGE}), ADA)


async def test_a_comment_is_held_to_the_limit_of_answers(tmp_path: Path) -> None:
    limits = Limits(max_warm_spares=0, max_answer_bytes=100)
    async with host(tmp_path, confirms, limits=limits) as (host_manager, _):
        session_id = (await host_manager.start(SHIPPED, ADA)).session_id
        await until(host_manager, session_id, "waiting")
        with pytest.raises(TooLarge):
            await host_manager.answer(session_id, Confirm(value=True, request_id="q1", comment="x" * 200), ADA)


async def test_lines_and_evidence_are_cut_to_the_configured_limits(tmp_path: Path) -> None:
    async def chatty(worker: FakeWorker, run: Run) -> None:
        await worker.emit(Stream(content="x" * 50))
        await worker.emit(RequestConfirmation(request_id="q", evidence=[{"text/plain": "y" * 50}]))
        await anyio.sleep_forever()

    limits = Limits(max_warm_spares=0, max_line_bytes=20, max_evidence_bytes=20)
    async with host(tmp_path, chatty, limits=limits) as (host_manager, _):
        session_id = (await host_manager.start(SHIPPED, ADA)).session_id
        await until(host_manager, session_id, "waiting")
        events = await journaled(host_manager, session_id)
        assert [e.content for e in events if isinstance(e, Stream)] == ["x" * 20 + " (cut: a line may have 20)"]
        request = next(e for e in events if isinstance(e, RequestConfirmation))
        assert "max_evidence_bytes" in request.evidence[0]["text/plain"]


async def test_starts_by_name_that_come_at_once_do_not_pass_the_limit_of_live_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_catalogue(self: object, start: StartTask) -> StartTask:
        await anyio.lowlevel.checkpoint()
        return start

    monkeypatch.setattr("hitl_jupyter.engine.catalogue.Catalogue.checked", no_catalogue)
    refused: list[LimitReached] = []
    limits = Limits(max_warm_spares=0, max_live_sessions=2)
    async with host(tmp_path, never_ends, limits=limits) as (host_manager, _):

        async def start() -> None:
            try:
                await host_manager.start(StartTask(task="m:f"), ADA)
            except LimitReached as error:
                refused.append(error)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(start)
        assert len(refused) == 3


async def test_a_start_of_any_task_with_a_key_finds_its_session_again(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (host_manager, _):
        start = StartTask(key="demo", env=None)
        host_manager._starter._catalogue._listed_at = float("inf")  # nothing to describe
        ids = {(await host_manager.start(start, ADA)).session_id for _ in range(12)}
        assert len(ids) == 1


@pytest.mark.parametrize("schema", [{"properties": {"p": {"type": "odd"}}}, {"properties": {"p": {"minimum": "3"}}}])
async def test_a_schema_that_is_no_schema_is_a_refusal_that_does_not_repeat_the_values(
    schema: dict[str, object],
) -> None:
    with pytest.raises(InvalidValues) as refused:
        await check_schema(schema, {"p": "tiger-77" if "odd" in str(schema) else 77})
    assert "77" not in str(refused.value) + str(refused.value.details)


async def test_members_of_a_long_list_are_not_compared_each_with_each() -> None:
    schema = {"properties": {"tags": {"type": "array", "uniqueItems": True}}}
    await check_schema(schema, {"tags": [{"n": number} for number in range(30_000)]})
    with pytest.raises(InvalidValues) as refused:
        await check_schema(schema, {"tags": [{"n": 1, "m": 2}, {"m": 2, "n": 1}]})
    assert refused.value.details["errors"] == [{"field": "tags", "message": "Each may be chosen once."}]


async def test_errors_of_a_form_are_told_up_to_a_number() -> None:
    schema = {"properties": {"tags": {"items": {"type": "string"}}}}
    with pytest.raises(InvalidValues) as refused:
        await check_schema(schema, {"tags": [1] * 1000})
    assert len(refused.value.details["errors"]) == 100


async def test_what_waits_for_a_viewer_that_does_not_read_is_bounded_in_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "PUSHED_BYTES", 1000)
    async with host(tmp_path, asks) as (host_manager, _):
        session_id = (await host_manager.start(SHIPPED, ADA)).session_id
        await until(host_manager, session_id, "waiting")
        async with await host_manager.watch(session_id, ADA) as viewer:
            for number in range(20):
                draft = DraftInput(request_id="form", values={"name": f"{number}" + "x" * 300})
                await host_manager.save_draft(session_id, draft, ADA)
            waiting = list(viewer._pushed)
        assert sum(map(len, waiting)) <= 1000
        assert msgspec.json.decode(waiting[-1])[0]["revision"] == 20


async def test_an_assignee_answers_what_is_for_them_and_nothing_else(tmp_path: Path) -> None:
    async def asks_two(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestConfirmation(request_id="bobs", message="Bob?", assignees=["bob"]))
        await worker.emit(RequestConfirmation(request_id="adas", message="Ada?"))
        await anyio.sleep_forever()

    async with host(tmp_path, asks_two) as (host_manager, _):
        session_id = (await host_manager.start(SHIPPED, ADA)).session_id
        async with await host_manager.watch(session_id, ADA) as viewer:
            seen: list[object] = []
            while "adas" not in str(seen):
                seen += await read_until(viewer, "request_confirmation")
        with pytest.raises(Forbidden):
            await host_manager.answer(session_id, Confirm(value=True, request_id="adas"), BOB)
        with pytest.raises(Forbidden):
            await host_manager.cancel(session_id, BOB)
        await host_manager.answer(session_id, Confirm(value=True, request_id="bobs"), BOB)


async def test_a_list_of_anothers_sessions_is_empty(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (host_manager, _):
        await host_manager.start(SHIPPED, ADA)
        assert len((await host_manager.list(SessionQuery(owner="ada"), ADA)).sessions) == 1
        assert (await host_manager.list(SessionQuery(owner="bob"), ADA)).sessions == []
