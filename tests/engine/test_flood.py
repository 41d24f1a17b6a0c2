"""A task that writes more than a minute's bytes: what is kept, what is cut, and how that is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_jupyter.engine.flood import FloodMeter
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.link.messages import Ack, Run, WorkerEvent
from hitl_jupyter.protocol import (
    Confirm,
    Display,
    Dropped,
    Progress,
    RequestConfirmation,
    Source,
    Stream,
    TaskCompleted,
    TaskFailed,
)
from tests.engine.fakes import ADA, SHIPPED, FakeWorker, host, journaled, read_until, until

RATE = 600
SOURCES: tuple[Source, ...] = ("task", "stdout", "stderr", "log")

lines = st.builds(Stream, content=st.text("xé", max_size=60), source=st.sampled_from(SOURCES))
displays = st.builds(lambda text: Display(data={"text/plain": text, "a/b": [text]}), st.text("y", max_size=40))
others = st.one_of(
    st.builds(lambda n: Progress(progress_id="p", label="x" * n, done=n), st.integers(0, 99)),
    st.builds(lambda n: RequestConfirmation(request_id=f"q{n}", message="x" * n), st.integers(0, 999)),
    st.just(TaskFailed(error="no", ends_attempt=False)),
)
batches = st.lists(
    st.tuples(st.lists(st.one_of(lines, displays, others), max_size=12), st.floats(0, 90, allow_nan=False)), max_size=12
)


def size(event: Any) -> int:
    """Bytes of a line or a display, reckoned another way."""
    if isinstance(event, Stream):
        return len(event.content.encode())
    return 2 * len(event.data["text/plain"]) + len('[""]') if isinstance(event, Display) else 0


@given(batches)
def test_what_is_kept_and_what_is_said_to_be_dropped_are_together_all_that_came(
    script: list[tuple[list[WorkerEvent], float]],
) -> None:
    meter, now = FloodMeter(RATE), 0.0
    spent: list[tuple[float, int]] = []
    for events, seconds in script:
        now += seconds
        kept = meter.sift(events, now)
        dropped = [event for event in kept if isinstance(event, Dropped)]
        stayed = [event for event in kept if not isinstance(event, Dropped)]
        gone = [event for event in events if not any(event is other for other in stayed)]
        assert stayed == [event for event in events if any(event is other for other in stayed)], "the order is kept"
        assert all(isinstance(event, Stream | Display) for event in gone)
        assert len(dropped) == len({event.source for event in dropped})
        assert sum(event.events for event in dropped) == len(gone)
        assert sum(event.bytes for event in dropped) == sum(map(size, gone))
        ending = next((n for n, event in enumerate(events) if isinstance(event, TaskFailed)), len(events))
        spent.append((now, sum(size(event) for event in events[:ending] if any(event is one for one in stayed))))
    for first, (began, _) in enumerate(spent):
        for last in range(first, len(spent)):
            taken = sum(each for _, each in spent[first : last + 1])
            assert taken <= RATE * (1 + (spent[last][0] - began) / 60) + 1e-6


def test_a_task_within_its_rate_is_never_cut() -> None:
    meter = FloodMeter(RATE)
    for second in range(1000):
        assert len(meter.sift([Stream(content="x" * 5), Stream(content="y" * 5)], float(second))) == 2


def test_after_a_quiet_minute_a_whole_minutes_bytes_may_come_at_once() -> None:
    meter = FloodMeter(RATE)
    whole: list[WorkerEvent] = [Stream(content="x" * RATE)]
    assert [type(e) for e in meter.sift([*whole, Stream(content="x")], 0.0)] == [Stream, Dropped]
    assert [type(e) for e in meter.sift(whole, 59.0)] == [Dropped]
    assert [type(e) for e in meter.sift(whole, 60.0)] == [Stream]
    assert [type(e) for e in meter.sift(whole, 30.0)] == [Dropped], "a clock that goes back gives nothing"


@pytest.mark.anyio
async def test_a_flood_is_cut_and_said_with_exact_counts_and_its_question_and_ending_are_there(tmp_path: Path) -> None:
    async def floods(worker: FakeWorker, run: Run) -> None:
        for _ in range(3):
            await worker.emit(*(Stream(content="x" * 100) for _ in range(8)), Stream(content="é", source="stderr"))
            assert (await worker.wait_for(Ack)).number == worker.emitted
        await worker.emit(Stream(content="more"), RequestConfirmation(request_id="q", message="Go?"))
        await worker.answer()
        await worker.emit(*(Stream(content="y" * 100) for _ in range(9)), TaskCompleted(values=1), Stream(content="z"))

    limits = Limits(max_warm_spares=0, max_flood_bytes_per_minute=1000)
    async with host(tmp_path, floods, limits=limits) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        await manager.answer(session_id, Confirm(value=True, request_id="q"), ADA)
        snapshot = await until(manager, session_id, "completed")
        events = await journaled(manager, session_id)
    streamed = [event for event in events if isinstance(event, Stream)]
    dropped = [event for event in events if isinstance(event, Dropped)]
    came = 3 * 9 + 1 + 9
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert len(streamed) + sum(event.events for event in dropped) == came
    assert sum(len(e.content.encode()) for e in streamed) + sum(e.bytes for e in dropped) == 3 * 802 + 4 + 900
    assert {event.source for event in dropped} == {"task", "stderr"}
    assert (snapshot.dropped_events, snapshot.dropped_bytes) == (came - len(streamed), sum(e.bytes for e in dropped))
    assert [type(event).__name__ for event in events[-2:]] == ["TaskCompleted", "StatusChanged"]


@pytest.mark.anyio
async def test_the_worker_of_a_flood_is_acknowledged_late_and_one_within_its_rate_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hitl_jupyter.engine.attempts.PAUSE_SECONDS", 3600.0)
    acknowledged: list[int] = []

    async def writes(worker: FakeWorker, run: Run) -> None:
        for _ in range(4):
            await worker.emit(Stream(content="x" * 400))
            acknowledged.append((await worker.wait_for(Ack)).number)

    limits = Limits(max_warm_spares=0, max_flood_bytes_per_minute=1000)
    async with host(tmp_path, writes, limits=limits) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            await read_until(viewer, "dropped")
        assert acknowledged == [1, 2]
        assert (await manager.snapshot(session_id, ADA)).dropped_bytes == 400
