"""The end of an attempt's processes: nothing is called cancelled while one lives, and what cannot be ended is named."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import anyio

from hitl_jupyter.engine.history import PAGE_BYTES
from hitl_jupyter.engine.session import Session
from hitl_jupyter.engine.tail import join_batches
from hitl_jupyter.launchers.contract import Leftover
from hitl_jupyter.protocol import StatusChanged, decode_events

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
"""Between two attempts to end what could not be ended."""

READ_EVENTS = 1000
"""Events that are read at a time, from the newest back, to find out who cancelled."""

Clear = Callable[[], Awaitable[list[Leftover]]]


async def end_rest(
    session: Session,
    clear: Clear,
    is_cancelled: Callable[[], bool],
    rest: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> list[Leftover]:
    """End what is left of an attempt's processes, before its end is told.

    A session that is being cancelled stays so until nothing of it lives, and says what is in the way. A lost attempt
    is told at once, with the survivors that are returned. ``rest`` is what is done between two looks.
    """
    said = None
    pause = FIRST_PAUSE_SECONDS
    while (left := await clear()) and is_cancelled():
        if (words := " ".join(map(str, left))) != said:
            await session.insist(partial(_say, session, words))
            said = words
        await rest(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    return left


def told(cause: str, left: list[Leftover]) -> str:
    """Why an attempt was lost, and what is still there of it.

    Examples
    --------
    >>> told("The worker is gone.", [Leftover(pid=7, program="cp", why="it waits for the kernel (state D)")])
    'The worker is gone. Process 7 (cp) cannot be ended: it waits for the kernel (state D).'
    """
    return " ".join([cause, *map(str, left)])


async def nothing_left() -> list[Leftover]:
    """Of an attempt that had no process."""
    return []


async def who_cancels(session: Session) -> StatusChanged | None:
    """The event that a cancel under way began with, from the journal."""
    before = session.snapshot.last_seq + 1
    while before > 1:
        batches = await session.journal.last_events(session.session_id, before, READ_EVENTS, PAGE_BYTES)
        if not batches:
            return None
        for event in reversed(decode_events(join_batches(batches, 0, before))):
            if isinstance(event, StatusChanged) and isinstance(event.reason, str):
                return event
        before = batches[0].first_seq
    return None


async def _say(session: Session, words: str) -> None:
    async with session.lock:
        change = session.change()
        change.say(words)
        await session.commit(change)
