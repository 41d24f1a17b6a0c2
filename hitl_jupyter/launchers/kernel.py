"""A kernel as the worker of a run of its own: watched, and never signalled.

It was not started for the run, and holds what a person has computed; so it is not this host's to end. Its run is over
when the kernel says so, or when the kernel is gone. Where its process can be seen that is known at once; where it
cannot, on another machine or in another container, a link that stays away tells it.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import anyio

from hitl_jupyter.launchers.contract import Launched, Leftover, Work
from hitl_jupyter.link.processes import look, machine

GRACE_SECONDS = 3.0
"""How long a run that was interrupted has to end before it is said to go on."""

TICK_SECONDS = 0.5
"""How often it is looked whether a link is there; and a process, on systems that do not tell of its end."""


class KernelLeft(Leftover, frozen=True):
    """A kernel that goes on with a run that was cancelled."""

    def __str__(self) -> str:
        return (
            f"The kernel (process {self.pid}) still runs it: {self.why}. It ends as soon as it comes back to Python "
            "code; to end it now, interrupt the kernel where a cell waits for it, else restart the kernel."
        )


class KernelProcess:
    """The process of a kernel, as far as one of its runs is concerned.

    Parameters
    ----------
    launched : Launched
        Which process it is; its ``boot_id`` is the kernel's ``machine``.
    lost_seconds : float
        How long a link may be away before a kernel that cannot be seen is taken for lost.
    is_linked : callable
        Whether the link is there now.
    on_gone : callable
        Called once when the kernel is gone.
    insist : callable
        Has the kernel interrupt the run.
    """

    def __init__(
        self,
        launched: Launched,
        lost_seconds: float,
        is_linked: Callable[[], bool],
        on_gone: Callable[[], None],
        insist: Callable[[], None],
    ) -> None:
        self._launched = launched
        self._lost_seconds = lost_seconds
        self._is_linked = is_linked
        self._on_gone = on_gone
        self._insist = insist
        self._begun = False
        self._over = anyio.Event()
        self._killed = anyio.Event()
        self._watching = anyio.CancelScope()
        self.pid = launched.pid
        self.started_at = launched.started_at
        self.boot_id = launched.boot_id

    @property
    def seen(self) -> bool:
        """Whether this host can see the process, if there is one."""
        return self.boot_id is not None and self.boot_id == machine()

    @property
    def lives(self) -> bool:
        """Whether it is there, or may be."""
        if not self.seen:
            return True
        process = look(self.pid)
        return process is not None and process.lives and process.started_at == self.started_at

    def begin(self) -> None:
        """It was given the run: from here on only the kernel knows when that is over."""
        self._begun = True

    def finish(self) -> None:
        """The run is over, or is the host's affair no longer."""
        self._over.set()

    async def watch(self) -> None:
        """Notice when the kernel is gone. Run it beside the rest, until :meth:`release`."""
        with self._watching:
            await (self._until_ended() if self.seen else self._until_away())
            self._on_gone()
            self.finish()

    async def wait(self) -> int | None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._after_kill, group.cancel_scope)
            await self._over.wait()
            group.cancel_scope.cancel()
        return None

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the run is over."""
        with anyio.move_on_after(seconds):
            await self._over.wait()

    def work(self, pid: int) -> Work | None:
        """It is not known which of the kernel's work is the run's; so nobody is ended for being idle."""
        return None

    def terminate(self) -> None:
        if self._begun:
            self._insist()

    def kill(self) -> None:
        """What has not begun is over. What runs is interrupted, and :meth:`clear` tells whether that helped."""
        if not self._begun:
            self.finish()
        elif not self._over.is_set():
            self._insist()
            self._killed.set()

    async def clear(self) -> list[Leftover]:
        if self._over.is_set():
            return []
        return [KernelLeft(pid=self.pid, program="kernel", why="it was interrupted, and is in code that does not stop")]

    def release(self) -> None:
        self._watching.cancel()

    async def _after_kill(self, waiting: anyio.CancelScope) -> None:
        await self._killed.wait()
        await anyio.sleep(GRACE_SECONDS)
        waiting.cancel()

    async def _until_ended(self) -> None:
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        except (AttributeError, OSError):  # not on this system, or not in this container
            while self.lives:  # noqa: ASYNC110  # nobody would set an event
                await anyio.sleep(TICK_SECONDS)
            return
        try:
            if self.lives:  # and the number is not another's by now
                await anyio.wait_readable(descriptor)
        finally:
            os.close(descriptor)

    async def _until_away(self) -> None:
        """In ticks of this host: what it slept through is not counted."""
        tick = min(TICK_SECONDS, self._lost_seconds / 5)
        away = 0.0
        while away < self._lost_seconds:
            await anyio.sleep(tick)
            away = 0.0 if self._is_linked() else away + tick
