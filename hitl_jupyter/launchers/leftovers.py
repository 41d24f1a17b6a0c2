"""What a launch left behind: found by its mark in the environment, and by what was seen below its process before."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable

from hitl_jupyter.launchers.contract import Leftover
from hitl_jupyter.link.bootstrap import MARKER
from hitl_jupyter.link.processes import Process, below, look, numbers

DYING_SECONDS = 0.5
"""How long a killed process is given to be gone before it is called a leftover."""

_PAUSE_SECONDS = 0.02


def end_rest(launch_id: str, seen: Iterable[Process] = ()) -> list[Leftover]:
    """Kill what still lives of a launch, and what that has started; what could not be ended, and why.

    ``seen`` are processes known to be of it: what took off its environment would not be recognised without them.
    """
    enough = time.monotonic() + DYING_SECONDS
    rest = _living(launch_id, seen)
    while rest:
        refused = {process.pid for process in rest if not _kill(process.pid)}
        if time.monotonic() > enough:
            return [_leftover(process, refused=process.pid in refused) for process in rest]
        time.sleep(_PAUSE_SECONDS)
        rest = _living(launch_id, rest)
    return []


def _living(launch_id: str, seen: Iterable[Process]) -> list[Process]:
    """Those of ``seen`` that are still there, those with the mark, and what is below them."""
    mark = f"{MARKER}={launch_id}".encode()
    known = {process.pid: process.started_at for process in seen}
    found = {}
    for pid in numbers():
        if pid in known or _carries(pid, mark):
            process = look(pid)
            if process is not None and process.lives and process.started_at == known.get(pid, process.started_at):
                found[pid] = process
    found |= {process.pid: process for process in below(found) if process.lives}
    return list(found.values())


def _carries(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return pid != os.getpid() and mark in file.read().split(b"\0")
    except OSError:  # another's, or gone
        return False


def _kill(pid: int) -> bool:
    """Whether this user may."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return True


def _leftover(process: Process, *, refused: bool) -> Leftover:
    if refused:
        why = "it belongs to another user"
    elif process.state == "D":
        why = "it waits for the kernel (state D)"
    else:
        why = f"it was killed and lives on (state {process.state})"
    return Leftover(pid=process.pid, program=process.name, why=why)
