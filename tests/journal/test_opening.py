"""Opening a journal: its epoch, its files, its schema, and who may."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import anyio
import apsw
import pytest

from hitl_jupyter.errors import (
    StoreDamaged,
    StoreHeld,
    StoreUnavailable,
)
from hitl_jupyter.journal import rows
from hitl_jupyter.journal.contract import Write
from hitl_jupyter.journal.migrations import MIGRATIONS, migrate
from hitl_jupyter.journal.opening import filesystem_of
from hitl_jupyter.journal.sqlite import SqliteJournal
from tests.journal.records import (
    batch,
    copy_as_crashed,
    held,
    lines,
    new_session,
    rows_by_table,
    session_row,
)

pytestmark = pytest.mark.anyio


async def test_forgetting_is_carried_on_with_at_the_next_opening(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.submit(Write(session_id="s", create=session_row("s", rev=39), batch=batch("s", 1, 1)))
    connection = apsw.Connection(str(path))
    rows.forget_session(connection, "s", rev=40)
    connection.close()
    async with SqliteJournal(path) as journal:
        assert journal.last_rev == 40
        await journal.submit(new_session("s"))
        assert await held(journal, "s") == [1]
    assert rows_by_table(path)["batches"] == 1
    assert rows_by_table(path)["forgotten"] == 0


async def test_the_epoch_grows_by_an_unclean_end_and_by_nothing_else(path: Path, tmp_path: Path) -> None:
    async with SqliteJournal(path) as journal:
        assert journal.epoch == 1
        await journal.submit(Write(session_id="s", create=session_row("s", rev=7)))
    async with SqliteJournal(path) as journal:
        assert (journal.epoch, journal.last_rev) == (1, 7)
        unclean = copy_as_crashed(path.parent, tmp_path / "copy")
    async with SqliteJournal(unclean) as journal:
        assert journal.epoch == 2
        twice = copy_as_crashed(unclean.parent, tmp_path / "copy again")
    async with SqliteJournal(unclean) as journal:
        assert journal.epoch == 2
    async with SqliteJournal(twice) as journal:
        assert journal.epoch == 3


async def test_only_the_owner_of_the_files_can_read_them(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(modes) == 4
    assert set(modes.values()) == {0o600}


async def test_a_second_opener_is_told_who_has_the_journal(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        with pytest.raises(StoreHeld, match=f"in use by a process .process {os.getpid()} on "):
            await SqliteJournal(path).__aenter__()
        script = (
            "import asyncio, pathlib, sys\nfrom hitl_jupyter.journal.sqlite import SqliteJournal\n"
            "asyncio.run(SqliteJournal(pathlib.Path(sys.argv[1])).__aenter__())"
        )
        done = await anyio.run_process([sys.executable, "-c", script, str(path)], check=False, stderr=subprocess.PIPE)
        assert f"(process {os.getpid()} on" in done.stderr.decode()
        await journal.submit(lines("s", 2))


@pytest.mark.parametrize("stale", [b"1 a server of yesterday (process 1 on here)", b"", b"nonsense"])
async def test_a_holder_of_an_older_version_is_named_by_its_number_alone(path: Path, stale: bytes) -> None:
    async with SqliteJournal(path, holder="the Jupyter server at http://127.0.0.1:8888/") as journal:
        with pytest.raises(StoreHeld, match=r"in use by the Jupyter server at http://127\.0\.0\.1:8888/") as caught:
            await SqliteJournal(path).__aenter__()
        assert caught.value.details["pid"] == os.getpid()
        await journal.submit(new_session("s"))
        lock = path.with_name("journal.lock")
        lock.write_bytes(b"4711".ljust(32) + lock.read_bytes()[32:64] + stale.ljust(448, b"\0"))
        with pytest.raises(StoreHeld, match=r"in use by process 4711\."):
            await SqliteJournal(path).__aenter__()


async def test_a_journal_whose_files_were_taken_away_is_lost_to_its_process(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hitl_jupyter.journal.sqlite.LOOK_SECONDS", 0.01)
    for name in ("journal.lock", "journal.sqlite"):
        async with SqliteJournal(path) as journal:
            kept = path.with_name(name).read_bytes()
            path.with_name(name).unlink()
            assert isinstance(await journal.lost(), StoreHeld)
            assert isinstance(journal.trouble, StoreHeld)
            path.with_name(name).write_bytes(kept)


async def test_commits_are_synced_and_the_schema_is_at_its_newest(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        assert journal._writer is not None
        connection = journal._writer._connection
        assert connection.pragma("synchronous") == 2
        assert connection.pragma("journal_mode") == "wal"
        assert connection.pragma("user_version") == len(MIGRATIONS)


def test_a_migration_that_fails_leaves_the_schema_before_it() -> None:
    connection = apsw.Connection(":memory:")
    broken = (*MIGRATIONS, "CREATE TABLE more (x); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(apsw.SQLError):
        migrate(connection, broken)
    assert connection.pragma("user_version") == len(MIGRATIONS)
    migrate(connection, (*MIGRATIONS, "CREATE TABLE more (x);"))
    assert connection.pragma("user_version") == len(MIGRATIONS) + 1
    assert connection.execute("SELECT count(*) FROM more").get == 0
    with pytest.raises(StoreDamaged, match="newer hitl_jupyter"):
        migrate(connection)


def test_a_network_file_system_is_known_by_the_mount_that_covers_the_folder() -> None:
    mounts = (
        "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "30 24 0:40 / /home rw shared:1 - nfs4 filer:/home rw\n"
        "31 30 8:2 / /home/ada\\040l/fast rw - xfs /dev/sdb rw\n"
    )
    assert filesystem_of(Path("/home/ada l"), mounts) == "nfs4"
    assert filesystem_of(Path("/home/ada l/fast/store"), mounts) == "xfs"
    assert filesystem_of(Path("/homes"), mounts) == "ext4"


async def test_a_store_on_a_network_file_system_is_refused_in_words(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hitl_jupyter.journal.opening.filesystem_of", lambda folder, mounts: "nfs4")
    with pytest.raises(StoreUnavailable, match="local disk"):
        await SqliteJournal(path).__aenter__()
