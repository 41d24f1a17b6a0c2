"""The deadlines of all open requests of a host, and the one task that keeps them.

A deadline is a moment of the wall clock. That clock jumps, and a laptop sleeps without its timers noticing, so it is
looked at every few seconds, however far away the next deadline is; and nothing passes but by a look at it.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable

import anyio

LOOK_SECONDS = 2.0
"""The wall clock is looked at this often at least, where a deadline waits."""

STALE_KEPT = 64
"""How many entries of settled requests the heap may hold beyond as many as it has live ones."""


class Deadlines:
    """Calls what was added at its moment, once. ``clock`` gives epoch seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: dict[str, tuple[float, Callable[[], None]]] = {}
        self._heap: list[tuple[float, str]] = []
        self._changed = anyio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, name: str, moment: float, action: Callable[[], None]) -> None:
        """Call ``action`` (which must not raise) once the clock has come to ``moment``; in place of an earlier one."""
        if math.isnan(moment):
            return
        self._waiting[name] = moment, action
        heapq.heappush(self._heap, (moment, name))
        if self._heap[0] == (moment, name):
            self._changed.set()

    def discard(self, name: str) -> None:
        """There is nothing to do at that moment any more."""
        self._waiting.pop(name, None)
        if len(self._heap) > 2 * len(self._waiting) + STALE_KEPT:
            self._heap = [(moment, name) for name, (moment, _) in self._waiting.items()]
            heapq.heapify(self._heap)

    def look(self) -> None:
        """Call what is due by the clock."""
        now = self._clock()
        while self._heap and self._heap[0][0] <= now:
            moment, name = heapq.heappop(self._heap)
            waiting = self._waiting.get(name)
            if waiting is not None and waiting[0] == moment:  # else it was discarded, or added again
                del self._waiting[name]
                waiting[1]()

    async def keep(self) -> None:
        """Look at the clock again and again, for as long as the host lives."""
        while True:
            self._changed = anyio.Event()
            self.look()
            with anyio.move_on_after(self._pause()):
                await self._changed.wait()

    def _pause(self) -> float:
        if not self._heap:
            return math.inf
        return min(max(self._heap[0][0] - self._clock(), 0.0), LOOK_SECONDS)
