"""A process in which tasks have run can still be debugged, and its coverage be measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.alone import Alone

pytestmark = [pytest.mark.processes, pytest.mark.timeout(60)]

SCRIPT = """
import sys
import threading

import hitl_jupyter as hitl

running = threading.Event()


def quiet(ctx):
    return 1


def endless(ctx):
    running.set()
    while True:
        pass


def deaf(ctx):
    while True:
        try:
            running.set()
            ctx.sleep(600)
        except hitl.Cancelled:
            return


def begin(task):
    running.clear()
    return hitl.start(task, where="kernel")


assert begin(quiet).result() == 1
for task in (endless, deaf):
    session = begin(task)
    running.wait()
    session.cancel(force=True)
    session.wait()
    for thread in threading.enumerate():
        if thread.name.startswith("hitl-run-"):
            thread.join()

seen = []


def trace(frame, event, arg):
    seen.append(event)
    return trace


def traced():
    return [number for number in range(3)]


sys.settrace(trace)
traced()
sys.settrace(None)
print(seen[0], seen[-1])
"""


def test_after_runs_in_the_kernel_that_ended_or_were_ended_a_traced_function_returns(tmp_path: Path) -> None:
    done = Alone(tmp_path).script(SCRIPT)
    assert (done.exit_code, done.output) == (0, "call return\n")
