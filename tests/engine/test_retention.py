"""What is forgotten after its time, what a large session loses, and that whoever watches is told of every gap."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from hitl_jupyter.engine import hub, session, tail
from hitl_jupyter.engine.background import Background
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.engine.retention import DAY_SECONDS, Retention
from hitl_jupyter.errors import NotFound, StoreDamaged
from hitl_jupyter.journal.contract import SessionUpdate, Write
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.link.messages import CancelRun, Run
from hitl_jupyter.protocol import Confirm, Display, RequestConfirmation, Stream, TaskCompleted, split_batch
from tests.engine.fakes import ADA, SHIPPED, FakeWorker, host, journaled, read_until, until
from tests.engine.test_sessions import completes, confirms
from tests.journal.records import ALL, new_session
from tests.support.waiting import eventually_async

pytestmark = pytest.mark.anyio

LINES = 400
CAP = 20_000
SMALL = Limits(max_warm_spares=0, max_session_bytes=CAP)


async def talks(worker: FakeWorker, run: Run) -> None:
    """A question, and lines before and after it, each in a batch of its own."""
    for n in range(LINES // 2):
        await worker.emit(Stream(content=f"early {n}"))
    await worker.emit(RequestConfirmation(request_id="q", message="Go?"))
    await worker.answer()
    for n in range(LINES // 2):
        await worker.emit(Stream(content=f"late {n}"))
    await worker.emit(TaskCompleted())


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little is kept in memory, snapshots are kept often, and frames hold few events."""
    monkeypatch.setattr(tail, "KEPT_BYTES", 2_000)
    monkeypatch.setattr(session, "SNAPSHOT_EVERY", 20)
    monkeypatch.setattr(hub, "FRAME_BYTES", 3_000)


async def talked(manager: SessionManager) -> str:
    """A session of :func:`talks`, run to its end and cut."""
    session_id = (await manager.start(SHIPPED, ADA)).session_id
    await until(manager, session_id, "waiting")
    await manager.answer(session_id, Confirm(value=True, request_id="q"), ADA)
    await until(manager, session_id, "completed")

    async def cut() -> bool:
        return await manager.journal.size(session_id) <= CAP

    await eventually_async(cut, "the session is within its size")
    return session_id


def numbers_told(messages: Iterable[dict[str, Any]]) -> list[int]:
    """Every number that was told of, by its event or as one of a gap."""
    numbers: list[int] = []
    for message in messages:
        if message["type"] == "truncated":
            assert message["events"] == message["last_seq"] - message["first_seq"] + 1
            numbers += range(message["first_seq"], message["last_seq"] + 1)
        elif "seq" in message:
            numbers.append(message["seq"])
    return numbers


async def test_a_large_session_loses_its_oldest_output_and_nothing_else(tmp_path: Path) -> None:
    async with host(tmp_path, talks, limits=SMALL) as (manager, _):
        session_id = await talked(manager)
        snapshot = await manager.snapshot(session_id, ADA)
        events = await journaled(manager, session_id)
        gone = await manager.journal.truncations(session_id, 0, ALL)
        assert await manager.journal.size(session_id) > CAP / 2
    kinds = [type(event).__name__ for event in events if not isinstance(event, Stream)]
    assert kinds == [
        "StatusChanged",
        "StatusChanged",
        "RequestConfirmation",
        "StatusChanged",
        "RequestResolved",
        "StatusChanged",
        "TaskCompleted",
        "StatusChanged",
    ]
    assert sum(one.last_seq - one.first_seq + 1 for one in gone) + len(events) == snapshot.last_seq
    assert events[-3].content == f"late {LINES // 2 - 1}"
    assert snapshot.streams == LINES


async def test_a_viewer_is_told_of_each_number_once_wherever_it_comes_in(tmp_path: Path) -> None:
    async with host(tmp_path, talks, limits=SMALL) as (manager, _):
        session_id = await talked(manager)
        last = (await manager.snapshot(session_id, ADA)).last_seq
        for after in (0, 1, 2, 50, 202, 203, 204, 206, 207, 230, last - 1, last):
            async with await manager.watch(session_id, ADA, after=after, epoch=1) as viewer:
                seen = await read_until(viewer, "state_replay_complete")
            assert numbers_told(seen) == list(range(after + 1, last + 1))
            assert seen[0]["count"] == sum("seq" in message for message in seen)
            reasons = [message["reason"] for message in seen if message["type"] == "truncated"]
            assert set(reasons) == ({"max_session_bytes"} if after <= 230 else set())


async def test_a_few_large_outputs_are_taken_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SNAPSHOT_EVERY", 1_000_000)
    monkeypatch.setattr(session, "SNAPSHOT_BYTES", CAP // 4)

    async def draws(worker: FakeWorker, run: Run) -> None:
        for n in range(40):
            await worker.emit(Display(data={"text/plain": f"{n} " + "x" * 1000}))
        await worker.emit(RequestConfirmation(request_id="q", message="Go?"))
        await worker.wait_for(CancelRun)

    async with host(tmp_path, draws, limits=SMALL) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        snapshot = await until(manager, session_id, "waiting")

        async def cut() -> bool:  # it is looked at when a snapshot is kept, so it may be over by what comes between two
            return await manager.journal.size(session_id) <= CAP + CAP // 4 + 2_000

        await eventually_async(cut, "the session is within its size")
    async with host(tmp_path, draws, limits=SMALL) as (manager, _):  # whose fold begins at the kept snapshot
        again = await manager.snapshot(session_id, ADA)
    assert (again.displays, again.created_at) == (snapshot.displays, snapshot.created_at)


async def test_a_tail_that_begins_in_a_gap_says_so(tmp_path: Path) -> None:
    async with host(tmp_path, talks, limits=SMALL) as (manager, _):
        session_id = await talked(manager)
        last = (await manager.snapshot(session_id, ADA)).last_seq
        async with await manager.watch(session_id, ADA, tail=300) as viewer:
            seen = await read_until(viewer, "state_replay_complete")
    assert seen[1]["type"] == "truncated"
    assert numbers_told(seen) == list(range(last - 299, last + 1))


async def test_a_live_viewer_that_retention_overtook_is_told_what_it_missed(tmp_path: Path) -> None:
    async def streams(worker: FakeWorker, run: Run) -> None:
        for n in range(LINES):
            await worker.emit(Stream(content=f"line {n}"))
        await worker.emit(RequestConfirmation(request_id="q", message="Go?"))
        await worker.wait_for(CancelRun)

    async with host(tmp_path, streams, limits=SMALL) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            reading = viewer.__aiter__()
            seen = [msgspec.json.decode(raw) for raw in split_batch(await anext(reading))]
            last = (await until(manager, session_id, "waiting")).last_seq

            async def cut() -> bool:
                return await manager.journal.size(session_id) <= CAP

            await eventually_async(cut, "the session is within its size")
            while last not in numbers_told(seen):
                seen += [msgspec.json.decode(raw) for raw in split_batch(await anext(reading))]
    assert any(message["type"] == "truncated" for message in seen)
    assert numbers_told(seen) == list(range(1, last + 1))


async def test_a_gap_that_nobody_made_is_damage_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with host(tmp_path, talks, limits=SMALL) as (manager, _):
        session_id = await talked(manager)

        async def nothing(*_: Any) -> list[Any]:
            return []

        monkeypatch.setattr(manager.journal, "truncations", nothing)
        async with await manager.watch(session_id, ADA) as viewer:
            with pytest.raises(StoreDamaged):
                await read_until(viewer, "state_replay_complete")


async def test_after_a_restart_a_cut_session_is_what_it_was(tmp_path: Path) -> None:
    async with host(tmp_path, talks, limits=SMALL) as (manager, _):
        session_id = await talked(manager)
        before = await manager.snapshot(session_id, ADA), await journaled(manager, session_id)
    async with host(tmp_path, talks, limits=SMALL) as (manager, _):
        assert (await manager.snapshot(session_id, ADA), await journaled(manager, session_id)) == before


async def test_pages_go_over_gaps_forwards_and_backwards(tmp_path: Path) -> None:
    async with host(tmp_path, talks, limits=SMALL) as (manager, _):
        session_id = await talked(manager)
        wanted = [event.seq for event in await journaled(manager, session_id)]

        async def page(**place: int) -> list[int]:
            return [event["seq"] for event in msgspec.json.decode(await manager.events(session_id, ADA, **place))]

        forwards: list[int] = []
        while got := await page(after=forwards[-1] if forwards else 0, limit=7):
            assert len(got) <= 7
            forwards += got
        backwards: list[int] = []
        while got := await page(before=backwards[0] if backwards else wanted[-1] + 1, limit=7):
            assert len(got) == 7 or got[0] == 1
            backwards = got + backwards
        assert forwards == backwards == wanted
        assert await page(after=1, before=wanted[2], limit=9) == [2]
        assert await page(after=10, before=20, limit=9) == []


# -- sessions that ended long ago -------------------------------------------------------------------------------------


async def swept(path: Path, now: float, limits: Limits, forget: Callable[[SqliteJournal], Any]) -> list[str]:
    """What a sweep at that time forgets of five sessions that ended on days 1 to 5, and one that did not end."""
    gone: list[str] = []
    async with SqliteJournal(path) as journal, anyio.create_task_group() as group:
        for number in range(6):
            await journal.submit(new_session(f"s{number}"))
        for day in range(1, 6):
            ended = SessionUpdate(last_seq=1, rev=10 + day, status="completed", ended_at=day * DAY_SECONDS)
            await journal.submit(Write(session_id=f"s{day}", update=ended))

        async def forget_one(session_id: str) -> None:
            await forget(journal)(session_id)
            gone.append(session_id)

        await Retention(journal, limits, Background(group), lambda: now, forget_one).sweep()
    return gone


def forgetting(journal: SqliteJournal) -> Any:
    async def forget(session_id: str) -> None:
        await journal.forget(session_id, 99)

    return forget


async def test_ended_sessions_go_after_their_days_the_oldest_first(tmp_path: Path) -> None:
    limits = Limits(retention_days=3)
    assert await swept(tmp_path / "a" / "j", 5.5 * DAY_SECONDS, limits, forgetting) == ["s1", "s2"]
    assert await swept(tmp_path / "b" / "j", 3.9 * DAY_SECONDS, limits, forgetting) == []


async def test_over_the_number_that_is_kept_the_oldest_ended_ones_go_and_no_live_one(tmp_path: Path) -> None:
    assert await swept(tmp_path / "a" / "j", 0, Limits(max_kept_sessions=4), forgetting) == ["s1", "s2"]
    assert await swept(tmp_path / "b" / "j", 0, Limits(max_kept_sessions=0), forgetting) == [
        f"s{n}" for n in range(1, 6)
    ]


async def test_what_cannot_be_forgotten_does_not_hold_the_sweeper_up(tmp_path: Path) -> None:
    def refusing(journal: SqliteJournal) -> Any:
        async def forget(session_id: str) -> None:
            if session_id == "s1":
                raise StoreDamaged("It cannot be read. Restore it.")
            await journal.forget(session_id, 99)

        return forget

    assert await swept(tmp_path / "j", 9 * DAY_SECONDS, Limits(retention_days=1), refusing) == ["s2", "s3", "s4", "s5"]


async def test_a_host_forgets_at_its_start_what_is_due_with_its_result(tmp_path: Path) -> None:
    async with host(tmp_path, completes, confirms) as (manager, _):
        ended, waiting = [(await manager.start(SHIPPED, ADA)).session_id for _ in range(2)]
        await until(manager, ended, "completed")
        await until(manager, waiting, "waiting")
    result = tmp_path / "results" / f"{ended}-1.pickle"
    result.write_bytes(b"a result")
    async with host(tmp_path, confirms, limits=Limits(max_warm_spares=0, retention_days=0)) as (manager, _):

        async def gone() -> bool:
            return await manager.journal.session(ended) is None and not result.exists()

        await eventually_async(gone, "the session that ended is forgotten")
        assert not (await manager.snapshot(waiting, ADA)).ended


async def test_whoever_shows_a_session_that_is_due_is_told(tmp_path: Path) -> None:
    async with host(tmp_path, completes, limits=Limits(max_warm_spares=0, retention_days=0)) as (manager, _):
        ended = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, ended, "completed")
        async with manager.feed(ADA) as feed:
            reading = feed.__aiter__()
            assert b'"completed"' in await anext(reading)
            await manager._retention.sweep()
            said = b""
            while b'"forgotten":true' not in said:
                said = await anext(reading)
        with pytest.raises(NotFound):
            await manager.snapshot(ended, ADA)
