"""A kernel that is nothing but a process: it notes every signal that reaches it, and a test says what it would say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio

from hitl_jupyter.engine.worker import digest_of
from hitl_jupyter.kernel_launch import KERNEL, KernelLaunch, launch_id
from hitl_jupyter.launchers.contract import Launch
from hitl_jupyter.link.messages import Welcome
from hitl_jupyter.link.processes import look, machine
from hitl_jupyter.protocol import StartTask, WorkerEnv
from tests.engine.fakes import FakeWorker

PROGRAM = """
import signal, sys

def note(number, frame):
    print(signal.Signals(number).name, flush=True)

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP, signal.SIGCONT):
    signal.signal(number, note)
print("ready", flush=True)
sys.stdin.readline()
print("done", flush=True)
"""


class FakeKernel:
    """The process, and the secrets of its attempts."""

    def __init__(self, attempts: int = 1, *, elsewhere: bool = False) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        self.secrets = [f"secret {attempt}" for attempt in range(1, attempts + 1)]
        self._elsewhere = elsewhere

    def start(self, **said: object) -> StartTask:
        """What it asks the host for."""
        process = look(self.process.pid)
        assert process is not None
        launch = KernelLaunch(
            digests=[digest_of(secret) for secret in self.secrets],
            pid=process.pid,
            started_at=process.started_at,
            machine="another" if self._elsewhere else machine(),
        )
        return StartTask(task="fit", launcher=KERNEL, kernel=launch, **said)  # type: ignore[arg-type]  # a test's

    @asynccontextmanager
    async def connected(self, store: Path, session_id: str, attempt: int = 1) -> AsyncIterator[FakeWorker]:
        """Its end of the link for one attempt, welcomed."""
        socket = store / "link.sock"
        launch = Launch(
            launch_id=launch_id(session_id, attempt),
            secret=self.secrets[attempt - 1],
            socket=str(socket),
            env=WorkerEnv(),
        )
        async with await anyio.connect_unix(socket) as stream:
            worker = FakeWorker(stream, launch)
            await worker.hello()
            worker.emitted = (await worker.wait_for(Welcome)).accepted
            yield worker

    def kill(self) -> None:
        """What a restart of the kernel comes to."""
        self.process.kill()
        self.process.wait(10)

    @property
    def signals(self) -> str:
        """Every signal that it got in its life, which ends with this."""
        return self.process.communicate("\n", timeout=10)[0]

    def close(self) -> None:
        """End it, whatever became of it."""
        if self.process.poll() is None:
            self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


@contextmanager
def fake_kernel(attempts: int = 1, *, elsewhere: bool = False) -> Iterator[FakeKernel]:
    """A kernel for the length of a block; ``elsewhere`` is one whose process the host cannot see."""
    kernel = FakeKernel(attempts, elsewhere=elsewhere)
    try:
        yield kernel
    finally:
        kernel.close()
