"""One session: the only place where its events are numbered, journaled and published, one change at a time.

Every change takes the session's lock, is computed from the snapshot (``change.py``), committed to the journal, and only
then applied, published and acted upon. A write that fails has therefore changed nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
from msgspec import UNSET
from msgspec.structs import replace

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.background import Background
from hitl_jupyter.engine.change import LINES, Change
from hitl_jupyter.engine.deadlines import Deadlines
from hitl_jupyter.engine.hub import Hub, Viewer
from hitl_jupyter.engine.limits import Limits, check_count
from hitl_jupyter.engine.spools import Spools
from hitl_jupyter.engine.starts import Starts
from hitl_jupyter.engine.tail import Tail
from hitl_jupyter.engine.workers import Workers
from hitl_jupyter.journal.contract import (
    REFUSALS,
    Batch,
    CommandRow,
    Journal,
    LaunchRow,
    RequestRow,
    SessionRow,
    SessionUpdate,
    Settlement,
    Write,
)
from hitl_jupyter.protocol import (
    Draft,
    RequestConfirmation,
    RequestResolved,
    RequestUserInput,
    Status,
    TaskFailed,
    encode,
)
from hitl_jupyter.snapshot import OpenRequest, Snapshot, fold, kind_of
from hitl_jupyter.summary import Summary, summarize

_T = TypeVar("_T")

STORE_RETRY_SECONDS = 1.0
"""How often what has to be written is tried again while the journal refuses."""

SNAPSHOT_EVERY = 2000
SNAPSHOT_BYTES = 16 * 1024 * 1024
"""Events, and bytes of them, between two snapshots in a live session's row: what is newer is folded in when a host
starts again, and retention takes nothing of it before."""


@dataclass(frozen=True)
class Services:
    """What all sessions of a host share."""

    journal: Journal
    workers: Workers
    starts: Starts
    results: Path
    spools: Spools
    limits: Limits
    tasks: Background
    deadlines: Deadlines
    clock: Callable[[], float]
    next_rev: Callable[[], int]
    on_change: Callable[[Session], None]
    on_idle: Callable[[Session], None]
    on_kept: Callable[[Session], None]


class Session:
    """A session in memory, loaded by giving its snapshot and ``rev``; a new one is given a snapshot with only its id.

    ``after_commit`` are called with each change that was committed, by those who act on changes.
    """

    def __init__(self, services: Services, snapshot: Snapshot, rev: int = 0) -> None:
        self.services = services
        self.tail = Tail(snapshot.last_seq)
        self.hub = Hub(lambda: services.on_idle(self))
        self.lock = anyio.Lock(fast_acquire=True)
        self.ended = anyio.Event()
        if snapshot.ended:
            self.ended.set()
        self.after_commit: list[Callable[[Change], None]] = []
        self.list_drafts: Callable[[], Awaitable[list[Draft]]] = _no_drafts
        self._snapshot = snapshot
        self._rev = rev
        self._kept_seq, self._kept_at = snapshot.last_seq, 0

    # -- what others look at ---------------------------------------------------------------------------------------

    @property
    def session_id(self) -> str:
        return self._snapshot.session_id

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    @property
    def rev(self) -> int:
        """Of its last change that shows in lists; the snapshot is that new at least."""
        return self._rev

    @property
    def audience(self) -> set[str]:
        """Who may see it now: its owner, and those whom its open requests are for."""
        facts = self._snapshot.session
        owner = {facts.owner} if facts is not None else set()
        asking = (request for request in self._snapshot.open_requests if not isinstance(request, TaskFailed))
        return owner.union(*(request.assignees for request in asking))

    @property
    def journal(self) -> Journal:
        return self.services.journal

    @property
    def status(self) -> Status:
        return self._snapshot.status

    def summary(self) -> Summary:
        """Its line in a list."""
        return summarize(self._snapshot, viewers=len(self.hub))

    def owned_by(self, actor: Actor) -> bool:
        """Whether it is this actor's own."""
        facts = self._snapshot.session
        return facts is not None and facts.owner == actor.owner

    def visible_to(self, actor: Actor) -> bool:
        """Whether this actor may see it: its owner, or somebody it asks."""
        return actor.owner in self.audience

    def answerable_by(self, actor: Actor, request: OpenRequest) -> bool:
        """Whether this actor may answer that request: the session's owner, or somebody the request is for."""
        asked = not isinstance(request, TaskFailed) and actor.owner in request.assignees
        return asked or self.owned_by(actor)

    def watch(self, actor: Actor, *, after: int, epoch: int | None, tail: int | None) -> Viewer:
        """A new viewer, for as long as this actor may see it; raises ``LimitReached`` when there are too many."""
        check_count("max_viewers", len(self.hub), self.services.limits.max_viewers, "Close another view of it.")
        may_see = partial(self.visible_to, actor)
        return Viewer(self, self.hub, may_see=may_see, after=after, epoch=epoch, tail=tail)

    async def drafts(self) -> list[Draft]:
        """The drafts of its open requests."""
        return await self.list_drafts()

    # -- commit, then publish ----------------------------------------------------------------------------------------

    def change(self) -> Change:
        """A change that starts from now. The caller holds the lock."""
        return Change(self._snapshot, self.services.clock())

    async def commit(
        self,
        change: Change,
        *,
        create: SessionRow | None = None,
        launch: LaunchRow | None = None,
        command: CommandRow | None = None,
    ) -> None:
        """Number the change's events, make them durable, publish them. The caller holds the lock.

        A caller that is cancelled meanwhile, such as the socket of a closed tab, still waits for the outcome: memory
        must not fall behind a journal that has the events.
        """
        batch, snapshot = self._numbered(change)
        plain = change.plain
        update = None
        rev = create.rev if create is not None else None
        if batch is not None and create is None:
            rev = self.services.next_rev() if _shows_in_lists(change) else None
            update = self._update(snapshot, batch, rev, suspended=change.suspended_with is not None)
        write = Write(
            session_id=self.session_id,
            create=create and replace(create, snapshot=encode(snapshot), snapshot_seq=snapshot.last_seq),
            batch=batch,
            update=update,
            opened=() if plain else tuple(_opened(change, self.session_id)),
            settled=() if plain else tuple(_settled(change)),
            launch=launch,
            calls=tuple(change.calls),
            command=command,
        )
        with anyio.CancelScope(shield=True):
            await self.journal.submit(write)
        self._snapshot = snapshot
        self._rev = self._rev if rev is None else rev
        for hook in self.after_commit:
            hook(change)  # the worker hears first: from there it is the longest way to the next question
        self._publish(batch)
        if update is not None and update.snapshot is not None:
            self.services.on_kept(self)
        if rev is not None:
            self.services.on_change(self)

    async def insist(self, step: Callable[[], Awaitable[_T]]) -> _T:
        """Carry out what has to be read or written, though the journal may refuse it for a while."""
        while True:
            try:
                return await step()
            except REFUSALS:
                await anyio.sleep(STORE_RETRY_SECONDS)

    def _numbered(self, change: Change) -> tuple[Batch | None, Snapshot]:
        if not change.events:
            return None, self._snapshot
        first = seq = self._snapshot.last_seq + 1
        session_id = self._snapshot.session_id
        for event in change.events:
            event.session_id = session_id
            event.seq = seq
            if not event.attempt:
                event.attempt = change.attempt
            seq += 1
        batch = Batch(first_seq=first, last_seq=seq - 1, data=encode(change.events))
        return batch, fold(change.events, self._snapshot)

    def _update(self, snapshot: Snapshot, batch: Batch, rev: int | None, *, suspended: bool) -> SessionUpdate:
        moved = snapshot.status != self._snapshot.status
        bytes_now = self.tail.added + len(batch.data)
        many = batch.last_seq - self._kept_seq >= SNAPSHOT_EVERY or bytes_now - self._kept_at >= SNAPSHOT_BYTES
        keep = snapshot.ended or suspended or many
        if keep:
            self._kept_seq, self._kept_at = batch.last_seq, bytes_now
        return SessionUpdate(
            last_seq=batch.last_seq,
            rev=rev,
            status=snapshot.status if moved else None,
            ended_at=snapshot.ended_at if moved else None,
            snapshot=encode(snapshot) if keep else None,
            snapshot_seq=snapshot.last_seq if keep else None,
        )

    def _publish(self, batch: Batch | None) -> None:
        if batch is not None:
            self.tail.add(batch)
            self.hub.wake()
        if self._snapshot.ended:
            self.ended.set()
            if not len(self.hub):
                self.services.on_idle(self)


def _opened(change: Change, session_id: str) -> Iterator[RequestRow]:
    for event in change.events:
        if isinstance(event, RequestConfirmation | RequestUserInput | TaskFailed) and event.request_id is not None:
            yield RequestRow(
                request_id=event.request_id,
                session_id=session_id,
                kind=kind_of(event),
                attempt=event.attempt,
                opened_seq=0 if event.seq is UNSET else event.seq,
            )


def _settled(change: Change) -> Iterator[Settlement]:
    for event in change.events:
        if isinstance(event, RequestResolved):
            yield Settlement(request_id=event.request_id, resolution=encode(event))


def _shows_in_lists(change: Change) -> bool:
    return not LINES.issuperset(map(type, change.events))


async def _no_drafts() -> list[Draft]:
    return []
