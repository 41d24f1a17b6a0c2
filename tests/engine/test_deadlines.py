"""Deadlines are moments of the wall clock: they outlive hosts, and a clock that jumps neither hastens nor holds one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hitl_jupyter.engine import deadlines
from hitl_jupyter.engine.deadlines import STALE_KEPT, Deadlines
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.errors import AlreadySettled, Expired
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.link.messages import Ack, Resolved, Run
from hitl_jupyter.protocol import Confirm, OnDeadline, RequestConfirmation, RequestResolved, Stream, TaskCompleted
from tests.engine.fakes import ADA, SHIPPED, FakeWorker, Script, host, read_until, until
from tests.engine.test_restart import SurvivingLauncher

pytestmark = pytest.mark.anyio

DEADLINE = 5000.0
DAY = 86400.0


@dataclass
class Clock:
    """A wall clock that a test sets."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(deadlines, "LOOK_SECONDS", 0.005)
    return Clock()


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of a host that does not look at it by itself."""
    monkeypatch.setattr(deadlines, "LOOK_SECONDS", math.inf)
    return Clock()


def urgent(on_deadline: OnDeadline) -> Script:
    question = RequestConfirmation(
        request_id="q", message="Now?", default=True, deadline=DEADLINE, on_deadline=on_deadline
    )

    async def script(worker: FakeWorker, run: Run) -> None:
        await worker.emit(question)
        resolved: Resolved = await worker.wait_for(Resolved)
        await worker.emit(TaskCompleted(values=[resolved.outcome, resolved.value]))

    return script


async def begin(manager: SessionManager) -> str:
    session_id = (await manager.start(SHIPPED, ADA)).session_id
    await until(manager, session_id, "waiting")
    return session_id


# -- the timer -------------------------------------------------------------------------------------------------------


class TimerMachine(RuleBasedStateMachine):
    """The timer against a dictionary, on a clock that goes both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.timer = Deadlines(self.clock)
        self.model: dict[str, float] = {}
        self.called: list[str] = []

    @rule(name=st.sampled_from("abcdef"), moment=st.floats(0, 2000))
    def add(self, name: str, moment: float) -> None:
        self.timer.add(name, moment, lambda: self.called.append(name))
        self.model[name] = moment

    @rule(name=st.sampled_from("abcdef"))
    def discard(self, name: str) -> None:
        self.timer.discard(name)
        self.model.pop(name, None)

    @rule(by=st.floats(-500, 500))
    def jump(self, by: float) -> None:
        self.clock.now += by

    @rule()
    def look(self) -> None:
        self.called.clear()
        due = {name: moment for name, moment in self.model.items() if moment <= self.clock.now}
        self.timer.look()
        assert sorted(self.called) == sorted(due)
        assert [self.model.pop(name) for name in self.called] == sorted(due.values())

    @invariant()
    def knows_what_waits(self) -> None:
        assert len(self.timer) == len(self.model)


TestTimer = TimerMachine.TestCase
TestTimer.settings = settings(max_examples=40, deadline=None)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(1, 1e9), max_size=100))
def test_deadlines_of_settled_requests_are_let_go(moments: list[float]) -> None:
    timer = Deadlines(lambda: 0.0)
    for number, moment in enumerate(moments * 10):
        timer.add(str(number), moment, lambda: None)
        timer.discard(str(number))
        assert len(timer._heap) <= STALE_KEPT + 1


def test_a_deadline_that_is_no_number_never_comes() -> None:
    timer = Deadlines(lambda: math.inf)
    timer.add("never", math.nan, lambda: pytest.fail("it came"))
    timer.look()


# -- a session's ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on_deadline", "outcome", "value"), [("fail", "expired", None), ("default", "defaulted", True)]
)
async def test_a_jump_of_the_clock_over_a_deadline_is_noticed_and_reaches_the_worker_as_nobodys_answer(
    tmp_path: Path, clock: Clock, on_deadline: OnDeadline, outcome: str, value: bool | None
) -> None:
    async with host(tmp_path, urgent(on_deadline), clock=clock) as (manager, _):
        session_id = await begin(manager)
        clock.now = DEADLINE + 10 * DAY
        done = await until(manager, session_id, "completed")
        assert done.values == [outcome, value]
        (settled,) = done.settled
        assert (settled.outcome, settled.value, settled.by, settled.via) == (outcome, value, None, "host")
        assert settled.at == clock.now


async def test_a_deadline_that_keeps_is_told_once_and_the_question_is_still_answered(
    tmp_path: Path, clock: Clock
) -> None:
    async with host(tmp_path, urgent("keep"), clock=clock) as (manager, _):
        session_id = await begin(manager)
        async with await manager.watch(session_id, ADA) as viewer:
            clock.now = DEADLINE
            await read_until(viewer, "request_overdue")
        await manager.answer(session_id, Confirm(value=False, request_id="q"), ADA)
        done = await until(manager, session_id, "completed")
        assert done.values == ["answered", False]
        events = await manager.events(session_id, ADA)
        assert events.count(b'"type":"request_overdue"') == 1


async def test_a_clock_that_was_set_back_does_not_bring_a_deadline_forward(tmp_path: Path, asleep: Clock) -> None:
    async with host(tmp_path, urgent("fail"), clock=asleep) as (manager, _):
        session_id = await begin(manager)
        asleep.now = -DAY
        manager._deadlines.look()
        assert (await manager.snapshot(session_id, ADA)).status == "waiting"
        asleep.now = DEADLINE - 0.001
        manager._deadlines.look()
        await manager.answer(session_id, Confirm(value=False, request_id="q"), ADA)
        assert (await until(manager, session_id, "completed")).values == ["answered", False]


async def test_a_host_whose_clock_was_moved_can_be_told_and_settles_what_is_due_before_it_says_so(
    tmp_path: Path, asleep: Clock
) -> None:
    async with host(tmp_path, urgent("fail"), clock=asleep) as (manager, _):
        session_id = await begin(manager)
        asleep.now = DEADLINE - 1
        await manager.pass_deadlines()
        assert (await manager.snapshot(session_id, ADA)).open_requests
        asleep.now = DEADLINE
        await manager.pass_deadlines()
        assert not (await manager.snapshot(session_id, ADA)).open_requests
        await manager.pass_deadlines()
        done = await until(manager, session_id, "completed")
        assert (done.values[0], len(done.settled), len(manager._deadlines)) == ("expired", 1, 0)


@pytest.mark.parametrize(("on_deadline", "refusal"), [("fail", Expired), ("default", AlreadySettled)])
async def test_an_answer_after_the_deadline_is_late_though_the_host_slept_over_it(
    tmp_path: Path, asleep: Clock, on_deadline: OnDeadline, refusal: type[AlreadySettled | Expired]
) -> None:
    async with host(tmp_path, urgent(on_deadline), clock=asleep) as (manager, _):
        session_id = await begin(manager)
        asleep.now = DEADLINE
        with pytest.raises(refusal) as refused:
            await manager.answer(session_id, Confirm(value=False, request_id="q"), ADA)
        assert (refused.value.details["by"], refused.value.details["via"]) == (None, "host")
        assert refused.value.details["at"] == DEADLINE
        done = await until(manager, session_id, "completed")
        assert done.values[0] == refused.value.details["outcome"]


async def test_a_deadline_that_passed_while_no_host_ran_takes_effect_when_the_next_one_starts(
    tmp_path: Path, asleep: Clock
) -> None:
    second_host = anyio.Event()

    async def survives(worker: FakeWorker, run: Run) -> None:
        await worker.emit(RequestConfirmation(request_id="q", message="?", deadline=DEADLINE, on_deadline="fail"))
        await worker.wait_for(Ack)
        await worker.connect_again(second_host)
        await worker.emit(TaskCompleted(values=(await worker.wait_for(Resolved)).outcome))

    async with anyio.create_task_group() as processes:
        launcher = SurvivingLauncher(processes, survives)

        def new_host() -> SessionManager:
            journal = SqliteJournal(tmp_path / "journal.sqlite")
            return SessionManager(journal, launcher, tmp_path, Limits(max_warm_spares=0), clock=asleep)

        async with new_host() as manager:
            session_id = await begin(manager)
        asleep.now = DEADLINE + DAY
        async with new_host() as manager:
            second_host.set()
            done = await until(manager, session_id, "completed")
    assert done.values == "expired"
    (settled,) = done.settled
    assert (settled.by, settled.via, settled.at) == (None, "host", asleep.now)


async def test_what_is_not_asked_any_more_keeps_no_deadline(tmp_path: Path, asleep: Clock) -> None:
    async def many(worker: FakeWorker, run: Run) -> None:
        for number in range(5):
            await worker.emit(RequestConfirmation(request_id=f"q{number}", key="same", message="?", deadline=DEADLINE))
        await worker.emit(Stream(content="so far"))
        await worker.wait_for(RequestResolved)

    async with host(tmp_path, many, clock=asleep) as (manager, _):
        session_id = (await manager.start(SHIPPED, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            await read_until(viewer, "stream")
        assert len(manager._deadlines) == 1
        await manager.cancel(session_id, ADA, force=True)
        await until(manager, session_id, "cancelled")
        assert len(manager._deadlines) == 0
