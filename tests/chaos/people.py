"""Clients of a session manager in this process: each command and each event they see goes into the history."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import msgspec

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.errors import HitlError
from hitl_jupyter.protocol import AnswerCommand, StartTask, decode_command, encode, split_batch
from tests.chaos.evidence import Record
from tests.chaos.history import History, Reader, Refused, What
from tests.chaos.ledger import Line


class Person:
    """Somebody at a tab. A refusal is told by the reply, and raises nothing.

    Parameters
    ----------
    manager : SessionManager
        Whose sessions.
    history : History
        Where it is written down.
    actor : Actor
        As whom.
    """

    def __init__(self, manager: SessionManager, history: History, actor: Actor) -> None:
        self.manager = manager
        self.history = history
        self.actor = actor

    async def start(self, start: StartTask) -> dict[str, Any]:
        """Start a task."""
        asked = {"title": start.title, "idempotency_key": start.idempotency_key}
        with self._asking("start", None, asked) as reply:
            reply.update(msgspec.to_builtins(await self.manager.start(start, self.actor)))
        return reply

    async def answer(self, session_id: str, **command: Any) -> dict[str, Any]:
        """Send one answer, as it would come from a socket."""
        decoded = decode_command(msgspec.json.encode(command))
        assert isinstance(decoded, AnswerCommand)
        with self._asking("answer", session_id, command) as reply:
            reply.update(msgspec.to_builtins(await self.manager.answer(session_id, decoded, self.actor)))
        return reply

    async def cancel(self, session_id: str, *, force: bool = False) -> dict[str, Any]:
        """End a session."""
        with self._asking("cancel", session_id, {"force": force}) as reply:
            reply["status"] = await self.manager.cancel(session_id, self.actor, force=force)
        return reply

    async def watch(self, session_id: str, reader: Reader, to: float = math.inf) -> None:
        """See what there is to see, from where the reader is, up to a number, or until the manager closes."""
        reader.connected()
        epoch = reader.epoch or None
        viewing = await self.manager.watch(session_id, self.actor, after=reader.last, epoch=epoch)
        async with viewing as viewer:
            async for frame in viewer:
                reader.take(split_batch(frame))
                if reader.last >= to:
                    return

    @contextlib.contextmanager
    def _asking(self, what: What, session_id: str | None, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        reply: dict[str, Any] = {}
        with contextlib.suppress(Refused), self.history.asking(self.actor.by or "", what, session_id, **asked) as told:
            try:
                yield reply
            except HitlError as error:
                reply.update(error.to_json())
                raise Refused(reply) from error
            told.update(reply)


async def record_of(manager: SessionManager, session_id: str, actor: Actor, ledger: list[Line]) -> Record:
    """What is kept of a session, as anybody could read it."""
    journal = await manager.events(session_id, actor, limit=1_000_000)
    snapshot = await manager.snapshot(session_id, actor)
    return Record(session_id, journal, encode(snapshot), ledger)
