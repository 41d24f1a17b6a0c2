"""A host in a process of its own, that can be stopped: prints the session's id, and each failure's cause."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import msgspec

from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.journal.sqlite import SqliteJournal
from hitl_jupyter.launchers.local import LocalLauncher
from hitl_jupyter.protocol import StartTask, TaskFailed, WorkerEnv, split_batch
from tests.engine.fakes import ADA

SILENCE_SECONDS = 1.0


async def main(store: Path, repository: str) -> None:
    """Run ``keep_books`` there, for ever."""
    limits = Limits(silence_seconds=SILENCE_SECONDS, max_warm_spares=0)
    journal = SqliteJournal(store / "journal.sqlite")
    start = StartTask(
        task="tests.support.ledger:keep_books", params={"books": str(store / "books")}, env=WorkerEnv(cwd=repository)
    )
    async with SessionManager(journal, LocalLauncher(), store, limits) as manager:
        session_id = (await manager.start(start, ADA)).session_id
        async with await manager.watch(session_id, ADA) as viewer:
            async for frame in viewer:
                for raw in split_batch(frame):
                    if b'"task_failed"' in bytes(raw):
                        print(msgspec.json.decode(raw, type=TaskFailed).error, flush=True)


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), sys.argv[2])
