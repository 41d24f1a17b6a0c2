"""A clock that stands still until a test moves it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hitl_jupyter.author.wall_clock import WallClock
from hitl_jupyter.questions import Question

SKIPPED_SECONDS = 0.001
"""What a pause takes that is skipped: others have their turn meanwhile."""


class ManualClock(WallClock):
    """What the deadlines of a test's questions go by. It begins at the present time, and only a test moves it.

    Attributes
    ----------
    sleeps : bool
        Whether ``ctx.sleep`` really takes its time. It does not, unless a test says so.
    on_move : callable
        Called when it was moved; returns when what was due is settled.

    Examples
    --------
    >>> clock = ManualClock()
    >>> before = clock.now()
    >>> clock.advance(60)
    >>> clock.now() - before
    60.0
    """

    def __init__(self) -> None:
        self.on_move: Callable[[], None] = _nothing
        self.start_anew()

    def __repr__(self) -> str:
        return "<the clock of this test>"

    def start_anew(self) -> None:
        """Set it to the present time."""
        self._now = float(round(time.time()))
        self.sleeps = False

    def now(self) -> float:
        """The time, in epoch seconds."""
        return self._now

    def advance(self, by: float | timedelta) -> None:
        """Let time pass, and what was due by then with it: when this returns, it is settled.

        Parameters
        ----------
        by : float or timedelta
            Seconds, or a span.
        """
        seconds = by.total_seconds() if isinstance(by, timedelta) else float(by)
        if seconds < 0:
            raise ValueError(f"Time goes forward only, not by {seconds:g} s.")
        self._now += seconds
        self.on_move()

    def expire(self, question: Question) -> Any:
        """Leave a question to its deadline: to be given as its answer, ``answers={"approve": hitl_clock.expire}``.

        The clock is moved to the deadline, so that what stands here for an answer comes too late.
        """
        if question.deadline is None:
            raise ValueError(f"{question!r} has no deadline")
        self.advance(max(question.deadline - self._now, 0.0))
        return {} if question.kind == "user_input" else True

    def pause(self, seconds: float) -> float:
        """What a task waits where it pauses for so many seconds."""
        return seconds if self.sleeps else min(seconds, SKIPPED_SECONDS)


def _nothing() -> None:
    """Nobody has to know."""
