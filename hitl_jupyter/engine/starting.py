"""Starting: which session a start gives, by its key, its idempotency key, or anew."""

from __future__ import annotations

import random
import time
import uuid

import anyio
import msgspec
from msgspec.structs import replace

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.catalogue import Catalogue
from hitl_jupyter.engine.kernels import check_kernel_start
from hitl_jupyter.engine.limits import StartRate, check_answer, check_count
from hitl_jupyter.engine.outcomes import digest, first_outcome, outcome_row
from hitl_jupyter.engine.registry import Registry
from hitl_jupyter.engine.starts import fingerprint
from hitl_jupyter.errors import KeyConflict, Malformed
from hitl_jupyter.journal.contract import CommandRow, SessionRow, Write
from hitl_jupyter.kernel_launch import KERNEL
from hitl_jupyter.protocol import SessionFacts, StartTask
from hitl_jupyter.snapshot import Snapshot
from hitl_jupyter.states import LIVE


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """The session that a start gave; ``created`` is false when an existing one was found by its key."""

    session_id: str
    created: bool = False


_started_decoder = msgspec.json.Decoder(Started)


class Starter:
    """Makes sessions. One start is decided at a time, so that one key starts once."""

    def __init__(self, registry: Registry, catalogue: Catalogue, default_tasks: tuple[str, ...], launcher: str) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self._default_tasks = default_tasks
        self._launcher = launcher
        self._services = registry.services
        self._rate = StartRate(self._services.limits.max_starts_per_minute)
        self._deciding = anyio.Lock(fast_acquire=True)

    async def start(self, start: StartTask, actor: Actor) -> Started:
        """Start a task, or find the session that its key names.

        Raises
        ------
        LimitReached, KeyConflict, NotFound, InvalidValues, TooLarge, StoreUnavailable, StoreFull
            Nothing was started.
        """
        check_answer(start.params, self._services.limits)
        check_kernel_start(start)
        if start.task is None and start.shipped is None and start.kernel is None:
            if not self._default_tasks:
                raise Malformed("Name a task to start: this server has no default tasks.")
            # The digest is taken before: the same start again is the same work, whichever task chance gives it.
            start = replace(start, fingerprint=fingerprint(start), task=random.choice(self._default_tasks))
        content = _content(start)
        async with self._deciding:
            found = await self._started_before(start, content, actor)
            if found is not None:
                return found
            if start.kernel is None:  # that costs no process, and people answer one question after the other
                self._rate.take(actor.owner, time.monotonic())
        if start.shipped is None and start.env is None and start.kernel is None:
            start = await self._catalogue.checked(start)
        async with self._deciding:
            found = await self._started_before(start, content, actor)
            if found is not None:
                return found
            most = self._services.limits.max_live_sessions
            check_count("max_live_sessions", self._registry.busy(), most, "Wait for a session to end, or cancel one.")
            return await self._create(start, content, actor)

    async def _started_before(self, start: StartTask, content: str, actor: Actor) -> Started | None:
        """What the same start came to, or what its key names; from then on that is its outcome."""
        scope, once = _start_scope(actor), start.idempotency_key
        before = await first_outcome(self._services.journal, scope, once, [content])
        if before is not None:
            return _started_decoder.decode(before)
        found = await self._found_by_key(start, actor)
        if found is not None and once is not None:
            command = self._command(start, content, found, actor)
            await self._services.journal.submit(Write(session_id=found.session_id, command=command))
        return found

    async def _found_by_key(self, start: StartTask, actor: Actor) -> Started | None:
        if start.key is None or start.fresh:
            return None
        same_key = await self._services.journal.latest_with_key(actor.owner, _notebook(start), start.key)
        if same_key is None:
            return None
        same_work = same_key.fingerprint == fingerprint(start)
        if same_key.status in LIVE and not same_work:
            raise KeyConflict(
                f"A live session already has the key {start.key!r}, with other code or parameters. "
                "Attach to it, cancel it, or start with fresh=True.",
                session_id=same_key.session_id,
            )
        is_kept = same_key.status == "completed" and start.kernel is None  # a kernel's result ends with the kernel
        if same_work and (same_key.status in LIVE or is_kept):
            return Started(session_id=same_key.session_id, created=False)
        return None

    async def _create(self, start: StartTask, content: str, actor: Actor) -> Started:
        session_id, now = str(uuid.uuid4()), self._services.clock()
        started = Started(session_id=session_id, created=True)
        await self._services.starts.save(session_id, start)
        try:
            opened = self._registry.attach(Snapshot(session_id=session_id), kernel=start.kernel)
            async with opened.session.lock:
                change = opened.session.change()
                change.queue_attempt(_facts(start, actor, self._launcher))
                await opened.session.commit(
                    change,
                    create=self._row(session_id, start, actor, now),
                    command=self._command(start, content, started, actor),
                )
        except BaseException:
            self._registry.drop(session_id)
            self._services.starts.forget(session_id)
            raise
        return started

    def _command(self, start: StartTask, content: str, started: Started, actor: Actor) -> CommandRow | None:
        return outcome_row(_start_scope(actor), start.idempotency_key, content, started, self._services.clock())

    def _row(self, session_id: str, start: StartTask, actor: Actor, now: float) -> SessionRow:
        return SessionRow(
            session_id=session_id,
            owner=actor.owner,
            task=start.task or "shipped",
            status="queued",
            created_at=now,
            rev=self._services.next_rev(),
            last_seq=1,
            snapshot_seq=1,
            snapshot=b"",
            key=start.key,
            notebook=_notebook(start),
            fingerprint=fingerprint(start),
        )


def _notebook(start: StartTask) -> str | None:
    return start.origin.notebook if start.origin else None


def _start_scope(actor: Actor) -> str:
    return f"start:{actor.owner}"


def _content(start: StartTask) -> str:
    """What is started. How it is shown and where it runs may differ in a start that is sent again."""
    return digest((fingerprint(start), start.key, start.fresh))


def _facts(start: StartTask, actor: Actor, launcher: str) -> SessionFacts:
    name = start.task or "task"
    return SessionFacts(
        task=name,
        title=start.title or _title(name),
        owner=actor.owner,
        key=start.key,
        origin=start.origin,
        max_retries=start.max_retries or 0,
        launcher=launcher if start.kernel is None else KERNEL,
    )


def _title(task: str) -> str:
    """A task's name as people write.

    Examples
    --------
    >>> _title("mail:send_PDF")
    'Send PDF'
    """
    words = task.rpartition(":")[2].replace("_", " ")
    return words[:1].upper() + words[1:]
