"""Workers as processes of this machine, each under a supervisor in a session of its own."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec
import psutil

from hitl_jupyter.errors import LaunchFailed
from hitl_jupyter.launchers.contract import Launch, Launched, Leftover, Work, WorkerProcess
from hitl_jupyter.launchers.leftovers import end_rest
from hitl_jupyter.link.bootstrap import BOOTSTRAP, END_ALL, MARKER
from hitl_jupyter.link.processes import Process, below, boot_id, look

START_TIME_TOLERANCE = 0.05
"""Seconds; the start time of one process by the clock is read alike each time, up to rounding."""

OBEY_SECONDS = 2.5
"""How long a supervisor that was told to end everything may take; it insists for two seconds itself."""

NOTE_SECONDS = 1.0
"""When it has taken so long, what it has below it is noted: without it, some of that is found by nobody."""


_waiting = anyio.CapacityLimiter(1000)
"""Threads that wait for processes, on systems without pidfd; apart from those that do work."""


_left: dict[int, subprocess.Popen[bytes]] = {}
"""Children that nobody waits for: a worker may outlive the host that started it, but somebody has to reap it."""


class LocalProcess:
    """A worker on this machine: our child, or the child of an earlier host.

    What is launched, and known by its number here, is the worker's supervisor (see ``worker/supervisor.py``). A child
    is reaped only by :meth:`release`: until then its number is not used again, so a signal reaches no stranger.
    Another's child is reaped by whoever has it, so with its end the signalling ends.
    """

    def __init__(self, launched: Launched, child: subprocess.Popen[bytes] | None = None) -> None:
        self._launched = launched
        self._child = child
        self._over = False
        self._killed = anyio.Event()
        self._seen: list[Process] = []
        self.pid = launched.pid
        self.started_at = launched.started_at
        self.boot_id = launched.boot_id

    async def wait(self) -> int | None:
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._insist)
                await self._wait_ended()
                group.cancel_scope.cancel()
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
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(self.pid).wait()
        else:
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    async def _insist(self) -> None:
        """A supervisor that does not do as it was told is ended itself; what is below it is noted before."""
        await self._killed.wait()
        await anyio.sleep(NOTE_SECONDS)
        self._seen = await anyio.to_thread.run_sync(below, [self.pid])
        await anyio.sleep(OBEY_SECONDS - NOTE_SECONDS)
        self._signal(signal.SIGKILL)

    def work(self, pid: int) -> Work | None:
        try:
            root, own = psutil.Process(pid), psutil.Process(self.pid)
            if root != own and own not in root.parents():
                root = own  # what it says of itself is not so
            each = [_work(process) for process in (root, *root.children(recursive=True))]
        except psutil.Error:
            return None
        return Work(cpu_seconds=sum(work.cpu_seconds for work in each), running=any(work.running for work in each))

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(END_ALL)
        self._killed.set()

    async def clear(self) -> list[Leftover]:
        self._signal(signal.SIGKILL)  # where there is no supervisor, its group is what is left of it
        return await anyio.to_thread.run_sync(end_rest, self._launched.launch_id, self._seen)

    def release(self) -> None:
        self._signal(signal.SIGKILL)
        self._over = True
        if self._child is not None:
            self._child.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._over:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
            os.killpg(self.pid, signal.SIGCONT)  # one that is stopped could not act on it


class LocalLauncher:
    """Starts workers with ``python -c BOOTSTRAP``; what they must know goes down their standard input.

    Parameters
    ----------
    log : Path, optional
        Gets what they say outside of their tasks; by default that goes where this process's own output goes. Workers
        that are to outlive this process must not hold its output open.
    """

    name = "local"

    def __init__(self, log: Path | None = None) -> None:
        self._log = log

    async def launch(self, launch: Launch) -> WorkerProcess:
        child = await anyio.to_thread.run_sync(_start, launch, self._log)
        return LocalProcess(_identify(launch.launch_id, child.pid), child)

    def adopt(self, launched: Launched) -> WorkerProcess | None:
        return LocalProcess(launched, _left.pop(launched.pid, None)) if _lives(launched) else None

    async def clear(self, launched: Launched) -> list[Leftover]:
        if launched.boot_id not in (None, boot_id()):
            return []  # the machine was started again
        return await anyio.to_thread.run_sync(end_rest, launched.launch_id)


def _identify(launch_id: str, pid: int) -> Launched:
    process, boot = look(pid), boot_id()
    if process is None or boot is None:
        return Launched(launch_id=launch_id, pid=pid, started_at=psutil.Process(pid).create_time())
    return Launched(launch_id=launch_id, pid=pid, started_at=process.started_at, boot_id=boot)


def _lives(launched: Launched) -> bool:
    if launched.boot_id is not None:
        process = look(launched.pid) if launched.boot_id == boot_id() else None
        return process is not None and process.lives and process.started_at == launched.started_at
    try:  # there is no /proc, or an earlier version wrote it down: the start is by the clock then
        clocked = psutil.Process(launched.pid)
        same = abs(clocked.create_time() - launched.started_at) <= START_TIME_TOLERANCE
        return same and clocked.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


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


def _start(launch: Launch, log: Path | None = None) -> subprocess.Popen[bytes]:
    if log is None:
        return _spawn(launch, None)
    with log.open("ab") as output:
        return _spawn(launch, output.fileno())


def _spawn(launch: Launch, output: int | None) -> subprocess.Popen[bytes]:
    _reap_left()
    env = launch.env
    python = env.python or sys.executable
    environ = dict(os.environ if env.environ is None else env.environ)
    environ[MARKER] = launch.launch_id
    try:
        child = subprocess.Popen(
            [python, "-c", BOOTSTRAP],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
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
    return child
