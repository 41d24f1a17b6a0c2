"""A process that does one thing of each kind to a journal, one after another, and says what was acknowledged.

Its lines are ``open EPOCH THREAD``, then after each thing ``done NUMBER DIGEST`` (of all that the journal holds, if
asked to), ``closing`` and ``closed``. Arguments: the journal's file, how many things to do, and ``digest``, ``none`` or
``wait``: to begin at a line on standard input.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import anyio

from hitl_jupyter.journal import writer
from hitl_jupyter.journal.contract import CommandRow, DraftRow, LaunchRow, SessionUpdate, Write
from hitl_jupyter.journal.opening import open_for_reading
from hitl_jupyter.journal.sqlite import SqliteJournal
from tests.journal.records import answer, batch, lines, new_session, open_request

TABLES = ("sessions", "batches", "requests", "launches", "commands", "drafts", "forgotten", "calls", "truncations")
Thing = Callable[[SqliteJournal], Awaitable[None]]


def digest(path: Path) -> str:
    """Of every row of an open journal, but for its epoch."""
    with closing(open_for_reading(path)) as connection:
        rows = [[name, *row] for name in TABLES for row in connection.execute(f"SELECT * FROM {name}")]
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def submit(write: Write) -> Thing:
    """As a thing to do."""
    return lambda journal: journal.submit(write)


def things() -> Iterator[Thing]:
    """One of each kind, between them lines, and a few large ones."""
    launch = LaunchRow(launch_id="l", session_id="s", attempt=1, fence=1, secret_digest="d", pid=7)
    draft = DraftRow(session_id="s", request_id="q", values=b'{"a": 1}', revision=1)
    ended = SessionUpdate(last_seq=7, rev=9, status="completed", ended_at=3.0, snapshot=b'{"n": 1}', snapshot_seq=7)
    yield submit(new_session("s"))
    yield submit(new_session("t"))
    yield submit(Write(session_id="s", launch=launch))
    yield submit(lines("s", 2, 3, content="x" * 9000))
    yield submit(open_request("s", "q"))
    yield lambda journal: journal.save_draft(draft)
    yield submit(lines("t", 2, 9, content="y" * 5000))
    yield submit(answer("s", "q", "Ada"))
    yield submit(Write(session_id="s", command=CommandRow(scope="s", key="k", reply=b"true", at=1.0)))
    yield submit(lines("s", 4, 6, content="z" * 4000))
    yield lambda journal: journal.forget("t", 8)
    yield submit(Write(session_id="s", batch=batch("s", 7, 7), update=ended))
    yield submit(new_session("u"))


async def run(path: Path, count: int, how: str) -> None:
    """Open, do so many things, close."""
    async with SqliteJournal(path) as journal:
        assert journal._writer is not None
        print("open", journal.epoch, journal._writer._thread.native_id, flush=True)
        if how == "wait":
            await anyio.to_thread.run_sync(sys.stdin.readline)
        for number, thing in zip(range(1, count + 1), things(), strict=False):
            await thing(journal)
            print("done", number, digest(path) if how == "digest" else "", flush=True)
        print("closing", flush=True)
    print("closed", flush=True)


if __name__ == "__main__":
    writer.CHECKPOINT_PAGES = 12  # type: ignore[misc]  # so that the log is taken in several times
    asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
