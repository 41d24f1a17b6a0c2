"""Thousands of durable sessions that wait for a person: what they cost the server, and how soon one is back.

The store is filled by a session manager with scripted workers, each of which asks and leaves; then a real server opens
it. The one that is answered is a real durable task.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psutil

from benchmarks.client import Client
from benchmarks.table import Figure
from hitl_jupyter.author.core import new_id
from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.forms import form_for
from hitl_jupyter.link.messages import Called, Durable, Run, Suspended
from hitl_jupyter.protocol import RequestConfirmation, RequestUserInput, StartTask, TaskCompleted
from tests.engine.fakes import FakeWorker, host
from tests.support.jupyter_process import JupyterProcess, jupyter
from tests.support.waiting import eventually_async

SESSIONS = 10_000
AT_ONCE = 32
IDLE_SECONDS = 20.0
MB = 1e6
OWNER = Actor(owner="server", via="token")

_form = form_for(int)


async def _asks_and_leaves(worker: FakeWorker) -> None:
    request_id = new_id()
    question = RequestUserInput(
        request_id=request_id,
        message="How many?",
        fields=_form.fields,
        schema=_form.schema,
        ui_schema=_form.ui_schema,
        initial=_form.initial,
        timestamp=time.time(),
    )
    called = Called(number=1, name="ask 'How many?'", place=1, request_id=request_id)
    await worker.emit(Durable(suspend_after=0.0), called, question, Suspended(waiting=[request_id]))


async def _fill(store: Path, count: int) -> None:
    limits = Limits(max_warm_spares=0, max_starts_per_minute=count)
    room = asyncio.Semaphore(AT_ONCE)

    async def asks_and_makes_room(worker: FakeWorker, run: Run) -> None:
        await _asks_and_leaves(worker)
        room.release()

    async with host(store, asks_and_makes_room, limits=limits) as (manager, _):
        for number in range(count):
            await room.acquire()
            await manager.start(StartTask(shipped=b"", title=f"Wait {number}"), OWNER)

        async def all_left() -> bool:
            return bool(manager.health()["workers"] == 0)

        await eventually_async(all_left, "the workers' end")


async def _back_seconds(client: Client) -> float:
    """From an answer to the end of a task that had been let go."""
    session_id = await client.start("tasks:sleeper")
    async with client.watch(session_id) as watching:
        question: RequestConfirmation = await watching.until(RequestConfirmation)

        async def was_let_go() -> bool:
            return bool((await client.get("hitl/health"))["workers"] == 0)

        await eventually_async(was_let_go, "the task without a process")
        began = time.perf_counter()
        await watching.confirm(question.request_id)
        await watching.until(TaskCompleted)
        return time.perf_counter() - began


def _opening(server: JupyterProcess) -> float:
    began = time.perf_counter()
    server.start()
    return time.perf_counter() - began


def _cost(process: psutil.Process) -> tuple[float, float]:
    """Memory in MB, and the share of a core."""
    before, began = process.cpu_times(), time.monotonic()
    time.sleep(IDLE_SECONDS)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return process.memory_info().rss / MB, used / (time.monotonic() - began)


def figures(folder: Path, count: int = SESSIONS) -> list[Figure]:
    """Beside the same server with an empty store."""
    environ = {"HITL_BENCHMARK": "sleeping"}
    arguments = ("--HitlExtension.max_warm_spares=0",)
    with jupyter(folder / "empty", arguments=arguments, environ=environ) as server:
        assert server.process is not None
        empty_memory, empty_busy = _cost(psutil.Process(server.process.pid))
        server.stop()
        empty_opening = _opening(server)
    with jupyter(folder / "full", arguments=arguments, environ=environ) as server:
        server.stop()
        asyncio.run(_fill(server.store, count))
        opening = _opening(server)
        assert server.process is not None
        memory, busy = _cost(psutil.Process(server.process.pid))
        children = len(psutil.Process(server.process.pid).children(recursive=True))
        back = asyncio.run(_back_seconds(Client(server)))
    of = f"{count:,} waiting durable sessions"
    return [
        Figure(f"{of}: processes", children, "", "less", 0),
        Figure(f"{of}: the server's memory", memory, "MB", "less", 300, empty_memory, "empty store"),
        Figure(f"{of}: the server's time", busy * 100, "% of a core", "less", 2, empty_busy * 100, "empty store"),
        Figure(f"{of}: server's start", opening, "s", "less", None, empty_opening, "empty store"),
        Figure("answer to the end of a task that had been let go", back * 1e3, "ms", "less"),
    ]
