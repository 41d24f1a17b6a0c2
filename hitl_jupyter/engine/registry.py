"""The sessions in memory: live ones always, ended ones while somebody looks."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import anyio
import msgspec

from hitl_jupyter.engine.actor import HOST, Actor
from hitl_jupyter.engine.attempts import Attempts
from hitl_jupyter.engine.feed import Feeds
from hitl_jupyter.engine.kernels import KernelAttempts
from hitl_jupyter.engine.requests import Requests
from hitl_jupyter.engine.session import Services, Session
from hitl_jupyter.engine.spools import gone
from hitl_jupyter.engine.tail import join_batches
from hitl_jupyter.errors import NotFound
from hitl_jupyter.journal.contract import REFUSALS, LaunchRow, SessionQuery, SessionRow
from hitl_jupyter.kernel_launch import KERNEL, KernelLaunch, session_of
from hitl_jupyter.protocol import TaskFailed, decode_events
from hitl_jupyter.snapshot import Snapshot, fold
from hitl_jupyter.states import LIVE
from hitl_jupyter.summary import SessionChanged, Summary, summarize

READ_BYTES = 8 * 1024 * 1024
"""Bytes of events read from the journal at a time (one batch at least)."""

KEPT_ENDED = 32
"""Ended sessions that nobody watches and that stay in memory, for whoever reads several things of them in a row."""

DISCONNECT_GRACE_SECONDS = 10.0
"""How long the last viewer may be away before ``on_disconnect="cancel"`` ends the session: a reload is no leaving."""

_snapshot_decoder = msgspec.json.Decoder(Snapshot)


@dataclass(frozen=True)
class Open:
    """A session in memory, and its two sides."""

    session: Session
    attempts: Attempts
    requests: Requests


class Registry:
    """Finds a session by its id, in memory or in the journal."""

    def __init__(self, feeds: Feeds, on_disconnect: Literal["keep", "cancel"]) -> None:
        self.services: Services
        self._feeds = feeds
        self._on_disconnect = on_disconnect
        self._open: dict[str, Open] = {}
        self._loading = anyio.Lock(fast_acquire=True)

    def __iter__(self) -> Iterator[Open]:
        return iter(list(self._open.values()))

    async def pass_deadlines(self) -> None:
        """Have the deadlines pass that the clock has come to."""
        for opened in self:
            await opened.requests.pass_due()

    def live(self) -> list[Session]:
        """The sessions that have not ended."""
        return [opened.session for opened in self if not opened.session.snapshot.ended]

    def busy(self) -> int:
        """How many of them hold a process, or are going to."""
        return sum(1 for opened in self if not opened.session.snapshot.ended and not opened.attempts.suspended)

    async def get(self, session_id: str, actor: Actor) -> Open:
        """The session, if there is one that this actor may see; else ``NotFound``."""
        opened = await self.find(session_id)
        if opened is None or not opened.session.visible_to(actor):
            raise no_such_session()
        return opened

    async def get_of_kernel(self, launch: str, actor: Actor) -> Open:
        """The session that a kernel's launch is of, if it is this actor's own; else ``NotFound``."""
        session_id = session_of(launch)
        opened = None if session_id is None else await self.get(session_id, actor)
        if opened is None or not isinstance(opened.attempts, KernelAttempts) or not opened.session.owned_by(actor):
            raise no_such_session()
        return opened

    async def find(self, session_id: str) -> Open | None:
        """The session, whoever asks."""
        opened = self._open.get(session_id)
        if opened is None:
            async with self._loading:
                opened = self._open.get(session_id)
                if opened is None and (row := await self.services.journal.session(session_id)) is not None:
                    self._make_room()
                    opened = await self.load(row)
        return opened

    async def load(self, row: SessionRow) -> Open:
        """Take a session from the journal into memory."""
        snapshot = await self._snapshot(row)
        facts = snapshot.session
        return self.attach(snapshot, row.rev, in_kernel=facts is not None and facts.launcher == KERNEL)

    def attach(
        self, snapshot: Snapshot, rev: int = 0, *, in_kernel: bool = False, kernel: KernelLaunch | None = None
    ) -> Open:
        """Hold a session in memory from here on; ``kernel`` is what a new one that runs in a kernel is started with."""
        session = Session(self.services, snapshot, rev)
        attempts = KernelAttempts(session, kernel) if in_kernel or kernel is not None else Attempts(session)
        opened = Open(session, attempts, Requests(session, attempts))
        self._open[snapshot.session_id] = opened
        return opened

    def _make_room(self) -> None:
        ended = [o.session for o in self if o.session.snapshot.ended and not len(o.session.hub)]
        for session in ended[: max(0, len(ended) - KEPT_ENDED)]:
            self.drop(session.session_id)

    def drop(self, session_id: str) -> None:
        """Let go of it."""
        self._open.pop(session_id, None)

    def summary(self, row: SessionRow) -> Summary:
        """A session's line in a list, from memory if it is there."""
        opened = self._open.get(row.session_id)
        return opened.session.summary() if opened else summarize(_snapshot_decoder.decode(row.snapshot))

    def listed(self, row: SessionRow) -> SessionChanged:
        """The same as an inbox is told it."""
        opened = self._open.get(row.session_id)
        rev = opened.session.rev if opened else row.rev
        return SessionChanged(summary=self.summary(row), session_id=row.session_id, rev=rev)

    def listed_live(self, actor: Actor) -> list[SessionChanged]:
        """The sessions that have not ended and that this actor may see, newest first, as an inbox is told them."""
        return [
            SessionChanged(summary=session.summary(), session_id=session.session_id, rev=session.rev)
            for session in reversed(self.live())
            if session.visible_to(actor)
        ]

    async def _snapshot(self, row: SessionRow) -> Snapshot:
        snapshot = _snapshot_decoder.decode(row.snapshot)
        while snapshot.last_seq < row.last_seq:
            end = row.last_seq + 1
            batches = await self.services.journal.events(row.session_id, snapshot.last_seq, end, READ_BYTES)
            if not batches:
                raise NotFound("The session was forgotten.")
            snapshot = fold(decode_events(join_batches(batches, snapshot.last_seq, end)), snapshot)
        return snapshot

    # -- when a host starts ------------------------------------------------------------------------------------------

    async def reopen(self) -> None:
        """Load the live sessions of an earlier host, and find their workers again."""
        journal, live = self.services.journal, tuple(LIVE)
        launches: dict[str, list[LaunchRow]] = {}
        for launch in await journal.launches_of(live):
            launches.setdefault(launch.session_id, []).append(launch)
        for row in reversed(await journal.sessions(SessionQuery(statuses=live, limit=sys.maxsize))):
            await self._find_worker(await self.load(row), launches.get(row.session_id, []))

    async def _find_worker(self, opened: Open, launches: Sequence[LaunchRow]) -> None:
        session = opened.session
        if session.status == "cancelling":
            await opened.attempts.recall_cancel()
        current = [row for row in launches if not row.ended and row.attempt == session.snapshot.attempt]
        if current:
            await self._go_on(opened, current[-1])
        elif session.status == "queued":
            await opened.attempts.reopened()
            self.services.tasks.start_soon(opened.attempts.begin)
        elif session.status == "cancelling":
            await _now_or_later(opened, partial(opened.attempts.lose, "It was being cancelled when the host stopped."))
        elif (row := _latest_durable(launches, session.snapshot)) is not None:
            opened.attempts.wake(row)
        else:
            await opened.attempts.reopened()

    async def _go_on(self, opened: Open, launch: LaunchRow) -> None:
        worker = await opened.attempts.adopt(launch)
        if worker is not None:
            opened.attempts.resume(worker, launch)
            return
        bury = partial(opened.attempts.bury, gone(launch), launch)
        if opened.session.status == "cancelling":  # that ends when nothing of it lives, and others are not to wait
            self.services.tasks.start_soon(opened.session.insist, bury)
        else:
            await _now_or_later(opened, bury)

    # -- what sessions tell ------------------------------------------------------------------------------------------

    def on_change(self, session: Session) -> None:
        """A session changed: tell the inboxes."""
        self._feeds.put(session.session_id, session.rev, session.audience, session.summary)

    def on_idle(self, session: Session) -> None:
        """Nobody watches a session: an ended one leaves memory; a live one ends, where that was wished."""
        opened = self._open.get(session.session_id)
        if opened is None or opened.session is not session:
            return
        if session.snapshot.ended:
            self.drop(session.session_id)
        elif not session.hub.closed:
            self.services.tasks.start_soon(self._cancel_if_left, opened)

    async def _cancel_if_left(self, opened: Open) -> None:
        hub = opened.session.hub
        arrivals = hub.arrivals
        wished = await opened.attempts.policy("on_disconnect") or self._on_disconnect
        if wished == "keep":
            return
        # A page rests the connections of what nobody looks at; its inbox tells that it is open all the same.
        is_settled = False
        while not is_settled:
            await anyio.sleep(DISCONNECT_GRACE_SECONDS)
            is_settled = hub.arrivals != arrivals or not await self._feeds.without(lambda: opened.session.audience)
        if hub.arrivals == arrivals and not hub.closed:
            await opened.session.insist(partial(opened.attempts.cancel, HOST, force=False, reason="disconnect"))


async def _now_or_later(opened: Open, step: Callable[[], Awaitable[object]]) -> None:
    """Carry out what has to be written; a journal that refuses it for now does not keep the host from starting."""
    try:
        await step()
    except REFUSALS:
        opened.session.services.tasks.start_soon(opened.session.insist, step)


def _latest_durable(launches: Sequence[LaunchRow], snapshot: Snapshot) -> LaunchRow | None:
    """The last process of a durable attempt that is not over."""
    over = any(isinstance(request, TaskFailed) and request.ends_attempt for request in snapshot.open_requests)
    rows = [row for row in launches if row.attempt == snapshot.attempt and row.suspend_after is not None]
    return rows[-1] if rows and not over else None


def no_such_session() -> NotFound:
    """The one refusal for a session that is absent, and for one that is somebody else's."""
    return NotFound("There is no such session. List yours with GET sessions, or hitl.sessions().")
