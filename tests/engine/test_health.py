"""What the host says of its health while the store refuses, and that it is well again with nobody writing."""

from __future__ import annotations

from pathlib import Path

import anyio
import apsw
import pytest

from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.errors import AlreadySettled, StoreFull, StoreHeld
from hitl_jupyter.journal import sqlite, writer
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.journal.writer import Faults
from hitl_jupyter.protocol import Confirm
from tests.engine.fakes import ADA, SHIPPED, FakeLauncher, host, until
from tests.engine.test_sessions import completes, confirms, never_ends
from tests.journal.records import copy_as_crashed
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.anyio


class Disk:
    """A disk that is full while a test says so."""

    def __init__(self) -> None:
        self.is_full = False

    @property
    def faults(self) -> Faults:
        return Faults(before_commit=self._write)

    def _write(self) -> None:
        if self.is_full:
            raise apsw.FullError("database or disk is full")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PROBE_SECONDS", 0.02)
    monkeypatch.setattr(sqlite, "LOOK_SECONDS", 0.02)


async def test_a_full_disk_is_told_is_read_from_and_gets_well_by_itself(tmp_path: Path, impatient: None) -> None:
    disk = Disk()
    async with host(tmp_path, confirms, completes, faults=disk.faults) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        snapshot = await until(manager, session_id, "waiting")
        disk.is_full = True
        with pytest.raises(StoreFull):
            await manager.start(SHIPPED, ADA)
        health = manager.health()
        assert (health["status"], [reason["code"] for reason in health["reasons"]]) == ("degraded", ["store_full"])
        with pytest.raises(StoreFull):
            await manager.answer(session_id, Confirm(value=True, request_id="q1"), ADA)
        assert (await manager.snapshot(session_id, ADA)).last_seq == snapshot.last_seq
        assert len(await manager.events(session_id, ADA)) > 2

        disk.is_full = False

        async def well() -> bool:
            found = manager.health()
            return bool(found["status"] == "ok" and not found["reasons"])

        await eventually_async(well, "it is well again")
        await manager.answer(session_id, Confirm(value=True, request_id="q1"), ADA)


async def test_a_refusal_that_is_the_callers_fault_is_no_trouble_of_the_store(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        await manager.answer(session_id, Confirm(value=True, request_id="q1"), ADA)
        with pytest.raises(AlreadySettled):
            await manager.answer(session_id, Confirm(value=False, request_id="q1"), ADA)
        assert manager.health()["status"] == "ok"


async def test_a_host_that_was_robbed_writes_nothing_and_leaves_the_sessions_to_the_next(
    tmp_path: Path, impatient: None
) -> None:
    first: list[tuple[SessionManager, FakeLauncher]] = []
    opened, lost, closed = anyio.Event(), anyio.Event(), anyio.Event()

    async def be_robbed() -> None:
        async with host(tmp_path, never_ends) as found:
            first.append(found)
            opened.set()
            await lost.wait()
        closed.set()

    async with anyio.create_task_group() as group:
        group.start_soon(be_robbed)
        await opened.wait()
        manager, launcher = first[0]
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "running")
        (tmp_path / "journal.lock").unlink()
        async with host(tmp_path, never_ends) as (second, _):
            assert isinstance(await manager.lost(), StoreHeld)
            assert manager.health()["reasons"][0]["code"] == "store_held"
            with pytest.raises(StoreHeld, match="in use by"):
                await manager.cancel(session_id, ADA)
            assert second.journal.epoch == manager.journal.epoch + 1
            socket = (tmp_path / "link.sock").stat().st_ino
            lost.set()
            await closed.wait()
            assert launcher.processes[0].signals == [], "its worker is another's now"
            assert (tmp_path / "link.sock").stat().st_ino == socket
            assert second.health()["status"] == "ok"
            left = copy_as_crashed(tmp_path, tmp_path / "copy")
    async with SqliteJournal(left) as journal:
        assert journal.epoch == 3, "the first did not call closed what the second had open"
