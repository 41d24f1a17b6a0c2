"""Deadlines: moments of the wall clock, whatever that does, kept by one task and recorded as nobody's answer."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_jupyter.engine import deadlines
from hitl_jupyter.engine.deadlines import Deadlines
from hitl_jupyter.errors import Expired
from hitl_jupyter.link.messages import Resolved, Run
from hitl_jupyter.protocol import Confirm, OnDeadline, RequestConfirmation, RequestResolved
from tests.engine.fakes import ADA, SHIPPED, FakeWorker, Script, host, journaled, until

pytestmark = pytest.mark.anyio

NOON = 1_800_000_000.0
HOUR = 3600.0


class Clock:
    """A wall clock that somebody sets."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


Steps = list[tuple[str, int, float]]
STEPS: st.SearchStrategy[Steps] = st.lists(
    st.tuples(st.sampled_from(["add", "discard", "jump"]), st.integers(0, 5), st.floats(-100, 100)), max_size=40
)


@given(STEPS)
def test_each_deadline_passes_once_at_the_first_look_after_its_moment_and_none_that_was_discarded(steps: Steps) -> None:
    clock = Clock()
    kept = Deadlines(clock)
    passed: list[str] = []
    model: dict[str, float] = {}
    for step, number, seconds in steps:
        name = str(number)
        if step == "add":
            model[name] = clock.now + seconds
            kept.add(name, model[name], partial(passed.append, name))
        elif step == "discard":
            model.pop(name, None)
            kept.discard(name)
        else:
            clock.now += seconds
            kept.look()
            due = {each for each, moment in model.items() if moment <= clock.now}
            assert sorted(passed) == sorted(due)
            for each in due:
                del model[each]
            passed.clear()
    assert len(kept) == len(model)


def asks(on_deadline: OnDeadline, told: list[Any]) -> Script:
    """Asks until one o'clock, and notes what it is told."""

    async def script(worker: FakeWorker, run: Run) -> None:
        question = RequestConfirmation(
            request_id="q", message="Sure?", deadline=NOON + HOUR, on_deadline=on_deadline, default=True
        )
        await worker.emit(question)
        told.append(await worker.wait_for(Resolved))

    return script


@pytest.mark.parametrize(("on_deadline", "outcome"), [("default", "defaulted"), ("fail", "expired")])
async def test_a_clock_that_jumps_ahead_is_noticed_and_the_outcome_is_nobodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_deadline: OnDeadline, outcome: str
) -> None:
    monkeypatch.setattr(deadlines, "LOOK_SECONDS", 0.01)
    clock, told = Clock(), list[Any]()
    async with host(tmp_path, asks(on_deadline, told), clock=clock) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        clock.now -= HOUR  # set back: nothing passes early
        await anyio.wait_all_tasks_blocked()
        assert (await manager.snapshot(session_id, ADA)).status == "waiting"
        clock.now = NOON + HOUR
        await until(manager, session_id, "running")
        (resolved,) = [e for e in await journaled(manager, session_id) if isinstance(e, RequestResolved)]
        assert (resolved.outcome, resolved.by, resolved.via, resolved.at) == (outcome, None, "host", NOON + HOUR)


async def test_an_answer_after_the_deadline_is_late_though_the_host_has_slept_over_it(tmp_path: Path) -> None:
    clock, told = Clock(), list[Any]()
    async with host(tmp_path, asks("fail", told), clock=clock) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        await until(manager, session_id, "waiting")
        clock.now = NOON + HOUR + 1
        with pytest.raises(Expired) as caught:
            await manager.answer(session_id, Confirm(value=True, request_id="q"), ADA)
        assert (caught.value.details["by"], caught.value.details["via"]) == (None, "host")
        await until(manager, session_id, "running")


async def test_an_answer_to_a_question_that_is_only_overdue_still_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "LOOK_SECONDS", 0.01)
    clock, told = Clock(), list[Any]()
    async with host(tmp_path, asks("keep", told), clock=clock) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            clock.now = NOON + HOUR
            async for _ in viewer:
                if (await manager.snapshot(session_id, ADA)).overdue:
                    break
        answered = await manager.answer(session_id, Confirm(value=False, request_id="q"), ADA)
        assert (answered.outcome, answered.value, answered.by) == ("answered", False, "Ada")
