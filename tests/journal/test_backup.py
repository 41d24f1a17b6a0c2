"""A backup of a store in use: whole, clean, and the beginning of a history of its own."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import anyio
import msgspec
import pytest
from anyio import to_thread

from hitl_jupyter.engine.hub import Viewer
from hitl_jupyter.errors import NotFound, StoreDamaged, WrongState
from hitl_jupyter.journal.backup import back_up, main
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.protocol import split_batch
from tests.engine.fakes import ADA, SHIPPED, host, until
from tests.engine.test_sessions import completes
from tests.journal.records import copy_as_crashed, held, lines, new_session

pytestmark = pytest.mark.anyio


async def test_a_backup_made_while_the_journal_is_written_is_one_instant_of_it(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    seq = 1

    async def write_on(scope: anyio.CancelScope) -> None:
        nonlocal seq
        with scope:
            while True:
                await journal.submit(lines("s", seq + 1, content="x" * 2000))
                seq += 1

    async with SqliteJournal(path) as journal, anyio.create_task_group() as group:
        await journal.submit(new_session("s"))
        scope = anyio.CancelScope()
        group.start_soon(write_on, scope)
        while seq < 50:
            await anyio.lowlevel.checkpoint()
        before = seq
        await to_thread.run_sync(back_up, path.parent, target)
        after = seq + 1
        scope.cancel()
    assert not (target / "journal.lock").exists()
    async with SqliteJournal(target / path.name) as copy:
        seqs = await held(copy, "s")
    assert seqs == list(range(1, len(seqs) + 1))
    assert before <= len(seqs) <= after


async def test_a_backup_has_an_epoch_that_the_original_does_not_reach(path: Path, tmp_path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        crashed = copy_as_crashed(path.parent, tmp_path / "crashed")
    began = int(time.time())
    epoch = back_up(crashed.parent, tmp_path / "backup")
    async with SqliteJournal(tmp_path / "backup" / path.name) as copy, SqliteJournal(crashed) as original:
        assert began <= epoch == copy.epoch == copy.first_epoch, "and it was closed well, so it is the same once open"
        assert (original.epoch, original.first_epoch) == (2, 1)
        assert copy.last_rev > original.last_rev + 1_000_000, "inboxes are told all anew"
    epoch_of_its_own = back_up(tmp_path / "backup", tmp_path / "backup of the backup")
    assert epoch_of_its_own > epoch


async def test_results_and_starts_go_with_it_readable_by_nobody_else(path: Path, tmp_path: Path) -> None:
    async with SqliteJournal(path):
        for folder in ("results", "starts"):
            (path.parent / folder).mkdir(mode=0o700)
            (path.parent / folder / "one").touch(mode=0o600)
            (path.parent / folder / "one").write_bytes(b"pickle")
        back_up(path.parent, tmp_path / "backup")
    copied = sorted((tmp_path / "backup").rglob("*"))
    assert [file.name for file in copied] == ["journal.sqlite", "results", "one", "spool", "starts", "one"]
    assert all(stat.S_IMODE(file.stat().st_mode) & 0o077 == 0 for file in copied)
    assert copied[2].read_bytes() == b"pickle"


async def first_told(viewer: Viewer) -> str:
    """The type of what a viewer is told first."""
    async with viewer:
        (message,) = split_batch(await anext(aiter(viewer)))
    kind: str = msgspec.json.decode(message)["type"]
    return kind


async def test_the_steps_of_durable_tasks_and_what_workers_left_go_with_it(path: Path, tmp_path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
    for name in ("results/s-1.steps/one.pickle", "spool/launch"):
        (path.parent / name).parent.mkdir(parents=True)
        (path.parent / name).write_bytes(b"kept")
    back_up(path.parent, tmp_path / "backup")
    assert (tmp_path / "backup/results/s-1.steps/one.pickle").read_bytes() == b"kept"
    assert (tmp_path / "backup/spool/launch").read_bytes() == b"kept"


async def test_who_watched_the_original_is_told_to_begin_anew_by_the_restored(tmp_path: Path) -> None:
    async with host(tmp_path / "store", completes) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        last = (await until(manager, session_id, "completed")).last_seq
        old = manager.journal.epoch
        await to_thread.run_sync(back_up, tmp_path / "store", tmp_path / "backup")
    async with host(tmp_path / "backup", completes) as (manager, _):
        epoch = manager.journal.epoch
        for seen in (old, epoch + 1):
            stranger = await manager.watch(session_id, ADA, after=last - 1, epoch=seen)
            assert await first_told(stranger) == "reset", f"one that has numbers of epoch {seen}"
        own = await manager.watch(session_id, ADA, after=last - 1, epoch=epoch)
        assert await first_told(own) == "state_replay_start"


async def test_what_cannot_be_backed_up_is_refused_and_no_journal_is_left(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "backup"
    with pytest.raises(NotFound):
        back_up(tmp_path, target)
    assert not target.exists()
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        await journal.submit(lines("s", 2))  # when it is taken, the lock file says how long the log was before
        crashed = copy_as_crashed(path.parent, tmp_path / "crashed")
    assert main([str(path.parent), str(target)]) == 0
    assert "was copied to" in capsys.readouterr().out
    assert main([str(path.parent), str(target)]) == 1
    assert "is not empty" in capsys.readouterr().err
    with pytest.raises(WrongState):
        back_up(path.parent, target)
    log = crashed.with_name("journal.sqlite-wal")
    log.write_bytes(log.read_bytes()[:200])
    with pytest.raises(StoreDamaged):
        back_up(crashed.parent, tmp_path / "other")
    assert not (tmp_path / "other").exists()
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
