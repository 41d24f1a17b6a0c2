"""What every launcher does: start a worker process that will connect to the link by itself."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from hitl_jupyter.link.patience import Patience
from hitl_jupyter.protocol import WorkerEnv


class Launch(Struct, frozen=True, kw_only=True):
    """One process to be: its id, its own secret, where it connects to, and the environment it runs in."""

    launch_id: str
    secret: str
    socket: str
    env: WorkerEnv
    patience: Patience = Patience()


class Work(Struct, frozen=True, kw_only=True):
    """Signs of work: processor time used in all (seconds), and whether one runs, or wants to, at this moment."""

    cpu_seconds: float
    running: bool


class WorkerProcess(Protocol):
    """A started worker. It is known by pid and start time together, for pids are used again."""

    @property
    def pid(self) -> int: ...

    @property
    def started_at(self) -> float: ...

    async def wait(self) -> int | None:
        """Wait for its end; the exit code (negative: the signal), or None where it cannot be known."""

    def work(self, pid: int) -> Work | None:
        """What process ``pid`` of this worker, and what it started, has done so far; None where it cannot be known."""

    def terminate(self) -> None:
        """Ask the process, and its group, to end (SIGTERM). No error if it is gone."""

    def kill(self) -> None:
        """End the process and its group at once (SIGKILL). No error if it is gone."""

    def release(self) -> None:
        """After its end: end what is left of its group, and let go of its number. Nothing is signalled later."""


class Launcher(Protocol):
    """Starts workers and finds again those of an earlier host."""

    name: str

    async def launch(self, launch: Launch) -> WorkerProcess:
        """Start it. Raises ``LaunchFailed`` when there can be no such process."""

    def adopt(self, pid: int, started_at: float) -> WorkerProcess | None:
        """The process that an earlier host started, if it still lives."""
