"""What retention takes of a session's batches, and what it never takes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_jupyter.journal import truncation
from hitl_jupyter.journal.contract import Batch, SessionUpdate, Truncation, Write
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.protocol import (
    Display,
    Dropped,
    JournalEvent,
    Progress,
    RequestConfirmation,
    RequestResolved,
    StatusChanged,
    Stream,
    TaskCompleted,
    TaskFailed,
    encode,
    split_batch,
)
from tests.journal.records import ALL, held, new_session, rows_by_table, session_row

pytestmark = pytest.mark.anyio

MAKE: dict[str, Callable[[], JournalEvent]] = {
    "line": lambda: Stream(content="x" * 30),
    "display": lambda: Display(data={"text/plain": "y" * 40}),
    "progress": lambda: Progress(progress_id="p", label="l", done=1),
    "question": lambda: RequestConfirmation(request_id="q", message="Go?"),
    "answer": lambda: RequestResolved(request_id="q", outcome="answered", value=True),
    "status": lambda: StatusChanged(status="running"),
    "failure": lambda: TaskFailed(error="no"),
    "end": lambda: TaskCompleted(values=1),
    "dropped": lambda: Dropped(events=1, bytes=1),
}
OUTPUT = {"line", "display", "progress", "dropped"}


def events_of(session_id: str, first: int, kinds: list[str]) -> Batch:
    """A batch of events of these kinds."""
    events: list[JournalEvent] = []
    for seq, kind in enumerate(kinds, first):
        event: JournalEvent = MAKE[kind]()
        event.session_id, event.seq = session_id, seq
        events.append(event)
    return Batch(first_seq=first, last_seq=first + len(kinds) - 1, data=encode(events))


async def kept(journal: SqliteJournal, session_id: str) -> dict[int, bytes]:
    """Every event that the journal has, by its number."""
    return {
        seq: bytes(raw)
        for batch in await journal.events(session_id, 0, ALL, ALL)
        for seq, raw in enumerate(split_batch(batch.data), batch.first_seq)
    }


async def filled(journal: SqliteJournal, batches: list[list[str]], snapshot_seq: int) -> dict[int, bytes]:
    """A session with these batches, whose snapshot is as of that event; its events."""
    await journal.submit(Write(session_id="s", create=session_row("s")))
    first = 1
    for kinds in batches:
        batch = events_of("s", first, kinds)
        first = batch.last_seq + 1
        await journal.submit(Write(session_id="s", batch=batch, update=SessionUpdate(last_seq=batch.last_seq)))
    update = SessionUpdate(last_seq=first - 1, snapshot=b"{}", snapshot_seq=snapshot_seq)
    await journal.submit(Write(session_id="s", update=update))
    return await kept(journal, "s")


@given(
    st.lists(st.lists(st.sampled_from(sorted(MAKE)), min_size=1, max_size=8), min_size=1, max_size=8),
    st.lists(st.integers(1, 800), min_size=1, max_size=3),
    st.floats(0, 1),
)
@settings(deadline=None, max_examples=60)
def test_every_event_is_there_with_its_bytes_or_is_output_that_a_truncation_names(
    batches: list[list[str]], excesses: list[int], folded: float
) -> None:
    kinds = [kind for batch in batches for kind in batch]
    snapshot_seq = int(len(kinds) * folded)

    async def check(folder: str) -> None:
        async with SqliteJournal(Path(folder) / "journal.sqlite") as journal:
            before = await filled(journal, batches, snapshot_seq)
            taken = [await journal.truncate("s", excess, "max_session_bytes") for excess in excesses]
            after, gone = await kept(journal, "s"), await journal.truncations("s", 0, ALL)
            row = await journal.session("s")
        missing = [seq for seq in before if seq not in after]
        assert {seq: before[seq] for seq in after} == after
        assert [seq for one in gone for seq in range(one.first_seq, one.last_seq + 1)] == missing
        assert sum(one.bytes for one in gone) == sum(len(before[seq]) for seq in missing) == sum(taken)
        assert all(kinds[seq - 1] in OUTPUT and seq <= snapshot_seq for seq in missing)
        assert all(before_.last_seq + 1 < after_.first_seq for before_, after_ in pairwise(gone))
        assert row is not None
        assert row.last_seq == len(kinds)
        untouched = [s for s, kind in enumerate(kinds, 1) if kind in OUTPUT and s in after and s < max([0, *missing])]
        assert not untouched, "a younger event went before an older one"

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(folder))


async def test_of_the_oldest_output_as_much_goes_as_was_asked_for(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        before = await filled(journal, [["line"] * 10] * 20, 200)
        size = await journal.size("s")
        assert size == sum(map(len, before.values())) + 9 * 20 + 2 * 20
        taken = await journal.truncate("s", size // 2, "max_session_bytes")
        assert 0 <= taken - size // 2 < 11 * len(before[1])
        assert await journal.size("s") <= size - taken
        (gone,) = await journal.truncations("s", 0, ALL)
        assert (gone.first_seq, gone.bytes, gone.reason) == (1, taken, "max_session_bytes")
        assert await held(journal, "s") == list(range(gone.last_seq + 1, 201))


async def test_it_is_taken_in_portions_that_go_on_where_the_last_one_ended(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truncation, "TAKEN_AT_ONCE", 1)
    monkeypatch.setattr(truncation, "LOOKED_AT_ONCE", 1)
    async with SqliteJournal(path) as journal:
        await filled(journal, [["status"], ["line", "line"], ["question"], ["answer"], ["line", "status"], ["end"]], 8)
        await journal.truncate("s", ALL, "max_session_bytes")
        assert await held(journal, "s") == [1, 4, 5, 7, 8]
        assert [(one.first_seq, one.last_seq) for one in await journal.truncations("s", 0, ALL)] == [(2, 3), (6, 6)]


async def test_ranges_that_touch_become_one_and_those_asked_for_may_reach_further(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        before = await filled(journal, [["status"], ["line"] * 3, ["line"] * 3, ["end"]], 8)
        for _ in range(2):
            await journal.truncate("s", 1, "max_session_bytes")
        size = sum(len(before[seq]) for seq in range(2, 8))
        assert await journal.truncations("s", 3, 5) == [Truncation(2, 7, size, "max_session_bytes")]
        assert await journal.truncations("s", 7, ALL) == []


async def test_pages_go_over_what_is_gone(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await filled(journal, [["status"], ["line"] * 50, ["status", "status", "status"], ["end"]], 55)
        await journal.truncate("s", ALL, "max_session_bytes")
        pages = [await journal.last_events("s", 55, count, ALL) for count in (2, 4, 99)]
        assert [[batch.first_seq for batch in page] for page in pages] == [[52], [1, 52], [1, 52]]
        assert [batch.first_seq for batch in await journal.events("s", 20, ALL, ALL)] == [52, 55]


async def test_the_next_event_follows_the_last_one_though_all_before_it_are_gone(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await filled(journal, [["line"] * 5, ["line"] * 5], 10)
        await journal.truncate("s", ALL, "max_session_bytes")
        assert await held(journal, "s") == [6, 7, 8, 9, 10]
        await journal.submit(Write(session_id="s", batch=events_of("s", 11, ["line"])))
        assert (await held(journal, "s"))[-1] == 11


async def test_a_forgotten_session_leaves_no_truncations(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await filled(journal, [["line"] * 5, ["line"]], 6)
        await journal.truncate("s", ALL, "max_session_bytes")
        await journal.forget("s", 9)
        assert await journal.truncate("s", 1, "max_session_bytes") == 0
    assert rows_by_table(path)["truncations"] == 0


async def test_due_are_those_that_ended_before_and_the_oldest_over_the_number(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        for number in range(6):
            await journal.submit(new_session(f"s{number}"))
            if number != 3:
                ended = SessionUpdate(last_seq=1, rev=10 + number, status="completed", ended_at=100.0 - number)
                await journal.submit(Write(session_id=f"s{number}", update=ended))
        assert await journal.expired(98.5, 99, 10) == ["s5", "s4", "s2"]
        assert await journal.expired(98.5, 99, 2) == ["s5", "s4"]
        assert await journal.expired(0, 6, 10) == []
        assert await journal.expired(0, 4, 10) == ["s5", "s4"]
        assert await journal.expired(0, 0, 10) == ["s5", "s4", "s2", "s1", "s0"]


def test_the_types_that_may_go_are_types_of_the_protocol() -> None:
    assert {msgspec.json.decode(encode(MAKE[kind]()))["type"] for kind in OUTPUT} == truncation.TAKEN
