"""Where workers keep pickles in the store: the results of attempts and of finished steps. The host opens none."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import anyio.to_thread

from hitl_jupyter.snapshot import Snapshot


def result_path(folder: Path, session_id: str, attempt: int) -> Path:
    """Where the pickle of an attempt's result lies."""
    return folder / f"{session_id}-{attempt}.pickle"


def steps_path(folder: Path, session_id: str, attempt: int) -> Path:
    """Where the results of the finished steps of an attempt lie, and of those that take them over."""
    return folder / f"{session_id}-{attempt}.steps"


async def forget_steps(folder: Path, snapshot: Snapshot) -> None:
    """Delete the results of a session's steps."""
    for attempt in range(1, snapshot.attempt + 1):
        path = steps_path(folder, snapshot.session_id, attempt)
        await anyio.to_thread.run_sync(partial(shutil.rmtree, path, ignore_errors=True))
