"""Ten times a second is enough for a person: values that change faster are thinned out, and the last is always sent."""

from __future__ import annotations

import heapq
import itertools
import os
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

INTERVAL = 0.1
"""Seconds between two states of one bar, or of one redrawn line."""

_T = TypeVar("_T")
_NOTHING = object()


class Clock:
    """Calls functions later, in one daemon thread that starts with the first of them."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        """Also what a forked child does: the thread did not come along."""
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call it once, after so many seconds. It must be quick, for all share the thread."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), call))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hitl-clock", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._due:
                    self._changed.wait()
                when, _, call = self._due[0]
                wait = when - time.monotonic()
                if wait > 0:
                    self._changed.wait(wait)
                    continue
                heapq.heappop(self._due)
            call()


clock = Clock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=clock._forget)


class Throttle(Generic[_T]):
    """Sends the newest of the values offered, at most once per interval.

    Parameters
    ----------
    send : callable
        Gets the value; called by whoever offers, or by the clock's thread; never by two at once, and in order.
    seconds : float
        The interval.
    """

    def __init__(self, send: Callable[[_T], None], seconds: float = INTERVAL) -> None:
        self._send = send
        self._seconds = seconds
        self._lock = threading.Lock()
        self._value: _T | object = _NOTHING
        self._next = 0.0
        self._scheduled = False

    def offer(self, value: _T) -> None:
        """Send it now if the interval is over, else at its end, unless a newer one comes."""
        with self._lock:
            self._value = value
            if self._scheduled:
                return
            wait = self._next - time.monotonic()
            if wait <= 0:
                self._release()
            else:
                self._scheduled = True
                clock.call_later(wait, self._on_time)

    def flush(self) -> None:
        """Send what is held back, now."""
        with self._lock:
            self._release()

    def drop(self) -> None:
        """Forget what is held back."""
        with self._lock:
            self._value = _NOTHING

    def _on_time(self) -> None:
        with self._lock:
            self._scheduled = False
            self._release()

    def _release(self) -> None:
        value, self._value = self._value, _NOTHING
        if value is not _NOTHING:
            self._next = time.monotonic() + self._seconds
            self._send(value)  # type: ignore[arg-type]  # it is no _NOTHING, so it is a _T
