"""The journal in a file: what it keeps and what it refuses."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from hitl_jupyter.errors import (
    AlreadySettled,
    Malformed,
    NotFound,
    StoreUnavailable,
    WrongState,
)
from hitl_jupyter.journal import rows
from hitl_jupyter.journal.contract import CommandRow, DraftRow, LaunchRow, SessionQuery, SessionUpdate, Write
from hitl_jupyter.journal.sqlite import SqliteJournal
from tests.journal.records import (
    ALL,
    answer,
    batch,
    held,
    lines,
    new_session,
    open_request,
    rows_by_table,
    seqs,
    session_row,
)

pytestmark = pytest.mark.anyio


async def test_what_was_submitted_is_read_back_in_order(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        writes = [journal.submit(lines("s", first, first + 2)) for first in range(2, 302, 3)]
        for written in writes:
            await written
        assert await held(journal, "s") == list(range(1, 302))
        row = await journal.session("s")
    assert row is not None
    assert (row.last_seq, row.owner, row.snapshot) == (301, "ada", b"{}")


async def test_a_write_that_leaves_a_gap_is_refused_and_so_is_one_that_repeats(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        for first in (1, 3):
            with pytest.raises(StoreUnavailable) as caught:
                await journal.submit(lines("s", first))
            assert caught.value.details["expected"] == 2
        with pytest.raises(StoreUnavailable):
            await journal.submit(Write(session_id="s", update=SessionUpdate(last_seq=2, rev=9)))
        with pytest.raises(StoreUnavailable):
            await journal.submit(Write(session_id="s", batch=batch("s", 2, 1)))
        assert await held(journal, "s") == [1]


async def test_the_loser_of_a_race_learns_who_when_and_what(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        await journal.submit(open_request("s", "q"))
        race = [journal.submit(answer("s", "q", by, at=7.0)) for by in ("Ada", "Bob", "Cy")]
        outcomes = await asyncio.gather(*race, return_exceptions=True)
        row = await journal.request("q")
    assert outcomes[0] is None
    for loser in outcomes[1:]:
        assert isinstance(loser, AlreadySettled)
        told = {name: loser.details[name] for name in ("outcome", "by", "via", "at", "value")}
        assert told == {"outcome": "answered", "by": "Ada", "via": "browser", "at": 7.0, "value": True}
    assert row is not None
    assert row.state == "settled"


async def test_unknown_sessions_and_requests_are_not_found(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        await journal.submit(new_session("t"))
        await journal.submit(open_request("t", "q"))
        for write in (lines("nobody", 1), answer("s", "none", "Ada"), answer("s", "q", "Ada")):
            with pytest.raises(NotFound):
                await journal.submit(write)
        with pytest.raises(NotFound):
            await journal.save_draft(DraftRow(session_id="nobody", request_id="q", values=b"{}", revision=1))
        assert await journal.session("nobody") is None
        assert await journal.request("none") is None
        assert await journal.command("s", "none") is None
        assert await journal.events("nobody", 0, ALL, ALL) == []
        assert await journal.last_events("nobody", ALL, 5, ALL) == []


async def test_a_session_or_command_that_is_there_already_is_a_wrong_state(path: Path) -> None:
    command = CommandRow(scope="s", key="k", reply=b"1", at=1.0)
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        await journal.submit(Write(session_id="s", command=command))
        for again in (new_session("s"), Write(session_id="s", batch=batch("s", 2, 2), command=command)):
            with pytest.raises(WrongState):
                await journal.submit(again)
        assert await held(journal, "s") == [1]
        assert await journal.command("s", "k") == command


async def test_a_value_sqlite_cannot_hold_is_refused_alone(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        for odd in (session_row("lone \ud800"), session_row("s", rev=1 << 63)):
            with pytest.raises(Malformed):
                await journal.submit(Write(session_id=odd.session_id, create=odd))
        await journal.submit(new_session("s"))
        assert await held(journal, "s") == [1]


async def test_events_come_as_whole_batches_within_the_bytes_asked_for(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        for first in range(2, 32, 10):
            await journal.submit(lines("s", first, first + 9))
        size = len(batch("s", 2, 11).data)
        assert seqs(await journal.events("s", 5, 25, ALL)) == list(range(2, 32))
        assert seqs(await journal.events("s", 11, 22, ALL)) == list(range(12, 22))
        assert seqs(await journal.events("s", 1, ALL, 1)) == list(range(2, 12))
        assert seqs(await journal.events("s", 11, ALL, 2 * size + 100)) == list(range(12, 32))
        assert await journal.events("s", 31, ALL, ALL) == []
        assert seqs(await journal.last_events("s", ALL, 11, ALL)) == list(range(12, 32))
        assert seqs(await journal.last_events("s", 13, 1, ALL)) == list(range(12, 22))
        assert seqs(await journal.last_events("s", 12, 10, ALL)) == list(range(2, 12))
        assert await journal.last_events("s", ALL, 0, ALL) == []
        assert seqs(await journal.last_events("s", ALL, 30, 1)) == list(range(22, 32))
        assert seqs(await journal.last_events("s", ALL, 30, 2 * size + 100)) == list(range(12, 32))


async def test_sessions_are_listed_newest_first_filtered_and_by_pages(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        for number in range(6):
            row = session_row(f"s{number}", created_at=number // 2, rev=number, key="k" if number < 3 else None)
            await journal.submit(Write(session_id=row.session_id, create=row))
        await journal.submit(Write(session_id="s5", update=SessionUpdate(last_seq=0, status="waiting", rev=9)))
        first = await journal.sessions(SessionQuery(limit=3))
        cursor = (first[-1].created_at, first[-1].session_id)
        second = await journal.sessions(SessionQuery(limit=9, cursor=cursor, owner="ada", task="demo:train"))
        waiting = await journal.sessions(SessionQuery(statuses=("waiting", "running")))
        newest = await journal.latest_with_key("ada", None, "k")
        assert await journal.latest_with_key("ada", "nb.ipynb", "k") is None
        assert await journal.sessions(SessionQuery(owner="bob")) == []
    assert [row.session_id for row in first + second] == ["s5", "s4", "s3", "s2", "s1", "s0"]
    assert [row.rev for row in waiting] == [9]
    assert newest is not None
    assert newest.session_id == "s2"


async def test_drafts_are_replaced_and_end_with_their_request(path: Path) -> None:
    draft = DraftRow(session_id="s", request_id="q", values=b'{"a": 1}', revision=1)
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        await journal.submit(open_request("s", "q"))
        await journal.save_draft(draft)
        later = DraftRow(session_id="s", request_id="q", values=b'{"a": 2}', revision=2)
        await journal.save_draft(later)
        assert await journal.drafts("s") == [later]
        await journal.submit(answer("s", "q", "Ada"))
        await journal.save_draft(draft)
        assert await journal.drafts("s") == []


async def test_a_launch_is_kept_up_to_date_by_its_id(path: Path) -> None:
    first = LaunchRow(launch_id="l1", session_id="s", attempt=1, fence=1, secret_digest="d")
    ended = LaunchRow(
        launch_id="l1", session_id="s", attempt=1, fence=1, secret_digest="d", pid=7, accepted=9, ended=True
    )
    second = LaunchRow(launch_id="l0", session_id="s", attempt=2, fence=2, secret_digest="e", process_started_at=1.5)
    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        for launch in (first, ended, second):
            await journal.submit(Write(session_id="s", launch=launch))
        assert await journal.launches("s") == [ended, second]


async def test_a_launch_that_was_replaced_writes_no_more(path: Path) -> None:
    def write_of(fence: int, seq: int) -> Write:
        launch = LaunchRow(launch_id=f"l{fence}", session_id="s", attempt=1, fence=fence, secret_digest="d")
        return replace(lines("s", seq), launch=launch)

    async with SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        await journal.submit(write_of(1, 2))
        await journal.submit(write_of(2, 3))
        with pytest.raises(WrongState, match="Launch 1 of this session was replaced by launch 2"):
            await journal.submit(write_of(1, 4))
        await journal.submit(write_of(2, 4))
        assert [launch.launch_id for launch in await journal.launches("s")] == ["l1", "l2"]


async def test_forgetting_deletes_every_row_of_a_session_and_of_no_other(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        for name in ("s", "t"):
            await journal.submit(new_session(name))
            await journal.submit(open_request(name, f"q-{name}"))
            launch = LaunchRow(launch_id=name, session_id=name, attempt=1, fence=1, secret_digest="d")
            command = CommandRow(scope=name, key="k", reply=b"1", at=1.0)
            await journal.submit(Write(session_id=name, launch=launch, command=command))
            await journal.save_draft(DraftRow(session_id=name, request_id=f"q-{name}", values=b"{}", revision=1))
        many = [journal.submit(lines("s", seq)) for seq in range(2, 2 + 3 * rows.FORGOTTEN_AT_ONCE)]
        await asyncio.gather(*many)
        await journal.forget("s", rev=3)
        await journal.forget("s", rev=4)
        await journal.submit(new_session("u"))
        assert await held(journal, "u") == [1]
        assert await held(journal, "t") == [1]
    assert rows_by_table(path) == {
        "meta": 1, "sessions": 2, "batches": 2, "requests": 1, "launches": 1, "commands": 1, "drafts": 1,
        "forgotten": 0, "calls": 0, "truncations": 0,
    }  # fmt: skip
