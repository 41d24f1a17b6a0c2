"""What is measured, on a real server with real workers and an authenticated viewer."""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from tornado.websocket import websocket_connect

from benchmarks import bare
from benchmarks.client import Client, Watching
from benchmarks.table import Figure
from hitl_jupyter.protocol import RequestConfirmation, StateReplayComplete, StateReplayStart, Stream, TaskCompleted

STREAMED = 400_000
SINGLE = 60_000
QUESTIONS = 600
ECHOES = 1000
COMMITS = 500
STARTS = 8
WAITING = 10
IDLE_SECONDS = 5
MB = 1e6
IDLE = "idle server, with probe"
PYTHON = "python -c pass"
PUSH = "tornado socket, decoded"
ROWS = "SQLite, a row a batch"

_marks = itertools.count()


def new_environment() -> dict[str, str]:
    """Variables that no earlier start had, so that no warm spare fits them."""
    return {"BENCHMARK_ENVIRONMENT": f"{os.getpid()}-{next(_marks)}"}


async def streaming(client: Client, url: str, folder: Path) -> list[Figure]:
    """A flood from one task: to a batch viewer, replayed from disk, and the server loop's lag meanwhile."""
    await client.lags()
    session_id = await client.start("tasks:flood", lines=STREAMED)
    rate = await _stream_rate(client, session_id, batches=True, expected=STREAMED)
    lags = await client.lags()
    bare_push = await _push_rate(url, STREAMED, bare.BATCH)
    bare_insert = bare.insert_rate(folder, STREAMED, bare.BATCH)
    replay = await _replay_rate(client, session_id)
    bare_read = bare.read_rate(folder, bare.BATCH)
    idle = await _idle_lags(client)
    return [
        Figure("streamed to a batch viewer", rate, "messages/s", "more", 250_000, bare_push, PUSH),
        Figure("  the same beside the disk", rate, "messages/s", "more", None, bare_insert, ROWS),
        Figure("replayed to a batch viewer", replay, "messages/s", "more", 800_000, bare_push, PUSH),
        Figure("  the same beside the disk", replay, "messages/s", "more", None, bare_read, ROWS),
        Figure("server loop lag meanwhile, p99", percentile(lags, 99) * 1e3, "ms", "less", 50, idle * 1e3, IDLE),
        Figure("server loop lag meanwhile, worst", max(lags) * 1e3, "ms", "less"),
    ]


async def streaming_single(client: Client, url: str) -> list[Figure]:
    """A flood to a viewer that did not ask for batches: a frame each."""
    session_id = await client.start("tasks:flood", lines=SINGLE)
    rate = await _stream_rate(client, session_id, batches=False, expected=SINGLE)
    bare_push = await _push_rate(url, SINGLE, 1)
    return [Figure("streamed in single frames", rate, "messages/s", "more", None, bare_push, PUSH)]


async def asking(client: Client, url: str, folder: Path) -> list[Figure]:
    """From a person's yes to the next question, against two commits on disk and four hops between processes."""
    commits, echoes = bare.commit_seconds(folder, COMMITS), await bare.echo_seconds(url, ECHOES)
    taken = await _question_seconds(client)
    # Before and after, for a disk that others use is not as fast in one second as in the next.
    commits += bare.commit_seconds(folder, COMMITS)
    echoes += await bare.echo_seconds(url, ECHOES)
    figures = []
    for name, at in (("p50", 50), ("p99", 99)):
        parts = 2 * percentile(commits, at) + 2 * percentile(echoes, at)
        ours = percentile(taken, at)
        target = 2 * parts * 1e3 if at == 50 else None
        label = f"confirm → next question, {name}"
        figures.append(Figure(label, ours * 1e3, "ms", "less", target, parts * 1e3, "2 commits + 4 hops"))
    figures.append(Figure("  bare commit, p50", statistics.median(commits) * 1e3, "ms", "less"))
    figures.append(Figure("  bare echo (2 hops), p50", statistics.median(echoes) * 1e3, "ms", "less"))
    return figures


async def starting(client: Client) -> list[Figure]:
    """From the start's request to the first event of the task on a viewer's socket."""
    cold = [await _first_event_seconds(client, "tasks:hello", new_environment()) for _ in range(STARTS)]
    heavy = [
        await _first_event_seconds(client, "pandas_task:hello_pandas", new_environment()) for _ in range(STARTS // 2)
    ]
    environ = new_environment()
    warm, spare = [], 0.0
    await _first_event_seconds(client, "tasks:hello", environ)
    for _ in range(STARTS):
        spare = await _settled_spare(environ)
        warm.append(await _first_event_seconds(client, "tasks:hello", environ))
    python = _python_seconds()
    return [
        Figure(
            "first event, cold, median",
            statistics.median(cold) * 1e3,
            "ms",
            "less",
            400,
            python * 1e3,
            "python -c pass",
        ),
        Figure("first event, cold, worst", max(cold) * 1e3, "ms", "less"),
        Figure("first event, warm spare, median", statistics.median(warm) * 1e3, "ms", "less", 50),
        Figure("first event, warm spare, worst", max(warm) * 1e3, "ms", "less"),
        Figure("first event, cold, importing pandas", statistics.median(heavy) * 1e3, "ms", "less"),
        Figure("memory of an idle warm spare", spare / MB, "MB", "less"),
    ]


async def waiting(client: Client) -> list[Figure]:
    """What a session costs that waits for a person."""
    server = psutil.Process(client.server.process.pid)  # type: ignore[union-attr]
    environ = new_environment()
    idle = await _busy_share(server, environ)
    before, sessions = _memory(server), []
    for _ in range(WAITING):
        session_id = await client.start("tasks:patience", environ)
        async with client.watch(session_id) as watching:
            await watching.until(RequestConfirmation)
        sessions.append(session_id)
    processes = list(_processes(environ))
    supervisors = sum(process.name() == "hitl-supervisor" for process in processes)
    workers = sum(map(_memory, processes)) / supervisors
    grown = _memory(server) - before
    busy = await _busy_share(server, environ)
    for session_id in sessions:
        await client.cancel(session_id)
    return [
        Figure("waiting session, its worker and supervisor", workers / MB, "MB", "less"),
        Figure("waiting session, the server's memory", grown / WAITING / MB, "MB", "less"),
        Figure(f"server, and {WAITING} waiting sessions", busy * 100, "% of a core", "less", None, idle * 100, IDLE),
    ]


# -- parts ----------------------------------------------------------------------------------------------------------


async def _stream_rate(client: Client, session_id: str, batches: bool, expected: int) -> float:
    async with client.watch(session_id, batches) as watching:
        question: RequestConfirmation = await watching.until(RequestConfirmation)
        await watching.confirm(question.request_id)
        count, began, ended = 0, 0.0, 0.0
        while True:
            messages = await watching.frame()
            streamed = sum(1 for message in messages if type(message) is Stream)
            if streamed:
                began = began or time.perf_counter()
                ended = time.perf_counter()
            count += streamed
            if any(type(message) is TaskCompleted for message in messages):
                break
    if count != expected:
        raise AssertionError(f"{count} of {expected} lines arrived")
    return count / (ended - began)


async def _replay_rate(client: Client, session_id: str) -> float:
    async with client.watch(session_id) as watching:
        start: StateReplayStart = await watching.until(StateReplayStart)
        began = time.perf_counter()
        await watching.until(StateReplayComplete)
        return start.count / (time.perf_counter() - began)


async def _push_rate(url: str, events: int, size: int) -> float:
    socket = await websocket_connect(url)
    watching = Watching(socket, batches=size > 1)
    await socket.write_message(f"push {events // size} {size}")
    await watching.frame()
    began, count = time.perf_counter(), size
    while count < events // size * size:
        count += len(await watching.frame())
    socket.close()
    return count / (time.perf_counter() - began)


async def _question_seconds(client: Client) -> list[float]:
    session_id = await client.start("tasks:questions", count=QUESTIONS)
    taken = []
    async with client.watch(session_id) as watching:
        question: RequestConfirmation = await watching.until(RequestConfirmation)
        for _ in range(QUESTIONS - 1):
            began = time.perf_counter()
            await watching.confirm(question.request_id)
            question = await watching.until(RequestConfirmation)
            taken.append(time.perf_counter() - began)
        await watching.confirm(question.request_id)
        await watching.until(TaskCompleted)
    return taken[QUESTIONS // 10 :]


async def _cold_starts(client: Client, task: str, count: int) -> list[float]:
    return [await _first_event_seconds(client, task, new_environment()) for _ in range(count)]


async def _first_event_seconds(client: Client, task: str, environ: dict[str, str]) -> float:
    began = time.perf_counter()
    session_id = await client.start(task, environ)
    async with client.watch(session_id) as watching:
        await watching.until(Stream)
        return time.perf_counter() - began


async def _settled_spare(environ: dict[str, str]) -> float:
    """Wait until the one worker of this environment has nothing to do; its and its supervisor's memory in bytes."""
    busy = -1.0
    for _ in range(200):
        await asyncio.sleep(0.25)
        processes = list(_processes(environ))
        now = sum(sum(process.cpu_times()[:2]) for process in processes)
        if len(processes) == 2 and now == busy:
            return sum(map(_memory, processes))
        busy = now
    raise AssertionError(f"No warm spare came up: {processes}")


async def _idle_lags(client: Client) -> float:
    await client.lags()
    await asyncio.sleep(1)
    return percentile(await client.lags(), 99)


def _processes(environ: dict[str, str]) -> Iterator[psutil.Process]:
    (name, value), *_ = environ.items()
    for process in psutil.process_iter():
        try:
            if process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except psutil.Error:
            continue


def _memory(process: psutil.Process) -> float:
    """Bytes that would come back if it ended."""
    return float(process.memory_full_info().uss)


async def _busy_share(server: psutil.Process, environ: dict[str, str]) -> float:
    began = _busy_seconds(server, environ)
    await asyncio.sleep(IDLE_SECONDS)
    return (_busy_seconds(server, environ) - began) / IDLE_SECONDS


def _busy_seconds(server: psutil.Process, environ: dict[str, str]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in [server, *_processes(environ)])


def _python_seconds() -> float:
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def percentile(samples: list[float], percent: int) -> float:
    """The value that so many percent of the samples are not above."""
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]
