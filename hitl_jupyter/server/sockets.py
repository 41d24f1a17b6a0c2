"""The WebSocket routes: one session's events, and the feed of all sessions.

What a client sends never breaks its socket. Anything that can be read as a message is answered, with an ``error``
message where it is refused. What cannot be read at all ends in a close frame with a code: 1002 where the frames
themselves are broken, 1009 where one is too large, and 4000 + the HTTP status where we refuse to go on: 4400 (the query
is malformed), 4404 (the session was forgotten, or is not theirs to see any more), 4408 (the client took nothing for
``stalled_seconds``: it may connect again, with the ``after`` it has come to), 4503 (the store is away). 1001 says that
the server is stopping.

What waits for a client that does not read is bounded: one frame, and what is read ahead for it. The rest stays in the
journal until it asks. A client that is gone for good cannot be told its code; its connection ends a few seconds later.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from msgspec import UNSET, Struct
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.engine.hub import Viewer
from hitl_jupyter.engine.manager import SessionManager
from hitl_jupyter.errors import HitlError, Malformed, NotFound, TooLarge
from hitl_jupyter.protocol import (
    BATCH_SUBPROTOCOL,
    AnswerCommand,
    Cancel,
    Command,
    ErrorMessage,
    UserInput,
    decode_command,
    encode,
    split_batch,
)
from hitl_jupyter.server.access import ANSWERS, SESSIONS, ws_allowed
from hitl_jupyter.server.frames import FrameProtocol
from hitl_jupyter.server.handler import INTERNAL
from hitl_jupyter.server.upgraded import GOING_AWAY, REFUSED, TOO_SLOW, Upgraded

MAX_TAIL = 100_000
COMMANDS_WAITING = 32
COMMANDS_BYTES = 1024 * 1024
"""Messages of one socket, and bytes of them, that may wait for their turn; no more are read from the network before."""

FORMS_CHECKED_AT_ONCE = 4
"""Forms of one socket that its worker may be checking while further messages are read."""

ACTIVITY_SETTING = "hitl_jupyter_last_activity"


class Place(Struct, frozen=True, kw_only=True):
    """Where a viewer begins: after what it has already, or with so much of the end."""

    after: int = 0
    epoch: int | None = None
    tail: int | None = None


class Frames(Protocol):
    """What viewers and feeds are: JSON arrays of messages, as they come."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Socket(Upgraded):
    """A socket that sends frames, as batches or message by message, and carries out what the client says, in order."""

    _frames: Frames
    _tasks: TaskGroup
    _sending: MemoryObjectSendStream[str | bytes]
    _receiving: MemoryObjectReceiveStream[str | bytes]
    _batches = False
    _checking = 0
    _queued = 0
    _taken: anyio.Event
    _viewed = ""

    async def carry_out(self, command: Command) -> None:
        """Do what one message of the client asks; raises a :class:`HitlError` to refuse it."""
        raise NotImplementedError

    async def converse(self, frames: Frames) -> None:
        """Upgrade the connection, then send and listen until either side ends it."""
        self._frames = frames
        self._taken = anyio.Event()
        self._sending, self._receiving = anyio.create_memory_object_stream[str | bytes](COMMANDS_WAITING)
        async with self._sending, self._receiving, anyio.create_task_group() as self._tasks:
            try:
                await WebSocketHandler.get(self)
            finally:
                self._queued = 0
                self._taken.set()  # who waits for room reads no more
            self._tasks.cancel_scope.cancel()

    # -- what tornado calls

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Batches, if the client offers to take them."""
        self._batches = BATCH_SUBPROTOCOL in subprotocols
        return BATCH_SUBPROTOCOL if self._batches else None

    def open(self, *args: str, **kwargs: str) -> None:
        """Begin to send and to listen."""
        super().open(*args, **kwargs)  # starts the pings, by which dead peers are found
        self.set_nodelay(True)
        assert isinstance(self.ws_connection, FrameProtocol)
        self.ws_connection.too_big = self._text(_refusal(self._viewed, self._too_large()))
        self._tasks.start_soon(self._send)
        self._tasks.start_soon(self._listen)

    async def on_message(self, message: str | bytes) -> None:
        """Queue a message. Where many wait already this waits too, and so does the client."""
        self._queued += len(message)
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._sending.send(message)
            while self._queued > COMMANDS_BYTES:
                self._taken = anyio.Event()
                await self._taken.wait()

    # -- sending

    async def _send(self) -> None:
        try:
            async for frame in self._frames:
                await self._write(frame)
        except (WebSocketClosedError, StreamClosedError):  # the second where the network ended it, in mid-frame
            return
        except TimeoutError:
            self.close(TOO_SLOW, "Nothing was taken for too long. Connect again with ?after=.")
        except HitlError as error:
            await self._refuse(error)
        except Exception:
            self.log.exception("hitl_jupyter: a viewer's socket failed")
            await self._refuse(HitlError(INTERNAL))
        else:
            await self._end()

    async def _write(self, frame: bytes) -> None:
        if not isinstance(self.ws_connection, FrameProtocol):
            raise WebSocketClosedError
        messages = [frame] if self._batches else split_batch(frame)
        await self.ws_connection.send_texts(messages, self.host.limits.stalled_seconds)

    async def _end(self) -> None:
        """There is nothing more to send: the server stops, or the session is no more, or not theirs to see."""
        if (failure := self.host.failure) is not None:
            await self._refuse(failure)
        elif self.host.current is None:
            self.close(GOING_AWAY, "The server is stopping.")
        else:
            await self._refuse(NotFound("The session was forgotten, or is not yours to see any more."))

    async def _refuse(self, error: HitlError) -> None:
        await self._say(_refusal(self._viewed, error))
        self.close(REFUSED + error.status_hint, error.code)

    async def _say(self, message: ErrorMessage) -> None:
        if isinstance(self.ws_connection, FrameProtocol):
            with suppress(WebSocketClosedError, OSError):
                await self.ws_connection.write_texts([self._text(message)])

    def _text(self, message: ErrorMessage) -> bytes:
        return encode([message] if self._batches else message)

    # -- listening

    async def _listen(self) -> None:
        async for message in self._receiving:
            await self._hear(message)
            self._queued -= len(message)
            self._taken.set()

    async def _hear(self, message: str | bytes) -> None:
        try:
            command = decode_command(message)
        except HitlError as error:
            await self._say(_refusal(self._viewed, error))
            return
        if isinstance(command, UserInput) and self._checking < FORMS_CHECKED_AT_ONCE:
            self._checking += 1
            self._tasks.start_soon(self._check, command)  # by its worker: a cancel must not wait for that
        else:
            await self._handle(command)

    async def _check(self, command: UserInput) -> None:
        try:
            await self._handle(command)
        finally:
            self._checking -= 1

    async def _handle(self, command: Command) -> None:
        self.settings[ACTIVITY_SETTING] = datetime.now(UTC)
        try:
            await self.carry_out(command)
        except HitlError as error:
            await self._say(_refusal(self._viewed, error, command))
        except Exception:
            self.log.exception("hitl_jupyter: a message failed")
            await self._say(_refusal(self._viewed, HitlError(INTERNAL), command))

    def _too_large(self) -> TooLarge:
        allowed = self.max_message_size
        return TooLarge(
            f"A message over the limit max_body_bytes = {allowed} is not taken. Connect again and send less.",
            limit="max_body_bytes",
            allowed=allowed,
        )


class SessionSocket(Socket):
    """One session: its history, then what happens, and commands the other way."""

    _manager: SessionManager
    _actor: Actor
    _viewer: Viewer

    @ws_allowed(("execute", SESSIONS))
    async def get(self, session_id: str) -> None:
        """Replay after ``after`` (of ``epoch``), or a snapshot and the last ``tail`` events; then live."""
        self._viewed = self.session_id(session_id)
        self._actor, self._manager = await self.actor(), await self.manager()
        try:
            place = self._place()
        except Malformed as error:
            await self.converse(_Refusing(error))
            return
        viewer = await self._manager.watch(
            self._viewed, self._actor, after=place.after, epoch=place.epoch, tail=place.tail
        )
        async with viewer as self._viewer:
            await self.converse(viewer)

    def _place(self) -> Place:
        tail = self.count("tail")
        return Place(
            after=self.count("after", 0) or 0,
            epoch=self.count("epoch"),
            tail=None if tail is None else min(tail, MAX_TAIL),
        )

    async def carry_out(self, command: Command) -> None:
        if isinstance(command, Cancel):
            await self.check_authorized("write", SESSIONS)
            key = command.idempotency_key
            await self._manager.cancel(self._viewed, self._actor, force=command.force, idempotency_key=key)
            return
        await self.check_authorized("write", ANSWERS)
        if isinstance(command, AnswerCommand):
            await self._manager.answer(self._viewed, command, self._actor, self._viewer)
        else:
            await self._manager.save_draft(self._viewed, command, self._actor)


class FeedSocket(Socket):
    """The caller's sessions: all at first, then each as it changes."""

    @ws_allowed(("execute", SESSIONS))
    async def get(self) -> None:
        """``session {summary, rev}`` messages, those after ``after`` only, until ``sessions_listed``; then live ones.

        At first, of the sessions that have ended, the newest ``ended``.
        """
        actor, manager = await self.actor(), await self.manager()
        try:
            after, ended = self.count("after", 0) or 0, self.count("ended")
        except Malformed as error:
            await self.converse(_Refusing(error))
            return
        async with manager.feed(actor, after=after, ended=ended) as feed:
            await self.converse(feed)

    async def carry_out(self, command: Command) -> None:
        raise Malformed("The feed takes no messages. Send them on the session's own socket.")


class _Refusing:
    """Frames that are a refusal: for what can only be said once the socket is open."""

    def __init__(self, error: HitlError) -> None:
        self._error = error

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise self._error


def _refusal(session_id: str, error: HitlError, command: Command | None = None) -> ErrorMessage:
    details = dict(error.details)
    request_id = details.pop("request_id", None) or getattr(command, "request_id", None)
    return ErrorMessage(
        session_id=session_id,
        code=error.code if type(error) is not HitlError else "internal",
        message=error.message,
        request_id=request_id or UNSET,
        idempotency_key=(command.idempotency_key if command is not None else None) or UNSET,
        errors=details.pop("errors", UNSET),
        details=details or UNSET,
    )
