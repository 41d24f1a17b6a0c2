"""A session from its start to its end, on a real journal and link, with scripted workers."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from hitl_jupyter.engine import registry
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.errors import (
    AlreadySettled,
    Expired,
    InvalidValues,
    KeyConflict,
    LimitReached,
    Malformed,
    NotFound,
    UnclearTarget,
    WorkerUnavailable,
    WrongState,
)
from hitl_jupyter.journal.contract import SessionQuery
from hitl_jupyter.link.messages import CancelRun, Run, Validate, Validated
from hitl_jupyter.protocol import (
    Confirm,
    DraftInput,
    RequestConfirmation,
    RequestResolved,
    RequestUserInput,
    Retry,
    StartTask,
    StatusChanged,
    Stream,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
    UserInput,
)
from hitl_jupyter.snapshot import fold
from tests.engine.fakes import ADA, BOB, SHIPPED, FakeWorker, host, journaled, read_until, until

pytestmark = pytest.mark.anyio

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "password": {"type": "string", "writeOnly": True, "format": "password"}},
    "required": ["name"],
}


async def completes(worker: FakeWorker, run: Run) -> None:
    await worker.emit(Stream(content="one"), Stream(content="two"), TaskCompleted(values={"n": 2}))


async def confirms(worker: FakeWorker, run: Run) -> None:
    await worker.emit(RequestConfirmation(request_id="q1", message="Send it?"))
    answer = await worker.answer()
    await worker.emit(TaskCompleted(values=answer))


async def asks(worker: FakeWorker, run: Run) -> None:
    await worker.emit(RequestUserInput(request_id="form", key="compose", message="Compose", schema=SCHEMA))
    await worker.emit(TaskCompleted(values=await worker.answer()))


async def waits_for_cancel(worker: FakeWorker, run: Run) -> None:
    await worker.emit(Stream(content="busy"))
    await worker.wait_for(CancelRun)
    await worker.emit(TaskCancelled())


async def never_ends(worker: FakeWorker, run: Run) -> None:
    await worker.emit(Stream(content="busy"))
    await anyio.sleep_forever()


async def test_a_session_goes_from_queued_to_completed_and_numbers_its_events_without_gaps(tmp_path: Path) -> None:
    async with host(tmp_path, completes) as (manager, _):
        started = await manager.start(SHIPPED, ADA)
        snapshot = await until(manager, started.session_id, "completed")
        events = await journaled(manager, started.session_id)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert [type(event).__name__ for event in events] == [
            "StatusChanged",
            "StatusChanged",
            "Stream",
            "Stream",
            "TaskCompleted",
            "StatusChanged",
        ]
        assert snapshot.values == {"n": 2}
        assert snapshot == fold(events)


async def test_a_confirmation_makes_the_session_wait_and_its_answer_reaches_the_worker(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        resolved = await manager.answer(session_id, Confirm(value=True, request_id="q1", comment="fine"), ADA)
        assert (resolved.by, resolved.via, resolved.value, resolved.comment) == ("Ada", "browser", True, "fine")
        assert (await until(manager, session_id, "completed")).values is True
        statuses = [e.status for e in await journaled(manager, session_id) if isinstance(e, StatusChanged)]
        assert statuses == ["queued", "running", "waiting", "running", "completed"]


async def test_of_many_answers_exactly_one_counts_and_the_losers_learn_who_when_and_what(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        won: list[RequestResolved] = []
        lost: list[AlreadySettled] = []

        async def answer(value: bool) -> None:
            try:
                won.append(await manager.answer(session_id, Confirm(value=value, request_id="q1"), ADA))
            except AlreadySettled as error:
                lost.append(error)

        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(answer, number % 2 == 0)
        assert len(won) == 1
        assert len(lost) == 19
        assert all(error.details["by"] == "Ada" and error.details["value"] is won[0].value for error in lost)
        assert all(error.details["at"] == won[0].at for error in lost)


async def test_a_repeated_idempotency_key_returns_the_first_outcome(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        command = Confirm(value=True, request_id="q1", idempotency_key="click-1")
        first = await manager.answer(session_id, command, ADA)
        again = await manager.answer(session_id, command, ADA)
        assert (again.request_id, again.value, again.at) == (first.request_id, first.value, first.at)


async def test_a_form_that_does_not_fit_its_schema_is_refused_by_field_and_stays_open(tmp_path: Path) -> None:
    async with host(tmp_path, asks) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        with pytest.raises(InvalidValues) as refused:
            await manager.answer(session_id, UserInput(values={"name": 3}, request_id="form"), ADA)
        assert refused.value.details["errors"] == [{"field": "name", "message": "This must be of type string."}]
        assert (await manager.snapshot(session_id, ADA)).status == "waiting"
        await manager.answer(session_id, UserInput(values={"name": "Ada"}, request_id="form"), ADA)
        assert (await until(manager, session_id, "completed")).values == {"name": "Ada"}


async def test_the_worker_has_the_last_word_on_a_form(tmp_path: Path) -> None:
    async def picky(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestUserInput(request_id="form", message="Compose", schema=SCHEMA))
        validate = await worker.wait_for(Validate)
        error = {"field": "name", "message": "This name is taken."}
        await worker.send(Validated(call=validate.call, errors=[error]))
        await worker.wait_for(CancelRun)

    async with host(tmp_path, picky) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        with pytest.raises(InvalidValues) as refused:
            await manager.answer(session_id, UserInput(values={"name": "Ada"}, request_id="form"), ADA)
        assert refused.value.details["errors"][0]["message"] == "This name is taken."
        assert (await manager.snapshot(session_id, ADA)).open_requests[0].request_id == "form"


async def test_a_worker_that_does_not_check_in_time_leaves_the_question_open(tmp_path: Path) -> None:
    async def silent(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestUserInput(request_id="form", message="Compose", schema=SCHEMA))
        await anyio.sleep_forever()

    async with host(tmp_path, silent, limits=Limits(max_warm_spares=0, validate_seconds=0.05)) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        with pytest.raises(WorkerUnavailable):
            await manager.answer(session_id, UserInput(values={"name": "Ada"}, request_id="form"), ADA)
        assert (await manager.snapshot(session_id, ADA)).status == "waiting"


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_a_secret_reaches_the_worker_but_never_the_journal(tmp_path: Path) -> None:
    got: list[object] = []

    async def secretive(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestUserInput(request_id="form", message="Log in", schema=SCHEMA))
        got.append(await worker.answer())
        await worker.emit(TaskCompleted())

    async with host(tmp_path, secretive) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        values = {"name": "Ada", "password": "tiger-77"}
        await manager.save_draft(session_id, DraftInput(request_id="form", values=values), ADA)
        await manager.answer(session_id, UserInput(values=values, request_id="form"), ADA)
        await until(manager, session_id, "completed")
    assert got == [values]
    assert b"tiger-77" not in everything_in(tmp_path)


async def test_an_answer_without_a_request_id_counts_only_where_the_question_was_shown_long_enough(
    tmp_path: Path,
) -> None:
    async with host(tmp_path, confirms, limits=Limits(max_warm_spares=0, shown_seconds=0.2)) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        with pytest.raises(UnclearTarget):
            await manager.answer(session_id, Confirm(value=True), ADA)
        async with await manager.watch(session_id, ADA) as viewer:
            await read_until(viewer, "state_replay_complete")
            with pytest.raises(UnclearTarget):
                await manager.answer(session_id, Confirm(value=True), ADA, viewer)
            while viewer.shown_for("q1") < 0.2:
                await anyio.lowlevel.checkpoint()
            await manager.answer(session_id, Confirm(value=True), ADA, viewer)
        await until(manager, session_id, "completed")


async def test_a_command_of_the_wrong_kind_or_for_an_unknown_request_changes_nothing(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        before = await until(manager, session_id, "waiting")
        with pytest.raises(Malformed):
            await manager.answer(session_id, UserInput(values={}, request_id="q1"), ADA)
        with pytest.raises(NotFound):
            await manager.answer(session_id, Confirm(value=True, request_id="other"), ADA)
        assert await manager.snapshot(session_id, ADA) == before


async def test_asking_the_same_key_again_supersedes_the_first_question(tmp_path: Path) -> None:
    async def asks_twice(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestConfirmation(request_id="a", key="go", message="Go?"))
        await worker.emit(RequestConfirmation(request_id="b", key="go", message="Go now?"))
        await worker.emit(TaskCompleted(values=[await worker.answer(), await worker.answer()]))

    async with host(tmp_path, asks_twice) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            await read_until(viewer, "request_resolved")
        with pytest.raises(AlreadySettled) as refused:
            await manager.answer(session_id, Confirm(value=True, request_id="a"), ADA)
        assert refused.value.details["outcome"] == "superseded"
        await manager.answer(session_id, Confirm(value=True, request_id="b"), ADA)
        assert (await until(manager, session_id, "completed")).values == [None, True]


async def test_a_failed_attempt_with_retries_left_waits_and_a_granted_retry_reuses_the_forms(tmp_path: Path) -> None:
    runs: list[Run] = []

    async def fails_once(worker: FakeWorker, run: Run) -> None:
        runs.append(run)
        if run.attempt == 1:
            await worker.emit(RequestUserInput(request_id="form", key="compose", message="Compose", schema=SCHEMA))
            await worker.answer()
            await worker.emit(TaskFailed(error="boom", can_retry=True, retries=run.retries, max_retries=2))
        else:
            await worker.emit(TaskCompleted(values="second"))

    async with host(tmp_path, fails_once) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        await manager.answer(session_id, UserInput(values={"name": "Ada"}, request_id="form"), ADA)
        async with await manager.watch(session_id, ADA) as viewer:
            failed = (await read_until(viewer, "task_failed"))[-1]
        snapshot = await until(manager, session_id, "waiting")
        request_id = snapshot.open_requests[0].request_id
        assert failed["type"] in ("task_failed", "status")
        await manager.answer(session_id, Retry(value=True, request_id=request_id), ADA)
        done = await until(manager, session_id, "completed")
        assert (done.values, done.attempt, done.error) == ("second", 2, None)
        assert (runs[1].retries, runs[1].reuse) == (1, {"compose": [{"name": "Ada"}]})


async def test_a_declined_retry_ends_the_session_as_failed(tmp_path: Path) -> None:
    async def fails(worker: FakeWorker, run: Run) -> None:
        await worker.emit(TaskFailed(error="boom", can_retry=True, max_retries=1))

    async with host(tmp_path, fails) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        request_id = (await until(manager, session_id, "waiting")).open_requests[0].request_id
        await manager.answer(session_id, Retry(value=False, request_id=request_id), ADA)
        assert (await manager.snapshot(session_id, ADA)).status == "failed"


async def test_a_worker_that_dies_is_a_failed_attempt_with_its_cause_and_a_retry(tmp_path: Path) -> None:
    async with host(tmp_path, never_ends) as (manager, launcher):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            await read_until(viewer, "stream")
        launcher.processes[0].end(-9)
        snapshot = await until(manager, session_id, "waiting")
        assert snapshot.error is not None
        assert snapshot.error.error == "The worker process was killed by signal 9 (SIGKILL)."
        assert snapshot.error.can_retry


async def test_cancel_is_cooperative_first_and_ends_only_when_the_process_has(tmp_path: Path) -> None:
    async with host(tmp_path, waits_for_cancel) as (manager, launcher):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            await read_until(viewer, "stream")
        assert await manager.cancel(session_id, ADA) == "cancelling"
        snapshot = await until(manager, session_id, "cancelled")
        assert snapshot.cancelled is not None
        assert (snapshot.cancelled.by, snapshot.cancelled.reason) == ("Ada", "user")
        assert launcher.processes[0].signals == []
        assert await manager.cancel(session_id, ADA) == "cancelled"


async def test_cancel_terminates_then_kills_what_does_not_end_by_itself(tmp_path: Path) -> None:
    limits = Limits(max_warm_spares=0, cancel_seconds=0.05, terminate_seconds=0.05)
    async with host(tmp_path, never_ends, limits=limits) as (manager, launcher):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            await read_until(viewer, "stream")
        await manager.cancel(session_id, ADA)
        await until(manager, session_id, "cancelled")
        assert launcher.processes[0].signals == ["TERM", "KILL"]


async def test_a_forced_cancel_kills_at_once(tmp_path: Path) -> None:
    async with host(tmp_path, never_ends) as (manager, launcher):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "running")
        await manager.cancel(session_id, ADA, force=True)
        await until(manager, session_id, "cancelled")
        assert launcher.processes[0].signals == ["KILL"]


async def test_not_confirmed_ends_as_cancelled_and_is_never_offered_for_retry(tmp_path: Path) -> None:
    async def declined(worker: FakeWorker, run: Run) -> None:
        await worker.emit(Stream(content="Task cancelled by user."), TaskCancelled(reason="not_confirmed"))

    async with host(tmp_path, declined) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        snapshot = await until(manager, session_id, "cancelled")
        assert snapshot.cancelled is not None
        assert snapshot.cancelled.reason == "not_confirmed"
        assert snapshot.streams == 1


async def test_nothing_a_worker_sends_after_its_ending_is_accepted(tmp_path: Path) -> None:
    async def talks_on(worker: FakeWorker, run: Run) -> None:
        await worker.emit(TaskCompleted(values=1), Stream(content="late"), TaskFailed(error="later"))
        await worker.emit(Stream(content="much later"))

    async with host(tmp_path, talks_on) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "completed")
        events = await journaled(manager, session_id)
        assert [type(e).__name__ for e in events[-2:]] == ["TaskCompleted", "StatusChanged"]


async def test_one_key_starts_once_and_other_parameters_conflict_while_it_lives(tmp_path: Path) -> None:
    keyed = StartTask(shipped=b"a task", key="train", fingerprint="f1")
    async with host(tmp_path, confirms) as (manager, launcher):
        found: list[str] = []

        async def start() -> None:
            found.append((await manager.start(keyed, ADA)).session_id)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(start)
        assert len(set(found)) == 1
        with pytest.raises(KeyConflict) as refused:
            await manager.start(StartTask(shipped=b"a task", key="train", fingerprint="f2"), ADA)
        assert refused.value.details["session_id"] == found[0]
        await until(manager, found[0], "waiting")
        await manager.answer(found[0], Confirm(value=True, request_id="q1"), ADA)
        await until(manager, found[0], "completed")
        again = await manager.start(keyed, ADA)
        assert (again.session_id, again.created) == (found[0], False)
        assert len(launcher.launches) == 1


async def test_a_session_of_another_owner_looks_like_an_absent_one(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        with pytest.raises(NotFound):
            await manager.snapshot(session_id, BOB)
        with pytest.raises(NotFound):
            await manager.answer(session_id, Confirm(value=True, request_id="q1"), BOB)
        assert (await manager.list(SessionQuery(), BOB)).sessions == []


async def test_an_assignee_may_see_and_answer(tmp_path: Path) -> None:
    async def asks_bob(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestConfirmation(request_id="q", message="Bob?", assignees=["bob"]))
        await worker.emit(TaskCompleted(values=await worker.answer()))

    async with host(tmp_path, asks_bob) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        resolved = await manager.answer(session_id, Confirm(value=False, request_id="q"), BOB)
        assert resolved.by == "Bob"


async def test_too_many_starts_in_a_minute_are_refused(tmp_path: Path) -> None:
    limits = Limits(max_warm_spares=0, max_starts_per_minute=2)
    async with host(tmp_path, completes, limits=limits) as (manager, _):
        for _ in range(2):
            await manager.start(SHIPPED, ADA)
        with pytest.raises(LimitReached) as refused:
            await manager.start(SHIPPED, ADA)
        assert refused.value.details["limit"] == "max_starts_per_minute"


async def test_only_an_ended_session_can_be_forgotten(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        with pytest.raises(WrongState):
            await manager.forget(session_id, ADA)
        await manager.answer(session_id, Confirm(value=True, request_id="q1"), ADA)
        await until(manager, session_id, "completed")
        await manager.forget(session_id, ADA)
        with pytest.raises(NotFound):
            await manager.snapshot(session_id, ADA)
        assert list((tmp_path / "starts").iterdir()) == []


@pytest.mark.parametrize(("on_deadline", "outcome"), [("fail", "expired"), ("default", "defaulted"), ("keep", None)])
async def test_a_deadline_settles_or_marks_its_question_as_nobodys_answer(
    tmp_path: Path, on_deadline: str, outcome: str | None
) -> None:
    async def urgent(worker: FakeWorker, run: Run) -> None:
        event = RequestConfirmation(request_id="q", message="Now?", default=True, deadline=1.0, on_deadline=on_deadline)  # type: ignore[arg-type]  # a parameter
        await worker.emit(event)
        await worker.emit(TaskCompleted(values=await worker.answer()))

    async with host(tmp_path, urgent) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            await read_until(viewer, "request_resolved" if outcome else "request_overdue")
        if outcome is None:
            assert (await manager.snapshot(session_id, ADA)).overdue == ("q",)
            return
        refusal = Expired if outcome == "expired" else AlreadySettled
        with pytest.raises(refusal) as refused:
            await manager.answer(session_id, Confirm(value=False, request_id="q"), ADA)
        assert (refused.value.details["outcome"], refused.value.details["by"]) == (outcome, None)


async def test_a_worker_that_has_not_begun_is_not_waited_for_when_cancelled(tmp_path: Path) -> None:
    async with host(tmp_path, never_ends, limits=Limits(max_warm_spares=0, cancel_seconds=60)) as (manager, launcher):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await manager.cancel(session_id, ADA)
        await until(manager, session_id, "cancelled")
        assert launcher.processes == [] or launcher.processes[0].signals == ["KILL"]


async def test_reading_ended_sessions_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "KEPT_ENDED", 2)
    async with host(tmp_path, completes) as (manager, _):
        ids = [(await manager.start(SHIPPED, ADA)).session_id for _ in range(6)]
        for session_id in ids:
            await until(manager, session_id, "completed")
        for session_id in ids:
            await manager.snapshot(session_id, ADA)
        assert manager.sessions_in_memory() <= 3
