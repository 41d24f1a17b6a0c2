"""Waiting for a condition: the one place where tests may poll.

Why polling at all: what these tests watch (a process that ends, a file another process writes, a server that comes
up) tells nobody when it happens. Whoever can await an event does that instead.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

_T = TypeVar("_T")

PATIENCE_SECONDS = 20.0
PAUSE_SECONDS = 0.02


def eventually(condition: Callable[[], _T | None], what: str, *, within: float = PATIENCE_SECONDS) -> _T:
    """Call ``condition`` until it returns something true, and return that.

    Raises
    ------
    AssertionError
        It stayed false for ``within`` seconds; the sentence says ``what`` was waited for and what it last returned.

    Examples
    --------
    >>> eventually(lambda: "ready", "a constant")
    'ready'
    """
    end = time.monotonic() + within
    while True:
        last = condition()
        if last:
            return last
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {within:g} s; it was last {last!r}")
        time.sleep(PAUSE_SECONDS)  # noqa: TID251 - the one pause all others are replaced by


async def eventually_async(
    condition: Callable[[], Awaitable[_T | None]], what: str, *, within: float = PATIENCE_SECONDS
) -> _T:
    """The same for a coroutine function, without blocking the event loop."""
    end = time.monotonic() + within
    while True:
        last = await condition()
        if last:
            return last
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {within:g} s; it was last {last!r}")
        await anyio.sleep(PAUSE_SECONDS)  # noqa: TID251 - the one pause all others are replaced by
