"""What viewers see: history without a seam to live, resuming, tails, slow ones, inboxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from hitl_jupyter.engine import tail
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.tail import Tail, join_batches
from hitl_jupyter.errors import LimitReached
from hitl_jupyter.journal.contract import Batch
from hitl_jupyter.link.messages import CancelRun, Run, Transient
from hitl_jupyter.protocol import Confirm, DraftInput, RequestConfirmation, Stream, TaskCompleted, encode, split_batch
from tests.engine.fakes import ADA, SHIPPED, FakeWorker, host, read_until, until
from tests.engine.test_sessions import asks, confirms

pytestmark = pytest.mark.anyio


def seqs(messages: list[dict[str, Any]]) -> list[int]:
    return [message["seq"] for message in messages if "seq" in message]


async def test_a_viewer_that_comes_in_the_middle_of_a_stream_gets_every_event_once(tmp_path: Path) -> None:
    async def streams(worker: FakeWorker, run: Run) -> None:
        for start in range(0, 3000, 100):
            await worker.emit(*(Stream(content=f"line {n}") for n in range(start, start + 100)))
        await worker.emit(TaskCompleted())

    async with host(tmp_path, streams) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        seen: list[list[int]] = []

        async def view() -> None:
            async with await manager.watch(session_id, ADA) as viewer:
                seen.append(seqs(await read_until(viewer, "task_completed")))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(view)
                await anyio.lowlevel.checkpoint()
        for numbers in seen:
            assert numbers[:3003] == list(range(1, 3004))


async def test_a_viewer_resumes_after_the_number_it_has(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        async with await manager.watch(session_id, ADA, after=2, epoch=manager.journal.epoch) as viewer:
            seen = await read_until(viewer, "state_replay_complete")
        assert (seen[0]["type"], seen[0]["count"], seen[0]["first_seq"]) == ("state_replay_start", 2, 3)
        assert seqs(seen) == [3, 4]


async def test_a_viewer_ahead_of_the_journal_is_told_to_start_over(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        async with await manager.watch(session_id, ADA, after=99, epoch=1) as viewer:
            seen = await read_until(viewer, "state_replay_complete")
        assert [message["type"] for message in seen[:2]] == ["reset", "state_replay_start"]
        assert seqs(seen) == [1, 2, 3, 4]


async def test_an_empty_history_is_still_framed_by_its_two_messages(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        last = (await until(manager, session_id, "waiting")).last_seq
        async with await manager.watch(session_id, ADA, after=last) as viewer:
            seen = await read_until(viewer, "state_replay_complete")
        assert [message["type"] for message in seen] == ["state_replay_start", "state_replay_complete"]
        assert seen[0]["count"] == 0


async def test_a_tail_begins_with_a_snapshot_and_the_last_events(tmp_path: Path) -> None:
    async with host(tmp_path, confirms) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        snapshot = await until(manager, session_id, "waiting")
        async with await manager.watch(session_id, ADA, tail=1) as viewer:
            seen = await read_until(viewer, "state_replay_complete")
        assert seen[0]["snapshot"] == msgspec.json.decode(encode(snapshot))
        assert seqs(seen) == [snapshot.last_seq]


async def test_a_viewer_far_behind_reads_the_journal_and_misses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "KEPT_BYTES", 10_000)

    async def streams(worker: FakeWorker, run: Run) -> None:
        for n in range(200):
            await worker.emit(Stream(content=f"{n} " + "x" * 500))
        await worker.emit(RequestConfirmation(request_id="q", message="Go?"))
        await worker.wait_for(CancelRun)

    async with host(tmp_path, streams) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            reading = viewer.__aiter__()
            await anext(reading)
            last = (await until(manager, session_id, "waiting")).last_seq
            seen: list[dict[str, Any]] = []
            while not seen or seen[-1].get("seq") != last:
                seen += [msgspec.json.decode(raw) for raw in split_batch(await anext(reading))]
        assert seqs(seen)[-200:] == list(range(last - 199, last + 1))


async def test_transient_output_reaches_live_viewers_without_a_number(tmp_path: Path) -> None:
    async def redraws(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestConfirmation(request_id="q1", message="Watching?"))
        await worker.answer()
        await worker.send(Transient(events=[Stream(content="50%", source="stderr")]))
        await worker.emit(RequestConfirmation(request_id="q2", message="Seen?"))
        await worker.answer()
        await worker.emit(TaskCompleted())

    async with host(tmp_path, redraws) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        async with await manager.watch(session_id, ADA) as viewer:
            await read_until(viewer, "state_replay_complete")
            await manager.answer(session_id, Confirm(value=True, request_id="q1"), ADA)
            messages = await read_until(viewer, "stream")
        transient = next(message for message in messages if message["type"] == "stream")
        assert transient["transient"] is True
        assert "seq" not in transient


async def test_a_draft_is_shown_to_the_others_and_to_who_comes_later(tmp_path: Path) -> None:
    async with host(tmp_path, asks) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        async with await manager.watch(session_id, ADA) as viewer:
            await read_until(viewer, "state_replay_complete")
            await manager.save_draft(session_id, DraftInput(request_id="form", values={"name": "Ad"}), ADA)
            live = (await read_until(viewer, "draft"))[-1]
        async with await manager.watch(session_id, ADA) as viewer:
            later = (await read_until(viewer, "state_replay_complete"))[-1]
        assert (live["values"], live["revision"]) == ({"name": "Ad"}, 1)
        assert later == live


async def test_more_viewers_than_the_limit_are_refused(tmp_path: Path) -> None:
    async with host(tmp_path, confirms, limits=Limits(max_warm_spares=0, max_viewers=1)) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA):
            with pytest.raises(LimitReached):
                await manager.watch(session_id, ADA)


def test_joined_batches_are_cut_to_the_range_and_copied_inside_it() -> None:
    batches = [
        Batch(first_seq=n, last_seq=n + 2, data=encode([{"seq": n}, {"seq": n + 1}, {"seq": n + 2}])) for n in (1, 4, 7)
    ]
    joined = msgspec.json.decode(join_batches(batches, after=2, before=9))
    assert [event["seq"] for event in joined] == [3, 4, 5, 6, 7, 8]


def test_a_tail_says_when_it_does_not_reach_back_far_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "KEPT_BYTES", 10)
    kept = Tail(0)
    for n in range(1, 6):
        kept.add(Batch(first_seq=n, last_seq=n, data=b"[12345]"))
    assert kept.after(2, 100) is None
    assert [batch.last_seq for batch in kept.after(4, 100) or []] == [5]
    assert kept.after(5, 100) == []
