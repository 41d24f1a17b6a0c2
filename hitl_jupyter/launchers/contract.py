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


class Launched(Struct, frozen=True, kw_only=True):
    """Which process a launch became. Numbers are used again; number, start time and boot together never are."""

    launch_id: str
    pid: int
    started_at: float
    boot_id: str | None = None


class Leftover(Struct, frozen=True, kw_only=True):
    """A process of a launch that lives on although it was killed, and why."""

    pid: int
    program: str
    why: str

    def __str__(self) -> str:
        return f"Process {self.pid} ({self.program}) cannot be ended: {self.why}."


class WorkerProcess(Protocol):
    """A started worker, with all that it starts."""

    @property
    def pid(self) -> int: ...

    @property
    def started_at(self) -> float: ...

    @property
    def boot_id(self) -> str | None: ...

    async def wait(self) -> int | None:
        """Wait for its end; the exit code (negative: the signal), or None where it cannot be known.

        It is over in bounded time after :meth:`kill`, whatever the process does.
        """

    def work(self, pid: int) -> Work | None:
        """What process ``pid`` of this worker, and what it started, has done so far; None where it cannot be known."""

    def terminate(self) -> None:
        """Ask the process, and its group, to end (SIGTERM). No error if it is gone."""

    def kill(self) -> None:
        """End the process and everything that it started, at once. No error if it is gone."""

    async def clear(self) -> list[Leftover]:
        """After its end: kill what is left of what it started; what lives all the same. It may be tried again."""

    def release(self) -> None:
        """After its end: let go of its number. Nothing is signalled by that number later."""


class Launcher(Protocol):
    """Starts workers and finds again those of an earlier host."""

    name: str

    async def launch(self, launch: Launch) -> WorkerProcess:
        """Start it. Raises ``LaunchFailed`` when there can be no such process."""

    def adopt(self, launched: Launched) -> WorkerProcess | None:
        """The process that an earlier host started, if it still lives."""

    async def clear(self, launched: Launched) -> list[Leftover]:
        """What :meth:`WorkerProcess.clear` does, for a process of an earlier host that is gone."""
