"""A process that writes until its store refuses, then waits for it to recover by itself, and writes on.

Its lines are JSON, ``[kind, value]``: ``ready`` (with the writing thread's id; it goes on at a line on standard input),
``ok`` and ``refused`` writes, whether that was the journal's ``trouble``, what could be ``read`` meanwhile,
``recovered``, and in the end the event loop's ``lag``. Argument: the journal's file.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import anyio

from hitl_jupyter.errors import HitlError
from hitl_jupyter.journal import writer
from hitl_jupyter.journal.sqlite import SqliteJournal
from tests.journal.records import held, lines, new_session

WRITTEN_AFTERWARDS = 5


def say(what: str, value: Any) -> None:
    """One line."""
    print(json.dumps([what, value]), flush=True)


class Lag:
    """How long the event loop kept a sleeper waiting."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    async def measure(self) -> None:
        """For ever."""
        while True:
            before = time.monotonic()
            await anyio.sleep(0.005)  # noqa: TID251  # what is measured is the sleep
            self.seen.append(time.monotonic() - before - 0.005)

    @property
    def p99(self) -> float:
        """All but one in a hundred were shorter (seconds)."""
        return sorted(self.seen)[len(self.seen) * 99 // 100]


async def write_until_refused(journal: SqliteJournal, seq: int) -> int:
    """The last seq that was taken."""
    while True:
        try:
            await journal.submit(lines("s", seq + 1, content="x" * 5000))
        except HitlError as error:
            say("refused", error.code)
            say("trouble", journal.trouble is error)
            return seq
        seq += 1
        say("ok", seq)


async def run(path: Path) -> None:
    """Write, be refused, recover, write."""
    lag = Lag()
    async with anyio.create_task_group() as group, SqliteJournal(path) as journal:
        await journal.submit(new_session("s"))
        assert journal._writer is not None
        say("ready", journal._writer._thread.native_id)
        await anyio.to_thread.run_sync(sys.stdin.readline)
        group.start_soon(lag.measure)
        seq = await write_until_refused(journal, 1)
        while journal.trouble is not None:  # nobody writes: it has to find out by itself
            say("read", await held(journal, "s"))
            await anyio.sleep(0.01)  # noqa: TID251  # as its health is asked for
        say("recovered", seq)
        for number in range(seq + 1, seq + 1 + WRITTEN_AFTERWARDS):
            await journal.submit(lines("s", number))
            say("ok", number)
        group.cancel_scope.cancel()
    say("lag", lag.p99)


if __name__ == "__main__":
    writer.PROBE_SECONDS = 0.05  # type: ignore[misc]  # a test need not be as patient
    asyncio.run(run(Path(sys.argv[1])))
