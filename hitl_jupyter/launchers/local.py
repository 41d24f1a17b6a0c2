"""Workers as processes of this machine, each the leader of its own session and process group."""

from __future__ import annotations

import atexit
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
from hitl_jupyter.launchers.contract import Launch, Work, WorkerProcess
from hitl_jupyter.link.bootstrap import BOOTSTRAP

START_TIME_TOLERANCE = 0.05
"""Seconds; the start time of one process is read alike each time, up to rounding."""


_waiting = anyio.CapacityLimiter(1000)
"""Threads that wait for processes, on systems without pidfd; apart from those that do work."""


_left: dict[int, subprocess.Popen[bytes]] = {}
"""Children that nobody waits for: a worker may outlive the host that started it, but somebody has to reap it."""


class LocalProcess:
    """A worker on this machine: our child, or the child of an earlier host.

    A child is reaped only by :meth:`release`: until then its number, which is its group's, is not used again, so a
    signal reaches no stranger. Another's child is reaped by whoever has it, so with its end the signalling ends.
    """

    def __init__(self, process: psutil.Process, child: subprocess.Popen[bytes] | None = None) -> None:
        self._process = process
        self._child = child
        self._over = False
        self.pid = process.pid
        self.started_at = process.create_time()

    async def wait(self) -> int | None:
        try:
            await self._wait_ended()
        except BaseException:  # the host stops, and the worker goes on
            if self._child is not None:
                _left[self.pid] = self._child
            raise
        if self._child is not None:
            return _exit_code(self.pid)
        self.release()
        return None

    async def _wait_ended(self) -> None:
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        except (AttributeError, OSError):  # not on this system, or not in this container
            await anyio.to_thread.run_sync(self._join, abandon_on_cancel=True, limiter=_waiting)
            return
        try:
            await anyio.wait_readable(descriptor)
        finally:
            os.close(descriptor)

    def _join(self) -> None:
        if self._child is None:
            self._process.wait()
        else:
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    def work(self, pid: int) -> Work | None:
        try:
            root = psutil.Process(pid)
            if root != self._process and self._process not in root.parents():
                root = self._process  # what it says of itself is not so
            each = [_work(process) for process in (root, *root.children(recursive=True))]
        except psutil.Error:
            return None
        return Work(cpu_seconds=sum(work.cpu_seconds for work in each), running=any(work.running for work in each))

    def terminate(self) -> None:
        self._signal_group(signal.SIGTERM)

    def kill(self) -> None:
        self._signal_group(signal.SIGKILL)

    def release(self) -> None:
        self.kill()
        self._over = True
        if self._child is not None:
            self._child.wait()

    def _signal_group(self, number: signal.Signals) -> None:
        if self._over:
            return
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
            if not same or process.status() == psutil.STATUS_ZOMBIE:
                return None
            return LocalProcess(process, _left.pop(pid, None))
        except psutil.Error:
            return None


def _work(process: psutil.Process) -> Work:
    """Of one process, with those children of it that have ended."""
    try:
        busy = process.status() in (psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP)
        return Work(cpu_seconds=sum(process.cpu_times()[:4]), running=busy)
    except psutil.NoSuchProcess:
        return Work(cpu_seconds=0.0, running=False)


def _exit_code(pid: int) -> int | None:
    """How an ended child ended; it stays to be reaped."""
    try:
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


@atexit.register
def _reap_left() -> None:
    for pid, child in list(_left.items()):
        if child.poll() is not None:
            _left.pop(pid, None)


def _start(launch: Launch) -> LocalProcess:
    _reap_left()
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
    assert child.stdin is not None
    boot = {
        "socket": launch.socket,
        "launch_id": launch.launch_id,
        "secret": launch.secret,
        "sys_path": env.sys_path,
        "cwd": env.cwd,
        "patience": launch.patience,
    }
    with contextlib.suppress(BrokenPipeError):  # it died at once: its exit code says why, to whoever waits for it
        child.stdin.write(msgspec.json.encode(boot) + b"\n")
        child.stdin.flush()
    with contextlib.suppress(BrokenPipeError):
        child.stdin.close()
    return LocalProcess(psutil.Process(child.pid), child)
