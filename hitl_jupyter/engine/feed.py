"""The feed for inboxes: a line per session, all of them at first, then each one that changes.

Of each session the line with the greatest ``rev`` is the newest. While the first list is read, changes wait in the
inbox, and take the place of a listed line that they have overtaken.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Container, Iterator, Sequence
from types import TracebackType
from typing import Self

import anyio

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.protocol import encode
from hitl_jupyter.summary import SessionChanged, SessionsListed, Summary

FRAME_CHANGES = 100
"""Changes in one frame at the most."""

PAUSE_SECONDS = 0.1
"""After live changes were sent: of what happens meanwhile an inbox is told the newest line of each session only."""

Pages = Callable[[], AsyncIterator[Sequence[SessionChanged]]]
"""Reads the first list, a page at a time."""


class Feed:
    """One inbox. It keeps only the newest change of each session, so one that does not read costs little."""

    def __init__(self, feeds: Feeds, actor: Actor, pages: Pages, after: int) -> None:
        self.owner = actor.owner
        self._feeds = feeds
        self._pages = pages
        self._after = after
        self._changed: dict[str, SessionChanged] = {}
        self._lent: set[str] = set()
        self._woken = anyio.Event()

    async def __aenter__(self) -> Self:
        self._feeds.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._feeds.discard(self)

    def put(self, change: SessionChanged) -> None:
        """Take a change in."""
        self._note(change)
        self._changed.pop(change.session_id, None)
        self._changed[change.session_id] = change
        self._woken.set()

    def shows_lent(self, session_id: str) -> bool:
        """Whether it shows this session of another owner, who asks its own."""
        return session_id in self._lent

    def wake(self) -> None:
        self._woken.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for frame in self._list():
            yield frame
        while not self._feeds.closed:
            if not self._changed:
                self._woken = anyio.Event()
                await self._woken.wait()
                continue
            changes, self._changed = list(self._changed.values()), {}
            for frame in _frames(changes):
                yield frame
            await anyio.sleep(PAUSE_SECONDS)

    async def _list(self) -> AsyncIterator[bytes]:
        rev = self._feeds.rev  # what came later waits in the inbox, or is listed besides
        told: set[str] = set()
        async for page in self._pages():
            lines = [line for old in page if old.session_id not in told and (line := self._newest(old)) is not None]
            told.update(line.session_id for line in lines)
            for frame in _frames(lines):
                yield frame
        yield encode([SessionsListed(count=len(told), rev=rev)])

    def _newest(self, line: SessionChanged) -> SessionChanged | None:
        """What to tell of a listed session: its line, or the change that waits already, or nothing."""
        waiting = self._changed.get(line.session_id)
        if waiting is None:
            self._note(line)
            return line if line.rev > self._after else None
        if waiting.forgotten:
            return None
        del self._changed[line.session_id]
        return max(waiting, line, key=lambda change: change.rev)

    def _note(self, change: SessionChanged) -> None:
        if change.summary is None:
            self._lent.discard(change.session_id)
        elif change.summary.owner != self.owner:
            self._lent.add(change.session_id)


class Feeds:
    """All inboxes of a host. ``rev`` is that of the last change, whether there was an inbox to tell or not."""

    def __init__(self) -> None:
        self._feeds: set[Feed] = set()
        self._left = anyio.Event()
        self.rev = 0
        self.closed = False

    def __len__(self) -> int:
        return len(self._feeds)

    def add(self, feed: Feed) -> None:
        self._feeds.add(feed)

    def discard(self, feed: Feed) -> None:
        self._feeds.discard(feed)
        self._left.set()
        self._left = anyio.Event()

    async def without(self, audience: Callable[[], Container[str]]) -> bool:
        """Wait until nobody of that audience has an inbox; whether that was waited for."""
        waited = False
        while any(feed.owner in audience() for feed in self._feeds):
            waited = True
            await self._left.wait()
        return waited

    def put(self, session_id: str, rev: int, audience: Container[str], summary: Callable[[], Summary | None]) -> None:
        """A session changed: tell the inboxes of its audience, and those that showed it and may no more.

        ``summary`` gives None for a session that was forgotten; it is asked only if there is an inbox to tell.
        """
        self.rev = max(self.rev, rev)
        change: SessionChanged | None = None
        for feed in self._feeds:
            if feed.owner in audience:
                change = change or _change(session_id, rev, summary())
                feed.put(change)
            elif feed.shows_lent(session_id):
                feed.put(_change(session_id, rev, None))

    def close(self) -> None:
        """End every feed."""
        self.closed = True
        for feed in self._feeds:
            feed.wake()


def _change(session_id: str, rev: int, summary: Summary | None) -> SessionChanged:
    return SessionChanged(summary=summary, session_id=session_id, rev=rev, forgotten=summary is None)


def _frames(changes: Sequence[SessionChanged]) -> Iterator[bytes]:
    for start in range(0, len(changes), FRAME_CHANGES):
        yield encode(changes[start : start + FRAME_CHANGES])
