"""The clock that a task's deadlines and pauses go by: the system's, or one that a test moves."""

from __future__ import annotations

import time


class WallClock:
    """The system's clock."""

    def now(self) -> float:
        """The time, in epoch seconds."""
        return time.time()

    def pause(self, seconds: float) -> float:
        """A task pauses for so many seconds of this clock; the seconds that it has to wait for that."""
        return seconds


WALL_CLOCK = WallClock()
