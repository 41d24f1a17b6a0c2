"""Durable tasks in real workers: what was done is not done again, what was answered is not asked again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import anyio
import anyio.lowlevel
import psutil
import pytest

from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.errors import InvalidValues
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.launchers.local import LocalLauncher
from hitl_jupyter.protocol import (
    Answers,
    Confirm,
    RequestConfirmation,
    RequestUserInput,
    Retry,
    StartTask,
    StatusChanged,
    Stream,
    UserInput,
)
from hitl_jupyter.snapshot import Snapshot
from tests.engine.fakes import ADA, journaled, until
from tests.support.fake_host import cell
from tests.support.waiting import eventually_async

pytestmark = [pytest.mark.anyio, pytest.mark.processes]

LIMITS = Limits(max_warm_spares=0, resume_seconds=0.05)

HEAD = """
import asyncio, os, signal
from pathlib import Path
from random import Random
import hitl_jupyter as hitl

def note(folder, text):
    with open(Path(folder, "ledger"), "a") as file:
        file.write(text + "\\n")
    return text.upper()

def first_time(folder, name):
    path = Path(folder, name)
    fresh = not path.exists()
    path.touch()
    return fresh

def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""


@asynccontextmanager
async def real_host(store: Path, limits: Limits = LIMITS) -> AsyncIterator[SessionManager]:
    """A session manager whose workers are processes."""
    async with SessionManager(SqliteJournal(store / "journal.sqlite"), LocalLauncher(), store, limits) as manager:
        yield manager


async def begin(manager: SessionManager, source: str, folder: Path) -> str:
    start = StartTask(shipped=cell(HEAD + source, "go", str(folder)), durable="durable=True" in source)
    return (await manager.start(start, ADA)).session_id


def ledger(folder: Path) -> list[str]:
    path = folder / "ledger"
    return path.read_text().split() if path.exists() else []


async def lines(manager: SessionManager, session_id: str) -> list[str]:
    return [e.content for e in await journaled(manager, session_id) if isinstance(e, Stream) and e.source != "log"]


async def resumptions(manager: SessionManager, session_id: str) -> list[StatusChanged]:
    events = await journaled(manager, session_id)
    return [e for e in events if isinstance(e, StatusChanged) and isinstance(e.resumed_from, int)]


async def open_question(manager: SessionManager, session_id: str, message: str) -> Any:
    """The open request that asks this, once there is one."""
    async with await manager.watch(session_id, ADA) as viewer:
        async for _ in viewer:
            snapshot = await manager.snapshot(session_id, ADA)
            assert not snapshot.ended, snapshot.error
            for request in snapshot.open_requests:
                if not hasattr(request, "error") and request.message == message:
                    return request
    raise AssertionError(f"nobody asked {message!r}")


async def pid_of(manager: SessionManager, session_id: str) -> int:
    launches = await manager.journal.launches(session_id)
    assert launches[-1].pid is not None
    return launches[-1].pid


async def kill_worker(manager: SessionManager, session_id: str) -> None:
    os.kill(await pid_of(manager, session_id), signal.SIGKILL)


async def gone(pid: int) -> None:
    """Wait until that process is no more."""

    async def is_gone() -> bool:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    await eventually_async(is_gone, "the worker's end")


async def test_a_lost_durable_task_goes_on_without_doing_asking_or_saying_anything_twice(tmp_path: Path) -> None:
    source = """
@hitl.task(durable=True)
def go(ctx, folder):
    ctx.stream("loading")
    print("printed")
    data = ctx.step(note, folder, "load")
    ctx.stream(data)
    name = ctx.ask(str, "Name?")
    ctx.stream("Hello", name)
    if ctx.confirm("Sure?"):
        ctx.stream("sure")
        return [data, name, ctx.step(note, folder, "save")]
"""
    async with real_host(tmp_path) as manager:
        session_id = await begin(manager, source, tmp_path)
        name = await open_question(manager, session_id, "Name?")
        await manager.answer(session_id, UserInput(values={"value": "Ada"}, request_id=name.request_id), ADA)
        sure = await open_question(manager, session_id, "Sure?")
        await kill_worker(manager, session_id)
        async with await manager.watch(session_id, ADA) as viewer:
            async for _ in viewer:
                if await resumptions(manager, session_id):
                    break
        again = await open_question(manager, session_id, "Sure?")
        assert again.request_id == sure.request_id
        await manager.answer(session_id, Confirm(value=True, request_id=sure.request_id), ADA)
        done = await until(manager, session_id, "completed")
        assert done.values == ["LOAD", "Ada", "SAVE"]
        assert ledger(tmp_path) == ["load", "save"]
        assert await lines(manager, session_id) == ["loading", "printed", "LOAD", "Hello Ada", "sure"]
        events = await journaled(manager, session_id)
        questions = [e.message for e in events if isinstance(e, RequestUserInput | RequestConfirmation)]
        assert questions == ["Name?", "Sure?"]
        (resumed,) = await resumptions(manager, session_id)
        assert resumed.status == "waiting"
        assert "signal 9" in str(resumed.detail)
        assert done.attempt == 1


async def test_what_was_said_after_the_last_recorded_call_is_said_again_behind_resumed_from(tmp_path: Path) -> None:
    source = """
@hitl.task(durable=True)
async def go(ctx, folder):
    ctx.stream("a")
    await ctx.step(note, folder, "one")
    ctx.stream("b")
    if first_time(folder, "crashed"):
        await ctx.sleep(0.3)
        die()
    return "done"
"""
    async with real_host(tmp_path) as manager:
        session_id = await begin(manager, source, tmp_path)
        await until(manager, session_id, "completed")
        events = await journaled(manager, session_id)
        (resumed,) = await resumptions(manager, session_id)
        told = [
            e.content if isinstance(e, Stream) else "resumed" for e in events if isinstance(e, Stream) or e == resumed
        ]
        assert told == ["a", "b", "resumed", "b"]
        assert resumed.resumed_from == next(e.seq for e in events if isinstance(e, Stream))
        assert ledger(tmp_path) == ["one"]


async def test_a_step_that_finished_in_the_instant_its_process_died_is_not_taken_again(tmp_path: Path) -> None:
    source = """
@hitl.task(durable=True)
def go(ctx, folder):
    value = ctx.step(note, folder, "once")
    if first_time(folder, "crashed"):
        die()
    return value
"""
    async with real_host(tmp_path) as manager:
        session_id = await begin(manager, source, tmp_path)
        assert (await until(manager, session_id, "completed")).values == "ONCE"
    assert ledger(tmp_path) == ["once"]


async def test_a_waiting_durable_task_costs_no_process_until_it_is_answered(tmp_path: Path) -> None:
    source = """
@hitl.task(durable=True, suspend_after=0.1)
def go(ctx, folder):
    ctx.step(note, folder, "before")
    n = ctx.ask(int, "How many?")
    ctx.step(note, folder, "after")
    return n
"""
    async with real_host(tmp_path) as manager:
        session_id = await begin(manager, source, tmp_path)
        question = await open_question(manager, session_id, "How many?")
        await gone(await pid_of(manager, session_id))
        assert (await manager.snapshot(session_id, ADA)).status == "waiting"
        with pytest.raises(InvalidValues):
            await manager.answer(session_id, UserInput(values={"value": "x"}, request_id=question.request_id), ADA)
        await manager.answer(session_id, UserInput(values={"value": 3}, request_id=question.request_id), ADA)
        done = await until(manager, session_id, "completed")
        assert done.values == 3
        assert ledger(tmp_path) == ["before", "after"]


async def test_a_task_that_was_let_go_is_brought_back_by_an_answer_to_the_next_host(tmp_path: Path) -> None:
    source = """
@hitl.task(durable=True, suspend_after=0.1)
async def go(ctx, folder):
    left, right = await asyncio.gather(ctx.confirm("Left?", key="l"), ctx.confirm("Right?", key="r"))
    return [left, right, await ctx.step(note, folder, "end")]
"""
    async with real_host(tmp_path) as manager:
        session_id = await begin(manager, source, tmp_path)
        left = await open_question(manager, session_id, "Left?")
        await gone(await pid_of(manager, session_id))
    async with real_host(tmp_path) as manager:
        assert manager.health()["workers"] == 0
        assert manager.health()["live_sessions"] == 1
        await manager.answer(session_id, Confirm(value=True, request_id=left.request_id), ADA)
        await anyio.lowlevel.checkpoint()
    async with real_host(tmp_path) as manager:
        right = await open_question(manager, session_id, "Right?")
        await manager.answer(session_id, Confirm(value=False, request_id=right.request_id), ADA)
        assert (await until(manager, session_id, "completed")).values == [True, False, "END"]


async def test_a_process_that_still_computes_is_not_let_go(tmp_path: Path) -> None:
    source = """
@hitl.task(durable=True, suspend_after=0.05)
async def go(ctx, folder):
    async def work():
        await asyncio.sleep(1.0)
        note(folder, "worked")
        return True
    worked, sure = await asyncio.gather(work(), ctx.confirm("Sure?", key="sure"))
    return [worked, sure]
"""
    async with real_host(tmp_path) as manager:
        session_id = await begin(manager, source, tmp_path)
        question = await open_question(manager, session_id, "Sure?")
        pid = await pid_of(manager, session_id)
        await gone(pid)
        assert ledger(tmp_path) == ["worked"]
        await manager.answer(session_id, Confirm(value=True, request_id=question.request_id), ADA)
        assert (await until(manager, session_id, "completed")).values == [True, True]


async def test_a_changed_order_of_unkeyed_calls_is_an_error_that_names_both(tmp_path: Path) -> None:
    source = """
def load(): return 1
def clean(): return 2

@hitl.task(durable=True)
def go(ctx, folder):
    if first_time(folder, "crashed"):
        ctx.step(load)
        ctx.step(clean)
        die()
    ctx.step(clean)
"""
    async with real_host(tmp_path) as manager:
        session_id = await begin(manager, source, tmp_path)
        failed = await until(manager, session_id, "failed")
        assert failed.error is not None
        assert failed.error.error_type == "ReplayMismatch"
        assert "step 'load'" in failed.error.error
        assert "step 'clean'" in failed.error.error


@pytest.mark.parametrize(("answers", "steps"), [("reuse", ["a"]), ("ask", ["a", "a"])])
async def test_a_retry_takes_finished_steps_over_or_all_anew_as_the_person_says(
    tmp_path: Path, answers: Answers, steps: list[str]
) -> None:
    source = """
@hitl.task(durable=True, max_retries=1)
def go(ctx, folder):
    ctx.step(note, folder, "a", key="a")
    if first_time(folder, "failed"):
        raise OSError("away")
    return "done"
"""
    async with real_host(tmp_path) as manager:
        session_id = await begin(manager, source, tmp_path)
        failed = await until(manager, session_id, "waiting")
        assert failed.error is not None
        retry = Retry(value=True, request_id=failed.error.request_id, answers=answers)
        await manager.answer(session_id, retry, ADA)
        assert (await until(manager, session_id, "completed")).attempt == 2
        assert ledger(tmp_path) == steps

        async def are_gone() -> bool:
            return not list((tmp_path / "results").glob("*.steps"))

        await eventually_async(are_gone, "the end of what the steps gave")


async def test_a_durable_task_that_gets_no_further_fails_with_its_cause_and_is_offered_for_retry(
    tmp_path: Path,
) -> None:
    source = """
@hitl.task(durable=True)
def go(ctx, folder):
    note(folder, "run")
    die()
"""
    async with real_host(tmp_path) as manager:
        session_id = await begin(manager, source, tmp_path)
        failed = await until(manager, session_id, "waiting")
        assert failed.error is not None
        assert "signal 9" in failed.error.error
        assert "3 times" in failed.error.error
    assert ledger(tmp_path) == ["run"] * 4


async def test_a_secret_is_asked_again_for_no_record_holds_it(tmp_path: Path) -> None:
    source = """
from pydantic import SecretStr, create_model

Login = create_model("Login", password=(SecretStr, ...))

@hitl.task(durable=True)
def go(ctx, folder):
    login = ctx.ask(Login, "Log in")
    ctx.confirm("Sure?")
    return len(login.password.get_secret_value())
"""
    async with real_host(tmp_path) as manager:
        session_id = await begin(manager, source, tmp_path)
        first = await open_question(manager, session_id, "Log in")
        secret = {"password": "tulip"}
        await manager.answer(session_id, UserInput(values=secret, request_id=first.request_id), ADA)
        sure = await open_question(manager, session_id, "Sure?")
        await kill_worker(manager, session_id)
        again = await open_question(manager, session_id, "Log in")
        assert again.request_id != first.request_id
        await manager.answer(session_id, UserInput(values=secret, request_id=again.request_id), ADA)
        await manager.answer(session_id, Confirm(value=True, request_id=sure.request_id), ADA)
        assert (await until(manager, session_id, "completed")).values == 5


async def test_a_question_that_timed_out_before_times_out_again_and_retries_are_counted_once(tmp_path: Path) -> None:
    source = """
@hitl.task(durable=True, max_retries=1)
async def go(ctx, folder):
    try:
        await asyncio.wait_for(ctx.confirm("Quick?"), 0.1)
    except TimeoutError:
        await ctx.step(note, folder, "late")
    retried = await ctx.retry(OSError("away"))
    await ctx.confirm("Sure?")
    return [retried, await ctx.retry(OSError("still away"))]
"""
    async with real_host(tmp_path) as manager:
        session_id = await begin(manager, source, tmp_path)
        async with await manager.watch(session_id, ADA) as viewer:
            async for _ in viewer:
                error = (await manager.snapshot(session_id, ADA)).error
                if error is not None:
                    break
        assert error is not None
        await manager.answer(session_id, Retry(value=True, request_id=error.request_id), ADA)
        sure = await open_question(manager, session_id, "Sure?")
        await kill_worker(manager, session_id)
        await manager.answer(session_id, Confirm(value=True, request_id=sure.request_id), ADA)
        assert (await until(manager, session_id, "completed")).values == [True, False]
        assert ledger(tmp_path) == ["late"]


async def test_a_task_that_was_let_go_is_cancelled_at_once(tmp_path: Path) -> None:
    source = """
@hitl.task(durable=True, suspend_after=0.1)
def go(ctx, folder):
    ctx.confirm("Sure?")
"""
    async with real_host(tmp_path) as manager:
        session_id = await begin(manager, source, tmp_path)
        await open_question(manager, session_id, "Sure?")
        await gone(await pid_of(manager, session_id))
        await suspended(manager)
        assert await manager.cancel(session_id, ADA) == "cancelled"


async def suspended(manager: SessionManager) -> None:
    """Wait until the host knows of no worker."""

    async def has_none() -> bool:
        return bool(manager.health()["workers"] == 0)

    await eventually_async(has_none, "no worker")


async def test_a_task_that_is_not_durable_is_never_run_again_by_itself(tmp_path: Path) -> None:
    source = """
@hitl.task
def go(ctx, folder):
    ctx.step(note, folder, "run")
    die()
"""
    async with real_host(tmp_path) as manager:
        session_id = await begin(manager, source, tmp_path)
        lost: Snapshot = await until(manager, session_id, "waiting")
        assert lost.error is not None
        assert lost.error.error_type == "WorkerLost"
    assert ledger(tmp_path) == ["run"]


STEPS = 12

LONG = """
import secrets, time

def draw(folder):
    value = secrets.token_hex(4)
    time.sleep(0.01)
    return value

@hitl.task(durable=True, suspend_after=0.2)
def go(ctx, folder):
    for number in range(12):
        value = ctx.step(draw, folder)
        note(folder, f"{number}={value}")
        ctx.stream(number, value)
        if number % 4 == 3:
            ctx.confirm(f"Go on after {number}?")
    return "done"
"""
"""What a step gave is noted after it: whatever process goes on, it must be the same."""


async def torment(store: Path, rounds: int, seed: int) -> dict[str, int]:
    """Run that task so often, with its processes and hosts killed and stopped as the seed says; what was done."""
    chance = random.Random(seed)
    done = {"worker killed": 0, "host changed": 0, "answered": 0, "given up": 0}
    for number in range(rounds):
        folder = store / str(number)
        folder.mkdir()
        session_id = ""
        ended = False
        while not ended:
            async with real_host(folder, Limits(max_warm_spares=0, resume_seconds=0.01)) as manager:
                session_id = session_id or await begin(manager, LONG, folder)
                with anyio.move_on_after(chance.uniform(0.5, 3.0)):
                    ended = await answer_and_kill(manager, session_id, chance, done)
                done["host changed"] += not ended
        async with real_host(folder) as manager:
            await check_long(manager, session_id, folder)
    return done


async def answer_and_kill(manager: SessionManager, session_id: str, chance: Random, done: dict[str, int]) -> bool:
    """Until the session has ended; then true."""
    async with await manager.watch(session_id, ADA) as viewer:
        async for _ in viewer:
            snapshot = await manager.snapshot(session_id, ADA)
            if snapshot.ended:
                return True
            for request in snapshot.open_requests:
                if not isinstance(request, RequestConfirmation):  # killed too often in a row: given up, and offered
                    await manager.answer(session_id, Retry(value=True, request_id=request.request_id), ADA)
                    done["given up"] += 1
                elif chance.random() < 0.5:
                    await manager.answer(session_id, Confirm(value=True, request_id=request.request_id), ADA)
                    done["answered"] += 1
            launches = await manager.journal.launches(session_id)
            if chance.random() < 0.1 and launches and launches[-1].pid is not None and not launches[-1].ended:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(launches[-1].pid, signal.SIGKILL)
                    done["worker killed"] += 1
    return False


async def check_long(manager: SessionManager, session_id: str, folder: Path) -> None:
    events = await journaled(manager, session_id)
    assert (await manager.snapshot(session_id, ADA)).values == "done"
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    noted = {tuple(line.split("=")) for line in ledger(folder)}
    assert len(noted) == STEPS, "a step that had returned was taken again"
    said = {tuple(e.content.split()) for e in events if isinstance(e, Stream) and e.source == "task"}
    assert said <= noted
    questions = [(e.attempt, e.message) for e in events if isinstance(e, RequestConfirmation)]
    assert len(set(questions)) == len(questions), "a question was asked twice"
    launches = await manager.journal.launches(session_id)
    assert [row.fence for row in launches] == sorted({row.fence for row in launches})


@pytest.mark.timeout(120)
async def test_wherever_it_is_killed_what_a_step_returned_stays_and_no_question_is_asked_twice(tmp_path: Path) -> None:
    done = await torment(tmp_path, rounds=1, seed=int(os.environ.get("HITL_CHAOS_SEED", "1")))
    assert done["answered"] >= 3


@pytest.mark.chaos
@pytest.mark.timeout(1800)
async def test_wherever_it_is_killed_a_hundred_times_over(tmp_path: Path) -> None:
    seed = int(os.environ.get("HITL_CHAOS_SEED", "1"))
    done = await torment(tmp_path, rounds=60, seed=seed)
    print(f"HITL_CHAOS_SEED={seed}: {done}")
    assert done["worker killed"] >= 20
    assert done["host changed"] >= 20
