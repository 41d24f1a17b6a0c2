"""The session manager: a library without tornado or traitlets in it, to be held by a Jupyter server or a kernel."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import anyio
import msgspec
from msgspec.structs import replace

from hitl_jupyter.engine.actor import HOST, Actor
from hitl_jupyter.engine.background import Background
from hitl_jupyter.engine.catalogue import Catalogue
from hitl_jupyter.engine.deadlines import Deadlines
from hitl_jupyter.engine.feed import Feed, Feeds
from hitl_jupyter.engine.history import page
from hitl_jupyter.engine.hub import Viewer
from hitl_jupyter.engine.leavings import sweep
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.engine.outcomes import content_of, first_outcome, outcome_row, scope_of
from hitl_jupyter.engine.registry import Open, Registry, no_such_session
from hitl_jupyter.engine.results import forget_steps, kept_result, result_path
from hitl_jupyter.engine.retention import Retention
from hitl_jupyter.engine.session import Services
from hitl_jupyter.engine.silence import Vigil
from hitl_jupyter.engine.spools import Spools
from hitl_jupyter.engine.starting import Started, Starter
from hitl_jupyter.engine.starts import Starts
from hitl_jupyter.engine.workers import Workers
from hitl_jupyter.errors import Forbidden, HitlError, StoreHeld, WrongState
from hitl_jupyter.final_output import final_output
from hitl_jupyter.journal.contract import CommandRow, Journal, SessionQuery
from hitl_jupyter.launchers.contract import Launcher
from hitl_jupyter.link.server import listen
from hitl_jupyter.link.spool import folder_of
from hitl_jupyter.protocol import (
    PROTOCOL_VERSION,
    AnswerCommand,
    Cancel,
    DraftInput,
    RequestResolved,
    StartTask,
    Status,
    WorkerEnv,
)
from hitl_jupyter.snapshot import Snapshot
from hitl_jupyter.states import ENDED, LIVE
from hitl_jupyter.summary import SessionChanged, SessionPage, session_info
from hitl_jupyter.version import __version__

__all__ = ["Policy", "SessionManager", "Started"]

SOCKET = "link.sock"
"""The name, in the store, of what workers connect to."""

LISTED_AT_ONCE = 100
"""Sessions a new inbox reads at a time: each is unpacked, and the event loop has others to serve in between."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the host does where a start does not say."""

    default_tasks: tuple[str, ...] = ("hitl_jupyter.demo:long_running_task", "hitl_jupyter.demo:simulate_streaming")
    task_modules: tuple[str, ...] = ()
    worker_env: WorkerEnv = msgspec.field(default_factory=WorkerEnv)
    on_disconnect: Literal["keep", "cancel"] = "keep"
    on_shutdown: Literal["keep", "cancel"] = "keep"


class _Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    status: Status


class SessionManager:
    """All sessions of a host. Open it with ``async with``, in a task that lives as long as it.

    Parameters
    ----------
    journal : Journal
        Where everything durable goes; opened and closed by the manager.
    launcher : Launcher
        What starts workers.
    store : Path
        Folder of the link's socket, start files and results; private to this user.
    limits, policy : Limits, Policy
        What is allowed, and what is done by default.
    clock : callable
        The wall clock, in epoch seconds: deadlines are moments of it, and the host's events are stamped by it.
    """

    def __init__(
        self,
        journal: Journal,
        launcher: Launcher,
        store: Path,
        limits: Limits | None = None,
        policy: Policy | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.journal = journal
        self.limits = limits or Limits()
        self.policy = policy or Policy()
        self._launcher = launcher
        self._store = store
        self._starts = Starts(store / "starts")
        self._results = store / "results"
        self._spools = Spools(folder_of(store / SOCKET))
        self._clock = clock
        self._deadlines = Deadlines(clock)
        self._feeds = Feeds()
        self._registry = Registry(self._feeds, self.policy.on_disconnect)
        self._rev = 0
        self._exit = AsyncExitStack()

    # -- opening and closing -----------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseExceptionGroup as group:  # the task group's; whoever opens the host wants to know what it was
            if len(group.exceptions) == 1 and isinstance(group.exceptions[0], HitlError):
                raise group.exceptions[0] from None
            raise
        return self

    async def _open(self) -> None:
        for folder in (self._store, self._results):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.journal)
            self._rev = self._feeds.rev = self.journal.last_rev
            group = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(group.cancel_scope.cancel)
            self._tasks = Background(group)
            socket = self._store / SOCKET
            self._workers = Workers(self._launcher, socket, self.limits, self._tasks)
            self._catalogue = Catalogue(self._workers, self.policy.worker_env, self.policy.task_modules, self.limits)
            self._retention = Retention(self.journal, self.limits, self._tasks, self._clock, self._expire)
            self._registry.services = self._services()
            self._starter = Starter(self._registry, self._catalogue, self.policy.default_tasks, self._launcher.name)
            self._tasks.start_soon(self._deadlines.keep)
            await self._registry.reopen()
            self._retention.start()
            awaited = {row.launch_id for row in await self.journal.launches_of(tuple(LIVE)) if not row.ended}
            await self._spools.sweep(self.journal, awaited)
            live = [opened.session.session_id for opened in self._registry]
            await sweep(self.journal, self._starts, self._results, live)
            await stack.enter_async_context(listen(socket, self._workers.on_peer))
            self._tasks.start_soon(Vigil(self._workers, self.limits.silence_seconds).keep)
            stack.push_async_callback(self._close)
            self._exit = stack.pop_all()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.aclose()

    def _services(self) -> Services:
        return Services(
            journal=self.journal,
            workers=self._workers,
            starts=self._starts,
            results=self._results,
            spools=self._spools,
            limits=self.limits,
            tasks=self._tasks,
            deadlines=self._deadlines,
            clock=self._clock,
            next_rev=self._next_rev,
            on_change=self._registry.on_change,
            on_idle=self._registry.on_idle,
            on_kept=self._retention.on_kept,
        )

    async def lost(self) -> StoreHeld:
        """Wait until another host has taken the journal; the refusal that says which. Close the manager then."""
        return await self.journal.lost()

    async def _close(self) -> None:
        if not isinstance(self.journal.trouble, StoreHeld):  # else the sessions are another host's to end
            await self._shut_down_all()
        for opened in self._registry:
            opened.session.hub.close()
        self._feeds.close()
        await self._workers.close()

    async def _shut_down_all(self) -> None:
        with anyio.move_on_after(self.limits.cancel_seconds + self.limits.terminate_seconds + 2, shield=True):
            async with anyio.create_task_group() as group:
                for opened in self._registry:
                    group.start_soon(self._shut_down, opened)

    async def _shut_down(self, opened: Open) -> None:
        if (await opened.attempts.policy("on_shutdown") or self.policy.on_shutdown) == "cancel":
            await opened.session.insist(partial(opened.attempts.cancel, HOST, force=False, reason="shutdown"))
            await opened.session.ended.wait()

    # -- people's commands -------------------------------------------------------------------------------------------

    async def start(self, start: StartTask, actor: Actor) -> Started:
        """Start a task, or find the session that its key names.

        Raises
        ------
        LimitReached, KeyConflict, NotFound, InvalidValues, TooLarge, StoreUnavailable, StoreFull
            Nothing was started.
        """
        return await self._starter.start(start, actor)

    async def answer(
        self, session_id: str, command: AnswerCommand, actor: Actor, viewer: Viewer | None = None
    ) -> RequestResolved:
        """Settle a request of a session; see :class:`~hitl_jupyter.errors.HitlError`'s children for the refusals."""
        opened = await self._concerning(session_id, command.request_id, actor)
        return await opened.requests.answer(command, actor, viewer)

    async def save_draft(self, session_id: str, draft: DraftInput, actor: Actor) -> None:
        """Keep a half-typed answer."""
        opened = await self._concerning(session_id, draft.request_id, actor)
        await opened.requests.save_draft(draft, actor)

    async def cancel(
        self,
        session_id: str,
        actor: Actor,
        *,
        force: bool = False,
        idempotency_key: str | None = None,
        reason: str = "user",
        detail: str | None = None,
    ) -> Status:
        """End a session; the status it has now, or had when this key came first. To cancel again changes nothing."""
        opened = await self._get(session_id, actor)
        if not opened.session.owned_by(actor):
            raise Forbidden("Only the session's owner may cancel it. Answer what you are asked, or ask the owner.")
        scope, content = scope_of(session_id, actor), content_of(Cancel(force=force))
        if (before := await first_outcome(self.journal, scope, idempotency_key, [content])) is not None:
            return msgspec.json.decode(before, type=_Cancelled).status

        def kept(status: Status) -> CommandRow | None:
            return outcome_row(scope, idempotency_key, content, _Cancelled(status=status), self._clock())

        return await opened.attempts.cancel(actor, force=force, reason=reason, detail=detail, kept=kept)

    async def pass_deadlines(self) -> None:
        """Have the deadlines pass that the clock has come to: for a clock that was moved."""
        await self._registry.pass_deadlines()

    async def forget(self, session_id: str, actor: Actor) -> None:
        """Delete an ended session with all that is kept of it."""
        opened = await self._get(session_id, actor)
        snapshot = opened.session.snapshot
        if not snapshot.ended:
            raise WrongState(f"The session is {snapshot.status}. Cancel it first.", status=snapshot.status)
        await self._forget(opened)

    async def _expire(self, session_id: str) -> None:
        if (opened := await self._registry.find(session_id)) is not None:
            await self._forget(opened)

    async def _forget(self, opened: Open) -> None:
        session_id, snapshot = opened.session.session_id, opened.session.snapshot
        rev = self._next_rev()
        await self.journal.forget(session_id, rev)
        self._starts.forget(session_id)
        for attempt in range(1, snapshot.attempt + 1):
            result_path(self._results, session_id, attempt).unlink(missing_ok=True)
        await forget_steps(self._results, snapshot)
        self._registry.drop(session_id)
        opened.session.hub.close()
        self._feeds.put(session_id, rev, opened.session.audience, lambda: None)

    # -- looking -----------------------------------------------------------------------------------------------------

    async def info(self, session_id: str, actor: Actor) -> dict[str, Any]:
        """What ``session-info`` replies."""
        session = (await self._get(session_id, actor)).session
        return session_info(
            session.summary(), is_connected=len(session.hub) > 0, task_exists=not session.snapshot.ended
        )

    async def snapshot(self, session_id: str, actor: Actor) -> Snapshot:
        """The fold of the session's events so far."""
        return (await self._get(session_id, actor)).session.snapshot

    async def output(self, session_id: str, actor: Actor) -> dict[str, Any]:
        """What stands in the session's cell, now that it has ended."""
        snapshot = await self.snapshot(session_id, actor)
        if not snapshot.ended:
            raise WrongState(f"The session is {snapshot.status}. Ask again when it has ended.", status=snapshot.status)
        return final_output(snapshot)

    async def list(self, query: SessionQuery, actor: Actor) -> SessionPage:
        """A page of this owner's sessions, newest first."""
        if query.owner not in (None, actor.owner):  # another's sessions look like absent ones
            return SessionPage(sessions=[], cursor=None)
        rows = await self.journal.sessions(replace(query, owner=actor.owner, limit=query.limit + 1))
        page, more = rows[: query.limit], len(rows) > query.limit
        cursor = f"{page[-1].created_at!r},{page[-1].session_id}" if more else None
        return SessionPage(sessions=[self._registry.summary(row) for row in page], cursor=cursor)

    async def events(
        self, session_id: str, actor: Actor, *, after: int = 0, before: int | None = None, limit: int = 1000
    ) -> bytes:
        """A JSON array of up to ``limit`` events after ``after``; or, with only ``before``, the last ones before it.

        What retention took is left out: the numbers of its neighbours tell.
        """
        await self._get(session_id, actor)
        return await page(self.journal, session_id, after, before, limit)

    async def result_path(self, session_id: str, actor: Actor) -> Path:
        """Where the pickle of the session's result is; the host never opens it."""
        return await kept_result(self._results, (await self._get(session_id, actor)).session.snapshot)

    async def link(self, launch: str, actor: Actor) -> Path:
        """The socket to which a kernel's connection is passed on, for a launch of a session of this actor's."""
        await self._registry.get_of_kernel(launch, actor)
        return self._store / SOCKET

    async def watch(
        self, session_id: str, actor: Actor, *, after: int = 0, epoch: int | None = None, tail: int | None = None
    ) -> Viewer:
        """A new viewer of a session."""
        return (await self._get(session_id, actor)).session.watch(actor, after=after, epoch=epoch, tail=tail)

    def feed(self, actor: Actor, *, after: int = 0, ended: int | None = None) -> Feed:
        """A new inbox of the sessions that this actor may see.

        At first it lists those whose ``rev`` is over ``after``: the live ones, and the newest ``ended`` of the others.
        """
        return Feed(self._feeds, actor, partial(self._listed, actor, sys.maxsize if ended is None else ended), after)

    async def _listed(self, actor: Actor, left: int) -> AsyncIterator[Sequence[SessionChanged]]:
        yield self._registry.listed_live(actor)
        query = SessionQuery(owner=actor.owner, statuses=tuple(ENDED))
        while rows := await self.journal.sessions(replace(query, limit=min(left, LISTED_AT_ONCE))):
            yield [self._registry.listed(row) for row in rows]
            left -= len(rows)
            query = replace(query, cursor=(rows[-1].created_at, rows[-1].session_id))

    async def tasks(self) -> dict[str, Sequence[dict[str, Any]]]:
        """The registered tasks, each with the form of its parameters, and the modules that could not be imported."""
        listing = await self._catalogue.listing()
        return {"tasks": listing.tasks, "problems": listing.problems}

    def sessions_in_memory(self) -> int:
        """How many sessions are held in memory: the live ones, those watched, and a few that were read lately."""
        return sum(1 for _ in self._registry)

    def activity(self) -> dict[str, int]:
        """How many sessions compute, and how many wait for a person."""
        statuses = [session.status for session in self._registry.live()]
        waiting = statuses.count("waiting")
        return {"running": len(statuses) - waiting, "waiting": waiting}

    def health(self) -> dict[str, Any]:
        """How the host is, what it allows, and which versions it speaks."""
        live = self._registry.live()
        trouble = self.journal.trouble
        return {
            "status": "ok" if trouble is None else "degraded",
            "reasons": [] if trouble is None else [trouble.to_json()],
            "version": __version__,
            "protocol": PROTOCOL_VERSION,
            "epoch": self.journal.epoch,
            "live_sessions": len(live),
            "sessions_in_memory": self.sessions_in_memory(),
            "waiting_sessions": sum(session.status == "waiting" for session in live),
            "viewers": sum(len(opened.session.hub) for opened in self._registry),
            "workers": self._workers.count,
            "limits": msgspec.to_builtins(self.limits),
        }

    async def _concerning(self, session_id: str, request_id: str | None, actor: Actor) -> Open:
        """The session, for who may see it, or was asked this request of it: that one's fate is theirs to learn."""
        opened = await self._registry.find(session_id)
        if opened is None or not (
            opened.session.visible_to(actor) or await opened.requests.was_asked(actor, request_id)
        ):
            raise no_such_session()
        return opened

    async def _get(self, session_id: str, actor: Actor) -> Open:
        return await self._registry.get(session_id, actor)

    def _next_rev(self) -> int:
        self._rev += 1
        return self._rev
