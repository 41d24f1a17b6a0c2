"""How the server's event loop fares while a task floods it, and what viewers cost that do not read."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import psutil

from benchmarks.client import Client
from benchmarks.measures import IDLE, percentile
from benchmarks.table import Figure
from hitl_jupyter.protocol import BATCH_SUBPROTOCOL, Dropped, RequestConfirmation, Stream, TaskCompleted
from tests.support.jupyter_process import JupyterProcess

PER_SECOND = 100_000
SECONDS = 10.0
STALLED = 100
KERNEL_BYTES = 16 * 1024
MIB = 1024 * 1024
QUIET = 0.2
"""Share of a core that the probe and the rest of an idle server use at the most."""


async def flooding(client: Client) -> list[Figure]:
    """The loop's lag at 100,000 lines a second, and in a flood; each beside that of the idle server just before."""
    return [
        *await _lag_figures(client, f"{PER_SECOND:,} lines/s", "paced", 50, per_second=PER_SECOND, seconds=SECONDS),
        *await _lag_figures(client, "a flood", "deluge", 250, seconds=SECONDS),
    ]


async def stalling(client: Client) -> list[Figure]:
    """What a viewer costs that does not read, and how a live one fares beside a hundred of them."""
    server = psutil.Process(client.server.process.pid)  # type: ignore[union-attr]
    alone = await _live_rate(client)
    session_id = await client.start("tasks:flood", lines=200_000)
    async with client.watch(session_id) as live:
        question: RequestConfirmation = await live.until(RequestConfirmation)
        await live.confirm(question.request_id)
        await live.until(TaskCompleted)
    before = server.memory_full_info().uss
    with contextlib.ExitStack() as stack:
        for _ in range(STALLED):
            stack.enter_context(_stalled(client.server, session_id))
            await asyncio.sleep(0)
        await _quiet(server)
        cost = (server.memory_full_info().uss - before) / STALLED
        beside = await _live_rate(client)
    return [
        Figure("a viewer that does not read costs", cost / MIB, "MiB", "less", 4),
        Figure(f"live viewer beside {STALLED} such", beside, "messages/s", "more", None, alone, "without them"),
    ]


async def _lag_figures(client: Client, what: str, task: str, target: float, **params: Any) -> list[Figure]:
    session_id = await client.start(f"tasks:{task}", **params)
    async with client.watch(session_id) as watching:
        question: RequestConfirmation = await watching.until(RequestConfirmation)
        await client.lags()
        await asyncio.sleep(2)
        idle = await client.lags()
        began = time.perf_counter()
        await watching.confirm(question.request_id)
        lines = dropped = 0
        ended = False
        while not ended:
            for message in await watching.frame():
                lines += type(message) is Stream
                dropped += message.events if isinstance(message, Dropped) else 0
                ended = ended or type(message) is TaskCompleted
        seconds = time.perf_counter() - began
        lags = await client.lags()
    figures = [
        Figure(
            f"loop lag, {what}, p50", percentile(lags, 50) * 1e3, "ms", "less", None, percentile(idle, 50) * 1e3, IDLE
        ),
        Figure("  p99", percentile(lags, 99) * 1e3, "ms", "less", target, percentile(idle, 99) * 1e3, IDLE),
        Figure("  worst", max(lags) * 1e3, "ms", "less", None, max(idle) * 1e3, IDLE),
        Figure("  lines seen", lines / seconds, "messages/s", "more"),
    ]
    return [*figures, Figure("  lines cut", dropped / seconds, "a second", "less")] if dropped else figures


def _lags(samples: list[float]) -> tuple[float, float, float]:
    """Median, 99th percentile and worst, in milliseconds."""
    return percentile(samples, 50) * 1e3, percentile(samples, 99) * 1e3, max(samples) * 1e3


async def _live_rate(client: Client) -> float:
    session_id = await client.start("tasks:flood", lines=100_000)
    async with client.watch(session_id) as watching:
        question: RequestConfirmation = await watching.until(RequestConfirmation)
        await watching.confirm(question.request_id)
        began = time.perf_counter()
        await watching.until(TaskCompleted)
        return 100_000 / (time.perf_counter() - began)


async def _quiet(server: psutil.Process) -> None:
    """Wait until the server has written what the kernel takes for those who do not read."""
    used, now = -1.0, 0.0
    while now - used > QUIET:
        used = sum(server.cpu_times()[:2])
        await asyncio.sleep(1)
        now = sum(server.cpu_times()[:2])


@contextlib.contextmanager
def _stalled(server: JupyterProcess, session_id: str) -> Iterator[None]:
    """A viewer's socket of which nothing is read; the kernel holds little for it."""
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
        host, _, rest = server.hitl.removeprefix("http://").partition("/")
        name, _, port = host.partition(":")
        line.connect((name, int(port)))
        lines = [
            f"GET /{rest}ws/{session_id} HTTP/1.1",
            f"Host: {host}",
            f"Authorization: token {server.token}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {BATCH_SUBPROTOCOL}",
        ]
        line.sendall("\r\n".join([*lines, "", ""]).encode())
        yield
