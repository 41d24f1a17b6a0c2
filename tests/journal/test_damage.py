"""A journal that is damaged, foreign, newer or gone is refused, and left as it is."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace

from hitl_jupyter.errors import StoreDamaged
from hitl_jupyter.journal.contract import CommandRow, DraftRow, Settlement, Write
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.journal.writer import Faults
from tests.journal.records import (
    ALL,
    copy_as_crashed,
    folder_bytes,
    held,
    lines,
    new_session,
    open_request,
    session_row,
)

pytestmark = pytest.mark.anyio

COMMITS = 40
LAST = COMMITS - 1
FRAME = 24 + 4096
HEADER = 32


@pytest.fixture
async def crashed(tmp_path: Path) -> Path:
    """A journal as a kill would leave it: session "s" with events 1 to ``LAST``, most of them in the log."""
    folder = tmp_path / "store"
    commits = count(1)
    copies = []

    def copy_after_the_last() -> None:
        if next(commits) == COMMITS:
            copies.append(copy_as_crashed(folder, tmp_path / "crashed"))

    async with SqliteJournal(folder / "journal.sqlite", faults=Faults(after_publish=copy_after_the_last)) as journal:
        # At the opening a look for batches of forgotten sessions was the first commit.
        await journal.submit(new_session("s"))
        for seq in range(2, LAST + 1):
            await journal.submit(lines("s", seq))
    return copies[0]


@pytest.fixture
async def closed(tmp_path: Path) -> Path:
    """A journal that was closed well: session "s" with one batch that says "kept"."""
    path = tmp_path / "closed" / "journal.sqlite"
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        await journal.submit(lines("s", 2, 50, content="kept"))
    return path


def log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def place_of(path: Path, content: bytes) -> int:
    return path.read_bytes().index(content)


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


async def assert_refused_and_untouched(path: Path) -> None:
    before = folder_bytes(path.parent)
    for _ in range(2):
        with pytest.raises(StoreDamaged):
            await SqliteJournal(path).__aenter__()
    assert folder_bytes(path.parent) == before


async def test_a_crash_is_no_damage(crashed: Path) -> None:
    async with SqliteJournal(crashed) as journal:
        assert journal.epoch == 2
        assert await held(journal, "s") == list(range(1, LAST + 1))


@pytest.mark.parametrize("lock_file", ["kept", "lost"])
@pytest.mark.parametrize("at", [HEADER + 5, HEADER + FRAME * 20 + 500, HEADER + FRAME * 30 + 10])
async def test_one_flipped_bit_inside_the_log_is_noticed(crashed: Path, at: int, lock_file: str) -> None:
    if lock_file == "lost":
        crashed.with_name("journal.lock").unlink()
    flip(log_of(crashed), at)
    await assert_refused_and_untouched(crashed)


DAMAGES_OF_THE_LOG: dict[str, Callable[[Path], object]] = {
    "a bit of its last commit": lambda log: flip(log, log.stat().st_size - 100),
    "a bit of its head": lambda log: flip(log, 17),
    "its end": lambda log: cut(log, HEADER + FRAME * 25),
    "all but its head": lambda log: cut(log, HEADER),
    "all its content": lambda log: cut(log, 0),
    "the whole file": remove,
}


@pytest.mark.parametrize("damage", DAMAGES_OF_THE_LOG)
async def test_a_log_that_lost_something_acknowledged_is_noticed(crashed: Path, damage: str) -> None:
    DAMAGES_OF_THE_LOG[damage](log_of(crashed))
    await assert_refused_and_untouched(crashed)


async def test_an_unfinished_transaction_at_the_end_of_the_log_is_no_damage(crashed: Path) -> None:
    log = log_of(crashed)
    content = log.read_bytes()
    log.write_bytes(content + content[-FRAME:-200] + b"\0" * 200)
    async with SqliteJournal(crashed) as journal:
        assert await held(journal, "s") == list(range(1, LAST + 1))


async def test_a_log_cut_without_a_trace_still_ends_the_epoch(crashed: Path) -> None:
    crashed.with_name("journal.lock").unlink()
    cut(log_of(crashed), HEADER + FRAME * 25)
    async with SqliteJournal(crashed) as journal:
        assert journal.epoch == 2
        seqs = await held(journal, "s")
    assert seqs == list(range(1, len(seqs) + 1))


async def test_an_empty_file_is_not_taken_for_a_new_journal(closed: Path) -> None:
    cut(closed, 0)
    await assert_refused_and_untouched(closed)


async def test_a_log_without_its_journal_is_not_overwritten(crashed: Path) -> None:
    remove(crashed)
    await assert_refused_and_untouched(crashed)


async def test_a_journal_that_was_cut_is_noticed(closed: Path) -> None:
    cut(closed, 5 * 4096)
    await assert_refused_and_untouched(closed)


@pytest.mark.parametrize("content", [b"SQLite format 3\0" + b"\0" * 84, b"not a database at all" * 100])
async def test_a_foreign_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(content)
    await assert_refused_and_untouched(path)


async def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE sessions (mine)")
    connection.close()
    await assert_refused_and_untouched(path)


async def test_a_newer_journal_is_left_alone(closed: Path) -> None:
    connection = apsw.Connection(str(closed))
    connection.pragma("user_version", 99)
    connection.close()
    await assert_refused_and_untouched(closed)


async def test_a_flipped_bit_anywhere_in_the_log_is_noticed_or_changes_nothing(crashed: Path, tmp_path: Path) -> None:
    """Only bytes that SQLite makes no use of may change unseen: the log is then read to its last event."""
    size = log_of(crashed).stat().st_size
    noticed = 0
    heads = [range(0, HEADER, 3), range(HEADER, HEADER + 24, 3), range(size - FRAME, size - FRAME + 24, 3)]
    places = [at for head in heads for at in head] + list(range(HEADER + 24 + 7, size, size // 16))
    for at in places:
        copy = copy_as_crashed(crashed.parent, tmp_path / "copies" / str(at))
        flip(log_of(copy), at)
        try:
            async with SqliteJournal(copy) as journal:
                assert await held(journal, "s") == list(range(1, LAST + 1)), f"byte {at} was not noticed"
        except StoreDamaged:
            noticed += 1
    assert noticed >= len(places) - 8


async def test_a_value_whose_bytes_changed_on_disk_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "store" / "journal.sqlite"
    names = ("snapshot", "resolution", "reply", "draft")
    values = {name: b'{"a":%d}' % number for number, name in enumerate(names, start=1111)}
    async with SqliteJournal(path) as journal:
        row = replace(session_row("s"), snapshot=values["snapshot"])
        await journal.submit(Write(session_id="s", create=row))
        for name in ("q", "open"):
            await journal.submit(open_request("s", name))
        settlement = Settlement(request_id="q", resolution=values["resolution"])
        await journal.submit(Write(session_id="s", settled=(settlement,)))
        command = CommandRow(scope="s", key="k", reply=values["reply"], at=1.0)
        await journal.submit(Write(session_id="s", command=command))
        await journal.save_draft(DraftRow(session_id="s", request_id="open", values=values["draft"], revision=1))
    reads: dict[str, Callable[[SqliteJournal], Awaitable[object]]] = {
        "snapshot": lambda journal: journal.session("s"),
        "resolution": lambda journal: journal.request("q"),
        "reply": lambda journal: journal.command("s", "k"),
        "draft": lambda journal: journal.drafts("s"),
    }
    for name, read in reads.items():
        at = place_of(path, values[name])
        for offset in (6, len(values[name]), len(values[name]) + 3):  # in the value, before its checksum, in that
            flip(path, at + offset)
            async with SqliteJournal(path) as journal:
                with pytest.raises(StoreDamaged):
                    await read(journal)
            flip(path, at + offset)
    async with SqliteJournal(path) as journal:
        for read in reads.values():
            await read(journal)


async def test_events_whose_bytes_changed_on_disk_are_not_shown(closed: Path) -> None:
    flip(closed, place_of(closed, b"kept"))
    async with SqliteJournal(closed) as journal:
        with pytest.raises(StoreDamaged, match="Events 2 to 50"):
            await journal.events("s", 1, ALL, ALL)
        assert await journal.session("s") is not None


class _Refusing(apsw.VFS):
    """A file system whose syncs fail while it is told so."""

    def __init__(self) -> None:
        super().__init__("refusing", "")
        self.fails = False

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> apsw.VFSFile:
        disk = self

        class File(apsw.VFSFile):
            def xSync(self, how: int) -> None:
                if disk.fails:
                    raise apsw.IOError("the disk did not take it")
                super().xSync(how)

        return File("", name, flags)


async def test_commits_that_a_failing_disk_left_behind_are_no_damage(path: Path, tmp_path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        unclean = copy_as_crashed(path.parent, tmp_path / "left")
    disk = _Refusing()
    connection = apsw.Connection(str(unclean), vfs="refusing")
    connection.pragma("synchronous", "full")
    connection.pragma("wal_autocheckpoint", 0)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    for size, disk.fails in ((120_000, True), (40_000, True), (10, False)):
        with contextlib.suppress(apsw.IOError):
            connection.execute("INSERT INTO batches VALUES (1, 2, 2, 0, ?)", (bytes(size),))
    connection.close()
    disk.unregister()
    async with SqliteJournal(unclean) as journal:
        assert journal.epoch == 2
