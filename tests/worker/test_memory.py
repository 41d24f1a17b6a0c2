"""What a worker holds for a host that does not read: its outbox, however much the task writes."""

from __future__ import annotations

import time

import psutil
import pytest

from hitl_jupyter.link.outbox import CAPACITY
from hitl_jupyter.protocol import Stream
from tests.support.fake_host import cell, fake_host, run_of, worker
from tests.support.waiting import eventually

pytestmark = pytest.mark.processes

ALLOWED = 5 * CAPACITY
"""Python and the task, and three times what the outbox may hold: a short event is an object larger than its bytes."""

STILL_SECONDS = 0.5

SOURCE = """
    import os, subprocess

    def go(ctx):
        while True:
            {}
"""
WAYS = {
    "stream": 'ctx.stream("x" * 20_000)',
    "descriptor 1": 'os.write(1, b"x" * 20_000 + b"\\n")',
    "a child's descriptor 2": 'subprocess.run(["sh", "-c", "yes " + "x" * 500 + " >&2"])',
}


class Stillness:
    """Whether a process has used no time for a while: it waits."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._used, self._since = -1.0, 0.0

    def __call__(self) -> bool:
        used, now = sum(self._process.cpu_times()[:2]), time.monotonic()
        if used > self._used + 0.02:
            self._used, self._since = used, now
        return now - self._since > STILL_SECONDS


@pytest.mark.parametrize("way", WAYS)
def test_a_task_that_never_stops_writing_waits_for_a_host_that_does_not_read(way: str) -> None:
    with fake_host() as host:
        host.acknowledge = False
        host.on_connect = [run_of(host, shipped=cell(SOURCE.format(WAYS[way])))]
        with worker(host):
            host.wait(Stream)
            process = psutil.Process(host.hellos[0].pid)
            eventually(Stillness(process), "the worker waits")
            assert CAPACITY < process.memory_info().rss < ALLOWED
