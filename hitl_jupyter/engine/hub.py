"""Viewers: each pulls a session's events from where it is, so none can slow the task or another viewer.

A viewer has a cursor and no queue. While it keeps up it is fed from the session's tail in memory; further behind, from
the journal. Only what has no ``seq`` (drafts, transient output) is pushed, through a small buffer that forgets.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Protocol, Self

import anyio

from hitl_jupyter.engine.history import has_gaps, missing_between, told
from hitl_jupyter.engine.tail import Tail, join_batches, join_messages
from hitl_jupyter.errors import NotFound
from hitl_jupyter.journal.contract import Batch, Journal, Truncation
from hitl_jupyter.protocol import Draft, Reset, StateReplayComplete, StateReplayStart
from hitl_jupyter.snapshot import Snapshot

FRAME_BYTES = 512 * 1024
"""Bytes of events a viewer is given at a time."""

PUSHED_KEPT = 64
PUSHED_BYTES = 1024 * 1024
"""Messages without ``seq``, and bytes of them, that wait for a viewer at the most; the newest one always does."""

SIGHT_GRACE_SECONDS = 5.0
"""Whom a question was for may watch no more once it is settled; but the next one is often for the same person."""


class Watched(Protocol):
    """The session that is watched."""

    tail: Tail

    @property
    def snapshot(self) -> Snapshot: ...

    @property
    def journal(self) -> Journal: ...

    async def drafts(self) -> list[Draft]: ...


class Hub:
    """The viewers of one session; ``on_empty`` is called when the last one leaves."""

    def __init__(self, on_empty: Callable[[], None]) -> None:
        self._viewers: set[Viewer] = set()
        self._on_empty = on_empty
        self.closed = False
        self.arrivals = 0
        """How many viewers have come, those that left included."""

    def __len__(self) -> int:
        return len(self._viewers)

    def add(self, viewer: Viewer) -> None:
        self._viewers.add(viewer)
        self.arrivals += 1

    def discard(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        if not self._viewers:
            self._on_empty()

    def wake(self) -> None:
        """There are new events."""
        for viewer in self._viewers:
            viewer.wake()

    def push(self, data: bytes) -> None:
        """Give everybody a JSON array of messages that have no ``seq``."""
        for viewer in self._viewers:
            viewer.push(data)

    def close(self) -> None:
        """There is nothing more to see; every viewer comes to its end."""
        self.closed = True
        self.wake()


class Viewer:
    """One watcher of one session: iterate it for JSON arrays of wire messages, first history, then live.

    With ``after`` (and the ``epoch`` it is from) it goes on after that event; with ``tail`` it begins with a snapshot
    and the last so many events. It ends where ``may_see`` does: with what ended the right to see the session.
    """

    def __init__(
        self,
        watched: Watched,
        hub: Hub,
        *,
        may_see: Callable[[], bool],
        after: int = 0,
        epoch: int | None = None,
        tail: int | None,
    ) -> None:
        self._watched = watched
        self._hub = hub
        self._may_see = may_see
        self._until: int | None = None
        self._cursor = after
        self._epoch = epoch
        self._tail = tail
        self._pushed: deque[bytes] = deque(maxlen=PUSHED_KEPT)
        self._woken = anyio.Event()
        self._shown: dict[str, float] = {}
        self._ahead: tuple[int, asyncio.Future[list[Batch]]] | None = None

    async def __aenter__(self) -> Self:
        self._hub.add(self)
        self._look()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hub.discard(self)
        if self._ahead is not None:
            self._ahead[1].cancel()

    def wake(self) -> None:
        self._look()
        self._woken.set()

    def _look(self) -> None:
        """Note where the right to see the session ends, however late that is read; or that it is there again."""
        if self._may_see():
            self._until = None
        elif self._until is None:
            self._until = self._watched.snapshot.last_seq

    def push(self, data: bytes) -> None:
        if self._until is not None:
            return
        self._pushed.append(data)
        while len(self._pushed) > 1 and sum(map(len, self._pushed)) > PUSHED_BYTES:
            self._pushed.popleft()
        self._woken.set()

    def shown_for(self, request_id: str) -> float:
        """For how many seconds this viewer has been shown that open request; 0 if it was not."""
        since = self._shown.get(request_id)
        return 0.0 if since is None else time.monotonic() - since

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for frame in self._history():
            yield frame
        while True:
            while self._cursor < (last := self._last()):
                yield await self._next_events(last + 1)
            while self._pushed and self._until is None:
                yield self._pushed.popleft()
            if self._hub.closed or (self._until is not None and not await self._sees_again()):
                return
            if self._cursor >= self._watched.snapshot.last_seq and not self._pushed:
                self._woken = anyio.Event()
                await self._woken.wait()

    def _last(self) -> int:
        return self._watched.snapshot.last_seq if self._until is None else self._until

    async def _sees_again(self) -> bool:
        with anyio.move_on_after(SIGHT_GRACE_SECONDS):
            while self._until is not None and not self._hub.closed:
                self._woken = anyio.Event()
                await self._woken.wait()
        return self._until is None

    async def _history(self) -> AsyncIterator[bytes]:
        snapshot, journal = self._watched.snapshot, self._watched.journal
        epoch = journal.epoch
        session_id, last = snapshot.session_id, snapshot.last_seq
        known = self._epoch is None or journal.first_epoch <= self._epoch <= epoch
        stale = self._cursor > last or not known
        if stale:
            self._cursor = 0
            yield join_messages([Reset(session_id=session_id, epoch=epoch)])
        if self._tail is not None:
            self._cursor = max(self._cursor, last - self._tail)
        count = last - self._cursor
        if self._watched.tail.after(self._cursor, 0) is None:
            count -= missing_between(await self._truncations(self._cursor, last + 1), self._cursor, last + 1)
        start = StateReplayStart(
            session_id=session_id,
            message=f"Replaying {count} events.",
            count=count,
            first_seq=self._cursor + 1,
            last_seq=last,
            epoch=epoch,
        )
        if self._tail is not None:
            start.snapshot = snapshot
        yield join_messages([start])
        while self._cursor < last:
            yield await self._next_events(last + 1)
        self._mark_shown(0)
        complete = StateReplayComplete(session_id=session_id, message="Replay complete.", last_seq=last)
        yield join_messages([complete, *await self._watched.drafts()])

    async def _next_events(self, before: int) -> bytes:
        after = self._cursor
        batches = self._watched.tail.after(after, FRAME_BYTES)
        if batches is None:
            batches = await self._read(after)
        end = min(batches[-1].last_seq + 1, before)
        if has_gaps(batches, after):
            gone = await self._truncations(after, end)
            frame = told(self._watched.snapshot.session_id, batches, gone, after, end)
        else:
            frame = join_batches(batches, after, end)
        self._cursor = end - 1
        self._mark_shown(after)
        return frame

    async def _truncations(self, after: int, before: int) -> list[Truncation]:
        """What retention took: asked after the batches were read, so that it explains every gap in them."""
        return await self._watched.journal.truncations(self._watched.snapshot.session_id, after, before)

    async def _read(self, after: int) -> list[Batch]:
        """Batches from the journal. The next ones are read while these are on their way to the viewer."""
        ahead, self._ahead = self._ahead, None
        batches = await (ahead[1] if ahead is not None and ahead[0] == after else self._fetch(after))
        if not batches:
            raise NotFound("The session was forgotten.")
        small = sum(len(batch.data) for batch in batches) <= FRAME_BYTES
        if small and self._watched.tail.after(batches[-1].last_seq, FRAME_BYTES) is None:
            self._ahead = batches[-1].last_seq, asyncio.ensure_future(self._fetch(batches[-1].last_seq))
        return batches

    async def _fetch(self, after: int) -> list[Batch]:
        snapshot = self._watched.snapshot
        return await self._watched.journal.events(snapshot.session_id, after, snapshot.last_seq + 1, FRAME_BYTES)

    def _mark_shown(self, after: int) -> None:
        now = time.monotonic()
        for request in self._watched.snapshot.open_requests:
            seq = request.seq if isinstance(request.seq, int) else 0
            if after < seq <= self._cursor and request.request_id is not None:
                self._shown.setdefault(request.request_id, now)
