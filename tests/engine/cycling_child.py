"""A host with scripted workers that runs as many sessions as its standard input says, and says what is left of them.

Each line in is a number of cycles: a session is started, asks or does not, ends, and is forgotten. Each line out is a
JSON object of what the host still holds afterwards.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from hitl_jupyter.engine import workers
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.link.messages import Run
from hitl_jupyter.protocol import Confirm, RequestConfirmation, Stream, TaskCompleted
from tests.engine.fakes import ADA, SHIPPED, FakeLauncher, FakeWorker, host, until
from tests.support.waiting import eventually_async

AT_ONCE = 20
SLICE = 500
LEFTOVER_SECONDS = 0.05
MANY = 1_000_000


async def asks_and_ends(worker: FakeWorker, run: Run) -> None:
    """Some output, one question, the end."""
    await worker.emit(Stream(content="busy"), RequestConfirmation(request_id=run.session_id, message="Go on?"))
    await worker.emit(TaskCompleted(values=await worker.answer()))


async def one_cycle(manager: SessionManager, number: int) -> None:
    """A session from its start until it is forgotten; every fifth is cancelled instead of answered."""
    session_id = (await manager.start(SHIPPED, ADA)).session_id
    await until(manager, session_id, "waiting")
    if number % 5 == 0:
        await manager.cancel(session_id, ADA, force=True)
        await until(manager, session_id, "cancelled")
    else:
        await manager.answer(session_id, Confirm(value=True, request_id=session_id, idempotency_key=session_id), ADA)
        await until(manager, session_id, "completed")
    await manager.forget(session_id, ADA)


async def run_cycles(manager: SessionManager, launcher: FakeLauncher, count: int) -> None:
    """So many, a few at a time."""
    numbers = iter(range(count))

    async def in_turn() -> None:
        for number in numbers:
            await one_cycle(manager, number)

    async with anyio.create_task_group() as group:
        for _ in range(min(AT_ONCE, count)):
            group.start_soon(in_turn)
    await eventually_async(partial(all_released, launcher), "every worker is let go")
    launcher.launches.clear()  # what the fake remembers is no leak of the host
    launcher.processes.clear()


async def all_released(launcher: FakeLauncher) -> bool:
    return all(process.released for process in launcher.processes)


def held(manager: SessionManager) -> dict[str, Any]:
    """What the host has in its hands."""
    gc.collect()
    health = manager.health()
    names = ("sessions_in_memory", "live_sessions", "viewers", "workers")
    return {name: health[name] for name in names} | {
        "tasks": len(asyncio.all_tasks()),
        "objects": len(gc.get_objects()),
    }


async def main(store: Path) -> None:
    vars(workers)["LEFTOVER_SECONDS"] = LEFTOVER_SECONDS
    limits = Limits(max_warm_spares=0, max_starts_per_minute=MANY)
    async with host(store, asks_and_ends, limits=limits) as (manager, launcher):
        while line := await anyio.to_thread.run_sync(sys.stdin.readline):
            left = int(line)
            while left:  # in slices, so that what the fake remembers of one does not grow with their number
                count = min(left, SLICE)
                await run_cycles(manager, launcher, count)
                left -= count
            print(json.dumps(held(manager)), flush=True)


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]))
