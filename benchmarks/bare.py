"""What the parts cost without us: a tornado WebSocket in a process of its own, and SQLite as the journal uses it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler, websocket_connect

from hitl_jupyter.protocol import Stream, encode

BATCH = 500


class Echo(WebSocketHandler):
    """Sends back what it gets; ``push N`` makes it send N batches of stream events instead."""

    def open(self, *args: str, **kwargs: str) -> None:
        self.set_nodelay(True)

    async def on_message(self, message: str | bytes) -> None:
        if isinstance(message, str) and message.startswith("push "):
            _, batches, size = message.split()
            frame = batch(int(size))
            for _ in range(int(batches)):
                await self.write_message(frame)
        else:
            await self.write_message(message)


def batch(size: int = BATCH) -> bytes:
    """Stream events as our viewers get them: encoded, in an array; a single one as an object."""
    session_id = "00000000-0000-4000-8000-000000000000"
    events = [
        Stream(session_id=session_id, seq=n, timestamp=1.7e9, attempt=1, content=f"line {n} of the flood")
        for n in range(size)
    ]
    return encode(events if size > 1 else events[0])


@contextmanager
def echo_server() -> Iterator[str]:
    """A bare tornado server in a process of its own; gives its URL."""
    command = [sys.executable, "-m", "benchmarks.bare"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"ws://127.0.0.1:{process.stdout.readline().strip()}/"
        finally:
            process.terminate()


async def echo_seconds(url: str, rounds: int) -> list[float]:
    """Round trips of a small message, two hops each."""
    socket = await websocket_connect(url)
    socket.protocol.set_nodelay(True)  # type: ignore[union-attr]
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        await socket.write_message('{"type": "confirm", "value": true}')
        await socket.read_message()
        taken.append(time.perf_counter() - began)
    socket.close()
    return taken[rounds // 10 :]


def commit_seconds(folder: Path, commits: int) -> list[float]:
    """One row, one transaction, on disk: WAL with ``synchronous=FULL``."""
    with _database(folder / "commits.sqlite") as connection:
        taken = []
        for _ in range(commits):
            began = time.perf_counter()
            connection.execute("INSERT INTO rows VALUES (NULL, ?)", (b'{"type": "request_confirmation"}',))
            taken.append(time.perf_counter() - began)
    return taken[commits // 10 :]


def insert_rate(folder: Path, events: int, size: int) -> float:
    """Events a second into SQLite, ``size`` of them a row and commit."""
    data = batch(size)
    with _database(folder / f"inserts-{size}.sqlite") as connection:
        began = time.perf_counter()
        for _ in range(events // size):
            connection.execute("INSERT INTO rows VALUES (NULL, ?)", (data,))
        return events / (time.perf_counter() - began)


def read_rate(folder: Path, size: int) -> float:
    """Events a second out of what :func:`insert_rate` wrote."""
    with _database(folder / f"inserts-{size}.sqlite") as connection:
        began = time.perf_counter()
        rows = sum(1 for _ in connection.execute("SELECT data FROM rows ORDER BY id"))
        return rows * size / (time.perf_counter() - began)


@contextmanager
def _database(path: Path) -> Iterator[apsw.Connection]:
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, data BLOB)")
    try:
        yield connection
    finally:
        connection.close()


async def _serve() -> None:
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(Application([("/", Echo)])).add_sockets(sockets)
    print(sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
