"""Where workers keep pickles in the store: the results of attempts and of finished steps. The host opens none."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from hitl_jupyter.errors import ResultUnavailable, WrongState
from hitl_jupyter.kernel_launch import KERNEL
from hitl_jupyter.protocol import SessionFacts
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


async def kept_result(results: Path, snapshot: Snapshot) -> Path:
    """The file with the pickle of a session's result; the host never opens it.

    Raises
    ------
    WrongState
        The session has none (yet).
    ResultUnavailable
        There is no file, and why.
    """
    if snapshot.status != "completed":
        raise WrongState(f"The session is {snapshot.status}; it has no result.", status=snapshot.status)
    if snapshot.session is not None and snapshot.session.launcher == KERNEL:
        raise ResultUnavailable(_in_kernel(snapshot.session))
    path = result_path(results, snapshot.session_id, snapshot.attempt)
    if not await anyio.Path(path).exists():
        raise ResultUnavailable("The result could not be pickled; its JSON projection is in the session's values.")
    return path


def _in_kernel(facts: SessionFacts) -> str:
    notebook = facts.origin.notebook if facts.origin else None
    where = f" of {notebook}" if notebook else ""
    return (
        f"The result stayed in the kernel{where} that ran this: take it there with session.result(), as long as that "
        "kernel lives. Its JSON projection is in the session's values."
    )
