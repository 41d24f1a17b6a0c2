"""The feed for inboxes: a line per session that changed, all of them at first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

import anyio

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.protocol import encode
from hitl_jupyter.summary import SessionChanged

Listing = Callable[[], Awaitable[Sequence[SessionChanged]]]


class Feed:
    """One inbox. It keeps only the newest change of each session, so one that does not read costs little."""

    def __init__(self, feeds: Feeds, actor: Actor, after: int, listing: Listing) -> None:
        self._feeds = feeds
        self._actor = actor
        self._after = after
        self._listing = listing
        self._changed: dict[str, SessionChanged] = {}
        self._woken = anyio.Event()

    async def __aenter__(self) -> Self:
        self._feeds.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._feeds.discard(self)

    def put(self, change: SessionChanged, owner: str) -> None:
        """Take a change in, if it is this owner's."""
        if owner == self._actor.owner:
            self._changed.pop(change.session_id, None)
            self._changed[change.session_id] = change
            self._woken.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        known = [change for change in await self._listing() if change.rev > self._after]
        yield encode(sorted(known, key=lambda change: change.rev))
        while not self._feeds.closed:
            if self._changed:
                changes, self._changed = list(self._changed.values()), {}
                yield encode(changes)
                continue
            self._woken = anyio.Event()
            await self._woken.wait()

    def wake(self) -> None:
        self._woken.set()


class Feeds:
    """All inboxes of a host."""

    def __init__(self) -> None:
        self._feeds: set[Feed] = set()
        self.closed = False

    def __len__(self) -> int:
        return len(self._feeds)

    def add(self, feed: Feed) -> None:
        self._feeds.add(feed)

    def discard(self, feed: Feed) -> None:
        self._feeds.discard(feed)

    def put(self, change: SessionChanged, owner: str) -> None:
        """Tell all inboxes of that owner."""
        for feed in self._feeds:
            feed.put(change, owner)

    def close(self) -> None:
        """End every feed."""
        self.closed = True
        for feed in self._feeds:
            feed.wake()
