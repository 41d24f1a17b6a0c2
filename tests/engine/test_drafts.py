"""Half-typed answers: a revision of its own for each, in order, and none for a question that is settled."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import msgspec
import pytest

from hitl_jupyter.errors import AlreadySettled
from hitl_jupyter.journal.writer import Faults
from hitl_jupyter.protocol import DraftInput, UserInput
from tests.engine.fakes import ADA, SHIPPED, host, read_until, until
from tests.engine.test_sessions import asks
from tests.journal.records import rows_by_table

pytestmark = pytest.mark.anyio


class Gate:
    """Holds the journal's commits back while it is shut."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self._held = threading.Event()

    @property
    def faults(self) -> Faults:
        return Faults(before_commit=self._pass)

    @contextmanager
    def shut(self) -> Iterator[None]:
        self._held.clear()
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    async def wait_held(self) -> None:
        """Until a commit stands before it."""
        await anyio.to_thread.run_sync(self._held.wait)

    def _pass(self) -> None:
        if not self._open.is_set():
            self._held.set()
            self._open.wait()


def draft(name: str) -> DraftInput:
    return DraftInput(request_id="form", values={"name": name})


async def replayed(reading: AsyncIterator[bytes]) -> None:
    """Read a viewer's history."""
    while b"state_replay_complete" not in await anext(reading):
        pass


async def drafts(reading: AsyncIterator[bytes], count: int) -> list[dict[str, Any]]:
    """The next so many drafts that a viewer is shown."""
    seen: list[dict[str, Any]] = []
    while len(seen) < count:
        seen += [message for message in msgspec.json.decode(await anext(reading)) if message["type"] == "draft"]
    return seen


async def test_two_who_type_at_once_get_a_revision_each_and_all_see_them_in_order(tmp_path: Path) -> None:
    async with host(tmp_path, asks) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        async with await manager.watch(session_id, ADA) as viewer:
            reading = viewer.__aiter__()
            await replayed(reading)
            async with anyio.create_task_group() as tasks:
                for number in range(5):
                    tasks.start_soon(manager.save_draft, session_id, draft(str(number)), ADA)
            seen = await drafts(reading, 5)
        assert [message["revision"] for message in seen] == [1, 2, 3, 4, 5]
        async with await manager.watch(session_id, ADA) as viewer:
            kept = (await read_until(viewer, "draft"))[-1]
        assert kept == seen[-1]


async def test_a_draft_that_arrives_as_its_question_is_settled_is_refused_and_not_stored(tmp_path: Path) -> None:
    gate = Gate()
    refused: list[AlreadySettled] = []

    async def type_on(session_id: str) -> None:
        with pytest.raises(AlreadySettled) as caught:
            await manager.save_draft(session_id, draft("Ad"), ADA)
        refused.append(caught.value)

    async with host(tmp_path, asks, faults=gate.faults) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        async with anyio.create_task_group() as tasks:
            with gate.shut():
                tasks.start_soon(manager.answer, session_id, UserInput(values={"name": "Ada"}, request_id="form"), ADA)
                await gate.wait_held()
                tasks.start_soon(type_on, session_id)
                await anyio.wait_all_tasks_blocked()
        await until(manager, session_id, "completed")
    assert refused[0].details["value"] == {"name": "Ada"}
    assert rows_by_table(tmp_path / "journal.sqlite")["drafts"] == 0


async def test_a_tab_that_closes_while_its_draft_is_written_takes_no_revision_twice(tmp_path: Path) -> None:
    gate, tab = Gate(), anyio.CancelScope()

    async def type_in_the_tab(session_id: str) -> None:
        with tab:
            await manager.save_draft(session_id, draft("first"), ADA)

    async with host(tmp_path, asks, faults=gate.faults) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        async with await manager.watch(session_id, ADA) as viewer, anyio.create_task_group() as tasks:
            reading = viewer.__aiter__()
            await replayed(reading)
            with gate.shut():
                tasks.start_soon(type_in_the_tab, session_id)
                await gate.wait_held()
                tab.cancel()
                tasks.start_soon(manager.save_draft, session_id, draft("second"), ADA)
                await anyio.wait_all_tasks_blocked()
            seen = await drafts(reading, 2)
        assert [(message["revision"], message["values"]["name"]) for message in seen] == [(1, "first"), (2, "second")]
