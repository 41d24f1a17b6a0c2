"""The record of a durable attempt: wherever a run is cut, the next one repeats nothing of what was recorded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_jupyter.author.calls import Calls, Kept
from hitl_jupyter.author.recall import begun
from hitl_jupyter.author.sync_context import SyncContext
from hitl_jupyter.errors import ReplayMismatch, WrongState
from hitl_jupyter.link.messages import Called, Recorded, WorkerEvent
from tests.support.fake_channel import FakeChannel, answering

Program = list[tuple[str, str | None]]
PROGRAMS: st.SearchStrategy[Program] = st.lists(
    st.tuples(st.sampled_from(["load", "clean", "train"]), st.sampled_from([None, None, "k", "l"])), max_size=8
)


class Lost(BaseException):
    """The process is gone."""


class Memory:
    """Results that outlive a process."""

    def __init__(self) -> None:
        self.values: dict[str, Kept] = {}

    def load(self, name: str) -> Kept | None:
        return self.values.get(name)

    def save(self, name: str, kept: Kept) -> None:
        self.values[name] = kept

    def save_again(self, name: str, other: str) -> None:
        self.values[other] = self.values[name]


class Process:
    """One process of an attempt: it has the record of those before, and is lost when it was told ``lives`` calls."""

    def __init__(self, record: list[Called], results: Memory, lives: int = 1_000, attempt: int = 1) -> None:
        self.record = record
        self.caught_up = 0
        self._left = lives
        recorded = [Recorded(call=call) for call in record]
        self.calls = Calls(
            self._tell, results, recorded, attempt=attempt, before_record=lambda: None, caught_up=self._catch_up
        )

    def _tell(self, event: WorkerEvent) -> None:
        if self._left == 0:
            raise Lost
        self._left -= 1
        assert isinstance(event, Called)
        self.record.append(event)

    def _catch_up(self) -> None:
        self.caught_up += 1


def run(program: Program, process: Process, ledger: list[int]) -> list[Any]:
    """What the program's steps give; the ledger gets the place of each one that is really taken."""
    given = []
    for place, (name, key) in enumerate(program):
        step = begun(process.calls, name, key)
        if step.kept is None:
            ledger.append(place)
            assert step.call is not None
            process.calls.keep(step.call, Kept(place))
            given.append(place)
        else:
            given.append(step.kept.value)
    return given


@given(PROGRAMS, st.lists(st.integers(0, 4), max_size=4))
def test_wherever_its_processes_are_lost_each_step_is_taken_once_and_gives_its_own_result(
    program: Program, lives: list[int]
) -> None:
    record: list[Called] = []
    results, ledger = Memory(), list[int]()
    for life in lives:
        process = Process(record, results, life)
        try:
            run(program, process, ledger)
        except Lost:
            continue
    last = Process(record, results)
    had_record = bool(record)
    assert run(program, last, ledger) == list(range(len(program)))
    assert ledger == list(range(len(program)))
    assert [call.number for call in record] == list(range(1, len(program) + 1))
    assert last.caught_up == int(had_record)


def test_a_call_without_a_key_that_is_another_than_before_is_refused_and_names_both() -> None:
    results = Memory()
    first = Process([], results)
    run([("load", None), ("clean", None)], first, [])
    with pytest.raises(ReplayMismatch, match=r"Call 2 .*step 'clean' before, and is step 'train' now"):
        run([("load", None), ("train", None)], Process(first.record, results), [])


def test_calls_with_keys_may_come_in_any_order() -> None:
    results, ledger = Memory(), list[int]()
    first = Process([], results)
    run([("load", "a"), ("load", "b")], first, ledger)
    assert run([("load", "b"), ("load", "a")], Process(first.record, results), ledger) == [1, 0]
    assert ledger == [0, 1]


def test_a_new_call_ends_the_silence_although_one_of_the_record_is_missing() -> None:
    results = Memory()
    first = Process([], results)
    run([("load", "a"), ("load", "b")], first, [])
    again = Process(first.record, results)
    run([("load", "a"), ("load", "c")], again, [])
    assert again.caught_up == 1


def test_a_step_asks_nobody_and_takes_no_other_step() -> None:
    ctx = SyncContext(answering(True))
    with pytest.raises(WrongState, match="outer did"):
        ctx.step(_outer, ctx)
    with pytest.raises(WrongState, match="cannot take another step"):
        ctx.step(lambda: ctx.step(len, "abc"))


def _outer(ctx: SyncContext) -> None:
    ctx.confirm("Sure?")


def test_in_a_task_that_is_not_durable_a_step_is_a_call() -> None:
    assert SyncContext(FakeChannel()).step(max, 3, 5, key="most") == 5


def upload(failures: list[str], done: list[str], name: str) -> str:
    """Fails as often as there are failures left, and notes what it has done."""
    if failures:
        raise OSError(failures.pop())
    done.append(name)
    return name.upper()


def insistent(ctx: SyncContext, name: str, failures: list[str], done: list[str], key: str | None) -> str:
    """A step that is taken again after it has failed."""
    try:
        return str(ctx.step(upload, failures, done, name, key=key))
    except OSError:
        return str(ctx.step(upload, failures, done, name, key=key))


@pytest.mark.parametrize("key", [None, "up"])
def test_a_step_that_raised_raises_again_so_that_what_followed_is_not_done_twice(key: str | None) -> None:
    results, done = Memory(), list[str]()
    first = Process([], results)
    ctx = SyncContext(FakeChannel(), calls=first.calls)
    assert insistent(ctx, "a", ["away"], done, key) == "A"
    again = SyncContext(FakeChannel(), calls=Process(first.record, results).calls)
    assert insistent(again, "a", [], done, key) == "A"
    assert done == ["a"]


def test_a_new_attempt_takes_over_what_has_a_key_and_nothing_that_has_not() -> None:
    results, done = Memory(), list[str]()
    ctx = SyncContext(FakeChannel(), calls=Process([], results).calls)
    assert insistent(ctx, "keyed", ["away"], done, "k") == "KEYED"
    ctx.step(upload, [], done, "unkeyed")
    second = SyncContext(FakeChannel(), calls=Process([], results, attempt=2).calls)
    assert insistent(second, "keyed", [], done, "k") == "KEYED"
    assert second.step(upload, [], done, "other") == "OTHER"
    assert done == ["keyed", "unkeyed", "other"]
