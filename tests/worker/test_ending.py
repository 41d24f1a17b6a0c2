"""How runs end before their time: cancelled, terminated, told to leave; and what they may leave behind."""

from __future__ import annotations

import pytest

from hitl_jupyter.link.messages import CancelRun
from hitl_jupyter.protocol import RequestConfirmation, Stream, TaskCancelled
from hitl_jupyter.worker.main import CUT_SHORT
from tests.support.fake_host import STOP, cell, fake_host, run_of, running, worker

pytestmark = pytest.mark.processes


def test_cancelling_wakes_a_task_that_waits_and_says_who_did_it() -> None:
    source = """
        def go(ctx):
            try:
                ctx.confirm("Wait?")
            finally:
                ctx.stream("cleaning up")
    """
    with running(source) as host:
        host.wait(RequestConfirmation)
        host.send(CancelRun(by="Ada"))
        ending = host.end()
        assert isinstance(ending, TaskCancelled)
        assert (ending.reason, ending.by) == ("user", "Ada")


def test_cancelling_an_async_task_is_a_cancellation_of_asyncio() -> None:
    source = """
        import asyncio

        async def go(ctx):
            ctx.stream("here")
            try:
                await asyncio.gather(ctx.sleep(60), ctx.confirm("Wait?"))
            except asyncio.CancelledError:
                ctx.stream("asyncio's own")
                raise
    """
    with running(source) as host:
        host.wait(RequestConfirmation)
        host.send(CancelRun())
        assert isinstance(host.end(), TaskCancelled)
        assert "asyncio's own" in host.lines("task")


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_sigterm_ends_a_busy_loop_and_the_ending_is_still_sent(kind: str) -> None:
    source = f"""
        {kind} go(ctx):
            ctx.stream("busy")
            while True:
                pass
    """
    with fake_host() as host:
        host.on_connect = [run_of(host, shipped=cell(source))]
        with worker(host) as process:
            host.wait(Stream)
            host.send(CancelRun(by="Ada"))
            process.process.terminate()
            ending = host.end()
            assert process.wait() == 0
    assert (type(ending), ending.reason, ending.by) == (TaskCancelled, "user", "Ada")


def test_a_thread_left_behind_is_named_and_does_not_keep_the_worker() -> None:
    source = """
        import threading

        def go(ctx):
            threading.Thread(target=threading.Event().wait, name="left-behind").start()
    """
    impatient = "import hitl_jupyter.worker.main as worker; worker.LINGER_SECONDS = 0.2"
    with running(source, prelude=impatient) as host:
        host.end()
        assert "left-behind" in host.lines("log")[0]


def test_a_worker_that_is_told_to_stop_leaves_although_its_task_still_runs() -> None:
    with fake_host() as host:
        host.on_connect = [run_of(host, shipped=cell("def go(ctx): ctx.confirm('Wait?')"))]
        with worker(host) as process:
            host.wait(RequestConfirmation)
            host.send(STOP)
            assert process.wait() == CUT_SHORT
        assert len(host.events) == 1


def test_a_cancelled_task_that_returns_all_the_same_is_completed() -> None:
    source = """
        import asyncio

        async def go(ctx):
            try:
                await ctx.confirm("Wait?")
            except asyncio.CancelledError:
                return "saved"
    """
    with running(source) as host:
        host.wait(RequestConfirmation)
        host.send(CancelRun())
        assert host.end().values == "saved"
