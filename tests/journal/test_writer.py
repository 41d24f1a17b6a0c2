"""The writer: groups, refusals, failed commits, closing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import anyio
import apsw
import pytest

from hitl_jupyter.errors import (
    AlreadySettled,
    HitlError,
    StoreDamaged,
    StoreFull,
    StoreUnavailable,
)
from hitl_jupyter.journal.contract import Write
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.journal.writer import GROUP_LIMIT, Faults
from tests.journal.records import (
    ALL,
    answer,
    batch,
    copy_as_crashed,
    held,
    lines,
    new_session,
    open_request,
    seqs,
    trouble_of,
)

pytestmark = pytest.mark.anyio


async def test_a_refused_write_rolls_back_alone_and_whole(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        await journal.submit(open_request("s", "q"))
        await journal.submit(answer("s", "q", "Ada"))
        good = journal.submit(lines("s", 2))
        late = journal.submit(Write(session_id="s", batch=batch("s", 3, 3), settled=answer("s", "q", "Bob").settled))
        better = journal.submit(lines("s", 3, content="kept"))
        await good
        with pytest.raises(AlreadySettled):
            await late
        await better
        events = await journal.events("s", 2, ALL, ALL)
    assert seqs(events) == [3]
    assert b"kept" in events[0].data


async def test_closing_carries_out_all_that_is_queued(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        written = [journal.submit(new_session("s"))]
        written += [journal.submit(lines("s", seq)) for seq in range(2, GROUP_LIMIT + 50)]
    await asyncio.gather(*written)
    async with SqliteJournal(path) as journal:
        assert await held(journal, "s") == list(range(1, GROUP_LIMIT + 50))
    assert sorted(file.name for file in path.parent.iterdir()) == ["journal.lock", "journal.sqlite"]


async def test_a_closed_journal_refuses_in_words(path: Path) -> None:
    journal = SqliteJournal(path)
    with pytest.raises(StoreUnavailable):
        _ = journal.epoch
    async with journal:
        pass
    with pytest.raises(StoreUnavailable):
        await journal.submit(new_session("s"))
    with pytest.raises(StoreUnavailable):
        await journal.session("s")


async def test_a_waiter_that_gave_up_does_not_disturb_the_others(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await journal.submit(new_session("s"))
        await journal.submit(lines("s", 2))
        assert await held(journal, "s") == [1, 2]


async def test_another_program_that_holds_the_file_is_a_refusal_that_passes(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        other = apsw.Connection(str(path))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable) as caught:
            await journal.submit(lines("s", 2))
        assert trouble_of(journal) is caught.value
        assert await held(journal, "s") == [1]
        other.execute("ROLLBACK")
        other.close()
        await journal.submit(lines("s", 2))
        assert trouble_of(journal) is None
        assert await held(journal, "s") == [1, 2]


class Failing:
    """A fault that raises while it is told to."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __call__(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (apsw.FullError("full"), StoreFull),
        (apsw.IOError("disk I/O error"), StoreUnavailable),
        (apsw.BusyError("locked"), StoreUnavailable),
        (apsw.ReadOnlyError("readonly"), StoreUnavailable),
        (apsw.CorruptError("malformed"), StoreDamaged),
        (RuntimeError("what nobody thought of"), StoreUnavailable),
    ],
)
async def test_a_commit_that_fails_fails_its_writes_and_none_after(
    path: Path, error: Exception, refusal: type[HitlError]
) -> None:
    failing = Failing()
    async with SqliteJournal(path, faults=Faults(before_commit=failing)) as journal:
        await journal.submit(new_session("s"))
        failing.error = error
        for written in [journal.submit(lines("s", 2)), journal.submit(lines("s", 3))]:
            with pytest.raises(refusal):
                await written
        failing.error = None
        await journal.submit(lines("s", 2))
        assert await held(journal, "s") == [1, 2]


async def test_what_is_reported_is_on_disk_before_anybody_hears_of_it(path: Path, tmp_path: Path) -> None:
    heard: list[bool] = []
    copies = iter(tmp_path / f"copy {number}" for number in range(9))

    def copy() -> None:
        heard.append(any(future.done() for future in futures))
        copied.append(copy_as_crashed(path.parent, next(copies)))

    copied: list[Path] = []
    futures: list[asyncio.Future[None]] = []
    async with SqliteJournal(path, faults=Faults(before_publish=copy)) as journal:
        futures.append(asyncio.ensure_future(journal.submit(new_session("s"))))
        await futures[0]
    assert heard[-1:] == [False]
    async with SqliteJournal(copied[-1]) as journal:
        assert await held(journal, "s") == [1]


async def test_the_log_is_taken_in_while_the_journal_is_open(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        for first in range(2, 20_002, 100):
            await journal.submit(lines("s", first, first + 99, content="x" * 1000))
        assert size_of(path) > 10_000_000
        assert size_of(path.with_name("journal.sqlite-wal")) < 10_000_000
        assert await held(journal, "s") == list(range(1, 20_002))


def size_of(path: Path) -> int:
    return path.stat().st_size
