"""Workers as processes of this machine, each the leader of its own session and process group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

import anyio
import anyio.to_thread
import msgspec
import psutil

from hitl_jupyter.errors import LaunchFailed
from hitl_jupyter.launchers.contract import Launch, WorkerProcess
from hitl_jupyter.link.bootstrap import BOOTSTRAP

START_TIME_TOLERANCE = 0.05
"""Seconds; the start time of one process is read alike each time, up to rounding."""


_waiting = anyio.CapacityLimiter(1000)
"""Threads that wait for processes, on systems without pidfd; apart from those that do work."""


_children: set[subprocess.Popen[bytes]] = set()
"""Our children until they have ended. A worker may outlive the host that waits for it, but somebody has to reap it."""


class LocalProcess:
    """A worker on this machine: our child, or the child of an earlier host."""

    def __init__(self, process: psutil.Process, child: subprocess.Popen[bytes] | None = None) -> None:
        self._process = process
        self._child = child
        self.pid = process.pid
        self.started_at = process.create_time()

    async def wait(self) -> int | None:
        await self._wait_ended()
        return self._child.wait() if self._child is not None else None

    async def _wait_ended(self) -> None:
        if not hasattr(os, "pidfd_open"):
            await anyio.to_thread.run_sync(self._join, abandon_on_cancel=True, limiter=_waiting)
            return
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            await anyio.wait_readable(descriptor)
        finally:
            os.close(descriptor)

    def _join(self) -> None:
        (self._child or self._process).wait()

    def terminate(self) -> None:
        self._signal_group(signal.SIGTERM)

    def kill(self) -> None:
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        # The group outlives its leader while the leader's children live, and its number is not used again meanwhile.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


class LocalLauncher:
    """Starts workers with ``python -c BOOTSTRAP``; what they must know goes down their standard input."""

    name = "local"

    async def launch(self, launch: Launch) -> WorkerProcess:
        return await anyio.to_thread.run_sync(_start, launch)

    def adopt(self, pid: int, started_at: float) -> WorkerProcess | None:
        try:
            process = psutil.Process(pid)
            same = abs(process.create_time() - started_at) <= START_TIME_TOLERANCE
            return LocalProcess(process) if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


def _keep(child: subprocess.Popen[bytes]) -> None:
    for ended in [known for known in list(_children) if known.poll() is not None]:
        _children.discard(ended)
    _children.add(child)


def _start(launch: Launch) -> LocalProcess:
    env = launch.env
    python = env.python or sys.executable
    environ = dict(os.environ if env.environ is None else env.environ)
    environ["HITL_LAUNCH"] = launch.launch_id
    try:
        child = subprocess.Popen(
            [python, "-c", BOOTSTRAP],
            stdin=subprocess.PIPE,
            cwd=env.cwd,
            env=environ,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise LaunchFailed(
            f"No worker could be started with {python} in {env.cwd or os.getcwd()}: {error}. "
            "Check that the interpreter and the folder exist."
        ) from error
    _keep(child)
    assert child.stdin is not None
    boot = {
        "socket": launch.socket,
        "launch_id": launch.launch_id,
        "secret": launch.secret,
        "sys_path": env.sys_path,
        "cwd": env.cwd,
    }
    with contextlib.suppress(BrokenPipeError):  # it died at once: its exit code says why, to whoever waits for it
        child.stdin.write(msgspec.json.encode(boot) + b"\n")
        child.stdin.flush()
    with contextlib.suppress(BrokenPipeError):
        child.stdin.close()
    return LocalProcess(psutil.Process(child.pid), child)
