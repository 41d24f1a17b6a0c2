"""Whole tasks in real worker processes: what they say, ask, return and raise."""

from __future__ import annotations

import pickle
import stat
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hitl_jupyter.link.messages import Called, Describe, Described, Recorded, Resolved
from hitl_jupyter.notebook.shipping import dumps
from hitl_jupyter.protocol import (
    Progress,
    RequestConfirmation,
    RequestResolved,
    RequestUserInput,
    TaskCancelled,
    TaskCompleted,
    TaskFailed,
)
from tests.support.fake_host import ROOT, STOP, cell, fake_host, run_of, running, worker
from tests.support.waiting import eventually

pytestmark = pytest.mark.processes

STREAM_ONCE = """
    def go(ctx):
        ctx.stream("here")
"""


def test_an_async_task_streams_asks_and_returns() -> None:
    source = """
        import asyncio

        async def go(ctx, n):
            ctx.stream("hello", n)
            for i in ctx.progress(range(n), "counting"):
                await asyncio.sleep(0)
            many = await ctx.ask(int, "How many?")
            sure = await ctx.confirm(f"{many}, sure?")
            return {"many": many, "sure": sure}
    """
    with running(source, 3) as host:
        form = host.wait(RequestUserInput)
        assert form.schema["required"] == ["value"]
        host.answer(form, {"value": 7})
        question = host.wait(RequestConfirmation)
        assert question.message == "7, sure?"
        host.answer(question, True)
        ending = host.end()
        assert isinstance(ending, TaskCompleted)
        assert ending.values == {"many": 7, "sure": True}
        assert host.lines("task") == ["hello 3"]
        last_bar = host.of(Progress)[-1]
        assert (last_bar.done, last_bar.total, last_bar.label) == (3, 3, "counting")


def test_a_def_task_gets_the_same_context_with_blocking_methods() -> None:
    source = """
        def go(ctx):
            name = ctx.ask(str, "Name?", key="name")
            colour = ctx.choose("Colour?", ["red", "green"])
            return f"{name} likes {colour}" if ctx.confirm("Right?") else None
    """
    with running(source) as host:
        host.answer(host.wait(RequestUserInput), {"value": "Ada"})
        host.answer(host.wait(RequestUserInput, 2), {"value": "green"})
        host.answer(host.wait(RequestConfirmation), True)
        assert host.end().values == "Ada likes green"


def test_a_function_without_a_context_and_without_the_decorator_runs_too() -> None:
    with running("def go(a, b): return a + b", 2, 3) as host:
        assert host.end().values == 5


def test_the_result_is_a_pickle_that_only_its_owner_may_read_and_is_there_before_the_ending() -> None:
    with running("def go(ctx): return {1, 2}") as host:
        host.end()
        path = Path(host.folder, "result.pickle")
        assert pickle.loads(path.read_bytes()) == {1, 2}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [entry.name for entry in host.folder.iterdir() if entry.name.startswith(".")] == []


def test_a_result_that_cannot_be_pickled_is_kept_as_json_and_a_line_says_so() -> None:
    source = """
        import threading

        def go(ctx):
            return {"accuracy": 0.9, "lock": threading.Lock()}
    """
    with running(source) as host:
        assert host.end().values["accuracy"] == 0.9
        assert not Path(host.folder, "result.pickle").exists()
        assert "cannot be pickled" in host.lines("log")[0]


def test_an_error_carries_its_traceback_without_any_frame_of_ours() -> None:
    source = """
        async def inner(ctx):
            await ctx.sleep(0)
            return {}["nothing"]

        async def go(ctx):
            try:
                await inner(ctx)
            except KeyError as error:
                raise ValueError("no such entry") from error
    """
    with running(source) as host:
        ending = host.end()
        assert isinstance(ending, TaskFailed)
        assert (ending.error, ending.error_type, ending.can_retry) == ("no such entry", "ValueError", True)
        assert ending.ends_attempt
        assert "in inner" in ending.traceback
        assert "KeyError: 'nothing'" in ending.traceback
        assert "hitl_jupyter" not in ending.traceback
        assert "asyncio" not in ending.traceback


def test_the_source_lines_of_a_cell_are_in_the_traceback_when_they_are_shipped() -> None:
    source = "def go(ctx):\n    raise ValueError('broken here')\n"
    with fake_host() as host:
        opened: dict[str, Any] = pickle.loads(cell(source))
        data = cell_with_sources(opened["task"], {"<cell>": source})
        host.on_connect = [run_of(host, shipped=data)]
        with worker(host):
            assert "raise ValueError('broken here')" in host.end().traceback


def cell_with_sources(task: Any, sources: dict[str, str]) -> bytes:
    """A shipped task with the text of its cells."""
    return dumps({"task": task, "args": (), "kwargs": {}, "sources": sources})


def test_not_confirmed_ends_as_cancelled_and_not_as_an_error() -> None:
    source = """
        import asyncio
        import hitl_jupyter.errors

        async def check(ctx):
            if not await ctx.confirm("Go on?"):
                raise hitl_jupyter.errors.NotConfirmed

        async def go(ctx):
            async with asyncio.TaskGroup() as group:
                group.create_task(check(ctx))
    """
    with running(source) as host:
        host.answer(host.wait(RequestConfirmation), False)
        ending = host.end()
        assert isinstance(ending, TaskCancelled)
        assert ending.reason == "not_confirmed"


def test_a_failing_part_is_retried_until_the_retries_are_used_up() -> None:
    source = """
        from hitl_jupyter.author.task import task

        @task(max_retries=2)
        async def go(ctx):
            tries = 0
            while True:
                tries += 1
                try:
                    raise ConnectionError(f"try {tries}")
                except ConnectionError as error:
                    if not await ctx.retry(error):
                        raise
    """
    with running(source, max_retries=None) as host:
        for count in (1, 2):
            offer = host.wait(TaskFailed, count)
            assert (offer.error, offer.retries, offer.max_retries) == (f"try {count}", count - 1, 2)
            assert not offer.ends_attempt
            assert "try" in offer.traceback
            host.answer(offer, True)
        ending = host.end()
        assert (ending.error, ending.can_retry, ending.retries) == ("try 3", False, 0)


def test_a_declined_retry_makes_the_failure_final() -> None:
    source = """
        def go(ctx):
            try:
                1 / 0
            except ZeroDivisionError as error:
                if not ctx.retry(error):
                    raise
    """
    with running(source, max_retries=3) as host:
        host.answer(host.wait(TaskFailed), False)
        assert host.end().can_retry is False


def test_forms_of_an_earlier_attempt_are_reused_and_confirmations_asked_anew() -> None:
    source = """
        def go(ctx):
            first = ctx.ask(int, "How many?", key="n")
            second = ctx.ask(int, "How many?", key="n")
            return first, second, ctx.confirm("Sure?", key="sure")
    """
    with running(source, reuse={"n": [{"value": 4}, {"value": "no number"}], "sure": [True]}) as host:
        host.answer(host.wait(RequestUserInput), {"value": 5})
        host.answer(host.wait(RequestConfirmation), True)
        assert host.end().values == [4, 5, True]
        assert len(host.of(RequestUserInput)) == 1
        assert "not asked again" in host.lines("log")[0]


def test_a_wrong_answer_is_refused_per_field_and_the_question_stays_open() -> None:
    source = """
        from pydantic import BaseModel, field_validator

        calls = []

        class Order(BaseModel):
            count: int

            @field_validator("count")
            @classmethod
            def even(cls, count):
                calls.append(count)
                if count % 2:
                    raise ValueError("only pairs are sold")
                return count

        def go(ctx):
            order = ctx.ask(Order, "What?")
            return type(order).__name__, order.count, len(calls)
    """
    with running(source) as host:
        question = host.wait(RequestUserInput)
        refused = host.check(question, {"count": 3})
        assert refused.errors == [{"field": "count", "message": "Only pairs are sold."}]
        assert host.check(question, {"count": 4}).values == {"count": 4}
        unknown = host.check(SimpleNamespace(request_id="unknown"), {"count": 4})
        assert unknown.errors[0]["message"] == "This question is no longer open."
        host.answer(question, {"count": 4})
        # the validator ran once for the wrong answer and once for the right one
        assert host.end().values == ["Order", 4, 2]


def test_a_question_nobody_waits_for_any_more_is_withdrawn() -> None:
    source = """
        import asyncio

        async def go(ctx):
            try:
                async with asyncio.timeout(0.1):
                    await ctx.confirm("Quick?")
            except TimeoutError:
                return "too late"
    """
    with running(source) as host:
        question = host.wait(RequestConfirmation)
        resolved = host.wait(RequestResolved)
        assert (resolved.request_id, resolved.outcome) == (question.request_id, "cancelled")
        assert host.end().values == "too late"


def test_a_task_is_started_by_name_with_checked_parameters(tmp_path: Path) -> None:
    (tmp_path / "my_tasks.py").write_text("def add(ctx, a: int, b: int = 2):\n    return a + b\n")
    with fake_host() as host:
        host.on_connect = [
            run_of(host, task="my_tasks:add", params={"a": "40"}, sys_path=[str(tmp_path), *site_packages()])
        ]
        with worker(host):
            ending = host.end()
    assert isinstance(ending, TaskCompleted), ending
    assert ending.values == 42


@pytest.mark.parametrize(
    ("reference", "params", "error_type"),
    [
        ("nowhere:task", {}, "NotFound"),
        ("json:nothing", {}, "NotFound"),
        ("unregistered", {}, "NotFound"),
        ("hitl_jupyter.demo:simulate_streaming", {"lines": "many"}, "InvalidValues"),
    ],
)
def test_a_start_that_cannot_work_is_not_offered_for_retry(reference: str, params: Any, error_type: str) -> None:
    with fake_host() as host:
        host.on_connect = [run_of(host, task=reference, params=params, max_retries=2)]
        with worker(host):
            ending = host.end()
    assert (ending.error_type, ending.can_retry) == (error_type, False)


def test_a_worker_describes_the_tasks_and_leaves_when_told() -> None:
    with fake_host() as host:
        host.on_connect = [Describe(modules=["hitl_jupyter.demo", "no_such_module"])]
        with worker(host) as process:
            described = eventually(lambda: host.replies and host.replies[0], "a reply")
            assert isinstance(described, Described)
            tasks = {task["name"]: task for task in described.tasks}
            host.send(STOP)
            assert process.wait() == 0
    demo = tasks["hitl_jupyter.demo:long_running_task"]
    assert demo["max_retries"] == 2
    assert set(demo["schema"]["properties"]) == {"steps", "step_seconds"}
    assert demo["ui_schema"] == {"ui:order": ["steps", "step_seconds"]}
    assert [problem["module"] for problem in described.problems] == ["no_such_module"]


def test_a_spare_waits_for_its_run() -> None:
    with fake_host() as host, worker(host) as process:
        eventually(lambda: host.hellos, "the spare's Hello")
        host.send(run_of(host, shipped=cell(STREAM_ONCE)))
        host.end()
        assert process.wait() == 0


def test_the_task_runs_in_the_kernels_folder_and_finds_its_modules(tmp_path: Path) -> None:
    (tmp_path / "helpers_of_mine.py").write_text("VALUE = 3\n")
    source = """
        import os

        def go(ctx):
            import helpers_of_mine
            return os.getcwd(), helpers_of_mine.VALUE
    """
    with running(source, cwd=str(tmp_path), sys_path=["", str(ROOT), *site_packages()]) as host:
        assert host.end().values == [str(tmp_path), 3]


def site_packages() -> list[str]:
    """Where this interpreter's packages are."""
    return [path for path in sys.path if path]


def test_input_says_what_to_use_instead() -> None:
    with running("def go(ctx): input('?')") as host:
        assert "ctx.ask" in host.end().error


def test_sys_exit_in_a_task_is_a_failure_that_says_so() -> None:
    with running("import sys\ndef go(ctx): sys.exit(3)") as host:
        assert "sys.exit(3)" in host.end().error


def test_an_answer_that_overtakes_a_task_which_runs_again_is_kept_for_it() -> None:
    source = """
        import hitl_jupyter as hitl

        @hitl.task(durable=True)
        def go(ctx):
            return ctx.confirm("Sure?")
    """
    asked = Called(number=1, name="confirm 'Sure?'", place=1, request_id="r")
    with fake_host() as host:
        run = run_of(host, shipped=cell(source), calls=[Recorded(call=asked)], steps=str(host.folder / "steps"))
        host.on_connect = [run, Resolved(request_id="r", outcome="answered", value=True)]
        with worker(host) as process:
            assert host.end().values is True
            assert process.wait() == 0
