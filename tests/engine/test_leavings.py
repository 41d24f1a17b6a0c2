"""What a killed host left in the store is gone after the next start; what is still of use stays."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.journal.sqlite import SqliteJournal
from tests.engine.fakes import ADA, SHIPPED, host, until
from tests.engine.test_restart import SurvivingLauncher
from tests.engine.test_sessions import completes, never_ends

pytestmark = pytest.mark.anyio

NO_PROCESS = 2**22 + 1
"""Over the highest number that Linux gives to a process."""


def names(store: Path) -> list[str]:
    """The files and folders of starts and results."""
    return sorted(path.name for folder in ("starts", "results") for path in (store / folder).iterdir())


async def test_files_of_a_session_that_was_never_committed_are_swept(tmp_path: Path) -> None:
    async with host(tmp_path, completes):
        pass
    (tmp_path / "starts").mkdir(exist_ok=True)
    (tmp_path / "starts" / "aaaa-bbbb.msgpack").write_bytes(b"never committed")
    (tmp_path / "results" / "aaaa-bbbb-1.pickle").write_bytes(b"")
    (tmp_path / "results" / f".aaaa-bbbb-1.pickle.{NO_PROCESS}").write_bytes(b"half")
    (tmp_path / "results" / "aaaa-bbbb-1.steps").mkdir()
    (tmp_path / "results" / "aaaa-bbbb-1.steps" / "1.pickle").write_bytes(b"")
    async with host(tmp_path, completes):
        assert names(tmp_path) == []


async def test_the_result_of_a_session_that_has_ended_stays_but_not_its_start_and_steps(tmp_path: Path) -> None:
    async with host(tmp_path, completes) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "completed")
    (tmp_path / "starts" / f"{session_id}.msgpack").write_bytes(b"")
    (tmp_path / "results" / f"{session_id}-1.pickle").write_bytes(b"")
    (tmp_path / "results" / f"{session_id}-1.steps").mkdir()
    async with host(tmp_path, completes):
        assert names(tmp_path) == [f"{session_id}-1.pickle"]


async def test_what_a_live_session_and_its_worker_use_stays(tmp_path: Path) -> None:
    async with anyio.create_task_group() as processes:
        launcher = SurvivingLauncher(processes, never_ends)
        limits = Limits(max_warm_spares=0)
        async with SessionManager(SqliteJournal(tmp_path / "journal.sqlite"), launcher, tmp_path, limits) as manager:
            session_id = (await manager.start(SHIPPED, ADA)).session_id
            await until(manager, session_id, "running")
        (tmp_path / "results" / f"{session_id}-1.steps").mkdir()
        (tmp_path / "results" / f".{session_id}-1.pickle.{os.getpid()}").write_bytes(b"being written")
        (tmp_path / "results" / "notes.txt").write_text("somebody else's")
        before = names(tmp_path)
        async with SessionManager(SqliteJournal(tmp_path / "journal.sqlite"), launcher, tmp_path, limits):
            assert names(tmp_path) == before
            assert f"{session_id}.msgpack" in before
        processes.cancel_scope.cancel()
