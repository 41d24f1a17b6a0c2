"""Notices when a durable task has nothing to do but wait for a person, so that its process may be let go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hitl_jupyter.author.pacing import clock


class Idle:
    """Counts the calls of a context that wait for a person, and those that work.

    Parameters
    ----------
    seconds : float
        After so many seconds in which some wait, none works and nothing changes, ``on_idle`` is called, in the clock's
        thread; and again after each further such time.
    on_idle : callable
        Looks whether nothing else goes on, and lets the process go.
    """

    def __init__(self, seconds: float = float("inf"), on_idle: Callable[[], None] = lambda: None) -> None:
        self._seconds = seconds
        self._on_idle = on_idle
        self._lock = threading.Lock()
        self._waiting = 0
        self._working = 0
        self._changes = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While a person is waited for."""
        self._change(waiting=1)
        try:
            yield
        finally:
            self._change(waiting=-1)

    @contextmanager
    def working(self) -> Iterator[None]:
        """While a step runs, or the task sleeps: it must not be let go in the middle."""
        self._change(working=1)
        try:
            yield
        finally:
            self._change(working=-1)

    def _change(self, *, waiting: int = 0, working: int = 0) -> None:
        if self._seconds == float("inf"):
            return
        with self._lock:
            self._waiting += waiting
            self._working += working
            self._changes += 1
            self._look_later()

    def _look_later(self) -> None:
        if self._waiting and not self._working:
            changes = self._changes
            clock.call_later(self._seconds, lambda: self._look(changes))

    def _look(self, changes: int) -> None:
        with self._lock:
            if changes != self._changes:
                return
            self._look_later()
        self._on_idle()
