"""Workers that live and say nothing: how long, and when that is enough to end them.

A worker says something every few seconds, if only that it is there. Its silence is counted in ticks of the host, and
only in those during which the host would have heard it: a laptop that slept, or a host that was itself stopped, is no
evidence against anybody. C code that holds the interpreter's lock cannot speak, but it works; so a silent worker is
ended only when its processes do nothing either: they use hardly any processor time, and none waits to be given some.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

import anyio
import anyio.to_thread

from hitl_jupyter.launchers.contract import Work, WorkerProcess
from hitl_jupyter.link.client import LONGEST_PAUSE

BEATS = 6
"""Beats that a worker is to send in the time after which it counts as silent."""

SHORTEST_BEAT = 0.05
"""Seconds; whatever the limit is set to, beats are not work for anybody."""

TICK_SECONDS = 1.0

BUSY_SHARE = 0.05
"""The part of one processor from which on a worker is at work: threads that only wait for the lock use some, too."""


class Silence:
    """How long nothing was heard of one worker, in seconds in which it would have been."""

    def __init__(self) -> None:
        self.expected = False
        """Whether it should say something at all: not before its first connection, nor if it is of an old version."""
        self.seconds = 0.0
        self.watched = 0.0
        """For how many of those what it does has been looked at."""
        self.work: Work | None = None
        """What it had done when that began."""
        self._listening = True

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Something was heard. While the host deals with it, the worker may be as silent as it likes."""
        self.restart()
        self._listening = False
        try:
            yield
        finally:
            self.restart()
            self._listening = True

    def restart(self) -> None:
        """Count from here on."""
        self.seconds = self.watched = 0.0
        self.work = None

    def add(self, seconds: float) -> None:
        """So much longer."""
        if self.expected and self._listening:
            self.seconds += seconds
            self.watched += seconds


class Watched(Protocol):
    """A worker, as far as it is watched."""

    pid: int
    silence: Silence

    @property
    def process(self) -> WorkerProcess: ...

    @property
    def linked(self) -> bool: ...

    def end(self, fault: str) -> None: ...


class Vigil:
    """Watches all workers of a host.

    Parameters
    ----------
    workers : iterable
        Gives those that there are, each time it is asked.
    seconds : float
        How long a worker may be silent and idle.
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, workers: Iterable[Watched], seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._workers = workers
        self._seconds = seconds
        self._clock = clock
        self._tick = min(TICK_SECONDS, beat_seconds(seconds))

    async def keep(self) -> None:
        """Look at each worker once a tick, for ever."""
        before = self._clock()
        while True:
            await anyio.sleep(self._tick)
            now = self._clock()
            await self.look(now - before)
            before = self._clock()

    async def look(self, passed: float) -> None:
        """``passed`` seconds after the last look: add them up, and end who has been silent and idle for too long."""
        slept = passed > 3 * self._tick  # so did the workers, perhaps
        for worker in self._workers:
            if slept:
                worker.silence.restart()
            else:
                worker.silence.add(passed)
                await self._judge(worker)

    async def _judge(self, worker: Watched) -> None:
        silence = worker.silence
        # A worker without a link may be in the longest pause between two tries to connect.
        allowed = self._seconds if worker.linked else max(self._seconds, 3 * LONGEST_PAUSE)
        before = silence.work
        if before is None:
            if silence.seconds >= allowed / 3:
                silence.work, silence.watched = await _work(worker), 0.0
        elif silence.seconds >= allowed and silence.watched >= allowed / 2:
            work = await _work(worker)
            if work is None or silence.work is not before:
                return  # gone, which is told by who waits for its end; or heard of meanwhile
            if work.running or work.cpu_seconds - before.cpu_seconds > BUSY_SHARE * silence.watched:
                silence.work, silence.watched = work, 0.0
            else:
                self._end(worker)

    def _end(self, worker: Watched) -> None:
        worker.silence.expected = False
        worker.end(
            f"The worker process has not been heard of for {self._seconds:g} s and has done nothing since, so it was "
            "ended."
        )


def beat_seconds(silence_seconds: float) -> float:
    """How often a worker is to say something.

    Examples
    --------
    >>> beat_seconds(30.0), beat_seconds(0.0)
    (5.0, 0.05)
    """
    return max(silence_seconds / BEATS, SHORTEST_BEAT)


async def _work(worker: Watched) -> Work | None:
    try:
        return await anyio.to_thread.run_sync(worker.process.work, worker.pid)
    except OSError:  # out of descriptors, say: it is not known, and nobody is ended for that
        return None
